"""What two records said, after they turned out to be one person: for each purpose and channel the stricter of the two.

The ledger keeps each record's own acts for ever; a merge appends what changes for the kept record, and so does taking it
back. Silence says nothing: a word that only one of them gave stands.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from customers.contracts import ALLOWING, NOES, Action, Channel, NewConsent
from customers.identity import STRICTNESS
from customers.models import ConsentRecord, ConsentState
from customers.services import consent, shells

METHOD, METHOD_BACK = "merge", "merge taken back"
ENDED = NOES | {Action.EXPIRED}
Key = tuple[str, str]  # (purpose, channel)


@dataclass(frozen=True, slots=True)
class _Word:
    """One record's newest word, with what its proof says."""

    action: str
    valid_until: datetime | None
    lawful_basis: str
    notice_version: str
    language: str
    jurisdiction: str
    origin: str
    came_as: int | None = None  # the merged record that it was said for

    @property
    def is_yes(self) -> bool:
        return self.action in ALLOWING

    def same(self, other: "_Word | None") -> bool:
        if other is None or self.is_yes != other.is_yes:
            return False
        return self.valid_until == other.valid_until if self.is_yes else self.action == other.action


def bring_together(kept_id: int, merged_id: int, actor) -> dict:
    """Appends what makes the kept record's words the stricter of both; returns what `take_apart` needs."""
    kept, merged = _words(kept_id), _words(merged_id)
    before = _record_ids(kept_id)
    both = {key: (_effective(kept, key), _effective(merged, key)) for key in kept.keys() | merged.keys()}
    wanted = {key: word for key, words in both.items() if (word := _stricter(*words)) is not None}
    _append(kept_id, wanted, kept, METHOD, actor)
    after = _record_ids(kept_id)
    changed = [[*key, before.get(key), record_id] for key, record_id in after.items() if before.get(key) != record_id]
    return {"consent": changed, "said_until": max([*after.values(), *_record_ids(merged_id).values()], default=0)}


def take_apart(kept_id: int, merged_id: int, came: Collection[int], moved: Mapping, actor) -> None:
    """Gives each record its own words back; what the person said since holds for both where it is a no.

    `came`: the merged record and all that stand in it. A yes that came for one of them, by an old link, is the merged
    record's, and the kept one has what it said itself.
    """
    kept, merged = _words(kept_id), _words(merged_id)
    now = _record_ids(kept_id)
    by_merge = {after for *_, after in moved["consent"]}
    wanted = dict(kept)
    for purpose, channel, before, after in moved["consent"]:
        if now.get((purpose, channel)) == after:
            wanted[purpose, channel] = _from_record(before) if before else _lapsed(kept[purpose, channel])
    own, noes = {}, {}
    since = _said_since(kept_id, moved["said_until"])
    for key in since.keys() | merged.keys() | now.keys():
        said = _speaking_for(since, key)
        if not said:
            continue
        through = next((word for _, word in said if word.came_as in came), None)
        if through is not None:
            own[key] = through
        record_id, newest = said[0]
        if newest.action in NOES:
            noes[key] = newest
        elif newest.is_yes and newest.came_as in came and now.get(key) == record_id:
            wanted[key] = _earlier(kept_id, key, came, by_merge) or _lapsed(newest)
    _append(kept_id, wanted, kept, METHOD_BACK, actor)
    _append(merged_id, merged | own | noes, merged, METHOD_BACK, actor)


def _said_since(kept_id: int, record_id: int) -> dict[Key, list[tuple[int, _Word]]]:
    """Every yes and no after this record, the newest first. What a merge brought along nobody said."""
    rows = ConsentRecord.objects.filter(customer_id=kept_id, pk__gt=record_id, action__in=[*ALLOWING, *NOES])
    said: dict[Key, list[tuple[int, _Word]]] = {}
    for row in rows.exclude(method=METHOD).order_by("-pk"):
        said.setdefault((row.purpose, row.channel), []).append((row.pk, _of(row)))
    return said


def _speaking_for(since: Mapping[Key, list[tuple[int, _Word]]], key: Key) -> list[tuple[int, _Word]]:
    """What was said of this channel, with every no to all channels in its place."""
    to_all = since.get((key[0], Channel.ANY), []) if key[1] != Channel.ANY else []
    noes = [(pk, word) for pk, word in to_all if word.action in NOES]
    return sorted([*since.get(key, []), *noes], key=lambda one: -one[0])


