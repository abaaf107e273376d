"""Small rows for tests, each with a name that says what it is. Through services where one exists."""

from importlib import import_module
from itertools import count
from pathlib import Path

import numpy as np
from allauth.mfa.totp.internal.auth import TOTP
from django.utils import timezone

from accounts import migrations
from accounts.models import Role, User
from accounts.services import issue_api_key
from catalog.models import Membership, Merchant, Product
from customers.models import Customer
from registry import services as registry
from registry.contracts import Trained


def _roles() -> dict[str, tuple[str, list[str]]]:
    """Slug: (name, capabilities) as the migrations leave them: a test that commits is flushed, and its roles with it."""
    roles = {
        slug: (name, list(names))
        for slug, (name, names) in import_module("accounts.migrations.0002_roles").ROLES.items()
    }
    for file in sorted(Path(migrations.__path__[0]).glob("0*.py")):
        for slug, names in getattr(import_module(f"accounts.migrations.{file.stem}"), "GRANTED", {}).items():
            if slug in roles:  # the merchants' is `member`'s
                roles[slug][1].extend(names)
    return roles


ROLES = _roles()
NEED_SECOND_FACTOR = import_module("accounts.migrations.0004_second_factor").NEED_IT
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # base32, of every authenticator app in the tests
_numbers = count(1)


def staff(role: str, username: str | None = None, *, enrolled: bool = True) -> User:
    """A member of staff with one role, and with an authenticator app where that demands one."""
    name, capabilities = ROLES[role]
    needs = role in NEED_SECOND_FACTOR
    user = User.objects.create_user(username=username or f"{role}-{next(_numbers)}", password="correct horse battery")
    defaults = {"name": name, "capabilities": capabilities, "needs_second_factor": needs}
    user.roles.add(Role.objects.get_or_create(slug=role, defaults=defaults)[0])
    if needs and enrolled:
        enrol(user)
    return user


def enrol(user: User) -> User:
    """As services.enrol_totp, without its entry in the audit trail."""
    TOTP.activate(user, SECRET)
    user.second_factor_at = timezone.now()
    user.save(update_fields=["second_factor_at"])
    return user


def member(of: Merchant | None) -> User:
    """Somebody with the role of a merchant's people, and a membership unless `of` is None."""
    user = User.objects.create_user(username=f"member-{next(_numbers)}", password="correct horse battery")
    merchants = import_module("accounts.migrations.0005_reach")
    granted = [*merchants.CAPABILITIES, *import_module("accounts.migrations.0010_webhook_manage").GRANTED["merchant"]]
    defaults = {"name": merchants.NAME, "capabilities": granted, "is_for_merchants": True}
    user.roles.add(Role.objects.get_or_create(slug="merchant", defaults=defaults)[0])
    if of is not None:
        Membership.objects.create(user=user, merchant=of)
    return User.objects.get(pk=user.pk)


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


def live_recommender(data_until=None):
    """A live version of the recommender that ranks nothing."""
    lease = registry.claim(registry.ask("recommender").pk)
    trained = Trained({}, None, data_until or timezone.now(), 1)
    version = registry.save_version(lease, "recommender", {"x": np.ones(1)}, trained)
    return registry.promote(version.pk, actor=None, reason="first")
