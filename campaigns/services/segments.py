"""Writes about segments."""

from django.db import transaction
from django.utils import timezone

from accounts.services import audit
from campaigns.models import Segment
from campaigns.queries.segments import compile_rule, members


def save_segment(
    *, slug: str, name: str, rule: dict, audience_phrase: str, actor=None, merchant_id: int | None = None
) -> Segment:
    """Makes the segment or, when the slug stands already, changes it; a changed rule is a new version.

    Raises RuleRefused before anything is written.
    """
    compile_rule(rule)
    with transaction.atomic():
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
            segment.size = segment.counted_at = None
            segment.save()
        audit(actor, "segment.saved", segment, before=before, after=after)
    return segment


def count(segment: Segment) -> int:
    """Counts the segment and keeps the answer: pages show it and never count themselves."""
    size = members(segment).count()
    Segment.objects.filter(pk=segment.pk, version=segment.version).update(size=size, counted_at=timezone.now())
    return size
