"""A network trained by two processes: one run, one version, and nothing written by the process that follows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections

from registry.models import ModelVersion, TrainingRun
from tests.recommendations import households

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_two_processes_leave_one_run_and_one_version():
    households.fill()
    info = connections["default"].settings_dict
    address = f"postgresql://{info['USER']}@/{info['NAME']}?host={info['HOST']}&port={info['PORT']}"
    env = {
        **os.environ, "DATABASE_URL": address, "DATABASE_OWNER_URL": address, "OMP_NUM_THREADS": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings.test", "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
        "CACHE_URL": settings.CACHE_URL,
    }  # fmt: skip
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["manage.py", "train_recommenders", "--kind", "caser", "--here", "--until", households.END.isoformat()]
    done = subprocess.run(
        [*torchrun, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    version = ModelVersion.objects.get()
    assert (version.kind, version.status) == ("caser", "candidate")
    assert f"candidate caser: version {version.pk}, judged on orders only" in done.stdout
    assert "at 100 times" in done.stdout
    assert TrainingRun.objects.get().state == "succeeded"
