"""The `alexnet` command itself: its help, its errors, and its commands.

Nothing is imported before it is needed, so that `alexnet --help` prints at once.
"""

import time
from importlib import import_module
from typing import Any

import click

from .. import __version__
from ..errors import AlexNetError, Interrupted, printable

COMMANDS = {
    "train": "Train a network on the class folders of DATA.",
    "evaluate": "Evaluate a trained network on images of known classes.",
    "predict": "Predict the class of each IMAGE.",
    "import": "Make a run directory from WEIGHTS that others trained.",
    "models": "List the networks, or the layers of NETWORK.",
    "fetch": "Download the five flowers (229 MB) or weights trained on ImageNet (233 MB).",
    "sample": "Draw a small synthetic data set into FOLDER, to try things out offline.",
    "doctor": "Check a folder of images for problems; exit with 1 if there are any.",
}
"""The first sentence of each command's help; the rest is in the module of its name."""


class Main(click.Group):
    """A group that ends on one line and a documented exit code, never a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command called `name`, if there is one."""
        if name not in COMMANDS:
            return None
        # One module per command, because building the options of `train` takes time.
        file = "import_weights" if name == "import" else name
        module = import_module(f".{file}", __package__)
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command is for, without loading it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error becomes one line and the exit code of its class."""
        ctx.obj = time.monotonic()
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            text = " ".join(error.format_message().split()).removesuffix(".")
            path = (error.ctx or ctx).command_path
            message, code = f"{text} (see {path} --help)", error.exit_code
        except AlexNetError as error:
            message, code = str(error), error.exit_code
        except KeyboardInterrupt:
            message, code = "interrupted", Interrupted.exit_code
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            where = f"{printable(error.filename)}: " if error.filename else ""
            message, code = f"{where}{error.strerror or error}", AlexNetError.exit_code
        from . import console

        console.log(f"alexnet: {message}")
        ctx.exit(code)


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="alexnet")
def main() -> None:
    """Train, evaluate and use AlexNet image classifiers.

    Exit codes: 0 success; 1 a check failed; 2 wrong usage; 3 the work could not
    be done; 130 interrupted.
    """
