"""Are the bandit's off-policy estimates right? `python -m benchmarks.copy_bandit [--logs 500] [--open-bandit]`, seconds.

Synthetic logs of 3,000 sends of four variants with known response rates, sent by the bandit itself in ten rounds (Thompson
sampling with a floor, propensities as it logs them). Judged is the policy that sends the best variant alone, whose value is
its rate. Counted is how often the 95 % interval holds that rate: at least 93 % is asked.

`--open-bandit` reads the small Open Bandit logs out of PyPI's `obp`, as benchmarks.offpolicy does: what the random log says
of Thompson sampling, per place on the page, beside what Thompson sampling earned there.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.offpolicy import ASKED, _read
from copywriting.llm import bandit

RATES = {"a": 0.05, "b": 0.08, "c": 0.06, "d": 0.12}
PRIOR = bandit.Prior(mean=0.06, weight=100)
ROUNDS, SENDS = 10, 300


def coverage(logs: int) -> tuple[float, float, float]:
    """(share of intervals that hold the truth, mean error, mean width)"""
    best = max(RATES, key=RATES.__getitem__)
    held, errors, widths = [], [], []
    for seed in range(logs):
        chance = np.random.default_rng(seed)
        chosen, responses, logged = [], [], []
        sends, answers = dict.fromkeys(RATES, 0), dict.fromkeys(RATES, 0)
        for turn in range(ROUNDS):
            arms = [bandit.Arm(key, sends[key], answers[key]) for key in RATES]
            odds = bandit.propensities(arms, PRIOR, seed=seed * ROUNDS + turn)
            for key in bandit.choose(odds, SENDS, seed=seed * ROUNDS + turn):
                answer = int(chance.random() < RATES[key])
                chosen.append(key)
                responses.append(answer)
                logged.append(odds[key])
                sends[key] += 1
                answers[key] += answer
        told = bandit.snips(chosen, responses, logged, {best: 1.0})
        held.append(told.low <= RATES[best] <= told.high)
        errors.append(told.value - RATES[best])
        widths.append(told.high - told.low)
    return float(np.mean(held)), float(np.mean(errors)), float(np.mean(widths))


def open_bandit() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        command += ["--ignore-requires-python", "-d", folder, "obp"]  # read as a zip file, never imported
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            print(
                f"Open Bandit: obp could not be downloaded, so this check was not made.\n{done.stderr.strip()[-300:]}"
            )
            return
        archive = zipfile.ZipFile(next(Path(folder).glob("obp-*.whl")))
        for campaign in ("all", "men", "women"):
            random, thompson = (_read(archive, policy, campaign) for policy in ("random", "bts"))
            for place in (1, 2, 3):
                judge(campaign, place, *(log.filter(pl.col("position") == place) for log in (random, thompson)))


def judge(campaign: str, place: int, random: pl.DataFrame, thompson: pl.DataFrame) -> None:
    counted = thompson["item_id"].value_counts(normalize=True)
    target = {str(item): share for item, share in counted.iter_rows()}
    earned = thompson["click"].mean()
    try:
        told = bandit.snips(
            [str(item) for item in random["item_id"]],
            random["click"].to_list(),
            random["propensity_score"].to_list(),
            target,
        )
    except ValueError as refusal:
        print(f"  {campaign}, place {place}: refused: {refusal}")
        return
    print(
        f"  {campaign}, place {place}: {told.value:.4f} ({told.low:.4f} to {told.high:.4f}), {told.effective:.0f} effective of"
        f" {len(random):,}; Thompson sampling earned {earned:.4f}{'' if told.low <= earned <= told.high else ', outside'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=500)
    parser.add_argument("--open-bandit", action="store_true", help="downloads obp (a few MB) from the package index")
    chosen = parser.parse_args()
    held, error, width = coverage(chosen.logs)
    print(
        f"{chosen.logs} logs: the interval holds the truth in {held:.1%}, mean error {error:+.4f}, mean width {width:.4f}"
    )
    if chosen.open_bandit:
        open_bandit()
    if held < ASKED:
        raise SystemExit(f"below {ASKED:.0%}")


if __name__ == "__main__":
    main()
