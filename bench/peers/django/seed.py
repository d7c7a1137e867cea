"""Makes the database ready: tables, a group, a thousand users that share a hash, a client. CLIENT_ID and CLIENT_SECRET name it."""

import os

import django
from django.core.management import call_command

django.setup()
call_command("migrate", verbosity=0)

from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import Group, Permission, User  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402

group = Group.objects.create(name="Poll editors")
group.permissions.set(Permission.objects.filter(codename__in=["add_user", "change_user", "view_user"]))
password = make_password(os.environ["USER_PASSWORD"])
users = User.objects.bulk_create(
    User(username=f"u{n}", first_name=f"User {n}", email=f"u{n}@bench.example", password=password)
    for n in range(1, 1001)
)
group.user_set.set(users)
Application.objects.create(
    name="bench",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    # As the other peers keep it: no hash of passwords at every request of a client.
    hash_client_secret=False,
    client_type=Application.CLIENT_CONFIDENTIAL,
    authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    algorithm=Application.RS256_ALGORITHM,
    skip_authorization=True,
)
# Refreshes are of an application that people log in through.
Application.objects.create(
    name="bench of people",
    client_id=os.environ["CLIENT_ID"] + "-people",
    client_secret=os.environ["CLIENT_SECRET"],
    hash_client_secret=False,
    client_type=Application.CLIENT_CONFIDENTIAL,
    authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
    redirect_uris="https://app.example/callback",
    algorithm=Application.RS256_ALGORITHM,
    skip_authorization=True,
)
