"""Every number of a training run, one field each, and how a picture becomes input.

A field of `Recipe` is also a command-line option, a TOML key and an entry of run.json:
its help, range and choices stand here and nowhere else.
"""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ..errors import RecipeError
from ..model.alexnet import ARCHITECTURES
from ..model.architecture import Architecture
from ..model.variants import (
    INITIALIZERS,
    NORMS,
    with_dropout,
    with_hidden,
    with_initializer,
    with_norm,
)

NETWORK, PICTURES, AUGMENT = "Network", "Pictures", "Augmentation"

OPTIMISER, STOPPING, MACHINE = "Optimiser", "Stopping and metrics", "Machine"

LOWER_IS_BETTER = ("loss", "mse", "mae")

TTA = ("none", "flip", "ten-crop")

METRICS = ("accuracy", "macro_f1", "mse", "mae")


def option(
    default: Any, group: str, help: str, *, choices: Collection[str] = (), **bounds: Any
) -> Any:
    """A Recipe field; `bounds` are `low` and `high`, both allowed values."""
    extra = {"group": group, "help": help, "choices": tuple(choices), **bounds}
    return dataclasses.field(default=default, metadata=extra)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; all of it, so that equal recipes train alike."""

    # fmt: off
    arch: str = option("alexnet-half", NETWORK, "Network; see `alexnet models`.", choices=ARCHITECTURES)
    norm: str = option("table", NETWORK, "Replace the network's normalisation; all: BatchNorm before every ReLU, dense: before those of the hidden dense layers.", choices=NORMS)
    dropout: float | None = option(None, NETWORK, "Replace the network's dropout rate, 0 to 0.95.", low=0.0, high=0.95)
    hidden: int | None = option(None, NETWORK, "Replace the units of the hidden dense layers.", low=1, high=65536)
    initializer: str = option("table", NETWORK, "Replace the network's initial weights: he and glorot are Keras' he_normal and glorot_uniform.", choices=("table", *INITIALIZERS))

    weights: str | None = option(None, NETWORK, "Start from weights: imagenet (downloaded once), a file of torch (.pth), Caffe (.npy), safetensors or Keras (.weights.h5), or a Run.")
    freeze: str | None = option(None, NETWORK, "Layers that stay as they are in --weights: conv, all-but-head, or a number of first layers.")
    unfreeze_after: int = option(0, NETWORK, "Epochs after which all layers learn (0: never).", low=0)
    unfrozen_rate: float = option(0.1, NETWORK, "Multiplies the learning rate from then on.", low=1e-6, high=1.0)

    loaded_rate: float = option(1.0, NETWORK, "Multiplies the learning rate of the layers that --weights filled.", low=1e-6, high=1.0)

    val_fraction: float = option(0.2, PICTURES, "Share of each class held out to choose the best epoch.", low=0.01, high=0.9)
    test_fraction: float = option(0.0, PICTURES, "Share of each class held out for `evaluate`.", low=0.0, high=0.9)
    resize: str = option("crop", PICTURES, "Make pictures square by distorting them, cutting the long side, or adding gray bars.", choices=("squash", "crop", "pad"))
    size: int | None = option(None, PICTURES, "Side to which pictures are resized, pixels; the network sees its centre. [default: 8/7 of the network's input]", low=8, high=2048)
    mean: str | None = option(None, PICTURES, "Subtracted from pixels (0 to 255): R,G,B, one number, imagenet, or pixel (mean picture of the training set). [default: the network's]")
    tta: str = option("none", PICTURES, "Ever after, average answers over mirrored pictures, or over corners, centre and mirrors.", choices=TTA)
    std: str | None = option(None, PICTURES, "Pixels are then divided by this: R,G,B, one number, or imagenet. [default: the network's]")

    max_megapixels: float = option(100.0, PICTURES, "Pictures with more million pixels are bad files.", low=0.01, high=2000.0)
    group_near: bool = option(True, PICTURES, "Keep near-identical pictures on one side of the split.")
    fraction: float = option(1.0, PICTURES, "Share of each class to use at all, for a quick look.", low=0.001, high=1.0)
    folds: int = option(1, PICTURES, "Cross-validation: share each class out into this many folds instead of --val-fraction.", low=1, high=100)
    fold: int = option(1, PICTURES, "The fold that validates, 1 to FOLDS.", low=1, high=100)

    hflip: bool = option(True, AUGMENT, "Mirror every other picture left to right.")
    vflip: bool = option(False, AUGMENT, "Mirror every other picture top to bottom.")
    rotation: float = option(0.0, AUGMENT, "Rotate by up to this many degrees either way.", low=0.0, high=180.0)
    width_shift: float = option(0.0, AUGMENT, "Shift sideways by up to this fraction of the width.", low=0.0, high=1.0)
    height_shift: float = option(0.0, AUGMENT, "Shift up or down by up to this fraction of the height.", low=0.0, high=1.0)
    shear: float = option(0.0, AUGMENT, "Shear by up to this many degrees either way.", low=0.0, high=60.0)
    zoom: float = option(0.0, AUGMENT, "Zoom width and height each by 1 - ZOOM to 1 + ZOOM.", low=0.0, high=0.9)
    fill_mode: str = option("nearest", AUGMENT, "What fills the pixels that a warp uncovers (constant: black).", choices=("nearest", "reflect", "wrap", "constant"))
    brightness: float = option(0.3, AUGMENT, "Multiply pixels by 1 - B to 1 + B.", low=0.0, high=1.0)
    contrast: float = option(0.3, AUGMENT, "Stretch about the mean gray by 1 - C to 1 + C.", low=0.0, high=1.0)
    saturation: float = option(0.3, AUGMENT, "Stretch colours about gray by 1 - S to 1 + S.", low=0.0, high=1.0)
    hue: float = option(0.0, AUGMENT, "Turn hues by up to this fraction of the colour circle.", low=0.0, high=0.5)
    random_crop: bool = option(False, AUGMENT, "Cut the input at a random place of the --size square (the 2012 paper).")
    crop_area: float = option(0.35, AUGMENT, "Random resized crop: cut CROP_AREA to all of the picture's area, 3:4 to 4:3; 0 does not.", low=0.0, high=1.0)
    pca_lighting: float = option(0.0, AUGMENT, "Standard deviation of the lighting noise along the principal colours (the 2012 paper: 0.1).", low=0.0, high=1.0)

    erasing: float = option(0.0, AUGMENT, "Share of pictures of which a box of 2 to 33 % is blanked.", low=0.0, high=1.0)
    mixup: float = option(0.0, AUGMENT, "Blend pictures, and their labels, by shares from Beta(MIXUP, MIXUP); 0 does not.", low=0.0, high=10.0)
    cutmix: float = option(0.0, AUGMENT, "Paste a box of another picture, and of its label, with an area from Beta(CUTMIX, CUTMIX); 0 does not.", low=0.0, high=10.0)
    randaugment: int = option(0, AUGMENT, "Of each picture, this many random changes of geometry or colour at full strength; 0 none.", low=0, high=8)
    start_size: int = option(0, AUGMENT, "Progressive resizing: begin with pictures of this side, end with the network's; 0 does not.", low=0, high=2048)

    optimizer: str = option("sgd", OPTIMISER, "Rule of the weight update.", choices=("sgd", "adam", "adamw", "rmsprop"))
    learning_rate: float = option(0.01, OPTIMISER, "Highest learning rate.", low=1e-8, high=10.0)
    momentum: float = option(0.9, OPTIMISER, "Momentum of sgd and rmsprop.", low=0.0, high=0.999)
    nesterov: bool = option(False, OPTIMISER, "Nesterov's momentum for sgd.")
    weight_decay: float = option(5e-4, OPTIMISER, "Decay of weights (not biases, not norms): inside the momentum for sgd, decoupled for adamw.", low=0.0, high=1.0)
    clip_norm: float | None = option(None, OPTIMISER, "Scale gradients down to this global norm.", low=1e-6)
    label_smoothing: float = option(0.1, OPTIMISER, "Share of the target given to all classes alike.", low=0.0, high=0.9)
    class_weights: str = option("none", OPTIMISER, "balanced weighs pictures so that every class counts the same in the loss.", choices=("none", "balanced"))
    batch_size: int = option(32, OPTIMISER, "Pictures a step, over all devices.", low=1, high=65536)
    epochs: int = option(40, OPTIMISER, "Passes over the training pictures, at most.", low=1, high=100000)
    schedule: str = option("cosine", OPTIMISER, "Learning rate over time; plateau divides when validation stops improving.", choices=("constant", "step", "cosine", "plateau"))
    warmup_epochs: float = option(1.0, OPTIMISER, "Epochs in which the cosine schedule rises from 0.", low=0.0)
    step_epochs: int = option(40, OPTIMISER, "The step schedule divides every this many epochs.", low=1)
    plateau_epochs: int = option(5, OPTIMISER, "The plateau schedule divides after this many epochs without improvement.", low=1)
    divide_by: float = option(10.0, OPTIMISER, "What step and plateau divide by (the 2012 paper: 10).", low=1.01)

    ema: float = option(0.0, OPTIMISER, "Judge and keep a running average of the weights with this decay a step; 0: the weights themselves.", low=0.0, high=0.99999)

    max_minutes: float | None = option(None, STOPPING, "Plan as many epochs, up to --epochs, as end in this time, start and export included.", low=0.1)
    metrics: str = option("accuracy", STOPPING, "Comma-separated: accuracy, macro_f1, top3, top5 ..., mse and mae (on one-hot labels).")
    watch: str = option("val_accuracy", STOPPING, "Validation metric that chooses the best epoch: val_loss or val_METRIC.")
    patience: int = option(0, STOPPING, "Stop after this many epochs without improvement of --watch; 0 never.", low=0)
    stop_at: str | None = option(None, STOPPING, "Stop when every training metric is reached, as accuracy=1.0,loss=0.03.")

    reject: float | None = option(None, STOPPING, "Let `predict` answer unknown below the probability from which on this share of validation answers is right.", low=0.01, high=1.0)

    seed: int = option(0, MACHINE, "Of split, weights, order and augmentation.", low=0, high=2**31 - 1)
    device: str = option("auto", MACHINE, "auto, cpu, gpu, or several as gpu:0,1.")
    cache: str = option("auto", MACHINE, "Keep decoded pictures in memory, in a scratch file, or decode them in every epoch; auto takes memory while they fill less than a third of what is free.", choices=("auto", "ram", "disk", "none"))
    precision: str = option("auto", MACHINE, "Arithmetic of training (auto: bfloat16 where the processor has it); evaluation is always float32.", choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"))
    histograms: bool = option(False, MACHINE, "Write weight histograms for TensorBoard every epoch.")
    # fmt: on

    def architecture(self) -> Architecture:
        """The network's table with `norm`, `dropout`, `hidden`, `initializer` applied."""
        arch = with_dropout(with_norm(ARCHITECTURES[self.arch], self.norm), self.dropout)
        return with_initializer(with_hidden(arch, self.hidden), self.initializer)

    def metric_names(self) -> tuple[str, ...]:
        """Names of the metrics beside the loss, as they stand in history.csv.

        Raises:
            RecipeError: one of them does not exist.
        """
        names = tuple(x.strip() for x in self.metrics.split(",") if x.strip())
        for name in names:
            top = name.removeprefix("top")
            if name not in METRICS and not (
                name.startswith("top") and top.isdecimal() and int(top) > 0
            ):
                raise RecipeError(
                    f"--metrics: no metric {name!r}; there are accuracy, macro_f1, topN, mse, mae"
                )
        return names

    def stop_targets(self) -> dict[str, float]:
        """Training metrics and the values at which training ends.

        Raises:
            RecipeError: `stop_at` is not a list of METRIC=NUMBER, or one is not kept.
        """
        targets = {}
        for item in (self.stop_at or "").split(","):
            name, sign, value = (x.strip() for x in item.partition("="))
            if not item.strip():
                continue
            try:
                targets[name] = float(value)
            except ValueError:
                sign = ""
            if not sign or name not in ("loss", *self.metric_names()):
                known = ", ".join(("loss", *self.metric_names()))
                raise RecipeError(
                    f"--stop-at: {item!r} is not METRIC=NUMBER with one of {known}"
                )
        return targets


def warps(r: Recipe) -> bool:
    """Whether pictures are turned, leant, shifted or stretched."""
    return bool(
        r.rotation or r.width_shift or r.height_shift or r.shear or r.zoom or r.randaugment
    )
