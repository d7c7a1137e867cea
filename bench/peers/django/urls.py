import json
from datetime import timedelta

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, authenticate, login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.models import AccessToken, Application, RefreshToken
from oauthlib.common import generate_token


@csrf_exempt
def log_in(request):
    given = json.loads(request.body)
    user = authenticate(request, username=given["username"], password=given["password"])
    if user is None:
        return HttpResponse(status=401)
    login(request, user)
    return JsonResponse({"username": user.username})


def session(request):
    """The user with groups and permissions, as Signet's session check answers them."""
    user = request.user
    if not user.is_authenticated:
        return HttpResponse(status=401)
    return JsonResponse(
        {
            "id": user.id,
            "username": user.username,
            "email": user.email,
            "groups": list(user.groups.values_list("name", flat=True)),
            "permissions": sorted(user.get_all_permissions()),
        }
    )


@csrf_exempt
def has_perm(request):
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    perms = json.loads(request.body)["perms"]
    return JsonResponse({"has_perm": request.user.has_perms(perms)})


def seeded(request, kind):
    """What is there before the load begins: no sign-in of people is measured."""
    count = int(request.GET["count"])
    users = list(User.objects.order_by("id")[:count])
    if kind == "sessions":
        return JsonResponse([session_of(user) for user in users], safe=False)
    app = Application.objects.get(client_id=request.GET["client"])
    expires = timezone.now() + timedelta(hours=1)
    access = AccessToken.objects.bulk_create(
        AccessToken(
            user=users[n % len(users)],
            application=app,
            token=generate_token(),
            expires=expires,
            scope=request.GET["scope"],
        )
        for n in range(count)
    )
    if kind == "access-tokens":
        return JsonResponse([one.token for one in access], safe=False)
    refresh = RefreshToken.objects.bulk_create(
        RefreshToken(user=one.user, application=app, token=generate_token(), access_token=one) for one in access
    )
    return JsonResponse([one.token for one in refresh], safe=False)


def session_of(user):
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return store.session_key


urlpatterns = [
    path("login", log_in),
    path("session", session),
    path("has_perm", has_perm),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("bench/<str:kind>", seeded),
]
