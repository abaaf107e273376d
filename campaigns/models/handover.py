"""What left as a file for many people at once: an audience list, a coupon sheet, the codes for the till."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.models import ExportRequest
from campaigns.models.planning import Campaign, Segment
from copywriting.models import Draft, Generation
from customers.models import ContactPoint, Customer


class Target(models.TextChoices):
    """Whom a file is made for."""

    META = "meta", "Meta: customer list"
    GOOGLE = "google", "Google: Customer Match"
    SHEET = "sheet", "Coupon sheets to print"
    TILL = "till", "Codes for the till"


class HandOver(models.Model):
    """One file that was taken: by whom, on whose word, how much was in it, and the digest of its bytes.

    The file itself is kept nowhere: it is made while it is taken. Without `finished_at` the download broke off.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="hand_overs")
    channel = models.CharField(max_length=10)
    target = models.CharField(max_length=10, choices=Target)
    request = models.ForeignKey(ExportRequest, on_delete=models.PROTECT, related_name="+")
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now(), editable=False)
    people = models.IntegerField(default=0)
    held_out = models.IntegerField(default=0)  # on the list of whom not to show it to
    taken_off = models.IntegerField(default=0)  # on the list of whom to take off
    size = models.BigIntegerField(default=0)  # bytes
    digest = models.CharField(max_length=64, blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["campaign", "-id"], name="hand_over_newest")]

    def __str__(self):
        return f"{self.campaign_id}: {self.target} {self.pk}"


class Listed(models.Model):
    """Somebody whose hashed address stands on a list at an advertising platform, until a later file takes them off."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="listed")
    target = models.CharField(max_length=10, choices=Target)
    is_held_out = models.BooleanField(default=False)  # on the list of whom not to show it to
    contact_point = models.ForeignKey(ContactPoint, null=True, on_delete=models.SET_NULL, related_name="+")
    listed_in = models.ForeignKey(HandOver, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Since when they may not stand there any more: a newer list is due.
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=20, blank=True)
    taken_off_in = models.ForeignKey(HandOver, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "target", "customer"], name="listed_once")]
        indexes = [
            # Who has to be taken off: few of many, so each page that asks reads only these.
            models.Index(
                fields=["campaign", "target", "ended_at"],
                name="listed_ended",
                condition=models.Q(ended_at__isnull=False, taken_off_in__isnull=True),
            )
        ]

    def __str__(self):
        return f"{self.campaign_id}: {self.target} {self.customer_id}"


class AdCopy(models.Model):
    """The words of an advertisement for one segment on one platform: approved with the campaign, and copied by hand."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="ads")
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="+")
    target = models.CharField(max_length=10, choices=Target)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    generation = models.ForeignKey(Generation, null=True, on_delete=models.SET_NULL, related_name="+")
    draft = models.ForeignKey(Draft, null=True, on_delete=models.SET_NULL, related_name="+")
    writer = models.CharField(max_length=10)  # model, template or person
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "segment", "target"],
                name="one_current_ad",
                condition=models.Q(is_current=True),
            )
        ]

    def __str__(self):
        return self.subject
