"""Answers that every page of the studio gives: the redirect after a post, a page of a list."""

from django.http import HttpRequest, HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """After a post: read the result there, and reloading it posts nothing."""

    status_code = 303


def page_below(request: HttpRequest, rows, size: int) -> tuple[list, int | None]:
    """(rows, the id to go on below or None). `rows` are ordered by -pk. No count."""
    text = request.GET.get("before", "")
    before = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
    found = list((rows if before is None else rows.filter(pk__lt=before))[: size + 1])
    return found[:size], (found[size - 1].pk if len(found) > size else None)
