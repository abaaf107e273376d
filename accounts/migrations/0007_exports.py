import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

GRANTED = {
    "marketer": ["export.ask"],
    "analyst": ["export.ask"],
    "officer": ["export.decide"],
    "administrator": ["export.decide"],
}
STATES = [
    ("asked", "waits for a second person"),
    ("approved", "approved"),
    ("refused", "refused"),
    ("downloaded", "downloaded"),
]


def grant(apps, schema_editor):
    roles = apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias)
    for slug, names in GRANTED.items():
        for role in roles.filter(slug=slug):
            role.capabilities = list(dict.fromkeys([*role.capabilities, *names]))
            role.save(update_fields=["capabilities"])


def person(**options):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL, **options
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_consent_write")]
    operations = [
        migrations.CreateModel(
            name="ExportRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("what", models.CharField(max_length=200)),
                ("object_id", models.CharField(max_length=64)),
                ("reason", models.CharField(max_length=300)),
                ("state", models.CharField(choices=STATES, default="asked", editable=False, max_length=10)),
                ("asked_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decision", models.CharField(blank=True, max_length=300)),
                ("expires_at", models.DateTimeField(null=True)),
                ("downloaded_at", models.DateTimeField(null=True)),
                ("asked_by", person()),
                ("decided_by", person(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["asked_by", "-id"], name="export_asked_by"),
                    models.Index(fields=["-id"], name="export_waiting", condition=models.Q(state="asked")),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by", None),
                            models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="export_second_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["asked", "refused"]), ("expires_at__isnull", False), _connector="OR"
                        ),
                        name="export_ends",
                    ),
                ],
            },
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
