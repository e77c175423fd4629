"""The hyper-parameters of training: one field each, grouped into sections.

A field is also a command-line option, a TOML key and an entry of run.json, all by the same
name; its default, help, bounds and choices are defined only here.
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
    with_local_norm,
    with_norm,
)
from .targets import stop_targets

LOWER_IS_BETTER = ("loss", "mse", "mae")
TTA = ("none", "flip", "two-scale", "ten-crop")
METRICS = ("accuracy", "macro_f1", "mse", "mae")
"""All but topN, N being any number."""


def option(default: Any, help: str, *, choices: Collection[str] = (), **bounds: Any) -> Any:
    """A dataclass field with help; `bounds` are `low` and `high`, both allowed values."""
    return dataclasses.field(
        default=default, metadata={"help": help, "choices": tuple(choices), **bounds}
    )


# fmt: off
@dataclass(frozen=True)
class Network:
    """Which network is trained: one of `alexnet models`, and what is replaced in it."""

    arch: str = option("alexnet-half", "Network; see `alexnet models`.", choices=ARCHITECTURES)
    norm: str = option("table", "Replace the network's normalization. all: BatchNorm before every ReLU; dense: before the ReLUs of the hidden dense layers.", choices=NORMS)
    lrn_n: int | None = option(None, "Replace how many neighboring channels local response normalization sums over, an odd number: n of the paper.", low=1, high=255)
    lrn_k: float | None = option(None, "Replace the k of local response normalization, 2 in the paper.", low=1e-6, high=1e6)
    lrn_alpha: float | None = option(None, "Replace the alpha of local response normalization, 1e-4 in the paper; it is not divided by n.", low=0.0, high=1e6)
    lrn_beta: float | None = option(None, "Replace the beta of local response normalization, 0.75 in the paper.", low=0.0, high=100.0)
    dropout: float | None = option(None, "Replace the network's dropout rate, 0 to 0.95.", low=0.0, high=0.95)
    hidden: int | None = option(None, "Replace the number of units in each hidden dense layer.", low=1, high=65536)
    initializer: str = option("table", "Replace the network's weight initialization; he and glorot are Keras' he_normal and glorot_uniform.", choices=("table", *INITIALIZERS))
    first_layer: str = option("table", "How the kernels of the first layer are initialized: patches makes them the principal components of patches of the training images, and their negatives.", choices=("table", "patches"))

    def architecture(self) -> Architecture:
        """The network `arch` with the replacements of the other fields."""
        arch = with_norm(ARCHITECTURES[self.arch], self.norm)
        lrn = {x: getattr(self, f"lrn_{x}") for x in ("n", "k", "alpha", "beta")}
        arch = with_local_norm(arch, {k: v for k, v in lrn.items() if v is not None})
        arch = with_dropout(arch, self.dropout)
        return with_initializer(with_hidden(arch, self.hidden), self.initializer)


@dataclass(frozen=True)
class Pretrained:
    """Weights to start from; which of their layers are trained, when and how fast."""

    weights: str | None = option(None, "Start from pretrained weights: imagenet (downloaded once), a torch (.pth), Caffe (.npy), safetensors or Keras (.weights.h5) file, or a run directory.")
    freeze: str | None = option(None, "Layers of --weights to keep frozen: conv, all-but-head, none, or the number of first layers.")
    unfreeze_after: int = option(0, "Unfreeze all layers after this many epochs; 0 disables it.", low=0)
    unfrozen_rate: float = option(0.1, "Multiply the learning rate by this after unfreezing.", low=1e-6, high=1.0)
    loaded_rate: float = option(1.0, "Multiply the learning rate by this in layers that were loaded from --weights.", low=1e-6, high=1.0)

    @property
    def freezes(self) -> bool:
        """Whether layers are frozen, to the end or for some epochs."""
        return self.freeze not in (None, "none")

    def rate_factor(self, epoch: float) -> float:
        """The factor of the learning rate after `epoch` epochs."""
        return self.unfrozen_rate if 0 < self.unfreeze_after <= epoch else 1.0


@dataclass(frozen=True)
class Images:
    """How images are brought to the size and the range that the network expects."""

    resize: str = option("crop", "How images are made square: squash distorts them, crop cuts the long side, pad adds gray bars.", choices=("squash", "crop", "pad"))
    size: int | None = option(None, "Side of the stored images in pixels, from which the network's input is cut. [default: 8/7 of the network's input]", low=8, high=2048)
    mean: str | None = option(None, "Subtract this from pixels (0 to 255): R,G,B, one number, imagenet, or pixel (the mean training image). [default: the network's]")
    std: str | None = option(None, "Then divide pixels by this: R,G,B, one number, or imagenet. [default: the network's]")
    samplewise_center: bool = option(False, "Subtract from each image its own mean, in place of --mean.")
    samplewise_std_normalization: bool = option(False, "As --samplewise-center, and divide each image by its own standard deviation, in place of --std.")
    max_megapixels: float = option(100.0, "Leave out images with more than this many million pixels.", low=0.01, high=2000.0)
    white_level: str = option("auto", "Level that becomes white in images of more than 8 bits per channel, such as 4095 for 12 bits in 16; auto: the highest of their type.")


@dataclass(frozen=True)
class Split:
    """Which images are used for training, for validation and for testing."""

    val_fraction: float = option(0.2, "Fraction of each class held out to choose the best epoch.", low=0.01, high=0.9)
    test_fraction: float = option(0.0, "Fraction of each class held out for `alexnet evaluate`.", low=0.0, high=0.9)
    folds: int = option(1, "Cross-validation: divide each class into this many folds instead of using --val-fraction.", low=1, high=100)
    fold: int = option(1, "The fold used for validation, 1 to FOLDS.", low=1, high=100)
    fraction: float = option(1.0, "Use only this fraction of each class, for a quick look.", low=0.001, high=1.0)
    drop_small_classes: int = option(0, "Leave out classes with fewer than this many different usable images; 0 disables it.", low=0)
    group_near: bool = option(True, "Keep near-identical images on the same side of the split.")


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images, drawn anew for each image and epoch."""

    hflip: bool = option(True, "Flip half of the images left to right.")
    vflip: bool = option(False, "Flip half of the images top to bottom.")
    rotation: float = option(0.0, "Rotate by up to this many degrees in either direction.", low=0.0, high=180.0)
    width_shift: float = option(0.0, "Shift left or right by up to this fraction of the width.", low=0.0, high=1.0)
    height_shift: float = option(0.0, "Shift up or down by up to this fraction of the height.", low=0.0, high=1.0)
    shear: float = option(0.0, "Shear by up to this many degrees in either direction.", low=0.0, high=60.0)
    zoom: float = option(0.0, "Scale width and height independently by 1 - ZOOM to 1 + ZOOM.", low=0.0, high=0.9)
    fill_mode: str = option("nearest", "What fills the pixels that a transform uncovers (constant: --fill-value).", choices=("nearest", "reflect", "wrap", "constant"))
    fill_value: float = option(0.0, "Gray level, 0 to 255, that --fill-mode constant fills with.", low=0.0, high=255.0)
    brightness: float = option(0.3, "Multiply pixels by 1 - B to 1 + B.", low=0.0, high=1.0)
    contrast: float = option(0.3, "Scale the distance from the mean gray by 1 - C to 1 + C.", low=0.0, high=1.0)
    saturation: float = option(0.3, "Scale the distance from gray by 1 - S to 1 + S.", low=0.0, high=1.0)
    hue: float = option(0.0, "Rotate hues by up to this fraction of the color circle.", low=0.0, high=0.5)
    channel_shift: float = option(0.0, "Add up to this many levels, of 255, to all channels or subtract them.", low=0.0, high=255.0)
    random_crop: bool = option(False, "Cut the input from a random place of the stored image (the 2012 paper).")
    crop_area: float = option(0.35, "Random resized crop: CROP_AREA to all of the image's area, aspect ratio 3:4 to 4:3; 0 disables it.", low=0.0, high=1.0)
    pca_lighting: float = option(0.0, "Standard deviation of the lighting noise along the principal colors (the 2012 paper: 0.1); 0 disables it.", low=0.0, high=1.0)
    erasing: float = option(0.0, "Random erasing: blank a box of 2 to 33 % of the area in this fraction of the images.", low=0.0, high=1.0)
    mixup: float = option(0.0, "Mixup: blend two images and their labels, in proportions from Beta(MIXUP, MIXUP); 0 disables it.", low=0.0, high=10.0)
    cutmix: float = option(0.0, "CutMix: paste a box of another image, and its share of the label, with an area from Beta(CUTMIX, CUTMIX); 0 disables it.", low=0.0, high=10.0)
    mix_after: int = option(0, "Mix images, by mixup and CutMix, only after this many epochs: none in a shorter training.", low=0)
    randaugment: int = option(0, "RandAugment: apply this many random changes of geometry or color to each image; 0 disables it.", low=0, high=8)
    start_size: int = option(0, "Progressive resizing: start with images of this side and end with the network's; 0 disables it.", low=0, high=2048)

    @property
    def warps(self) -> bool:
        """Whether images are rotated, sheared, shifted or stretched."""
        return bool(
            self.rotation or self.width_shift or self.height_shift or self.shear
            or self.zoom or self.randaugment
        )

    @property
    def recolors(self) -> bool:
        """Whether colors are changed."""
        return bool(
            self.brightness or self.contrast or self.saturation or self.hue
            or self.channel_shift or self.pca_lighting or self.randaugment
        )

    @property
    def mixes(self) -> bool:
        """Whether images are blended, pasted into each other or erased."""
        return bool(self.mixup or self.cutmix or self.erasing)


