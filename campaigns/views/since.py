"""What differs from the last approval, for people: rules as sentences, texts with their changed words, people as numbers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from campaigns.models import Approval
from campaigns.queries.rule_words import reading
from campaigns.queries.since import Moved, offer_titles, segment_names
from campaigns.views.figures import Bar
from copywriting.services.provenance import diff

NOTHING = "–"
PARTS = {"subject": lazy("subject"), "body": lazy("text")}


@dataclass(frozen=True)
class Change:
    """One thing that differs. `marked` are its words with what is gone and new, where words can be compared."""

    what: str
    before: str
    after: str
    marked: list[tuple[str, str]] | None = None


@dataclass(frozen=True)
class Crowd:
    """Who came and went: of a segment by name, or of the whole audience."""

    name: str
    people: Moved
    bars: list[Bar]


@dataclass(frozen=True)
class Since:
    """Context of campaigns/_since.html."""

    approval: Approval
    rules: list[Change]
    texts: list[Change]
    plan: list[Change]
    crowds: list[Crowd]

    @property
    def is_same(self) -> bool:
        """Whether the content is the same and, where that is known, everybody is too."""
        moved = self.crowds and (self.crowds[0].people.came or self.crowds[0].people.left)
        return not (self.rules or self.texts or self.plan or moved)


def since(approval: Approval, content: dict, moved: list[dict]) -> Since:
    """Three queries: names of segments and offers. `moved` is plain, of campaigns.services.readthrough."""
    before, after = approval.content, content
    people = [Moved(**one) for one in moved]
    names = _names(
        {part["id"] for side in (before, after) for part in side["segments"]} | {one.segment for one in people}
    )
    return Since(
        approval=approval,
        rules=_rules(before, after, names),
        texts=_texts(before, after, names),
        plan=_plan(before, after),
        crowds=[Crowd(_("Everybody") if p.segment is None else names[p.segment], p, _bars(p)) for p in people],
    )


def _names(segments: set) -> dict[int, str]:
    known = segment_names(segments - {None})
    return {pk: known.get(pk, _("segment %(number)s") % {"number": pk}) for pk in segments if pk is not None}


def _rules(before: dict, after: dict, names: dict[int, str]) -> list[Change]:
    old, new = ({part["id"]: part for part in side["segments"]} for side in (before, after))
    found = []
    for pk in [*new, *(pk for pk in old if pk not in new)]:
        was, now = (_sentences(side[pk]) if pk in side else "" for side in (old, new))
        if was != now:
            found.append(Change(names[pk], was, now, diff(was, now) if was and now else None))
    order = [[names[part["id"]] for part in side["segments"]] for side in (before, after)]
    if order[0] != order[1] and set(order[0]) == set(order[1]):
        found.append(Change(_("Order of the segments"), *(", ".join(one) for one in order)))
    return found


def _sentences(part: dict) -> str:
    """The rule as people read it, and that of every segment it builds on."""
    beneath = [f"“{one['slug']}”: {_sentence(one['rule'])}" for one in part.get("builds_on", ())]
    return "; ".join([_sentence(part["rule"]), *beneath])


def _sentence(rule: dict) -> str:
    try:
        return reading(rule)
    except (KeyError, TypeError):  # a rule of a field that is no longer known
        return json.dumps(rule, ensure_ascii=False)


def _texts(before: dict, after: dict, names: dict[int, str]) -> list[Change]:
    """Of every variant and advertisement whose words differ, by its segment, label and channel."""
    old, new = _said(before), _said(after)
    several = len({channel for _, channel, *_ in (*old, *new) if channel}) > 1
    found = []
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = old.get(key, ""), new.get(key, "")
        if was != now:
            segment, channel, *more, part = key
            said = [_(channel) if several and channel else "", *more, str(PARTS[part])]
            what = " · ".join([names.get(segment, str(segment)), *(one for one in said if one)])
            found.append(Change(what, was, now, diff(was, now) if was and now else None))
    return found


def _said(content: dict) -> dict[tuple, str]:
    """By segment, channel, label, platform and part. Where words name no channel there are those of the first alone."""
    first = content["campaign"]["channels"][0]
    rows = [(row.get("channel", first), row["label"], "", row) for row in content["variants"]]
    rows += [("", "", row["target"], row) for row in content.get("ads", ())]
    return {
        (row["segment"], channel, label, target, part): row[part]
        for channel, label, target, row in rows
        for part in ("subject", "body")
    }


def _plan(before: dict, after: dict) -> list[Change]:
    found = []
    if before["offer"] != after["offer"]:
        titles = offer_titles(side["offer"]["id"] for side in (before, after) if side["offer"])
        found.append(Change(_("Offer"), *(_offer(side["offer"], titles) for side in (before, after))))
    if before["model_version"] != after["model_version"]:
        found.append(
            Change(_("Model that chose the products"), *(_model(side["model_version"]) for side in (before, after)))
        )
    was, now = before["campaign"], after["campaign"]
    for name in [*now, *(name for name in was if name not in now)]:
        if was.get(name) != now.get(name) and (was.get(name) or now.get(name)):
            label = str(LABELS[name]) if name in LABELS else name.replace("_", " ")
            old, new = (SHOWN.get(name, plain)(side[name]) if side.get(name) else NOTHING for side in (was, now))
            found.append(Change(label, old, new))
    return found


def _offer(offer: dict | None, titles: dict[int, str]) -> str:
    if offer is None:
        return NOTHING
    given = {
        "title": titles.get(offer["id"], offer["id"]),
        "version": offer["version"],
        "value": f"{offer['value']} %" if offer["kind"] == "percent" else f"{offer['value']} {offer['currency']}",
        "ends": moment(offer["ends_at"]),
    }
    if offer["value"] is None:
        return _("%(title)s, version %(version)s, until %(ends)s") % given
    return _("%(title)s, version %(version)s: %(value)s off until %(ends)s") % given


def _model(version: int | None) -> str:
    return _("version %(number)s") % {"number": version} if version else _("none: the common list")


def _bars(people: Moved) -> list[Bar]:
    """From then to now on one scale: who left is cut off, who came is put on."""
    whole = max(people.stayed + people.left, people.now, 1)
    stayed = people.stayed / whole
    return [
        Bar(_("approved last"), people.before, people.before / whole, kind="all", strong=True),
        Bar(_("left since"), people.left, people.left / whole, stayed, "excluded"),
        Bar(_("stayed"), people.stayed, stayed),
        Bar(_("came in since"), people.came, people.came / whole, stayed, "good"),
        Bar(_("now"), people.now, people.now / whole, kind="treated", strong=True),
    ]


# --- how the values of a plan read


def plain(value: object) -> str:
    if value is True:
        return _("yes")
    if isinstance(value, list):
        return ", ".join(plain(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{_(str(key).replace('_', ' '))}: {plain(one)}" for key, one in value.items())
    return _(str(value).replace("_", " ")) if isinstance(value, str) and value.islower() else str(value)


def moment(text: str) -> str:
    return date_format(localtime(parse_datetime(text)), "SHORT_DATETIME_FORMAT")


def share(value: float) -> str:
    return f"{100 * value:g} %"


def _span(seconds: float) -> str:
    return str(timedelta(seconds=seconds))


def _text(value: str) -> str:
    return str(value)


SHOWN: dict[str, Callable] = {
    "name": _text, "goal": _text, "shared_code": _text, "utm_campaign": _text, "salt": _text,
    "scheduled_at": moment, "holdout_share": share, "waves": lambda value: ", ".join(map(share, value)),
    "stop_limits": lambda value: ", ".join(f"{_(name)}: {share(one)}" for name, one in value.items()),
    "wave_wait": _span, "late_after": _span, "local_at": lambda value: value.replace("T", " "),
    "places": lambda value: ", ".join(f"{one['zone']} ({one['people']:,})" for one in value),
}  # fmt: skip
LABELS = {
    "name": lazy("Name"), "goal": lazy("Goal"), "merchant": lazy("Merchant"), "tone": lazy("Tone"), "kind": lazy("Kind"),
    "trigger": lazy("Trigger"), "channels": lazy("Channels"), "holdout_share": lazy("Hold-out"),
    "items_per_message": lazy("Products in a message"), "block": lazy("Choice of the products"),
    "festival": lazy("Festival"), "codes": lazy("Coupon codes"), "shared_code": lazy("Code for everybody"),
    "utm_campaign": lazy("UTM campaign"), "split": lazy("Split of the variants"), "cap_days": lazy("Days between two messages"),
    "caps": lazy("Further caps"), "attribution_days": lazy("Days in which an order counts"),
    "scheduled_at": lazy("Time of the send"), "local_at": lazy("Hour on the recipient's clock"),
    "places": lazy("People by time zone"), "per_second": lazy("Messages a second"), "waves": lazy("Waves"),
    "wave_wait": lazy("Wait between waves"), "stop_limits": lazy("Limits that stop the send"),
    "keeps_email_quiet": lazy("E-mail keeps quiet hours"), "late_after": lazy("Asks again when late by"),
}  # fmt: skip
