"""Segments: a typed rule tree from an allow-list of fields, compiled to one query, never from text.

A rule is {"all": [rules]}, {"any": [rules]}, {"not": rule} or {"field": name, "op": op, "value": value}, the last one with
"days": number where it asks for something of the last days. The fields are those of `rule_fields`.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from campaigns.exceptions import RuleRefused
from campaigns.models import Segment
from campaigns.queries.rule_fields import FIELDS, GIVEN, Field, bought, consented, counted
from customers.models import Customer
from customers.queries.consent import contactable

MAX_DEPTH = 6
MAX_LEAVES = 60
MAX_DAYS = 36_500  # a century: beyond some millions the calendar itself ends


NUMBER_OPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "=": "exact"}
WORDS = {">=": "at least", "<=": "at most", ">": "over", "<": "under", "=": "is", "in": "is one of"}


@dataclass
class _Compiler:
    """One rule on its way to a condition: what may still be used, and the segments that it is inside of."""

    merchant_id: int | None
    inside: tuple[str, ...]
    left: int = MAX_LEAVES

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
        field = FIELDS.get(rule["field"]) if isinstance(rule.get("field"), str) else None
        if "field" in rule and field is None:
            raise RuleRefused(f"{place}.field", "No such field.", f"Use one of: {', '.join(FIELDS)}.")
        wanted = {"field", "op", "value"} | ({"days"} if field and field.has_days else set())
        if set(rule) != wanted:
            names = "field, op, value and days" if "days" in wanted else "field, op and value"
            raise RuleRefused(place, f"A condition has exactly {names}.", "Remove or add what differs.")
        op, value = rule["op"], rule["value"]
        if field.kind in ("choice", "consent"):
            return _choice(field, op, value, place)
        if field.kind in ("text", "bought"):
            _short_text(op, value, place)
            if field.kind == "text":
                return Q(**{field.path: value})
            return Q(pk__in=bought(field.path, value, _since(rule["days"], place)))
        if field.kind == "segment":
            return self.other(value, op, place, depth)
        return _number(field, op, value, rule.get("days"), place)

    def other(self, slug: object, op: object, place: str, depth: int) -> Q:
        """Whoever is in another segment: its rule stands in this one's place, so that all of it is one statement."""
        _short_text(op, slug, place)
        if slug in self.inside:
            raise RuleRefused(f"{place}.value", "A segment cannot be part of itself.", "Choose another segment.")
        # A merchant's segment may build on its own and on the platform's, the platform's on the platform's alone.
        found = Segment.objects.filter(Q(merchant=None) | Q(merchant=self.merchant_id), slug=slug)
        segment = found.order_by(F("merchant").asc(nulls_last=True)).first()
        if segment is None:
            raise RuleRefused(f"{place}.value", "No such segment.", "Choose one of those that stand.")
        deeper = _Compiler(self.merchant_id, (*self.inside, slug), self.left)
        condition = deeper.rule(segment.rule, f"{place}.value", depth + 1)
        self.left = deeper.left
        return condition


def compile_rule(rule: object, *, merchant_id: int | None = None, slug: str = "") -> Q:
    """The condition on Customer that this rule means. Raises RuleRefused naming the place, the reason and the remedy.

    `slug` is the rule's own segment, so that it is not built on itself.
    """
    return _Compiler(merchant_id, (slug,) if slug else ()).rule(rule, "rule")


def _choice(field: Field, op: object, value: object, place: str) -> Q:
    values = value if isinstance(value, list) else [value]
    unknown = [v for v in values if v not in field.choices]
    if op not in ("=", "in") or unknown or not values:
        raise RuleRefused(f"{place}.value", "Not one of the choices.", f"Use = or in with: {', '.join(field.choices)}.")
    if field.kind == "choice":
        return Q(**{f"{field.path}__in": values})
    yes = Q(pk__in=consented(field.path))
    return yes | ~yes if len(set(values)) == 2 else yes if GIVEN in values else ~yes


def _short_text(op: object, value: object, place: str) -> None:
    if op != "=" or not isinstance(value, str) or not 0 < len(value) <= 120 or "\0" in value:
        raise RuleRefused(f"{place}.value", "Not a short text compared by =.", 'Use op "=" and up to 120 letters.')


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _since(days: object, place: str) -> datetime:
    if not _is_number(days) or not 0 < days <= MAX_DAYS:
        raise RuleRefused(f"{place}.days", "Not a number of days.", f"Use a number over 0, up to {MAX_DAYS}.")
    return timezone.now() - timedelta(days=days)


def _number(field: Field, op: object, value: object, days: object, place: str) -> Q:
    if op not in NUMBER_OPS:
        raise RuleRefused(f"{place}.op", "Numbers are not compared like this.", f"Use one of {', '.join(NUMBER_OPS)}.")
    if not _is_number(value) or abs(value) > 1e9:
        raise RuleRefused(f"{place}.value", "Not a number to compare with.", "Use a number such as 4 or 12.50.")
    if field.kind == "count":
        return counted(field, op, value, _since(days, place))
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
    if field.kind == "segment":
        return f"{field.label} “{value}”"
    within = f" in the last {rule['days']} days" if field.has_days else ""
    if field.kind == "bought":
        return f"{field.label} {value}{within}"
    return f"{field.label}{within} {WORDS[rule['op']]} {value}"


def members(segment: Segment) -> QuerySet[Customer]:
    """Everybody in the segment, whatever the gate will say of them later."""
    condition = compile_rule(segment.rule, merchant_id=segment.merchant_id, slug=segment.slug)
    return Customer.objects.present().filter(condition)


def reachable(people: QuerySet[Customer], channel: str = "email") -> QuerySet[Customer]:
    """Those of them whom a campaign may write to now, before caps."""
    return people.filter(pk__in=contactable("marketing", channel).values("pk"))


def samples(segment: Segment, number: int = 10) -> list[Customer]:
    """A few people of the segment with their profiles, the smallest ids first."""
    return list(members(segment).select_related("profile").order_by("pk")[:number])


def visible(merchant=None) -> QuerySet[Segment]:
    rows = Segment.objects.order_by("name")
    return rows if merchant is None else rows.filter(merchant=merchant)
