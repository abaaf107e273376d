"""Double opt-in: asked for, a link by mail, and a post behind it. And what ends by itself: requests and consents.

Whether somebody may be asked, how long a request waits and how long a consent holds are the jurisdiction pack's to say.
"""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from customers.contracts import ALLOWING, CONTACT_KIND, NOES, Action, Channel, LawfulBasis, NewConsent
from customers.exceptions import ConsentRefused
from customers.models import ConsentState, ContactPoint, Customer, OptIn, Suppression
from customers.queries.packs import SUBJECTS, pack
from customers.services import notices, shells, succession
from customers.services.consent import record, record_many

SWEEP = 1000  # as many as one transaction of the ledger takes


def may_ask(customer: Customer, subject: str, at: datetime | None = None) -> str:
    """Why this person may not be asked now on our own account, in a sentence; "" when they may.

    The rules are the pack's: how long after a no, and whether at all after an objection. Who asks for it themselves,
    on a page of their own, is never turned away.
    """
    at = at or timezone.now()
    rules = pack(customer.jurisdiction)
    purpose, channel = SUBJECTS[subject]
    words = ConsentState.objects.filter(customer=customer, purpose=purpose, channel__in=[channel, Channel.ANY])
    for word in words:
        if word.action == Action.OBJECTED and not rules.consent["ask_after_objection"].value:
            return f"They objected; nobody may ask again ({rules.consent['ask_after_objection'].article})."
        if word.action in NOES and at < (until := rules.may_ask_from(word.since)):
            return f"They said no; not before {until:%Y-%m-%d} ({rules.consent['ask_again_months'].article})."
        if word.is_given and word.channel == channel and (word.valid_until is None or word.valid_until > at):
            return "It is allowed already."
    return ""


def ask(
    customer: Customer, subject: str, contact_point: ContactPoint, *, by_subject: bool, method: str, form_html: str = "",
    language: str = "en", ip: str = "", user_agent: str = "", origin: str = "observed",
) -> OptIn:  # fmt: skip
    """Records the request and leaves a row whose letter is to be sent; an open one has its letter sent anew.

    Raises ConsentRefused when we ask and the pack forbids it.
    """
    reason = "" if by_subject else may_ask(customer, subject)
    if reason:
        raise ConsentRefused("action", reason)
    rules = pack(customer.jurisdiction)
    purpose, channel = SUBJECTS[subject]
    wording = rules.wording(subject, language)
    now = timezone.now()
    fields = {
        "contact_point": contact_point, "language": wording.language, "jurisdiction": rules.code,
        "notice_version": notices.publish(wording), "form_sha256": notices.keep_form(form_html) if form_html else None,
        "expires_at": rules.confirm_until(now),
    }  # fmt: skip
    try:
        with transaction.atomic():
            opt_in = OptIn.objects.create(customer=customer, subject=subject, **fields)
            record(
                NewConsent(
                    customer.pk, purpose, channel, Action.REQUESTED, LawfulBasis.CONSENT, method,
                    "subject" if by_subject else "platform", origin=origin, notice_version=wording.version,
                    language=wording.language, jurisdiction=rules.code, ip=ip, user_agent=user_agent,
                    valid_until=fields["expires_at"], form_sha256=fields["form_sha256"],
                )
            )  # fmt: skip
    except IntegrityError:
        OptIn.objects.filter(customer=customer, subject=subject, confirmed_at=None, closed_at=None).update(
            sent_at=None, secret_digest=None, **fields
        )
        opt_in = OptIn.objects.get(customer=customer, subject=subject, confirmed_at=None, closed_at=None)
    return opt_in


def waiting_for_a_letter() -> list[int]:
    rows = OptIn.objects.filter(sent_at=None, closed_at=None, confirmed_at=None)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])


def new_link(opt_in_id: int) -> tuple[OptIn, str] | None:
    """Claims the letter: the row and the secret of its link; None when it was sent, or nothing waits any more."""
    secret = secrets.token_urlsafe(24)
    claimed = OptIn.objects.filter(pk=opt_in_id, sent_at=None, closed_at=None, confirmed_at=None).update(
        secret_digest=_digest(secret), sent_at=timezone.now()
    )
    return (OptIn.objects.select_related("customer").get(pk=opt_in_id), secret) if claimed else None


def give_back(opt_in_id: int) -> None:
    OptIn.objects.filter(pk=opt_in_id, confirmed_at=None).update(sent_at=None, secret_digest=None)


