from django.db import migrations, models

NEED_IT = ("approver", "officer", "administrator")


def require(apps, schema_editor):
    roles = apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias)
    roles.filter(slug__in=NEED_IT).update(needs_second_factor=True)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_audit_guards")]
    operations = [
        migrations.AddField("role", "needs_second_factor", models.BooleanField(default=False)),
        migrations.AddField("user", "second_factor_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.RunPython(require, migrations.RunPython.noop),
    ]
