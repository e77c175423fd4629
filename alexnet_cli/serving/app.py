"""The routes of the server, and what each of them answers."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import printable
from . import pages, tf_serving
from .bodies import MULTIPART, media_type, require_image_type
from .multipart import files_of
from .refusals import Refused, error_response, json_response
from .service import Service
from .tf_calls import tf_verb
from .watched import Watched

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CLOSED_BY_CLIENT = 499
"""Nobody hears it; the name that nginx gave it."""
Handler = Callable[[Request], Awaitable[Response]]


def new_app(service: Service) -> Starlette:
    """The ASGI application that answers with `service`."""
    served = _Served(service)
    routes = [
        Route("/predict", served.predict, methods=["POST"]),
        Route("/healthz", served.healthz),
        Route("/metrics", served.metrics),
        Route("/v1/models/{call:path}", served.tf_serving, methods=["GET", "POST"]),
        *pages.routes(service),
    ]
    handlers: dict[Any, Any] = {
        Refused: _refused,
        HTTPException: _http_error,
        ClientDisconnect: _disconnected,
        Exception: _failed,
    }
    watched = Middleware(Watched, service=service)
    app = Starlette(routes=routes, middleware=[watched], exception_handlers=handlers)
    # An address with / at its end is as unknown as any other.
    app.router.redirect_slashes = False
    return app


class _Served:
    """The answers to requests."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def predict(self, request: Request) -> Response:
        """The classes of the image that is the body, or of each file in it."""
        require_image_type(request)
        body, deadline = self._body(request)
        several = media_type(request) == MULTIPART
        async with body as data:
            if several:
                most = self.service.settings.max_queue
                files = await files_of(request.headers, data, most)
            else:
                files = [("", data)]
            images = [x for _, x in files]
            found = await self.service.predict(request, images, deadline)
        names = [x for x, _ in files]
        top = self.service.settings.top
        answers = [x.to_dict(n, top) for n, x in zip(names, found, strict=True)]
        content = {"predictions": answers} if several else {}
        if all(x.error for x in found):
            status = 413 if all(x.oversized for x in found) else 422
            error = f"{names[0] or 'the file'} {found[0].error}"
            return json_response({"error": error, **content}, status)
        return json_response(content or answers[0])

    async def tf_serving(self, request: Request) -> Response:
        """What TensorFlow Serving would answer."""
        own = self.service.settings.name
        verb = tf_verb(request.path_params["call"], own)
        run = self.service.model.classifier.run
        side, classes = run.preprocess.stored_size, len(run.classes)
        if request.method == "POST" and verb == "predict":
            return await self._tf_predict(request, side)
        if request.method == "POST" or verb == "predict":
            method = "POST" if verb == "predict" else "GET, HEAD"
            raise HTTPException(405, headers={"Allow": method})
        if verb == "metadata":
            return json_response(tf_serving.metadata(own, side, classes))
        return json_response(tf_serving.status())

    async def _tf_predict(self, request: Request, side: int) -> Response:
        body, deadline = self._body(request)
        most = self.service.settings.max_queue
        async with body as data:
            call = await asyncio.to_thread(tf_serving.parse, data, side, most)
            found = await self.service.predict(request, call.images, deadline)
        return json_response(tf_serving.answer(call, found))

    async def healthz(self, request: Request) -> Response:
        """Whether new requests should be sent here."""
        if self.service.draining:
            return json_response({"status": "draining"}, 503)
        return json_response({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Prometheus' text."""
        service = self.service
        text = service.metrics.text(service.settings.name, service.model.classifier)
        return Response(text, headers={"Content-Type": _METRICS_TYPE})

    def _body(self, request: Request) -> tuple[Any, float]:
        """The body, to be read in a block, and when the answer is due.

        Raises:
            Refused: 429, there is no room for even one image.
        """
        self.service.batcher.require_room()
        deadline = self.service.deadline()
        return self.service.bodies.read(request, deadline), deadline


async def _refused(request: Request, error: Refused) -> Response:
    return error_response(error)


async def _http_error(request: Request, error: HTTPException) -> Response:
    headers, detail = dict(error.headers or {}), error.detail
    if methods := sorted(re.findall(r"\w+", headers.get("Allow", ""))):
        headers["Allow"] = ", ".join(methods)
        detail = f"needs {' or '.join(x for x in methods if x != 'HEAD')}"
    text = f"{request.method} {printable(request.url.path)[:200]}: {detail}"
    return error_response(Refused(error.status_code, text, headers))


async def _disconnected(request: Request, error: ClientDisconnect) -> Response:
    return Response(status_code=_CLOSED_BY_CLIENT)


async def _failed(request: Request, error: Exception) -> Response:
    return error_response(Refused(500, "the server failed; its log says why"))
