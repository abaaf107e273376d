"""Small rows for tests, each with a name that says what it is. Through services where one exists."""

from importlib import import_module
from itertools import count
from pathlib import Path

from accounts import migrations
from accounts.models import Role, User
from accounts.services import issue_api_key
from catalog.models import Membership, Merchant, Product
from customers.models import Customer


def _roles() -> dict[str, tuple[str, list[str]]]:
    """Slug: (name, capabilities) as the migrations leave them: a test that commits is flushed, and its roles with it."""
    roles = {
        slug: (name, list(names))
        for slug, (name, names) in import_module("accounts.migrations.0002_roles").ROLES.items()
    }
    for file in sorted(Path(migrations.__path__[0]).glob("0*.py")):
        for slug, names in getattr(import_module(f"accounts.migrations.{file.stem}"), "GRANTED", {}).items():
            roles[slug][1].extend(names)
    return roles


ROLES = _roles()
_numbers = count(1)


def staff(role: str, username: str | None = None) -> User:
    """A member of staff with one role."""
    name, capabilities = ROLES[role]
    user = User.objects.create_user(username=username or f"{role}-{next(_numbers)}", password="correct horse battery")
    user.roles.add(Role.objects.get_or_create(slug=role, defaults={"name": name, "capabilities": capabilities})[0])
    return user


def merchant(name: str = "Mill & Co") -> Merchant:
    return Merchant.objects.create(external_id=f"m-{next(_numbers)}", name=name)


def api_key(merchant: Merchant | None, *scopes: str) -> str:
    """The text of a new key that acts for `merchant` (None: for the platform)."""
    user = User.objects.create_user(username=f"service-{next(_numbers)}", is_service=True)
    if merchant is not None:
        Membership.objects.create(user=user, merchant=merchant)
    return issue_api_key(user, "test", scopes, actor=None)[1]


def product(title: str = "Oat biscuits", **fields) -> Product:
    fields.setdefault("external_id", f"p-{next(_numbers)}")
    fields.setdefault("price", "2.50")
    return Product.objects.create(title=title, **fields)


def customer(**fields) -> Customer:
    fields.setdefault("external_id", f"c-{next(_numbers)}")
    return Customer.objects.create(**fields)
