"""Which act may follow which: a person's last word per purpose and channel against the table of contracts.MAY_FOLLOW."""

from collections.abc import Iterable

from customers.contracts import MAY_FOLLOW, NOES, Action, Channel, NewConsent
from customers.exceptions import ConsentRefused
from customers.models import ConsentState

Words = dict[tuple[int, str, str], Action]  # by customer, purpose and channel: the last act


def last_words(customer_ids: Iterable[int]) -> Words:
    """The newest act of these people, from the projection: one query. It is exact while their shards are locked."""
    rows = ConsentState.objects.filter(customer_id__in=set(customer_ids))
    return {(pk, purpose, channel): Action(action) for pk, purpose, channel, action in rows.values_list(
        "customer_id", "purpose", "channel", "action"
    )}  # fmt: skip


def check(entries: Iterable[NewConsent], words: Words) -> None:
    """Follows the acts in their order, one after the other. Raises ConsentRefused at the first that may not follow."""
    words = dict(words)
    for entry in entries:
        key = (entry.customer_id, str(entry.purpose), str(entry.channel))
        before, action = _before(key, words), Action(entry.action)
        if action not in MAY_FOLLOW[before]:
            after = f"after “{before}”" if before else "as the first word of a person"
            raise ConsentRefused(
                "action",
                f"“{action}” may not stand {after} ({entry.purpose}/{entry.channel}, customer {entry.customer_id}): "
                f"{_remedy(before, action)}",
            )
        words[key] = action
        if entry.channel == Channel.ANY and action in NOES:
            for known in [one for one in words if one[:2] == key[:2]]:
                words[known] = action


def last_word(customer_id: int, purpose: str, channel: str) -> Action | None:
    """What this person said last of it, also by a "no" to all channels."""
    return _before((customer_id, str(purpose), str(channel)), last_words([customer_id]))


def _before(key: tuple[int, str, str], words: Words) -> Action | None:
    """A "no" to all channels speaks for those that were never named."""
    said = words.get(key)
    to_all = words.get((key[0], key[1], str(Channel.ANY)))
    return said if said is not None else to_all if to_all in NOES else None


def _remedy(before: Action | None, action: Action) -> str:
    if action == Action.IMPORTED:
        return "an import does not revive what this person ended. Leave them out of it."
    if action == Action.REQUESTED:
        return "it is allowed already, there is nothing to ask for."
    if action == Action.CONFIRMED:
        return "only an open request can be confirmed. Ask again first."
    return "only what is allowed or asked for can expire."
