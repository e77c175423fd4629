"""predict: a row for every name that is given, whatever it is, and drawings beside it."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import alexnet, fails
from PIL import Image

COMMAND = "import sys; from alexnet_cli.cli.main import main; main(sys.argv[1:])"


def predicted(*args):
    result = alexnet("predict", *args)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_every_source_and_name_has_a_row_in_every_form(trained, toy_test, tmp_path):
    (tmp_path / "empty").mkdir()
    one, pattern = str(toy_test / "red" / "00.jpg"), f"{tmp_path}/no*.jpg"
    folder = tmp_path / "f"
    folder.mkdir()
    for name in ("a.jpg", "second.jpg"):
        os.link(one, folder / name)
    (folder / "broken.jpg").symlink_to("none")
    (folder / "link.jpg").symlink_to(one)
    (folder / "notes.txt").touch()
    url = "https://a.de//x.jpg"
    sources = (one, pattern, tmp_path / "empty", url, folder, one)
    expected = [
        (one, ""), (pattern, "matches no file"), (str(tmp_path / "empty"), "has no images"),
        (url, "is a URL; URLs are not read, download the file first"), (str(folder / "a.jpg"), ""),
        (str(folder / "broken.jpg"), "is a broken link"), (str(folder / "link.jpg"), ""),
        (str(folder / "second.jpg"), ""), (one, ""),
    ]  # fmt: skip
    args = ("predict", *sources, "--model", trained, "--top", "1")
    failed = "alexnet: 4 image(s) cannot be read"
    objects = [json.loads(x) for x in fails(1, failed, *args, "--json").stdout.splitlines()]
    assert [(x["file"], x.get("error", "")) for x in objects] == expected
    rows = list(csv.DictReader(io.StringIO(fails(1, failed, *args, "--csv").stdout)))
    assert [(x["file"], x["error"]) for x in rows] == expected
    result = fails(1, failed, *args)
    for (name, error), line in zip(expected, result.stdout.splitlines(), strict=True):
        assert line.startswith(f"{name}: {f'error: {error}' if error else 'red '}")
    assert result.stderr.splitlines()[0] == (
        f"{folder}: left out 1 file(s) that are no images by their extension"
    )


def test_an_only_source_without_files_prints_no_header(trained, tmp_path):
    for source, text in (
        (tmp_path, "has no images"),
        ("-", "standard input lists no files"),
    ):
        args = ("predict", source, "--model", trained, "--csv")
        assert fails(3, text, *args, input="").stdout == ""


def test_an_image_on_standard_input_is_one_line(trained, toy_test):
    data = (toy_test / "red" / "00.jpg").read_bytes()
    text = "alexnet: standard input is a JPEG image; - reads a list of files"
    fails(3, text, "predict", "-", "--model", trained, input=data)


def test_one_that_cannot_be_drawn_keeps_its_answer(trained, toy_test, tmp_path):
    thin, good, album = (
        tmp_path / "thin.png",
        toy_test / "red" / "00.jpg",
        tmp_path / "album",
    )
    Image.new("RGB", (10, 4000)).save(thin)
    args = ("predict", thin, good, "--model", trained, "--top", "1", "--draw", album)
    error = "not drawn: 10 x 4000 pixels are too narrow to write on"
    failed = "alexnet: 1 image(s) cannot be drawn"
    one, other = map(json.loads, fails(1, failed, *args, "--json").stdout.splitlines())
    assert one["error"] == error and one["answer"] == one["classes"][0]["label"]
    assert "error" not in other and [x.name for x in album.iterdir()] == ["00.jpg"]
    row, _ = csv.DictReader(io.StringIO(fails(1, failed, *args, "--csv").stdout))
    assert (row["error"], row["answer"]) == (error, one["answer"])
    line, _ = fails(1, failed, *args).stdout.splitlines()
    assert line.startswith(f"{thin}: {one['answer']} ") and line.endswith(
        f"%; error: {error}"
    )
    bad = tmp_path / "bad.jpg"
    bad.touch()
    fails(1, "alexnet: 1 image(s) cannot be read, 1 image(s) cannot be drawn", *args, bad)


def test_the_same_command_again_draws_the_same_and_reads_no_drawing(
    trained, toy_test, tmp_path, monkeypatch
):
    photos = shutil.copytree(toy_test / "red", tmp_path / "photos")
    monkeypatch.chdir(photos)
    Path("album").mkdir()
    original = shutil.copy("00.jpg", "album/01.png")
    before = Path(original).read_bytes()
    first = predicted(".", "--model", trained, "--draw", "album")
    names = sorted(os.listdir("album"))
    assert names == ["00.jpg", "01-2.png", "01.png", "02.jpg", "03.png"]
    assert predicted(".", "--model", trained, "--draw", "album") == first
    assert sorted(os.listdir("album")) == names and Path(original).read_bytes() == before
    result = alexnet(
        "predict", *sorted(Path().glob("**/*.*g")), "--model", trained, "--draw", "album"
    )
    assert result.exit_code == 1 and len(result.stdout.splitlines()) == 5
    assert "album: left out 4 of its drawing(s)" in result.stderr
    assert (
        "album/01.png: error: is in the folder of --draw, which is not read"
        in result.stdout
    )
    assert sorted(os.listdir("album")) == names


@pytest.mark.parametrize("draw, text", [
    ("file", "--draw file: file is not a folder; choose another folder"),
    ("file/x", "--draw file/x: "), ("lost/x", "--draw lost/x: lost is a link to nothing"),
])  # fmt: skip
def test_a_folder_that_cannot_be_drawn_into_is_an_error_before_the_work(
    trained, toy_test, tmp_path, monkeypatch, draw, text
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("lost").symlink_to("none")
    result = fails(3, text, "predict", toy_test, "--model", trained, "--draw", draw)
    assert result.stdout == ""


def test_a_reader_that_ends_early_is_no_traceback(trained, toy_test, tmp_path):
    """As `| head` does: the pipe is closed after the first line."""
    # A file: of two pipes, each may be full while either side waits for the other.
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join([str(toy_test / "red" / "00.jpg")] * 3000))
    command = [
        sys.executable,
        "-c",
        COMMAND,
        "predict",
        "-",
        "--model",
        str(trained),
        "--json",
    ]
    with listed.open() as names, subprocess.Popen(
        command, stdin=names, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert json.loads(process.stdout.readline())["answer"] == "red"
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait(60) == 1
