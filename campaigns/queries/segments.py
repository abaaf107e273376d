"""Segments: a typed rule tree from an allow-list of fields, compiled to one query, never from text.

A rule is {"all": [rules]}, {"any": [rules]}, {"not": rule} or {"field": name, "op": op, "value": value}.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from campaigns.exceptions import RuleRefused
from campaigns.models import Segment
from customers.models import Customer
from customers.queries.consent import contactable

MAX_DEPTH = 6
MAX_LEAVES = 60
MAX_DAYS = 36_500  # a century: beyond some millions the calendar itself ends


@dataclass(frozen=True)
class Field:
    """One thing a rule may ask of a person: how it is stored, what may be said of it, and how it reads."""

    path: str
    kind: str  # number, choice or days
    label: str
    choices: tuple[str, ...] = ()


AGES = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
INCOMES = (
    "Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100-124K", "125-149K", "150-174K", "175-199K",
    "200-249K", "250K+",
)  # fmt: skip
KIDS = ("0", "1", "2", "3+")

FIELDS: dict[str, Field] = {
    "r_score": Field("profile__r_score", "number", "recency score (5 is most recent)"),
    "f_score": Field("profile__f_score", "number", "frequency score (5 is most frequent)"),
    "m_score": Field("profile__m_score", "number", "spend score (5 is highest)"),
    "recency_days": Field("profile__recency_days", "number", "days since the last order"),
    "frequency": Field("profile__frequency", "number", "orders"),
    "monetary": Field("profile__monetary", "number", "total spend"),
    "cluster": Field("profile__cluster", "number", "cluster"),
    "top_category": Field("profile__top_category", "text", "department of most spend"),
    "age": Field("attributes__age", "choice", "age band", AGES),
    "income": Field("attributes__income", "choice", "income band", INCOMES),
    "kids_count": Field("attributes__kids_count", "choice", "children", KIDS),
    "known_for_days": Field("first_seen_at", "days", "days since the first order"),
}
NUMBER_OPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "=": "exact"}
WORDS = {">=": "at least", "<=": "at most", ">": "over", "<": "under", "=": "is", "in": "is one of"}


def compile_rule(rule: object) -> Q:
    """The condition on Customer that this rule means. Raises RuleRefused naming the place, the reason and the remedy."""
    budget = [MAX_LEAVES]
    return _compile(rule, "rule", 0, budget)


def _compile(rule: object, place: str, depth: int, budget: list[int]) -> Q:
    if depth > MAX_DEPTH:
        raise RuleRefused(place, f"Nested deeper than {MAX_DEPTH} levels.", "Split it into two segments.")
    if not isinstance(rule, dict) or not rule:
        raise RuleRefused(place, "Not a rule.", 'Use {"field": …, "op": …, "value": …}, or "all", "any", "not".')
    if set(rule) == {"not"}:
        return ~_compile(rule["not"], f"{place}.not", depth + 1, budget)
    if set(rule) in ({"all"}, {"any"}):
        (joint, parts), *_ = rule.items()
        if not isinstance(parts, list) or not parts:
            raise RuleRefused(f"{place}.{joint}", "An empty group.", "Add a condition or remove the group.")
        compiled = [_compile(part, f"{place}.{joint}[{i}]", depth + 1, budget) for i, part in enumerate(parts)]
        whole = compiled[0]
        for part in compiled[1:]:
            whole = whole & part if joint == "all" else whole | part
        return whole
    return _leaf(rule, place, budget)


def _leaf(rule: dict, place: str, budget: list[int]) -> Q:
    budget[0] -= 1
    if budget[0] < 0:
        raise RuleRefused(place, f"More than {MAX_LEAVES} conditions.", "Split it into two segments.")
    if set(rule) != {"field", "op", "value"}:
        raise RuleRefused(place, "A condition has exactly field, op and value.", "Remove or add what differs.")
    field = FIELDS.get(rule["field"]) if isinstance(rule["field"], str) else None
    if field is None:
        raise RuleRefused(f"{place}.field", "No such field.", f"Use one of: {', '.join(FIELDS)}.")
    op, value = rule["op"], rule["value"]
    if field.kind == "choice":
        values = value if isinstance(value, list) else [value]
        unknown = [v for v in values if v not in field.choices]
        if op not in ("=", "in") or unknown or not values:
            raise RuleRefused(
                f"{place}.value", "Not one of the choices.", f"Use = or in with: {', '.join(field.choices)}."
            )
        return Q(**{f"{field.path}__in": values})
    if field.kind == "text":
        if op != "=" or not isinstance(value, str) or not 0 < len(value) <= 120 or "\0" in value:
            raise RuleRefused(f"{place}.value", "Not a short text compared by =.", 'Use op "=" and up to 120 letters.')
        return Q(**{field.path: value})
    if op not in NUMBER_OPS:
        raise RuleRefused(f"{place}.op", "Numbers are not compared like this.", f"Use one of {', '.join(NUMBER_OPS)}.")
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or abs(value) > 1e9:
        raise RuleRefused(f"{place}.value", "Not a number to compare with.", "Use a number such as 4 or 12.50.")
    if field.kind == "days":  # "known for at least 90 days" is a date at most 90 days ago
        flipped = {"gte": "lte", "lte": "gte", "gt": "lt", "lt": "gt"}.get(NUMBER_OPS[op])
        if flipped is None:
            raise RuleRefused(f"{place}.op", "A number of days is compared by more or less.", "Use >=, <=, > or <.")
        if not 0 <= value <= MAX_DAYS:
            raise RuleRefused(f"{place}.value", "Not a number of days.", f"Use a number from 0 to {MAX_DAYS}.")
        return Q(**{f"{field.path}__{flipped}": timezone.now() - timedelta(days=value)})
    return Q(**{f"{field.path}__{NUMBER_OPS[op]}": value})


def reading(rule: dict) -> str:
    """The rule in plain words, as people check it: “recency score at least 4 and (age is 25-34 or …)”."""
    if "not" in rule:
        return f"not ({reading(rule['not'])})"
    for joint, word in (("all", " and "), ("any", " or ")):
        if joint in rule:
            parts = [reading(part) for part in rule[joint]]
            return parts[0] if len(parts) == 1 else word.join(f"({p})" if " or " in p else p for p in parts)
    field, value = FIELDS[rule["field"]], rule["value"]
    if isinstance(value, list):
        return f"{field.label} is {' or '.join(map(str, value))}"
    return f"{field.label} {WORDS[rule['op']]} {value}"


def members(segment: Segment) -> QuerySet[Customer]:
    """Everybody in the segment, whatever the gate will say of them later."""
    return Customer.objects.present().filter(compile_rule(segment.rule))


def reachable(people: QuerySet[Customer], channel: str = "email") -> QuerySet[Customer]:
    """Those of them whom a campaign may write to now, before caps."""
    return people.filter(pk__in=contactable("marketing", channel).values("pk"))


def samples(segment: Segment, number: int = 10) -> list[Customer]:
    """A few people of the segment with their profiles, the smallest ids first."""
    return list(members(segment).select_related("profile").order_by("pk")[:number])


def visible(merchant=None) -> QuerySet[Segment]:
    rows = Segment.objects.order_by("name")
    return rows if merchant is None else rows.filter(merchant=merchant)
