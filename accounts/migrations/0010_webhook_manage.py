from django.db import migrations

# Who may say where events are posted: the administrator for everybody, a merchant's people for their own.
GRANTED = {"administrator": ["webhook.manage"], "merchant": ["webhook.manage"]}


def grant(apps, schema_editor):
    roles = apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias)
    for slug, names in GRANTED.items():
        for role in roles.filter(slug=slug):
            role.capabilities = list(dict.fromkeys([*role.capabilities, *names]))
            role.save(update_fields=["capabilities"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_contact_export")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