def find(opt_in_id: int, secret: str) -> OptIn | None:
    """The opt-in of this link, confirmed or not. Changes nothing."""
    row = OptIn.objects.select_related("customer").filter(pk=opt_in_id).first()
    if (
        row is None
        or row.secret_digest is None
        or not secrets.compare_digest(bytes(row.secret_digest), _digest(secret))
    ):
        return None
    return row


def confirm(opt_in: OptIn, *, ip: str = "", user_agent: str = "", origin: str = "observed") -> bool:
    """The second step, by a post alone. True when the consent holds now; pressing again changes nothing.

    False when the link lapsed, or a no came in between: then it takes a new request.
    """
    rules = pack(opt_in.jurisdiction)
    purpose, channel = SUBJECTS[opt_in.subject]
    now = timezone.now()
    try:
        with transaction.atomic():
            mine = OptIn.objects.filter(pk=opt_in.pk, confirmed_at=None, closed_at=None, expires_at__gt=now)
            if not mine.update(confirmed_at=now):
                person = shells.hold({opt_in.customer_id}).get(opt_in.customer_id, opt_in.customer_id)
                held = ConsentState.objects.filter(purpose=purpose, channel=channel, is_given=True)
                return held.filter(customer=person).exists()  # it may have been taken back since
            act = NewConsent(
                opt_in.customer_id, purpose, channel, Action.CONFIRMED, LawfulBasis.CONSENT, "double_opt_in",
                "subject", origin=origin, notice_version=opt_in.notice_version, language=opt_in.language,
                jurisdiction=opt_in.jurisdiction, ip=ip, user_agent=user_agent, valid_until=rules.valid_until(now),
                form_sha256=None if opt_in.form_sha256 is None else bytes(opt_in.form_sha256),
            )  # fmt: skip
            for one in _for_the_person(act):
                record(one)
            _let_through(opt_in.contact_point, channel)
            return True
    except ConsentRefused:
        OptIn.objects.filter(pk=opt_in.pk, confirmed_at=None).update(closed_at=now)
        return False


def _for_the_person(act: NewConsent) -> list[NewConsent]:
    """The confirmation; where its record was merged since, as it may follow what the person themselves said last.

    Raises ConsentRefused after a no of the person: a request of before does not undo it.
    """
    person = shells.hold({act.customer_id}).get(act.customer_id)
    before = Action.REQUESTED if person is None else succession.last_word(person, act.purpose, act.channel)
    if before == Action.REQUESTED:
        return [act]
    if before in NOES:
        raise ConsentRefused("action", "They said no in between. Ask again first.")
    if before in (Action.GIVEN, Action.CONFIRMED):
        return [replace(act, action=Action.GIVEN)]
    # The request stands in the merged record's own chain, and is named in the person's.
    return [replace(act, action=Action.REQUESTED, valid_until=None), act]


def _let_through(point: ContactPoint, channel: Channel) -> None:
    """Whoever reads the mail of an address took its unsubscription back. Bounces and complaints stand."""
    ContactPoint.objects.filter(pk=point.pk, verified_at=None).update(verified_at=timezone.now())
    Suppression.objects.filter(
        channel=channel, lookup=point.lookup, lifted_at=None, reason=Suppression.Reason.UNSUBSCRIBED
    ).update(lifted_at=timezone.now())


def expire(at: datetime | None = None) -> int:
    """Appends `expired` to what was asked and never confirmed, and to what was allowed until now. Safe to repeat.

    At most a thousand of each a call; returns how many, so that the caller comes again while there are more.
    """
    at = at or timezone.now()
    with transaction.atomic():
        lapsed = list(
            OptIn.objects.select_for_update(skip_locked=True)
            .filter(confirmed_at=None, closed_at=None, expires_at__lte=at)
            .order_by("pk")[:SWEEP]
        )
        OptIn.objects.filter(pk__in=[one.pk for one in lapsed]).update(closed_at=at)
    ended = ConsentState.objects.filter(
        valid_until__lte=at, action__in=[*map(str, ALLOWING), str(Action.REQUESTED)], customer__erased_at=None
    ).order_by("pk")
    acts = [
        NewConsent(
            pk, purpose, channel, Action.EXPIRED, LawfulBasis.CONSENT, "expiry", "platform", origin=origin
        )
        for pk, purpose, channel, origin in ended.values_list("customer_id", "purpose", "channel", "origin")[:SWEEP]
    ]  # fmt: skip
    return record_many(acts, to_person=False)  # a merged record's own word lapses as its own


def address_for(customer: Customer, subject: str) -> ContactPoint | None:
    """The newest contact point that the subject's channel writes to."""
    kind = CONTACT_KIND.get(SUBJECTS[subject][1])
    return customer.contact_points.filter(kind=kind).order_by("-pk").first() if kind else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
