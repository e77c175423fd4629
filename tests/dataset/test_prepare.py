"""Every file is either decoded once or listed as bad; parts of a folder are kept."""

import math
import shutil

import numpy as np
import pytest
from helpers import draw_toy
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.decoding import BadImage
from alexnet_cli.dataset.near_duplicates import search as near_search
from alexnet_cli.dataset.near_duplicates.groups import content_groups
from alexnet_cli.dataset.near_duplicates.pairs import NearPairs
from alexnet_cli.dataset.prepare import prepare, refuse_overlap
from alexnet_cli.dataset.sources.class_folders import find_images
from alexnet_cli.dataset.synthetic import draw_sample
from alexnet_cli.errors import DatasetError
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe

RECIPE = Recipe(arch="tiny", size=36, resize="crop")


def prepared(data, recipe=RECIPE, classes=()):
    return prepare(find_images(data, classes), recipe)


def test_pixels_are_the_decoders_in_order(toy):
    source = find_images(toy)
    got = prepared(toy)
    assert len(got.training) == 30 and len(got.validation) == 6
    for sample, pixels in zip(
        source.samples, got.training.cache.images(range(36)), strict=True
    ):
        expected = images.load(toy / sample.name, preprocess_of(RECIPE))
        np.testing.assert_array_equal(pixels, expected)
    assert sorted([*got.training.rows, *got.validation.rows]) == list(range(36))
    assert [x.file for x in got.split] == [x.name for x in source.samples]


def test_rows_of_the_split_are_those_of_the_examples(toy):
    got = prepared(toy)
    for part, examples in (("train", got.training), ("val", got.validation)):
        assert [i for i, x in enumerate(got.split) if x.part == part] == list(examples.rows)
    classes = ("blue", "green", "red")
    assert [classes[i] for i in got.training.labels] == [x.label for x in got.split]
    assert got.images.prints.shape == (36, 2, 32, 32)


def test_bad_files_are_listed_and_left_out(tmp_path):
    data = draw_toy(tmp_path / "d", each=6)
    (data / "blue" / "000.jpg").write_bytes(b"not an image")
    (data / "red" / "zero.png").write_bytes(b"")
    got = prepared(data)
    assert got.bad == (
        BadImage("blue/000.jpg", "is not an image in a known format"),
        BadImage("red/zero.png", "is empty"),
    )
    assert len(got.split) == 18
    labels = [x.label for x in got.split]
    assert [("blue", "green", "red")[i] for i in got.training.labels] == labels


def test_a_class_of_bad_files_is_named(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    for file in (data / "green").iterdir():
        file.write_bytes(b"x")
    with pytest.raises(DatasetError) as error:
        prepared(data)
    assert str(error.value) == (
        f"{data}: class 'green' has no training image that can be read; "
        f"add some, or leave the class out with --classes"
    )


def test_one_image_is_not_enough(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    for file in list((data / "red").iterdir())[1:]:
        file.unlink()
    with pytest.raises(DatasetError, match="class 'red' has 1 different image"):
        prepared(data)


def test_train_and_val_folders_stay_what_they_are(tmp_path):
    draw_toy(tmp_path / "d" / "train", each=6)
    draw_toy(tmp_path / "d" / "validation", each=2, seed=9)
    shutil.rmtree(tmp_path / "d" / "validation" / "blue")
    shutil.copy(tmp_path / "d/train/red/00.jpg", tmp_path / "d/validation/red/copy.jpg")
    got = prepared(tmp_path / "d")
    assert got.counts() == {"train": 18, "val": 5, "test": 0}
    assert got.shared == 1
    val = {x.label for x in got.split if x.part == "val"}
    assert val == {"green", "red"}
    assert {int(x) for x in got.validation.labels[got.validation.rows]} == {1, 2}


def test_train_and_test_alone_take_validation_from_train(tmp_path):
    draw_toy(tmp_path / "d" / "train", each=10)
    draw_toy(tmp_path / "d" / "test", each=2, seed=9)
    assert prepared(tmp_path / "d").counts() == {"train": 24, "val": 6, "test": 6}


def test_the_data_folder_is_not_written_to(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    before = {x: (x.stat().st_mtime_ns, x.stat().st_size) for x in data.rglob("*")}
    prepared(data)
    assert before == {x: (x.stat().st_mtime_ns, x.stat().st_size) for x in data.rglob("*")}


def sample(folder, each=8):
    draw_sample(folder, photos=each, tests=1)
    return folder / "photos"


def test_near_identical_images_stay_on_one_side(tmp_path):
    data = sample(tmp_path / "s")
    for file in sorted(data.glob("*/*.jpg")):
        with Image.open(file) as image:
            image.resize((190, 190)).save(file.with_name(f"small_{file.name}"), quality=80)
    got = prepared(data)
    side = {}
    for row in got.split:
        side.setdefault(row.group, set()).add(row.part)
    assert all(len(x) == 1 for x in side.values())
    assert len(side) <= 42
    apart = prepared(data, Recipe(arch="tiny", size=36, group_near=False))
    assert len({x.group for x in apart.split}) == 80


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, math.inf),
        ({"max_minutes": 2}, 12),
        ({"max_minutes": 2, "deterministic": True}, math.inf),
        ({"max_minutes": 2, "folds": 3}, math.inf),
        ({"max_minutes": 2, "group_near": False}, None),
    ],
)
def test_the_search_takes_a_tenth_of_the_time(toy, monkeypatch, fields, seconds):
    limits = []

    def search(images, progress, limit):
        limits.append(limit)
        return NearPairs(((0, 1),), 5, 630)

    monkeypatch.setattr(near_search, "near_pairs", search)
    got = prepared(toy, Recipe(arch="tiny", size=36, **fields))
    assert limits == ([] if seconds is None else [pytest.approx(seconds)])
    assert (got.split[0].group == got.split[1].group) is (seconds is not None)
    assert got.near == (NearPairs() if seconds is None else NearPairs(((0, 1),), 5, 630))


