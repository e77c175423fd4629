"""The optimizers of recipes, with weight decay where the publications have it."""

from collections.abc import Collection
from typing import Any

import keras
from keras import ops

from ..backend import ops as backend_ops
from ..backend.update_rules import AdamRule, MomentumRule
from ..recipe.sections import Optimization
from .muon import muon_step


class _PerVariable:
    """Mixed into an optimizer: only kernels decay, and some variables have another rate."""

    paths: Collection[str] = ()
    factor = 1.0
    decay = 0.0

    def scale_rate(self, paths: Collection[str], factor: float) -> None:
        """Use `factor` times the learning rate for the variables at `paths`."""
        self.paths, self.factor = frozenset(paths), factor

    def build(self, variables: list[Any]) -> None:
        """Create the slots, and look up each variable's factor and decay."""
        self.factors = [self.factor if x.path in self.paths else 1.0 for x in variables]
        self.decays = [self.decay if x.name == "kernel" else 0.0 for x in variables]
        super().build(variables)  # type: ignore[misc]

    def settings(self, variable: Any, learning_rate: Any) -> tuple[int, Any, float]:
        """Index, learning rate and weight decay of `variable`."""
        index: int = self._get_variable_index(variable)  # type: ignore[attr-defined]
        return index, learning_rate * self.factors[index], self.decays[index]


class CoupledSGD(_PerVariable, keras.optimizers.SGD):
    """SGD whose weight decay is part of the momentum.

    Source: Krizhevsky et al. 2012, section 5: v = 0.9 v - 0.0005 e w - e g; w = w + v.
    Keras' own `SGD(weight_decay=)` subtracts the decay outside of the momentum.
    """

    def __init__(self, *, decay: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of `variable`, in place."""
        index, rate, decay = self.settings(variable, learning_rate)
        if not self.momentum:
            super().update_step(gradient + decay * variable, variable, rate)
            return
        rule = MomentumRule(rate, self.momentum, decay, self.nesterov)
        backend_ops.momentum_step(variable, self.momentums[index], gradient, rule)


class DecoupledAdam(_PerVariable, keras.optimizers.Adam):
    """Adam; with `decay` AdamW, whose kernels shrink by rate times decay in each step.

    Source: Kingma, Ba 2015; Loshchilov, Hutter 2019.
    """

    def __init__(self, *, decay: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of `variable`, in place."""
        index, rate, decay = self.settings(variable, learning_rate)
        rule = AdamRule(
            rate=rate,
            step=ops.cast(self.iterations + 1, variable.dtype),
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            decay=decay,
        )
        moments = self._momentums[index], self._velocities[index]
        backend_ops.adam_step(variable, *moments, gradient, rule)


class Muon(DecoupledAdam):
    """AdamW, but for the kernels of convolutions, whose steps are orthogonal matrices.

    Kernels of dense layers are left to AdamW: matrices of their sizes would take as long as
    the rest of a step. The groups of a kernel are one matrix.
    """

    def build(self, variables: list[Any]) -> None:
        """Create the slots, and find the kernels of convolutions."""
        super().build(variables)
        # By index: under TensorFlow `update_step` gets other variables, with other names.
        self.is_matrix = [x.name == "kernel" and len(x.shape) == 4 for x in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of `variable`, in place."""
        index, rate, decay = self.settings(variable, learning_rate)
        if not self.is_matrix[index]:
            super().update_step(gradient, variable, learning_rate)
            return
        muon_step(variable, self._momentums[index], gradient, rate, decay)


class RMSprop(_PerVariable, keras.optimizers.RMSprop):
    """Keras' RMSprop with rates per variable."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of `variable`, in place."""
        _, rate, _ = self.settings(variable, learning_rate)
        super().update_step(gradient, variable, rate)


def build_optimizer(section: Optimization, learning_rate: float) -> Any:
    """The keras.optimizers.Optimizer that `section` names, with `scale_rate`."""
    shared: dict[str, Any] = {
        "learning_rate": learning_rate,
        "global_clipnorm": section.clip_norm,
    }
    match section.optimizer:
        case "adam":
            return DecoupledAdam(decay=0.0, **shared)
        case "adamw":
            return DecoupledAdam(decay=section.weight_decay, **shared)
        case "muon":
            return Muon(decay=section.weight_decay, **shared)
        case "rmsprop":
            return RMSprop(momentum=section.momentum, **shared)
    return CoupledSGD(
        decay=section.weight_decay,
        momentum=section.momentum,
        nesterov=section.nesterov,
        **shared,
    )
