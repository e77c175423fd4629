"""What averages of the weights with several decays are worth, within one training.

    python scripts/experiments/ema_decays.py FOLDER OUT [--config quick] [--fields '{"ema": 0.99}']

Trains on the class folders of FOLDER, with an average for each of DECAYS beside the recipe's
own, and evaluates all of them on the validation images, each at a temperature of its own.
Nothing else differs between the rows. FIELDS change the recipe, as a JSON object.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tta

from alexnet_cli import Classifier, Run, train
from alexnet_cli.cli.progress import ConsoleListener
from alexnet_cli.inference.network import as_probabilities, load_network
from alexnet_cli.trainer.ema import ExponentialMovingAverage

DECAYS = (0.9, 0.95, 0.98, 0.99, 0.995)


class Averages(keras.callbacks.Callback):
    """Averages with several decays, of which the training knows nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.averages: dict[float, ExponentialMovingAverage] = {}
        self.weights: dict[float, list[np.ndarray]] = {}
        """By decay, the averages at the end of the last epoch; 0: the weights themselves."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the averages where the network starts."""
        # Progressive resizing trains a model for each side, all of the same network.
        network = next(x for x in self.model.layers if isinstance(x, keras.Model))
        for decay in DECAYS:
            self.averages.setdefault(decay, ExponentialMovingAverage(network, decay))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the averages."""
        for average in self.averages.values():
            average.on_train_batch_end(batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Keep what the epoch ends with; the network does not have its average yet."""
        network = self.averages[DECAYS[0]].network
        self.weights = {0.0: [np.array(x) for x in network.weights]}
        for decay, average in self.averages.items():
            self.weights[decay] = [np.array(x) for x in average.average]


def evaluated(run: Run, weights: list[np.ndarray]) -> tuple[float, float]:
    """Accuracy (0 to 1) and loss of `run` with `weights` on its held-out images."""
    network = load_network(run)
    network.set_weights(weights)
    classifier = Classifier(run, network=as_probabilities(network))
    return tta.scored(*tta.held_out_views(classifier), run.classes)


def main() -> None:
    """Train, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--config")
    parser.add_argument("--fields", type=json.loads, default={})
    args = parser.parse_args()
    averages = Averages()
    run = train(
        args.folder,
        out=args.out,
        config=args.config,
        callbacks=[averages],
        listener=ConsoleListener(),
        **args.fields,
    )
    print("| decay per step | loss | accuracy |\n|---|---|---|")
    for decay, weights in sorted(averages.weights.items()):
        accuracy, loss = evaluated(run, weights)
        print(f"| {decay:g} | {loss:.4f} | {100 * accuracy:.1f} % |")


if __name__ == "__main__":
    main()
