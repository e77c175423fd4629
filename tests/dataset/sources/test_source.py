"""Whatever offers samples and their bytes can be prepared; class folders are one of many."""

from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path

import numpy as np
import pytest
from helpers import COLORS, draw_toy, encoded
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.decoding import BadImage
from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources.class_folders import find_images
from alexnet_cli.dataset.sources.source import Sample, Source
from alexnet_cli.errors import DatasetError, ImageError
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe

RECIPE = Recipe(arch="tiny", size=36, resize="crop")


@dataclass
class DictSource:
    """A data set in memory: {(class, part, name): bytes}."""

    content: dict[tuple[str, str, str], bytes]
    reads: list[str] = field(default_factory=list)
    location: str = "a dict"
    root = Path("a dict")
    notes = ()
    sequential = False

    @property
    def classes(self):
        return tuple(sorted({label for label, _, _ in self.content}))

    @property
    def parts(self):
        found = {part for _, part, _ in self.content}
        return tuple(x for x in ("train", "val", "test") if x in found)

    @property
    def samples(self):
        return tuple(
            Sample(name, self.classes.index(label), part)
            for label, part, name in self.content
        )

    def counts(self, part):
        found = [x.label for x in self.samples if x.part == part]
        return [found.count(i) for i in range(len(self.classes))]

    def in_order(self, samples):
        return list(samples)

    def read(self, sample):
        self.reads.append(sample.name)
        for (_, _, name), data in self.content.items():
            if name == sample.name:
                return data
        raise ImageError("was deleted")


def drawn(part="train", each=8, seed=0):
    """The content of a source: noisy images of three colors."""
    rng = np.random.default_rng(seed)
    content = {}
    for label, color in COLORS.items():
        for i in range(each):
            pixels = (np.array(color) + rng.normal(0, 30, (40, 50, 3))).clip(0, 255)
            image = Image.fromarray(pixels.astype(np.uint8))
            content[label, part, f"{part} image {i} of {label}"] = encoded(image)
    return content


def prepared(source, recipe=RECIPE):
    return prepare(source, recipe)


def test_a_source_in_memory_is_prepared():
    source: Source = DictSource(drawn())
    data = prepared(source)
    assert data.counts() == {"train": 18, "val": 6, "test": 0}
    assert {x.file for x in data.split} == {name for _, _, name in source.content}
    assert sorted(source.reads) == sorted(x.name for x in source.samples)
    rows = [*data.training.rows, *data.validation.rows]
    for row, pixels in zip(rows, data.training.cache.images(rows), strict=True):
        sample = source.samples[row]
        encoded_image = source.content[source.classes[sample.label], "train", sample.name]
        np.testing.assert_array_equal(
            pixels, images.load(encoded_image, preprocess_of(RECIPE))
        )


def test_the_same_images_are_split_alike_wherever_they_come_from(tmp_path):
    folder = find_images(draw_toy(tmp_path / "d"))
    copy = DictSource({
        (folder.classes[x.label], "train", f"copy of {x.name}"): folder.read(x)
        for x in reversed(folder.samples)
    })  # fmt: skip
    for recipe in (
        RECIPE,
        RECIPE.changed(test_fraction=0.2, seed=3),
        RECIPE.changed(fraction=0.5),
    ):
        one, other = (
            {(x.sha256, x.label, x.part, x.group) for x in prepared(source, recipe).split}
            for source in (folder, copy)
        )
        assert one == other


def test_parts_of_a_source_are_kept():
    source = DictSource({**drawn(), **drawn("val", 2, 1), **drawn("test", 3, 2)})
    data = prepared(source)
    assert data.counts() == {"train": 24, "val": 6, "test": 9}
    assert all(x.file.startswith(x.part) for x in data.split)
    assert data.shared == 0


def test_images_that_a_source_cannot_read_are_bad():
    class Damaged(DictSource):
        def read(self, sample):
            if sample.name.startswith("train image 3"):
                raise ImageError("is missing in the archive")
            return super().read(sample)

    data = prepared(Damaged(drawn()))
    assert len(data.split) == 21
    assert data.bad == tuple(
        BadImage(f"train image 3 of {label}", "is missing in the archive")
        for label in COLORS
    )


def test_without_a_cache_images_are_read_again():
    source = DictSource(drawn())
    data = prepared(source, RECIPE.changed(cache="none"))
    source.reads.clear()
    again = data.training.pixels(data.training.rows)
    assert sorted(source.reads) == sorted(
        source.samples[i].name for i in data.training.rows
    )
    expected = prepared(source).training.pixels(data.training.rows)
    np.testing.assert_array_equal(again, expected)


def test_errors_name_the_source():
    bad = {key: b"x" if key[0] == "green" else data for key, data in drawn().items()}
    with pytest.raises(DatasetError) as error:
        prepared(DictSource(bad, location="s3://bucket/images"))
    assert str(error.value) == (
        "s3://bucket/images: class 'green' has no training image that can be read; "
        "add some, or leave the class out with --classes"
    )
    bad = {**drawn(), ("red", "val", "v"): b"x"}
    with pytest.raises(DatasetError) as error:
        prepared(DictSource(bad))
    assert str(error.value) == "a dict: no validation image can be read"
    good = {**drawn(), **drawn("val", 1, 1)}
    with pytest.raises(DatasetError) as error:
        prepared(DictSource(good), RECIPE.changed(folds=2))
    assert str(error.value) == "a dict already has a validation part; leave out --folds"


def test_samples_are_values():
    """The cache keeps them, and tables of them are compared."""
    sample = Sample("a.jpg", 1, "train")
    assert sample == Sample("a.jpg", 1, "train") and len({sample, sample}) == 1
    assert sample != Sample("a.jpg", 1, "val")
    with pytest.raises(FrozenInstanceError):
        sample.label = 2
