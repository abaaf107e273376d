"""What people ask of us, and what we ask of them: requests with a clock, and opt-ins that wait for a confirmation."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from customers.models.people import ContactPoint, Customer


class PrivacyRequest(models.Model):
    """Somebody asks to see, take along, or erase what is known of them; a clock runs from the day it came in.

    received -> verified -> completed; refused with a reason from either. Nothing is shown or erased before `verified`.
    """

    class Kind(models.TextChoices):
        ACCESS = "access", "access"
        PORTABILITY = "portability", "portability"
        ERASURE = "erasure", "erasure"
        OBJECTION = "objection", "objection"

    class State(models.TextChoices):
        RECEIVED = "received", "received"
        VERIFIED = "verified", "identity verified"
        COMPLETED = "completed", "completed"
        REFUSED = "refused", "refused"

    reference = models.UUIDField(default=uuid4, unique=True, editable=False)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="privacy_requests")
    kind = models.CharField(max_length=12, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    via = models.CharField(max_length=20, default="page")  # page, preference_centre, staff
    language = models.CharField(max_length=8, default="en")
    jurisdiction = models.CharField(max_length=8, blank=True)
    article = models.CharField(max_length=120, blank=True)  # where the deadline stands, from the pack
    received_at = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField()
    # The one-time link to a contact point that was on file: its secret as SHA-256, gone once used.
    contact_point = models.ForeignKey(ContactPoint, null=True, on_delete=models.SET_NULL, related_name="+")
    link_digest = models.BinaryField(max_length=32, null=True)
    link_sent_at = models.DateTimeField(null=True, blank=True)
    link_until = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.CharField(max_length=60, blank=True)  # "link", or "staff:7"
    sealed_evidence = models.BinaryField(null=True)  # what staff saw, under the person's key
    refusal = models.TextField(blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)  # or refused
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    proof = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "kind"],
                name="one_open_request",
                condition=models.Q(state__in=["received", "verified"]),
            ),
            models.CheckConstraint(
                condition=~models.Q(state="completed") | models.Q(proof__isnull=False), name="completed_has_a_proof"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="refused") | ~models.Q(refusal=""), name="refused_has_a_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "due_at", "id"], name="request_clock"),
            models.Index(fields=["id"], name="request_letter", condition=models.Q(link_sent_at=None, state="received")),
        ]

    def __str__(self):
        return f"{self.kind} {self.pk}"


class TypedRequest(models.Model):
    """Such a request as it was typed, until a worker has looked whose address it is: the page itself asks nobody."""

    kind = models.CharField(max_length=12, choices=PrivacyRequest.Kind)
    sealed = models.BinaryField()  # the address, under the install's key
    received_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self):
        return f"{self.kind} typed {self.received_at}"


class OptIn(models.Model):
    """A consent that was asked for and waits for its second step: a link to the address, and a post behind it."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="opt_ins")
    contact_point = models.ForeignKey(ContactPoint, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=20)  # customers.queries.packs.SUBJECTS
    language = models.CharField(max_length=8, default="en")
    jurisdiction = models.CharField(max_length=8)
    notice_version = models.CharField(max_length=40)
    form_sha256 = models.BinaryField(max_length=32, null=True)  # of the page as it was rendered
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    secret_digest = models.BinaryField(max_length=32, null=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)  # lapsed, or a no came in between

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "subject"],
                name="one_open_opt_in",
                condition=models.Q(confirmed_at=None, closed_at=None),
            )
        ]
        indexes = [
            models.Index(fields=["id"], name="opt_in_letter", condition=models.Q(sent_at=None, closed_at=None)),
            models.Index(
                fields=["expires_at"],
                name="opt_in_lapses",
                condition=models.Q(confirmed_at=None, closed_at=None),
            ),
        ]

    def __str__(self):
        return f"{self.subject} of {self.customer_id}"
