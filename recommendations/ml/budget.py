"""How much a training of the two-stage recommender may spend, as a version keeps it: numbers that say the whole recipe."""

from dataclasses import replace

from recommendations.ml.two_stage import RANKERS, TwoStageConfig

# The first stage is the code's (`ml.two_stage.FIRST_STAGE`). On the demo store the small budget costs 0.002 of NDCG@10 (0.424
# to 0.422; novel 0.055 with both) and takes 75 s of one core in place of 120.
FULL = {"snapshots": 3, "trees": 160, "objectives": "lambdarank binary"}
SMALL = {"snapshots": 2, "trees": 80, "objectives": "lambdarank"}


def config_of(params: dict) -> TwoStageConfig:
    """The configuration of these parameters; what they do not say is FULL's."""
    spent = {name: params.get(name, value) for name, value in FULL.items()}
    share = spent["trees"] / FULL["trees"]
    rankers = {
        view: replace(
            config,
            trees=max(1, round(config.trees * share)),
            objectives=spent["objectives"] if view == "all" else config.objectives,
        )
        for view, config in RANKERS.items()
    }
    return TwoStageConfig(snapshots=int(spent["snapshots"]), rankers=rankers)
