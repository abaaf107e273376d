"""What of a person decides how and when they are written to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from customers.models import Customer
from customers.queries.packs import Pack, pack


@dataclass(frozen=True)
class Person:
    external_id: str
    language: str  # one of the packs' languages
    zone: str  # "": not known
    pack: Pack

    def awake_from(self, at: datetime, channel: str, *, also_email: bool) -> datetime:
        """The first moment from `at` on at which a message of this channel may reach them; `at` itself by day."""
        keeps = channel in self.pack.quiet_channels or (channel == "email" and also_email)
        return self.pack.awake_from(at, self.zone) if keeps else at


def language_of(language: str) -> str:
    """Which of the packs' languages somebody is written to in."""
    return "zh" if language.startswith("zh") else "en"


def people_of(customer_ids: Iterable[int]) -> dict[int, Person]:
    """One query."""
    rows = Customer.objects.filter(pk__in=list(customer_ids))
    return {
        pk: Person(external_id, language_of(language), zone, pack(jurisdiction))
        for pk, external_id, language, zone, jurisdiction in rows.values_list(
            "pk", "external_id", "language", "timezone", "jurisdiction"
        )
    }


def external_id_of(customer_id: int) -> str | None:
    """The platform's own id of somebody who is there; None of nobody, and of who was erased."""
    rows = Customer.objects.filter(pk=customer_id, erased_at=None)
    return rows.values_list("external_id", flat=True).first()
