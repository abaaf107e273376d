from django.db import migrations, models
from django.db.models.functions import Now

KINDS = [
    ("access", "access"),
    ("portability", "portability"),
    ("erasure", "erasure"),
    ("objection", "objection"),
]


class Migration(migrations.Migration):
    dependencies = [("customers", "0014_visit_view")]
    operations = [
        migrations.CreateModel(
            name="TypedRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=KINDS, max_length=12)),
                ("sealed", models.BinaryField()),
                ("received_at", models.DateTimeField(db_default=Now(), editable=False)),
            ],
        ),
    ]
