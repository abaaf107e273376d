"""The live recommender as a candidate is compared with it: the same split, whichever family it is of."""

from collections.abc import Mapping

from recommendations.contracts import RECOMMENDER, TWO_STAGE
from recommendations.dataset import Purchases, at_day, facts
from recommendations.ml.blend import Blend, BlendConfig
from recommendations.ml.budget import config_of
from recommendations.ml.metrics import Evaluation, evaluate, judgeable
from recommendations.ml.recommender import Recommender
from recommendations.ml.splits import Split
from recommendations.ml.two_stage import Snapshot, TwoStage
from registry import queries as registry
from registry import services as runs


def weights_of(version) -> BlendConfig:
    """The weights of the blend that a live version is, or was chosen over; the defaults before the first."""
    weights = version.params.get("weights") if version is not None else None
    return BlendConfig(tuple(sorted((kind, float(w)) for kind, w in weights.items()))) if weights else BlendConfig()


def is_two_stage(version) -> bool:
    return version is not None and version.params.get("family") == TWO_STAGE


def judge_blend(weights: BlendConfig, models: Mapping[str, Recommender], split: Split) -> dict[str, Evaluation]:
    """A blend of parts that are fitted on the split's history already."""
    blended = Blend.of_fitted(weights, {kind: models[kind] for kind, _ in weights.weights})
    return {view: evaluate(blended, split, view) for view in judgeable(split)}


def judge_two_stage(model: TwoStage, snapshot: Snapshot) -> dict[str, Evaluation]:
    scorers = model.scorers(snapshot)
    return {
        view: evaluate(scorers[view], snapshot.split, view) for view in judgeable(snapshot.split) if view in scorers
    }


def judge_live(
    data: Purchases,
    split: Split,
    cut: float,
    models: Mapping[str, Recommender],
    *,
    snapshot: Snapshot | None = None,
    same: tuple[TwoStage, dict[str, Evaluation]] | None = None,
) -> dict[str, Evaluation] | None:
    """The live recommender, judged on this split; None before the first promotion.

    A blend: its weights on `models`, parts fitted on the split's history. A ranker: its own trees, where all that taught
    them lies before the cut; else they have seen what is judged here, and its recipe is taught anew with what was known.
    same: a ranker taught up to the cut, with its figures, which stand for the live one's where the recipe is the same.
    """
    version = registry.live(RECOMMENDER)
    if version is None:
        return None
    if not is_two_stage(version):
        return judge_blend(weights_of(version), models, split)
    config = config_of(version.params)
    if version.params["taught_until"] <= at_day(cut).isoformat():
        model = TwoStage.from_state(runs.load_arrays(version), config, facts(data))
    elif same is not None and same[0].config == config:
        return same[1]
    else:
        model = TwoStage(config, facts(data)).fit(data.log, cut)
    return judge_two_stage(model, snapshot or model.snapshot(data.log, split, cut))
