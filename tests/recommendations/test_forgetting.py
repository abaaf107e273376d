"""An erased person's row leaves every artifact, found by what models call them, not by their number."""

import numpy as np
import pytest

from customers.queries.pseudonyms import pseudonyms_of
from recommendations.contracts import RECOMMENDER
from recommendations.services.forgetting import forget_in_artifacts
from registry import services as registry
from registry.contracts import Trained
from registry.models import ModelVersion
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def artifacts(settings, tmp_path):
    settings.ARTIFACTS_DIR = tmp_path


def kept(*people: int):
    run = registry.ask(RECOMMENDER, {}, asked_by=None)
    lease = registry.claim(run.pk)
    arrays = {"customer_ids": np.array(people), "product_ids": np.array([1])}
    version = registry.save_version(lease, RECOMMENDER, arrays, Trained({}, None, None, rows=1))
    registry.finish(lease)
    return version


def test_a_version_that_names_the_person_loses_its_bytes_and_one_that_does_not_keeps_them():
    ann, ben = factories.customer(), factories.customer()
    (ann_is,), (ben_is,) = pseudonyms_of(ann.pk), pseudonyms_of(ben.pk)
    both, other, old = kept(ann_is, ben_is), kept(ben_is), kept(ann.pk, 77)

    done = forget_in_artifacts(ann.pk)

    assert {row["version"] for row in done} == {both.pk, old.pk}
    assert dict(ModelVersion.objects.values_list("pk", "artifact_bytes"))[other.pk] > 0
    assert forget_in_artifacts(ann.pk) == []
