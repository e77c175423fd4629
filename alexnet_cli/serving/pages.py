"""The page on which a picture is dropped, and the files that it loads."""

from pathlib import Path

import jinja2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import printable
from .service import Service

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
)
_FILES = {"/app.js": "text/javascript", "/app.css": "text/css"}
_FEW = 30
"""Classes that are seen on the page at once; more are listed when that is asked for."""


def routes(service: Service) -> list[Route]:
    """Where the page and its files are."""

    async def page(request: Request) -> Response:
        run, settings = service.model.classifier.run, service.settings
        text = _TEMPLATES.get_template("page.html").render(
            name=printable(settings.name),
            count=len(run.classes),
            classes=[printable(x) for x in run.classes],
            few=_FEW,
            largest=_size(settings.max_bytes),
        )
        return Response(text, media_type="text/html")

    async def no_icon(request: Request) -> Response:
        return Response(status_code=204)

    icon = Route("/favicon.ico", no_icon)
    return [Route("/", page), icon, *(_file(x, kind) for x, kind in _FILES.items())]


def _size(count: int) -> str:
    """`count` bytes as one reads them."""
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"


def _file(path: str, kind: str) -> Route:
    content = (Path(__file__).parent / path[1:]).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind)

    return Route(path, answer)
