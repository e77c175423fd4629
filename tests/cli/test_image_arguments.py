"""Every IMAGE argument becomes files, in order, whatever bytes are in their names."""

import io
import os
from pathlib import Path

import pytest
from helpers import HARD_NAMES
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.cli.image_arguments import image_files
from alexnet_cli.errors import DatasetError

BYTES_OF_NAMES = st.binary(min_size=1, max_size=30).filter(
    lambda x: not set(x) & set(b"\0\n") and x.strip()
)


def files(*sources, stdin=b""):
    return list(image_files([str(x) for x in sources], io.BytesIO(stdin)))


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.png", "notes.txt", "below/c.jpg", ".hidden.jpg"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x")
    return tmp_path


def test_a_file_is_itself_even_if_it_does_not_exist():
    assert files("none.jpg", "notes.txt") == [Path("none.jpg"), Path("notes.txt")]


def test_a_folder_is_its_images_at_any_depth(folder):
    names = [str(x.relative_to(folder)) for x in files(folder)]
    assert sorted(names) == ["a.png", "b.jpg", "below/c.jpg"]


def test_a_folder_gives_the_same_order_every_time(folder):
    assert files(folder) == files(folder)


def test_arguments_keep_their_order(folder):
    one, other = folder / "b.jpg", folder / "a.png"
    assert files(one, other, one) == [one, other, one]


def test_a_glob_is_sorted_and_leaves_folders_out(folder):
    assert files(folder / "*") == [folder / x for x in ("a.png", "b.jpg", "notes.txt")]
    assert files(folder / "**/*.jpg") == [folder / "b.jpg", folder / "below" / "c.jpg"]


def test_a_file_whose_name_looks_like_a_glob_is_itself(tmp_path):
    for name in ("gl[o]b*?.jpg", "glob1.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert files(tmp_path / "gl[o]b*?.jpg") == [tmp_path / "gl[o]b*?.jpg"]


def test_names_of_any_bytes_come_out_of_a_folder(tmp_path):
    for name in HARD_NAMES:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    assert {os.fsencode(x.name) for x in files(tmp_path)} == set(HARD_NAMES)


@given(st.lists(BYTES_OF_NAMES, max_size=8))
def test_a_list_on_stdin_keeps_every_name_and_byte(names):
    found = files("-", stdin=b"\n".join(names))
    assert [os.fsencode(x) for x in found] == [
        os.fsencode(Path(os.fsdecode(x))) for x in names
    ]


def test_empty_lines_of_a_list_are_left_out():
    assert files("-", "c.jpg", stdin=b"a.jpg\n\n \nb.jpg\n") == [
        Path("a.jpg"), Path("b.jpg"), Path("c.jpg"),
    ]  # fmt: skip


@pytest.mark.parametrize("source, text", [
    ("empty", "empty has no images"), ("no*.jpg", "no*.jpg matches no file"),
])  # fmt: skip
def test_a_source_without_files_is_an_error(tmp_path, monkeypatch, source, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError) as caught:
        files(source)
    assert str(caught.value) == text
