from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0015_typed_requests")]
    operations = [
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(condition=models.Q(lifted_at=None), fields=["since"], name="suppression_newest"),
        ),
    ]
