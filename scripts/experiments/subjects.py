"""What `fuzz.py` does with a mutated file: what `alexnet` does with other people's."""

import contextlib
import shutil
from pathlib import Path

import numpy as np

from alexnet_cli.dataset import images
from alexnet_cli.dataset.download import unpack
from alexnet_cli.dataset.formats import jpeg
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import ImageError
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.pretrained.layouts import read_pretrained
from alexnet_cli.model.pretrained.matching import match_layers
from alexnet_cli.recipe.configs import read_config
from alexnet_cli.run.run import Run

MAX_PIXELS = 20_000_000
MIN_SIDE = 64


def warm(kind: str) -> None:
    """Load what the first case would, so that no case pays for it."""
    if kind == "weights":
        import h5py  # noqa: F401
        import safetensors  # noqa: F401
    if kind in ("run", "sealed-run", "exported"):
        import ai_edge_litert.interpreter  # noqa: F401


def image(sample: Path, data: bytes, folder: Path) -> None:
    """Decode it; a JPEG must be the same, whole and reduced, without simplejpeg.

    Others also with another white level, which must not change how many pixels there are.
    """
    found = _pixels(data)
    if data.startswith(b"\xff\xd8"):
        ways = [found, _pixels(data, MIN_SIDE)]
        strict, jpeg.STRICT = jpeg.STRICT, None
        try:
            assert ways == [_pixels(data), _pixels(data, MIN_SIDE)], "without simplejpeg"
        finally:
            jpeg.STRICT = strict
    else:
        other = _pixels(data, white_level=4095)
        sizes = [x if isinstance(x, str) else x[0] for x in (found, other)]
        assert sizes[0] == sizes[1] or isinstance(other, str), "with a white level"
    if isinstance(found, str):
        raise ImageError(found)


def _pixels(
    data: bytes, min_side: int = 0, white_level: int | None = None
) -> str | tuple[tuple[int, int], bytes]:
    """What is wrong with an image, or its size and pixels."""
    try:
        found = images.open_image(data, MAX_PIXELS, min_side, white_level).image
    except ImageError as error:
        return str(error)
    return found.size, found.tobytes()


def weights(sample: Path, data: bytes, folder: Path) -> None:
    """Read it and match it to a network, as `--weights` does."""
    file = folder / sample.name
    file.write_bytes(data)
    arch = ARCHITECTURES["alexnet-owt"]
    for match in match_layers(read_pretrained(file, arch), arch, 5):
        assert all(x.dtype == np.float32 for x in match.arrays), "another type"


def run(sample: Path, data: bytes, folder: Path) -> None:
    """Open a run with this file changed, read all its tables and predict an image."""
    _use(_changed(sample, data, folder))


def sealed_run(sample: Path, data: bytes, folder: Path) -> None:
    """The same by somebody who writes right digests into it."""
    from alexnet_cli.run.digests import seal

    changed = _changed(sample, data, folder)
    seal(changed, (changed / "run.json").read_bytes().decode("utf-8", "replace"))
    _use(changed)


def _changed(sample: Path, data: bytes, folder: Path) -> Path:
    """A run directory like that around `sample`, in which its content is `data`."""
    (root,) = (x for x in sample.parents if (x / "run.json").exists())
    copy = folder / "run"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy)
    (copy / sample.relative_to(root)).write_bytes(data)
    return copy


def _use(folder: Path) -> None:
    run = Run.open(folder)
    run.history(), run.split(), run.confidences()
    _predict(Classifier(run))


def _predict(classifier: Classifier) -> None:
    (found,) = classifier([np.full((30, 40, 3), (200, 30, 60), np.uint8)])
    if found.error:
        raise ImageError(found.error)
    total = sum(found.probabilities)
    assert abs(total - 1) < 0.02, f"probabilities sum to {total}"


def exported(sample: Path, data: bytes, folder: Path) -> None:
    """Predict an image with an exported model."""
    file = folder / sample.name
    file.write_bytes(data)
    _predict(Classifier(file))


def archive(sample: Path, data: bytes, folder: Path) -> None:
    """Unpack a downloaded archive."""
    file, target = folder / sample.name, folder / "photos"
    file.write_bytes(data)
    shutil.rmtree(target, ignore_errors=True)
    unpack(file, target)
    outside = {x.name for x in folder.iterdir()} - {file.name, target.name}
    assert not outside, f"left {outside}"


def source(sample: Path, data: bytes, folder: Path) -> None:
    """List a manifest or an archive as `--data`, and read every image that it names.

    The files that a manifest names are beside it, and stay from case to case.
    """
    file = folder / f"data{''.join(sample.suffixes)}"
    file.write_bytes(data)
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        (folder / name).write_bytes(b"x")
    try:
        found = open_source(file)
        for x in found.samples:
            with contextlib.suppress(ImageError):
                found.read(x)
    finally:
        file.unlink()
    assert sorted(x.name for x in folder.iterdir()) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def toml(sample: Path, data: bytes, folder: Path) -> None:
    """Read a recipe."""
    file = folder / "recipe.toml"
    file.write_bytes(data)
    read_config(str(file))
