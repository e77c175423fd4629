"""A Run's LiteRT copy: answers without TensorFlow, whose import alone takes seconds."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Floats
from ..backend.startup import quiet
from ..errors import RunError, printable


class LiteRTNetwork:
    """float32 inputs [B, S, S, 3] to probabilities [B, K], on all cores.

    Source: https://ai.google.dev/edge/litert
    """

    def __init__(self, path: Path, side: int, classes: int, batch: int) -> None:
        """Load the network at `path`; inputs come `batch` at a time where they can.

        Raises:
            RunError: it is damaged, or takes other inputs or gives other outputs.
        """
        self.path, self.side, self.classes, self.batch = path, side, classes, batch
        self.interpreters: dict[int, Any] = {}
        self._interpreter(1)

    def __call__(self, inputs: Floats) -> Floats:
        """Probabilities [B, K]; rows sum to 1."""
        # An interpreter has one batch size and a copy of the weights: two are enough.
        if len(inputs) not in (1, self.batch):
            return np.concatenate([self(inputs[i : i + 1]) for i in range(len(inputs))])
        interpreter = self._interpreter(len(inputs))
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs)
        interpreter.invoke()
        found: Floats = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        return found

    def _interpreter(self, count: int) -> Any:
        """The interpreter for batches of `count`."""
        if count not in self.interpreters:
            self.interpreters[count] = self._opened(count)
        return self.interpreters[count]

    def _opened(self, count: int) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        shape = (count, self.side, self.side, 3)
        try:
            with quiet():
                interpreter = Interpreter(str(self.path), num_threads=os.cpu_count())
                index = interpreter.get_input_details()[0]["index"]
                interpreter.resize_tensor_input(index, shape)
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0][:200]
            raise RunError(
                f"{printable(self.path)} is damaged: {reason}; without it TensorFlow answers"
            ) from error
        outputs = tuple(interpreter.get_output_details()[0]["shape"])
        if outputs[-1] != self.classes:
            raise RunError(
                f"{printable(self.path)} knows {outputs[-1]} classes, the Run {self.classes}"
            )
        return interpreter
