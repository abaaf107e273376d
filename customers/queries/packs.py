"""Jurisdiction packs: what the law of a place asks for, as data in customers/packs/*.toml, each rule with its article.

Who knows no jurisdiction of a person applies the pack of STRICTEST. A lawyer changes a file; no code.
"""

import tomllib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from customers.contracts import Channel, LawfulBasis, Purpose

FOLDER = Path(__file__).resolve().parents[1] / "packs"
STRICTEST = "EU"
LANGUAGES = ("en", "zh")
# What can be asked for, one purpose and one channel each: in the words that people know them by.
SUBJECTS: dict[str, tuple[Purpose, Channel]] = {
    "email": (Purpose.MARKETING, Channel.EMAIL),
    "sms": (Purpose.MARKETING, Channel.SMS),
    "push": (Purpose.MARKETING, Channel.PUSH),
    "social": (Purpose.MARKETING, Channel.SOCIAL),
    "store": (Purpose.MARKETING, Channel.STORE),
    "profiling": (Purpose.PROFILING, Channel.ANY),
    "model_training": (Purpose.MODEL_TRAINING, Channel.ANY),
    "third_party": (Purpose.THIRD_PARTY, Channel.ANY),
}


@dataclass(frozen=True, slots=True)
class Rule:
    value: object
    article: str


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one purpose in one language, with the version that they are published under."""

    subject: str
    language: str
    version: str
    text: str
    article: str


@dataclass(frozen=True, slots=True)
class Pack:
    code: str
    name: str
    basis: dict[str, Rule]
    quiet_begin: time
    quiet_end: time
    quiet_article: str
    quiet_channels: tuple[str, ...]
    quiet_zones: tuple[ZoneInfo, ...]
    label: dict[str, str]
    label_article: str
    is_label_in_subject: bool
    request: dict[str, object]
    consent: dict[str, Rule]
    wordings: dict[tuple[str, str], Wording]

    def basis_of(self, subject: str) -> LawfulBasis:
        return LawfulBasis(self.basis[subject].value)

    def due(self, received: datetime) -> datetime:
        """By when a request of a person must be answered: months by the calendar, or days."""
        months = int(self.request["months"])
        return received + (relativedelta(months=months) if months else timedelta(days=int(self.request["days"])))

    def valid_until(self, given: datetime) -> datetime:
        return given + relativedelta(months=int(self.consent["valid_months"].value))

    def confirm_until(self, asked: datetime) -> datetime:
        """How long the link of a double opt-in waits for its second step."""
        return asked + timedelta(days=int(self.consent["confirm_days"].value))

    def may_ask_from(self, said_no: datetime) -> datetime:
        """The first moment at which somebody who said no may be asked again."""
        return said_no + relativedelta(months=int(self.consent["ask_again_months"].value))

    def awake_from(self, at: datetime, zone: str = "") -> datetime:
        """The first moment from `at` on (aware) that lies in no quiet hours of the person's zone; where that is not known,
        of any zone of the jurisdiction.
        """
        zones = _zones(zone) or self.quiet_zones
        found = at
        # Each step passes the end of one night: more than two rounds mean that it is always night somewhere.
        for _ in range(2 * len(zones)):
            asleep = next((one for one in zones if self._is_quiet(found.astimezone(one).time())), None)
            if asleep is None:
                return found
            local = found.astimezone(asleep)
            day = local.date() + timedelta(days=1 if local.time() >= self.quiet_end else 0)
            found = datetime.combine(day, self.quiet_end, asleep).astimezone(at.tzinfo)
        return found

    def _is_quiet(self, local: time) -> bool:
        if self.quiet_begin <= self.quiet_end:
            return self.quiet_begin <= local < self.quiet_end
        return local >= self.quiet_begin or local < self.quiet_end

    def wording(self, subject: str, language: str) -> Wording:
        return self.wordings[subject, language if language in LANGUAGES else LANGUAGES[0]]


def _zones(name: str) -> tuple[ZoneInfo, ...]:
    """A person's own zone, as the platform named it; () for none or one that does not exist."""
    try:
        return (ZoneInfo(name),) if name else ()
    except (ValueError, OSError, KeyError):  # KeyError: ZoneInfoNotFoundError
        return ()


def pack(jurisdiction: str) -> Pack:
    """The pack of a person's jurisdiction; where none fits, the strictest."""
    return packs().get(jurisdiction.upper(), packs()[STRICTEST])


@cache
def packs() -> dict[str, Pack]:
    """Every pack by its code. A file that lacks a rule or an article stops whoever asks first, and names itself."""
    return {found.code: found for found in map(_read, sorted(FOLDER.glob("*.toml")))}


def _read(path: Path) -> Pack:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return Pack(
            code=data["code"],
            name=data["name"],
            basis={name: Rule(**data["basis"][name]) for name in SUBJECTS},
            quiet_begin=time.fromisoformat(data["quiet_hours"]["begin"]),
            quiet_end=time.fromisoformat(data["quiet_hours"]["end"]),
            quiet_article=data["quiet_hours"]["article"],
            quiet_channels=tuple(data["quiet_hours"]["channels"]),
            quiet_zones=tuple(ZoneInfo(name) for name in data["quiet_hours"]["zones"]),
            label={language: data["label"][language] for language in LANGUAGES},
            label_article=data["label"]["article"],
            is_label_in_subject=data["label"].get("in_subject", False),
            request=data["request"],
            consent={name: Rule(**rule) for name, rule in data["consent"].items()},
            wordings={
                (subject, language): Wording(
                    subject,
                    language,
                    f"{data['code'].lower()}-{subject}-{language}-{data['version']}",
                    data["wording"][subject][language],
                    data["wording"][subject]["article"],
                )
                for subject in SUBJECTS
                for language in LANGUAGES
            },
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise ValueError(f"{path.name}: {fault!r} is missing or wrong.") from None
