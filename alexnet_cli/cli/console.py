"""The one place where text leaves for the terminal: escaped, and messages cut.

Lines about the work go to standard error, results to standard output. No other module of
the commands prints: what is shown may come from strangers' files, and a terminal obeys
the control characters in it.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from ..api.lines import noted
from ..errors import one_line, printable

_STRONG, _ERROR, _WARNING = "1", "1;31", "1;35"
"""Bold, red and magenta: green and yellow are hard to read on white, blue on black."""
_HEADS = {"alexnet: ": _ERROR, "warning: ": _WARNING}
"""Beginnings of lines about the work, and their style."""
_COLUMNS = 80
_NOT_UTF8 = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates that stand for no byte of a name; JSON may hold them."""


def log(text: str = "", good: str = "") -> None:
    """Print a line about the work; once standard error is broken, nowhere.

    `good` is what the line ends with if there is something to be glad of.
    """
    line, stream = one_line(text), sys.stderr
    head = next((x for x in _HEADS if line.startswith(x)), "")
    if head:
        line = f"{_styled(head, _HEADS[head], stream)}{line.removeprefix(head)}"
    try:
        _write(stream, f"{line}{_styled(one_line(good), _STRONG, stream)}\n")
    except (OSError, ValueError):
        discard("stderr")


def notes(lines: Sequence[str]) -> None:
    """Print indented details of the line before, the first of them."""
    for line in noted(lines):
        log(line)


def overwrite(text: str = "", shown: int = 0) -> None:
    """Show `text` in place of the terminal's last line, which stays open; or erase it.

    These are the only control characters that are sent to a terminal. With NO_COLOR no
    escape sequence is among them: `shown`, the cells of that line, are overwritten.
    """
    import click

    if os.environ.get("NO_COLOR"):
        line = f"\r{' ' * shown}\r{one_line(text)}"
    else:
        line = f"\r{one_line(text)}\x1b[K"
    try:
        # On Windows it translates them.
        click.echo(_encodable(line, sys.stderr), err=True, nl=False)
    except (OSError, ValueError):
        discard("stderr")


def columns() -> int:
    """Cells of a line of the terminal that lines about the work go to."""
    with contextlib.suppress(KeyError, ValueError):
        return max(int(os.environ["COLUMNS"]), 1)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (OSError, ValueError, AttributeError):
        return _COLUMNS


def result(text: str) -> None:
    """Print the result of work that is done, and kept elsewhere, as one line.

    A broken standard output thus is no error.
    """
    try:
        _write(sys.stdout, f"{_styled(printable(text), _STRONG, sys.stdout)}\n")
    except (OSError, ValueError) as error:
        discard("stdout")
        if not isinstance(error, BrokenPipeError):
            log(f"warning: standard output: {getattr(error, 'strerror', None) or error}")


def output(lines: Iterable[str], strong: tuple[str, ...] = ()) -> None:
    """Print results for people, a line for each of `lines`, of any length.

    Lines that begin with one of `strong` catch the eye.
    """
    stream = sys.stdout
    styled = (
        _styled(printable(x), _STRONG if strong and x.startswith(strong) else "", stream)
        for x in lines
    )
    _write(stream, "".join(f"{x}\n" for x in styled))


def raw(text: str) -> None:
    """Print `text` for programs, in UTF-8 and as it is; on a terminal, as `output` does.

    Names of files that are not UTF-8 keep their bytes.
    """
    stream = sys.stdout
    buffer = getattr(stream, "buffer", None)
    if buffer is None or stream.isatty():
        output(text.split("\n"))
        return
    stream.flush()
    clean = _NOT_UTF8.sub("\N{REPLACEMENT CHARACTER}", text)
    buffer.write(f"{clean}\n".encode("utf-8", "surrogateescape"))
    buffer.flush()


def _write(stream: TextIO | None, text: str) -> None:
    """Write `text`; what the stream's encoding lacks is escaped."""
    if stream is None:
        return
    stream.write(_encodable(text, stream))
    stream.flush()


def _styled(text: str, style: str, stream: TextIO | None) -> str:
    """`text` in a style of a terminal, if `stream` is one that has them."""
    return f"\x1b[{style}m{text}\x1b[0m" if text and style and _colored(stream) else text


def _colored(stream: TextIO | None) -> bool:
    """Whether to send colors, by the variables that no-color.org and others agree on."""
    known = os.environ.get
    if known("NO_COLOR"):
        return False
    if any(known(x, "0") not in ("", "0") for x in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if known("TERM") == "dumb" or known("CLICOLOR") == "0":
        return False
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False  # It was closed.


def _encodable(text: str, stream: TextIO | None) -> str:
    """`text`, in which what the stream's encoding lacks is escaped."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def discard(name: str) -> None:
    """Let "stdout" or "stderr" go nowhere from now on.

    What a broken stream still holds would be written, and fail again, when Python ends.
    """
    stream = getattr(sys, name)
    try:
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
    except (OSError, ValueError):
        # It has no descriptor, or was closed.
        setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        return
    os.dup2(null, number)
    os.close(null)
