"""Every file is either decoded once or listed as bad; parts of a folder are kept."""

import shutil

import numpy as np
import pytest
from helpers import draw_toy
from PIL import Image

from alexnet_cli.dataset.folders import images
from alexnet_cli.dataset.prepare import find_images, prepare, refuse_overlap
from alexnet_cli.dataset.synthetic import draw_sample
from alexnet_cli.errors import DatasetError
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe

RECIPE = Recipe(arch="tiny", size=36, resize="crop")


def gathered(data, recipe=RECIPE, classes=()):
    return prepare(find_images(data, classes), recipe, lambda done, count: None)


def test_pixels_are_the_decoders_in_order(toy):
    found = find_images(toy)
    got = gathered(toy)
    files = found.parts["train"].files
    assert len(got.training) == 30 and len(got.validation) == 6
    for file, pixels in zip(files, got.training.store.images(range(36)), strict=True):
        np.testing.assert_array_equal(pixels, images.load(file, preprocess_of(RECIPE)))
    assert sorted([*got.training.rows, *got.validation.rows]) == list(range(36))


def test_bad_files_are_listed_and_left_out(tmp_path):
    data = draw_toy(tmp_path / "d", each=6)
    (data / "blue" / "000.jpg").write_bytes(b"not an image")
    (data / "red" / "zero.png").write_bytes(b"")
    got = gathered(data)
    assert got.bad == (
        ("blue/000.jpg", "is not an image in a known format"),
        ("red/zero.png", "is empty"),
    )
    assert len(got.split) == 18
    labels = [x[1] for x in got.split]
    assert [("blue", "green", "red")[i] for i in got.training.labels] == labels


def test_a_class_of_bad_files_is_named(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    for file in (data / "green").iterdir():
        file.write_bytes(b"x")
    with pytest.raises(DatasetError, match="'green': none of its images"):
        gathered(data)


def test_one_class_or_one_image_is_not_enough(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    with pytest.raises(DatasetError, match="one class, 'red'"):
        find_images(data, ("red",))
    for file in list((data / "red").iterdir())[1:]:
        file.unlink()
    with pytest.raises(DatasetError, match="class 'red' has 1 different image"):
        gathered(data)


def test_train_and_val_folders_stay_what_they_are(tmp_path):
    draw_toy(tmp_path / "d" / "train", each=6)
    draw_toy(tmp_path / "d" / "validation", each=2, seed=9)
    shutil.rmtree(tmp_path / "d" / "validation" / "blue")
    shutil.copy(tmp_path / "d/train/red/00.jpg", tmp_path / "d/validation/red/copy.jpg")
    got = gathered(tmp_path / "d")
    assert got.counts() == {"train": 18, "val": 5, "test": 0}
    assert got.shared == 1
    val = {x[1] for x in got.split if x[2] == "val"}
    assert val == {"green", "red"}
    assert {int(x) for x in got.validation.labels[got.validation.rows]} == {1, 2}
    (tmp_path / "d" / "validation" / "owl").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "d" / "validation" / "owl" / "a.png")
    with pytest.raises(DatasetError, match="has a class 'owl'"):
        find_images(tmp_path / "d")


def test_train_and_test_alone_take_validation_from_train(tmp_path):
    draw_toy(tmp_path / "d" / "train", each=10)
    draw_toy(tmp_path / "d" / "test", each=2, seed=9)
    assert gathered(tmp_path / "d").counts() == {"train": 24, "val": 6, "test": 6}


def test_the_data_folder_is_not_written_to(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    before = {x: (x.stat().st_mtime_ns, x.stat().st_size) for x in data.rglob("*")}
    gathered(data)
    assert before == {x: (x.stat().st_mtime_ns, x.stat().st_size) for x in data.rglob("*")}


def sample(folder, each=8):
    draw_sample(folder, photos=each, tests=1)
    return folder / "photos"


def test_near_identical_images_stay_on_one_side(tmp_path):
    data = sample(tmp_path / "s")
    for file in sorted(data.glob("*/*.jpg")):
        with Image.open(file) as image:
            image.resize((190, 190)).save(file.with_name(f"small_{file.name}"), quality=80)
    got = gathered(data)
    side = {}
    for _name, _, part, _, group in got.split:
        side.setdefault(group, set()).add(part)
    assert all(len(x) == 1 for x in side.values())
    assert len(side) <= 42
    apart = gathered(data, Recipe(arch="tiny", size=36, group_near=False))
    assert len({x[4] for x in apart.split}) == 80


def test_a_fraction_reads_fewer_files(tmp_path):
    data = sample(tmp_path / "s", each=20)
    got = gathered(data, Recipe(arch="tiny", size=36, fraction=0.25))
    assert len(got.split) == 25
    again = gathered(data, Recipe(arch="tiny", size=36, fraction=0.25))
    assert again.split == got.split


def test_folds_of_a_folder(tmp_path):
    data = sample(tmp_path / "s", each=10)
    held = []
    for fold in (1, 2, 3):
        got = gathered(data, Recipe(arch="tiny", size=36, folds=3, fold=fold))
        held += [x[0] for x in got.split if x[2] == "val"]
    assert sorted(held) == sorted(x.relative_to(data).as_posix() for x in data.glob("*/*"))


def test_overlap_with_a_test_folder_is_refused(tmp_path):
    data = sample(tmp_path / "s")
    got = gathered(data)
    refuse_overlap(got, tmp_path / "s" / "Test_set")
    shutil.copy(
        data / "fish" / "fish_001.jpg", tmp_path / "s" / "Test_set" / "fish" / "x.jpg"
    )
    with pytest.raises(DatasetError, match=r"1 image.* fish/x.jpg in fish/fish_001.jpg"):
        refuse_overlap(got, tmp_path / "s" / "Test_set")
