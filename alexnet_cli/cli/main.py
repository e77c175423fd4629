"""The `alexnet` command itself: its help, its errors, and its commands.

Nothing is imported before it is needed, so that `alexnet --help` prints at once.
"""

import locale
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.exceptions import Abort, Exit

from ..backend.signals import raising_signals
from ..errors import AlexNetError, first_line
from ..version import __version__

COMMANDS = {
    "train": "Train a network on the class folders of DATA.",
    "evaluate": "Evaluate a trained network on images of known classes.",
    "predict": "Predict the class of each IMAGE.",
    "export": "Write a run in formats that other programs run, and prove each of them.",
    "benchmark": "Compare how well and how fast the models of a run answer.",
    "serve": "Answer requests over HTTP with the classes of the images they send.",
    "runs": "List all runs below DIR in one table.",
    "push": "Upload a run or its exported models to the Hugging Face hub.",
    "import": "Make a run directory from WEIGHTS that others trained.",
    "models": "List the networks, or the layers of NETWORK.",
    "prepare": "Write the images of DATA once, resized, as shards for `alexnet train`.",
    "fetch": "Download the five flowers (229 MB) or weights trained on ImageNet (233 MB).",
    "sample": "Draw a small synthetic data set into FOLDER, to try things out offline.",
    "doctor": "Check a folder of images for problems; exit with 1 if there are any.",
    "env": "Print versions, processor and devices: what a bug report needs.",
}
"""The first sentence of each command's help; the rest is in the module of its name."""
ALIASES = {"val": "evaluate"}
"""Names that other tools have made a habit."""


class Main(click.Group):
    """A group that ends on one line and a documented exit code, never a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command called `name`, if there is one."""
        name = ALIASES.get(name, name)
        if name not in COMMANDS:
            return None
        # One module per command, because building the options of `train` takes time.
        file = "import_weights" if name == "import" else name
        module = import_module(f".{file}", __package__)
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse `args`; a verbose --version is the command env."""
        if sorted(args) in (["--version", "-v"], ["--verbose", "--version"]):
            args = ["env"]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with, and the rest; an unknown one gets a hint."""
        if ctx.resilient_parsing:  # What is completed is not whole yet.
            return super().resolve_command(ctx, args)
        from .hints import check_habits, command_hint, with_hint

        name, command = args[0], self.get_command(ctx, args[0])
        if command is None and not name.startswith("-"):
            text = f"No such command {name!r}"
            raise click.UsageError(with_hint(text, command_hint(name, COMMANDS)), ctx)
        if command is not None:
            check_habits(args[1:], click.Context(command, ctx, name))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command is for, without loading it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that the arguments name, with streams that can be used."""
        if not args and kwargs.get("args") is None:
            _use_utf8()
        _open_streams()
        try:
            with _warnings_as_lines():
                return super().main(*args, **kwargs)
        except OSError as error:
            # Help and version are printed before a command is invoked.
            sys.exit(_report(error, "alexnet"))
        finally:
            _flush_streams()

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """The context of the arguments; one that is wrong ends the command with a line."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                raise
            raise Exit(_report(error, "alexnet")) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error becomes one line and the exit code of its class."""
        ctx.obj = time.monotonic()
        try:
            with raising_signals():
                return super().invoke(ctx)
        except (Exit, Abort, BrokenPipeError):
            raise
        # Whatever it is: users are not shown a traceback that they did not ask for.
        except (Exception, KeyboardInterrupt) as error:
            # click's parser does not know the command whose option lacks its value.
            words = (ctx.command_path, ctx.invoked_subcommand)
            ctx.exit(_report(error, " ".join(filter(None, words))))


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """In the block, print what a library warns of as a line, escaped as all others are."""

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        from . import console

        console.log(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _report(error: BaseException, path: str) -> int:
    """Print what `error` was; the exit code of the command `path` that it ends."""
    from . import console

    message, code = _explained(error, path)
    if os.environ.get("ALEXNET_DEBUG", "0") not in ("", "0"):
        for line in "".join(traceback.format_exception(error)).rstrip().splitlines():
            console.log(line)
    console.log(f"alexnet: {message}")
    return code


def _explained(error: BaseException, path: str) -> tuple[str, int]:
    """One line about `error`, and the exit code of the command `path` that it ends."""
    if isinstance(error, click.UsageError):
        from .hints import usage_text

        text = usage_text(error)
        path = error.ctx.command_path if error.ctx else path
        return f"{text} (see {path} --help)", error.exit_code
    if isinstance(error, AlexNetError):
        return _with_notes(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        number = getattr(error, "number", signal.SIGINT)  # of a Signaled
        return _with_notes(error, "interrupted"), 128 + number
    name, text = type(error).__name__, first_line(error)
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":
        # The latter is TensorFlow's.
        text = "there is not enough memory"
    elif isinstance(error, OSError):
        file = error.filename if isinstance(error.filename, str | bytes) else ""
        where = f"{os.fsdecode(file)}: " if file else ""
        text = f"{where}{text}"
    else:
        text = (
            f"unexpected {name}{text and f': {text}'}; ALEXNET_DEBUG=1 prints the traceback"
        )
    return _with_notes(error, text), AlexNetError.exit_code


def _with_notes(error: BaseException, text: str = "") -> str:
    """The message with what to do next, which was noted where that was known."""
    return "; ".join([text or str(error), *getattr(error, "__notes__", ())])


def _use_utf8() -> None:
    """Start this program again in Python's UTF-8 mode, where names would be read otherwise.

    What the classes of a folder are called must not depend on a locale, and TensorFlow
    takes only UTF-8. What is printed stays in the encoding of the locale.
    """
    if sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    os.environ.setdefault("PYTHONIOENCODING", locale.getencoding())
    os.environ["PYTHONUTF8"] = "1"  # for processes that this one starts
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _open_streams() -> None:
    """Open closed streams on the null device, so that no file takes their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest number that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _flush_streams() -> None:
    """Write what is left; Python would complain about a broken stream when it ends."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (OSError, ValueError):
            from . import console

            console.discard(name)


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="alexnet")
def main() -> None:
    """Train, evaluate and use AlexNet image classifiers.

    \b
    alexnet sample shapes                 draws images to try things out with
    alexnet train shapes/photos           or any folder with a folder for each class
    alexnet evaluate                      on the images that were held out
    alexnet predict photo.jpg

    Exit codes: 0 success; 1 a check failed; 2 wrong usage; 3 the work could not
    be done; 130 interrupted (143 by SIGTERM, 129 by SIGHUP).
    """
