"""Comparisons of training: a step, an epoch, the images on their way to it."""

import argparse
import csv
import itertools
import json
import sys

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

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import trace
from alexnet_cli.model.layer_specs import Conv, Dense


def step(args: argparse.Namespace) -> Comparison:
    """A training step on a ready batch, and the matrix product as a yardstick."""
    batch, arch = args.batch or 128, args.arch
    workers = {
        "ours": Worker("ours.py", "step", arch, batch, "auto"),
        "ours, float32": Worker("ours.py", "step", arch, batch, "float32"),
        "ours, float32, without oneDNN": Worker(
            "ours.py", "step", arch, batch, "float32", TF_ENABLE_ONEDNN_OPTS="0"
        ),
    }
    if arch == "alexnet-owt":
        for precision, mode in itertools.product(
            ("bfloat16", "float32"), ("plain", "compile")
        ):
            words = ("step", batch, precision, mode)
            workers[f"torch, {precision}, {mode}"] = Worker("torch_alexnet.py", *words)
    matmul = Worker("ours.py", "matmul")
    name = "tf.matmul, 4096 x 4096, bfloat16"
    work = {"": {"images": batch, "GFLOP": batch * flop(arch) / 1e9}}
    work[name] = {"GFLOP": 2 * 4096**3 / 1e9}
    measures = {k: x.measure for k, x in workers.items()}
    everything = [*workers.values(), matmul]
    return Comparison({**measures, name: matmul.measure}, work, everything)


def flop(arch: str, classes: int = 5) -> int:
    """Operations per image of a training step.

    6 per multiply-add: two each for the outputs and the gradients of weights and inputs;
    the first convolution needs no gradient of its inputs.
    """
    total, first = 0, True
    for row in trace(ARCHITECTURES[arch], classes):
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

    alexnet-owt is compared with torch, both with random crops and flips; any other name
    means alexnet-bn, which is compared with Keras, with the tutorial's augmentation.
    """
    batch, folder = args.batch or 64, args.folder
    count = len(images_below(folder))
    plain = (
        "--crop-area", 0, "--brightness", 0, "--contrast", 0, "--saturation", 0,
        "--resize", "squash", "--batch-size", batch, "--epochs", 2,
    )  # fmt: skip
    if args.arch == "alexnet-owt":
        options = ("--arch", args.arch, "--size", 256, "--random-crop", *plain)
        baselines = {
            f"torch, {x}": ("torch_alexnet.py", "epoch", folder, batch, 2, x)
            for x in ("bfloat16", "float32")
        }
    else:
        options = (
            "--arch", "alexnet-bn", "--size", 224, "--rotation", 20, "--zoom", 0.1,
            "--width-shift", 0.1, "--height-shift", 0.1, *plain,
        )  # fmt: skip
        baselines = {
            "ImageDataGenerator, float32": ("tutorial.py", folder, batch, 2),
            "Keras' layers, float32": ("plain_keras.py", folder, batch, 2),
        }

    def ours() -> float:
        words = (*ALEXNET, "train", "--data", folder, "--out", args.scratch / "saved")
        command(*words, "--overwrite", *options)()
        with (args.scratch / "saved" / "history.csv").open() as x:
            return count / float(list(csv.DictReader(x))[1]["images_per_second"])

    measures = {"ours": ours, **{k: _last_epoch(*x) for k, x in baselines.items()}}
    return Comparison(measures, {"": {"images": count}})


def _last_epoch(script: str, *words: object) -> Measure:
    """A run of a baseline, which prints the seconds of each epoch."""

    def measure() -> float:
        command = (sys.executable, BASELINES / script, *words)
        printed = run(command, TF_CPP_MIN_LOG_LEVEL="3")
        return float(printed.splitlines()[-1].split()[-1])

    return measure


def pipeline(args: argparse.Namespace) -> Comparison:
    """Seconds per image: whole epochs of real images, and steps on one ready batch."""
    plain = {"crop_area": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0}
    kinds = {
        "crop and flip": {"random_crop": True, **plain},
        "default augmentation": {},
        "full generator set": {
            "rotation": 20.0, "width_shift": 0.1, "height_shift": 0.1, "shear": 10.0, "zoom": 0.1,
            "hue": 0.05, "crop_area": 0.0,
        },
    }  # fmt: skip
    measures: dict[str, Measure] = {}
    workers = []
    for name, augmentation in kinds.items():
        fields = {"arch": args.arch, "batch_size": args.batch or 64, **augmentation}
        worker = Worker("ours.py", "epoch", args.folder, json.dumps(fields))
        workers.append(worker)
        measures[f"{name}: ready batch"] = lambda x=worker: x.measure("step")
        measures[f"{name}: epoch"] = lambda x=worker: x.measure("epoch")
    baselines = {x: f"{x.split(':')[0]}: ready batch" for x in measures}
    return Comparison(measures, {"": {"images": 1}}, workers, baselines)
