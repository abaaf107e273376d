"""What was shown."""

from django.db import models
from django.db.models.functions import Now

from customers.models import Customer
from registry.models import ModelVersion


class Exposure(models.Model):
    """One answer that was given: which products (or offers) stood where, with which probability, by which model."""

    class Kind(models.TextChoices):
        PRODUCT = "product", "products"
        OFFER = "offer", "offers"

    request_id = models.UUIDField(unique=True)
    at = models.DateTimeField(db_default=Now())
    surface = models.CharField(max_length=40)  # api, email ...
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="+")
    model_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind, db_default=Kind.PRODUCT)
    items = models.JSONField()  # ids of products, or of offers, in the order shown
    propensities = models.JSONField()  # of the same length: with which probability each stood in its place
    slot = models.PositiveSmallIntegerField(null=True)  # the place that was drawn, from 0; null where none was
    odds = models.JSONField(null=True)  # of the drawn place: {product id: probability}, all that could have stood there
    strategy = models.CharField(max_length=40, blank=True)  # the first step of the chain that brought something

    class Meta:
        indexes = [
            models.Index(fields=["model_version", "at"], name="exposure_model"),
            models.Index(fields=["customer", "-at"], name="exposure_person"),
            models.Index(fields=["at"], name="exposure_time", condition=models.Q(slot__isnull=False)),
        ]

    def __str__(self):
        return str(self.request_id)
