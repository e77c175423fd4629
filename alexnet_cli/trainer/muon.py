"""Muon: steps of a convolution's kernel that are orthogonal matrices.

Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
Keras' own `Muon` leaves all kernels with more than two axes to AdamW.
"""

from typing import Any

import keras
from keras import ops

_MOMENTUM = 0.95
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients that bring singular values near 1 in five steps."""
_STEP_RMS = 0.2
"""Root mean square of a step's entries, by the learning rate; those of Adam are alike.

Source: Liu et al. 2025, "Muon is scalable for LLM training", section 2.2.
"""


def muon_step(variable: Any, momentum: Any, gradient: Any, rate: Any, decay: float) -> None:
    """Update a kernel [..., C], a matrix of C columns, in place, and so its momentum.

    The momentum, of the shape of `gradient`, is a sum over steps, not a mean. The kernel
    shrinks by rate * decay, and moves along about the orthogonal matrix nearest to the
    momentum, which is looked at ahead as Nesterov's is. Rates for AdamW are right here too.
    """
    momentum.assign(_MOMENTUM * momentum + gradient)
    ahead = gradient + _MOMENTUM * momentum
    direction = orthogonalized(ops.reshape(ahead, (-1, variable.shape[-1])))
    length = rate * _STEP_RMS * max(direction.shape) ** 0.5
    kept = (1 - rate * decay) * ops.convert_to_tensor(variable)
    variable.assign(kept - length * ops.reshape(direction, variable.shape))


def orthogonalized(matrix: Any) -> Any:
    """About U V' of `matrix` = U S V', float32 [R, C]: singular values of 0.7 to 1.2.

    Five Newton-Schulz steps in the type that layers compute in. Values below 1/500
    of the root of the sum of their squares remain smaller.
    """
    a, b, c = _NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
    x = ops.cast(x, keras.config.dtype_policy().compute_dtype)
    for _ in range(5):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return ops.cast(ops.transpose(x) if tall else x, "float32")
