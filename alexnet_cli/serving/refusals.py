"""Refused: a request that is answered with an error, and how answers are written."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


class Refused(Exception):
    """A request cannot be answered; caught in `app.py`, never ends the server."""

    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """`message` is one line; `status` is HTTP's."""
        super().__init__(message)
        self.status, self.headers = status, headers


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`value` as JSON, in ASCII: names of classes need not be valid Unicode."""
    text = json.dumps(value) + "\n"
    return Response(text, status, headers, media_type="application/json")


def error_response(error: Refused) -> Response:
    """The JSON of a refusal: {"error": "one line"}."""
    return json_response({"error": str(error)}, error.status, error.headers)
