"""What to offer to whom, what was shown, and what a person is like."""

from django.db import models
from django.db.models.functions import Now

from catalog.models import Product
from customers.models import Customer
from registry.models import ModelVersion


class Recommendation(models.Model):
    """One product for one person by the live model, with its reason. Rewritten whole at each scoring."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="recommendations")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    rank = models.PositiveSmallIntegerField()
    score = models.FloatField()
    is_novel = models.BooleanField()
    reason_code = models.CharField(max_length=30)
    reason_product = models.ForeignKey(Product, null=True, on_delete=models.SET_NULL, related_name="+")
    reason_value = models.FloatField(null=True)
    reason_days = models.FloatField(null=True)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    scored_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "rank"], name="recommendation_rank"),
            models.UniqueConstraint(fields=["customer", "product"], name="recommendation_product"),
        ]

    def __str__(self):
        return f"{self.customer_id}: {self.product_id} at {self.rank}"


class Exposure(models.Model):
    """One answer that was given: which products stood where, with which probability, by which model."""

    request_id = models.UUIDField(unique=True)
    at = models.DateTimeField(db_default=Now(), editable=False)
    surface = models.CharField(max_length=40)  # api, email ...
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="+")
    model_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    items = models.JSONField()  # product ids in the order shown
    propensities = models.JSONField()  # of the same length

    class Meta:
        indexes = [models.Index(fields=["model_version", "at"], name="exposure_model")]

    def __str__(self):
        return str(self.request_id)


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
