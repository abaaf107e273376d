"""The preference centre: every channel and purpose as a switch, saved by one post of whoever holds the signed link."""

from dataclasses import dataclass

from django.utils import timezone

from campaigns.services.tracking import origin_of
from campaigns.services.withdrawal import Acknowledgement, acknowledge
from customers.contracts import Action, Channel, LawfulBasis, NewConsent
from customers.queries.consent import consent_summary
from customers.queries.packs import SUBJECTS, Pack, pack
from customers.queries.people import person_of
from customers.services import notices, optin
from customers.services.consent import record
from customers.services.limits import may_ask
from customers.services.people import set_language, set_personalise

METHOD = "preference_centre"
# What a link that was mailed cannot prove: that the same person reads the phone, the device or the handle.
NOT_BY_MAIL = (Channel.SMS, Channel.PUSH, Channel.SOCIAL)


@dataclass(frozen=True, slots=True)
class Switch:
    """One purpose on one channel, as its person sees it."""

    subject: str
    is_on: bool
    may_turn_on: bool
    text: str  # the words that are agreed to
    article: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who posts, as far as the record keeps it: the network and the sealed user agent."""

    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    withdrawn: tuple[Acknowledgement, ...]
    asked: tuple[str, ...]  # subjects whose confirmation is on its way by mail
    is_too_often: bool = False  # too many letters were asked for within the hour; none was sent

    @property
    def is_effective(self) -> bool:
        return all(one.is_effective for one in self.withdrawn)


def switches(customer, language: str) -> list[Switch]:
    """What this person can switch: a channel when there is an address for it, or it was ever spoken about. The store needs
    none: a coupon waits there for its person, with a card or without.

    Behind a merged record's link it is the person whom that record was merged into.
    """
    customer = person_of(customer)
    rules = pack(customer.jurisdiction)
    said = {(line.purpose, line.channel): line.is_given for line in consent_summary(customer.pk)}
    found = []
    for subject, (purpose, channel) in SUBJECTS.items():
        key = (str(purpose), str(channel))
        by_mail = channel not in NOT_BY_MAIL
        if not by_mail and key not in said and optin.address_for(customer, subject) is None:
            continue
        wording = rules.wording(subject, language)
        can = by_mail and (subject != "email" or optin.address_for(customer, subject) is not None)
        found.append(Switch(subject, said.get(key, False), can, wording.text, wording.article))
    return found


def save(customer, wanted: set[str], *, personalise: bool, language: str, form_html: str, visitor: Visitor) -> Saved:
    """Does what changed and nothing else. A yes to e-mail goes through a double opt-in, a no holds at once.

    What is saved behind a merged record's link counts for its person; the ledger says that it came for that record.
    """
    person = person_of(customer)
    origin = str(origin_of(visitor.user_agent))
    withdrawn, asked, too_often = [], [], False
    for switch in switches(customer, language):
        purpose, channel = SUBJECTS[switch.subject]
        if switch.is_on and switch.subject not in wanted:
            withdrawn.append(
                acknowledge(
                    customer_id=customer.pk, channel=channel, purpose=purpose, method=METHOD, actor="subject", origin=origin
                )
            )  # fmt: skip
        elif not switch.is_on and switch.subject in wanted and switch.may_turn_on:
            if channel == Channel.EMAIL:
                point = optin.address_for(person, switch.subject)
                if not may_ask("opt_in", address=f"contact point {point.pk}", ip=visitor.ip):
                    too_often = True
                    continue
                optin.ask(
                    customer, switch.subject, point, by_subject=True, method=METHOD, form_html=form_html,
                    language=language, ip=visitor.ip, user_agent=visitor.user_agent, origin=origin,
                )  # fmt: skip
                asked.append(switch.subject)
            else:
                record(_yes(customer, switch.subject, language, form_html, visitor))
    set_personalise(customer.pk, personalise, actor="subject")
    set_language(customer.pk, language)
    return Saved(tuple(withdrawn), tuple(asked), too_often)


def _yes(customer, subject: str, language: str, form_html: str, visitor: Visitor) -> NewConsent:
    rules: Pack = pack(customer.jurisdiction)
    purpose, channel = SUBJECTS[subject]
    wording = rules.wording(subject, language)
    return NewConsent(
        customer.pk, purpose, channel, Action.GIVEN, LawfulBasis.CONSENT, METHOD, "subject",
        origin=str(origin_of(visitor.user_agent)), notice_version=notices.publish(wording), language=wording.language,
        jurisdiction=rules.code, ip=visitor.ip, user_agent=visitor.user_agent, form_sha256=notices.keep_form(form_html),
        valid_until=rules.valid_until(timezone.now()),
    )  # fmt: skip
