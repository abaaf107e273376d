"""Data folders with an embedded cluster, for the tests of the servers."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from tests.config.actors import FAST, Actor, alive, gone, until


@pytest.fixture
def place():
    """A short private folder: pytest's own are too deep for a socket. Nothing of a test outlives it."""
    path = Path(tempfile.mkdtemp(prefix="attune-", dir=FAST))
    yield path
    for pid, command in alive(path).items():
        if "embedded/__main__.py" in command:
            os.kill(pid, signal.SIGTERM)
    try:
        until(lambda: gone(path))
    finally:
        for pid in alive(path):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(path)


@pytest.fixture(scope="session")
def created():
    """A folder with an empty cluster, stopped: making one takes longer than most tests."""
    path = Path(tempfile.mkdtemp(prefix="attune-", dir=FAST))
    actor = Actor(path / "data", durable=False)
    actor.attached()
    actor.end()
    until(lambda: gone(path))
    yield path / "data" / "nosync"
    shutil.rmtree(path)


@pytest.fixture
def data(created, place):
    shutil.copytree(created, place / "data")
    return place / "data"


@pytest.fixture
def actor(data):
    """Starts actors on the data folder and ends them."""
    actors = []

    def start(*wrapper, **options) -> Actor:
        actors.append(Actor(data, *wrapper, **options))
        return actors[-1]

    yield start
    for one in actors:
        one.end()
