"""The mail sink as a process of its own, and the reader of what it kept."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from campaigns.channels.email import EmailChannel, SmtpServer
from campaigns.channels.sink import kept
from campaigns.contracts import EmailMessage, KeptMail
from campaigns.exceptions import AmbiguousOutcome

ROOT = Path(__file__).resolve().parents[2]


def message(number, to="ada@shop.example", text="Hi"):
    unsubscribe = f"https://attune.example/u/{number}/" + "x" * 90
    return EmailMessage(
        message_id=number,
        sender="Attune <hello@attune.example>",
        to=to,
        subject=f"你好 {number}",
        text=text,
        html=f"<p><a href='https://attune.example/c/{number}?a=1&amp;b=2'>See</a><img src='https://attune.example/p'></p>",
        unsubscribe_url=unsubscribe,
    )


def start(folder, *arguments):
    # The sink asks no database: with addresses given, no server is started for it either.
    environment = {
        **os.environ,
        "ATTUNE_DATA_DIR": str(folder / "data"),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DATABASE_OWNER_URL": "postgresql://nobody@127.0.0.1:1/none",
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
    }
    command = [sys.executable, "manage.py", "mail_sink", "--port", "0", "--dir", str(folder / "kept"), *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def sink(folder, *arguments):
    process = start(folder, *arguments)
    try:
        line = process.stdout.readline()
        assert line.startswith("Mail sink on 127.0.0.1:"), line + process.stderr.read()
        assert line.endswith(f"keeps mail in {folder / 'kept'}\n")
        port = int(line.split(":")[1].split()[0])
        yield process, EmailChannel(SmtpServer("127.0.0.1", port, "none", timeout=10))
    finally:
        process.kill()
        process.communicate()


def test_what_is_sent_is_kept_and_read_again(tmp_path):
    text = "Hi (see https://attune.example/c/5?a=1&b=2). Or https://attune.example/shop!\n"
    with sink(tmp_path) as (process, channel):
        with channel.open() as session:
            provider_id = session.send(message(5, text=text)).provider_id
            session.send(message(6, to="联系@shop.example"))
            session.send(message(5, text=text))  # the same row twice: both are kept, so that a trial can see it
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert process.stdout.read() == "Mail sink stopped.\n"
    mails = sorted(kept(tmp_path / "kept"), key=lambda mail: (mail.message_id, mail.copy))
    assert [(mail.message_id, mail.copy, mail.to) for mail in mails] == [
        (5, 1, ("ada@shop.example",)),
        (5, 2, ("ada@shop.example",)),
        (6, 1, ("联系@shop.example",)),
    ]
    assert mails[0] == KeptMail(
        message_id=5,
        header_id="<attune.5@attune.example>",
        copy=1,
        to=("ada@shop.example",),
        subject="你好 5",
        links=("https://attune.example/c/5?a=1&b=2", "https://attune.example/shop"),
        unsubscribe_url="https://attune.example/u/5/" + "x" * 90,
    )
    assert provider_id.startswith("250 2.0.0 kept as ")
    assert sorted(path.suffix for path in (tmp_path / "kept").iterdir()) == [".eml"] * 3


def test_several_senders_at_once_lose_nothing(tmp_path):
    def run(channel, first):
        with channel.open() as session:
            for number in range(first, first + 25):
                session.send(message(number % 40))

    with sink(tmp_path) as (_, channel):
        threads = [threading.Thread(target=run, args=(channel, first)) for first in (0, 25, 50, 75)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    mails = list(kept(tmp_path / "kept"))
    assert len(mails) == 100
    # 0 to 99 over 40 ids: the first twenty came three times, the others twice.
    assert sorted(mail.message_id for mail in mails if mail.copy == 3) == list(range(20))
    assert sorted(mail.message_id for mail in mails if mail.copy == 2) == list(range(40))


def test_a_sender_that_loses_the_sink_between_keeping_and_answering_cannot_know(tmp_path):
    with sink(tmp_path, "--delay", "30") as (process, channel):
        with channel.open() as session:
            folder = tmp_path / "kept"
            watcher = threading.Thread(target=stop_once_kept, args=(folder, process))
            watcher.start()
            with pytest.raises(AmbiguousOutcome):
                session.send(message(1))
            watcher.join()
        assert process.wait(timeout=10) == 0  # a clean stop, also with a sender waiting
    assert [mail.message_id for mail in kept(folder)] == [1]


def stop_once_kept(folder, process):
    for _ in range(1_000):
        if list(folder.glob("*.eml")):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)


def test_a_busy_port_is_one_clear_line(tmp_path):
    with sink(tmp_path) as (_, channel):
        second = start(tmp_path, "--port", str(channel.server.port))
        _, error = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"127.0.0.1:{channel.server.port}" in error
    assert "Choose another --port." in error
    assert "Traceback" not in error


def test_drafts_of_a_killed_sink_are_no_mail(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "half.part").write_bytes(b"Message-ID: <x>\r\n")
    with sink(tmp_path):
        assert list(folder.iterdir()) == []
    assert list(kept(folder)) == []


def test_mail_of_others_is_read_too(tmp_path):
    (tmp_path / "abc.1.eml").write_bytes(b"Delivered-To: a@x.example\r\nSubject: plain\r\n\r\nno link\r\n")
    assert list(kept(tmp_path)) == [KeptMail(None, "", 1, ("a@x.example",), "plain", (), "")]
