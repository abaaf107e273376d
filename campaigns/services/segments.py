"""Writes about segments."""

import logging

from django.db import transaction
from django.utils import timezone

from accounts.services import audit
from campaigns.exceptions import RuleRefused
from campaigns.models import Segment
from campaigns.queries.segments import compile_rule, members, reachable
from recommendations.services.groups import forget_group, keep_group

log = logging.getLogger(__name__)


def _at_least(field: str, value: int) -> dict:
    return {"field": field, "op": ">=", "value": value}


def _at_most(field: str, value: int) -> dict:
    return {"field": field, "op": "<=", "value": value}


# What every shop has: groups by recency and frequency of orders, with the only words that a writer gets about them.
DEFAULTS = (
    (
        "high_value",
        "Loyal, high spend",
        "our good customers",
        {"all": [_at_least("r_score", 4), _at_least("f_score", 4), _at_least("m_score", 4)]},
    ),
    (
        "lapsing",
        "Lapsing",
        "people we have not seen for a while",
        {"all": [_at_most("r_score", 2), _at_least("f_score", 3)]},
    ),
    (
        "regular",
        "Regular",
        "people who come in every week",
        {"all": [_at_least("r_score", 3), _at_least("f_score", 3)]},
    ),
    (
        "explorer",
        "Occasional",
        "people who like new things",
        {"all": [_at_least("f_score", 1), _at_most("f_score", 2)]},
    ),
)


def save_defaults(actor=None) -> list[Segment]:
    """The segments above, counted; safe to repeat."""
    found = []
    for slug, name, phrase, rule in DEFAULTS:
        segment = save_segment(slug=slug, name=name, rule=rule, audience_phrase=phrase, actor=actor)
        count(segment)
        found.append(segment)
    return found


def save_segment(
    *, slug: str, name: str, rule: dict, audience_phrase: str, actor=None, merchant_id: int | None = None
) -> Segment:
    """Makes the segment or, when the slug stands already, changes it; a changed rule is a new version.

    Raises RuleRefused, and then nothing is written: also where a segment that builds on this one could not be used any more.
    """
    compile_rule(rule, merchant_id=merchant_id, slug=slug)
    with transaction.atomic():
        broken = _unusable()
        segment, made = Segment.objects.select_for_update().get_or_create(
            merchant_id=merchant_id,
            slug=slug,
            defaults={"name": name, "rule": rule, "audience_phrase": audience_phrase, "created_by": actor},
        )
        before = None if made else {"rule": segment.rule, "audience_phrase": segment.audience_phrase}
        after = {"rule": rule, "audience_phrase": audience_phrase}
        if before == after and segment.name == name:
            return segment
        if not made:
            segment.name, segment.rule, segment.audience_phrase = name, rule, audience_phrase
            segment.version += 1
            segment.size = segment.reachable = segment.counted_at = None
            segment.save()
            forget_group(merchant_id=merchant_id, slug=slug)
        for other, reason in _unusable().items():
            if other not in broken:
                raise RuleRefused("rule", f"“{other}” builds on this segment: {reason}", "Change that one first.")
        audit(actor, "segment.saved", segment, before=before, after=after)
    return segment


def _unusable() -> dict[str, str]:
    """Why, by name, of the segments that build on others and whose rule is refused."""
    found = {}
    for one in Segment.objects.filter(rule__icontains='"segment"'):
        try:
            compile_rule(one.rule, merchant_id=one.merchant_id, slug=one.slug)
        except RuleRefused as refusal:
            found[one.name] = refusal.reason
    return found


def count(segment: Segment) -> int:
    """Counts the segment, and whom of it e-mail may reach, and keeps both: pages show them and never count themselves.

    What its people buy is kept too: the API recommends it for `segment=`.
    """
    people = members(segment)
    size, within_reach = people.count(), reachable(people).count()
    Segment.objects.filter(pk=segment.pk, version=segment.version).update(
        size=size, reachable=within_reach, counted_at=timezone.now()
    )
    keep_group(merchant_id=segment.merchant_id, slug=segment.slug, name=segment.name, people=people.values("pk"))
    return size


def count_all() -> int:
    """Counts every segment anew; returns how many. One whose rule is refused by now keeps its last count."""
    counted = 0
    for segment in Segment.objects.order_by("pk"):
        try:
            count(segment)
            counted += 1
        except RuleRefused as refusal:
            log.warning("segment %s is not counted: %s", segment.pk, refusal)
    return counted
