"""The network in training: behind augmentation and standardization, compiled."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ..dataset.augmentation.layer import AugmentAndStandardize, fed_side
from ..dataset.augmentation.parameters import WIDTH
from ..inference.network import load_mean_image
from ..model.model import build_model, layers_of, put_weights
from ..model.pretrained.matching import LayerMatch, frozen_layers
from ..run.run import Run
from .accumulation import AccumulatingModel
from .optimizers import build_optimizer
from .shared_step import SharedModel, SharedStep


class TrainingModel:
    """A run's network, and models of it for images of any side; all share its weights.

    Layers compute in Keras' dtype policy, which the caller sets.
    """

    def __init__(
        self,
        run: Run,
        strategy: Any,
        start: Sequence[LayerMatch] = (),
        shared: SharedStep | None = None,
    ) -> None:
        """Build the network with the weights of `start`, and freeze the recipe's layers.

        With `shared` a step is one worker's part of it.
        """
        recipe = run.recipe
        self.run, self.strategy, self.shared = run, strategy, shared
        self.unfrozen = False
        self.parts = 1
        """How many parts a batch is computed in."""
        with strategy.scope():
            self.network = build_model(
                run.architecture,
                len(run.classes),
                recipe.machine.seed,
                any_side=bool(recipe.augmentation.start_size),
            )
            put_weights(self.network, start)
        if shared:
            shared.prepare(self.network)
        self.loaded = [
            variable.path
            for match in start
            if match.arrays and match.columns is None
            for layer in layers_of(self.network, match.layer)
            for variable in layer.weights
        ]
        for name in frozen_layers(run.architecture, recipe.pretrained.freeze):
            for layer in layers_of(self.network, name):
                layer.trainable = False
        self._begin()

    def _begin(self) -> None:
        """Start with a new optimizer of the layers that are trained."""
        recipe = self.run.recipe
        with self.strategy.scope():
            optimizer = build_optimizer(
                recipe.optimization, recipe.lr_schedule.learning_rate
            )
            optimizer.scale_rate(self.loaded, recipe.pretrained.loaded_rate)
            if recipe.machine.precision == "mixed_float16":
                # Keras would do so for each model; its scale is part of the state.
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(self.network.trainable_variables)
        self.optimizer = optimizer
        self.model: keras.Model | None = None
        self.side = 0

    def state(self) -> dict[str, Any]:
        """Weights, random generators, optimizer slots, and what was changed in training."""
        return {
            "network": [np.array(x) for x in self.network.variables],
            "optimizer": [np.array(x) for x in self.optimizer.variables],
            "unfrozen": self.unfrozen,
            "parts": self.parts,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state` of a model of the same run."""
        if state["unfrozen"] and not self.unfrozen:
            self.unfreeze()
        self.compute_in(state["parts"])
        for variables, values in (
            (self.network.variables, state["network"]),
            (self.optimizer.variables, state["optimizer"]),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def unfreeze(self) -> None:
        """Train all layers from now on, with a new optimizer."""
        self.unfrozen = True
        for layer in self.network.layers:
            layer.trainable = True
        self._begin()

    def compute_in(self, parts: int) -> None:
        """Compute each batch in that many parts from now on."""
        self.parts, self.model = parts, None

    def at(self, side: int) -> keras.Model:
        """The compiled model of pixels and augmentation parameters for images of `side`."""
        if side != self.side or self.model is None:
            with self.strategy.scope():
                self.model = self._compiled(side)
            self.side = side
        return self.model

    def _compiled(self, side: int) -> keras.Model:
        recipe, preprocess = self.run.recipe, self.run.preprocess
        fed = fed_side(recipe.augmentation, preprocess)
        pixels = keras.Input((fed, fed, 3), dtype="uint8", name="pixels")
        parameters = keras.Input((WIDTH,), dtype="float32", name="parameters")
        xla = recipe.machine.xla
        layer = AugmentAndStandardize(
            recipe.augmentation, preprocess, load_mean_image(self.run), side, xla=xla
        )
        outputs = self.network(layer([pixels, parameters]))
        model: keras.Model
        if self.shared:
            model = SharedModel([pixels, parameters], outputs)
            model.shared = self.shared
        else:
            model = AccumulatingModel([pixels, parameters], outputs)
            model.parts, model.xla = self.parts, xla
        model.compile(
            optimizer=self.optimizer,
            loss=build_loss(recipe.optimization.label_smoothing),
            metrics=[build_metric(x) for x in recipe.stopping.metric_names()],
            # XLA cannot loop over parts, of which the last is smaller: it compiles a part.
            jit_compile=xla and self.parts == 1,
        )
        return model


def build_loss(label_smoothing: float) -> keras.losses.Loss:
    """Cross-entropy of one-hot labels, smoothed, and logits [B, K]."""
    return keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=label_smoothing
    )


def build_metric(name: str) -> keras.metrics.Metric:
    """The metric called `name` in a recipe, of one-hot labels and logits [B, K]."""
    if name == "accuracy":
        return keras.metrics.CategoricalAccuracy(name)
    if name == "macro_f1":
        return keras.metrics.F1Score("macro", name=name)
    if name.startswith("top"):
        return keras.metrics.TopKCategoricalAccuracy(int(name[3:]), name)
    distance = ops.square if name == "mse" else ops.abs

    def mean_error(labels: Any, logits: Any) -> Any:
        return ops.mean(distance(labels - ops.softmax(logits)), axis=-1)

    return keras.metrics.MeanMetricWrapper(mean_error, name)
