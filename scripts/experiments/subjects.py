"""What `fuzz.py` does with a mutated file: what `alexnet` does with other people's."""

import contextlib
import hashlib
import json
import shutil
import zlib
from pathlib import Path

import numpy as np

from alexnet_cli.dataset import images
from alexnet_cli.dataset.doctor import examine
from alexnet_cli.dataset.download import unpack
from alexnet_cli.dataset.formats import jpeg
from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources.kinds import SHARDS
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import ImageError
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.pretrained.layouts import read_pretrained
from alexnet_cli.model.pretrained.matching import match_layers
from alexnet_cli.recipe.configs import read_config
from alexnet_cli.recipe.recipe import Recipe
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


def _changed(sample: Path, data: bytes, folder: Path, head: str = "run.json") -> Path:
    """A folder like that with a `head` around `sample`, in which its content is `data`."""
    (root,) = (x for x in sample.parents if (x / head).exists())
    copy = folder / "copy"
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


def shards(sample: Path, data: bytes, folder: Path) -> None:
    """Prepare a folder of shards with this file changed, as training does, and check it."""
    _train_on(_changed(sample, data, folder, SHARDS))


def sealed_shards(sample: Path, data: bytes, folder: Path) -> None:
    """The same by somebody who writes right checksums and digests into it."""
    changed = _changed(sample, data, folder, SHARDS)
    if sample.name != SHARDS:
        _seal_shards(changed)
    _train_on(changed)


def _train_on(folder: Path) -> None:
    for cache in ("ram", "none"):
        recipe = Recipe(arch="tiny", size=36, cache=cache)
        found = prepare(open_source(folder), recipe)
        for part in (found.training, found.validation):
            assert part.pixels(part.rows).dtype == np.uint8, "another type"
    examine(folder, folder)


def _seal_shards(folder: Path) -> None:
    """Write the checksums, sizes and digests that the files of `folder` have now."""
    index = json.loads((folder / SHARDS).read_bytes())
    tars = [(folder / x["file"]).read_bytes() for x in index["shards"]]
    table = folder / "samples.csv"
    lines = table.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    rows = [x.split(",") for x in lines]
    for row in rows[1:]:
        # A cell that was changed may be no number, or none of a shard.
        with contextlib.suppress(ValueError, IndexError, OverflowError):
            shard, offset, size = (int(x) for x in row[7:10])
            row[10] = str(zlib.crc32(tars[shard][offset : offset + size]))
    text = "".join(",".join(x) + "\r\n" for x in rows)
    table.write_bytes(text.encode("utf-8", "surrogatepass"))
    for entry, content in (
        *zip(index["shards"], tars, strict=True),
        (index["samples"], None),
    ):
        content = table.read_bytes() if content is None else content
        entry |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / SHARDS).write_text(json.dumps(index))


def toml(sample: Path, data: bytes, folder: Path) -> None:
    """Read a recipe."""
    file = folder / "recipe.toml"
    file.write_bytes(data)
    read_config(str(file))
