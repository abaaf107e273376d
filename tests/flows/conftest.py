"""A real SMTP server on loopback, in a process of its own, that keeps what it gets."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sink(tmp_path, settings):
    """Starts the mail sink; `sink(delay=0.2)` waits that long before it answers DATA. Returns its folder."""
    started = []

    def start(delay: float = 0.0) -> Path:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        folder = tmp_path / "outbox"
        argv = [
            sys.executable,
            "manage.py",
            "mail_sink",
            "--port",
            str(port),
            "--dir",
            str(folder),
            "--delay",
            str(delay),
        ]
        log = (tmp_path / "sink.log").open("wb")
        started.append(subprocess.Popen(argv, cwd=ROOT, stdout=log, stderr=log, env={**os.environ}))
        settings.SMTP_HOST, settings.SMTP_PORT, settings.SMTP_TLS = "127.0.0.1", port, "none"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return folder
            except OSError:
                assert started[-1].poll() is None, (tmp_path / "sink.log").read_text()
                time.sleep(0.1)
        raise AssertionError("the mail sink did not start")

    yield start
    for process in started:
        process.terminate()
        process.wait(10)
