"""Writes about segments."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.services import audit
from campaigns.exceptions import RuleRefused, SegmentInUse
from campaigns.models import Segment, SegmentSize
from campaigns.queries.membership import kept, movement, numbers
from campaigns.queries.segment_uses import own_list, uses
from campaigns.queries.segments import builds_on, compile_rule
from campaigns.services import membership
from recommendations.services.groups import forget_group, keep_group

A_DAY = timedelta(days=1)
# Sizes follow every move; whom the channels reach is asked again when somebody waits for it, and at the latest then.
RECOUNT_AFTER = timedelta(hours=1)


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
        own = Q(slug=slug, merchant=merchant_id)
        building = Q(rule__icontains='"segment"')
        # In the order of ids, as the refresh takes them: neither waits for the other in a circle.
        list(Segment.objects.select_for_update(no_key=True).filter(own | building).order_by("pk").values_list("pk"))
        broken = _unusable()
        segment, made = Segment.objects.get_or_create(
            merchant_id=merchant_id,
            slug=slug,
            defaults={"name": name, "rule": rule, "audience_phrase": audience_phrase, "created_by": actor},
        )
        before = None if made else {"rule": segment.rule, "audience_phrase": segment.audience_phrase}
        after = {"rule": rule, "audience_phrase": audience_phrase}
        if before == after and segment.name == name:
            return segment
        if not made:
            is_new_rule = segment.rule != rule
            segment.name, segment.rule, segment.audience_phrase = name, rule, audience_phrase
            segment.version += 1
            segment.save(update_fields=["name", "rule", "audience_phrase", "version"])
            if is_new_rule:
                _forget([segment.pk, *_builders(segment.slug)])
                segment.refresh_from_db()
                forget_group(merchant_id=merchant_id, slug=slug)
        for other, reason in _unusable().items():
            if other not in broken:
                raise RuleRefused("rule", f"“{other}” builds on this segment: {reason}", "Change that one first.")
        audit(actor, "segment.saved", segment, before=before, after=after)
    return segment


def delete_segment(segment_id: int, *, actor) -> None:
    """Takes the segment away, with its kept members, its history and the list it was made for. Customers stay as they are.

    Raises SegmentInUse with everybody who relies on it, and then nothing is written. What is being added to a campaign this
    moment waits for the lock, and finds either the segment or none.
    """
    with transaction.atomic():
        building = Q(pk=segment_id) | Q(rule__icontains='"segment"')
        rows = Segment.objects.select_for_update().filter(building).order_by("pk")
        segment = next((one for one in rows if one.pk == segment_id), None)
        if segment is None:
            return
        if users := uses(segment):
            raise SegmentInUse(users.names())
        named = own_list(segment)
        before = {"name": segment.name, "slug": segment.slug, "rule": segment.rule, "version": segment.version}
        audit(actor, "segment.deleted", segment, before=before)
        forget_group(merchant_id=segment.merchant_id, slug=segment.slug)
        segment.delete()
        if named is not None:
            named.delete()


def _builders(slug: str) -> list[int]:
    """Segments that build on this one, at any depth; a few more than these where a merchant's bears the same slug."""
    found: dict[int, str] = {}
    slugs = {slug}
    rows = list(Segment.objects.filter(rule__icontains='"segment"').values_list("pk", "slug", "rule"))
    while fresh := [(pk, own) for pk, own, rule in rows if pk not in found and slugs & set(builds_on(rule))]:
        found |= dict(fresh)
        slugs |= {own for _, own in fresh}
    return list(found)


def _forget(segment_ids: list[int]) -> None:
    """What was counted and kept holds for a rule that is gone: the next refresh builds these anew."""
    Segment.objects.filter(pk__in=segment_ids).update(
        size=None,
        reachable=None,
        reach={},
        sample=[],
        came=None,
        left=None,
        counted_at=None,
        fresh_at=None,
        count_asked_at=timezone.now(),
    )


def _unusable() -> dict[str, str]:
    """Why, by name, of the segments that build on others and whose rule is refused."""
    found = {}
    for one in Segment.objects.filter(rule__icontains='"segment"'):
        try:
            compile_rule(one.rule, merchant_id=one.merchant_id, slug=one.slug)
        except RuleRefused as refusal:
            found[one.name] = refusal.reason
    return found


def ask_for_count(segment_id: int) -> None:
    """Leaves the wish for a worker; asking again while one waits changes nothing."""
    Segment.objects.filter(pk=segment_id, count_asked_at=None).update(count_asked_at=timezone.now())


def count(segment: Segment) -> int:
    """Brings the members up to date and keeps how many they are, whom each channel may reach, and a few of them: pages
    show these and never count themselves. Safe to repeat.
    """
    membership.rebuild(segment.pk) if segment.fresh_at is None else membership.refresh()
    size = _keep_numbers(segment.pk)
    _keep_list(segment)
    return size


def _keep_list(segment: Segment) -> None:
    """What the segment's people buy: the API recommends it for `segment=`."""
    people = kept(segment).values("pk")
    keep_group(merchant_id=segment.merchant_id, slug=segment.slug, name=segment.name, people=people)


def _keep_numbers(segment_id: int) -> int:
    segment = Segment.objects.get(pk=segment_id)
    now = timezone.now()
    found = numbers(kept(segment))
    came, left = movement(segment_id, since=now - A_DAY)
    Segment.objects.filter(pk=segment_id, version=segment.version).update(
        size=found.size,
        reach=found.reach,
        reachable=found.reach["email"],
        came=came,
        left=left,
        sample=found.sample,
        counted_at=now,
        count_asked_at=None,
    )
    return found.size


def refresh() -> None:
    """What a worker does every minute: brings the members of every segment up to date, and numbers that somebody waits for."""
    for pk, (came, left) in membership.refresh().items():
        Segment.objects.filter(pk=pk, size__isnull=False).update(size=F("size") + came - left)
    old = Q(counted_at=None) | Q(counted_at__lt=timezone.now() - RECOUNT_AFTER) | Q(count_asked_at__isnull=False)
    for pk in Segment.objects.filter(old, fresh_at__isnull=False).order_by("pk").values_list("pk", flat=True):
        _keep_numbers(pk)


def nightly(day: date | None = None) -> None:
    """Asks everybody of every segment, and keeps its size of this night with who moved within the day before."""
    membership.nightly()
    day = day or timezone.now().date()
    for pk in Segment.objects.filter(fresh_at__isnull=False).order_by("pk").values_list("pk", flat=True):
        _keep_numbers(pk)
        segment = Segment.objects.get(pk=pk)
        if segment.size is None:
            continue  # its rule was changed this moment
        _keep_list(segment)
        SegmentSize.objects.update_or_create(
            segment=segment,
            day=day,
            defaults={
                "version": segment.version, "size": segment.size, "reachable": segment.reach,
                "entered": segment.came, "left": segment.left,
            },
        )  # fmt: skip
