"""What averages of the weights with several decays are worth, within one training.

    python scripts/experiments/ema_decays.py OUT --config quick --data FOLDER [OPTIONS OF TRAIN]

Runs `alexnet train --out OUT` with one average for each of DECAYS beside the recipe's own,
then judges all of them on the validation images, each at a temperature of its own.
Nothing else differs between the rows.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tta

from alexnet_cli.cli.main import main as alexnet
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import (
    as_probabilities,
    load_network,
)
from alexnet_cli.run.run import Run

DECAYS = (0.9, 0.95, 0.98, 0.99, 0.995)


def train(out: Path, words: list[str]) -> dict[float, list[np.ndarray]]:
    """The weights at the end of the last epoch (0) and their averages, by decay."""
    from alexnet_cli.trainer import trainer
    from alexnet_cli.trainer.ema import ExponentialMovingAverage

    ended: dict[float, list[np.ndarray]] = {}

    class Averages(ExponentialMovingAverage):
        """The recipe's average, with others of which nothing is used."""

        def __init__(self, network: Any, decay: float) -> None:
            super().__init__(network, decay)
            self.others = {x: ExponentialMovingAverage(network, x) for x in DECAYS}

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Move all of them."""
            super().on_train_batch_end(batch, logs)
            for other in self.others.values():
                other.on_train_batch_end(batch, logs)

        def on_test_begin(self, logs: Any = None) -> None:
            """Remember the weights before the average takes their place."""
            ended[0.0] = [np.array(x) for x in self.network.weights]
            ended.update(
                {k: list(map(np.asarray, x.average)) for k, x in self.others.items()}
            )
            super().on_test_begin(logs)

    trainer.ExponentialMovingAverage = Averages
    alexnet(["train", "--out", str(out), *words], standalone_mode=False)
    return ended


def judge(run: Run, weights: list[np.ndarray]) -> tuple[float, float]:
    """Accuracy (0 to 1) and loss of `run` with `weights` on its held-out images."""
    network = load_network(run)
    network.set_weights(weights)
    classifier = Classifier(run, network=as_probabilities(network))
    return tta.scored(*tta.held_out(classifier), run.classes)


def main() -> None:
    """Train, then print the table."""
    out = Path(sys.argv[1])
    ended = train(out, sys.argv[2:])
    if not ended:
        sys.exit("this recipe keeps no average of the weights; give --ema")
    print("| decay a step | loss | accuracy |\n|---|---|---|")
    for decay, weights in sorted(ended.items()):
        accuracy, loss = judge(Run.open(out), weights)
        print(f"| {decay:g} | {loss:.4f} | {100 * accuracy:.1f} % |")


if __name__ == "__main__":
    main()
