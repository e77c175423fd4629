"""LiteRT files: they predict without TensorFlow, whose import alone takes seconds."""

import copy
import mmap
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Array, Floats
from ..backend.devices import usable_cores
from ..backend.paths import utf8_path
from ..backend.regular_file import open_regular
from ..backend.startup import quiet
from ..errors import RunError, RunReplaced, first_line, printable
from .litert_check import check
from .litert_file import Graph

DELETE = "delete it, and TensorFlow is used instead"
_INPUTS = {0: np.dtype(np.float32), 3: np.dtype(np.uint8)}
"""The types of inputs, by the numbers of LiteRT."""
REPLICA_BYTES = 2**30
"""Most memory that the weights of replicas may take."""


class LiteRTNetwork:
    """Inputs [B, S, S, 3] to probabilities float32 [B, K], computed on all cores.

    Source: https://ai.google.dev/edge/litert
    """

    def __init__(
        self,
        path: Path,
        side: int,
        classes: int,
        batch: int,
        *,
        content: bytes | None = None,
        remedy: str = DELETE,
        threads: int = 0,
    ) -> None:
        """Load the network at `path`, for inputs of `batch` images or fewer at a time.

        `content` are its bytes if it is inside the file at `path`; `threads` is how many
        compute, by default one per core.

        Raises:
            RunError: it is damaged, not of our exports' kind, or takes other inputs or
                gives other outputs; `remedy` says what to do.
        """
        self.path, self.side, self.classes, self.batch = path, side, classes, batch
        self.content, self.remedy = content, remedy
        self.threads = threads or usable_cores()
        self.interpreters: dict[int, Any] = {}
        self.stamp = self._stamp()
        graph = self._graph()
        self.dtype = _INPUTS.get(graph.tensors[graph.inputs[0]].type)
        self.resolution = _resolution(graph)
        self._interpreter(1)

    def __call__(self, inputs: Array) -> Floats:
        """Probabilities [B, K]; rows sum to 1."""
        if not len(inputs):
            return np.zeros((0, self.classes), np.float32)
        # An interpreter has one batch size and a copy of the weights: two are enough.
        if len(inputs) in (1, self.batch):
            return self._compute(inputs)
        if self.batch // 2 < len(inputs) < self.batch:
            rest = np.zeros((self.batch - len(inputs), *inputs.shape[1:]), inputs.dtype)
            return self._compute(np.concatenate([inputs, rest]))[: len(inputs)]
        step = self.batch if len(inputs) > self.batch else 1
        starts = range(0, len(inputs), step)
        return np.concatenate([self(inputs[i : i + step]) for i in starts])

    def _compute(self, inputs: Array) -> Floats:
        if inputs.dtype != self.dtype:
            raise self._error(f"takes {self.dtype}, not {inputs.dtype}")
        interpreter = self._interpreter(len(inputs))
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs)
        try:
            interpreter.invoke()
        except RuntimeError as error:
            raise self._error(f"cannot be computed: {first_line(error)}") from error
        output = interpreter.get_output_details()[0]["index"]
        probabilities: Floats = interpreter.get_tensor(output)
        return probabilities

    def replicas(self) -> "list[LiteRTNetwork]":
        """The same network several times, for as many threads, which share the cores.

        Threads that compute different images never wait for each other, as those of one
        interpreter do.
        """
        size = len(self.content or b"") or self.path.stat().st_size
        count = max(1, min(usable_cores(), REPLICA_BYTES // size))
        found = [copy.copy(self) for _ in range(count)]
        for one in found:
            one.threads, one.interpreters = usable_cores() // count, {}
        return found

    def _stamp(self) -> tuple[int, ...]:
        """What tells the file from another one in its place; empty if there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _interpreter(self, count: int) -> Any:
        """The interpreter for batches of `count`.

        Raises:
            RunReplaced: the file is another one than that of the first interpreter.
        """
        if count not in self.interpreters:
            self.interpreters[count] = self._new_interpreter(count)
            if self._stamp() != self.stamp and not self.content:
                raise RunReplaced(f"{printable(self.path)} was replaced while being read")
        return self.interpreters[count]

    def _new_interpreter(self, count: int) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        shape = (count, self.side, self.side, 3)
        try:
            with quiet(), utf8_path(self.path.parent) as folder:
                file = None if self.content else str(folder / self.path.name)
                interpreter = Interpreter(
                    file, model_content=self.content, num_threads=self.threads
                )
                index = interpreter.get_input_details()[0]["index"]
                interpreter.resize_tensor_input(index, shape)
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise self._error(f"is damaged: {first_line(error)}") from error
        return interpreter

    def _graph(self) -> Graph:
        """What the file computes, which takes the run's inputs and gives its outputs.

        Raises:
            RunError: it does not, or is nothing that the interpreter may be given.
        """
        try:
            if self.content is not None:
                graph = check(self.content, len(self.content))
            else:
                if not self.path.stat().st_size:
                    raise ValueError("it is empty")
                with (
                    open_regular(self.path) as file,
                    mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
                ):
                    graph = check(data, len(data))
        except (ValueError, OSError) as error:
            raise self._error(f"is damaged: {first_line(error)}") from error
        [inputs], [outputs] = graph.inputs, graph.outputs
        given, found = (list(graph.tensors[x].shape[1:]) for x in (inputs, outputs))
        own_inputs, own_outputs = [self.side, self.side, 3], [self.classes]
        if (given, found) != (own_inputs, own_outputs):
            raise self._error(
                f"has inputs {given} and outputs {found}, the run has {own_inputs} and "
                f"{own_outputs}"
            )
        return graph

    def _error(self, problem: str) -> RunError:
        return RunError(f"{printable(self.path)} {problem}; {self.remedy}")


def _resolution(graph: Graph) -> float:
    """Between two neighboring values of an output that is computed in int8; else 0."""
    return max(graph.tensors[graph.operators[-1].inputs[0]].scales, default=0.0)
