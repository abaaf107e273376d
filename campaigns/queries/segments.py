"""Segments: a typed rule tree from an allow-list of fields, compiled to one query, never from text.

A rule is {"all": [rules]}, {"any": [rules]}, {"not": rule} or {"field": name, "op": op, "value": value}, the last one with
"days": number where it asks for something of the last days and "of": text where it asks of what. The fields are those of
`rule_fields`; how a rule reads stands in `rule_words`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, FloatField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from django.utils import timezone

from campaigns.exceptions import RuleRefused
from campaigns.models import PeopleList, Segment
from campaigns.queries.rule_fields import (
    FIELDS,
    GIVEN,
    UNFLAGGED,
    Field,
    consented,
    counted,
    flagged,
    listed,
    within,
)
from customers.models import Customer
from customers.queries.consent import contactable

MAX_DEPTH = 6
MAX_LEAVES = 60
MAX_DAYS = 36_500  # a century: beyond some millions the calendar itself ends

NUMBER_OPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "=": "exact"}
TEXT_KINDS = ("text", "bought", "segment", "list")
CHOICE_KINDS = ("choice", "consent", "flag")
_FLIPPED = {"gte": "lte", "lte": "gte", "gt": "lt", "lt": "gt", "exact": "exact"}
_COMPARE = {">=": GreaterThanOrEqual, "<=": LessThanOrEqual, ">": GreaterThan, "<": LessThan, "=": Exact}


@dataclass(frozen=True, slots=True)
class Window:
    """Something in a rule that time alone changes: a field that looks so many days back, or ahead."""

    field: Field
    days: float
    of: str = ""


@dataclass
class _Compiler:
    """One rule on its way to a condition: what may still be used, the segments that it is inside of, the moment that its
    windows end at, and whom alone it asks about (None: everybody).
    """

    merchant_id: int | None
    inside: tuple[str, ...]
    now: datetime
    among: RawSQL | None = None
    left: int = MAX_LEAVES
    windows: list[Window] = field(default_factory=list)

    def rule(self, rule: object, place: str, depth: int = 0) -> Q:
        if depth > MAX_DEPTH:
            raise RuleRefused(place, f"Nested deeper than {MAX_DEPTH} levels.", "Split it into two segments.")
        if not isinstance(rule, dict) or not rule:
            raise RuleRefused(place, "Not a rule.", 'Use {"field": …, "op": …, "value": …}, or "all", "any", "not".')
        if set(rule) == {"not"}:
            return ~self.rule(rule["not"], f"{place}.not", depth + 1)
        if set(rule) in ({"all"}, {"any"}):
            (joint, parts), *_ = rule.items()
            if not isinstance(parts, list) or not parts:
                raise RuleRefused(f"{place}.{joint}", "An empty group.", "Add a condition or remove the group.")
            compiled = [self.rule(part, f"{place}.{joint}[{i}]", depth + 1) for i, part in enumerate(parts)]
            whole = compiled[0]
            for part in compiled[1:]:
                whole = whole & part if joint == "all" else whole | part
            return whole
        return self.leaf(rule, place, depth)

    def leaf(self, rule: dict, place: str, depth: int) -> Q:
        self.left -= 1
        if self.left < 0:
            raise RuleRefused(place, f"More than {MAX_LEAVES} conditions.", "Split it into two segments.")
        found = FIELDS.get(rule["field"]) if isinstance(rule.get("field"), str) else None
        if "field" in rule and found is None:
            raise RuleRefused(f"{place}.field", "No such field.", f"Use one of: {', '.join(FIELDS)}.")
        asked = ((found and found.has_days, "days"), (found and found.has_of, "of"))
        wanted = ["field", "op", "value", *(name for is_asked, name in asked if is_asked)]
        if set(rule) != set(wanted):
            names = f"{', '.join(wanted[:-1])} and {wanted[-1]}"
            raise RuleRefused(place, f"A condition has exactly {names}.", "Remove or add what differs.")
        op, value = rule["op"], rule["value"]
        if found.kind in CHOICE_KINDS:
            return self.choice(found, op, value, place)
        if found.kind in TEXT_KINDS:
            _short_text(op, value, f"{place}.value")
            return self.text(found, value, rule, place, depth)
        return self.number(found, rule, place)

    def text(self, found: Field, value: str, rule: dict, place: str, depth: int) -> Q:
        if found.kind == "text":
            return Q(**{found.path: value})
        if found.kind == "segment":
            return self.other(value, place, depth)
        if found.kind == "list":
            named = PeopleList.objects.filter(slug=value).first()
            if named is None:
                raise RuleRefused(f"{place}.value", "No such list.", "Choose one of those that stand.")
            return Q(pk__in=within(listed(named), "customer_id", self.among))
        rows = found.rows(self.since(found, rule["days"], place)).filter(**{f"product__{found.path}": value})
        return Q(pk__in=within(rows, found.customer, self.among).values(found.customer))

    def other(self, slug: str, place: str, depth: int) -> Q:
        """Whoever is in another segment: its rule stands in this one's place, so that all of it is one statement."""
        if slug in self.inside:
            raise RuleRefused(f"{place}.value", "A segment cannot be part of itself.", "Choose another segment.")
        # A merchant's segment may build on its own and on the platform's, the platform's on the platform's alone.
        found = Segment.objects.filter(Q(merchant=None) | Q(merchant=self.merchant_id), slug=slug)
        segment = found.order_by(F("merchant").asc(nulls_last=True)).first()
        if segment is None:
            raise RuleRefused(f"{place}.value", "No such segment.", "Choose one of those that stand.")
        deeper = _Compiler(self.merchant_id, (*self.inside, slug), self.now, self.among, self.left, self.windows)
        condition = deeper.rule(segment.rule, f"{place}.value", depth + 1)
        self.left = deeper.left
        return condition

    def choice(self, found: Field, op: object, value: object, place: str) -> Q:
        values = value if isinstance(value, list) else [value]
        unknown = [v for v in values if v not in found.choices]
        if op not in ("=", "in") or unknown or not values:
            choices = ", ".join(found.choices)
            raise RuleRefused(f"{place}.value", "Not one of the choices.", f"Use = or in with: {choices}.")
        if found.kind == "choice":
            return Q(**{f"{found.path}__in": values})
        if found.kind == "consent":
            yes = Q(pk__in=within(consented(found.path), "customer_id", self.among))
            return yes | ~yes if len(set(values)) == 2 else yes if GIVEN in values else ~yes
        whole = Q(pk__in=[])
        for state in values:
            those = Q(pk__in=within(flagged(state), "customer_id", self.among))
            whole |= ~those if state == UNFLAGGED else those
        return whole

    def number(self, found: Field, rule: dict, place: str) -> Q:
        op, value = rule["op"], rule["value"]
        if op not in NUMBER_OPS:
            one_of = ", ".join(NUMBER_OPS)
            raise RuleRefused(f"{place}.op", "Numbers are not compared like this.", f"Use one of {one_of}.")
        if not _is_number(value) or abs(value) > 1e9:
            raise RuleRefused(f"{place}.value", "Not a number to compare with.", "Use a number such as 4 or 12.50.")
        if found.has_of:
            _short_text("=", rule["of"], f"{place}.of")
        if found.kind == "count":
            rows = found.rows(self.since(found, rule["days"], place, rule.get("of", "")))
            rows = rows.filter(**{found.of: rule["of"]}) if found.of else rows
            return counted(within(rows, found.customer, self.among), found, op, value)
        if found.kind == "share":
            share = Cast(KeyTextTransform(rule["of"], F(found.path)), FloatField())
            return Q(_COMPARE[op](Coalesce(share, 0.0), float(value)))
        if found.kind in ("days", "ahead"):
            return self.moment(found, op, value, place)
        if found.inverse:
            return Q(**{f"{found.path}__{_FLIPPED[NUMBER_OPS[op]]}": round(1 - value, 12)})
        return Q(**{f"{found.path}__{NUMBER_OPS[op]}": value})

    def moment(self, found: Field, op: str, value: float, place: str) -> Q:
        """ "known for at least 90 days" is a date at most 90 days ago, "expected in at most 7 days" one before then."""
        if op == "=":
            raise RuleRefused(f"{place}.op", "A number of days is compared by more or less.", "Use >=, <=, > or <.")
        least = -MAX_DAYS if found.kind == "ahead" else 0  # an expected day may have passed
        if not least <= value <= MAX_DAYS:
            raise RuleRefused(f"{place}.value", "Not a number of days.", f"Use a number from {least} to {MAX_DAYS}.")
        self.windows.append(Window(found, -value if found.kind == "ahead" else value))
        if found.kind == "ahead":
            return Q(**{f"{found.path}__{NUMBER_OPS[op]}": self.now + timedelta(days=value)})
        return Q(**{f"{found.path}__{_FLIPPED[NUMBER_OPS[op]]}": self.now - timedelta(days=value)})

    def since(self, found: Field, days: object, place: str, of: str = "") -> datetime:
        if not _is_number(days) or not 0 < days <= MAX_DAYS:
            raise RuleRefused(f"{place}.days", "Not a number of days.", f"Use a number over 0, up to {MAX_DAYS}.")
        self.windows.append(Window(found, days, of))
        return self.now - timedelta(days=days)


