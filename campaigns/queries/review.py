"""What a reviewer reads: the words of each segment with their origin and findings, sample people, and what has changed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from django.db import connection
from django.db.models import Count, OuterRef, Prefetch, Subquery
from django.db.models.functions import Coalesce

from campaigns.models import Approval, Campaign, Comment, MessageVariant, Rewrite, Segment, Settlement, Transition
from campaigns.queries.wording import current
from copywriting.models import Draft, Finding

# A few people of each segment, the smallest ids first, so that two reviewers talk about the same. Reads index
# audience_once_an_entry in the order of customers until each segment has its few.
SAMPLES = """
SELECT wanted.segment_id, found.customer_id, customer.external_id, found.item
FROM unnest(%(segments)s::bigint[]) AS wanted(segment_id)
CROSS JOIN LATERAL (
    SELECT m.customer_id, m.items[1] AS item FROM campaigns_audiencemember m
    WHERE m.campaign_id = %(campaign)s AND m.segment_id = wanted.segment_id AND cardinality(m.items) > 0
    ORDER BY m.customer_id LIMIT %(each)s
) found
JOIN customers_customer customer ON customer.id = found.customer_id
ORDER BY wanted.segment_id, found.customer_id
"""


@dataclass(frozen=True)
class Sample:
    """A person of a segment, and the first of the products that were chosen for them: the words are about it."""

    customer_id: int
    external_id: str
    product_id: int


@dataclass(frozen=True)
class Words:
    """The current words for one segment and channel. `people` is the frozen number, None while it is being counted; `refused` are
    (rule, drafts) that checks stopped.
    """

    segment: Segment
    variant: MessageVariant | None
    people: int | None
    findings: tuple[Finding, ...]
    refused: tuple[tuple[str, int], ...]
    samples: tuple[Sample, ...]

    @property
    def passed_share(self) -> float | None:
        """Of the drafts that the language model made; None when it was not asked."""
        generation = self.variant and self.variant.generation
        return generation.passed / generation.drafted if generation and generation.drafted else None


def words(campaign: Campaign, *, people: Mapping[int, int] = MappingProxyType({}), samples: int = 3) -> list[Words]:
    """In the campaign's order of segments, a row for each variant; the same number of queries for two segments as for twenty.
    `people`: how many stand in each segment, as a worker counted them.
    """
    parts = list(campaign.campaign_segments.select_related("segment"))
    findings = Prefetch("draft__findings", queryset=Finding.objects.order_by("severity", "rule"))
    rows = current(campaign).select_related("generation", "draft").prefetch_related(findings)
    variants: dict[int, list[MessageVariant]] = {}
    for one in rows:
        variants.setdefault(one.segment_id, []).append(one)
    refused = _refused({v.generation_id for own in variants.values() for v in own if v.generation_id})
    shown = _samples(campaign.pk, [part.segment_id for part in parts], samples)
    return [
        Words(
            part.segment,
            variant,
            people.get(part.segment_id, 0) if people else None,
            tuple(variant.draft.findings.all()) if variant and variant.draft and variant.writer != "person" else (),
            tuple(refused.get(variant.generation_id, ())) if variant else (),
            tuple(shown.get(part.segment_id, ())),
        )
        for part in parts
        for variant in variants.get(part.segment_id, [None])
    ]


def _refused(generations: set[int]) -> dict[int, list[tuple[str, int]]]:
    """By generation: (rule, unusable drafts that break it), the most frequent first."""
    drafts = Draft.objects.filter(generation__in=generations, is_usable=False, findings__severity="error")
    rows = drafts.values_list("generation_id", "findings__rule").annotate(n=Count("pk", distinct=True))
    found: dict[int, list[tuple[str, int]]] = {}
    for generation, rule, number in rows.order_by("generation_id", "-n", "findings__rule"):
        found.setdefault(generation, []).append((rule, number))
    return found


def _samples(campaign_id: int, segments: list[int], each: int) -> dict[int, list[Sample]]:
    found: dict[int, list[Sample]] = {}
    with connection.cursor() as cursor:
        cursor.execute(SAMPLES, {"campaign": campaign_id, "segments": segments, "each": each})
        for segment_id, *row in cursor.fetchall():
            found.setdefault(segment_id, []).append(Sample(*row))
    return found


def approvals(campaign_id: int) -> list[Approval]:
    """Newest first, with who approved."""
    return list(Approval.objects.filter(campaign_id=campaign_id).select_related("approver").order_by("-pk"))


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing said of a campaign, by a comment or with a decision, and the replies to it. `is_current`: of the content that
    stands now; a decision says itself which step it was. `is_open`: nobody has resolved it, or somebody opened it again;
    `settled` says who resolved or opened it last, and when.
    """

    id: int | None
    author: str
    at: datetime
    text: str
    step: str = ""
    is_current: bool = True
    replies: tuple["Remark", ...] = ()
    is_open: bool = False
    settled: Settlement | None = None


