"""The contests of benchmark.py: for each, the contestants and the work they do."""

import argparse
import csv
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_cli.architecture import ARCHITECTURES, trace
from alexnet_cli.cache import load_all
from alexnet_cli.dataset import pictures_below
from alexnet_cli.layers import Conv, Dense
from alexnet_cli.recipe import Preprocess, Recipe

RIVALS = Path(__file__).parent / "rivals"
ALEXNET = (sys.executable, "-m", "alexnet_cli")
SQUARE = Preprocess.of(Recipe(arch="alexnet-half", size=256, resize="squash"))


@dataclass
class Contest:
    """Functions that take one turn and return its seconds, and the work of a turn."""

    turns: dict[str, Callable[[], float]]
    work: dict[str, dict[str, float]] = field(default_factory=dict)
    """By contestant, or "" for all: a unit and how much of it a turn is."""
    workers: list["Worker"] = field(default_factory=list)
    against: dict[str, str] = field(default_factory=dict)
    """By contestant, whom it is compared with; the first where nothing is said."""


class Worker:
    """A process that takes a turn for each line and prints its seconds."""

    def __init__(self, script: str, *words: object) -> None:
        command = [sys.executable, str(RIVALS / script), *map(str, words)]
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, bufsize=1,
        )  # fmt: skip

    def turn(self, line: str = "go") -> float:
        """Seconds of one turn."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{line}\n")
        answer = self.process.stdout.readline()
        if not answer:
            self.errors.seek(0)
            sys.exit(f"{self.process.args} ended: {self.errors.read()[-2000:]}")
        return float(answer)

    def close(self) -> None:
        """End it."""
        self.process.communicate()


def command(*words: object, **env: str) -> Callable[[], float]:
    """A whole process, from start to end."""

    def take() -> float:
        started = time.perf_counter()
        subprocess.run(
            [str(x) for x in words],
            check=False,
            capture_output=True,
            env={**os.environ, **env},
        )
        return time.perf_counter() - started

    return take


def step(args: argparse.Namespace) -> Contest:
    """A training step on a ready batch, and the matrix product as a yardstick."""
    batch, arch = args.batch or 128, args.arch
    workers = {
        "ours": Worker("ours.py", "step", arch, batch, "auto"),
        "ours, float32": Worker("ours.py", "step", arch, batch, "float32"),
    }
    if arch == "alexnet-owt":
        for precision, how in itertools.product(
            ("bfloat16", "float32"), ("plain", "compile")
        ):
            words = ("step", batch, precision, how)
            workers[f"torch, {precision}, {how}"] = Worker("torch_alexnet.py", *words)
    matmul = Worker("ours.py", "matmul")
    name = "tf.matmul, 4096 x 4096, bfloat16"
    work = {"": {"images": batch, "GFLOP": batch * flop(arch) / 1e9}}
    work[name] = {"GFLOP": 2 * 4096**3 / 1e9}
    turns = {k: x.turn for k, x in workers.items()}
    return Contest({**turns, name: matmul.turn}, work, [*workers.values(), matmul])


def flop(arch: str) -> int:
    """Of a training step, a picture: 6 a multiply-add, 4 in the first convolution."""
    network = ARCHITECTURES[arch]
    total, first = 0, True
    for row in trace(network, 5):
        if isinstance(row.layer, Conv):
            weights = row.parameters - row.layer.filters * row.layer.use_bias
            adds = weights * row.shape[0] * row.shape[1]
            total += (4 if first else 6) * adds
            first = False
        elif isinstance(row.layer, Dense):
            total += 6 * (row.parameters - row.shape[0])
    return total


def epoch(args: argparse.Namespace) -> Contest:
    """Seconds of the second epoch of a real training, by three tools.

    alexnet-owt against torch with crop and mirror; else alexnet-bn against Keras with the
    tutorial's augmentation.
    """
    batch, folder = args.batch or 64, args.folder
    count = len(list(pictures_below(folder)))
    plain = (
        "--crop-area", 0, "--brightness", 0, "--contrast", 0, "--saturation", 0,
        "--resize", "squash", "--batch-size", batch, "--epochs", 2,
    )  # fmt: skip
    if args.arch == "alexnet-owt":
        options = ("--arch", args.arch, "--size", 256, "--random-crop", *plain)
        rivals = {
            f"torch, {x}": ("torch_alexnet.py", "epoch", folder, batch, 2, x)
            for x in ("bfloat16", "float32")
        }
    else:
        options = (
            "--arch", "alexnet-bn", "--size", 224, "--rotation", 20, "--zoom", 0.1,
            "--width-shift", 0.1, "--height-shift", 0.1, *plain,
        )  # fmt: skip
        rivals = {
            "ImageDataGenerator, float32": ("tutorial.py", folder, batch, 2),
            "Keras' layers, float32": ("plain_keras.py", folder, batch, 2),
        }

    def ours() -> float:
        words = (*ALEXNET, "train", "--data", folder, "--out", args.place / "saved")
        command(*words, "--overwrite", *options)()
        with (args.place / "saved" / "history.csv").open() as x:
            return count / float(list(csv.DictReader(x))[1]["images_per_second"])

    def theirs(script: str, *words: object) -> Callable[[], float]:
        def take() -> float:
            done = subprocess.run(
                [sys.executable, str(RIVALS / script), *map(str, words)],
                capture_output=True, text=True, check=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )  # fmt: skip
            return float(done.stdout.splitlines()[-1].split()[-1])

        return take

    turns = {"ours": ours, **{k: theirs(*x) for k, x in rivals.items()}}
    return Contest(turns, {"": {"images": count}})


def pipeline(args: argparse.Namespace) -> Contest:
    """Seconds a picture: of whole epochs of real pictures, and of steps on one ready batch."""
    plain = ("crop_area=0", "brightness=0", "contrast=0", "saturation=0")
    ways = {
        "crop and mirror": ("random_crop=1", *plain),
        "default recipe": (),
        "full generator set": (
            "rotation=20", "width_shift=0.1", "height_shift=0.1", "shear=10", "zoom=0.1",
            "hue=0.05", "crop_area=0",
        ),
    }  # fmt: skip
    arch, batch = args.arch, args.batch or 64
    turns: dict[str, Callable[[], float]] = {}
    workers = []
    for name, fields in ways.items():
        worker = Worker("ours.py", "epoch", args.folder, arch, batch, *fields)
        workers.append(worker)
        turns[f"{name}: ready batch"] = lambda x=worker: x.turn("step")
        turns[f"{name}: epoch"] = lambda x=worker: x.turn("epoch")
    against = {
        f"{x}: {y}": f"{x}: ready batch" for x in ways for y in ("ready batch", "epoch")
    }
    return Contest(turns, {"": {"images": 1}}, workers, against)


def predict(args: argparse.Namespace) -> Contest:
    """One picture and a folder, cold, from keystroke to the last line."""
    files = sorted(pictures_below(args.folder))[:1000]
    folder = args.place / "pictures"
    folder.mkdir()
    for i, file in enumerate(files):
        (folder / f"{i:04}{file.suffix}").symlink_to(file.resolve())
    side = keras_copy(args.run, args.place / "model.keras")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    one = (*ALEXNET, "predict", "--model", args.run)
    alone = Worker("ours.py", "classify", args.run, folder)
    turns = {
        "ours, one picture": command(*one, files[0]),
        "SavedModel script, one picture": command(
            sys.executable, RIVALS / "saved_model.py", args.run, files[0], **quiet
        ),
        "torch script, one picture": torch_one(args.place, files[0]),
        f"ours, {len(files)} pictures": command(*one, folder),
        f"model.predict, {len(files)} pictures": command(
            sys.executable, RIVALS / "keras_folder.py", args.place / "model.keras", folder, side,
            **quiet,
        ),
        f"our network alone, {len(files)} ready pictures": alone.turn,
    }  # fmt: skip
    many = [k for k in turns if f"{len(files)} " in k]
    against = dict.fromkeys(many, many[0])
    return Contest(
        turns, {k: {"images": float(len(files))} for k in many}, [alone], against
    )


def keras_copy(run: Path, file: Path) -> int:
    """The Run's network as `file`, with a layer that scales; the side of its input."""
    code = """
import sys
from pathlib import Path
from alexnet_cli.device import start_tensorflow
start_tensorflow()
import keras
from alexnet_cli.inference import load_network
from alexnet_cli.run import Run
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


def torch_one(place: Path, picture: Path) -> Callable[[], float]:
    """torchvision's AlexNet for five classes, its weights saved as torch saves them."""
    code = (
        f"import sys; sys.path.insert(0, {str(RIVALS)!r}); import torch; import torch_alexnet; "
        f"torch.save(torch_alexnet.alexnet(5).state_dict(), {str(place / 'model.pth')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    words = (RIVALS / "torch_alexnet.py", "predict", picture, place / "model.pth")
    return command(sys.executable, *words)


def startup(args: argparse.Namespace) -> Contest:
    """Help, and what no click program can be quicker than."""
    script = Path(sys.executable).with_name("alexnet")
    return Contest(
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


def decode(args: argparse.Namespace) -> Contest:
    """Files to 256 x 256 pixels: ours, TensorFlow's and Pillow's, each on all cores."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    files = list(pictures_below(args.folder))

    def load(path):  # type: ignore[no-untyped-def]
        picture = tf.io.decode_image(tf.io.read_file(path), 3, expand_animations=False)
        return tf.cast(tf.image.resize(picture, (256, 256), antialias=True), tf.uint8)

    def tensorflow() -> Iterable[object]:
        data = tf.data.Dataset.from_tensor_slices([str(x) for x in files])
        return data.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(16)

    def pillow_load(file: Path) -> np.ndarray:
        with Image.open(file) as picture:
            size, how = (256, 256), Image.Resampling.BILINEAR
            return np.asarray(picture.convert("RGB").resize(size, how))

    def pillow() -> Iterable[object]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(pillow_load, files)

    def all_of(pictures: Callable[[], Iterable[object]]) -> Callable[[], float]:
        def take() -> float:
            started = time.perf_counter()
            for _ in pictures():
                pass
            return time.perf_counter() - started

        return take

    turns = {
        "ours (checked, hashed, fingerprinted)": all_of(lambda: load_all(files, SQUARE)),
        "tf.io.decode_image + resize": all_of(tensorflow),
        "plain Pillow, threads": all_of(pillow),
    }
    return Contest(turns, {"": {"images": len(files)}})


def doctor(args: argparse.Namespace) -> Contest:
    """The whole command, start to end."""
    count = len(list(pictures_below(args.folder)))
    turns = {"alexnet doctor": command(*ALEXNET, "doctor", args.folder)}
    return Contest(turns, {"": {"images": count}})


PEAK = """
import sys
from alexnet_cli.cli import main
main(sys.argv[1:], standalone_mode=False)
status = dict(x.split(":", 1) for x in open("/proc/self/status").read().splitlines())
print(status["VmHWM"].split()[0])
"""


def memory(args: argparse.Namespace) -> list[dict]:
    """Peak memory of `train --cache disk` and of `doctor`, by the number of pictures."""
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
                    "name": f"{words[0]}, {count} pictures",
                    "peak MB": int(done.stdout.splitlines()[-1]) / 1024,
                    "seconds": time.perf_counter() - started,
                }
            )
    return rows
