"""Reads reviews and comments: opens them in memory and keeps aspect, polarity and where the words stand, never the words."""

from collections.abc import Iterator
from datetime import datetime

from customers.services.seal import open_words
from recommendations.ml.sentiment import COVERED, language, opinions
from recommendations.models import TextFinding
from recommendations.queries.texts import WRITTEN, Written, unread

BATCH = 1000  # texts at a time; what a crash leaves is read the next night


def read_texts(*, since: datetime) -> int:
    """Reads what came in since and was not read; returns how many texts. Safe to repeat."""
    read = 0
    while some := unread(since=since, limit=BATCH):
        opened = open_words((row.customer_id, row.sealed) for row in some)
        findings = [f for row, words in zip(some, opened, strict=True) for f in _findings(row, words)]
        TextFinding.objects.bulk_create(findings, ignore_conflicts=True, batch_size=BATCH)
        read += len(some)
    return read


def _findings(row: Written, words: dict) -> Iterator[TextFinding]:
    text = words.get(WRITTEN[row.event_name], "")
    written_in = language(text)
    fields = {
        "customer_id": row.customer_id, "event_id": row.event_id, "occurred_at": row.occurred_at,
        "event_name": row.event_name, "product": row.product[:100], "language": written_in,
    }  # fmt: skip
    found = opinions(text) if written_in in ("", COVERED) else []
    if not found:
        yield TextFinding(**fields)
    for opinion in found:
        yield TextFinding(
            **fields, aspect=opinion.aspect, polarity=opinion.polarity, start=opinion.start, end=opinion.end
        )
