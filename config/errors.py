"""Every error of the API as RFC 9457 problem+json: type, title, status, detail, code, and each bad field by name."""

import logging

from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse
from django.utils.http import http_date
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.exceptions import IdempotencyConflict, Refused
from campaigns.exceptions import TransitionRefused
from customers.exceptions import BudgetSpent

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"


def _flatten(detail, path: str = "") -> list[dict]:
    """DRF's nested error detail as a flat list of {field, reason}; items of a list are named by their place."""
    if isinstance(detail, dict):
        return [row for key, value in detail.items() for row in _flatten(value, f"{path}.{key}" if path else str(key))]
    if isinstance(detail, list):
        if all(isinstance(item, str) for item in detail):
            return [{"field": path or "body", "reason": " ".join(detail)}]
        return [row for place, item in enumerate(detail) for row in _flatten(item, f"{path}[{place}]")]
    return [{"field": path or "body", "reason": str(detail)}]


def _body(status: int, code: str, title: str, detail: str, **more) -> dict:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, **more}


def problem(error: Exception, context: dict) -> Response | None:
    """DRF's exception handler: a domain exception or an API exception in, problem+json out; None means a real fault."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    headers = {}
    if isinstance(error, TransitionRefused):
        status, body = 409, _body(409, "transition_refused", "Not possible in this state", str(error))
    elif isinstance(error, IdempotencyConflict):
        status = 422 if error.reason == "reused" else 409
        body = _body(status, f"idempotency_key_{error.reason}", "Idempotency-Key cannot be used", {
            "reused": "This Idempotency-Key came with another body or to another address; use a new key for a new request.",
            "in_flight": "The first request with this Idempotency-Key is still running; try again in a moment.",
        }[error.reason])  # fmt: skip
    elif isinstance(error, Refused):
        status, body = 403, _body(403, error.code, "Refused", error.detail)
    elif isinstance(error, BudgetSpent):
        status, body = 429, _body(429, "privacy_budget_spent", "Privacy budget spent", str(error))
        headers["Retry-After"] = http_date(error.opens_at.timestamp())
    elif isinstance(error, exceptions.ValidationError):
        # 404 where a field names something that the caller cannot see.
        status = error.status_code
        code, title, detail = (
            ("not_found", "Not found", "Some fields name what is not there.")
            if status == 404
            else ("invalid", "Invalid input", "Some fields are not valid.")
        )
        body = _body(status, code, title, detail, fields=_flatten(error.detail))
    elif isinstance(error, exceptions.APIException):
        status = error.status_code
        body = _body(status, error.get_codes() if isinstance(error.get_codes(), str) else "error",
                     error.default_detail, str(error.detail))  # fmt: skip
        if getattr(error, "wait", None):
            headers["Retry-After"] = str(int(error.wait) + 1)
        if getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = error.auth_header
    else:
        return None
    set_rollback()
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def as_problem(status: int, code: str, title: str, detail: str) -> JsonResponse:
    """The same shape for what fails before a view of the API is reached."""
    return JsonResponse(_body(status, code, title, detail), status=status, content_type=CONTENT_TYPE)
