"""A merchant's key or member sees and writes that merchant's rows alone, whatever the code above forgets.

Left out: catalog_feedreject and catalog_offerproduct have no merchant of their own and are reached through their feed and
their offer. The trigram search over titles cannot use its index behind a policy, for `%>` is not leakproof: it reads the
titles instead, and no page asks it.
"""

from django.db import migrations

from accounts.contracts import NO_ROW_SECURITY, ROW_SECURITY

TABLES = ("catalog_product", "catalog_offer", "catalog_feedimport")
# Whose rows a user sees stands beside the user, so that no request looks it up; whoever writes a membership keeps it true.
FOLLOW = """
CREATE FUNCTION catalog_membership_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE accounts_user SET merchant_id = NULL WHERE id = OLD.user_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE accounts_user SET merchant_id = NEW.merchant_id WHERE id = NEW.user_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER membership_follow AFTER INSERT OR UPDATE OR DELETE ON catalog_membership
    FOR EACH ROW EXECUTE FUNCTION catalog_membership_follow();
UPDATE accounts_user u SET merchant_id = m.merchant_id FROM catalog_membership m WHERE m.user_id = u.id;
"""
UNFOLLOW = "DROP TRIGGER membership_follow ON catalog_membership; DROP FUNCTION catalog_membership_follow();"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial"), ("accounts", "0005_reach")]
    operations = [
        migrations.RunSQL(FOLLOW, UNFOLLOW),
        *[migrations.RunSQL(ROW_SECURITY.format(table=table), NO_ROW_SECURITY.format(table=table)) for table in TABLES],
    ]
