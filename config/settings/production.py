"""Production: nothing is made up. Every secret and address comes from the environment, and links run over TLS."""

from config.settings import environment, tls

for _name in ("ATTUNE_SECRET_KEY", "ATTUNE_PERSON_KEY", "ATTUNE_LOOKUP_KEY", "ATTUNE_TRAINING_KEY", "ATTUNE_ANCHOR_KEY",
              "ATTUNE_ANCHOR_DIR",
              "DATABASE_URL", "CELERY_BROKER_URL",
              "ATTUNE_HOSTS", "ATTUNE_PUBLIC_URL", "ATTUNE_MAIL_FROM", "ATTUNE_POSTAL_ADDRESS"):  # fmt: skip
    environment.text(_name)

from config.settings.base import *

DEBUG = False
MAIL_SINK = environment.flag("ATTUNE_MAIL_SINK", False)
SMTP_TLS = environment.text("SMTP_TLS", "starttls")
tls.check_database("DATABASE_URL", DATABASE_URL)
tls.check_database("DATABASE_OWNER_URL", DATABASE_OWNER_URL)
CELERY_BROKER_USE_SSL = tls.check_server("CELERY_BROKER_URL", CELERY_BROKER_URL)
tls.check_server("CACHE_URL", CACHE_URL)
tls.check_mail(SMTP_HOST, SMTP_TLS)
tls.check_endpoint("ATTUNE_SMS_URL", SMS_URL)
for _name, _value in ANYMAIL.items():
    if _name.endswith("_URL"):
        tls.check_endpoint(f"ATTUNE_ANYMAIL_{_name}", _value)
SECURE_SSL_REDIRECT = environment.flag("ATTUNE_SSL_REDIRECT", True)
BEHIND_PROXY = environment.flag("ATTUNE_BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0  # whose X-Forwarded-For names the address that is counted
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
WHITENOISE_USE_FINDERS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
