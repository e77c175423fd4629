"""How long it takes to list a folder and to look at all its images, and the most memory.

    python scripts/experiments/scan_times.py FOLDER        twice: the second time reads none
    python scripts/experiments/scan_times.py FOLDER --draw 100000

`--draw` first fills FOLDER with so many small images of 100 classes, each of other bytes.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_cli.dataset.known_images import examined
from alexnet_cli.dataset.shards.encoding import encode
from alexnet_cli.dataset.sources.open import open_source


def main() -> None:
    """Print the times, and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draw", type=int, default=0)
    options = parser.parse_args()
    if options.draw:
        draw(options.folder, options.draw)
    begun = time.process_time()
    source = open_source(options.folder)
    listed = time.process_time()
    count = sum(1 for _ in examined(source, source.samples))
    done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{count:,} images: {listed - begun:.1f} s of CPU to list, {done - listed:.1f} s to "
        f"look at, at most {peak} MB"
    )


def draw(folder: Path, count: int) -> None:
    """Write small JPEG files, each with another comment."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(1000):
        small = Image.fromarray(rng.integers(0, 255, (6, 6, 3), np.uint8))
        files.append(encode(np.asarray(small.resize((64, 64))), "jpeg", 85))
    for i in range(min(count, 100)):
        (folder / f"class{i:03}").mkdir(parents=True, exist_ok=True)
    for i in range(count):
        start, rest = files[i % 1000][:2], files[i % 1000][2:]
        comment = b"\xff\xfe\x00\x0c%010d" % i
        (folder / f"class{i % 100:03}" / f"{i:08}.jpg").write_bytes(start + comment + rest)


if __name__ == "__main__":
    main()
