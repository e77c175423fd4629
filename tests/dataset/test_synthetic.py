"""Drawn images are repeatable, independent of one another, and different in kind."""

import numpy as np
import pytest
from PIL import Image

from alexnet_cli.dataset.images import decode
from alexnet_cli.dataset.near_duplicates.closeups import ImageSet
from alexnet_cli.dataset.near_duplicates.fingerprint import fingerprint
from alexnet_cli.dataset.near_duplicates.search import find_copies
from alexnet_cli.dataset.sources.class_folders import find_images
from alexnet_cli.dataset.synthetic import KINDS, SIDE, draw_image, draw_sample
from alexnet_cli.errors import DatasetError


def content(folder):
    return {x.relative_to(folder).as_posix(): x.read_bytes() for x in folder.rglob("*.jpg")}


def test_a_sample_is_two_data_sets_of_the_same_classes(tmp_path):
    found = draw_sample(tmp_path / "s", photos=3, tests=2)
    assert found == {"photos": tmp_path / "s/photos", "Test_set": tmp_path / "s/Test_set"}
    photos, tests = (find_images(x) for x in found.values())
    assert photos.classes == tests.classes == tuple(sorted(KINDS))
    assert photos.counts("train") == [3] * 5 and tests.counts("train") == [2] * 5
    assert photos.samples[0].name == "daisy/daisy_000.jpg"
    assert decode(found["photos"] / photos.samples[0].name).shape == (SIDE, SIDE, 3)


def test_equal_seeds_draw_equal_images_and_others_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        draw_sample(tmp_path / name, photos=1, tests=1, seed=seed)
    one, same, other = (content(tmp_path / x) for x in "abc")
    assert one == same
    assert all(other[k] != v for k, v in one.items())


def test_an_image_does_not_depend_on_how_many_are_drawn(tmp_path):
    draw_sample(tmp_path / "few", photos=1, tests=1)
    draw_sample(tmp_path / "more", photos=2, tests=2)
    assert content(tmp_path / "few").items() <= content(tmp_path / "more").items()


def test_no_test_image_is_a_training_image(tmp_path):
    found = draw_sample(tmp_path / "s", photos=4, tests=4)
    train, test = (
        np.stack([fingerprint(Image.fromarray(decode(y)))[0] for y in sorted(x.rglob("*.jpg"))])
        for x in found.values()
    )  # fmt: skip
    here, other = (ImageSet(x, None, [""] * len(x)) for x in (train, test))
    assert find_copies(here, other, lambda *x: None) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_is_another_one(kind):
    images = [np.asarray(draw_image(kind, np.random.default_rng(i))) for i in range(6)]
    assert all(x.shape == (SIDE, SIDE, 3) and x.dtype == np.uint8 for x in images)
    for i, one in enumerate(images):
        for other in images[:i]:
            assert abs(one.astype(int) - other).mean() > 10


def test_color_hints_and_does_not_decide():
    """The mean colors of two kinds are further apart than none, less than their spread."""
    colors = {
        kind: np.array([
            np.asarray(draw_image(kind, np.random.default_rng((3, i))))[96:160, 96:160].mean((0, 1))
            for i in range(30)
        ])
        for kind in ("leaf", "house")
    }  # fmt: skip
    distance = np.linalg.norm(colors["leaf"].mean(0) - colors["house"].mean(0))
    spread = np.mean([x.std(axis=0).mean() for x in colors.values()])
    assert 5 < distance < 4 * spread


@pytest.mark.parametrize("make", ["file", "full folder"])
def test_nothing_is_overwritten(tmp_path, make):
    target = tmp_path / "s"
    if make == "file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError) as error:
        draw_sample(target)
    assert str(error.value) == f"{target} already exists; name a new folder"
    assert content(tmp_path) == {}


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "s").mkdir()
    draw_sample(tmp_path / "s", photos=1, tests=1)
    assert len(content(tmp_path / "s")) == 10
