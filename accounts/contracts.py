"""What the other rooms need to say who may do what. Pure: a view carries its capability, the middleware asks for it."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

View = TypeVar("View", bound=Callable)

PUBLIC = "public"  # anyone, signed in or not: links in messages, the login page
ANY_STAFF = "staff"  # any signed-in member of staff
# Whose rows a connection sees and writes: everybody's, one merchant's (its id as text), or no merchant's at all.
PLATFORM, NOBODY = "platform", ""
# Row-level security for a table with a merchant_id, for migrations: `ROW_SECURITY.format(table=...)`. Said by a setting of
# the connection, and without it nothing is visible. The sub-selects are evaluated once a statement, not once a row. FORCE,
# because an owner is otherwise let past; Postgres itself lets a superuser past, which is why nothing runs as one.
ROW_SECURITY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY merchant_rows ON {table}
    USING ((SELECT current_setting('attune.merchant', true) = 'platform') OR merchant_id = (
        SELECT CASE WHEN current_setting('attune.merchant', true) ~ '^[0-9]{{1,18}}$'
               THEN current_setting('attune.merchant', true)::bigint END))
    WITH CHECK ((SELECT current_setting('attune.merchant', true) = 'platform') OR merchant_id = (
        SELECT CASE WHEN current_setting('attune.merchant', true) ~ '^[0-9]{{1,18}}$'
               THEN current_setting('attune.merchant', true)::bigint END));
"""
NO_ROW_SECURITY = """
DROP POLICY merchant_rows ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
"""
SIGNED_IN = "signed in"  # any signed-in person, also one whose second factor is not enrolled yet
# The id of the request that this thread answers, "" outside of one: config's middleware sets it, audit entries carry it.
request_id: ContextVar[str] = ContextVar("request_id", default="")


class Capability(StrEnum):
    """Everything that a role can allow. A role is a set of these, kept as data."""

    CAMPAIGN_READ = "campaign.read"
    CAMPAIGN_COMPOSE = "campaign.compose"
    CAMPAIGN_APPROVE = "campaign.approve"
    CAMPAIGN_SEND = "campaign.send"
    CAMPAIGN_HALT = "campaign.halt"
    CUSTOMER_READ = "customer.read"
    PEOPLE_WRITE = "people.write"  # bring files of people in, merge records and part them
    CONSENT_READ = "consent.read"
    CONSENT_WRITE = "consent.write"
    RISK_READ = "risk.read"
    RISK_DECIDE = "risk.decide"
    MODEL_READ = "model.read"
    MODEL_PROMOTE = "model.promote"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    EXPORT_ASK = "export.ask"  # to take rows about many people along; somebody else decides
    EXPORT_DECIDE = "export.decide"
    CONTACT_EXPORT = "contact.export"  # ... with addresses and numbers in the clear
    EVENT_READ = "event.read"
    KEY_MANAGE = "key.manage"
    WEBHOOK_MANAGE = "webhook.manage"


class Scope(StrEnum):
    """What an API key may do. Deny by default: a key without the scope is refused."""

    EVENTS_WRITE = "events.write"
    PRODUCTS_WRITE = "products.write"
    PRODUCTS_READ = "products.read"
    RECOMMENDATIONS_READ = "recommendations.read"
    CAMPAIGNS_READ = "campaigns.read"
    PUSH_WRITE = "push.write"  # let a customer's browser be registered
    WEBHOOKS_WRITE = "webhooks.write"  # see and change where events are posted


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """What part of the audit trail is asked for; what is empty narrows nothing. `until` itself is left out."""

    actor: str = ""
    action: str = ""  # how it begins
    object_type: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def requires(capability: Capability | str, *, confirmed: bool = False) -> Callable[[View], View]:
    """Marks a view with the capability its caller must have; config's Access middleware refuses everybody else.

    `confirmed`: and who gave no password or second factor within five minutes is asked for it first, and led back.
    """

    def mark(view: View) -> View:
        view.capability = str(capability)
        view.is_confirmed = confirmed
        return view

    return mark


def public(view: View) -> View:
    """Marks a view that anyone may call. Whoever writes it says by this that it shows nothing of anyone else."""
    view.capability = PUBLIC
    return view
