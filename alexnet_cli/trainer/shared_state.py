"""The chief's state, given to all workers."""

import json

import numpy as np
from safetensors.numpy import load, save

from ..backend.workers import Workers
from .state import TrainingState


def share_state(state: TrainingState, workers: Workers) -> None:
    """Give all workers the chief's state."""
    text = data = b""
    if workers.is_chief:
        plain, arrays = state.collect()
        text = json.dumps(plain).encode()
        # The library would write what is between the elements of a view.
        data = save(
            {k: np.ascontiguousarray(x).reshape(x.shape) for k, x in arrays.items()}
        )
    text, data = workers.from_chief(text), workers.from_chief(data)
    if not workers.is_chief:
        state.put(json.loads(text), load(data))