@dataclass(frozen=True)
class Optimization:
    """The weight update: optimizer, regularization, batch size, loss."""

    optimizer: str = option("sgd", "Optimizer; muon takes orthogonalized steps for the kernels of convolutions, and steps of adamw for everything else.", choices=("sgd", "adam", "adamw", "muon", "rmsprop"))
    momentum: float = option(0.9, "Momentum of sgd and rmsprop.", low=0.0, high=0.999)
    nesterov: bool = option(False, "Use Nesterov momentum with sgd.")
    weight_decay: float = option(5e-4, "Weight decay of kernels (not of biases or norms): inside the momentum for sgd, decoupled for adamw and muon.", low=0.0, high=1.0)
    clip_norm: float | None = option(None, "Clip gradients to this global norm.", low=1e-6)
    label_smoothing: float = option(0.1, "Label smoothing: fraction of each target spread over all classes.", low=0.0, high=0.9)
    class_weights: str = option("none", "Weights of images in the loss; balanced: every class counts the same.", choices=("none", "balanced"))
    batch_size: int = option(32, "Images per step, over all devices.", low=1, high=65536)
    batch_norm: str = option("synchronized", "Statistics of BatchNorm where --cluster has several workers: of the whole batch, or of each worker's own part of it (local, with fewer messages).", choices=("synchronized", "local"))
    ema: float = option(0.0, "Evaluate and keep an exponential moving average of the weights with this decay per step; 0 disables it.", low=0.0, high=0.99999)


