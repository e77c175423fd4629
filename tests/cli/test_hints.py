"""What people type out of habit leads to the right option, or to why there is none."""

import click
import pytest
from helpers import alexnet

from alexnet_cli.cli import hints
from alexnet_cli.cli.main import ALIASES, COMMANDS, main

KERAS = """
learning_rate: --learning-rate, batch_size: --batch-size, validation_split: --val-fraction, validation_data: ,
epochs: , optimizer: , class_weight: --class-weights, steps_per_epoch: --epochs, shuffle: images are always shuffled,
rotation_range: --rotation, width_shift_range: --width-shift, height_shift_range: --height-shift,
shear_range: --shear, zoom_range: --zoom, horizontal_flip: --hflip, vertical_flip: --vflip, fill_mode: --fill-mode,
brightness_range: --brightness, rescale: --mean, target_size: --size, color_mode: always RGB, patience: ,
monitor: --watch, clipnorm: --clip-norm, label_smoothing: --label-smoothing, loss: cross-entropy, metrics: ,
decay: --weight-decay, save_best_only: , histogram_freq: --histograms, kernel_initializer: --initializer,
interpolation: --resize, directory: --data, verbose: stdout, workers: all cores, callbacks:
"""
ULTRALYTICS = """
data: , model: --arch, epochs: , time: --max-minutes, patience: , batch: --batch-size, imgsz: --size,
save_period: --checkpoint-minutes, cache: , device: , workers: all cores, project: --out, name: --out,
exist_ok: --overwrite, pretrained: --weights, optimizer: , seed: , deterministic: , fraction: , freeze: , resume: ,
amp: --precision, lr0: --learning-rate, lrf: --divide-by, weight_decay: --weight-decay,
warmup_epochs: --warmup-epochs, cos_lr: --schedule, dropout: , plots: always drawn, hsv_h: --hue, hsv_s: --saturation, hsv_v: --brightness,
degrees: --rotation, translate: --width-shift, scale: --crop-area, shear: , flipud: --vflip, fliplr: --hflip,
mixup: , cutmix: , auto_augment: --randaugment, erasing: , half: --precision, nc: counted from their folders
"""
TIMM = """
data-dir: --data, dataset: --data, model: --arch, pretrained: --weights, initial-checkpoint: --weights, resume: ,
num-classes: counted from their folders, img-size: --size, crop-pct: --random-crop, mean: , std: , batch-size: ,
opt: --optimizer, momentum: , weight-decay: , clip-grad: --clip-norm, sched: --schedule, lr: --learning-rate,
lr-base: --learning-rate, warmup-lr: --warmup-epochs, epochs: , decay-epochs: --step-epochs,
patience-epochs: --plateau-epochs, decay-rate: --divide-by, scale: --crop-area, ratio: --crop-area, hflip: , vflip: ,
color-jitter: --brightness, aa: --randaugment, reprob: --erasing, mixup: , cutmix: , smoothing: --label-smoothing,
drop: --dropout, model-ema: --ema, model-ema-decay: --ema, seed: , workers: all cores, amp: --precision,
amp-dtype: --precision, output: --out, experiment: --out, eval-metric: --metrics, tta: , torchcompile: XLA,
log-wandb: nothing is sent, grad-checkpointing: , channels: always RGB
"""


def rows(text):
    for row in text.replace("\n", " ").split(","):
        name, _, hint = row.partition(":")
        yield name.strip(), hint.strip()


def known(command):
    found = main.get_command(click.Context(main), command)
    return {x for p in found.params for x in (*p.opts, *p.secondary_opts) if x[:2] == "--"}


@pytest.mark.parametrize("name, hint", [*rows(KERAS), *rows(ULTRALYTICS), *rows(TIMM)])
def test_names_of_other_tools_lead_to_ours(name, hint):
    """Of Keras' fit and ImageDataGenerator, Ultralytics' train, and timm's train.py."""
    found = hints.option_hint(f"--{name}", known("train"))
    if f"--{name}" in known("train"):
        return
    assert hint in found and bool(hint) == bool(found), found


@pytest.mark.parametrize("command, name, hint", [
    ("predict", "weights", "--model"), ("predict", "conf", "--reject"), ("predict", "topk", "--top"),
    ("predict", "save", "--draw"), ("predict", "output", "--csv or --draw"), ("predict", "lr", ""),
    ("evaluate", "checkpoint", "--model"), ("evaluate", "confusion-matrix", "--plot"), ("evaluate", "test-dir", "--data"),
    ("evaluate", "dataset", "--data"), ("evaluate", "imgsz", ""), ("serve", "bind", "--host"),
    ("export", "include", "--format"), ("export", "weights", "--model"), ("doctor", "output-html", "--report"),
    ("train", "learning", "--learning-rate"), ("train", "val-splt", "--val-fraction"), ("train", "BATCH_SIZE", "--batch-size"),
    ("train", "epoch", "--epochs"), ("train", "warmup", "--warmup-epochs"), ("train", "qqq", ""),
])  # fmt: skip
def test_names_lead_to_the_options_of_their_command(command, name, hint):
    found = hints.option_hint(f"--{name}", known(command))
    assert found == (f"did you mean {hint}?" if hint else "")


def test_whatever_is_a_hint_exists():
    options = {f"--{x[:-1]}" for x in hints._OPTIONS.split() if x.endswith(":")}
    everything = {x for c in COMMANDS for x in known(c)} | {"--version", "--help"}
    assert options <= everything
    assert (
        hints._COMMANDS.keys() == COMMANDS.keys() and {*ALIASES.values()} <= COMMANDS.keys()
    )


@pytest.mark.parametrize("name, hint", [
    ("trian", "train"), ("evaluat", "evaluate"), ("test", "evaluate"), ("fit", "train"), ("infer", "predict"),
    ("download", "fetch"), ("convert", "export or import"), ("check", "doctor"), ("Predict", "predict"),
])  # fmt: skip
def test_commands_of_other_tools_lead_to_ours(name, hint):
    result = alexnet(name, "x")
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr == (
        f"alexnet: No such command {name!r}; did you mean {hint}? (see alexnet --help)\n"
    )


def test_val_is_evaluate():
    own, alias = (alexnet(x, "--help").stdout.split("\n", 1) for x in ("evaluate", "val"))
    assert alias[1] == own[1] and "val [OPTIONS]" in alias[0]
