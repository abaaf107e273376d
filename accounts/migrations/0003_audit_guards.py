from django.conf import settings
from django.db import migrations, models

# As for the consent ledger: grants keep the application away, these triggers everybody else, the owner and a superuser's
# ordinary session included. ENABLE ALWAYS: without it `session_replication_role = replica` would walk past them.
GUARD = """
CREATE FUNCTION accounts_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_refuse();
ALTER TABLE accounts_auditentry ENABLE ALWAYS TRIGGER audit_no_change;
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_refuse();
ALTER TABLE accounts_auditentry ENABLE ALWAYS TRIGGER audit_no_truncate;

-- An entry is dated by the database's clock within its own transaction: nobody back-dates what was done.
CREATE FUNCTION accounts_audit_dated_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.at < now() OR NEW.at > clock_timestamp() THEN
        RAISE EXCEPTION 'the audit trail is dated by the database: % refused', NEW.at USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_dated_now BEFORE INSERT ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_dated_now();
ALTER TABLE accounts_auditentry ENABLE ALWAYS TRIGGER audit_dated_now;
"""
UNGUARD = """
DROP TRIGGER audit_dated_now ON accounts_auditentry;
DROP TRIGGER audit_no_truncate ON accounts_auditentry;
DROP TRIGGER audit_no_change ON accounts_auditentry;
DROP FUNCTION accounts_audit_dated_now();
DROP FUNCTION accounts_audit_refuse();
"""
GRANTED = {"officer": ["audit.export"]}


def grant(apps, schema_editor):
    """Adds the capabilities to the roles that this install still has; a role that was cut anew keeps its other ones."""
    roles = apps.get_model("accounts", "Role").objects.using(schema_editor.connection.alias)
    for slug, names in GRANTED.items():
        for role in roles.filter(slug=slug):
            role.capabilities = list(dict.fromkeys([*role.capabilities, *names]))
            role.save(update_fields=["capabilities"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_roles"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.RemoveIndex("auditentry", "audit_newest"),
        migrations.AddIndex("auditentry", models.Index(fields=["-at", "-id"], name="audit_by_time")),
        migrations.AddIndex("auditentry", models.Index(fields=["actor", "-at", "-id"], name="audit_by_actor")),
        migrations.AddIndex(
            "auditentry",
            models.Index(fields=["action"], name="audit_by_action", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
