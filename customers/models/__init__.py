from customers.models.behaviour import Event, EventKey, Order, OrderLine, Quarantine, Source
from customers.models.consent import ConsentRecord, ConsentState, LedgerGenesis, Notice, NoticeForm, Suppression
from customers.models.disclosure import PrivateAnswer
from customers.models.imports import ImportBatch, ImportChunk, ImportedRow, ImportReject
from customers.models.people import (
    ContactPoint,
    Customer,
    DemoStore,
    MergeProposal,
    MergeTrail,
    PrivacyBudget,
    SubjectKey,
)
from customers.models.retention import LegalHold, RetentionRule, RetentionRun
from customers.models.rights import OptIn, PrivacyRequest, TypedRequest

__all__ = [
    "ConsentRecord",
    "ConsentState",
    "ContactPoint",
    "Customer",
    "DemoStore",
    "Event",
    "EventKey",
    "ImportBatch",
    "ImportChunk",
    "ImportReject",
    "ImportedRow",
    "LedgerGenesis",
    "LegalHold",
    "MergeProposal",
    "MergeTrail",
    "Notice",
    "NoticeForm",
    "OptIn",
    "Order",
    "OrderLine",
    "PrivacyBudget",
    "PrivacyRequest",
    "PrivateAnswer",
    "Quarantine",
    "RetentionRule",
    "RetentionRun",
    "Source",
    "SubjectKey",
    "Suppression",
    "TypedRequest",
]
