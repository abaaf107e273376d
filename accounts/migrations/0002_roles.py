from django.db import migrations

READ = ["campaign.read", "model.read"]
ROLES = {
    "marketer": ("Marketer", [*READ, "campaign.compose", "campaign.send", "campaign.halt", "customer.read"]),
    "approver": ("Approver", [*READ, "campaign.approve", "campaign.send", "campaign.halt", "customer.read"]),
    "analyst": ("Risk analyst", [*READ, "customer.read", "risk.read", "risk.decide", "event.read", "model.promote"]),
    "officer": (
        "Compliance officer",
        [*READ, "campaign.halt", "customer.read", "consent.read", "risk.read", "audit.read", "event.read"],
    ),
    "administrator": (
        "Administrator",
        [*READ, "customer.read", "model.promote", "event.read", "audit.read", "key.manage"],
    ),
}


def create(apps, schema_editor):
    role = apps.get_model("accounts", "Role")
    for slug, (name, capabilities) in ROLES.items():
        role.objects.using(schema_editor.connection.alias).create(slug=slug, name=name, capabilities=capabilities)


def remove(apps, schema_editor):
    apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias).filter(slug__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(create, remove)]
