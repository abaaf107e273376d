"""Writes about staff: keys, the audit trail, and answers kept for repeated requests."""

import csv
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.contracts import Capability, Scope, TrailFilter, request_id
from accounts.exceptions import IdempotencyConflict, Refused
from accounts.models import ApiKey, AuditEntry, ExportRequest, IdempotencyKey, Role, User

IN_FLIGHT = timedelta(minutes=2)  # twice the web server's time-out
USED_EVERY = timedelta(
    minutes=1
)  # `last_used_at` answers "is it in use?": a write a minute says that, one a request costs


def _digest(secret: str) -> bytes:
    # 192 random bits need no slow hash: nobody can try them all.
    return hashlib.sha256(secret.encode()).digest()


def create_user(username: str, password: str | None, roles: Iterable[str], **fields) -> User:
    """A member of staff with the named roles, or (password None) a service account that nobody can log in as."""
    user = User.objects.create_user(username=username, password=password, **fields)
    wanted = set(roles)
    found = list(Role.objects.filter(slug__in=wanted))
    missing = wanted - {role.slug for role in found}
    if missing:
        raise Refused("unknown_role", f"No role named {', '.join(sorted(missing))}.")
    user.roles.set(found)
    return user


def note_second_factor(user: User, actor: User | None = None, reason: str = "") -> None:
    """Call it in the transaction that added or removed a factor: writes down since when one is asked for, and audits it.

    Every session of the user but one that is renewed afterwards (`update_session_auth_hash`) ends with it.
    """
    kinds = sorted(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    was = user.second_factor_at
    user.second_factor_at = timezone.now() if set(kinds) - {Authenticator.Type.RECOVERY_CODES} else None
    user.save(update_fields=["second_factor_at"])
    before = {"enrolled": was and was.isoformat()}
    audit(actor or user, "user.second_factor", user, before=before, after={"factors": kinds}, reason=reason)


def enrol_totp(user: User) -> str:
    """Enrols an authenticator app with a new secret and returns that (base32): for installs that make users by command."""
    secret = generate_totp_secret()
    with transaction.atomic():
        TOTP.activate(user, secret)
        RecoveryCodes.activate(user)
        note_second_factor(user)
    return secret


def totp_code(secret: str) -> str:
    """What an authenticator app with this secret shows now (RFC 6238)."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // app_settings.TOTP_PERIOD))


def reset_second_factor(user: User, reason: str) -> None:
    """For a lost phone without recovery codes: takes every factor away and ends all sessions; the next login enrols anew."""
    with transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        note_second_factor(user, reason=reason)


def issue_api_key(user: User, name: str, scopes: Iterable[str], actor: User | None) -> tuple[ApiKey, str]:
    """Makes a key and returns it with its secret text, which is shown this once and kept nowhere."""
    scopes = sorted({Scope(scope) for scope in scopes})
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(24)
    text = f"att_{prefix}_{secret}"
    with transaction.atomic():
        key = ApiKey.objects.create(user=user, name=name, prefix=prefix, digest=_digest(text), scopes=scopes)
        audit(actor, "key.issued", key, after={"name": name, "scopes": scopes, "user": user.username})
    return key, text


def revoke_api_key(key: ApiKey, actor: User, reason: str) -> None:
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit(actor, "key.revoked", key, reason=reason)


def find_api_key(text: str) -> ApiKey | None:
    """The living key of this text, or None."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "att":
        return None
    key = ApiKey.objects.select_related("user").filter(prefix=parts[1], revoked_at=None, user__is_active=True).first()
    if key is None or not secrets.compare_digest(bytes(key.digest), _digest(text)):
        return None
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def audit(actor: User | None, action: str, thing, *, before=None, after=None, reason="") -> AuditEntry:
    """Writes who did what; call it inside the transaction of the change, so that neither stands without the other."""
    return AuditEntry.objects.create(
        actor=actor,
        action=action,
        object_type=thing._meta.label_lower,
        object_id=str(thing.pk),
        before=before,
        after=after,
        reason=reason,
        request_id=request_id.get(),
    )


def audit_export(actor: User, asked: TrailFilter, kind: str) -> None:
    """Writes down that somebody takes a part of the trail along, and which."""
    given = {name: str(value) for name in TrailFilter.__slots__ if (value := getattr(asked, name))}
    audit(actor, "audit.exported", actor, after={"format": kind, **given})


EXPORTS_A_DAY = 5  # a person: enough for work, few enough that a stolen session does not take the shop along
EXPORT_LIVES = timedelta(hours=24)  # from the decision


def ask_export(user: User, *, kind: str, what: str, object_id: str, reason: str) -> ExportRequest:
    """Leaves a request for a second person. Raises Refused without the right, and for a sixth one within 24 hours."""
    if not user.can(Capability.EXPORT_ASK):
        raise Refused("no_right", "Your roles do not allow you to ask for an export.")
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # two at once would both count four
        since = timezone.now() - timedelta(days=1)
        if ExportRequest.objects.filter(asked_by=user, asked_at__gt=since).count() >= EXPORTS_A_DAY:
            raise Refused("quota", f"You asked for {EXPORTS_A_DAY} exports within 24 hours; wait, or ask a colleague.")
        found = ExportRequest.objects.create(asked_by=user, kind=kind, what=what, object_id=object_id, reason=reason)
        audit(user, "export.asked", found, after={"kind": kind, "what": what, "object": object_id}, reason=reason)
    return found


def decide_export(request_id: int, user: User, *, approve: bool, reason: str) -> None:
    """Opens the export for its asker, once and for a day, or refuses it. Raises Refused for the asker's own, without the
    right, and for what was decided meanwhile.
    """
    if not user.can(Capability.EXPORT_DECIDE):
        raise Refused("no_right", "Your roles do not allow you to decide on exports.")
    state = ExportRequest.State.APPROVED if approve else ExportRequest.State.REFUSED
    now = timezone.now()
    with transaction.atomic():
        waiting = ExportRequest.objects.filter(pk=request_id, state=ExportRequest.State.ASKED)
        if waiting.filter(asked_by=user).exists():
            raise Refused("own_request", "You asked for it yourself; somebody else has to decide.")
        fields = {"state": state, "decided_by": user, "decided_at": now, "decision": reason}
        if not waiting.exclude(asked_by=user).update(**fields, expires_at=now + EXPORT_LIVES if approve else None):
            raise Refused("decided", "It was decided meanwhile; nothing was changed.")
        before = {"state": ExportRequest.State.ASKED}
        found = ExportRequest.objects.get(pk=request_id)
        audit(user, f"export.{state}", found, before=before, after={"state": state, "what": found.what}, reason=reason)


def claim_export(request_id: int, user: User, *, kind: str, object_id: str) -> ExportRequest:
    """Takes the one download of an approved request. Raises Refused when it is not theirs, not approved, over or done."""
    now = timezone.now()
    with transaction.atomic():
        mine = ExportRequest.objects.filter(pk=request_id, asked_by=user, kind=kind, object_id=object_id)
        ready = mine.filter(state=ExportRequest.State.APPROVED, expires_at__gt=now)
        if not (
            user.can(Capability.EXPORT_ASK) and ready.update(state=ExportRequest.State.DOWNLOADED, downloaded_at=now)
        ):
            raise Refused(
                "no_download", "There is no approved export of yours here: it was taken, is over or was refused."
            )
        found = mine.get()
        audit(user, "export.downloaded", found, after={"what": found.what}, reason=found.reason)
    return found


TRAIL_COLUMNS = ("id", "at", "actor", "action", "object_type", "object_id", "before", "after", "reason", "request_id")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def formula_safe(value) -> str:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe (OWASP, CSV injection)."""
    text = "" if value is None else str(value)
    is_number = isinstance(value, int | float | Decimal)
    return f"'{text}" if text.startswith(FORMULA) and not is_number else text


def csv_lines(header: Iterable[str], rows: Iterable[Iterable]) -> Iterator[str]:
    """CSV line by line, every cell formula-safe: for answers that stream."""
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([formula_safe(cell) for cell in row])


class _Echo:
    """csv.writer writes to a file; this one hands each line back."""

    def write(self, text: str) -> str:
        return text


def _as_row(entry: AuditEntry) -> dict:
    values = {name: getattr(entry, name) for name in TRAIL_COLUMNS if name != "actor"}
    return {**values, "at": entry.at.isoformat(), "actor": entry.actor.username if entry.actor else ""}


def trail_as_csv(entries: Iterable[AuditEntry]) -> Iterator[str]:
    def cells(entry: AuditEntry) -> Iterator:
        row = _as_row(entry)
        for name in TRAIL_COLUMNS:
            value = row[name]
            yield json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value

    return csv_lines(TRAIL_COLUMNS, map(cells, entries))


def trail_as_json(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """One JSON object a line."""
    for entry in entries:
        yield json.dumps(_as_row(entry), sort_keys=True) + "\n"


def once(
    user: User, key: str | None, body: object, work: Callable[[], tuple[int, object]], *, door: str
) -> tuple[int, object, bool]:
    """Runs `work` once per Idempotency-Key: (status, answer, was repeated). Without a key it simply runs.

    `door`: the method and path that were called, for a key is of one request and not of one body. Raises
    IdempotencyConflict when the key came with another body or to another door, or while its first request runs.
    """
    if not key:
        status, answer = work()
        return status, answer, False
    digest = hashlib.sha256(json.dumps([door, body], sort_keys=True, default=str).encode()).digest()
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(user=user, key=key, body_digest=digest)
    except IntegrityError:
        row = IdempotencyKey.objects.get(user=user, key=key)
        if bytes(row.body_digest) != digest:
            raise IdempotencyConflict("reused") from None
        if row.status is not None:
            return row.status, row.answer, True
        # A request that was killed leaves its row behind: after two minutes the next one takes it over.
        stale = IdempotencyKey.objects.filter(pk=row.pk, status=None, created_at__lt=timezone.now() - IN_FLIGHT)
        if not stale.update(created_at=timezone.now()):
            raise IdempotencyConflict("in_flight") from None
    try:
        status, answer = work()
    except Exception:
        row.delete()  # what failed may be tried again under the same key
        raise
    IdempotencyKey.objects.filter(pk=row.pk).update(status=status, answer=answer)
    return status, answer, False
