"""Decode mutated image files and watch for crashes, hangs and memory.

    python scripts/experiments/fuzz.py FOLDER [--count 10000] [--seed 0]

FOLDER holds real images of many formats. Every mutation must end in pixels or in an
ImageError, within SECONDS and MEGABYTES; a JPEG in the same ones if simplejpeg is hidden,
also at a reduced size. Prints how often each happened; exit code 1 if anything else did.
A mutation is named by its seed, which repeats it.
"""

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

from alexnet_cli.dataset import images, jpeg
from alexnet_cli.errors import ImageError

SECONDS, MEGABYTES = 5.0, 600
MAX_PIXELS = 20_000_000
MIN_SIDE = 64


def mutated(data: bytes, rng: random.Random) -> bytes:
    """`data` with one to four changes: flips, cuts, copies, swaps, magic numbers."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not out:
            break
        at = rng.randrange(len(out))
        match rng.randrange(6):
            case 0:
                for _ in range(rng.randint(1, 16)):
                    out[rng.randrange(len(out))] = rng.randrange(256)
            case 1:
                del out[at:]
            case 2:
                del out[at : at + rng.randint(1, 200)]
            case 3:
                out[at:at] = out[at : at + rng.randint(1, 200)]
            case 4:
                # Headers are where sizes and offsets stand.
                at = rng.randrange(min(len(out), 64))
                out[at : at + 4] = rng.choice(
                    (
                        b"\xff\xff\xff\xff",
                        b"\0\0\0\0",
                        b"\x7f\xff\xff\xff",
                        b"\xff\xd9\xff\xd9",
                    )
                )
            case 5:
                out[at : at + 8] = rng.randbytes(8)
    return bytes(out)


def outcome(data: bytes) -> tuple[str, float]:
    """The result of decoding, and its seconds."""
    started = time.perf_counter()
    found = answer(data)
    seconds = time.perf_counter() - started
    if data.startswith(b"\xff\xd8") and not ways_agree(data):
        return "DIFFERENT WITHOUT simplejpeg", seconds
    return ("ImageError" if isinstance(found, str) else "pixels"), seconds


def answer(data: bytes, min_side: int = 0) -> str | tuple[tuple[int, int], bytes]:
    """What is wrong with an image, or its size and pixels."""
    try:
        found = images.open_image(data, MAX_PIXELS, min_side).image
    except ImageError as error:
        return str(error)
    return found.size, found.tobytes()


def ways_agree(data: bytes) -> bool:
    """Whether simplejpeg makes no difference, at full and at reduced size."""
    sides = (0, MIN_SIDE)
    strict, answers = jpeg.STRICT, [answer(data, x) for x in sides]
    jpeg.STRICT = None
    try:
        return answers == [answer(data, x) for x in sides]
    finally:
        jpeg.STRICT = strict


def peak_megabytes() -> float:
    """Peak memory of this process; `getrusage` would count that of its parent too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(x.split(":", 1) for x in lines)
    return int(status["VmHWM"].split()[0]) / 1024


def main() -> None:
    """Decode the mutations and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    files = [
        x
        for x in sorted(args.folder.rglob("*"))
        if x.is_file() and 0 < x.stat().st_size < 300_000
    ]
    contents = [x.read_bytes() for x in files]
    found: Counter[str] = Counter()
    slowest = 0.0
    for i in range(args.seed, args.seed + args.count):
        rng = random.Random(i)
        number = rng.randrange(len(files))
        try:
            result, seconds = outcome(mutated(contents[number], rng))
        except Exception as error:
            result, seconds = f"ESCAPED {type(error).__name__}", 0.0
        if seconds > SECONDS:
            result = "TOO SLOW"
        if result not in ("pixels", "ImageError"):
            print(f"seed {i}: {result}: {files[number]}")
        found[result] += 1
        slowest = max(slowest, seconds)
    memory = peak_megabytes()
    for name, count in found.most_common():
        print(f"{name:12} {count}")
    print(f"slowest {slowest:.2f} s, peak memory {memory:.0f} MB, {len(files)} files")
    sys.exit(bool(set(found) - {"pixels", "ImageError"}) or memory > MEGABYTES)


if __name__ == "__main__":
    main()
