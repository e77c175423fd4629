"""The files in a multipart body."""

import math
import re
import sys
from collections.abc import AsyncGenerator
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from ..errors import printable
from .refusals import Refused

_MAX_FIELDS = 100
# Source: RFC 8187; the parser passes over it, as RFC 7578 forbids it in forms.
_EXTENDED = re.compile(rb";\s*filename\*\s*=\s*[\w-]*'[^';]*'([^;\s]+)", re.IGNORECASE)


async def files_of(
    headers: Headers, body: bytes, max_files: int
) -> list[tuple[str, bytes]]:
    """The name, perhaps "", and content of each file in a multipart body, in order.

    Raises:
        Refused: 400, it is malformed, or has no file; 413, it has too many.
    """
    try:
        parser = _InMemory(headers, body, max_files)
        form: FormData = await parser.parse()
    except (MultiPartException, KeyError, ValueError, LookupError) as error:
        reason = getattr(error, "message", "") or f"it has no usable {error}"
        raise Refused(400, f"the multipart body is malformed: {reason}") from error
    if body and not parser.ended:
        raise Refused(400, "the multipart body is malformed: its end is missing")
    uploads = [x for _, x in form.multi_items() if isinstance(x, UploadFile)]
    if not uploads:
        raise Refused(
            400,
            "there is no file in the multipart body: a part needs a file name, or the "
            "Content-Type of an image",
        )
    return [(printable(x.filename or ""), await x.read()) for x in uploads]


class _InMemory(MultiPartParser):
    """Keeps files in memory, where the body is already, and not on a disk."""

    spool_max_size = sys.maxsize

    def __init__(self, headers: Headers, body: bytes, most: int) -> None:
        stream = _stream(body)
        super().__init__(headers, stream, max_files=math.inf, max_fields=_MAX_FIELDS)
        self.most, self.files, self.ended = most, 0, False

    def on_headers_finished(self) -> None:
        """Begin a part; one of an image is a file, however it is named."""
        part = self._current_part
        if part.content_disposition:
            kinds = [x for name, x in part.item_headers if name == b"content-type"]
            part.content_disposition = _named(part.content_disposition, kinds)
        super().on_headers_finished()
        self.files += part.file is not None
        if self.files > self.most:
            raise Refused(413, f"the multipart body has more than {self.most} files")

    def on_end(self) -> None:
        """Know that the last boundary was there."""
        self.ended = True


def _named(disposition: bytes, kinds: list[bytes]) -> bytes:
    """`disposition` with a file name, if it tells one or the part is an image."""
    if b"filename" in parse_options_header(disposition)[1]:
        return disposition
    extended = _EXTENDED.search(disposition)
    if not extended and not any(x.lower().startswith(b"image/") for x in kinds):
        return disposition
    name = unquote_to_bytes(extended.group(1)) if extended else b""
    escaped = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return disposition + b'; filename="' + escaped + b'"'


async def _stream(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
    yield b""