def compile_rule(
    rule: object,
    *,
    merchant_id: int | None = None,
    slug: str = "",
    now: datetime | None = None,
    among: Sequence[int] | None = None,
) -> Q:
    """The condition on Customer that this rule means. Raises RuleRefused naming the place, the reason and the remedy.

    `slug` is the rule's own segment, so that it is not built on itself. `now` is where its windows end. With `among` it
    holds for nobody but these people, and reads their rows alone.
    """
    compiler = _Compiler(merchant_id, (slug,) if slug else (), now or timezone.now(), _these(among))
    condition = compiler.rule(rule, "rule")
    return condition if among is None else condition & Q(pk__in=compiler.among)


def _these(among: Sequence[int] | None) -> RawSQL | None:
    """One parameter for all of them: ten thousand placeholders take longer to plan than to answer."""
    if among is None:
        return None
    return RawSQL("SELECT unnest(%s::bigint[])", [list(among)])


def windows_of(segment: Segment) -> list[Window]:
    """What time alone changes in this segment, also through the segments that it builds on."""
    compiler = _Compiler(segment.merchant_id, (segment.slug,), timezone.now())
    compiler.rule(segment.rule, "rule")
    return compiler.windows


def crossed(window: Window, was: datetime, now: datetime) -> QuerySet:
    """Ids of people of whom something passed the edge of the window between two moments: of nobody else has time alone
    changed the answer. Reads the index on the time of the rows, and only that stretch of it.
    """
    edges = was - timedelta(days=window.days), now - timedelta(days=window.days)
    found = window.field
    if not found.has_days:
        return Customer.objects.filter(**{f"{found.path}__range": edges}).values_list("pk", flat=True)
    rows = found.rows(edges[0]).filter(**{f"{found.time}__lte": edges[1]})
    if found.kind == "count" and window.of:
        rows = rows.filter(**{found.of: window.of})
    return rows.order_by().values_list(found.customer, flat=True).distinct()


