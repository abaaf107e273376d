"""Who is in a segment, kept: members, their comings and goings, sizes by night, lists of people, and who has changed.

These point at customers without a constraint of the database: a person who is erased, merged or taken back with an import is
a change like any other and leaves at the next refresh. It also lets an import be undone that campaigns already looked at.
"""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from campaigns.models.planning import Segment
from customers.models import Customer, ImportBatch


def person(name: str = "+") -> models.ForeignKey:
    return models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name=name
    )


class SegmentMember(models.Model):
    """One person in one segment as of its last refresh."""

    pk = models.CompositePrimaryKey("segment", "customer")
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, db_index=False, related_name="+")
    customer = person("segment_memberships")
    entered_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["customer"], name="segment_member_person")]

    def __str__(self):
        return f"{self.customer_id} in {self.segment_id}"


class SegmentMove(models.Model):
    """Somebody came into a segment or left it. A changed rule begins anew and leaves no moves."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, db_index=False, related_name="+")
    customer = person()
    is_entry = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["segment", "is_entry", "-id"], name="segment_move_newest"),
            models.Index(fields=["segment", "customer", "id"], name="segment_move_person"),
            models.Index(fields=["at"], name="segment_move_time"),
        ]

    def __str__(self):
        return f"{self.customer_id} {'into' if self.is_entry else 'out of'} {self.segment_id}"


class SegmentSize(models.Model):
    """How large a segment was on one night, and who moved since the night before."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="sizes")
    day = models.DateField()
    version = models.PositiveIntegerField()  # of the rule: sizes of another one do not compare
    size = models.IntegerField()
    reachable = models.JSONField(default=dict)  # {channel: people}
    entered = models.IntegerField(default=0)
    left = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="segment_size_once")]

    def __str__(self):
        return f"{self.segment_id} on {self.day}: {self.size}"


class ChangedPerson(models.Model):
    """Somebody of whom something changed that a rule can ask about: written by triggers, taken out by the refresh.

    The same person may stand here many times: a unique key would make writers wait for one another.
    """

    customer_id = models.BigIntegerField()

    def __str__(self):
        return str(self.customer_id)


class PeopleList(models.Model):
    """People by name and not by rule: those of an imported file, or the nearest to the people of a segment."""

    class State(models.TextChoices):
        ASKED = "asked", "waits to be worked out"
        WORKING = "working", "is worked out"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    batch = models.ForeignKey(ImportBatch, null=True, on_delete=models.PROTECT, related_name="+")
    seed = models.ForeignKey(Segment, null=True, on_delete=models.PROTECT, related_name="+")
    wanted = models.PositiveIntegerField(default=0)  # of a look-alike: how many people
    state = models.CharField(max_length=10, choices=State, default=State.READY)
    message = models.CharField(max_length=300, blank=True)
    people = models.IntegerField(null=True)
    worked_out_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(batch__isnull=False, seed=None) | models.Q(batch=None, seed__isnull=False),
                name="list_of_a_file_or_a_seed",
            ),
            models.UniqueConstraint(fields=["batch"], name="list_of_a_file_once"),
        ]

    def __str__(self):
        return self.name


class ListEntry(models.Model):
    """One person of a look-alike list, with how like the seed they are, 0 to 1."""

    pk = models.CompositePrimaryKey("people_list", "customer")
    people_list = models.ForeignKey(PeopleList, on_delete=models.CASCADE, db_index=False, related_name="entries")
    customer = person()
    likeness = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["customer"], name="list_entry_person")]

    def __str__(self):
        return f"{self.customer_id} on {self.people_list_id}"


class Tally(models.Model):
    """A question about people that takes too long for a page: the row is the queue, a worker writes the answer.

    count asks for {"rule", "merchant", "slug"}: how many, who for example, how many a channel. overlap asks for
    {"segments": ids}: how many are in which of them together. rehearsal asks for {"campaign", "frozen_at", "content"}: what
    the send of exactly this would be. plan asks for {"segments", "versions", "channels", "caps", "at", "local_at",
    "keeps_email_quiet"}: how many of these people a cap would hold back, and how many the night would delay. review asks for
    that of a rehearsal and {"approval", "started_at"}: what a reviewer has to know of it.
    """

    class Kind(models.TextChoices):
        COUNT = "count", "people of a rule"
        OVERLAP = "overlap", "overlap of segments"
        REHEARSAL = "rehearsal", "rehearsal of a send"
        PLAN = "plan", "caps and nights of a plan"
        REVIEW = "review", "reading for a review"

    class State(models.TextChoices):
        ASKED = "asked", "waits"
        WORKING = "working", "being counted"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    kind = models.CharField(max_length=10, choices=Kind)
    digest = models.CharField(max_length=64, unique=True)
    question = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    answer = models.JSONField(null=True)
    message = models.CharField(max_length=300, blank=True)
    done = models.FloatField(db_default=0.0)  # the share that is worked out, 0 to 1
    asked_at = models.DateTimeField(db_default=Now())
    claimed_until = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="tally_waiting", condition=models.Q(state__in=["asked", "working"]))
        ]

    def __str__(self):
        return f"{self.kind} {self.digest[:8]}"
