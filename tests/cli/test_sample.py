"""sample: the same small data set from the same seed, in a folder of its own."""

import pytest
from helpers import alexnet, fails, tree

CLASSES = {"daisy", "fish", "house", "leaf", "star"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "a"
    result = alexnet("sample", folder, "--photos", "3", "--tests", "2")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [str(folder / "photos"), str(folder / "Test_set")]
    return folder


@pytest.mark.parametrize("part, count", [("photos", 3), ("Test_set", 2)])
def test_every_class_has_as_many_images_as_asked_for(sample, part, count):
    assert {x.name for x in (sample / part).iterdir()} == CLASSES
    for name in CLASSES:
        assert len(list((sample / part / name).glob("*.jpg"))) == count


def test_no_image_is_in_both_parts(sample):
    photos, tests = (
        {x.read_bytes() for x in (sample / y).glob("*/*")} for y in ("photos", "Test_set")
    )
    assert len(photos) == 15 and len(tests) == 10 and not photos & tests


def test_a_seed_repeats_and_another_differs(sample, tmp_path):
    for name, seed in (("same", "0"), ("other", "1")):
        alexnet("sample", tmp_path / name, "--photos", "3", "--tests", "2", "--seed", seed)
    assert tree(tmp_path / "same") == tree(sample)
    same, other = (list(tree(x).values()) for x in (sample, tmp_path / "other"))
    assert len(same) == len(other) and not set(filter(None, same)) & set(
        filter(None, other)
    )


def test_a_folder_that_exists_is_not_mixed_into(sample):
    before = tree(sample)
    fails(3, f"alexnet: {sample} already exists; name a new folder", "sample", sample)
    assert tree(sample) == before
