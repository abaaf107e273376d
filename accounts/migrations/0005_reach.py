from django.db import migrations, models

NAME, CAPABILITIES = "Merchant", ["event.read"]


def create(apps, schema_editor):
    """The role of people who work for a merchant; which one, their membership says."""
    apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias).get_or_create(
        slug="merchant", defaults={"name": NAME, "capabilities": CAPABILITIES, "is_for_merchants": True}
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_second_factor")]
    operations = [
        migrations.AddField("role", "is_for_merchants", models.BooleanField(default=False)),
        migrations.AddField("user", "merchant_id", models.BigIntegerField(blank=True, editable=False, null=True)),
        migrations.RunPython(create, migrations.RunPython.noop),
    ]
