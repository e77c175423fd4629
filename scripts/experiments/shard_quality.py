"""By how much JPEG in shards moves the images that training keeps, and what space it takes.

    python scripts/experiments/shard_quality.py flower_photos --size 256 --every 10

For each quality, in levels of 255 and over all pixels: the root mean square of the move, that of
the image that moves most, what 999 of 1,000 pixels move by at most; and bytes per image.
"""

import argparse
from pathlib import Path

import numpy as np

from alexnet_cli.dataset import images
from alexnet_cli.dataset.shards.encoding import encode
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.preprocess import Preprocess


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--every", type=int, default=1, help="use each so-manieth image")
    options = parser.parse_args()
    size = options.size
    preprocess = Preprocess("crop", size, size, None, (1.0, 1.0, 1.0))
    source = open_source(options.data)
    samples = source.samples[:: options.every]
    stored = [images.load(source.read(x), preprocess) for x in samples]
    print(
        f"{len(stored)} images of {size} pixels, {3 * size * size:,} bytes each as they are"
    )
    print("quality  rms  worst image  99.9 %  bytes")
    for quality in (85, 90, 95, 98, 100):
        files = [encode(x, "jpeg", quality) for x in stored]
        seen = (images.load(x, preprocess) for x in files)
        moved = np.array(
            [abs(x.astype(int) - y) for x, y in zip(stored, seen, strict=True)], np.uint8
        )
        each = np.sqrt((moved.astype(np.float32) ** 2).mean(axis=(1, 2, 3)))
        print(
            f"{quality:7}  {np.sqrt((each**2).mean()):.2f}  {each.max():11.2f}  "
            f"{np.percentile(moved, 99.9):6.0f}  {sum(map(len, files)) // len(files):,}"
        )


if __name__ == "__main__":
    main()
