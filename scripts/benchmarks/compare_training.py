"""Contests of training: a step, an epoch, the images on their way to it."""

import argparse
import csv
import itertools
import os
import subprocess
import sys
from collections.abc import Callable

from comparison import ALEXNET, BASELINES, Comparison, Worker, command

from alexnet_cli.dataset.folders import images_below
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import trace
from alexnet_cli.model.layer_specs import Conv, Dense


def step(args: argparse.Namespace) -> Comparison:
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
    return Comparison({**turns, name: matmul.turn}, work, [*workers.values(), matmul])


def flop(arch: str) -> int:
    """Of a training step, an image: 6 a multiply-add, 4 in the first convolution."""
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


def epoch(args: argparse.Namespace) -> Comparison:
    """Seconds of the second epoch of a real training, by three tools.

    alexnet-owt against torch with crop and mirror; else alexnet-bn against Keras with the
    tutorial's augmentation.
    """
    batch, folder = args.batch or 64, args.folder
    count = len(list(images_below(folder)))
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

    turns = {"ours": ours, **{k: _told_by(*x) for k, x in rivals.items()}}
    return Comparison(turns, {"": {"images": count}})


def _told_by(script: str, *words: object) -> Callable[[], float]:
    """A call of a rival's script, which prints its seconds last."""

    def take() -> float:
        done = subprocess.run(
            [sys.executable, str(BASELINES / script), *map(str, words)],
            capture_output=True, text=True, check=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
        return float(done.stdout.splitlines()[-1].split()[-1])

    return take


def pipeline(args: argparse.Namespace) -> Comparison:
    """Seconds an image: of whole epochs of real images, and of steps on one ready batch."""
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
    return Comparison(turns, {"": {"images": 1}}, workers, against)
