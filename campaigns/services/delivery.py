"""Delivery: the row is the queue. Claimed under a lease, asked once more, marked as attempted, sent, recorded.

A crash loses nothing and sends nothing twice: a claimed row that was never attempted returns to the queue, one that was
attempted and has no outcome becomes `unknown` and is left to people. For marketing, one lost beats two sent.
"""

import logging
import time
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from campaigns.contracts import BATCHES, ROUTES, Unsendable, Waterfall
from campaigns.exceptions import (
    AmbiguousOutcome,
    ChannelUnavailable,
    PermanentFailure,
    TransientFailure,
    TransitionRefused,
)
from campaigns.models import AudienceMember, Campaign, Message
from campaigns.queries.places import missed
from campaigns.queries.recipients import Person, people_of
from campaigns.services import aftermath, audience, endpoints, fence, pace, waves
from campaigns.services.approval import is_too_old, still_approved
from campaigns.services.lifecycle import move
from campaigns.services.messages import fill, unrenderable
from campaigns.services.senders import SENDERS, SMTP_TIMEOUT
from campaigns.services.words import faults
from campaigns.state import Action, CampaignState, MessageState
from recommendations.services.exposures import log_exposures

log = logging.getLogger(__name__)

# A second's work of the campaign, between these: what a batch asks for once costs a small one more than its messages do, and
# a lost worker leaves a batch to sort out, of which one row is ambiguous.
BATCH, MOST = 50, 200
LEASE = timedelta(seconds=120)
# A message is begun only while the lease still covers it at its slowest, so that nobody sorts it out under way.
RESERVE = timedelta(seconds=2 * SMTP_TIMEOUT + 2)
# A campaign whose queued messages go out: one that is sent once, or one that answers events for as long as it runs.
SENDS = (CampaignState.SENDING, CampaignState.RUNNING)
MAX_TRIES = 5
# Greylisting servers want to be asked again after some minutes; each further try waits twice as long.
FIRST_PAUSE = timedelta(minutes=5)

# Materialized: a planner that runs the choice again for each row, as it may run a subquery, would choose other rows each
# time, for those that it locked are skipped, and take far more than a batch.
CLAIM = """
WITH chosen AS MATERIALIZED (
    SELECT due.id FROM generate_series(1, %(wave)s) AS open(wave)
    CROSS JOIN LATERAL (
        SELECT m.id FROM campaigns_message m
        WHERE m.campaign_id = %(campaign)s AND m.channel = %(channel)s AND m.state = 'queued' AND m.wave = open.wave
          AND m.not_before <= statement_timestamp()
        ORDER BY m.not_before, m.id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
    ) due LIMIT %(batch)s
)
UPDATE campaigns_message m SET state = 'sending', lease_token = %(token)s, lease_until = now() + %(lease)s,
                               attempted_at = NULL, tries = tries + 1, reason = ''
FROM chosen WHERE m.id = chosen.id RETURNING m.id
"""


TOO_OLD = "Its approval is older than {} days: review it again."


def due() -> list[int]:
    """Scheduled campaigns whose time has come."""
    rows = Campaign.objects.filter(state=CampaignState.SCHEDULED, scheduled_at__lte=timezone.now())
    return list(rows.order_by("scheduled_at").values_list("pk", flat=True))


def waiting() -> list[int]:
    """Approved campaigns that have not started."""
    rows = Campaign.objects.filter(state__in=(CampaignState.APPROVED, CampaignState.SCHEDULED))
    return list(rows.order_by("pk").values_list("pk", flat=True))


def recheck(campaign_id: int) -> bool:
    """Reads an approved campaign that has not started against the facts of now: words that do not hold any more, and an
    approval that has waited for too long, go back to review.
    """
    with transaction.atomic():
        campaign = (
            Campaign.objects.select_for_update(of=("self",)).select_related("offer", "merchant").get(pk=campaign_id)
        )
        if campaign.state not in (CampaignState.APPROVED, CampaignState.SCHEDULED):
            return True
        if is_too_old(campaign):
            move(campaign_id, Action.EXPIRE, reason=TOO_OLD.format(settings.APPROVAL_DAYS))
            return False
        wrong = faults(campaign)
        if wrong:
            move(campaign_id, Action.EXPIRE, reason=f"The words do not hold any more. {wrong[0]}"[:300])
    return not wrong


