"""Who buys. Direct identifiers stand here alone, sealed under the person's own key; everything else points at the id."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from catalog.models import Origin


class CustomerQuerySet(models.QuerySet):
    def trusted(self):
        """People whom no open or confirmed fraud flag keeps out of audiences, training and reports."""
        return self.filter(excluded_at=None)

    def present(self):
        """People who stand for themselves: neither erased nor merged into another record."""
        return self.filter(erased_at=None, merged_into=None)


class Customer(models.Model):
    """One person (in the demo store: one household) across all channels."""

    external_id = models.CharField(max_length=64, unique=True)  # the platform's own user id
    # Known by a card or a handle alone: `external_id` is ours, and the platform has no account for them yet.
    is_provisional = models.BooleanField(default=False)
    # The record that this one was found to be. It stays, empty, so that the merge can be taken back whole.
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    # Attributes that the platform gave (age band, income band ...). What is missing is absent, never guessed.
    attributes = models.JSONField(default=dict, blank=True)
    language = models.CharField(max_length=8, default="en")
    timezone = models.CharField(max_length=40, blank=True)
    jurisdiction = models.CharField(max_length=8, blank=True)
    personalise = models.BooleanField(default=True)  # off: the generic message, with the same offer
    first_seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    erased_at = models.DateTimeField(null=True, blank=True)
    excluded_at = models.DateTimeField(null=True, blank=True)
    excluded_reason = models.CharField(max_length=60, blank=True)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(merged_into=None) | ~models.Q(merged_into=models.F("id")), name="customer_not_itself"
            )
        ]
        indexes = [
            models.Index(fields=["id"], name="customer_excluded", condition=models.Q(excluded_at__isnull=False)),
            models.Index(fields=["first_seen_at"], name="customer_first_seen"),  # “known for”: whose day it becomes
        ]

    def __str__(self):
        return self.external_id


class SubjectKey(models.Model):
    """A person's AES-256 key, wrapped by a key from the environment. Destroying the row erases the person.

    In a table of its own, so that a dump of everything else, kept for years, holds no key: `dump` writes the keys apart.
    """

    customer = models.OneToOneField(Customer, primary_key=True, on_delete=models.CASCADE, related_name="key")
    sealed = models.BinaryField()

    def __str__(self):
        return f"key of {self.customer_id}"


class ContactPoint(models.Model):
    """A way to reach or recognise a person. Clear text never rests here: `sealed` is AES-256-GCM, `lookup` a keyed hash."""

    class Kind(models.TextChoices):
        EMAIL = "email", "e-mail"
        PHONE = "phone", "phone"
        WEB = "web", "web account"
        APP = "app", "app account"
        PUSH = "push", "push subscription"
        SOCIAL = "social", "social handle"
        LOYALTY = "loyalty", "loyalty card"
        DEVICE = "device", "device"
        ANONYMOUS = "anonymous", "anonymous session"

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="contact_points")
    kind = models.CharField(max_length=10, choices=Kind)
    sealed = models.BinaryField()
    lookup = models.BinaryField(max_length=32)
    lookup_version = models.PositiveSmallIntegerField(default=1)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)
    came_as = models.BigIntegerField(null=True)  # the record that it belonged to before a merge
    matched_at = models.DateTimeField(null=True)  # null: nobody has asked yet whom else it names

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "kind", "lookup"], name="contact_once_a_person")]
        # Not unique over people: two who share an address are one unit of every experiment.
        indexes = [
            models.Index(fields=["kind", "lookup"], name="contact_lookup"),
            models.Index(fields=["id"], name="contact_unmatched", condition=models.Q(matched_at=None)),
            models.Index(
                fields=["lookup_version", "id"], name="contact_version"
            ),  # what a key rotation still has to do
        ]

    def __str__(self):
        return f"{self.kind} of {self.customer_id}"


class MergeTrail(models.Model):
    """Two records found to be one person: which rule or person said so, and what is needed to take it apart again."""

    kept = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="merges")
    merged = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="merged_by")
    merged_external_id = models.CharField(max_length=64)
    rule = models.CharField(max_length=60)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    # Fields of the kept record before and after, contact points that it verified, consent that it recorded: ids and
    # attributes, never an address. What was re-pointed carries `came_as` itself.
    moved = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now(), editable=False)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    undone_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merged"], name="merge_standing_once", condition=models.Q(undone_at=None))
        ]
        indexes = [models.Index(fields=["-at"], name="merge_newest")]

    def __str__(self):
        return f"{self.merged_external_id} into {self.kept_id}"


class MergeProposal(models.Model):
    """Two records that a rule finds to be one person and a conflict keeps apart, until somebody decides with a reason."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        MERGED = "merged", "merged"
        DECLINED = "declined", "kept apart"

    one = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")  # the one that would be kept
    other = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    rule = models.CharField(max_length=60)
    conflict = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    at = models.DateTimeField(db_default=Now(), editable=False)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            # In either order, and for good: what somebody kept apart is not asked again each night.
            models.UniqueConstraint(
                models.functions.Least("one", "other"), models.functions.Greatest("one", "other"), name="proposal_once"
            )
        ]
        indexes = [models.Index(fields=["state", "-id"], name="proposal_state")]

    def __str__(self):
        return f"{self.other_id} into {self.one_id}: {self.conflict}"


class PrivacyBudget(models.Model):
    """Epsilon spent on one dataset and window by one noisy answer. The sum may never pass the cap."""

    dataset = models.CharField(max_length=60)
    window = models.CharField(max_length=40)
    unit = models.CharField(max_length=40)
    mechanism = models.CharField(max_length=40)
    epsilon = models.FloatField()
    delta = models.FloatField(default=0)
    query_digest = models.BinaryField(max_length=32)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: privacy budget spent"
        constraints = [models.CheckConstraint(condition=models.Q(epsilon__gt=0), name="budget_epsilon_positive")]
        indexes = [models.Index(fields=["dataset", "window"], name="budget_window")]

    def __str__(self):
        return f"{self.dataset} {self.window}: {self.epsilon}"


class DemoStore(models.Model):
    """The real data set behind a demo store: by how much its dates were moved and where the held-back part begins."""

    name = models.CharField(max_length=40, unique=True)
    shift = models.DurationField()  # a whole number of weeks, added to every date of the source
    cutoff_at = models.DateTimeField()  # shifted; orders from here on enter by replay alone
    replayed_until = models.DateTimeField(null=True, blank=True)
    merchants = ArrayField(models.CharField(max_length=64), default=list)
    loaded_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return self.name
