"""Who relies on a segment: pages name them, and nothing of theirs loses its ground when somebody deletes one."""

from dataclasses import dataclass

from campaigns.models import (
    AdCopy,
    Assignment,
    AudienceMember,
    Campaign,
    CampaignSegment,
    MessageVariant,
    PeopleList,
    Rewrite,
    Segment,
)
from campaigns.queries.segments import builds_on

# Whatever points at a segment of a campaign. Of the last two, with a row for each person, one campaign is enough to refuse.
SMALL = (CampaignSegment, MessageVariant, Rewrite, AdCopy)
LARGE = (AudienceMember, Assignment)


@dataclass(frozen=True, slots=True)
class Uses:
    """Campaigns in whatever state (a sent one as well: it is the proof of whom it went to), the newest first; segments whose
    rule names this one; and look-alike lists that were drawn from its people.
    """

    campaigns: tuple[Campaign, ...]
    segments: tuple[Segment, ...]
    lists: tuple[PeopleList, ...]

    def __bool__(self) -> bool:
        return bool(self.campaigns or self.segments or self.lists)

    def names(self) -> tuple[str, ...]:
        return tuple(str(one) for one in (*self.campaigns, *self.segments, *self.lists))


def uses(segment: Segment) -> Uses:
    """Asks by keys alone and counts nothing."""
    first, *others = (model.objects.filter(segment=segment).order_by().values_list("campaign") for model in SMALL)
    one_each = (model.objects.filter(segment=segment).order_by().values_list("campaign")[:1] for model in LARGE)
    named = [pk for (pk,) in first.union(*others, *one_each)]
    campaigns = Campaign.objects.filter(pk__in=named).only("name", "state").order_by("-pk")
    lists = PeopleList.objects.filter(seed=segment).order_by("name")
    return Uses(tuple(campaigns), tuple(_builders(segment)), tuple(lists))


def own_list(segment: Segment) -> PeopleList | None:
    """The list that this segment was made for and goes with; None where its rule says anything else."""
    rule = segment.rule
    if rule.get("field") != "list" or rule.get("value") != segment.slug:
        return None
    return PeopleList.objects.filter(slug=segment.slug).first()


def _builders(segment: Segment) -> list[Segment]:
    """By name. A merchant's rule means the merchant's own segment first where the platform has one of the same slug."""
    rows = Segment.objects.filter(rule__icontains=f'"{segment.slug}"').exclude(pk=segment.pk).order_by("name")
    if segment.merchant_id is not None:
        rows = rows.filter(merchant=segment.merchant_id)
    else:
        own = Segment.objects.filter(slug=segment.slug, merchant__isnull=False)
        rows = rows.exclude(merchant__in=own.values("merchant"))
    has_list = own_list(segment) is not None
    return [one for one in rows if segment.slug in builds_on(one.rule) or (has_list and _lists(one.rule, segment.slug))]


def _lists(rule: dict, slug: str) -> bool:
    """Whether a rule asks about this list."""
    parts = rule.get("all") or rule.get("any") or ([rule["not"]] if "not" in rule else ())
    return any(_lists(part, slug) for part in parts) or (rule.get("field"), rule.get("value")) == ("list", slug)
