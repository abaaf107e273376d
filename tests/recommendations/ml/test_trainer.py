import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from recommendations.ml.caser import Caser, CaserConfig
from recommendations.ml.losses import cross_entropy
from recommendations.ml.neural import CatalogueHead, EventEmbedding
from recommendations.ml.sequences import EventLog, examples
from recommendations.ml.trainer import Diverged, Trainer, TrainerConfig
from tests.recommendations.ml.known_answers import checkerboard

CONFIG = CaserConfig(length=20, dim=8, anchors=3, epochs=4, patience=4, batch=32, dropout=0.3)
ROOT = Path(__file__).resolve().parents[3]


def parts(people: int = 21):
    log = EventLog.of_orders(checkerboard(people).history)
    train = examples(log, np.array([35.0, 42.0]), 28.0, 20)
    return train, examples(log, np.array([28.0]), 28.0, 20)


def network(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return Caser(CONFIG).network(40, torch.full((40,), 1 / 40))


def plain_loss(logits, positives, generator):
    return cross_entropy(logits, positives)


def test_a_resumed_training_ends_in_the_same_bits(tmp_path):
    train, validation = parts()
    whole = network()
    Trainer(whole, plain_loss, TrainerConfig(epochs=4, patience=4)).fit(train, validation, 40)

    torn = tmp_path / "training.safetensors"
    Trainer(network(), plain_loss, TrainerConfig(epochs=2, patience=4), torn).fit(train, validation, 40)
    resumed = network(seed=9)  # its weights come from the checkpoint
    report = Trainer(resumed, plain_loss, TrainerConfig(epochs=4, patience=4), torn).fit(train, validation, 40)
    assert report.epochs == 4
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_it_stops_early_and_keeps_the_best_epoch():
    train, validation = parts()
    net = network()
    trainer = Trainer(net, plain_loss, TrainerConfig(epochs=50, patience=2))
    figures = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.9])
    seen = []

    def validate(_):
        seen.append({name: value.clone() for name, value in net.state_dict().items()})
        return next(figures)

    trainer.validate = validate
    report = trainer.fit(train, validation, 40)
    assert (report.epochs, report.best_epoch, report.best) == (4, 1, 0.5)
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in seen[1].items())


def test_a_loss_that_is_no_number_stops_the_training():
    train, validation = parts()
    broken = Trainer(network(), lambda logits, positives, g: logits.sum() * float("nan"), TrainerConfig())
    with pytest.raises(Diverged, match="the loss is nan in epoch 0; lower the learning rate"):
        broken.fit(train, validation, 40)


def test_two_processes_take_the_same_steps_as_one(tmp_path):
    """torchrun with two gloo processes, each half of every batch: the averaged gradients are those of the whole."""
    train, validation = parts()
    alone = no_dropout()
    Trainer(alone, plain_loss, TrainerConfig(epochs=2, patience=2, batch=8)).fit(train, validation, 40)

    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(Path(__file__)), str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert ranks[0] == ranks[1]
    assert ranks[0] == pytest.approx(flat(alone), abs=1e-4)
    assert flat(alone) != pytest.approx(flat(no_dropout()), abs=1e-2)  # it did learn


def no_dropout() -> torch.nn.Module:
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = EventEmbedding(40, 8), CatalogueHead(40, 8, torch.full((40,), 1 / 40))

        def forward(self, item, kind, gap, until):
            return self.head(self.embed(item, kind, gap).mean(dim=1), until)

    torch.manual_seed(0)
    return Net()


def flat(net: torch.nn.Module) -> list[float]:
    return torch.cat([value.detach().flatten() for value in net.parameters()]).tolist()


if __name__ == "__main__":  # one of the processes that torchrun starts
    ours, held = parts()
    trained = no_dropout()
    Trainer(trained, plain_loss, TrainerConfig(epochs=2, patience=2, batch=8)).fit(ours, held, 40)
    rank = torch.distributed.get_rank()
    (Path(sys.argv[1]) / f"rank{rank}.json").write_text(json.dumps(flat(trained)))
    torch.distributed.destroy_process_group()
