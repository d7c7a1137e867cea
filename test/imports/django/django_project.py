"""Real Django, a project of its own: users who log in by e-mail, groups through a table, allauth's addresses.

argv: an empty folder. Writes before.json and after.json into it, as manage.py dumpdata does."""

import pathlib
import sys

import django
from django.conf import settings

folder = pathlib.Path(sys.argv[1])
MODELS = """
from django.contrib.auth.models import AbstractUser, Group
from django.db import models

class Person(AbstractUser):
    email = models.EmailField(unique=True)
    groups = models.ManyToManyField(Group, through="club.Membership", blank=True)
    score = models.FloatField(default=0)
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["username"]

class Membership(models.Model):
    person = models.ForeignKey(Person, models.CASCADE)
    group = models.ForeignKey(Group, models.CASCADE)
    role = models.CharField(max_length=10, default="")
"""
ADDRESSES = """
from django.conf import settings
from django.db import models

class EmailAddress(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    email = models.EmailField()
    verified = models.BooleanField(default=False)
    primary = models.BooleanField(default=False)
"""
for app, models in {"club": MODELS, "account": ADDRESSES}.items():
    (folder / app).mkdir()
    (folder / app / "__init__.py").write_text("")
    (folder / app / "models.py").write_text(models)
sys.path.insert(0, str(folder))
settings.configure(
    SECRET_KEY="of this test alone",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    AUTH_USER_MODEL="club.Person",
    USE_TZ=True,
    PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"],
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "club", "account"],
)
django.setup()

from account.models import EmailAddress  # noqa: E402
from club.models import Membership, Person  # noqa: E402
from django.contrib.auth.models import Group, Permission  # noqa: E402
from django.core.management import call_command  # noqa: E402


def dump(name):
    tables = ["contenttypes.contenttype", "auth.permission", "auth.group", "club", "account"]
    call_command("dumpdata", *tables, "--output", str(folder / name), verbosity=0)


call_command("migrate", run_syncdb=True, verbosity=0)
editors = Group.objects.create(name="می‌نویسند")
editors.permissions.add(Permission.objects.get(codename="add_membership"))
people = [
    Person.objects.create_user(username=f"user{i}", email=f"Müller{i}@club.test", password="correct horse") for i in range(4)
]
people[0].score = float("inf")
for person in people[:2]:
    person.save()
    Membership.objects.create(person=person, group=editors, role="boss")
    EmailAddress.objects.create(user=person, email=person.email.lower(), verified=True, primary=True)
people[2].user_permissions.add(Permission.objects.get(codename="change_person"))
dump("before.json")

people[0].is_active = False
people[0].save()
Membership.objects.filter(person=people[1]).delete()
people[2].is_superuser = True
people[2].user_permissions.clear()
people[2].save()
people[3].delete()
Person.objects.create_user(username="new", email="new@club.test", password="correct horse")
dump("after.json")
