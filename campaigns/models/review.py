"""What the second pair of eyes leaves behind: who was in an approved audience, and which remarks are settled."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from campaigns.models.planning import Approval, Comment, Segment


class ApprovedPeople(models.Model):
    """The people of one segment in an approved audience: what the next approval is compared with, when the audience is frozen
    anew. Ids alone; `choices` is for each of them a hash of their products.
    """

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, db_index=False, related_name="people")
    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="+")
    customers = ArrayField(models.BigIntegerField())
    choices = ArrayField(models.BigIntegerField())

    class Meta:
        db_table_comment = "append-only: approved audiences"
        constraints = [models.UniqueConstraint(fields=["approval", "segment"], name="approved_people_once")]

    def __str__(self):
        return f"{self.approval_id}: {self.segment_id}"


class Settlement(models.Model):
    """A remark was resolved, or opened again: the newest of its rows counts."""

    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, related_name="settlements")
    is_resolved = models.BooleanField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: what became of remarks"

    def __str__(self):
        return f"{self.comment_id} {'resolved' if self.is_resolved else 'open'}"
