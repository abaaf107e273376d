import django.db.models.deletion
from django.db import migrations, models

MOVE = """
INSERT INTO customers_subjectkey (customer_id, sealed) SELECT id, sealed_key FROM customers_customer
WHERE sealed_key IS NOT NULL AND erased_at IS NULL;
SET CONSTRAINTS ALL IMMEDIATE;
"""
MOVE_BACK = """
UPDATE customers_customer c SET sealed_key = k.sealed FROM customers_subjectkey k WHERE k.customer_id = c.id;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_ledger_guards")]
    operations = [
        migrations.CreateModel(
            name="SubjectKey",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="key",
                        serialize=False,
                        to="customers.customer",
                    ),
                ),
                ("sealed", models.BinaryField()),
            ],
        ),
        migrations.RunSQL(MOVE, MOVE_BACK),
        migrations.RemoveField(model_name="customer", name="sealed_key"),
    ]
