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
from .optimizers import build_optimizer


class TrainingModel:
    """A run's network, and models of it for images of any side; all share its weights."""

    def __init__(self, run: Run, strategy: Any, start: Sequence[LayerMatch] = ()) -> None:
        """`start` are the weights to start from; the recipe's frozen layers keep them."""
        recipe = run.recipe
        self.run, self.strategy = run, strategy
        self.model: keras.Model | None = None
        self.side = 0
        self.unfrozen = False
        keras.utils.set_random_seed(recipe.machine.seed)
        keras.config.set_dtype_policy(recipe.machine.precision)
        with strategy.scope():
            self.network = build_model(
                run.architecture,
                len(run.classes),
                recipe.machine.seed,
                any_side=bool(recipe.augmentation.start_size),
            )
            put_weights(self.network, start)
        names = [x.layer for x in start if x.arrays]
        self.loaded = [
            variable.path
            for name in names
            for layer in layers_of(self.network, name)
            for variable in layer.weights
        ]
        for name in frozen_layers(run.architecture, recipe.pretrained.freeze):
            for layer in layers_of(self.network, name):
                layer.trainable = False
        self._begin()

    def _begin(self) -> None:
        with self.strategy.scope():
            recipe = self.run.recipe
            self.optimizer = build_optimizer(
                recipe.optimization, recipe.lr_schedule.learning_rate
            )
            self.optimizer.slow(self.loaded, recipe.pretrained.loaded_rate)
        self.side = 0

    def state(self) -> dict[str, Any]:
        """Weights, random generators, optimizer slots, and whether layers are frozen."""
        return {
            "network": [np.asarray(x) for x in self.network.variables],
            "optimizer": [np.asarray(x) for x in self.optimizer.variables],
            "unfrozen": self.unfrozen,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        if state["unfrozen"]:
            self.unfreeze()
        with self.strategy.scope():
            self.optimizer.build(self.network.trainable_variables)
        for variables, values in (
            (self.network.variables, state["network"]),
            (self.optimizer.variables, state["optimizer"]),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def unfreeze(self) -> None:
        """Let every layer learn, with an optimizer that remembers nothing."""
        self.unfrozen = True
        for layer in self.network.layers:
            layer.trainable = True
        self._begin()

    def at(self, side: int) -> keras.Model:
        """The model that learns from pixels and augmentation parameters at `side`."""
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
        layer = AugmentAndStandardize(
            recipe.augmentation, preprocess, load_mean_image(self.run), side
        )
        outputs = self.network(layer([pixels, parameters]))
        model = keras.Model([pixels, parameters], outputs)
        model.compile(
            optimizer=self.optimizer,
            loss=build_loss(recipe.optimization.label_smoothing),
            metrics=[build_metric(x) for x in recipe.stopping.metric_names()],
            # On a CPU XLA is slower, and it has no kernel for `ops.warp`.
            jit_compile=False,
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
