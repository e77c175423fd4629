"""Comparisons of whole commands, and of the decoder that is most of their time."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from comparison import (
    ALEXNET,
    BASELINES,
    Comparison,
    Measure,
    Worker,
    command,
    images_below,
    run,
)
from PIL import Image

from alexnet_cli.dataset.decoding import decode_files
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe

SQUARE = preprocess_of(Recipe(arch="alexnet-half", size=256, resize="squash"))


def predict(args: argparse.Namespace) -> Comparison:
    """One image and a folder, from the start of the process to its last line."""
    files = sorted(images_below(args.folder))[:1000]
    folder = args.scratch / "images"
    folder.mkdir()
    for i, file in enumerate(files):
        (folder / f"{i:04}{file.suffix}").symlink_to(file.resolve())
    side = keras_copy(args.run, args.scratch / "model.keras")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    ours = (*ALEXNET, "predict", "--model", args.run)
    alone = Worker("ours.py", "classify", args.run, folder)
    measures = {
        "ours, one image": command(*ours, files[0]),
        "SavedModel script, one image": command(
            sys.executable, BASELINES / "saved_model.py", args.run, files[0], **quiet
        ),
        **torch_one(args.scratch, files[0]),
        f"ours, {len(files)} images": command(*ours, folder),
        f"model.predict, {len(files)} images": command(
            sys.executable, BASELINES / "keras_folder.py", args.scratch / "model.keras", folder, side,
            **quiet,
        ),
        f"our network alone, {len(files)} ready images": alone.measure,
    }  # fmt: skip
    many = [k for k in measures if f"{len(files)} " in k]
    baselines = dict.fromkeys(many, many[0])
    work = {k: {"images": float(len(files))} for k in many}
    return Comparison(measures, work, [alone], baselines)


KERAS_COPY = """
import sys
from alexnet_cli.backend.startup import start_tensorflow
start_tensorflow()
import keras
from alexnet_cli.export.served_network import plain_network
from alexnet_cli.inference.network import load_network
from alexnet_cli.run.run import Run
network = load_network(Run.open(sys.argv[1]))

copy = plain_network(network)
inputs = keras.Input(network.input_shape[1:])
logits = copy(keras.layers.Rescaling(1 / 255)(inputs))
keras.Model(inputs, keras.layers.Softmax()(logits)).save(sys.argv[2])
print(network.input_shape[1])
"""


def keras_copy(path: Path, file: Path) -> int:
    """Write a run's network as a .keras file that scales pixels; the side of its input."""
    return int(run((sys.executable, "-c", KERAS_COPY, path, file)).splitlines()[-1])


def torch_one(scratch: Path, image: Path) -> dict[str, Measure]:
    """torchvision's AlexNet on one image, its weights saved as torch saves them."""
    if not find_spec("torch"):
        print("torch is not installed; it is left out", file=sys.stderr)
        return {}
    weights = scratch / "model.pth"
    code = (
        f"import sys; sys.path.insert(0, {str(BASELINES)!r}); import torch; import torch_alexnet; "
        f"torch.save(torch_alexnet.alexnet(5).state_dict(), {str(weights)!r})"
    )
    run((sys.executable, "-c", code))
    words = (BASELINES / "torch_alexnet.py", "predict", image, weights)
    return {"torch script, one image": command(sys.executable, *words)}


def startup(args: argparse.Namespace) -> Comparison:
    """Help and tables, and the least that any click program takes."""
    script = Path(sys.executable).with_name("alexnet")
    python = (sys.executable, "-c")
    return Comparison(
        {
            "python -c 'import click'": command(*python, "import click"),
            "alexnet --help": command(script, "--help"),
            "alexnet train --help": command(script, "train", "--help"),
            "alexnet models": command(script, "models"),
            "python -c 'import alexnet_cli'": command(*python, "import alexnet_cli"),
            "python -c 'import tensorflow'": command(*python, "import tensorflow"),
        }
    )


def decode(args: argparse.Namespace) -> Comparison:
    """Files to 256 x 256 pixels: ours, TensorFlow's and Pillow's, each on all cores."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    files = images_below(args.folder)

    def load(path):  # type: ignore[no-untyped-def]
        image = tf.io.decode_image(tf.io.read_file(path), 3, expand_animations=False)
        return tf.cast(tf.image.resize(image, (256, 256), antialias=True), tf.uint8)

    def tensorflow() -> Iterable[object]:
        data = tf.data.Dataset.from_tensor_slices([str(x) for x in files])
        return data.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(16)

    def pillow_load(file: Path) -> np.ndarray:
        with Image.open(file) as image:
            bilinear = Image.Resampling.BILINEAR
            return np.asarray(image.convert("RGB").resize((256, 256), bilinear))

    def pillow() -> Iterable[object]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(pillow_load, files)

    def all_of(images: Callable[[], Iterable[object]]) -> Measure:
        def measure() -> float:
            started = time.perf_counter()
            for _ in images():
                pass
            return time.perf_counter() - started

        return measure

    measures = {
        "ours (checked, hashed, fingerprinted)": all_of(
            lambda: decode_files(files, SQUARE)
        ),
        "tf.io.decode_image + resize": all_of(tensorflow),
        "plain Pillow, threads": all_of(pillow),
    }
    return Comparison(measures, {"": {"images": len(files)}})


def doctor(args: argparse.Namespace) -> Comparison:
    """The whole command, start to end."""
    count = len(images_below(args.folder))
    # Folders have problems, for which the command ends with 1.
    words = (*ALEXNET, "doctor", args.folder)
    code = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode > 1)"
    measures = {"alexnet doctor": command(sys.executable, "-c", code, *words)}
    return Comparison(measures, {"": {"images": count}})


PEAK = """
import sys
from alexnet_cli.cli.main import main
main(sys.argv[1:], standalone_mode=False)
status = dict(x.split(":", 1) for x in open("/proc/self/status").read().splitlines())
print(status["VmHWM"].split()[0])
"""


def memory(args: argparse.Namespace) -> list[dict]:
    """Peak memory of `train --cache disk` and of `doctor`, by the number of images."""
    rows = []
    rng = np.random.default_rng(0)
    for count in args.counts:
        folder = args.scratch / str(count)
        for name in "ab":
            (folder / name).mkdir(parents=True)
        for i in range(count):
            coarse = Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8))
            coarse.resize((240, 180)).save(folder / "ab"[i % 2] / f"{i}.jpg")
        train = (
            "train", "--data", folder, "--out", args.scratch / f"saved{count}", "--arch", "tiny",
            "--size", 260, "--epochs", 1, "--cache", "disk",
        )  # fmt: skip
        for words in (train, ("doctor", folder)):
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", PEAK, *map(str, words)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            rows.append(
                {
                    "name": f"{words[0]}, {count} images",
                    "peak MB": int(done.stdout.splitlines()[-1]) / 1024,
                    "seconds": time.perf_counter() - started,
                }
            )
    return rows
