"""Erasure in this room: a person's rows go at once, and every artifact that holds a row of theirs is rebuilt or dropped."""

import numpy as np

from customers.queries.pseudonyms import pseudonyms_of
from recommendations.ml.forgetting import without_row
from recommendations.models import Exposure, Overview, Profile, Recommendation, TextFinding, WaveReceiver
from registry import services as registry

REASON = "a person was erased"


def forget(customer_id: int) -> dict[str, int]:
    """Deletes what this room keeps of a person; what was shown stays, without them. Part of the caller's transaction."""
    _forget_in_overviews(customer_id)
    return {
        "profiles": Profile.objects.filter(customer_id=customer_id).delete()[0],
        "recommendations": Recommendation.objects.filter(customer_id=customer_id).delete()[0],
        "opinions": TextFinding.objects.filter(customer_id=customer_id).delete()[0],
        "coupons_received": WaveReceiver.objects.filter(customer_id=customer_id).delete()[0],
        "exposures_unlinked": Exposure.objects.filter(customer_id=customer_id).update(customer=None),
    }


def _forget_in_overviews(customer_id: int) -> None:
    """Takes the person out of the lists of who is likeliest to use a coupon; there are at most two months of nights."""
    for row in Overview.objects.select_for_update().filter(figures__has_key="redeemers"):
        kinds = row.figures["redeemers"]
        left = [[*kind[:4], [pk for pk in kind[4] if pk != customer_id]] for kind in kinds]
        if left != kinds:
            row.figures["redeemers"] = left
            row.save(update_fields=["figures"])


def forget_in_artifacts(customer_id: int) -> list[dict]:
    """The live model loses the person's row, every other version with one loses its bytes; says what was done to which.

    Files cannot be rolled back, so call it outside of any transaction, before the proof. Safe to repeat.
    """
    done = []
    names = [
        customer_id,
        *pseudonyms_of(customer_id),
    ]  # the number itself: in artifacts from before there were pseudonyms
    for version in registry.versions_with("customer_ids"):
        arrays = registry.load_arrays(version)
        places = np.flatnonzero(np.isin(arrays["customer_ids"], names))
        if not len(places):
            continue
        is_live = version.status == "live"
        rebuilt = without_row(arrays, int(places[0])) if is_live else None
        if rebuilt is not None:
            registry.replace_artifact(version, rebuilt, REASON)
        else:
            registry.drop_artifact(version, REASON)
        done.append({"model": version.kind, "version": version.pk, "was": "rebuilt" if rebuilt else "dropped"})
    return done
