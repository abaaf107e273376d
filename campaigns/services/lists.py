"""Lists of people, each with a segment of its own: those of an imported file, or the nearest to the people of a segment."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from accounts.services import audit
from campaigns.exceptions import RuleRefused
from campaigns.models import ListEntry, PeopleList, Segment, SegmentMember
from campaigns.queries.membership import unlisted_files
from campaigns.services import membership
from campaigns.services.segments import save_segment
from recommendations.queries.lookalikes import lookalikes

log = logging.getLogger(__name__)

MOST_WANTED = 1_000_000
LEASE = timedelta(minutes=30)
WRITTEN = 5_000  # rows a statement
State = PeopleList.State


def of_file(batch_id: int, *, name: str, audience_phrase: str, actor) -> Segment:
    """Makes the people of an imported file a segment. Raises RuleRefused unless the import stands and kept its people.

    Taking the import back empties the segment at its next refresh.
    """
    if batch_id not in {batch.pk for batch in unlisted_files()}:
        raise RuleRefused("batch", "This file is no list, or is one already.", "Import it with a name for its list.")
    with transaction.atomic():
        made = PeopleList.objects.create(
            slug=_slug(name), name=name, batch_id=batch_id, worked_out_at=timezone.now(), created_by=actor
        )
        return _with_segment(made, audience_phrase, actor)


def look_alike(seed_id: int, *, name: str, wanted: int, audience_phrase: str, actor) -> Segment:
    """Asks for the people most like those of a segment; a worker finds them, and again each night."""
    if not 1 <= wanted <= MOST_WANTED:
        raise RuleRefused("wanted", "Not a number of people to find.", f"Use 1 to {MOST_WANTED:,}.")
    with transaction.atomic():
        made = PeopleList.objects.create(
            slug=_slug(name), name=name, seed_id=seed_id, wanted=wanted, state=State.ASKED, created_by=actor
        )
        return _with_segment(made, audience_phrase, actor)


def _slug(name: str) -> str:
    slug = slugify(name)[:60]
    if not slug:
        raise RuleRefused("name", "This name has no letter or digit of the Latin alphabet.", "Add one.")
    if PeopleList.objects.filter(slug=slug).exists() or Segment.objects.filter(slug=slug, merchant=None).exists():
        raise RuleRefused("name", "A list or segment of this name stands already.", "Choose another name.")
    return slug


def _with_segment(made: PeopleList, audience_phrase: str, actor) -> Segment:
    audit(actor, "list.made", made, after={"name": made.name, "file": made.batch_id, "seed": made.seed_id})
    rule = {"field": "list", "op": "=", "value": made.slug}
    return save_segment(slug=made.slug, name=made.name, rule=rule, audience_phrase=audience_phrase, actor=actor)


def waiting() -> list[int]:
    lost = Q(state=State.WORKING, claimed_until__lt=timezone.now())
    return list(PeopleList.objects.filter(lost | Q(state=State.ASKED)).order_by("pk").values_list("pk", flat=True))


def ask_again() -> None:
    """Each night: a seed has other people by then, and they have other profiles."""
    PeopleList.objects.filter(seed__isnull=False, state__in=[State.READY, State.FAILED]).update(state=State.ASKED)


def work_out(list_id: int) -> bool:
    """Finds the look-alikes of one list; False when somebody else has it."""
    now = timezone.now()
    free = Q(state=State.ASKED) | Q(state=State.WORKING, claimed_until__lt=now)
    if not PeopleList.objects.filter(free, pk=list_id).update(state=State.WORKING, claimed_until=now + LEASE):
        return False
    row = PeopleList.objects.select_related("seed").get(pk=list_id)
    if row.seed.fresh_at is None:
        membership.rebuild(row.seed_id, now=now)
    seed = SegmentMember.objects.filter(segment=row.seed_id).values_list("customer_id", flat=True)
    try:
        found = lookalikes(seed.iterator(chunk_size=20_000), limit=row.wanted)
    except ValueError as refusal:  # too few of the seed have a profile: it says so, with the remedy
        PeopleList.objects.filter(pk=list_id).update(state=State.FAILED, message=str(refusal)[:300], claimed_until=None)
        return True
    with transaction.atomic():
        ListEntry.objects.filter(people_list=row).delete()
        for start in range(0, len(found), WRITTEN):
            ListEntry.objects.bulk_create(
                ListEntry(people_list=row, customer_id=pk, likeness=like) for pk, like in found[start : start + WRITTEN]
            )
        PeopleList.objects.filter(pk=list_id).update(
            state=State.READY, message="", people=len(found), worked_out_at=now, claimed_until=None
        )
    return True
