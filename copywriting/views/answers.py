"""Answers that every page of the studio gives: the redirect after a post, a nudge to the workers, a page of a list."""

import logging

from django.http import HttpRequest, HttpResponseRedirect

log = logging.getLogger(__name__)


class SeeOther(HttpResponseRedirect):
    """After a post: read the result there, and reloading it posts nothing."""

    status_code = 303


def nudge(task, row_id: int) -> None:
    """Wakes a worker once the row is committed. When the broker is away the row stands; beat finds it within half a minute."""
    try:
        task.delay_on_commit(row_id)
    except task.OperationalError:
        log.warning("%s was not sent: the broker does not answer; beat will find the work", task.name)


def page_below(request: HttpRequest, rows, size: int) -> tuple[list, int | None]:
    """(rows, the id to go on below or None). `rows` are ordered by -pk. No count."""
    text = request.GET.get("before", "")
    before = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
    found = list((rows if before is None else rows.filter(pk__lt=before))[: size + 1])
    return found[:size], (found[size - 1].pk if len(found) > size else None)