def test_a_fraction_reads_fewer_files(tmp_path):
    data = sample(tmp_path / "s", each=20)
    got = prepared(data, Recipe(arch="tiny", size=36, fraction=0.25))
    assert len(got.split) == 25
    again = prepared(data, Recipe(arch="tiny", size=36, fraction=0.25))
    assert again.split == got.split


def test_folds_of_a_folder(tmp_path):
    data = sample(tmp_path / "s", each=10)
    held = []
    for fold in (1, 2, 3):
        got = prepared(data, Recipe(arch="tiny", size=36, folds=3, fold=fold))
        held += [x.file for x in got.split if x.part == "val"]
    assert sorted(held) == sorted(x.relative_to(data).as_posix() for x in data.glob("*/*"))


def test_overlap_with_a_test_folder_is_refused(tmp_path):
    data, other = sample(tmp_path / "s"), tmp_path / "s" / "Test_set"
    got = prepared(data)
    (other / "fish" / "bad.jpg").write_bytes(b"x")
    refuse_overlap(got, other)
    shutil.copy(data / "fish" / "fish_001.jpg", other / "fish" / "x.jpg")
    with pytest.raises(DatasetError) as error:
        refuse_overlap(got, other)
    assert str(error.value) == (
        f"1 image(s) of {other} are also, or almost, trained on or validated on: fish/x.jpg is "
        f"fish/fish_001.jpg; `alexnet doctor --against` lists them, --allow-overlap trains anyway"
    )


def test_a_near_copy_in_a_test_folder_is_refused(tmp_path):
    data, other = sample(tmp_path / "s"), tmp_path / "s" / "Test_set"
    with Image.open(data / "leaf" / "leaf_002.jpg") as image:
        image.resize((180, 180)).save(other / "leaf" / "small.jpg", quality=70)
    with pytest.raises(DatasetError, match=": leaf/small.jpg is leaf/leaf_002.jpg"):
        refuse_overlap(prepared(data), other)


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=8),
    st.randoms(use_true_random=False),
)
def test_groups_are_named_by_content_alone(letters, pairs, random):
    digests = [x * 64 for x in letters]
    near = [(i % len(letters), j % len(letters)) for i, j in pairs]
    groups = content_groups(digests, near)
    for i, j in near:
        assert groups[i] == groups[j]
    for i, name in enumerate(digests):
        assert groups[i] == groups[digests.index(name)]
        assert groups[i] <= name[:12] and groups[i] in {x[:12] for x in digests}
    order = list(range(len(letters)))
    random.shuffle(order)
    place = {old: new for new, old in enumerate(order)}
    shuffled = content_groups(
        [digests[i] for i in order], [(place[i], place[j]) for i, j in near]
    )
    assert shuffled == [groups[i] for i in order]


def uneven(folder):
    """blue: six images, green: three of which two are bad, red: copies of one image."""
    data = draw_toy(folder, each=6)
    for file in sorted((data / "green").iterdir())[:3]:
        file.unlink()
    for file in sorted((data / "green").iterdir())[:2]:
        file.write_bytes(b"x")
    first, *others = sorted((data / "red").iterdir())
    for file in others:
        shutil.copy(first, file)
    return data


