"""What a person is like."""

from django.db import models

from customers.models import Customer
from registry.models import ModelVersion


class Profile(models.Model):
    """What a person is like by what they did, and what is expected of them. Rewritten whole at each scoring."""

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
    # What is expected of them, where the models of these kinds are live; null where not.
    lifetime_value = models.DecimalField(max_digits=14, decimal_places=2, null=True)  # of the next 52 weeks
    expected_orders = models.FloatField(null=True)  # in the next 4 weeks
    alive = models.FloatField(null=True)  # chance of still being a customer, 0 to 1
    next_order_at = models.DateTimeField(null=True)  # half of people like this order by then; the range holds 8 in 10
    next_order_from = models.DateTimeField(null=True)
    next_order_to = models.DateTimeField(null=True)
    purchase_propensity = models.FloatField(null=True)  # an order in the next 4 weeks, 0 to 1
    coupon_propensity = models.FloatField(null=True)  # an order with a coupon in the next 4 weeks, 0 to 1
    discount_share = models.FloatField(null=True)  # of the full price, taken off by discounts, 0 to 1
    figures = models.JSONField(default=dict)  # recommendations.contracts.Figures: windows, channels, visits, factors
    as_of = models.DateTimeField()
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["cluster"], name="profile_cluster"),
            models.Index(fields=["r_score", "f_score", "m_score"], name="profile_rfm"),
            models.Index(fields=["coupon_propensity"], name="profile_coupon"),
            models.Index(fields=["alive"], name="profile_alive"),
            models.Index(fields=["next_order_at"], name="profile_next_order"),
        ]

    def __str__(self):
        return f"{self.customer_id}: R{self.r_score} F{self.f_score} M{self.m_score}"
