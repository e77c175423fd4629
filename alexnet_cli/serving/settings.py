"""What `alexnet serve` was asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The options of `alexnet serve`."""

    model: Path
    name: str
    """What TensorFlow Serving's clients call the model."""
    host: str = "127.0.0.1"
    port: int = 8080
    """0: any free one."""
    max_bytes: int = 16 * 2**20
    """Of a request's body."""
    max_queue: int = 256
    """Images that may wait for the network."""
    timeout: float = 30.0
    """Seconds that a request may take, from its head to its answer."""
    top: int = 3
    """Classes in an answer."""
    access_log: bool = False
