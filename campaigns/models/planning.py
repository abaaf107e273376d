"""What is to be said to whom, and who agreed to it."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from campaigns.state import CampaignState, Kind
from catalog.models import Merchant, Offer, Origin
from copywriting.models import Draft, Generation, Job
from customers.models import Customer
from registry.models import ModelVersion


def words(states) -> list[tuple[str, str]]:
    """Choices from the state tables, which stay the one list of states."""
    return [(state.value, state.value.replace("_", " ")) for state in states]


class Codes(models.TextChoices):
    """What opens the offer at the till."""

    NONE = "", "no code"
    SHARED = "shared", "one code for everybody"
    UNIQUE = "unique", "a code of one's own for each person"


class Split(models.TextChoices):
    """How the variants of a segment share its readers."""

    LEARN = "learn", "by response: what is read more goes to more, and none below a twentieth"
    EVEN = "even", "evenly"


class Segment(models.Model):
    """A group of people by a typed rule (campaigns.queries.segments), never by text that reaches SQL."""

    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.CASCADE, related_name="segments")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=80)
    rule = models.JSONField()
    # The only words about these people that a writer gets; the segment's name stays inside.
    audience_phrase = models.CharField(max_length=120)
    size = models.IntegerField(null=True, blank=True)
    reachable = models.IntegerField(null=True, blank=True)  # of these, whom e-mail may be sent to
    reach = models.JSONField(default=dict, blank=True)  # the same for every channel: {channel: people}
    sample = ArrayField(models.BigIntegerField(), default=list, blank=True)  # a few of its people, drawn at the count
    came = models.IntegerField(null=True, blank=True)  # within the day before the count
    left = models.IntegerField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    count_asked_at = models.DateTimeField(null=True, blank=True)  # somebody waits for a count
    # As of when its members are kept; null: not at all yet, or for a rule that was changed since.
    fresh_at = models.DateTimeField(null=True, blank=True)
    rebuilt_at = models.DateTimeField(null=True, blank=True)  # when everybody was asked last
    trouble = models.CharField(max_length=300, blank=True)  # why it could not be refreshed
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "slug"], nulls_distinct=False, name="segment_slug_once")
        ]

    def __str__(self):
        return self.name


def usual_waves() -> list[float]:
    return [0.01, 0.1]


def usual_limits() -> dict[str, float]:
    """Shares of what is out. Gmail's bulk rules: complaints below 0.3 %; a tenth of bad addresses is a bad list."""
    return {"bounced": 0.05, "complained": 0.003, "unsubscribed": 0.02}


def email_alone() -> list[str]:
    return ["email"]


class Campaign(models.Model):
    """One thing said to several segments, with a hold-out that hears nothing. Its state has one writer: lifecycle.move()."""

    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns")
    external_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=120)
    goal = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=words(Kind), default=Kind.SCHEDULED.value)
    trigger = models.JSONField(default=dict, blank=True)  # contracts.Trigger of a triggered campaign
    swept_at = models.DateTimeField(null=True, editable=False)  # until when its trigger was asked
    state = models.CharField(
        max_length=10, choices=words(CampaignState), default=CampaignState.DRAFT.value, editable=False
    )
    segments = models.ManyToManyField(Segment, through="CampaignSegment", related_name="campaigns")
    offer = models.ForeignKey(Offer, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns")
    # In the order that pages name them. Everybody gets the campaign on each of these that is open to them.
    channels = ArrayField(models.CharField(max_length=10), default=email_alone)
    tone = models.CharField(max_length=60, default="warm and plain")
    items_per_message = models.PositiveSmallIntegerField(default=3)
    block = models.JSONField(default=dict, blank=True)  # contracts.Block: how the products are chosen
    festival = models.CharField(max_length=20, blank=True)  # a key of the festival calendar
    codes = models.CharField(max_length=8, choices=Codes, default=Codes.NONE, blank=True)
    shared_code = models.CharField(max_length=40, blank=True)
    split = models.CharField(max_length=8, choices=Split, default=Split.LEARN)
    utm_campaign = models.CharField(max_length=60, blank=True)  # empty: links carry no UTM parameters
    holdout_share = models.FloatField(default=0.1)
    cap_days = models.PositiveSmallIntegerField(default=3)  # nobody hears from us twice within these days
    # Further caps, each {"channel", "messages", "days"} of contracts.Cap; those of settings.FREQUENCY_CAPS hold as well.
    caps = models.JSONField(default=list, blank=True)
    attribution_days = models.PositiveSmallIntegerField(default=28)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    # Sent by each recipient's own clock: what it shows then, ISO 8601 without a zone. `scheduled_at` is then the moment at
    # which the first place of the audience comes to it. "": at one moment for all.
    local_at = models.CharField(max_length=16, blank=True, db_default="")
    places = models.JSONField(
        default=list, db_default=[], blank=True, editable=False
    )  # {"zone", "people"} of the frozen
    late_after = models.DurationField(null=True, blank=True)  # a start missed by more than this asks again
    per_second = models.PositiveSmallIntegerField(default=50)
    # Shares of each channel's messages that go out first, a random part; the rest follows when nothing stopped them.
    waves = ArrayField(models.FloatField(), default=usual_waves, blank=True)
    wave_wait = models.DurationField(
        default=timedelta(minutes=10)
    )  # from the end of a wave to the next: bounces take time
    stop_limits = models.JSONField(default=usual_limits, blank=True)
    wave = models.PositiveSmallIntegerField(default=1, editable=False)  # messages up to this wave may go
    wave_done_at = models.DateTimeField(null=True, editable=False)  # when the present wave had no open message left
    judged_since = models.DateTimeField(null=True, editable=False)  # what was sent before was judged, and let go on
    keeps_email_quiet = models.BooleanField(
        default=False
    )  # e-mail as well waits for the morning; text and push always do
    authors = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")  # none of them may approve
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    frozen_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    recommender = models.ForeignKey(ModelVersion, null=True, editable=False, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=300, blank=True)  # why it stands where it stands, for people
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(holdout_share__range=(0, 0.5)), name="campaign_holdout_share"),
            models.CheckConstraint(condition=models.Q(channels__len__gte=1), name="campaign_has_a_channel"),
            models.CheckConstraint(
                condition=~models.Q(kind="triggered") | ~models.Q(trigger={}), name="triggered_has_a_trigger"
            ),
            models.CheckConstraint(condition=models.Q(items_per_message__range=(1, 12)), name="campaign_items"),
            models.CheckConstraint(condition=models.Q(attribution_days__range=(1, 90)), name="campaign_attribution"),
            models.CheckConstraint(
                condition=~models.Q(codes="shared") | ~models.Q(shared_code=""), name="shared_code_is_given"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="scheduled") | models.Q(scheduled_at__isnull=False),
                name="scheduled_has_a_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["sending", "sent"]) | models.Q(started_at__isnull=False),
                name="sending_has_a_start",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "scheduled_at"], name="campaign_due"),
            models.Index(fields=["merchant", "-id"], name="campaign_newest"),
        ]

    def __str__(self):
        return self.name

    @property
    def channel(self) -> str:
        """The first of its channels, where one alone can be named."""
        return self.channels[0]

    @property
    def salt(self) -> str:
        """What the arms are drawn with: fixed by the row's id, so that nobody can choose a lucky one."""
        return f"campaign:{self.pk}"


