"""What merchants' own systems are told: where, signed with what, and what became of each post."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now

from campaigns.models.delivery import Message
from campaigns.models.planning import Campaign
from catalog.models import Merchant
from customers.models import Customer, Order


class WebhookEndpoint(models.Model):
    """An address that takes posts by Standard Webhooks, of one merchant or (null) of the platform."""

    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    url = models.CharField(max_length=500)
    kinds = ArrayField(models.CharField(max_length=30))  # contracts.HOOK_KINDS
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["merchant", "-id"], name="webhook_newest")]

    def __str__(self):
        return self.name


class WebhookSecret(models.Model):
    """What signs an endpoint's posts, sealed under the install's key; several while they rotate."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="secrets")
    sealed = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    ends_at = models.DateTimeField(null=True)  # null: the newest

    def __str__(self):
        return f"secret {self.pk} of {self.endpoint_id}"


class WebhookDelivery(models.Model):
    """One thing that one endpoint is to be told. Made by the database in the transaction in which it happened.

    It holds ids alone: whom it is about is looked up when it is posted, so that an erasure reaches what waits.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DELIVERED = "delivered", "delivered"
        FAILED = "failed", "given up"
        DROPPED = "dropped", "dropped"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = models.UUIDField(db_default=RandomUUID())  # with its prefix the webhook-id: the same at every try
    kind = models.CharField(max_length=30)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="+")
    campaign = models.ForeignKey(Campaign, null=True, on_delete=models.CASCADE, related_name="+")
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="+")
    order = models.ForeignKey(Order, null=True, on_delete=models.CASCADE, related_name="+")
    words = models.JSONField(db_default={})  # further facts that name nobody: purpose, channel, reason
    at = models.DateTimeField(db_default=Now(), editable=False)
    state = models.CharField(max_length=10, choices=State, db_default="waiting")
    tries = models.PositiveSmallIntegerField(db_default=0)
    not_before = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["endpoint", "-id"], name="webhook_delivery_newest"),
            models.Index(
                fields=["endpoint", "not_before", "id"], name="webhook_waiting", condition=models.Q(state="waiting")
            ),
        ]

    def __str__(self):
        return f"{self.kind} to {self.endpoint_id}"


class WebhookAttempt(models.Model):
    """One try: what the receiver answered, or why there was no answer."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(db_default=Now(), editable=False)
    is_taken = models.BooleanField()
    words = models.CharField(max_length=300)
    took_ms = models.PositiveIntegerField()

    def __str__(self):
        return f"{self.delivery_id}: {self.words}"