def conversation(campaign_id: int, digest: str) -> list[Remark]:
    """What was said, the oldest first: remarks with their replies, and the words that came with each decision."""
    rows = list(Comment.objects.filter(campaign=campaign_id).select_related("author").order_by("pk"))
    replies: dict[int, list[Remark]] = {}
    for row in rows:
        if row.reply_to_id is not None:
            replies.setdefault(row.reply_to_id, []).append(_remark(row, digest))
    newest = {row.comment_id: row for row in settlements(campaign_id)}
    said = [
        replace(
            _remark(row, digest, tuple(replies.get(row.pk, ()))),
            is_open=not (row.pk in newest and newest[row.pk].is_resolved),
            settled=newest.get(row.pk),
        )
        for row in rows
        if row.reply_to_id is None
    ]
    steps = Transition.objects.filter(campaign=campaign_id).exclude(reason="").exclude(actor=None)
    said += [
        Remark(None, step.actor.get_full_name() or step.actor.get_username(), step.at, step.reason, step.action)
        for step in steps.select_related("actor").order_by("pk")
    ]
    return sorted(said, key=lambda one: one.at)


def settlements(campaign_id: int) -> list[Settlement]:
    """What became of the remarks, the oldest first."""
    rows = Settlement.objects.filter(comment__campaign=campaign_id).select_related("actor")
    return list(rows.order_by("pk"))


def open_remarks(campaign_ids: Iterable[int]) -> dict[int, int]:
    """By campaign: how many of its remarks nobody has resolved; one query, of as many rows as there are such remarks."""
    newest = Settlement.objects.filter(comment=OuterRef("pk")).order_by("-pk").values("is_resolved")[:1]
    rows = Comment.objects.filter(campaign__in=list(campaign_ids), reply_to=None)
    rows = rows.annotate(is_resolved=Coalesce(Subquery(newest), False)).filter(is_resolved=False)
    return Counter(rows.order_by().values_list("campaign_id", flat=True))


def _remark(row: Comment, digest: str, replies: tuple[Remark, ...] = ()) -> Remark:
    author = row.author.get_full_name() or row.author.get_username()
    return Remark(row.pk, author, row.at, row.text, is_current=row.digest == digest, replies=replies)


def generations(campaign_id: int) -> dict[int, list[int]]:
    """By segment: the generations that its drafts came from, of its variants and of what was asked for again."""
    own = MessageVariant.objects.filter(campaign=campaign_id).exclude(generation=None)
    again = Rewrite.objects.filter(campaign=campaign_id).exclude(job__pieces__generation=None)
    found: dict[int, list[int]] = {}
    for segment_id, generation_id in {
        *own.values_list("segment_id", "generation_id"),
        *again.values_list("segment_id", "job__pieces__generation_id"),
    }:
        found.setdefault(segment_id, []).append(generation_id)
    return found


def approved_words(campaign_id: int) -> dict[tuple[int, str, str], str] | None:
    """By segment, channel and label: the words as they were approved last; None when nothing was. An approval that names no
    channel was of words on one alone.
    """
    newest = Approval.objects.filter(campaign=campaign_id).order_by("-pk").first()
    if newest is None:
        return None
    rows = newest.content.get("variants", ())
    channel = dict(MessageVariant.objects.filter(pk__in=[row["id"] for row in rows]).values_list("pk", "channel"))
    return {(row["segment"], channel[row["id"]], row["label"]): f"{row['subject']} {row['body']}" for row in rows}
