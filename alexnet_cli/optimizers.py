"""Recipe -> Keras optimizer, with weight decay where the literature has it."""

from typing import Any

import keras

from . import kernels
from .recipe import Recipe


class CoupledSGD(keras.optimizers.SGD):
    """SGD whose weight decay passes through the momentum; only kernels decay.

    Source: Krizhevsky et al. 2012, section 5: v = 0.9 v - 0.0005 e w - e g; w = w + v.
    Keras' own `SGD(weight_decay=)` subtracts the decay beside the momentum.
    """

    def __init__(self, *, decay: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decay = decay

    def build(self, variables: list[Any]) -> None:
        """Make room for the momentum of `variables`, and note which of them decay."""
        self.decays = [x.name == "kernel" for x in variables]
        super().build(variables)

    def update_step(self, gradient, variable, learning_rate):  # type: ignore[no-untyped-def]
        """One update of `variable`, in place."""
        index = self._get_variable_index(variable)
        decay = self.decay if self.decays[index] else 0.0
        if not self.momentum:
            super().update_step(gradient + decay * variable, variable, learning_rate)
            return
        kernels.momentum_step(
            variable, self.momentums[index], gradient,
            learning_rate, self.momentum, decay, self.nesterov,
        )  # fmt: skip


def build_optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """The recipe's optimizer; its learning rate is set by the schedule."""
    shared = {
        "learning_rate": recipe.learning_rate,
        "global_clipnorm": recipe.clip_norm,
    }
    match recipe.optimizer:
        case "adam":
            return keras.optimizers.Adam(**shared)
        case "adamw":
            adamw = keras.optimizers.AdamW(weight_decay=recipe.weight_decay, **shared)
            adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
            return adamw
        case "rmsprop":
            return keras.optimizers.RMSprop(momentum=recipe.momentum, **shared)
    return CoupledSGD(
        decay=recipe.weight_decay,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        **shared,
    )
