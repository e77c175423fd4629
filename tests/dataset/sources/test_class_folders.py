"""Class folders are a source: samples by name, labels by class, parts as the folder has them."""

import os
import shutil

import pytest
from helpers import HARD_NAMES, draw_toy

from alexnet_cli.dataset.sources.class_folders import find_images
from alexnet_cli.errors import DatasetError, ImageError


@pytest.fixture
def parted(tmp_path):
    """train, validation and test folders; two classes of them in validation."""
    data = tmp_path / "d"
    draw_toy(data / "train", each=4)
    draw_toy(data / "validation", each=2, seed=1)
    draw_toy(data / "Test", each=1, seed=2)
    shutil.rmtree(data / "validation" / "blue")
    return data


def names_of(found, part):
    return [x.name for x in found.samples if x.part == part]


def test_samples_are_the_files_with_the_labels_of_their_folders(toy):
    found = find_images(toy)
    assert found.classes == ("blue", "green", "red") and found.parts == ("train",)
    assert found.location == str(toy)
    assert len(found.samples) == 36
    for sample in found.samples:
        assert sample.name.split("/")[0] == found.classes[sample.label]
        assert sample.part == "train"
    assert found.counts("train") == [12, 12, 12] and found.counts("val") == [0, 0, 0]


def test_a_sample_is_read_from_its_file(toy):
    found = find_images(toy)
    for sample in found.samples[::7]:
        assert found.read(sample) == (toy / sample.name).read_bytes()


def test_names_of_any_bytes_are_read(tmp_path):
    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
    for i, name in enumerate(HARD_NAMES):
        (tmp_path / "a" / os.fsdecode(name)).write_bytes(b"%d" % i)
    (tmp_path / "b" / "1.jpg").write_bytes(b"x")
    found = find_images(tmp_path)
    content = {found.read(x) for x in found.samples if x.label == 0}
    assert content == {b"%d" % i for i in range(len(HARD_NAMES))}


def test_a_file_that_vanished_is_an_image_error(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    found = find_images(data)
    (data / found.samples[0].name).unlink()
    with pytest.raises(ImageError) as error:
        found.read(found.samples[0])
    assert str(error.value) == "does not exist"


def test_parts_keep_the_labels_of_train(parted):
    found = find_images(parted)
    assert found.parts == ("train", "val", "test")
    assert found.counts("train") == [4, 4, 4]
    assert found.counts("val") == [0, 2, 2]
    assert found.counts("test") == [1, 1, 1]
    for sample in found.samples:
        assert sample.name.split("/")[1] == found.classes[sample.label]
    assert all(x.startswith("validation/") for x in names_of(found, "val"))
    assert all(x.startswith("Test/") for x in names_of(found, "test"))


def test_chosen_classes_number_every_part(parted):
    found = find_images(parted, ("red", "blue"))
    assert found.classes == ("red", "blue")
    assert found.counts("train") == [4, 4]
    assert found.counts("val") == [2, 0]
    assert {x.name.split("/")[1] for x in found.samples} == {"red", "blue"}


def test_notes_of_all_parts_are_kept(parted):
    (parted / "train" / "red" / "a.txt").write_text("x")
    (parted / "Test" / "blue" / "b.txt").write_text("x")
    notes = find_images(parted).notes
    assert notes == (
        "red/a.txt: not an image by its extension",
        "blue/b.txt: not an image by its extension",
    )


def test_a_class_that_train_lacks_is_an_error_unless_classes_are_chosen(parted):
    draw_toy(parted / "more", each=1)
    shutil.move(parted / "more" / "red", parted / "validation" / "owl")
    shutil.rmtree(parted / "more")
    with pytest.raises(DatasetError) as error:
        find_images(parted)
    message = f"{parted / 'validation'} has a class 'owl' that {parted / 'train'} lacks"
    assert str(error.value) == message
    assert find_images(parted, ("blue", "red")).counts("val") == [0, 2]


def test_one_class_is_not_enough(toy):
    with pytest.raises(DatasetError) as error:
        find_images(toy, ("red",))
    message = f"{toy} has only one class, 'red'; a classifier needs at least two"
    assert str(error.value) == message


def test_a_location_is_one_printable_line(tmp_path):
    data = draw_toy(tmp_path / os.fsdecode(b"two\nlines\xff"), each=1)
    assert find_images(data).location == f"{tmp_path}/two\\nlines\\xff"
