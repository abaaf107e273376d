import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0011_changed_people"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.BinaryField(max_length=32, unique=True)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                "db_table_comment": "append-only: reports of providers that were acted on",
            },
        ),
        migrations.CreateModel(
            name="ProviderTally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=20)),
                ("day", models.DateField()),
                ("told", models.CharField(blank=True, max_length=12)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("heard", "heard"),
                            ("repeated", "changed nothing more"),
                            ("unknown", "of no message of ours"),
                            ("broken", "could not be read"),
                        ],
                        max_length=10,
                    ),
                ),
                ("number", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "day", "told", "outcome"), name="provider_tally_once")
                ],
            },
        ),
    ]
