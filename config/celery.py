"""The Celery application: three queues and the one beat schedule."""

import os

from celery import Celery, bootsteps
from celery.schedules import crontab
from django.conf import settings

from config import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

app = Celery("attune")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.task_routes = {
    # Every few seconds and short: behind a training of an hour they would wait for its end.
    "recommendations.keep_shown": {"queue": "default"},
    "recommendations.*": {"queue": "ml"},
    "copywriting.*": {"queue": "ml"},
    "risk.*": {"queue": "ml"},
    "campaigns.generate": {"queue": "ml"},
    "campaigns.write_copy": {"queue": "ml"},
    "campaigns.deliver": {"queue": "delivery"},
    "campaigns.send_letters": {"queue": "delivery"},
    "campaigns.tell_one": {"queue": "delivery"},
    "campaigns.find_look_alikes": {"queue": "ml"},
}
_HOUR, _MINUTE = settings.NIGHTLY_TRAINING
# Each entry sweeps for rows that a lost nudge left behind, or is the nightly run. Times are UTC.
app.conf.beat_schedule = {
    "start what is due": {"task": "campaigns.start_due", "schedule": 30.0},
    "take in whom an event names": {"task": "campaigns.take_in", "schedule": 60.0},
    "read the words of what is scheduled again": {"task": "campaigns.check_words", "schedule": crontab(minute="*/10")},
    "tie orders to the codes that they name": {"task": "campaigns.redeem", "schedule": 300.0},
    "share readers by response": {"task": "campaigns.learn", "schedule": crontab(minute="*/5")},
    "look who has to come off a list": {"task": "campaigns.sweep_lists", "schedule": crontab(minute=35)},
    "go on sending": {"task": "campaigns.sweep", "schedule": 15.0},
    "draft what waits for words": {"task": "campaigns.sweep_generation", "schedule": 60.0},
    "train what was asked for": {"task": "recommendations.sweep", "schedule": 60.0},
    "tune the copywriter where it was asked for": {"task": "copywriting.sweep", "schedule": 60.0},
    "write what was asked for": {"task": "copywriting.sweep_writing", "schedule": 30.0},
    "score new orders for fraud": {"task": "risk.sweep", "schedule": 300.0},
    "keep who is in which segment": {"task": "campaigns.refresh_segments", "schedule": 60.0},
    "keep the sizes of segments": {"task": "campaigns.nightly_segments", "schedule": crontab(hour=5, minute=20)},
    "answer what pages ask": {"task": "campaigns.answer_tallies", "schedule": 20.0},
    "find look-alikes": {"task": "campaigns.find_look_alikes", "schedule": 60.0},
    "tell endpoints what happened": {"task": "campaigns.tell", "schedule": 5.0},
    "forget what endpoints were told": {"task": "campaigns.forget_told", "schedule": crontab(hour=5, minute=40)},
    "mail what was asked for": {"task": "campaigns.send_letters", "schedule": 60.0},
    "end what has expired": {"task": "customers.expire", "schedule": crontab(minute=17)},
    "anchor the consent ledger": {"task": "customers.anchor", "schedule": crontab(minute=7)},
    "keep what was shown": {"task": "recommendations.keep_shown", "schedule": 5.0},
    "go on with imports": {"task": "customers.sweep_imports", "schedule": 5.0},
    "find who is one person": {"task": "customers.match", "schedule": 60.0},
    "hand over who used a coupon": {"task": "campaigns.hand_over", "schedule": crontab(hour=1, minute=20)},
    "join sessions once more": {"task": "customers.join_sessions", "schedule": crontab(hour=1, minute=10)},
    "tune the copywriter on what was approved": {"task": "copywriting.nightly", "schedule": crontab(hour=4, minute=10)},
    "refresh the recommenders": {
        "task": "recommendations.nightly",
        "schedule": crontab(hour=_HOUR, minute=_MINUTE, day_of_week="1-6"),
    },
    "train the recommenders anew": {
        "task": "recommendations.weekly",
        "schedule": crontab(hour=_HOUR, minute=_MINUTE, day_of_week=0),
    },
}

# A ring that nobody heard is rung again: behind workers that were away for a night there wait some, not thousands.
for _entry in app.conf.beat_schedule.values():
    if isinstance(_entry["schedule"], float):
        _entry["options"] = {"expires": max(60.0, 3 * _entry["schedule"])}


class RefuseStrongRole(bootsteps.StartStopStep):
    """A worker on a superuser's, an owner's or a BYPASSRLS role would make every grant a show: it does not start."""

    def start(self, worker):
        try:
            embedded.probe(settings.DATABASE_URL)
        except embedded.StartRefused as refusal:
            raise SystemExit(f"attune: {refusal}") from None


app.steps["worker"].add(RefuseStrongRole)
