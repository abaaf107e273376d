"""Noisy answers about groups, kept so that a question asked twice is answered once."""

from django.db import models
from django.db.models.functions import Now

from customers.models.people import PrivacyBudget


class PrivateAnswer(models.Model):
    """What was told of a group, for one state of the data. Holds noisy figures alone."""

    query_digest = models.BinaryField(max_length=32)
    data_version = models.CharField(max_length=80)
    question = models.CharField(max_length=300)
    figures = models.JSONField()  # {"part": {"figure": number}}
    cost = models.OneToOneField(PrivacyBudget, on_delete=models.PROTECT, related_name="answer")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: noisy answers given"
        constraints = [models.UniqueConstraint(fields=["query_digest", "data_version"], name="answer_once")]

    def __str__(self):
        return self.question
