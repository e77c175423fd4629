"""`alexnet serve`: predictions over HTTP."""

from pathlib import Path

import click

from ..errors import RecipeError
from . import console
from .arguments import MODEL

_MIB = 2**20


@click.command("serve")
@MODEL
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
    type=click.FloatRange(0.1, 3600),
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
    help="What TensorFlow Serving's clients call it. [default: the directory's name]",
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
    directory is used as soon as it is there. SIGTERM and Ctrl-C end the server once what
    it has accepted is answered; a second one ends it at once.
    """
    _require_extra()
    from ..serving.server import serve
    from ..serving.settings import Settings

    settings = Settings(
        model=model,
        name=name or model.resolve().name,
        host=host,
        port=port,
        max_bytes=max_bytes,
        max_queue=max_queue,
        timeout=timeout,
        top=top,
        access_log=access_log,
    )
    serve(settings, console.log)


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
