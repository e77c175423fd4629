"""The numbers of one step of an optimizer, whatever computes it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MomentumRule:
    """Hyper-parameters of one step of SGD with momentum."""

    rate: Any
    """Learning rate, a scalar tensor."""
    momentum: float
    decay: float
    """Weight decay, part of the momentum."""
    nesterov: bool


@dataclass(frozen=True)
class AdamRule:
    """Hyper-parameters of one step of Adam."""

    rate: Any
    """Learning rate, a scalar tensor."""
    step: Any
    """Number of this step from 1, a scalar tensor."""
    beta_1: float
    beta_2: float
    epsilon: float
    decay: float
    """Weight decay, decoupled as in AdamW."""
