"""What people said of things, without their words: those rest sealed in the event, and open for who may read them."""

from django.db import models

from customers.models import Customer


class TextFinding(models.Model):
    """One opinion in a review or comment. A text that says nothing, or in a language that is not covered, has one row
    without an aspect, so that it is not read again.
    """

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    event_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()  # with the id, the key of the event
    event_name = models.CharField(max_length=40)
    product = models.CharField(max_length=100, blank=True)  # as the event names it
    language = models.CharField(max_length=8, blank=True)
    aspect = models.CharField(max_length=20, blank=True)
    polarity = models.FloatField(null=True)  # -1 to 1
    start = models.IntegerField(default=0)  # where the words stand in the text
    end = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event_id", "aspect", "start"], name="finding_once")]
        indexes = [models.Index(fields=["customer", "-occurred_at"], name="finding_person")]

    def __str__(self):
        return f"{self.aspect or 'nothing'} in {self.event_id}"
