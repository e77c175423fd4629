"""`alexnet serve`: predictions over HTTP."""

import re
from pathlib import Path

import click

from ..errors import RecipeError
from . import console
from .arguments import ANY_MODEL, NumberRange

_MIB = 2**20


def _name(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """The value of --name, which has to be one part of an address."""
    if value is not None and not re.fullmatch("[^/:]+", value):
        raise click.BadParameter(
            f"'{value}' cannot stand in /v1/models/NAME:predict: a name is not "
            f"empty and has no / and no :"
        )
    return value


@click.command("serve")
@ANY_MODEL
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 lets other machines in.",
)
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes any free one.",
)
@click.option(
    "--max-bytes",
    default=16 * _MIB,
    show_default=True,
    type=click.IntRange(1, 512 * _MIB),
    help="Largest body of a request.",
)
@click.option(
    "--max-queue",
    default=256,
    show_default=True,
    type=click.IntRange(1),
    help="How many images may wait for the network.",
)
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    type=NumberRange(0.1, 3600),
    help="Seconds after which a request is answered with an error.",
)
@click.option(
    "--top",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="How many classes to answer with per image.",
)
@click.option(
    "--name",
    callback=_name,
    help="What TensorFlow Serving's clients call it; without / and :. [default: the "
    "directory's name]",
)
@click.option("--access-log", is_flag=True, help="Print a line for each request.")
def serve_command(
    *,
    model: Path,
    host: str,
    port: int,
    max_bytes: int,
    max_queue: int,
    timeout: float,
    top: int,
    name: str | None,
    access_log: bool,
) -> None:
    """Answer requests over HTTP with the classes of the images they send.

    POST an image to /predict, or open / in a browser. A new run in the place of the
    directory is used as soon as it is there. SIGTERM, SIGINT and SIGHUP answer what was
    accepted and end with 0; a second one ends the server at once.
    """
    _require_extra()
    from ..serving.server import serve
    from ..serving.settings import Settings

    settings = Settings(
        model=model,
        name=name or _default_name(model.resolve()),
        host=host,
        port=port,
        max_bytes=max_bytes,
        max_queue=max_queue,
        timeout=timeout,
        top=top,
        access_log=access_log,
    )
    serve(settings, console.log)


def _default_name(model: Path) -> str:
    """The name of the directory; of a file without one, its own."""
    from ..inference.export_record import RECORD
    from ..run.digests import RUN_JSON

    name = model.stem if model.is_file() else model.name
    own = (model / RECORD).is_file() or (model / RUN_JSON).is_file()
    if not own and any((model.parent / x).is_file() for x in (RECORD, RUN_JSON)):
        name = model.parent.name
    return re.sub("[/:]", "_", name) or "model"


def _require_extra() -> None:
    """Check that the extra `serve` is installed.

    Raises:
        RecipeError: it is not.
    """
    try:
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise RecipeError(
            "alexnet serve needs Starlette and uvicorn: pip install 'alexnet[serve]'"
        ) from error
