"""Who heard what, and what they did then."""

from django.db import models
from django.db.models.functions import Now

from campaigns.models.planning import Campaign, MessageVariant, Segment, words
from campaigns.state import MESSAGE_OPEN, MessageState
from catalog.models import Offer, Origin, Product
from customers.models import ContactPoint, Customer, Order


class Assignment(models.Model):
    """What the gate said of one person of the audience: an arm, or excluded and why.

    Over all channels: whom one of them is open to has an arm, and Exclusion says which were not. The arm is drawn once a
    person and campaign, at the first entry that passes the gate, and stays for all that follow: whether somebody enters
    again may depend on what they were sent, so an arm that was drawn anew would compare people whom the treatment chose.
    """

    class Arm(models.TextChoices):
        TREATED = "treated", "treated"
        HOLDOUT = "holdout", "hold-out"
        EXCLUDED = "excluded", "excluded"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="assignments")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="assignments")
    segment = models.ForeignKey(Segment, null=True, on_delete=models.PROTECT, related_name="+")
    arm = models.CharField(max_length=8, choices=Arm)
    reason = models.CharField(max_length=20, blank=True)
    # People who share a contact point, over any number of others, share the arm: this is what was hashed.
    unit = models.CharField(max_length=64, blank=True)
    assigned_at = models.DateTimeField(db_default=Now())
    entry = models.PositiveSmallIntegerField(default=1, db_default=1)  # that the arm was drawn at

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "customer"], name="assigned_once"),
            models.CheckConstraint(
                condition=models.Q(arm="excluded", reason__gt="") | (~models.Q(arm="excluded") & models.Q(reason="")),
                name="excluded_has_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["customer", "-assigned_at"], name="assignment_customer")]

    def __str__(self):
        return f"{self.campaign_id}: {self.customer_id} {self.arm}"


class Exclusion(models.Model):
    """A channel that the gate closed for one person of the audience, in either arm, and why. Written once an entry."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="exclusions", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="exclusions")
    channel = models.CharField(max_length=10)
    reason = models.CharField(max_length=20)
    entry = models.PositiveSmallIntegerField(default=1, db_default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "customer", "channel", "entry"], name="excluded_once_an_entry"),
            models.CheckConstraint(condition=models.Q(reason__gt=""), name="exclusion_has_a_reason"),
        ]

    def __str__(self):
        return f"{self.campaign_id}: {self.customer_id} {self.channel} {self.reason}"


class MessageQuerySet(models.QuerySet):
    def open(self):
        """Rows that may still become something else: a campaign is sent when it has none."""
        return self.filter(state__in=MESSAGE_OPEN)


class Message(models.Model):
    """One message to one person on one channel, once an entry. The row is the queue: queued, claimed, then its outcome."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="messages")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=10)
    variant = models.ForeignKey(MessageVariant, on_delete=models.PROTECT, related_name="messages")
    # With which probability this variant was drawn among those of the segment: what off-policy estimates divide by.
    propensity = models.FloatField(null=True)
    contact_point = models.ForeignKey(ContactPoint, null=True, on_delete=models.SET_NULL, related_name="+")
    entry = models.PositiveSmallIntegerField(default=1, db_default=1)  # AudienceMember.entry
    state = models.CharField(max_length=10, choices=words(MessageState), default=MessageState.QUEUED.value)
    reason = models.CharField(max_length=20, blank=True)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    # Set and committed before the first byte goes out: a lost worker's rows without it go back to the queue, rows with it
    # may have been sent and become `unknown`.
    attempted_at = models.DateTimeField(null=True)
    wave = models.PositiveSmallIntegerField(db_default=1)
    tries = models.PositiveSmallIntegerField(default=0)
    # Not tried before: moved by quiet hours, and after a refusal for now.
    not_before = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=300, blank=True)
    queued_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "customer", "channel", "entry"], name="message_once_an_entry"),
            models.CheckConstraint(
                condition=~models.Q(state="sending") | models.Q(lease_until__isnull=False), name="sending_has_a_lease"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="sent") | models.Q(sent_at__isnull=False), name="sent_has_a_time"
            ),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "channel", "wave", "not_before"],
                name="message_waiting",
                condition=models.Q(state="queued"),
            ),
            models.Index(fields=["lease_until"], name="message_leased", condition=models.Q(state="sending")),
            models.Index(fields=["campaign", "state", "-id"], name="message_monitor"),
            models.Index(fields=["customer", "-id"], name="message_customer"),
            # What a window of a segment lets go of, as the two below: read every minute, a short stretch of time.
            models.Index(fields=["sent_at"], name="message_time", condition=models.Q(sent_at__isnull=False)),
        ]

    def __str__(self):
        return f"{self.campaign_id}: {self.customer_id} {self.state}"


class Impression(models.Model):
    """An open, as far as a picture that loads can say so. Never a trigger, a winner or a success metric."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="impressions")
    at = models.DateTimeField(db_default=Now(), editable=False)
    is_machine = models.BooleanField(default=False)
    origin = models.CharField(max_length=10, choices=Origin)

    def __str__(self):
        return f"{self.message_id}"


class Click(models.Model):
    """Somebody, or a scanner, followed a signed link."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="clicks")
    product = models.ForeignKey(Product, null=True, on_delete=models.SET_NULL, related_name="+")
    place = models.PositiveSmallIntegerField(null=True)  # which link of the message, from 0
    at = models.DateTimeField(db_default=Now(), editable=False)
    is_machine = models.BooleanField(default=False)
    origin = models.CharField(max_length=10, choices=Origin)

    class Meta:
        indexes = [
            models.Index(fields=["message", "at"], name="click_message"),
            models.Index(fields=["at"], name="click_time"),
        ]

    def __str__(self):
        return f"{self.message_id}: {self.product_id}"


class SurveyAnswer(models.Model):
    """One answer to the one question, 1 to 5; the comment rests sealed under the person's key."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="survey_answer")
    score = models.PositiveSmallIntegerField()
    sealed_comment = models.BinaryField(null=True)
    at = models.DateTimeField(db_default=Now(), editable=False)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(score__range=(1, 5)), name="survey_score")]

    def __str__(self):
        return f"{self.message_id}: {self.score}"


class CouponCode(models.Model):
    """A code that stands for an offer, for one person or for all who got the campaign."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="coupon_codes")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="codes")
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    code = models.CharField(max_length=60)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "offer", "code", "customer"], nulls_distinct=False, name="code_once"
            ),
            models.UniqueConstraint(
                fields=["code"], condition=models.Q(customer__isnull=False), name="personal_code_once"
            ),
        ]
        indexes = [models.Index(fields=["code"], name="coupon_code")]

    def __str__(self):
        return self.code


class Redemption(models.Model):
    """A code that was used."""

    code = models.ForeignKey(CouponCode, on_delete=models.PROTECT, related_name="redemptions")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="redemptions")
    order = models.ForeignKey(Order, null=True, on_delete=models.SET_NULL, related_name="+")
    redeemed_at = models.DateTimeField()
    is_single = models.BooleanField(default=False, db_default=False)  # of a person's own code, which is good once
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code", "order"], condition=models.Q(order__isnull=False), name="redeemed_once_an_order"
            ),
            models.UniqueConstraint(fields=["code"], condition=models.Q(is_single=True), name="single_code_once"),
        ]
        indexes = [
            models.Index(fields=["customer", "-redeemed_at"], name="redemption_customer"),
            models.Index(fields=["redeemed_at"], name="redemption_time"),
        ]

    def __str__(self):
        return f"{self.code_id} at {self.redeemed_at:%Y-%m-%d}"
