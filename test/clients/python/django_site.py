"""A Django project in one file, with social-auth-app-django's generic OpenID Connect backend, as its documentation has it.

argv: port, issuer, client id, client secret, folder for the database."""

import sys

import django
from django.conf import settings

port, issuer, client_id, client_secret, folder = sys.argv[1:]
settings.configure(
    DEBUG=True,
    SECRET_KEY="of this test alone",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/db.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "social_django",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    AUTHENTICATION_BACKENDS=[
        "social_core.backends.open_id_connect.OpenIdConnectAuth",
        "django.contrib.auth.backends.ModelBackend",
    ],
    LOGIN_REDIRECT_URL="/",
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT=issuer,
    SOCIAL_AUTH_OIDC_KEY=client_id,
    SOCIAL_AUTH_OIDC_SECRET=client_secret,
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402


def index(request):
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({"username": None})
    social = user.social_auth.get(provider="oidc")
    if "refresh" in request.GET:
        from social_django.utils import load_strategy

        social.refresh_token(load_strategy())
    token = social.extra_data["access_token"]
    return JsonResponse({"username": user.username, "email": user.email, "access_token": token})


urlpatterns = [path("", index), path("", include("social_django.urls", namespace="social"))]
call_command("migrate", verbosity=0)
call_command("runserver", f"127.0.0.1:{port}", "--noreload")
