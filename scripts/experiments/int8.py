"""Which converter keeps more accuracy at 8 bits: TensorFlow's, or ai-edge-quantizer's.

    python scripts/experiments/int8.py saved/ flowers/test

Both get the same float32 LiteRT file's network and the same training images to calibrate on.
Printed are size, the part of the images for which the class is the float32 one, the largest
difference of a probability, and top-1 accuracy. Needs `pip install ai-edge-quantizer`.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from ai_edge_quantizer import quantizer, recipe

from alexnet_cli.backend.startup import start_tensorflow
from alexnet_cli.dataset import images
from alexnet_cli.evaluation.evaluate import labeled_folder
from alexnet_cli.export.source import ExportSource
from alexnet_cli.inference.formats import read_network
from alexnet_cli.run.run import Run


def main(folder: str, data: str) -> None:
    """Print a line for each way to 8 bits."""
    start_tensorflow()
    from alexnet_cli.export.litert import litert

    run = Run.open(folder)
    source, found = ExportSource(run), labeled_folder(run, Path(data))
    pixels = np.stack([images.load(x, run.preprocess) for x in found.files])
    labels = np.array(found.labels)
    floats = litert(source.served, "float32")
    answers = answer(floats, run, pixels)
    ways = {
        "float32": floats,
        "weights, TensorFlow": litert(source.served, "int8"),
        "weights, ai-edge-quantizer": quantized(floats, recipe.dynamic_wi8_afp32(), None),
        "all, TensorFlow": litert(source.served, "full-int8", source.calibration),
        "all, ai-edge-quantizer": quantized(
            floats, recipe.static_wi8_ai8(), source.calibration
        ),
    }
    for name, data_ in ways.items():
        own = answer(data_, run, pixels)
        same = (own.argmax(1) == answers.argmax(1)).mean()
        print(
            f"{name:28} {len(data_) / 1e6:7.2f} MB  same class {same:.4f}  largest "
            f"difference {abs(own - answers).max():.4f}  top-1 {(own.argmax(1) == labels).mean():.4f}"
        )


def quantized(floats: bytes, ways: list, calibration: np.ndarray | None) -> bytes:
    """The float32 file as ai-edge-quantizer makes it smaller."""
    work = quantizer.Quantizer(bytearray(floats), ways)
    if calibration is None:
        return bytes(work.quantize().quantized_model)
    samples = [{"pixels": x[None]} for x in calibration]
    ranges = work.calibrate({"serving_default": samples})
    return bytes(work.quantize(ranges).quantized_model)


def answer(data: bytes, run: Run, pixels: np.ndarray) -> np.ndarray:
    """The probabilities that the file `data` gives."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.tflite")
        file.write_bytes(data)
        return read_network(file, run)(pixels)


if __name__ == "__main__":
    main(*sys.argv[1:])
