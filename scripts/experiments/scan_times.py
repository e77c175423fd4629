"""How long it takes to list a folder and to look at all its images, and the most memory.

    python scripts/experiments/scan_times.py FOLDER        twice: the second time reads none
    python scripts/experiments/scan_times.py FOLDER --draw 1000000 --classes 1000
    python scripts/experiments/scan_times.py FOLDER --train

`--draw` first fills FOLDER with so many small images, no two of which look alike.
`--train` does what training does before TensorFlow starts: decodes and splits them.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_cli.dataset.known_images import examined
from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.recipe.configs import build_recipe


def main() -> None:
    """Print the times, and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draw", type=int, default=0)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--train", action="store_true")
    options = parser.parse_args()
    if options.draw:
        draw(options.folder, options.draw, options.classes)
    begun = time.process_time()
    source = open_source(options.folder)
    listed = time.process_time()
    if options.train:
        data = prepare(source, build_recipe(None, arch="tiny", cache="disk"))
        count, work = sum(data.counts().values()), "decode and split"
    else:
        count, work = sum(1 for _ in examined(source, source.samples)), "look at"
    done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{count:,} images: {listed - begun:.1f} s of CPU to list, {done - listed:.1f} s to "
        f"{work}, at most {peak} MB"
    )


def draw(folder: Path, count: int, classes: int) -> None:
    """Write small JPEG files, no two of which look alike, in turn into the classes."""
    for i in range(classes):
        (folder / f"class{i:04}").mkdir(parents=True, exist_ok=True)
    for i in range(count):
        few = np.random.default_rng(i).integers(0, 256, (6, 6, 3), np.uint8)
        image = Image.fromarray(few).resize((64, 64), Image.Resampling.BICUBIC)
        image.save(folder / f"class{i % classes:04}" / f"{i:08}.jpg", quality=85)


if __name__ == "__main__":
    main()
