"""Artifacts of a test rest in its own folder; what waits to be kept is emptied before each."""

import pytest
import torch

from recommendations.services import exposures


@pytest.fixture
def own_folder(settings, tmp_path):
    settings.ARTIFACTS_DIR = tmp_path
    return tmp_path


@pytest.fixture
def nothing_waits(monkeypatch):
    """A list of this test's own in the real cache server, so that tests at once do not drain each other's."""
    name = f"attune:test:{id(monkeypatch)}"
    monkeypatch.setattr(exposures, "WAITING", name)
    monkeypatch.setattr(exposures, "LOCK", f"{name}:lock")
    server = exposures._server()
    server.delete(name)
    yield server
    server.delete(name, f"{name}:lock")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small networks on two threads wait for each other: many times slower than one thread when the cores are busy."""
    torch.set_num_threads(1)
