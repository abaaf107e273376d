"""What to offer to whom."""

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