@dataclass(frozen=True)
class LRSchedule:
    """The learning rate over time."""

    learning_rate: float = option(0.01, "Peak learning rate.", low=1e-8, high=10.0)
    schedule: str = option("cosine", "Learning rate over time; plateau divides it when validation stops improving.", choices=("constant", "step", "cosine", "plateau"))
    warmup_epochs: float = option(1.0, "Epochs over which the cosine schedule rises from 0.", low=0.0)
    step_epochs: int = option(40, "The step schedule divides the rate every this many epochs.", low=1)
    plateau_epochs: int = option(5, "The plateau schedule divides the rate after this many epochs without improvement.", low=1)
    divide_by: float = option(10.0, "What the step and plateau schedules divide by (the 2012 paper: 10).", low=1.01)


@dataclass(frozen=True)
class Stopping:
    """How long training goes on, and by which metric the best epoch is chosen."""

    epochs: int = option(40, "Passes over the training images, at most.", low=1, high=100000)
    max_minutes: float | None = option(None, "Run as many epochs, up to --epochs, as fit into this time, startup and export included.", low=0.1)
    metrics: str = option("accuracy", "Comma-separated: accuracy, macro_f1, top3, top5 ..., mse and mae (on one-hot labels).")
    watch: str = option("val_accuracy", "Validation metric that chooses the best epoch: val_loss or val_METRIC.")
    patience: int = option(0, "Early stopping: stop after this many epochs without improvement of --watch; 0 disables it.", low=0)
    stop_at: str | None = option(None, "Stop when all of these training metrics are reached, as accuracy=1.0,loss=0.03.")
    on_nan: str = option("stop", "When the loss is NaN or infinite: stop, or rewind to the last checkpoint and go on with half the learning rate, at most three times.", choices=("stop", "rewind"))

    def metric_names(self) -> tuple[str, ...]:
        """Names of the metrics besides the loss, as in history.csv.

        Raises:
            RecipeError: one of them does not exist.
        """
        names = tuple(x.strip() for x in self.metrics.split(",") if x.strip())
        for name in names:
            top = name.removeprefix("top")
            top_k = name.startswith("top") and top.isdecimal() and int(top) > 0
            if name not in METRICS and not top_k:
                raise RecipeError(
                    f"--metrics: no metric {name!r}; choose from accuracy, macro_f1, topN, mse, mae"
                )
        return names

    def stop_targets(self) -> dict[str, float]:
        """The values of training metrics at which training ends, by metric.

        Raises:
            RecipeError: `stop_at` is not a list of METRIC=NUMBER, names another metric or
                one twice, or a value that it cannot have.
        """
        return stop_targets(self.stop_at or "", ("loss", *self.metric_names()))


