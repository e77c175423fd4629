"""What the address of a TensorFlow Serving request asks for."""

import re

from ..errors import printable
from .refusals import Refused
from .tf_serving import VERSION

_CALL = re.compile(
    r"(?:/versions/(?P<version>\d+))?(?::(?P<post>predict)|/(?P<get>metadata))?", re.ASCII
)


def tf_verb(call: str, own: str) -> str:
    """ "predict", "metadata" or "": what /v1/models/`call` asks of the model `own`.

    Raises:
        Refused: 404, there is no such model, version or verb.
    """
    found = re.match("[^/:]*", call)
    name = found.group() if found else ""
    shown = printable(own)
    if name != own:
        problem = (
            f"there is no model {printable(name)[:200]}" if name else "no model is named"
        )
        raise Refused(404, f"{problem}; there is {shown}")
    asked = _CALL.fullmatch(call.removeprefix(name))
    if not asked:
        raise Refused(404, f"{printable(call)[:200]} is not served; {_served(call, shown)}")
    if asked["version"] not in (None, VERSION):
        raise Refused(
            404,
            f"there is no version {asked['version'][:20]} of {shown}; there is {VERSION}",
        )
    return asked["post"] or asked["get"] or ""


def _served(call: str, own: str) -> str:
    """What is served in the place of `call`."""
    if ":" in call:
        return ":predict is"
    return f"{own}, {own}/versions/{VERSION}, {own}/metadata and {own}:predict are"
