"""What is typed on the public page about one's data, kept until a worker looks whether anybody has that address.

The page answers before that, so neither its words nor its time say who is known. The address rests sealed under the
install's own key, and only for minutes: the row goes when it was looked at, whether or not anybody was found.
"""

import json
import logging

from django.db import transaction

from customers.exceptions import InvalidContact, Unsealable
from customers.models import PrivacyRequest, TypedRequest
from customers.queries.people import by_contact
from customers.services import rights, seal

log = logging.getLogger(__name__)
AT_ONCE = 100
SHARING = 5  # people who share an address each get a link of their own; more share none that is anybody's


def keep(kind: str, email: str) -> None:
    """One row, whoever it is."""
    sealed = seal.seal_install(json.dumps({"email": email}).encode())
    TypedRequest.objects.create(kind=PrivacyRequest.Kind(kind), sealed=sealed)


def take() -> int:
    """Opens a request for everybody who has a typed address, each row in a transaction; how many. Safe to run twice."""
    opened = 0
    for pk in TypedRequest.objects.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            row = TypedRequest.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if row is None:  # another worker has it
                continue
            opened += _open(row)
            row.delete()
    return opened


def _open(row: TypedRequest) -> int:
    try:
        email = json.loads(seal.open_install(row.sealed))["email"]
        owners = list(by_contact("email", email)[:SHARING])
    except InvalidContact:
        return 0
    except Unsealable as fault:
        log.error("typed request %s does not open and is dropped: %s", row.pk, fault)
        return 0
    for customer in owners:
        point = rights.contact_of(customer, "email", email)
        rights.receive(
            row.kind, customer, via="page", contact_point=point, language=customer.language, at=row.received_at
        )
    return len(owners)
