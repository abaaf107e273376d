from django.db import migrations

# Grants keep the application away; these triggers keep everybody else away, the owner and a superuser's ordinary session
# included. ENABLE ALWAYS: without it `session_replication_role = replica` would walk past them.
GUARD = """
CREATE FUNCTION customers_ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the consent ledger is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE ON customers_consentrecord
    FOR EACH ROW EXECUTE FUNCTION customers_ledger_refuse();
ALTER TABLE customers_consentrecord ENABLE ALWAYS TRIGGER ledger_no_change;
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON customers_consentrecord
    FOR EACH STATEMENT EXECUTE FUNCTION customers_ledger_refuse();
ALTER TABLE customers_consentrecord ENABLE ALWAYS TRIGGER ledger_no_truncate;

-- A record is dated by the database's clock within its own transaction: nobody back-dates consent.
CREATE FUNCTION customers_ledger_dated_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.recorded_at < now() OR NEW.recorded_at > clock_timestamp() THEN
        RAISE EXCEPTION 'the consent ledger is dated by the database: recorded_at % refused', NEW.recorded_at
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_dated_now BEFORE INSERT ON customers_consentrecord
    FOR EACH ROW EXECUTE FUNCTION customers_ledger_dated_now();
ALTER TABLE customers_consentrecord ENABLE ALWAYS TRIGGER ledger_dated_now;
"""
UNGUARD = """
DROP TRIGGER ledger_dated_now ON customers_consentrecord;
DROP TRIGGER ledger_no_truncate ON customers_consentrecord;
DROP TRIGGER ledger_no_change ON customers_consentrecord;
DROP FUNCTION customers_ledger_dated_now();
DROP FUNCTION customers_ledger_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
