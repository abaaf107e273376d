"""Which version answers: the bytes are what was saved, and only a better candidate takes over."""

import numpy as np
import pytest

from accounts.models import AuditEntry
from registry import queries, services
from registry.contracts import Trained
from registry.exceptions import DamagedArtifact, PromotionRefused
from registry.models import ModelVersion
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _artifacts(settings, tmp_path):
    settings.ARTIFACTS_DIR = tmp_path


def candidate(value: float, beats_live: bool | None = None) -> ModelVersion:
    lease = services.claim(services.ask("blend", {"value": value}).pk)
    metrics = {"ndcg@10 all": {"value": value, "beats_live": beats_live}}
    trained = Trained(params={}, data_since=None, data_until=None, rows=10, metrics=metrics, baseline="popularity")
    version = services.save_version(lease, "blend", {"weights": np.array([value, 1.0])}, trained)
    services.finish(lease)
    return version


def test_the_arrays_come_back_as_they_were_saved():
    assert services.load_arrays(candidate(0.4))["weights"].tolist() == [0.4, 1.0]


def test_damaged_bytes_are_refused_by_their_digest(tmp_path):
    version = candidate(0.4)
    path = tmp_path / version.artifact_digest
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(DamagedArtifact):
        services.load_arrays(version)


def test_the_first_candidate_goes_live_with_actor_and_reason():
    actor = factories.staff("administrator")
    version = services.promote(candidate(0.4).pk, actor=actor, reason="first model")

    assert queries.live("blend") == version
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason, entry.actor) == ("model.promoted", "first model", actor)


def test_a_candidate_that_does_not_beat_the_live_model_is_not_promoted():
    live = services.promote(candidate(0.4).pk, actor=None, reason="first model")
    worse = candidate(0.3, beats_live=False)

    with pytest.raises(PromotionRefused, match="does not beat"):
        services.promote(worse.pk, actor=None, reason="newer")
    with pytest.raises(PromotionRefused, match="does not beat"):
        services.promote(candidate(0.5, beats_live=None).pk, actor=None, reason="never compared")
    assert queries.live("blend") == live


def test_a_better_one_takes_over_and_rolling_back_returns_the_former():
    former = services.promote(candidate(0.4).pk, actor=None, reason="first model")
    better = services.promote(candidate(0.5, beats_live=True).pk, actor=None, reason="paired test")
    assert queries.live("blend") == better

    assert services.roll_back("blend", actor=factories.staff("analyst"), reason="odd lists") == former
    assert queries.live("blend") == former
    assert ModelVersion.objects.get(pk=better.pk).status == "retired"


def test_a_promotion_without_a_reason_is_refused():
    version = candidate(0.4)
    with pytest.raises(PromotionRefused):
        services.promote(version.pk, actor=None, reason=" ")
    assert ModelVersion.objects.get(pk=version.pk).status == "candidate"