def start(campaign_id: int, *, actor=None) -> Waterfall | None:
    """Draws the arms and builds the messages of an approved campaign, all in one transaction.

    When the digest has moved since the approval, or the time was missed by more than the campaign allows, it goes back
    to review instead, says why, and None is returned.
    """
    with transaction.atomic():
        campaign = (
            Campaign.objects.select_for_update(of=("self",)).select_related("offer", "merchant").get(pk=campaign_id)
        )
        late = (
            campaign.scheduled_at
            and campaign.late_after
            and timezone.now() - campaign.scheduled_at > campaign.late_after
        )
        if late:
            move(campaign_id, Action.EXPIRE, actor=actor, reason="Its time was missed by more than it may be late.")
            return None
        if is_too_old(campaign):
            move(campaign_id, Action.EXPIRE, actor=actor, reason=TOO_OLD.format(settings.APPROVAL_DAYS))
            return None
        if not still_approved(campaign):
            move(campaign_id, Action.EXPIRE, actor=actor, reason="It is no longer what was approved: review it again.")
            return None
        wrong = faults(campaign)
        if wrong:
            move(campaign_id, Action.EXPIRE, actor=actor, reason=f"The words do not hold any more. {wrong[0]}"[:300])
            return None
        result = audience.draw(campaign, unrenderable(campaign))
        move(campaign_id, Action.START, actor=actor)
        return result


def halt(campaign_id: int, failure: ChannelUnavailable) -> bool:
    """Pauses a campaign whose channel will not come back by itself, and says why; True when it did."""
    if failure.reason not in ("gone", "not_set"):
        return False
    campaign = Campaign.objects.get(pk=campaign_id)
    if failure.reason == "gone":
        endpoints.gone(campaign.merchant_id)
    try:
        move(campaign_id, Action.PAUSE, reason=f"Stopped by itself: {failure.detail}"[:300])
    except TransitionRefused:
        return False  # it sends no more: whoever stopped it was quicker
    return True


def channels_of(campaign_id: int) -> list[str]:
    """Those that send by themselves."""
    return _sending(Campaign.objects.values_list("channels", flat=True).get(pk=campaign_id))


def _sending(channels: list[str]) -> list[str]:
    """Without those whose messages leave as one file, past a second person."""
    return [channel for channel in channels if channel not in BATCHES]


def pause(campaign_id: int, *, actor, reason: str) -> None:
    move(campaign_id, Action.PAUSE, actor=actor, reason=reason)


def resume(campaign_id: int, *, actor) -> None:
    """Goes on. Whoever resumes has seen why it stopped: only what is sent from here on is judged again."""
    with transaction.atomic():
        move(campaign_id, Action.RESUME, actor=actor)
        waves.forget(campaign_id)


def cancel(campaign_id: int, *, actor, reason: str) -> int:
    """Stops for good; what is still queued becomes skipped. Returns how many. What is under way ends as it ends."""
    with transaction.atomic():
        move(campaign_id, Action.CANCEL, actor=actor, reason=reason)
        rows = Message.objects.filter(campaign_id=campaign_id, state=MessageState.QUEUED)
        return rows.update(state=MessageState.SKIPPED, reason="cancelled")


@dataclass
class Batch:
    """A worker's hold on some rows of one channel."""

    campaign: Campaign
    channel: str
    token: uuid.UUID
    messages: list[Message]
    in_server: float = 0.0  # seconds that the provider took
    taken: fence.Taken | None = None  # sent, and recorded with the next question or before anything that waits


def claim(campaign_id: int, size: int = 0, channel: str = "") -> Batch | None:
    """Up to `size` queued rows (0: a second's work) of one channel ("": the first that has any) under a new lease, committed
    before anything is sent; None when there is nothing to do.
    """
    campaign = Campaign.objects.select_related("offer", "merchant").get(pk=campaign_id)
    if campaign.state not in SENDS:
        return None
    if _ask_again(campaign):
        return None
    token, size = uuid.uuid4(), size or min(max(campaign.per_second, BATCH), MOST)
    with connection.cursor() as cursor:
        for one in _sending([channel] if channel else campaign.channels):
            if pace.is_left_alone(pace.provider_of(campaign, one)):
                continue
            asked = {"token": token, "lease": LEASE, "campaign": campaign_id, "channel": one, "batch": size}
            asked["wave"] = campaign.wave
            cursor.execute(CLAIM, asked)
            claimed = [row[0] for row in cursor.fetchall()]
            if claimed:
                return Batch(campaign, one, token, list(Message.objects.filter(pk__in=claimed).order_by("pk")))
    return None