@dataclass(frozen=True)
class Inference:
    """How the trained network predicts."""

    tta: str = option("none", "Test-time augmentation for this run: average predictions over the center and its mirror image (flip), the whole stored square, its central square with 3/4 of the side and their mirror images (two-scale), or ten crops.", choices=TTA)
    reject: float | None = option(None, "Let `alexnet predict` print unknown below the lowest confidence from which this fraction of the validation predictions is right.", low=0.01, high=1.0)


@dataclass(frozen=True)
class Machine:
    """The random seed, and the device, memory and arithmetic that training uses."""

    seed: int = option(0, "Random seed for split, initial weights, order and augmentation.", low=0, high=2**31 - 1)
    device: str = option("auto", "Where to train: auto, cpu, gpu, or several devices such as gpu:0,1.")
    cache: str = option("auto", "Where decoded images are kept: in memory (ram), in a scratch file (disk), or nowhere (none: decode again in every epoch). auto uses memory if they take less than a third of what is free, else disk.", choices=("auto", "ram", "disk", "none"))
    precision: str = option("auto", "Arithmetic of training (auto: bfloat16 where the processor or the GPU has it, float16 on older GPUs with tensor cores, else float32); evaluation is always float32.", choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"))
    xla: bool = option(False, "Compile the training step with XLA: the first steps take longer, and on a CPU the others too.")
    deterministic: bool = option(False, "Give bit-identical results on every run on the same machine, also after --resume.")
    checkpoint_minutes: float = option(5.0, "Write a checkpoint every this many minutes within an epoch (0: after every step), besides the one at its end.", low=0)
    histograms: bool = option(False, "Write weight histograms for TensorBoard in every epoch.")
# fmt: on
