from django.apps import AppConfig


class CopywritingConfig(AppConfig):
    name = "copywriting"
    verbose_name = "Copywriting"
