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
from ..inference.prediction import Prediction
from . import pages, tf_serving
from .bodies import MULTIPART, files_of, media_type, require_image_type
from .refusals import Refused, error_response, json_response
from .service import Service
from .watched import Watched

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# The wording of `dataset.images`; a test holds both together.
_TOO_MANY_PIXELS = re.compile(r"has \d+ x \d+ pixels, more than ")
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
    return Starlette(routes=routes, middleware=[watched], exception_handlers=handlers)


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
        if all(x.error for x in found):
            raise _unreadable(names[0], found[0].error)
        top = self.service.settings.top
        answers = [_answer(n, x, top) for n, x in zip(names, found, strict=True)]
        return json_response({"predictions": answers} if several else answers[0])

    async def tf_serving(self, request: Request) -> Response:
        """What TensorFlow Serving would answer."""
        call = request.path_params["call"]
        name, version, verb = _parts(call)
        own = self.service.settings.name
        if name != own or version not in ("", tf_serving.VERSION):
            raise Refused(404, f"there is no model {printable(name)[:200]}; there is {own}")
        run = self.service.model.classifier.run
        side, classes = run.preprocess.stored_size, len(run.classes)
        if request.method == "POST" and verb == "predict":
            return await self._tf_predict(request, side)
        if request.method == "POST" or verb == "predict":
            method = "POST" if verb == "predict" else "GET, HEAD"
            raise Refused(405, f"this needs {method}", {"Allow": method})
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


def _parts(call: str) -> tuple[str, str, str]:
    """Name, version or "", and verb or "" of NAME[/versions/V][:predict | /metadata]."""
    for ending in (":predict", "/metadata"):
        if call.endswith(ending):
            return *_parts(call.removesuffix(ending))[:2], ending[1:]
    name, found, version = call.partition("/versions/")
    return (name, version, "") if found else (call, "", "")


def _answer(name: str, prediction: Prediction, top: int) -> dict[str, Any]:
    """What `alexnet predict --json` says about the file `name`."""
    ranked = prediction.top(top)
    classes = [{"label": n, "probability": round(p, 6)} for n, p in ranked]
    error = prediction.error
    result = {"error": error} if error else {"answer": prediction.label}
    return {"file": name, **result, "classes": classes}


def _unreadable(name: str, error: str) -> Refused:
    status = 413 if _TOO_MANY_PIXELS.match(error) else 422
    return Refused(status, f"{name or 'the image'} {error}")


async def _refused(request: Request, error: Refused) -> Response:
    return error_response(error)


async def _http_error(request: Request, error: HTTPException) -> Response:
    text = f"{request.method} {printable(request.url.path)[:200]}: {error.detail}"
    return error_response(Refused(error.status_code, text, error.headers))


async def _disconnected(request: Request, error: ClientDisconnect) -> Response:
    return Response(status_code=_CLOSED_BY_CLIENT)


async def _failed(request: Request, error: Exception) -> Response:
    return error_response(Refused(500, "the server failed; its log says why"))
