"""Every IMAGE argument becomes files, in order, whatever bytes are in their names."""

import io
import os
from pathlib import Path

import pytest
from helpers import HARD_NAMES

from alexnet_cli.cli.drawing_folder import DrawingFolder
from alexnet_cli.cli.file_list import URL_ERROR
from alexnet_cli.cli.image_arguments import ImageArguments, as_images
from alexnet_cli.errors import DatasetError


def inputs(*sources, stdin=b"", note=lambda _: None, reserved=None):
    """What the arguments name, each as (its name, its error)."""
    words = [str(x) for x in sources]
    arguments = ImageArguments(words, io.BytesIO(stdin), note, reserved)
    return [(x.name or str(x.file), x.error) for x in arguments.inputs()]


def files(*sources, **kwargs):
    found = inputs(*sources, **kwargs)
    assert not any(error for _, error in found), found
    return [Path(x) for x, _ in found]


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


@pytest.mark.parametrize("source, text", [
    ("empty", "empty has no images"), ("no*.jpg", "no*.jpg matches no file"),
])  # fmt: skip
def test_a_source_without_files_is_an_error(tmp_path, monkeypatch, source, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError) as caught:
        files(source)
    assert str(caught.value) == text


@pytest.mark.parametrize("source, error", [
    ("no*.jpg", "matches no file"), ("empty", "has no images"), ("-", "standard input lists no files"),
    ("empty/", "has no images"), ("full/*/*", "matches no file"), ("~/no[x].jpg", "matches no file"),
])  # fmt: skip
def test_a_source_without_files_among_others_is_one_error(
    tmp_path, monkeypatch, source, error
):
    monkeypatch.chdir(tmp_path)
    for name in ("empty/.hidden.jpg", "empty/a.txt", "full/a.jpg"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    found = inputs("full", source, "full/a.jpg")
    assert found == [("full/a.jpg", ""), (source, error), ("full/a.jpg", "")]
    with pytest.raises(DatasetError, match=f"{error}$"):
        inputs(source)
    # Twice it is one of several, too.
    assert inputs(source, source) == [(source, error)] * 2


def test_the_only_source_is_an_error_before_anything_is_printed(tmp_path):
    with pytest.raises(DatasetError):
        as_images(ImageArguments(["no*.jpg"], io.BytesIO(), print).inputs())


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0", "a.jpg\n".encode("utf-16")])
def test_standard_input_that_is_no_list_is_one_error_among_others(data):
    (_, error), (name, _) = inputs("-", "b.jpg", stdin=data)
    assert error.startswith("standard input is ") and name == "b.jpg"
    with pytest.raises(DatasetError, match="standard input is "):
        inputs("-", stdin=data)


def test_urls_and_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a b.jpg").touch()
    url = "https://a.de//b.jpg?c=[1]"
    file = tmp_path / "a b.jpg"
    found = inputs(
        url, file.as_uri(), "~/a b.jpg", "~/*.jpg", tmp_path.as_uri(), "~nobody_here/a.jpg"
    )
    assert found == [(url, URL_ERROR), *[(str(file), "")] * 4, ("~nobody_here/a.jpg", "")]
    assert inputs(url) == [(url, URL_ERROR)]


def test_a_broken_link_is_said_to_be_one_wherever_it_is_named(tmp_path):
    (tmp_path / "a.jpg").symlink_to("none")
    link = tmp_path / "a.jpg"
    for source, stdin in (
        (link, b""),
        (tmp_path, b""),
        (tmp_path / "*", b""),
        ("-", os.fsencode(link)),
    ):
        assert inputs(source, stdin=stdin) == [(str(link), "is a broken link")]


def test_nothing_is_listed_once_for_twice(folder):
    one = folder / "b.jpg"
    names = (
        [str(one)] * 3
        + [str(x) for x in files(folder)] * 2
        + [str(folder / "below" / "c.jpg")]
    )
    data = "\n".join([str(one)] * 2).encode()
    assert [
        str(x) for x in files(one, "-", folder, folder, folder / "*/*.jpg", stdin=data)
    ] == names


def test_ten_thousand_files_listed_twice():
    names = [f"{i}.jpg" for i in range(10_000)] * 2
    assert [str(x) for x in files("-", stdin="\n".join(names).encode())] == names


def test_a_name_of_any_length_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("x" * 300, "x" * 5000, "y/" * 3000):
        assert files(name) == [Path(name)]


def test_what_a_folder_leaves_out_is_said_once(folder):
    lines = []
    inputs(folder, folder / "b.jpg", note=lines.append)
    assert lines == [
        f"{folder}: left out 1 file(s) that are no images by their extension, 1 hidden or system file(s)"
    ]


def test_a_terminal_is_said_to_be_read():
    class Terminal(io.BytesIO):
        def isatty(self):
            return True

    lines = []
    arguments = ImageArguments(["-"], Terminal(b"a.jpg\n"), lines.append)
    assert [x.file for x in arguments.inputs()] == [Path("a.jpg")]
    (line,) = lines
    assert "from the terminal" in line and "Ctrl-D" in line


class TestDrawingFolder:
    """It is never read, under whatever name it is come by."""

    @pytest.fixture
    def place(self, folder, monkeypatch):
        monkeypatch.chdir(folder)
        for name in ("album/mine.jpg", "album/deep/x.jpg", "other/y.jpg"):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()
        Path("link").symlink_to("album")
        Path("other/link.jpg").symlink_to("../album/mine.jpg")
        Path("other/album2").symlink_to("../album/deep")
        return DrawingFolder(Path("album"))

    def test_a_folder_leaves_it_out(self, place):
        lines = []
        found = inputs(".", note=lines.append, reserved=place)
        refused = "is in the folder of --draw, which is not read"
        assert found == [
            ("a.png", ""), ("b.jpg", ""), ("below/c.jpg", ""), ("other/link.jpg", refused), ("other/y.jpg", ""),
        ]  # fmt: skip
        assert "3 folder(s) of --draw" in lines[0]

    @pytest.mark.parametrize(
        "source", ["album", "link", "album/deep", "other/album2", "./album/"]
    )
    def test_itself_is_no_source(self, place, source):
        with pytest.raises(DatasetError, match="is the folder of --draw or below it"):
            inputs(source, reserved=place)
        assert inputs(source, "b.jpg", reserved=place)[1] == ("b.jpg", "")

    @pytest.mark.parametrize(
        "source", ["album/*.jpg", "link/*", "**/mine.jpg", "other/l*.jpg"]
    )
    def test_globs_and_lists(self, place, source):
        found = inputs(source, "b.jpg", reserved=place)
        assert {error for _, error in found[:-1]} == {
            "is in the folder of --draw, which is not read"
        }
        names = "\n".join(x for x, _ in found).encode()
        assert inputs("-", stdin=names, reserved=place) == found

    def test_the_only_file_is_an_error(self, place):
        with pytest.raises(
            DatasetError, match="^--draw album would overwrite album/mine.jpg"
        ):
            inputs("album/mine.jpg", reserved=place)