def _ask_again(campaign: Campaign) -> bool:
    """Pauses a campaign whose messages missed the hour at their place by more than it may be late: a person decides."""
    late = missed(campaign, timezone.now())
    if not late:
        return False
    why = f"{late:,} messages missed the hour at their place by more than they may be late. Whoever resumes sends them now."
    try:
        move(campaign.pk, Action.PAUSE, reason=why)
    except TransitionRefused:
        log.info("campaign %s was halted by somebody quicker", campaign.pk)
    return True


def send_batch(campaign_id: int, size: int = 0, channel: str = "") -> int:
    """Claims and sends one batch, as `claim` does; returns how many rows it took. 0: nothing is queued, or the campaign
    does not send.

    Raises ChannelUnavailable after putting back what was not sent.
    """
    batch = claim(campaign_id, size, channel)
    if batch is None and waves.go_on(campaign_id):
        batch = claim(campaign_id, size, channel)
    if batch is None:
        finish_if_done(campaign_id)
        return 0
    began, sender = time.monotonic(), SENDERS[batch.channel]
    people = people_of(message.customer_id for message in batch.messages)
    awake = _let_sleep(batch, people)
    # All of it before the first is sent: what the server took is recorded without waiting for the words of the next.
    built = {
        pk: one if isinstance(one, Unsendable) else sender.build(batch.campaign, one)
        for pk, one in fill(batch.campaign, awake).items()
    }
    sent: list[Message] = []
    pacer = pace.Pacer(batch.campaign, batch.channel)
    try:
        with sender.connect(batch.campaign, SMTP_TIMEOUT).open() as session:
            for message in awake:
                if not isinstance(built[message.pk], Unsendable):
                    pacer.keep(before_waiting=lambda: _record(batch))
                if _send_one(session, batch, message, built[message.pk], people[message.customer_id]):
                    sent.append(message)
            _record(batch)  # before the server is told goodbye, which it may be slow to hear
    finally:
        _record(batch)
        # Whatever stopped the loop, rows that were not attempted go back at once, not when the lease ends, and with the
        # try that they were claimed for: a provider that is away for an hour must not use up what greylisting needs.
        _mine(batch).filter(attempted_at=None).update(
            state=MessageState.QUEUED, tries=F("tries") - 1, lease_token=None, lease_until=None
        )
        _log_exposures(batch, sent)
    pace.note(batch.campaign.pk, batch.channel, batch.in_server, time.monotonic() - began)
    waves.judge(campaign_id)
    finish_if_done(campaign_id)
    return len(batch.messages)


def _mine(batch: Batch):
    return Message.objects.filter(lease_token=batch.token, state=MessageState.SENDING)


def _send_one(session, batch: Batch, message: Message, built: object | Unsendable, person: Person) -> bool:
    """Sends one row and records what came of it; True when the server took it."""
    if isinstance(built, Unsendable):
        _settle(batch, message.pk, MessageState.SKIPPED, reason=built.reason, error=built.detail[:300])
        return False
    if _let_sleep(batch, {message.customer_id: person}, [message]) == []:  # the evening came while the batch was sent
        return False
    asked = time.monotonic()  # before the question: what is decided on its answer ends in time
    reason = _ask(batch, message)
    if reason in ("halted", "lease"):
        return False  # not this worker's any more, or paused: the row goes back untouched
    if reason:
        _settle(batch, message.pk, MessageState.SKIPPED, reason=reason)
        return False
    handed = time.monotonic()
    try:
        provider_id = session.send(replace(built, not_after=asked + SMTP_TIMEOUT)).provider_id
    except PermanentFailure as failure:
        _settle(batch, message.pk, MessageState.FAILED, reason=failure.reason[:20], error=failure.detail[:300])
        aftermath.heed(message, failure.reason)
    except AmbiguousOutcome as failure:
        _settle(batch, message.pk, MessageState.UNKNOWN, reason=failure.reason[:20], error=failure.detail[:300])
    except TransientFailure as failure:
        _try_later(batch, message, failure)
        if isinstance(failure, ChannelUnavailable):
            if failure.retry_after:
                pace.leave_alone(pace.provider_of(batch.campaign, batch.channel), failure.retry_after)
            raise
    else:
        batch.taken = fence.Taken(message.pk, timezone.now(), provider_id[:200])
        return True
    finally:
        batch.in_server += time.monotonic() - handed
    return False


