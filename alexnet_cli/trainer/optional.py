"""Work that training can do without: what goes wrong in it is a line, not an end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import AlexNetError, first_line


@contextmanager
def optional(what: str, log: Callable[[str], None]) -> Iterator[None]:
    """If the block raises an error, `log` what is missing and why, and go on."""
    try:
        yield
    # A library may raise anything, and hours of training are worth more than a figure.
    except Exception as error:
        said = f"{what} could not be written: {first_line(error)}"
        if isinstance(error, AlexNetError):
            said = str(error)  # which says it already
        log(f"warning: {said}; `alexnet train --resume` makes it later")
