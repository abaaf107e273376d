"""The tables of campaigns.state against the diagram they were made from, for every pair of state and action."""

import itertools
import re

import pytest

from campaigns.exceptions import TransitionRefused
from campaigns.state import (
    CAMPAIGN_TERMINAL,
    MESSAGE_HANDED_OVER,
    MESSAGE_OPEN,
    MESSAGE_TERMINAL,
    MESSAGE_TRANSITIONS,
    TRANSITIONS,
    Action,
    CampaignState,
    Kind,
    MessageAction,
    MessageState,
    allowed_actions,
    next_message_state,
    next_state,
)

# The design, as it was drawn; one line a way, "a, b -act-> c" for several origins.
SHARED = """
draft -generate-> generating -drafted-> in_review -approve-> approved
generating -fail-> draft
in_review, approved -edit-> draft
in_review -send_back-> draft
approved -expire-> in_review
draft, generating, in_review, approved, paused -cancel-> cancelled
"""
SCHEDULED = """
approved -schedule-> scheduled -start-> sending -finish-> sent
scheduled -unschedule-> approved
scheduled -edit-> draft
scheduled -expire-> in_review
sending -pause-> paused
paused -resume-> sending
scheduled, sending -cancel-> cancelled
"""
TRIGGERED = """
approved -start-> running -finish-> sent
running -pause-> paused
paused -resume-> running
running -cancel-> cancelled
"""
MESSAGE = """
queued -claim-> sending -send-> sent -deliver-> delivered
sending -fail-> failed
queued, sending -skip-> skipped
sending -lose-> unknown
sending -release-> queued
sent, delivered, unknown -bounce-> bounced
sent, delivered, unknown -complain-> complained
unknown -deliver-> delivered
unknown -send-> sent
"""


def ways(diagram):
    """{(state, action): state} of a diagram."""
    found = {}
    for line in diagram.strip().splitlines():
        parts = re.split(r" -(\w+)-> ", line)
        for origins, action, target in zip(parts[0::2], parts[1::2], parts[2::2], strict=False):
            for origin in origins.split(", "):
                assert (origin, action) not in found
                found[origin, action] = target
    return found


DESIGN = {Kind.SCHEDULED: ways(SHARED + SCHEDULED), Kind.TRIGGERED: ways(SHARED + TRIGGERED), Kind.HISTORY: {}}


@pytest.mark.parametrize("kind", Kind)
def test_every_pair_of_state_and_action_does_what_the_design_says(kind):
    walked = 0
    for state, action in itertools.product(CampaignState, Action):
        walked += 1
        if (state, action) in DESIGN[kind]:
            assert next_state(state, action, kind) == DESIGN[kind][state, action]
        else:
            with pytest.raises(TransitionRefused) as refused:
                next_state(state, action, kind)
            assert (refused.value.current, refused.value.action) == (state, action)
            assert set(refused.value.allowed) == {a for s, a in DESIGN[kind] if s == state}
    assert walked == 10 * 14


def test_every_pair_of_a_message_does_what_the_design_says():
    design = ways(MESSAGE)
    for state, action in itertools.product(MessageState, MessageAction):
        if (state, action) in design:
            assert next_message_state(state, action) == design[state, action]
        else:
            with pytest.raises(TransitionRefused):
                next_message_state(state, action)
    assert len(design) == len(MESSAGE_TRANSITIONS) == 16


def test_what_is_settled_never_returns_to_the_queue():
    for (origin, _), target in MESSAGE_TRANSITIONS.items():
        assert origin in MESSAGE_OPEN or target in MESSAGE_TERMINAL
    assert {"sent", "failed", "skipped", "unknown", "delivered", "bounced", "complained"} == MESSAGE_TERMINAL
    assert {"failed", "skipped", "unknown"} == MESSAGE_TERMINAL - MESSAGE_HANDED_OVER


def test_nothing_is_sent_again_once_it_may_have_gone_out():
    to_sending = {origin for (origin, _), target in MESSAGE_TRANSITIONS.items() if target == "sending"}
    assert to_sending == {"queued"}
    to_queue = {origin for (origin, _), target in MESSAGE_TRANSITIONS.items() if target == "queued"}
    assert to_queue == {"sending"}


@pytest.mark.parametrize("kind", [Kind.SCHEDULED, Kind.TRIGGERED])
def test_every_state_can_be_left_until_the_campaign_is_over(kind):
    reached = {"draft"} | set(TRANSITIONS[kind].values())
    for state in reached:
        assert bool(allowed_actions(state, kind)) == (state not in CAMPAIGN_TERMINAL)
    never = {Kind.SCHEDULED: {"running"}, Kind.TRIGGERED: {"scheduled", "sending"}}[kind]
    assert set(CampaignState) - reached == never


def test_nothing_is_sent_without_an_approval():
    for kind in (Kind.SCHEDULED, Kind.TRIGGERED):
        without = {pair: target for pair, target in TRANSITIONS[kind].items() if pair[1] != "approve"}
        seen, open_ = {"draft"}, ["draft"]
        while open_:
            state = open_.pop()
            for (origin, _), target in without.items():
                if origin == state and target not in seen:
                    seen.add(target)
                    open_.append(target)
        assert seen == {"draft", "generating", "in_review", "cancelled"}


def test_plain_words_of_a_database_row_work_as_well():
    assert next_state("draft", "generate", "scheduled") == "generating"
    assert allowed_actions("approved", "scheduled") == ("edit", "schedule", "expire", "cancel")
    with pytest.raises(TransitionRefused) as refused:
        next_state("sent", "cancel", "scheduled")
    assert str(refused.value) == (
        "A campaign that is sent cannot take the step cancel. Nothing leads out of this state."
    )


def test_an_unknown_kind_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="nonsense"):
        next_state("draft", "generate", "nonsense")