def _earlier(kept_id: int, key: Key, came: Collection[int], by_merge: Collection[int]) -> _Word | None:
    """The newest word for this key that no merge brought and that is no yes of these: a no of theirs holds for both."""
    purpose, channel = key
    rows = ConsentRecord.objects.filter(customer_id=kept_id, purpose=purpose, channel__in=[channel, Channel.ANY])
    for row in rows.exclude(pk__in=by_merge).exclude(action=Action.REQUESTED).order_by("-pk"):
        word = _of(row)
        if word.action in NOES or (word.came_as not in came and row.channel == channel):
            return word
    return None


def _lapsed(word: _Word) -> _Word:
    return replace(word, action=Action.EXPIRED, valid_until=None)


def said_no_since(kept_id: int, record_id: int) -> bool:
    """Whether the person refused anything after this record, by themselves."""
    rows = ConsentRecord.objects.filter(customer_id=kept_id, pk__gt=record_id, action__in=NOES)
    return rows.exclude(method__in=(METHOD, METHOD_BACK)).exists()


def _words(customer_id: int) -> dict[Key, _Word]:
    states = ConsentState.objects.filter(customer=customer_id).select_related("record")
    return {(state.purpose, state.channel): _of(state.record) for state in states}


def _from_record(record_id: int) -> _Word:
    return _of(ConsentRecord.objects.get(pk=record_id))


def _of(record: ConsentRecord) -> _Word:
    return _Word(
        record.action, record.valid_until, record.lawful_basis, record.notice_version, record.language,
        record.jurisdiction, record.origin, shells.came_as(record.actor),
    )  # fmt: skip


def _record_ids(customer_id: int) -> dict[Key, int]:
    rows = ConsentState.objects.filter(customer=customer_id).values_list("purpose", "channel", "record_id")
    return {(purpose, channel): record_id for purpose, channel, record_id in rows}


def _effective(words: Mapping[Key, _Word], key: Key) -> _Word | None:
    """The word for a channel; where there is none, a no to all channels speaks for it. An open question is silence."""
    general = words.get((key[0], Channel.ANY))
    word = words.get(key) or (general if general is not None and general.action in NOES else None)
    return None if word is None or word.action == Action.REQUESTED else word


def _stricter(kept: _Word | None, merged: _Word | None) -> _Word | None:
    if kept is None and merged is not None and merged.action == Action.EXPIRED:
        return None  # nothing is allowed and nothing was: there is nothing to lapse
    said = [word for word in (kept, merged) if word is not None]
    if len(said) == 2 and said[0].is_yes and said[1].is_yes:
        ends = [word.valid_until for word in said if word.valid_until is not None]
        return replace(said[0], valid_until=min(ends, default=None))
    return min(said, key=lambda word: STRICTNESS.index(word.action), default=None)


def _append(customer_id: int, wanted: Mapping[Key, _Word], current: Mapping[Key, _Word], method: str, actor) -> None:
    """Appends the fewest acts that lead from the current words to the wanted ones.

    A no to all channels closes each of them, so it comes first and what stays allowed is said again after it.
    """
    now, acts = dict(current), []
    for key in sorted(wanted, key=lambda key: (key[0], key[1] != Channel.ANY, key[1])):
        word = wanted[key]
        if word.same(now.get(key)):
            continue
        acts.append(_act(customer_id, key, word, before=now.get(key), method=method, actor=actor))
        now[key] = word
        if key[1] == Channel.ANY and not word.is_yes:
            now |= {other: word for other in now if other[0] == key[0]}
    consent.record_many(acts)


def _act(customer_id: int, key: Key, word: _Word, *, before: _Word | None, method: str, actor) -> NewConsent:
    # A yes was given to another record of the same person, where its proof stands; the ledger lets an import follow no no.
    yes = Action.GIVEN if before is not None and before.action in ENDED else Action.IMPORTED
    return NewConsent(
        customer_id=customer_id,
        purpose=key[0],
        channel=key[1],
        action=yes if word.is_yes else word.action,
        lawful_basis=word.lawful_basis,
        method=method,
        actor=f"staff:{actor.pk}" if actor else "rule",
        origin=word.origin,
        notice_version=word.notice_version,
        language=word.language,
        jurisdiction=word.jurisdiction,
        valid_until=word.valid_until,
        came_as=None if word.came_as == customer_id else word.came_as,
    )
