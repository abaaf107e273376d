from django.db import migrations

# Addresses and numbers in the clear: who answers for them may ask, and a second person still decides.
GRANTED = {"officer": ["export.ask", "contact.export"]}


def grant(apps, schema_editor):
    roles = apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias)
    for slug, names in GRANTED.items():
        for role in roles.filter(slug=slug):
            role.capabilities = list(dict.fromkeys([*role.capabilities, *names]))
            role.save(update_fields=["capabilities"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_people_write")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