class PlanDraft(models.Model):
    """What somebody typed into the composer and has not saved yet: kept while they type, gone when they save or discard."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    campaign = models.ForeignKey(Campaign, null=True, on_delete=models.CASCADE, related_name="+")  # null: a new one
    fields = models.JSONField()
    kept_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "campaign"], nulls_distinct=False, name="plan_draft_once")
        ]

    def __str__(self):
        return f"{self.user_id}: {self.campaign_id}"


class CampaignSegment(models.Model):
    """A segment of a campaign. Who is in several belongs to the one with the lowest `priority`."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="campaign_segments")
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="+")
    priority = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "segment"], name="campaign_segment_once"),
            models.UniqueConstraint(fields=["campaign", "priority"], name="campaign_segment_priority"),
        ]
        ordering = ["priority"]

    def __str__(self):
        return f"{self.campaign_id}: {self.segment_id}"


class MessageVariant(models.Model):
    """The words for one segment on one channel, as Liquid with facts still open. A new wording is a new row. A label is
    one treatment over all channels (campaigns.queries.wording).
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="variants")
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, default="email")
    label = models.CharField(max_length=20, default="A")
    subject = models.CharField(max_length=200)  # "" where the channel has none, such as a text message
    body = models.TextField()
    generation = models.ForeignKey(Generation, null=True, on_delete=models.SET_NULL, related_name="+")
    draft = models.ForeignKey(Draft, null=True, on_delete=models.SET_NULL, related_name="+")
    writer = models.CharField(max_length=10)  # model, template or person
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "segment", "channel", "label"],
                name="one_current_variant",
                condition=models.Q(is_current=True),
            )
        ]

    def __str__(self):
        return self.headline

    @property
    def headline(self) -> str:
        """What a list calls these words by."""
        return self.subject or self.body.split("\n")[0][:80]


class Rewrite(models.Model):
    """Words of a segment that were asked for once more, or for a further variant: the job that writes the drafts."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="rewrites")
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=20, default="A")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="+")

    def __str__(self):
        return f"{self.campaign_id}: {self.segment_id} {self.label}"


class AudienceMember(models.Model):
    """One person of a frozen audience, with the products chosen for them. The approval's digest covers these rows. A
    triggered campaign may take somebody in again: each entry has its own products and messages.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="audience")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="+")
    items = ArrayField(models.BigIntegerField(), default=list)
    request_id = models.UUIDField(null=True)  # the exposure that these items will be
    entry = models.PositiveSmallIntegerField(default=1, db_default=1)
    entered_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "customer", "entry"], name="audience_once_an_entry")]

    def __str__(self):
        return f"{self.campaign_id}: {self.customer_id}"


class Approval(models.Model):
    """Somebody who did not write it agreed to exactly this: the digest binds content, audience, offer, schedule and items."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="approvals")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    content = models.JSONField()  # what the digest was made of, for the evidence pack
    audience_size = models.IntegerField()
    # What was worked out about exactly this before it was approved: {"reading", "rehearsal"}, each with its time and counts.
    checks = models.JSONField(default=dict, db_default={})
    comment = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: approvals"

    def __str__(self):
        return f"{self.campaign_id} by {self.approver_id}"


class Comment(models.Model):
    """What somebody said of a campaign while it was read: a thread of remarks and replies, never edited."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    reply_to = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="replies")
    digest = models.CharField(max_length=64)  # of plan and words as they stood then
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: what was said of campaigns"
        indexes = [models.Index(fields=["campaign", "id"], name="comment_in_order")]

    def __str__(self):
        return f"{self.author_id} on {self.campaign_id}"


class Transition(models.Model):
    """One step of a campaign's state, with who and why."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="transitions")
    action = models.CharField(max_length=20)
    from_state = models.CharField(max_length=10)
    to_state = models.CharField(max_length=10)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: steps of campaigns"
        indexes = [models.Index(fields=["campaign", "-id"], name="transition_newest")]

    def __str__(self):
        return f"{self.campaign_id}: {self.from_state} to {self.to_state}"
