"""Keeps connections to a server of /predict busy, and prints what came of it as JSON.

    python scripts/benchmarks/serving_load.py PORT CONNECTIONS SECONDS

A process of its own, so that it does not share an interpreter with a server; loopback only.
"""

import asyncio
import io
import json
import re
import sys
import time
from dataclasses import dataclass

import numpy as np
from PIL import Image

PICTURES = 32
SIZE = (500, 375)


def picture(seed: int) -> bytes:
    """A JPEG of colored clouds, the size of a photograph of the five flowers."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8))
    out = io.BytesIO()
    coarse.resize(SIZE, Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def multipart(data: bytes) -> tuple[bytes, str]:
    """A form with one file, and its type; both servers read that."""
    head = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n'
    body = head + b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n--xx--\r\n"
    return body, "multipart/form-data; boundary=xx"


@dataclass(frozen=True)
class Found:
    """What the connections of a load have found."""

    times: list[float]
    """Seconds of each answered request."""
    errors: list[str]


async def load(port: int, connections: int, seconds: float) -> dict:
    """Keep `connections` busy for `seconds`; what came of it."""
    bodies = [multipart(picture(i)) for i in range(PICTURES)]
    requests = [
        f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        for body, kind in bodies
    ]  # fmt: skip
    times: list[float] = []
    errors: list[str] = []
    found = Found(times, errors)
    began = time.monotonic()
    ends = began + seconds
    async with asyncio.timeout(seconds + 90):
        workers = [client(port, requests, i, ends, found) for i in range(connections)]
        await asyncio.gather(*workers)
    took = time.monotonic() - began
    p50, p99 = np.percentile(times, (50, 99)) if times else (float("nan"),) * 2
    return {
        "requests": len(times), "per_second": len(times) / took, "p50_ms": p50 * 1000,
        "p99_ms": p99 * 1000, "errors": len(errors), "error_kinds": sorted(set(errors)),
    }  # fmt: skip


async def client(port, requests, number, ends, found) -> None:
    """One connection's requests, one after the other; a broken one is opened again."""
    stream = None
    while time.monotonic() < ends:
        number += 1
        began = time.monotonic()
        try:
            stream = stream or await asyncio.open_connection("127.0.0.1", port)
            status, keep = await ask(*stream, requests[number % len(requests)])
        except (OSError, asyncio.IncompleteReadError) as error:
            found.errors.append(type(error).__name__)
            stream = None
            await asyncio.sleep(0.05)
            continue
        if status == 200:
            found.times.append(time.monotonic() - began)
        else:
            found.errors.append(str(status))
        if not keep:
            stream[1].close()
            stream = None
    if stream:
        stream[1].close()


async def ask(reader: asyncio.StreamReader, writer, request: bytes) -> tuple[int, bool]:
    """The status of the answer to `request`, and whether the connection stays open."""
    writer.write(request)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = re.search(rb"content-length: (\d+)", head)
    await reader.readexactly(int(length.group(1)) if length else 0)
    return int(head.split(b" ")[1]), b"connection: close" not in head


if __name__ == "__main__":
    found = asyncio.run(load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(found))
