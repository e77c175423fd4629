"""Fingerprints are the same from memory and from a file, and training is."""

import errno
import tempfile
from pathlib import Path

import numpy as np
import pytest

from alexnet_cli.dataset.near_duplicates import print_table
from alexnet_cli.dataset.near_duplicates.print_table import PrintTable
from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources.class_folders import find_images
from alexnet_cli.errors import AlexNetError
from alexnet_cli.recipe.recipe import Recipe

PRINTS = np.random.default_rng(0).integers(0, 256, (5, 2, 32, 32), np.uint8)


def filled(most, count=5):
    table = PrintTable(most)
    for x in PRINTS[:count]:
        table.add(x)
    return table.all()


@pytest.mark.parametrize("in_memory", [5, 4, 0])
@pytest.mark.parametrize("count", [5, 3])
def test_what_was_added_comes_back(monkeypatch, in_memory, count):
    monkeypatch.setattr(print_table, "IN_MEMORY", in_memory)
    found = filled(5, count)
    assert isinstance(found, np.memmap) == (in_memory < 5)
    np.testing.assert_array_equal(found, PRINTS[:count])


def test_of_no_images_there_are_none(monkeypatch):
    assert PrintTable(0).all().shape == (0, 2, 32, 32)
    monkeypatch.setattr(print_table, "IN_MEMORY", 0)
    assert filled(5, 0).shape == (0, 2, 32, 32)


def test_the_file_has_no_name(monkeypatch, tmp_path):
    monkeypatch.setattr(print_table, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    filled(5)
    assert list(tmp_path.iterdir()) == []


def test_groups_and_parts_are_the_same_from_a_file(monkeypatch, toy):
    recipe = Recipe(arch="tiny", size=36)
    first = prepare(find_images(toy), recipe)
    monkeypatch.setattr(print_table, "IN_MEMORY", 0)
    second = prepare(find_images(toy), recipe)
    assert isinstance(second.images.prints, np.ndarray) and first.near == second.near
    assert first.split == second.split
    np.testing.assert_array_equal(first.images.prints, second.images.prints)


def test_no_place_for_the_file_is_one_line(monkeypatch):
    def nowhere():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(print_table, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(AlexNetError) as error:
        PrintTable(5)
    assert str(error.value) == (
        "the scratch file: No usable temporary directory found; set TMPDIR to another folder"
    )


@pytest.mark.skipif("sys.platform != 'linux'", reason="/dev/full is a file of Linux")
def test_a_full_disk_is_one_line(monkeypatch):
    def open_full():
        return Path("/dev/full").open("wb")

    monkeypatch.setattr(print_table, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "TemporaryFile", open_full)
    table = PrintTable(50)
    with pytest.raises(AlexNetError, match=r"^the scratch file.*: No space left.*TMPDIR"):
        for _ in range(50):
            table.add(PRINTS[0])
    with pytest.raises(AlexNetError, match="No space left"):
        table.all()
    # What is buffered is tried again when the file is closed.
    with pytest.raises(OSError, match="No space left"):
        table._file.close()
