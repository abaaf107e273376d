"""Learning reads where an order was placed, as a number: what does not stand on a shop's shelf cannot be bought there.

The number groups orders of one reading and names no store; orders without one share a number too.
"""

import importlib

from django.db import migrations

views = importlib.import_module("customers.migrations.0008_training_views")

WITH_STORE = f"""
CREATE OR REPLACE VIEW customers_training_line AS {views.WITH}
SELECT o.person, l.product_id, o.moment, l.quantity, l.amount, o.is_doubted, hashtext(o.store) AS store
FROM ({views.ORDERS.replace("o.channel,", "o.channel, o.store,")}) o
JOIN customers_orderline l ON l.order_id = o.id WHERE l.quantity > 0
"""  # noqa: S608 - constants of the two files
WITHOUT_STORE = f"DROP VIEW customers_training_line; {views.LINE_VIEW}"


class Migration(migrations.Migration):
    dependencies = [("customers", "0012_reader_views")]
    operations = [migrations.RunSQL(WITH_STORE, WITHOUT_STORE)]
