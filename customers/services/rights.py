"""Requests of people about their data, from the day they come in to a signed proof.

The identity is a state and not a screen: nothing is shown or erased before `verified`, which is reached by a one-time
link to a contact point that was on file, or by staff who write down what they saw. Each step is one conditional UPDATE.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.services import audit
from customers import ledger
from customers.identity import normalise
from customers.models import ContactPoint, Customer, PrivacyRequest
from customers.queries.packs import pack
from customers.services import anchors
from customers.services.contacts import lookups_of
from customers.services.seal import seal_for

LINK_LIFE = timedelta(hours=24)
EVIDENCE = "privacy request evidence"
_S = PrivacyRequest.State
OPEN = (_S.RECEIVED, _S.VERIFIED)
FILES = (PrivacyRequest.Kind.ACCESS, PrivacyRequest.Kind.PORTABILITY)  # whose answer is a file


def receive(
    kind: str,
    customer: Customer,
    *,
    via: str,
    contact_point: ContactPoint | None = None,
    language: str = "en",
    actor=None,
    at: datetime | None = None,
) -> PrivacyRequest:
    """Opens a request with its deadline, counted from `at` (now), or returns the one of this kind that is open already.

    With a contact point a link goes there (`waiting_for_a_letter`); a repeated request has it sent anew.
    """
    rules = pack(customer.jurisdiction)
    fields = {
        "via": via,
        "language": language,
        "jurisdiction": rules.code,
        "article": str(rules.request["article"]),
        "received_at": at or timezone.now(),
        "due_at": rules.due(at or timezone.now()),
        "contact_point": contact_point,
    }
    try:
        with transaction.atomic():
            request = PrivacyRequest.objects.create(customer=customer, kind=PrivacyRequest.Kind(kind), **fields)
            if actor is not None:
                audit(actor, "privacy.received", request, after={"kind": kind, "customer": customer.pk})
    except IntegrityError:  # the unique key decides, not a look before
        request = PrivacyRequest.objects.get(customer=customer, kind=kind, state__in=OPEN)
        if contact_point is not None:
            # A file that was never fetched: its link is over, and without a new one only staff could hand it out.
            is_over = Q(link_digest=None) | Q(link_until__lte=timezone.now())
            unfetched = Q(state=_S.VERIFIED, verified_by="link", kind__in=FILES) & is_over
            again = PrivacyRequest.objects.filter(Q(state=_S.RECEIVED) | unfetched, pk=request.pk)
            again.update(
                state=_S.RECEIVED, verified_at=None, verified_by="", contact_point=contact_point, link_sent_at=None,
                link_digest=None,
            )  # fmt: skip
            request.refresh_from_db()
    return request


def contact_of(customer: Customer, kind: str, value: str) -> ContactPoint | None:
    """This person's contact point by the value as it was typed. Raises InvalidContact."""
    lookups = [digest for _, digest in lookups_of(kind, normalise(kind, value))]
    return customer.contact_points.filter(kind=kind, lookup__in=lookups).first()


def waiting_for_a_letter() -> list[int]:
    rows = PrivacyRequest.objects.filter(state=_S.RECEIVED, link_sent_at=None, contact_point__isnull=False)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])


def new_link(request_id: int) -> tuple[PrivacyRequest, str] | None:
    """Claims the letter of this request: the request and the secret of its link, or None when somebody else did."""
    secret = secrets.token_urlsafe(24)
    now = timezone.now()
    claimed = PrivacyRequest.objects.filter(
        pk=request_id, state=_S.RECEIVED, link_sent_at=None, contact_point__isnull=False
    ).update(link_digest=_digest(secret), link_sent_at=now, link_until=now + LINK_LIFE)
    if not claimed:
        return None
    return PrivacyRequest.objects.select_related("customer", "contact_point").get(pk=request_id), secret


def give_back(request_id: int) -> None:
    """The letter could not be sent: it is tried again."""
    PrivacyRequest.objects.filter(pk=request_id, state=_S.RECEIVED).update(link_digest=None, link_sent_at=None)


def find(reference: UUID, secret: str) -> PrivacyRequest | None:
    """The request that this link belongs to, while the link lives. Changes nothing."""
    row = PrivacyRequest.objects.filter(reference=reference, link_until__gt=timezone.now()).first()
    if row is None or row.link_digest is None or not secrets.compare_digest(bytes(row.link_digest), _digest(secret)):
        return None
    return row


