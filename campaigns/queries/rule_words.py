"""How a rule reads in plain words, so that people can check it: every field, every joint, every "not"."""

from django.db.models import Sum
from django.utils.translation import gettext as _

from campaigns.queries.rule_fields import FIELDS, Field


def op_words(op: str) -> str:
    """“at least” and its like, in the language of the reader."""
    return {">=": _("at least"), "<=": _("at most"), ">": _("over"), "<": _("under"), "=": _("exactly")}[op]


def reading(rule: dict) -> str:
    """“people with recency score at least 4 and not (those who bought brand “X” …)”. Raises KeyError or TypeError for what
    is no rule.
    """
    return _("people %(who)s") % {"who": _who(rule)}


def _who(rule: dict) -> str:
    if "not" in rule:
        inner = rule["not"]
        words = _who(inner)
        return (
            _("not those (%(who)s)") % {"who": words} if _is_joined(inner) else _("not those %(who)s") % {"who": words}
        )
    for joint, words in (("all", _("%(one)s and %(other)s")), ("any", _("%(one)s or %(other)s"))):
        if joint in rule:
            if not rule[joint]:
                raise KeyError(joint)
            parts = [f"({_who(p)})" if _is_joined(p) and len(rule[joint]) > 1 else _who(p) for p in rule[joint]]
            whole = parts[0]
            for part in parts[1:]:
                whole = words % {"one": whole, "other": part}
            return whole
    return _leaf(rule, FIELDS[rule["field"]])


def _is_joined(rule: dict) -> bool:
    """Whether its words hold an “and” or “or” that could be read together with what stands beside it."""
    parts = next((rule[joint] for joint in ("all", "any") if joint in rule), None)
    return bool(parts) and (len(parts) > 1 or _is_joined(parts[0]))


def _leaf(rule: dict, field: Field) -> str:
    given = {"label": field.label, "value": rule["value"], "of": rule.get("of", ""), "days": rule.get("days", "")}
    if field.kind in ("choice", "consent", "flag"):
        values = rule["value"] if isinstance(rule["value"], list) else [rule["value"]]
        given["value"] = _(" or ").join(map(str, values))
    elif field.kind not in ("text", "segment", "list", "bought"):
        given["op"] = op_words(rule["op"])
    if field.kind == "count" and field.has_of:
        given["label"] = f"{field.label} “{given['of']}”"
    return _pattern(field) % given


def _pattern(field: Field) -> str:
    if field.kind == "count" and isinstance(field.total, Sum):
        return _("with %(label)s of %(op)s %(value)s in the last %(days)s days")
    return {
        "choice": _("with %(label)s: %(value)s"),
        "consent": _("with %(label)s: %(value)s"),
        "flag": _("with %(label)s: %(value)s"),
        "text": _("with %(label)s “%(value)s”"),
        "segment": _("who %(label)s “%(value)s”"),
        "list": _("who %(label)s “%(value)s”"),
        "bought": _("who %(label)s “%(value)s” in the last %(days)s days"),
        "count": _("with %(op)s %(value)s %(label)s in the last %(days)s days"),
        "share": _("with %(op)s %(value)s as %(label)s in “%(of)s”"),
        "days": _("with %(op)s %(value)s %(label)s"),
        "ahead": _("with %(op)s %(value)s %(label)s"),
        "number": _("with %(label)s %(op)s %(value)s"),
    }[field.kind]
