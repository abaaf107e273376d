"""What proves that everything done with a person was allowed: their records as they are hashed, and the words shown."""

import json
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.services import audit
from customers import ledger
from customers.models import ConsentRecord, Customer, Notice
from customers.queries.consent import consent_summary
from customers.queries.people import records_of
from customers.services import anchors
from customers.services.evidence.pdf import Section

# Enough for every shard of a shop with a million people, and 20 MB of text.
CHAIN_LONGEST = 50_000


class Consent:
    """The consent part of a person's pack. With `chain`, other people's records between theirs are in it too.

    Those hold pseudonyms and no contact data; they are for an authority, not for the person.
    """

    def __init__(self, customer_id: int, *, chain: bool):
        self._customer_id = customer_id
        self._records = records_of(customer_id)  # with those that were merged into this one: their words are theirs too
        self.own = list(ConsentRecord.objects.filter(customer_id__in=self._records).order_by("shard", "seq"))
        self.with_chain = chain
        self.anchor = anchors.newest()

    def rows(self) -> QuerySet[ConsentRecord]:
        """The records of the pack, in the order of their chains; with the chain, from the first own one of each shard on."""
        if not self.with_chain:
            return ConsentRecord.objects.filter(customer_id__in=self._records).order_by("shard", "seq")
        first: dict[int, int] = {}
        for record in self.own:
            first.setdefault(record.shard, record.seq)
        wanted = Q(pk__in=())
        for shard, seq in first.items():
            wanted |= Q(shard=shard, seq__gte=seq, seq__lt=seq + CHAIN_LONGEST)
        return ConsentRecord.objects.filter(wanted).order_by("shard", "seq")

    def files(self) -> dict:
        return {"records.jsonl": self._lines(), "anchor.json": [self.anchor]}

    def _lines(self) -> Iterator[str]:
        for record in self.rows().iterator(chunk_size=2000):
            yield json.dumps(as_hashed(record), ensure_ascii=False) + "\n"

    def facts(self) -> dict:
        return {
            "shards": ledger.SHARDS,
            "state": [
                {"purpose": line.purpose, "channel": line.channel, "action": line.action, "is_given": line.is_given,
                 "since": line.since, "valid_until": line.valid_until, "record": line.record_id}
                for line in consent_summary(self._customer_id)
            ],
            "own_records": len(self.own),
            "with_chain": self.with_chain,
            "notices": self.notices(),
        }  # fmt: skip

    def notices(self) -> dict[str, dict]:
        """Every wording that the pack's records name, whole."""
        versions = set(self.rows().exclude(notice_version="").order_by().values_list("notice_version", flat=True))
        return {
            notice.version: {
                "language": notice.language,
                "text": notice.text,
                "sha256": bytes(notice.sha256).hex(),
                "published_at": notice.created_at,
            }
            for notice in Notice.objects.filter(version__in=versions)
        }

    def sections(self) -> list[Section]:
        records = [
            (f"{r.shard}/{r.seq}", f"{r.recorded_at:%Y-%m-%d %H:%M:%S}", f"{r.purpose}, {r.channel}", r.action,
             f"{r.lawful_basis}; {r.method}; by {r.actor}", r.notice_version, bytes(r.hash).hex())
            for r in self.own
        ]  # fmt: skip
        words = [(version, notice["text"], notice["sha256"]) for version, notice in sorted(self.notices().items())]
        return [
            Section(
                "Consent records",
                "Each was dated by the database and chained by hash; times are UTC.",
                ("Record", "At", "For", "Act", "Basis, how, by", "Words", "SHA-256"),
                records,
                (0.09, 0.13, 0.15, 0.10, 0.21, 0.12, 0.20),
            ),
            Section("The words that were shown", "", ("Version", "Words", "SHA-256"), words, (0.16, 0.54, 0.30)),
        ]


def as_hashed(record: ConsentRecord) -> dict:
    """Every field that the hash is made of, bytes in hex, times in ISO with microseconds."""
    row = {}
    for name in (*ledger.FIELDS, "hash"):
        value = getattr(record, name)
        if isinstance(value, bytes | memoryview):
            value = bytes(value).hex()
        elif hasattr(value, "isoformat"):
            value = value.isoformat()
        row[name] = value
    return row


def note_export(actor, customer: Customer, *, chain: bool, reason: str) -> None:
    """Writes down that somebody took this person's evidence along."""
    with transaction.atomic():
        audit(actor, "evidence.exported", customer, after={"with_chain": chain}, reason=reason)