def verify_by_link(request: PrivacyRequest) -> bool:
    """The person pressed the button behind the link. Works once; the download that follows has a secret of its own."""
    done = PrivacyRequest.objects.filter(
        pk=request.pk, state=_S.RECEIVED, link_digest=request.link_digest, link_until__gt=timezone.now()
    ).update(state=_S.VERIFIED, verified_at=timezone.now(), verified_by="link")
    return bool(done)


def use_up(request: PrivacyRequest) -> bool:
    """Ends the link; True for the one caller that may hand out what lies behind it."""
    return bool(PrivacyRequest.objects.filter(pk=request.pk, link_digest=request.link_digest).update(link_digest=None))


def verify_by_staff(request_id: int, *, actor, evidence: str) -> PrivacyRequest:
    """Somebody saw who it is. What they saw rests under the person's key. Raises Refused without it, or too late."""
    if not evidence.strip():
        raise Refused("evidence_missing", "Write down what showed you who it is.")
    with transaction.atomic():
        request = _open(request_id, _S.RECEIVED)
        PrivacyRequest.objects.filter(pk=request_id).update(
            state=_S.VERIFIED,
            verified_at=timezone.now(),
            verified_by=f"staff:{actor.pk}",
            sealed_evidence=seal_for(request.customer, evidence[:2000], EVIDENCE),
        )
        audit(actor, "privacy.verified", request, after={"by": "evidence"})
    return PrivacyRequest.objects.get(pk=request_id)


def verified(request_id: int) -> PrivacyRequest:
    """The request, once it is known who asks. Raises Refused: nothing is shown or erased before."""
    request = PrivacyRequest.objects.select_related("customer").filter(pk=request_id).first()
    if request is None or request.state != _S.VERIFIED or request.customer is None:
        state = request.get_state_display() if request else "gone"
        raise Refused("wrong_state", f"This request is {state}; it is not known yet, or no longer, who asks.")
    return request


def hold(request_id: int) -> PrivacyRequest:
    """As `verified`, and the row stays this transaction's: nobody refuses it before what it asks for is committed."""
    return _open(request_id, _S.VERIFIED)


def refuse(request_id: int, *, actor, reason: str) -> None:
    """Raises Refused without a reason: the law wants the person to be told (GDPR art. 12(4))."""
    if not reason.strip():
        raise Refused("reason_missing", "Say why: the person has a right to the reason.")
    with transaction.atomic():
        request = _open(request_id, *OPEN)
        if request.kind == PrivacyRequest.Kind.ERASURE and request.customer and request.customer.erased_at:
            raise Refused("carried_out", "The person is erased already: carry it on to its proof.")
        PrivacyRequest.objects.filter(pk=request_id).update(
            state=_S.REFUSED, refusal=reason[:2000], completed_at=timezone.now(), decided_by=actor, link_digest=None
        )
        audit(actor, "privacy.refused", request, after={"kind": request.kind}, reason=reason)


def complete(request_id: int, *, actor, what: dict) -> PrivacyRequest:
    """Closes a verified request with a signed proof of what was done. `actor` None: the person, through the link.

    Part of the caller's transaction. Raises Refused when the identity was never verified, or somebody closed it.
    """
    request = _open(request_id, _S.VERIFIED)
    now = timezone.now()
    proof = ledger.sign_document(
        {
            "reference": str(request.reference),
            "kind": request.kind,
            "received_at": request.received_at.isoformat(),
            "verified_at": request.verified_at.isoformat(),
            "verified_by": request.verified_by,
            "due_at": request.due_at.isoformat(),
            "article": request.article,
            "completed_at": now.isoformat(),
            "done": what,
        },
        anchors.signing_key(),
        ledger.PROOF,
    )
    PrivacyRequest.objects.filter(pk=request_id).update(
        state=_S.COMPLETED, completed_at=now, decided_by=actor, proof=proof
    )
    audit(actor, "privacy.completed", request, after={"kind": request.kind})
    return PrivacyRequest.objects.get(pk=request_id)


def proof_holds(proof: dict) -> bool:
    """Whether a proof is ours and unchanged."""
    return ledger.is_signed(proof, anchors.public_key(), ledger.PROOF)


def _open(request_id: int, *states: str) -> PrivacyRequest:
    """The request, locked, in one of these states. Raises Refused."""
    request = (
        PrivacyRequest.objects.select_for_update(of=("self",)).select_related("customer").filter(pk=request_id).first()
    )
    if request is None or request.state not in states:
        state = request.get_state_display() if request else "gone"
        raise Refused("wrong_state", f"This request is {state}; that step needs one that is {' or '.join(states)}.")
    return request


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
