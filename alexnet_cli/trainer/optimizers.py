"""Recipe -> Keras optimizer, with weight decay where the literature has it."""

from collections.abc import Collection
from typing import Any

import keras
from keras import ops

from ..backend import ops as backend_ops
from ..recipe.sections import Optimization


class _Own:
    """An optimizer in which only kernels decay, and variables may have their own rates."""

    paths: Collection[str] = ()
    factor = 1.0
    decay = 0.0

    def slow(self, paths: Collection[str], factor: float) -> Any:
        """This optimizer, with `factor` times the rate for the variables at `paths`."""
        self.paths, self.factor = frozenset(paths), factor
        return self

    def build(self, variables: list[Any]) -> None:
        """Note each variable's rate and decay."""
        self.factors = [self.factor if x.path in self.paths else 1.0 for x in variables]
        self.decays = [self.decay if x.name == "kernel" else 0.0 for x in variables]
        super().build(variables)  # type: ignore[misc]

    def of(self, variable: Any, learning_rate: Any) -> tuple[int, Any, float]:
        """Index, learning rate and weight decay of `variable`."""
        index: int = self._get_variable_index(variable)  # type: ignore[attr-defined]
        return index, learning_rate * self.factors[index], self.decays[index]


class CoupledSGD(_Own, keras.optimizers.SGD):
    """SGD whose weight decay passes through the momentum; only kernels decay.

    Source: Krizhevsky et al. 2012, section 5: v = 0.9 v - 0.0005 e w - e g; w = w + v.
    Keras' own `SGD(weight_decay=)` subtracts the decay beside the momentum.
    """

    def __init__(self, *, decay: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of `variable`, in place."""
        index, rate, decay = self.of(variable, learning_rate)
        if not self.momentum:
            super().update_step(gradient + decay * variable, variable, rate)
            return
        backend_ops.momentum_step(
            variable, self.momentums[index], gradient,
            rate, self.momentum, decay, self.nesterov,
        )  # fmt: skip


class DecoupledAdam(_Own, keras.optimizers.Adam):
    """Adam; with `decay` AdamW, whose kernels shrink by rate times decay every step.

    Source: Kingma, Ba 2015; Loshchilov, Hutter 2019.
    """

    def __init__(self, *, decay: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of `variable`, in place."""
        index, rate, decay = self.of(variable, learning_rate)
        step = ops.cast(self.iterations + 1, variable.dtype)
        backend_ops.adam_step(
            variable, self._momentums[index], self._velocities[index], gradient,
            rate, step, (self.beta_1, self.beta_2, self.epsilon), decay,
        )  # fmt: skip


class RMSprop(_Own, keras.optimizers.RMSprop):
    """Keras' RMSprop."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of `variable`, in place."""
        _, rate, _ = self.of(variable, learning_rate)
        super().update_step(gradient, variable, rate)


def build_optimizer(section: Optimization, learning_rate: float) -> Any:
    """The optimizer that `section` asks for; the schedule sets its rate at every step.

    What it returns is a keras.optimizers.Optimizer with `slow`.
    """
    shared: dict[str, Any] = {
        "learning_rate": learning_rate,
        "global_clipnorm": section.clip_norm,
    }
    match section.optimizer:
        case "adam":
            return DecoupledAdam(decay=0.0, **shared)
        case "adamw":
            return DecoupledAdam(decay=section.weight_decay, **shared)
        case "rmsprop":
            return RMSprop(momentum=section.momentum, **shared)
    return CoupledSGD(
        decay=section.weight_decay,
        momentum=section.momentum,
        nesterov=section.nesterov,
        **shared,
    )
