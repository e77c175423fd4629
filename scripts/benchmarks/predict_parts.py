"""What a photo costs `alexnet predict`, in milliseconds of one core, part by part.

    python scripts/benchmarks/predict_parts.py saved/ flower_photos

Processor time, so that other work on the machine matters little; the mean of 600 photos.
"""

import hashlib
import io
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from comparison import images_below
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats import identify
from alexnet_cli.dataset.standardize import views
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import BATCH

COUNT = 600


def main(run: str, folder: str) -> None:
    """Print a line for each part, and for all of them together."""
    files = sorted(images_below(Path(folder)))[::3][:COUNT]
    data = [x.read_bytes() for x in files]
    classifier = Classifier(run)
    preprocess = classifier.run.preprocess
    opened = [
        images.open_image(x, min_side=images.REDUCED * preprocess.stored_size).image
        for x in data
    ]
    pixels = np.stack([images.load(x, preprocess) for x in data])
    batches = [pixels[i : i + BATCH] for i in range(0, COUNT // BATCH * BATCH, BATCH)]
    inputs = [
        next(iter(views(x, preprocess, classifier.mean_image, "none"))) for x in batches
    ]
    parts: dict[str, Callable[[], object]] = {
        "read": lambda: [images.read(x) for x in files],
        "SHA-256": lambda: [hashlib.sha256(x).hexdigest() for x in data],
        "header": lambda: [
            Image.open(io.BytesIO(x), formats=identify.COMMON) for x in data
        ],
        "decode, with the header": lambda: [
            images.open_image(x, min_side=images.REDUCED * preprocess.stored_size)
            for x in data
        ],
        "resize": lambda: [
            images.square(x, preprocess.resize_mode, preprocess.stored_size) for x in opened
        ],
        "standardize, each view": lambda: [
            list(views(x, preprocess, classifier.mean_image, "none")) for x in batches
        ],
        "network, each view": lambda: [classifier.network(x) for x in inputs],
        f"all ({classifier.tta})": lambda: classifier(files),
    }
    for name, work in parts.items():
        work()
        before = seconds()
        work()
        print(f"{name:24} {1000 * (seconds() - before) / COUNT:.3f} ms")


def seconds() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
