"""The socket on which the server listens: bound early, closed without a lost request."""

import contextlib
import ctypes
import errno
import os
import socket
import struct
import sys

from ..errors import AlexNetError, first_line, printable

_ATTACH_FILTER = 26
"""SO_ATTACH_FILTER of Linux, which Python does not name."""
# Classic BPF on the TCP header: drop SYN without ACK, keep all other packets.
_NO_SYN = (
    (0x30, 0, 0, 13),  # load the byte of flags
    (0x54, 0, 0, 0x12),  # and with SYN | ACK
    (0x15, 0, 1, 0x02),  # unless it equals SYN, skip one
    (0x06, 0, 0, 0),  # return 0: drop
    (0x06, 0, 0, 0xFFFFFFFF),  # return all: keep
)


def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound, and does not listen yet.

    Raises:
        AlexNetError: the port is taken, or there is no such host.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AlexNetError(f"--host {printable(host)}: {first_line(error)}") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        own = error.errno in (errno.EADDRINUSE, errno.EACCES)
        advice = "; --port 0 takes any free one" if own else "; choose another --host"
        text = f"{shown(host, port)}: {first_line(error)}{advice}"
        raise AlexNetError(text) from error
    return listener


def shown(host: str, port: int) -> str:
    """The address as a URL has it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def refuse_new(listener: socket.socket) -> None:
    """Let no new connection begin, while those that have begun can still be accepted.

    Closing the socket alone would reset connections that the kernel has made and nobody
    has accepted yet. Where the kernel has no such filters, they still begin.

    Source: Linux, Documentation/networking/filter.rst
    """
    if sys.platform != "linux":
        return
    code = b"".join(struct.pack("HBBI", *x) for x in _NO_SYN)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HP", len(_NO_SYN), ctypes.addressof(buffer))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
