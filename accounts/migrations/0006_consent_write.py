from django.db import migrations

# Requests of people about their data are the officer's to carry out: the one thing that role may change, beside halting.
GRANTED = {"officer": ["consent.write"]}


def grant(apps, schema_editor):
    """Adds the capabilities to the roles that this install still has; a role that was cut anew keeps its other ones."""
    roles = apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias)
    for slug, names in GRANTED.items():
        for role in roles.filter(slug=slug):
            role.capabilities = list(dict.fromkeys([*role.capabilities, *names]))
            role.save(update_fields=["capabilities"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_reach")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
