"""The AlexNets as tables of layer records. No TensorFlow.

The last `Dense` of a table has `units=None`: one unit per class.
"""

from .architecture import Architecture
from .layer_specs import BatchNorm, Conv, Dense, Dropout, Flatten, LocalNorm, Pool, ReLU

_HEAD = (
    Dense(4096), ReLU(), Dropout(0.5),
    Dense(4096), ReLU(), Dropout(0.5),
    Dense(None),
)  # fmt: skip

_PAPER = Architecture(
    name="alexnet",
    source="Krizhevsky, Sutskever, Hinton 2012, sections 3 and 5",
    input_size=227,
    classes=1000,
    initializer="normal",
    mean="pixel",
    std="1",
    layers=(
        Conv(96, 11, stride=4, padding="valid"), ReLU(), LocalNorm(), Pool(),
        Conv(256, 5, groups=2, bias=1.0), ReLU(), LocalNorm(), Pool(),
        Conv(384, 3), ReLU(),
        Conv(384, 3, groups=2, bias=1.0), ReLU(),
        Conv(256, 3, groups=2, bias=1.0), ReLU(), Pool(),
        Flatten(),
        Dense(4096, bias=1.0), ReLU(), Dropout(0.5),
        Dense(4096, bias=1.0), ReLU(), Dropout(0.5),
        Dense(None),
    ),
)  # fmt: skip

_CAFFE_NORM = LocalNorm(k=1.0, alpha=1e-4 / 5)

_BVLC = Architecture(
    name="alexnet-bvlc",
    source="Caffe models/bvlc_alexnet train_val.prototxt (alpha is divided by n there)",
    input_size=227,
    classes=1000,
    initializer="normal",
    mean="124,117,104",
    std="1",
    layers=(
        Conv(96, 11, stride=4, padding="valid"), ReLU(), _CAFFE_NORM, Pool(),
        Conv(256, 5, groups=2, bias=0.1), ReLU(), _CAFFE_NORM, Pool(),
        Conv(384, 3), ReLU(),
        Conv(384, 3, groups=2, bias=0.1), ReLU(),
        Conv(256, 3, groups=2, bias=0.1), ReLU(), Pool(),
        Flatten(),
        Dense(4096, bias=0.1, std=0.005), ReLU(), Dropout(0.5),
        Dense(4096, bias=0.1, std=0.005), ReLU(), Dropout(0.5),
        Dense(None),
    ),
)  # fmt: skip

_OWT = Architecture(
    name="alexnet-owt",
    source="Krizhevsky 2014, one weird trick; layout of torchvision.models.alexnet",
    input_size=224,
    classes=1000,
    initializer="torch",
    mean="imagenet",
    std="imagenet",
    layers=(
        Conv(64, 11, stride=4, padding=2), ReLU(), Pool(),
        Conv(192, 5, padding=2), ReLU(), Pool(),
        Conv(384, 3), ReLU(),
        Conv(256, 3), ReLU(),
        Conv(256, 3), ReLU(), Pool(),
        Flatten(),
        Dropout(0.5), Dense(4096), ReLU(),
        Dropout(0.5), Dense(4096), ReLU(),
        Dense(None),
    ),
)  # fmt: skip

_BN = Architecture(
    name="alexnet-bn",
    source="the 24-class tutorial: the 2012 network in one tower, BatchNorm for LRN",
    input_size=224,
    classes=24,
    layers=(
        Conv(96, 11, stride=4, padding="valid"), ReLU(), BatchNorm(), Pool(),
        Conv(256, 5), ReLU(), BatchNorm(), Pool(),
        Conv(384, 3), ReLU(),
        Conv(384, 3), ReLU(),
        Conv(256, 3), ReLU(), Pool(),
        Flatten(),
        *_HEAD,
    ),
)  # fmt: skip

_FLOWERS = Architecture(
    name="alexnet-flowers",
    source="the five-flowers tutorial for TensorFlow 2.1.0: 11x11 second convolution",
    input_size=227,
    classes=5,
    layers=(
        Conv(96, 11, stride=4, padding="valid"), ReLU(), BatchNorm(), Pool(2, 2),
        Conv(256, 11), ReLU(), BatchNorm(),
        Conv(384, 3), ReLU(), BatchNorm(),
        Conv(384, 3), ReLU(), BatchNorm(),
        Conv(256, 3), ReLU(), BatchNorm(), Pool(2, 2),
        Flatten(),
        Dense(4096), ReLU(),
        Dense(4096), ReLU(),
        Dense(None),
    ),
)  # fmt: skip

_HALF = Architecture(
    name="alexnet-half",
    source="the Caltech tutorial: one of the two towers of the 2012 network",
    input_size=227,
    classes=45,
    layers=(
        Conv(48, 11, stride=4, padding="valid"), ReLU(), Pool(), BatchNorm(),
        Conv(128, 5, use_bias=False), Pool(), ReLU(), BatchNorm(),
        Conv(192, 3), ReLU(),
        Conv(192, 3), ReLU(),
        Conv(128, 3), ReLU(), Pool(),
        Flatten(),
        Dense(2048), ReLU(), Dropout(0.25),
        Dense(2048), ReLU(), Dropout(0.25),
        Dense(None),
    ),
)  # fmt: skip

_TINY = Architecture(
    name="tiny",
    source="ours, for tests: every kind of layer, trained in a second",
    input_size=32,
    classes=3,
    layers=(
        Conv(8, 5, stride=2), ReLU(), LocalNorm(), Pool(),
        Conv(16, 3, groups=2, bias=0.1), ReLU(), BatchNorm(momentum=0.8), Pool(),
        Flatten(),
        Dense(32), ReLU(), Dropout(0.1),
        Dense(None),
    ),
)  # fmt: skip

ARCHITECTURES: dict[str, Architecture] = {
    x.name: x for x in (_PAPER, _BVLC, _OWT, _BN, _FLOWERS, _HALF, _TINY)
}
"""All networks by name."""
