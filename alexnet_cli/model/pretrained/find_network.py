"""Which of a file's arrays are an AlexNet's, wherever they lie and whatever wraps them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .array_tree import NamedArray
from .by_shapes import networks_by_shapes
from .networks import Network, rank, use_of
from .reparametrized import plain_arrays

_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""What DataParallel, torch.compile and others put into the names of arrays."""

_PARTS = {
    **dict.fromkeys(("0", "weights", "weight", "kernel", "W", "w"), "0"),
    **dict.fromkeys(("1", "biases", "bias", "B", "b"), "1"),
}
"""Names of kernels and biases, beside Caffe's."""
_LAYER = r"(conv_?[1-5]|fc_?[1-3678])"
_JOINED = re.compile(_LAYER + "_?(weights?|kernel|W|w|biases|bias|B|b)")

_OTHERS = {
    "layer1.0.": "a ResNet",
    "features.denseblock1": "a DenseNet",
    "features.3.squeeze": "a SqueezeNet",
    "features.0.0.": "a MobileNet or EfficientNet",
    "Mixed_5b": "an Inception",
    "inception3a": "a GoogLeNet",
    "blocks.0.attn": "a vision transformer",
    "encoder_layer_0": "a vision transformer",
    "encoder.layer.0": "a transformer",
    "stages.0": "a ConvNeXt or RegNet",
    "conv1_1": "a VGG",
}
"""By part of a name: networks that are often saved."""


_MAX_NAME = 500
"""Characters: the names of shared keys may take much more memory than the file."""


@dataclass(frozen=True)
class _Name:
    """What the name of an array says: network, and name in it."""

    family: str
    place: str
    name: str
    components: int
    """How many of the last components of its name are the network's."""


def find_network(arrays: Sequence[NamedArray]) -> Network | None:
    """The AlexNet in `arrays`, with the first convolution at least; None if none is there.

    By its layers' names, or, where these have fewer kernels, by the shapes of its kernels.
    Of several, as `rank` has them, the first.
    """
    arrays = plain_arrays(arrays)
    networks, beside = _by_names(arrays)
    named = [x for x in networks if {"features.0.weight", "conv1/0"} & {*x.arrays}]
    shaped = _by_shapes(arrays)
    best = max(named, key=rank, default=None)
    other = max(shaped, key=rank, default=None)
    found = named
    if other and (best is None or use_of(other) > use_of(best)):
        best, found = other, shaped
        used = {id(x) for x in best.arrays.values()}
        beside = [(x, full_name(x)) for x in arrays if id(x.array) not in used]
    if best is None:
        return None
    equal = [
        x.place or "the top" for x in found if x is not best and x.pairs() >= best.pairs()
    ]
    best.others = tuple(equal)
    best.unknown = tuple(_beside(best, beside))
    return best


def _by_names(
    arrays: Sequence[NamedArray],
) -> tuple[list[Network], list[tuple[NamedArray, str]]]:
    """Networks whose layers have known names; the other arrays, and their names."""
    networks: dict[tuple[str, str], Network] = {}
    beside: list[tuple[NamedArray, str]] = []
    for array in arrays:
        text = full_name(array)
        name = _torch_name(text) or _caffe_name(text)
        if name is None:
            beside.append((array, text))
            continue
        key = (name.family, name.place)
        network = networks.setdefault(key, Network(*key))
        if name.name in network.arrays:
            beside.append((array, text))
            continue
        network.arrays[name.name] = array.array
        depth = _depth(array.path, name.components)
        network.base, network.depth = array.path[:-depth], max(depth, network.depth)
    return list(networks.values()), beside


def _by_shapes(arrays: Sequence[NamedArray]) -> list[Network]:
    """Networks whose kernels fit each other, by torchvision's names."""
    known: dict[str, NamedArray] = {}
    for array in arrays:
        if sum(map(len, array.path)) <= _MAX_NAME:
            known.setdefault(full_name(array), array)
    networks = []
    for place, names in networks_by_shapes({k: v.array for k, v in known.items()}):
        paths = [known[x].path for x in names.values()]
        base = tuple(_shared(paths))
        kernels = [v for k, v in names.items() if k.endswith(".weight")]
        network = Network(
            "torch",
            place,
            {k: known[v].array for k, v in names.items()},
            max(len(x) for x in paths) - len(base),
            base,
            by_order=f"{kernels[0][:60]} to {kernels[-1][:60]}",
        )
        networks.append(network)
    return networks


def _shared(paths: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The keys with which all `paths` begin, but for their last ones."""
    for keys in zip(*(x[:-1] for x in paths), strict=False):
        if len({*keys}) > 1:
            return
        yield keys[0]


def full_name(array: NamedArray) -> str:
    """The keys down to an array, as one name with dots."""
    return ".".join(array.path).replace("/", ".").removesuffix(":0")


def other_network(names: Sequence[str]) -> str:
    """The network that `names` are of, as "a ResNet (layer1.0.conv1.weight ...)", or ""."""
    for part, network in _OTHERS.items():
        for name in names:
            if part in name:
                return f"{network} ({name[:60]} ...)"
    return ""


def _torch_name(text: str) -> _Name | None:
    *parts, kind = text.split(".")
    while parts and parts[-1] in _WRAPPERS:
        parts.pop()
    if (
        kind not in ("weight", "bias", "running_mean", "running_var")
        or not parts
        or not re.fullmatch(r"\d{1,3}", parts[-1])
    ):
        return None
    for i in range(len(parts) - 2, -1, -1):
        if parts[i].isdecimal():
            return None
        if parts[i] in ("features", "classifier"):
            name = f"{parts[i]}.{parts[-1]}.{kind}"
            return _Name("torch", ".".join(parts[:i]), name, text.count(".") + 1 - i)
    return None


def _caffe_name(text: str) -> _Name | None:
    parts = [x for x in text.split(".") if x not in _WRAPPERS]
    if not parts:
        return None
    if joined := _JOINED.fullmatch(parts[-1]):
        layer, part, count = joined[1], joined[2], 1
    elif len(parts) > 1 and re.fullmatch(_LAYER, parts[-2]) and parts[-1] in _PARTS:
        layer, part, count = parts[-2], parts[-1], 2
    else:
        return None
    name = f"{layer.replace('_', '')}/{_PARTS[part]}"
    return _Name("caffe", ".".join(parts[:-count]), name, count)


def _depth(path: tuple[str, ...], components: int) -> int:
    """How many of the last keys of `path` hold its last `components`."""
    for i in range(1, len(path)):
        components -= path[-i].count(".") + path[-i].count("/") + 1
        if components <= 0:
            return i
    return len(path)


def _beside(network: Network, arrays: list[tuple[NamedArray, str]]) -> list[str]:
    """Names of the `arrays` that lie as deep in the same container as the network's."""
    base = network.base
    return [
        text.removeprefix(f"{network.place}.")
        if network.family == "torch"
        else "/".join(array.path[len(base) :])
        for array, text in arrays
        if array.path[: len(base)] == base and len(array.path) - len(base) <= network.depth
    ]