def test_all_small_classes_are_named_at_once(tmp_path):
    data = uneven(tmp_path / "d")
    (data / "amber").mkdir()
    (data / "amber" / "0.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(DatasetError) as error:
        prepared(data)
    assert str(error.value).startswith(
        "3 classes have few different images: 'amber' 0, 'green' 1, 'red' 1, too few"
    )
    assert "--drop-small-classes 2" in str(error.value)


def test_classes_with_bad_files_alone_are_named_at_once(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    draw_toy(tmp_path / "e", each=4, seed=4)
    shutil.move(tmp_path / "e" / "blue", data / "yellow")
    for file in (*(data / "green").iterdir(), *(data / "red").iterdir()):
        file.write_bytes(b"x")
    with pytest.raises(DatasetError) as error:
        prepared(data)
    assert str(error.value) == (
        f"{data}: 2 classes have no training image that can be read: green, red; "
        f"add some, or leave them out with --drop-small-classes 1"
    )
    for file in (data / "yellow").iterdir():
        file.write_bytes(b"x")
    with pytest.raises(DatasetError) as error:
        prepared(data)
    assert str(error.value) == (
        f"{data}: 3 of 4 classes have no training image that can be read: green, red, "
        f"yellow; add some, or mend the files that `alexnet doctor` lists"
    )


def test_small_classes_are_left_out_when_asked_for(tmp_path):
    data = uneven(tmp_path / "d")
    draw_toy(tmp_path / "e", each=6, seed=4)
    shutil.move(tmp_path / "e" / "blue", data / "yellow")
    got = prepared(data, Recipe(arch="tiny", size=36, drop_small_classes=2))
    assert got.kept.classes == ("blue", "yellow")
    assert got.kept.small == {"green": 1, "red": 1}
    assert {x.label for x in got.split} == {"blue", "yellow"} and len(got.split) == 12
    assert len(got.kept.dropped) == 7 and len(got.bad) == 2
    assert {x.file.split("/")[0] for x in got.kept.dropped} == {"green", "red"}
    assert got.kept.dropped[0].reason == (
        "is of a class with 1 different image(s), fewer than --drop-small-classes 2"
    )
    # Pixels, labels, names and fingerprints are still those of the same image.
    assert got.images.prints.shape == (12, 2, 32, 32)
    files = {x.file: x for x in got.split}
    for examples, part in ((got.training, "train"), (got.validation, "val")):
        assert len(examples) == sum(x.part == part for x in got.split)
        for row in examples.rows:
            name = got.names[row]
            assert files[name].part == part
            assert got.kept.classes[examples.labels[row]] == files[name].label
            expected = images.load(data / name, preprocess_of(RECIPE))
            np.testing.assert_array_equal(examples.pixels([row])[0], expected)


def test_near_pairs_follow_the_images_that_are_kept(tmp_path):
    data = sample(tmp_path / "s", each=4)
    for file in list((data / "fish").iterdir())[1:]:
        file.unlink()
    with Image.open(data / "leaf" / "leaf_001.jpg") as image:
        image.resize((190, 190)).save(data / "leaf" / "small.jpg", quality=80)
    got = prepared(data, Recipe(arch="tiny", size=36, drop_small_classes=2))
    ((i, j),) = got.near.pairs
    assert {got.split[i].file, got.split[j].file} == {"leaf/leaf_001.jpg", "leaf/small.jpg"}


def test_not_all_classes_can_be_left_out(tmp_path):
    data = uneven(tmp_path / "d")
    with pytest.raises(DatasetError) as error:
        prepared(data, Recipe(arch="tiny", size=36, drop_small_classes=2))
    assert str(error.value) == (
        f"{data}: --drop-small-classes 2 leaves 1 of 3 classes; use a smaller number"
    )


def test_only_images_to_train_on_make_a_class_large(tmp_path):
    draw_toy(tmp_path / "d" / "train", each=6)
    draw_toy(tmp_path / "d" / "val", each=6, seed=1)
    for file in sorted((tmp_path / "d" / "train" / "red").iterdir())[1:]:
        file.unlink()
    got = prepared(tmp_path / "d", Recipe(arch="tiny", size=36, drop_small_classes=3))
    assert got.kept.small == {"red": 1} and got.counts() == {
        "train": 12,
        "val": 12,
        "test": 0,
    }


def test_the_test_part_may_be_what_the_data_is_compared_with(tmp_path):
    draw_toy(tmp_path / "d" / "train", each=6)
    test = draw_toy(tmp_path / "d" / "test", each=2, seed=1)
    got = prepared(tmp_path / "d")
    assert got.counts()["test"] == 6
    refuse_overlap(got, test)
    shutil.copy(tmp_path / "d" / "train" / "red" / "03.png", test / "red")
    with pytest.raises(DatasetError, match="1 image.*red/03.png is train/red/03.png"):
        refuse_overlap(got, test)
