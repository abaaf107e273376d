"""Alarm clocks: each carries an id, calls one service, and may ring twice."""

import math
import time

from celery import shared_task
from django.core.cache import cache

from campaigns.exceptions import ChannelUnavailable
from campaigns.services import (
    codes,
    delivery,
    handover,
    letters,
    lists,
    outcomes,
    segments,
    tallies,
    telling,
    triggers,
    variants,
    withdrawal,
)
from customers.services import typed_requests

# Seconds that a task sends before others have their turn: behind a send of hours no sweep and no other campaign would be
# heard of, and what a lost worker held would stay with it. Workers take from their queues in turn, so short tasks wait as long.
TURN = 2.0
# Seconds after which a wake-up that nobody heard counts as lost with the broker, and the sweep rings once more.
LOST = 120


@shared_task(name="campaigns.generate")
def generate(run_id: int) -> None:
    from campaigns.services import generation

    generation.generate(run_id)


@shared_task(name="campaigns.sweep_generation")
def sweep_generation() -> None:
    from campaigns.services import generation

    for run_id in generation.waiting():
        generate.delay(run_id)


@shared_task(name="campaigns.write_copy")
def write_copy(run_id: int) -> None:
    from copywriting import generation

    generation.write_job(run_id)


@shared_task(name="campaigns.check_words")
def check_words() -> None:
    """What is approved and waits is read again: a fact may have changed since, or too much time has gone by."""
    for campaign_id in delivery.waiting():
        delivery.recheck(campaign_id)


@shared_task(name="campaigns.learn")
def learn() -> None:
    """What is still queued is drawn again among its variants, by what came of those that are out."""
    for campaign_id in variants.learning():
        variants.redraw(campaign_id)


@shared_task(name="campaigns.start_due")
def start_due() -> None:
    for campaign_id in delivery.due():
        delivery.start(campaign_id)
        wake_all(campaign_id)


@shared_task(name="campaigns.take_in")
def take_in() -> None:
    """Asks every running campaign's trigger, one after another: what fails for one waits for the next ring."""
    for campaign_id in triggers.running():
        if triggers.sweep(campaign_id):
            wake(campaign_id)


@shared_task(name="campaigns.redeem")
def redeem() -> None:
    codes.redeem()


@shared_task(name="campaigns.deliver", bind=True, max_retries=None)
def deliver(self, campaign_id: int, channel: str = "") -> None:
    """Sends batch after batch until nothing is queued or its turn is over; an unreachable server is tried again in half a
    minute, or when it asked to be: what it wants longer than that, the sweep remembers.
    """
    cache.delete(_rung(campaign_id, channel))
    ends = time.monotonic() + TURN
    try:
        while delivery.send_batch(campaign_id, channel=channel):
            if time.monotonic() > ends:
                wake(campaign_id, channel)  # behind whatever waits
                return
    except ChannelUnavailable as error:
        if delivery.halt(campaign_id, error):
            return
        raise self.retry(exc=error, countdown=min(math.ceil(error.retry_after) or 30, 30)) from error


@shared_task(name="campaigns.sweep")
def sweep() -> None:
    withdrawal.fence_suppressed()
    for campaign_id in delivery.sweep():
        wake_all(campaign_id)


def wake_all(campaign_id: int) -> None:
    """One task a channel: a provider that is slow or away holds up no other."""
    for channel in delivery.channels_of(campaign_id):
        wake(campaign_id, channel)


def wake(campaign_id: int, channel: str = "") -> None:
    """Unless one wake-up waits already: those of each sweep would pile up before busy workers, who take one from each queue
    in turn, until they hear old ones only and nothing is sent.
    """
    if cache.add(_rung(campaign_id, channel), 1, timeout=LOST):
        deliver.delay(campaign_id, channel)


def _rung(campaign_id: int, channel: str) -> str:
    return f"rung:{campaign_id}:{channel}"


@shared_task(name="campaigns.sweep_lists")
def sweep_lists() -> None:
    """Who stands on a list at an advertising platform and may not any more: its page says that a newer one is due."""
    handover.sweep()


@shared_task(name="campaigns.send_letters")
def send_letters() -> None:
    """Links that somebody asked for: of opt-ins and of requests for one's data."""
    typed_requests.take()
    opt_ins, requests = letters.waiting()
    for opt_in_id in opt_ins:
        letters.send_opt_in(opt_in_id)
    for request_id in requests:
        letters.send_request(request_id)


@shared_task(name="campaigns.tell")
def tell() -> None:
    """One task an endpoint: a receiver that is slow or away holds up no other."""
    for endpoint_id in telling.due():
        tell_one.delay(endpoint_id)


@shared_task(name="campaigns.tell_one")
def tell_one(endpoint_id: int) -> None:
    telling.tell(endpoint_id)


@shared_task(name="campaigns.forget_told")
def forget_told() -> None:
    telling.forget()


@shared_task(name="campaigns.hand_over")
def hand_over() -> None:
    """Which coupons went out and who used one, for the next training to learn from."""
    outcomes.hand_over()


@shared_task(name="campaigns.refresh_segments")
def refresh_segments() -> None:
    """Members of every segment, and the numbers that somebody waits for."""
    segments.refresh()


@shared_task(name="campaigns.nightly_segments")
def nightly_segments() -> None:
    lists.ask_again()
    find_look_alikes()
    segments.nightly()
    tallies.forget()


@shared_task(name="campaigns.find_look_alikes")
def find_look_alikes() -> None:
    for list_id in lists.waiting():
        lists.work_out(list_id)


@shared_task(name="campaigns.answer_tallies")
def answer_tallies() -> None:
    for tally_id in tallies.waiting():
        tallies.answer(tally_id)
