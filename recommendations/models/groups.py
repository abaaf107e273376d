"""What named groups of people buy."""

from django.db import models

from catalog.models import Merchant, Product


class GroupList(models.Model):
    """A group that another room named and counted (a segment), with what its people bought when it was counted."""

    merchant = models.ForeignKey(
        Merchant, null=True, on_delete=models.CASCADE, related_name="+"
    )  # null: the platform's
    slug = models.CharField(max_length=60)
    name = models.CharField(max_length=80)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "slug"], nulls_distinct=False, name="group_list_once")
        ]

    def __str__(self):
        return self.name


class GroupPick(models.Model):
    """A product that enough people of the group bought to say something about the group."""

    group = models.ForeignKey(GroupList, on_delete=models.CASCADE, db_index=False, related_name="picks")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    buyers = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["group", "-buyers", "product"], name="group_pick_best")]

    def __str__(self):
        return f"{self.group_id}: {self.product_id}"
