"""A few people of the demo store get a phone and a browser at the laptop's sink, so that every channel can be tried.

All of it is simulated and says so: numbers that are reserved for fiction, subscriptions of the sink, a consent by import.
"""

from campaigns.services import sink
from customers.contracts import Action, Channel, LawfulBasis, NewConsent, NewContact, Purpose
from customers.queries.people import customer_id_of
from customers.services.consent import publish_notice, record_many
from customers.services.demo_people import SIMULATED, answer
from customers.services.people import add_contact_points

PEOPLE = 60
PHONE = "+1202555{:04d}"  # 555-0100 to 555-0199 are nobody's
NOTICE = "demo-import-2"
WORDS = (
    "SIMULATED FOR THE DEMO STORE. Nobody was shown these words.\n"
    "Yes, send me offers by text message and as notifications on this device. I can take this back at any time."
)


def give_ways() -> int:
    """Returns how many people were given them; 0 where they have them already."""
    agreed = [str(one) for one in range(1, 4 * PEOPLE) if answer(str(one)) == Action.IMPORTED]
    ids = [pk for name in agreed if (pk := customer_id_of(name)) is not None][:PEOPLE]
    points = [
        NewContact(pk, kind, value, origin=SIMULATED)
        for place, pk in enumerate(ids)
        for kind, value in (("phone", PHONE.format(100 + place)), ("push", sink.subscription(place)))
    ]
    if not add_contact_points(points).added:
        return 0
    publish_notice(NOTICE, "en", WORDS)
    record_many(
        NewConsent(
            pk, Purpose.MARKETING, channel, Action.IMPORTED, LawfulBasis.CONSENT, "import", "import", origin=SIMULATED,
            notice_version=NOTICE, language="en",
        )
        for pk in ids
        for channel in (Channel.SMS, Channel.PUSH)
    )  # fmt: skip
    return len(ids)