def _short_text(op: object, value: object, place: str) -> None:
    if op != "=" or not isinstance(value, str) or not 0 < len(value) <= 120 or "\0" in value:
        raise RuleRefused(place, "Not a short text compared by =.", 'Use op "=" and up to 120 letters.')


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def people(
    rule: dict,
    *,
    merchant_id: int | None = None,
    slug: str = "",
    now: datetime | None = None,
    among: Sequence[int] | None = None,
) -> QuerySet[Customer]:
    """Everybody for whom the rule holds, whatever the gate will say of them later. As compile_rule."""
    condition = compile_rule(rule, merchant_id=merchant_id, slug=slug, now=now, among=among)
    return Customer.objects.present().filter(condition)


def members(segment: Segment, *, now: datetime | None = None, among: Sequence[int] | None = None) -> QuerySet[Customer]:
    """Everybody in the segment by its rule as of now: exact, for an audience that is frozen. Pages read what is kept."""
    return people(segment.rule, merchant_id=segment.merchant_id, slug=segment.slug, now=now, among=among)


def reachable(people: QuerySet[Customer], channel: str = "email") -> QuerySet[Customer]:
    """Those of them whom a campaign may write to now, before caps."""
    return people.filter(pk__in=contactable("marketing", channel).values("pk"))


def builds_on(rule: dict) -> list[str]:
    """The slugs of the segments that a rule names itself."""
    if "not" in rule:
        return builds_on(rule["not"])
    parts = rule.get("all") or rule.get("any")
    if parts:
        return [slug for part in parts for slug in builds_on(part)]
    return [rule["value"]] if rule.get("field") == "segment" else []


def foundations(rule: dict) -> list[Segment]:
    """Every segment that a rule builds on, also over others, by slug: a change of one of them changes who is meant."""
    found: dict[str, Segment] = {}
    asked = set(builds_on(rule))
    while asked:
        found |= {segment.slug: segment for segment in Segment.objects.filter(slug__in=asked)}
        asked = {slug for name in asked & found.keys() for slug in builds_on(found[name].rule)} - found.keys()
    return [found[slug] for slug in sorted(found)]


def make_room(cursor) -> None:
    """For a statement that asks everybody, to the end of its transaction.

    “Not in” and “or” are answered from a table of ids in memory; one that does not fit is searched from its start for every
    person, which takes a million people hours instead of seconds. No more is taken than is used.
    """
    cursor.execute("SELECT set_config('work_mem', %s, true)", [f"{settings.WORK_MEM_MB}MB"])


def visible(merchant=None) -> QuerySet[Segment]:
    rows = Segment.objects.order_by("name")
    return rows if merchant is None else rows.filter(merchant=merchant)
