"""What a person is like."""

from django.db import models

from customers.models import Customer
from registry.models import ModelVersion


class Profile(models.Model):
    """What a person is like by their orders: recency, frequency, monetary value and the cluster they fall in."""

    customer = models.OneToOneField(Customer, on_delete=models.CASCADE, related_name="profile")
    recency_days = models.FloatField(null=True)
    frequency = models.IntegerField(default=0)
    monetary = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    r_score = models.PositiveSmallIntegerField(default=0)  # quintiles, 5 is best, 0 without an order
    f_score = models.PositiveSmallIntegerField(default=0)
    m_score = models.PositiveSmallIntegerField(default=0)
    cluster = models.SmallIntegerField(null=True)
    cluster_name = models.CharField(max_length=80, blank=True)
    top_category = models.CharField(max_length=120, blank=True)
    affinities = models.JSONField(default=dict)  # department: share of spend, 0 to 1
    as_of = models.DateTimeField()
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["cluster"], name="profile_cluster"),
            models.Index(fields=["r_score", "f_score", "m_score"], name="profile_rfm"),
        ]

    def __str__(self):
        return f"{self.customer_id}: R{self.r_score} F{self.f_score} M{self.m_score}"