def _let_sleep(batch: Batch, people: dict[int, Person], messages: list[Message] | None = None) -> list[Message]:
    """Puts back, until their morning, the rows of people in their quiet hours; returns the others. It costs no try."""
    now, awake, asleep = timezone.now(), [], {}
    for message in batch.messages if messages is None else messages:
        at = people[message.customer_id].awake_from(now, batch.channel, also_email=batch.campaign.keeps_email_quiet)
        if at > now:
            asleep.setdefault(at, []).append(message.pk)
        else:
            awake.append(message)
    for at, ids in asleep.items():
        _mine(batch).filter(pk__in=ids).update(
            state=MessageState.QUEUED, not_before=at, reason="quiet_hours", tries=F("tries") - 1, lease_token=None,
            lease_until=None,
        )  # fmt: skip
    return awake


def _try_later(batch: Batch, message: Message, failure: TransientFailure) -> None:
    """Back into the queue with a pause, or failed after so many tries; a whole channel that is away costs no pause."""
    if message.tries >= MAX_TRIES:
        _settle(batch, message.pk, MessageState.FAILED, reason=failure.reason[:20], error=failure.detail[:300])
        return
    pause = timedelta(0) if isinstance(failure, ChannelUnavailable) else FIRST_PAUSE * 2 ** (message.tries - 1)
    pause = max(pause, timedelta(seconds=failure.retry_after))
    _settle(batch, message.pk, MessageState.QUEUED, error=failure.detail[:300], not_before=timezone.now() + pause)


def _ask(batch: Batch, message: Message) -> str:
    """ "" when the message may go now, marked as attempted and committed; else the reason why not. The one before is
    recorded in the same statement.
    """
    taken, consent = batch.taken, ROUTES[batch.channel].consent
    answer = fence.ask(message.pk, batch.token, consent=consent, reserve=RESERVE, before=taken)
    batch.taken = None
    if taken and not answer.is_kept:
        _say_lost(taken.message_id, MessageState.SENT)
    return answer.reason


def _record(batch: Batch) -> None:
    """Records the last message that was sent, when no question has done so."""
    taken, batch.taken = batch.taken, None
    if taken:
        _settle(batch, taken.message_id, MessageState.SENT, sent_at=taken.sent_at, provider_id=taken.provider_id)


def _settle(batch: Batch, message_id: int, state: MessageState, **fields) -> None:
    """Records an outcome, if the row is still this worker's: the sweep may have called it unknown in the meantime."""
    if state == MessageState.QUEUED:
        fields["attempted_at"] = None
    changed = _mine(batch).filter(pk=message_id).update(state=state, lease_token=None, lease_until=None, **fields)
    if not changed:
        _say_lost(message_id, state)


def _say_lost(message_id: int, state: MessageState) -> None:
    log.warning("message %s had lost its lease when it became %s", message_id, state)


def _log_exposures(batch: Batch, sent: list[Message]) -> None:
    if not sent:
        return
    entries = {(m.customer_id, m.entry) for m in sent}
    rows = AudienceMember.objects.filter(campaign=batch.campaign, customer_id__in=[m.customer_id for m in sent])
    log_exposures(
        surface=batch.channel,
        model_version_id=batch.campaign.recommender_id,
        rows=[(row.request_id, row.customer_id, row.items) for row in rows if (row.customer_id, row.entry) in entries],
    )


def finish_if_done(campaign_id: int) -> bool:
    """`sent` when no row is open: never by a count that was taken before. One that runs on events ends by a person's word."""
    if Campaign.objects.filter(pk=campaign_id, state=CampaignState.RUNNING).exists():
        return False
    if Message.objects.filter(campaign_id=campaign_id).open().exists():
        return False
    try:
        move(campaign_id, Action.FINISH)
    except TransitionRefused:
        return False  # paused, cancelled, or another worker saw it first
    return True


def sweep() -> list[int]:
    """Sorts out the rows of lost workers and returns the campaigns that have something to send."""
    lost = Message.objects.filter(state=MessageState.SENDING, lease_until__lt=timezone.now())
    lost.filter(attempted_at=None).update(state=MessageState.QUEUED, lease_token=None, lease_until=None)
    unknown = lost.filter(attempted_at__isnull=False).update(
        state=MessageState.UNKNOWN, reason="worker_lost", lease_token=None, lease_until=None
    )
    if unknown:
        log.warning("%s messages are unknown: their worker was lost between the attempt and the answer", unknown)
    for campaign_id in Campaign.objects.filter(state__in=SENDS).values_list("pk", flat=True):
        waves.judge(campaign_id)
    pace.note_sweep()
    sending = list(Campaign.objects.filter(state__in=SENDS).order_by("pk").values_list("pk", flat=True))
    return [campaign_id for campaign_id in sending if not finish_if_done(campaign_id)]
