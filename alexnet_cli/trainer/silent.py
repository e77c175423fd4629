"""What writes nothing, for the workers that are not the chief."""

from typing import Any

import keras

from ..arrays import Pixels
from .checkpointing import Checkpointer
from .tensorboard import TensorBoardWriter


class NoCheckpoints(Checkpointer):
    """Keeps no checkpoints."""

    def save(self) -> None:
        """Nothing: the chief does."""

    def publish(self) -> None:
        """Nothing: the chief does."""


class NoBoard(TensorBoardWriter):
    """Opens no event files."""

    def __init__(self) -> None:
        pass

    def show_graph(self, network: keras.Model, side: int) -> None:
        """Nothing."""

    def show_image(self, tag: str, image: Pixels, step: int) -> None:
        """Nothing."""

    def show_histograms(self, network: keras.Model, step: int) -> None:
        """Nothing."""

    def show_scalars(self, row: dict[str, Any]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
