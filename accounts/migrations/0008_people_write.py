from django.db import migrations

# Who may bring files of people in and say which records are one person.
GRANTED = {"officer": ["people.write"], "administrator": ["people.write"]}


def grant(apps, schema_editor):
    roles = apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias)
    for slug, names in GRANTED.items():
        for role in roles.filter(slug=slug):
            role.capabilities = list(dict.fromkeys([*role.capabilities, *names]))
            role.save(update_fields=["capabilities"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_exports")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
