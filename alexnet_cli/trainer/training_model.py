"""The network in training: behind the preparation of its pixels, compiled, ready to fit."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..dataset.augmentation.layer import AugmentAndStandardize, fed_side
from ..dataset.augmentation.sampling import DRAWN
from ..inference.network import load_mean_image
from ..model.model import build_model, layers_of, put_weights
from ..model.pretrained.matching import LayerMatch, frozen_layers
from ..recipe.recipe import Recipe
from ..run.run import Run
from .optimizers import build_optimizer


class TrainingModel:
    """A Run's network, and models of it for pictures of any side; all share its weights."""

    def __init__(self, run: Run, strategy: Any, start: Sequence[LayerMatch] = ()) -> None:
        """`start` are the weights to begin with; the recipe's frozen layers keep them."""
        recipe = run.recipe
        self.run, self.strategy = run, strategy
        self.model: keras.Model | None = None
        self.side = 0
        keras.utils.set_random_seed(recipe.seed)
        keras.config.set_dtype_policy(recipe.precision)
        with strategy.scope():
            self.network = build_model(
                run.architecture,
                len(run.classes),
                recipe.seed,
                any_side=bool(recipe.start_size),
            )
            put_weights(self.network, start)
        names = [x.layer for x in start if x.arrays]
        self.loaded = [
            variable.path
            for name in names
            for layer in layers_of(self.network, name)
            for variable in layer.weights
        ]
        for name in frozen_layers(run.architecture, recipe.freeze):
            for layer in layers_of(self.network, name):
                layer.trainable = False
        self._begin()

    def _begin(self) -> None:
        with self.strategy.scope():
            self.optimizer = build_optimizer(self.run.recipe, self.loaded)
        self.side = 0

    def unfreeze(self) -> None:
        """Let every layer learn, with an optimizer that remembers nothing."""
        for layer in self.network.layers:
            layer.trainable = True
        self._begin()

    def at(self, side: int) -> keras.Model:
        """The model that learns from pixels and draws at `side`."""
        if side != self.side or self.model is None:
            with self.strategy.scope():
                self.model = self._compiled(side)
            self.side = side
        return self.model

    def _compiled(self, side: int) -> keras.Model:
        recipe, preprocess = self.run.recipe, self.run.preprocess
        fed = fed_side(recipe, preprocess)
        pixels = keras.Input((fed, fed, 3), dtype="uint8", name="pixels")
        draws = keras.Input((DRAWN,), dtype="float32", name="draws")
        mean_image = load_mean_image(self.run)
        prepared = AugmentAndStandardize(recipe, preprocess, mean_image, side)(
            [pixels, draws]
        )
        model = keras.Model([pixels, draws], self.network(prepared))
        model.compile(
            optimizer=self.optimizer,
            loss=build_loss(recipe),
            metrics=[build_metric(x) for x in recipe.metric_names()],
            # On a CPU XLA is slower, and it has no kernel for `kernels.warp`.
            jit_compile=False,
        )
        return model


def build_loss(recipe: Recipe) -> keras.losses.Loss:
    """Cross-entropy of one-hot labels, smoothed, and logits [B, K]."""
    return keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=recipe.label_smoothing
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
