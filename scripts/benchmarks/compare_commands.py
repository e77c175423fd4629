"""Contests of whole commands, and of the decoder that is most of their time."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from comparison import ALEXNET, BASELINES, Comparison, Worker, command
from PIL import Image

from alexnet_cli.dataset.decoding import decode_files
from alexnet_cli.dataset.folders import images_below
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe

SQUARE = preprocess_of(Recipe(arch="alexnet-half", size=256, resize="squash"))


def predict(args: argparse.Namespace) -> Comparison:
    """One image and a folder, cold, from keystroke to the last line."""
    files = sorted(images_below(args.folder))[:1000]
    folder = args.place / "images"
    folder.mkdir()
    for i, file in enumerate(files):
        (folder / f"{i:04}{file.suffix}").symlink_to(file.resolve())
    side = keras_copy(args.run, args.place / "model.keras")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    one = (*ALEXNET, "predict", "--model", args.run)
    alone = Worker("ours.py", "classify", args.run, folder)
    turns = {
        "ours, one image": command(*one, files[0]),
        "SavedModel script, one image": command(
            sys.executable, BASELINES / "saved_model.py", args.run, files[0], **quiet
        ),
        "torch script, one image": torch_one(args.place, files[0]),
        f"ours, {len(files)} images": command(*one, folder),
        f"model.predict, {len(files)} images": command(
            sys.executable, BASELINES / "keras_folder.py", args.place / "model.keras", folder, side,
            **quiet,
        ),
        f"our network alone, {len(files)} ready images": alone.turn,
    }  # fmt: skip
    many = [k for k in turns if f"{len(files)} " in k]
    against = dict.fromkeys(many, many[0])
    return Comparison(
        turns, {k: {"images": float(len(files))} for k in many}, [alone], against
    )


def keras_copy(run: Path, file: Path) -> int:
    """The Run's network as `file`, with a layer that scales; the side of its input."""
    code = """
import sys
from pathlib import Path
from alexnet_cli.backend.startup import start_tensorflow
start_tensorflow()
import keras
from alexnet_cli.inference.network import load_network
from alexnet_cli.run.run import Run
run = Run.open(Path(sys.argv[1]))
network = load_network(run)
plain = keras.Sequential([keras.Input(network.input_shape[1:]), keras.layers.Rescaling(1 / 255)])
for layer in network.layers[1:]:
    if layer.__class__.__name__ == "BatchNormalization":
        config = layer.get_config()
        config.pop("autocast", None)
        theirs = keras.layers.BatchNormalization.from_config(config)
        theirs.build(layer.input.shape)
        theirs.set_weights(layer.get_weights())
        layer = theirs
    plain.add(layer)
plain.add(keras.layers.Softmax())
plain.save(sys.argv[2])
print(network.input_shape[1])
"""
    words = [sys.executable, "-c", code, str(run), str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


def torch_one(place: Path, image: Path) -> Callable[[], float]:
    """torchvision's AlexNet for five classes, its weights saved as torch saves them."""
    code = (
        f"import sys; sys.path.insert(0, {str(BASELINES)!r}); import torch; import torch_alexnet; "
        f"torch.save(torch_alexnet.alexnet(5).state_dict(), {str(place / 'model.pth')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    words = (BASELINES / "torch_alexnet.py", "predict", image, place / "model.pth")
    return command(sys.executable, *words)


def startup(args: argparse.Namespace) -> Comparison:
    """Help, and what no click program can be quicker than."""
    script = Path(sys.executable).with_name("alexnet")
    return Comparison(
        {
            "python -c 'import click'": command(sys.executable, "-c", "import click"),
            "alexnet --help": command(script, "--help"),
            "alexnet train --help": command(script, "train", "--help"),
            "alexnet models": command(script, "models"),
            "python -c 'import tensorflow'": command(
                sys.executable, "-c", "import tensorflow"
            ),
        }
    )


def decode(args: argparse.Namespace) -> Comparison:
    """Files to 256 x 256 pixels: ours, TensorFlow's and Pillow's, each on all cores."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    files = list(images_below(args.folder))

    def load(path):  # type: ignore[no-untyped-def]
        image = tf.io.decode_image(tf.io.read_file(path), 3, expand_animations=False)
        return tf.cast(tf.image.resize(image, (256, 256), antialias=True), tf.uint8)

    def tensorflow() -> Iterable[object]:
        data = tf.data.Dataset.from_tensor_slices([str(x) for x in files])
        return data.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(16)

    def pillow_load(file: Path) -> np.ndarray:
        with Image.open(file) as image:
            size, how = (256, 256), Image.Resampling.BILINEAR
            return np.asarray(image.convert("RGB").resize(size, how))

    def pillow() -> Iterable[object]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(pillow_load, files)

    def all_of(images: Callable[[], Iterable[object]]) -> Callable[[], float]:
        def take() -> float:
            started = time.perf_counter()
            for _ in images():
                pass
            return time.perf_counter() - started

        return take

    turns = {
        "ours (checked, hashed, fingerprinted)": all_of(
            lambda: decode_files(files, SQUARE)
        ),
        "tf.io.decode_image + resize": all_of(tensorflow),
        "plain Pillow, threads": all_of(pillow),
    }
    return Comparison(turns, {"": {"images": len(files)}})


def doctor(args: argparse.Namespace) -> Comparison:
    """The whole command, start to end."""
    count = len(list(images_below(args.folder)))
    turns = {"alexnet doctor": command(*ALEXNET, "doctor", args.folder)}
    return Comparison(turns, {"": {"images": count}})


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
    for count in (int(x) for x in args.counts.split(",")):
        folder = args.place / str(count)
        for name in "ab":
            (folder / name).mkdir(parents=True)
        for i in range(count):
            coarse = Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8))
            coarse.resize((240, 180)).save(folder / "ab"[i % 2] / f"{i}.jpg")
        train = (
            "train", "--data", folder, "--out", args.place / f"saved{count}", "--arch", "tiny",
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
