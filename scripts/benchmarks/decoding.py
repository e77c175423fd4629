"""Files per second of both ways to decode a JPEG and know that nothing of it is missing.

    python scripts/benchmarks/decoding.py FOLDER [--sizes 227,256] [--rounds 7]

FOLDER holds photographs, in subfolders or not. Each is decoded and resized as for a
training, by all cores: by Pillow twice, then once by simplejpeg, which refuses what
libjpeg only warns of. Both take turns; the ratio is that of the two in one round. Files
are read first, so the disk does not count.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

from benchmark import machine

from alexnet_cli.backend.devices import usable_cores
from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats import jpeg
from alexnet_cli.dataset.parallel import parallel_map
from alexnet_cli.errors import ImageError
from alexnet_cli.preprocess import Preprocess

STRICT = jpeg.STRICT
WAYS = {"Pillow, twice": None, "simplejpeg": STRICT}


def seconds(contents: list[bytes], size: int, way: str) -> float:
    """Seconds to decode `contents` to squares of `size`; images that are bad count too."""
    preprocess = Preprocess("squash", size, size, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

    def decode(data: bytes) -> bool:
        try:
            images.load(data, preprocess)
        except ImageError:
            return False
        return True

    jpeg.STRICT = WAYS[way]
    started = time.perf_counter()
    good = sum(parallel_map(decode, contents))
    taken = time.perf_counter() - started
    jpeg.STRICT = STRICT
    if not good:
        sys.exit("none of the files is an image")
    return taken


def compare(contents: list[bytes], size: int, rounds: int) -> None:
    """Print a line for each way, its ratio to the first one last."""
    taken: dict[str, list[float]] = {x: [] for x in WAYS}
    for number in range(rounds + 1):
        for way in WAYS:
            found = seconds(contents, size, way)
            # The first round loads libraries.
            if number:
                taken[way].append(found)
    first = taken[next(iter(WAYS))]
    for way, times in taken.items():
        speeds = [len(contents) / x for x in times]
        ratio = statistics.median(a / b for a, b in zip(first, times, strict=True))
        print(
            f"{size:5}  {way:14} {statistics.median(speeds):7.0f} files/s"
            f"  spread {max(speeds) / min(speeds):.2f}  ratio {ratio:.2f}"
        )


def main() -> None:
    """Compare both ways at each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", default="227,256")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if STRICT is None:
        sys.exit("simplejpeg is not installed, or Pillow has no libjpeg-turbo")
    contents = [x.read_bytes() for x in sorted(args.folder.rglob("*")) if x.is_file()]
    print(machine())
    print(f"{len(contents)} files, {usable_cores()} cores, median of {args.rounds} rounds")
    for size in args.sizes.split(","):
        compare(contents, int(size), args.rounds)


if __name__ == "__main__":
    main()
