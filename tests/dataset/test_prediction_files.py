"""Below a folder every name is an input or counted: nothing is lost, nothing hangs."""

import os
import socket
import subprocess

import pytest
from helpers import python

from alexnet_cli.dataset.prediction_files import MOST_NAMES, FolderWalk, broken_link

NOBODY = "import os; os.setgid(65534); os.setuid(65534)\n" if os.getuid() == 0 else ""
WALK = """
import sys
from pathlib import Path
from alexnet_cli.dataset.prediction_files import FolderWalk
{nobody}
for item in FolderWalk(Path(sys.argv[1]), lambda _: False):
    print(item.file.relative_to(sys.argv[1]), item.error, sep="|")
"""


def walked(folder, leave_out=lambda _: False):
    """The inputs by their paths below `folder`, each with its error, and the note."""
    walk = FolderWalk(folder, leave_out)
    found = [(x.file.relative_to(folder).as_posix(), x.error) for x in walk]
    return found, walk.note()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "f").mkdir()
    return tmp_path / "f"


def touch(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def test_every_name_of_a_file_is_an_input(folder):
    touch(folder, "a.jpg", "below/b.jpg")
    (folder / "hard.jpg").hardlink_to(folder / "a.jpg")
    (folder / "soft.jpg").symlink_to("a.jpg")
    (folder / "below" / "up.jpg").symlink_to("../a.jpg")
    (folder / "outside.jpg").symlink_to(__file__)
    names = ["a.jpg", "below/b.jpg", "below/up.jpg", "hard.jpg", "outside.jpg", "soft.jpg"]
    assert walked(folder) == ([(x, "") for x in names], "")


def test_links_that_lead_nowhere_are_errors(folder):
    touch(folder, "ok.jpg")
    (folder / "nowhere.jpg").symlink_to("none.jpg")
    (folder / "one.jpg").symlink_to("two.jpg")
    (folder / "two.jpg").symlink_to("one.jpg")
    (folder / "self").symlink_to("self")
    circle = "cannot be read: Too many levels of symbolic links"
    assert walked(folder)[0] == [
        ("nowhere.jpg", "is a broken link"), ("ok.jpg", ""), ("one.jpg", circle), ("self", circle), ("two.jpg", circle),
    ]  # fmt: skip


def test_folders_in_a_circle_are_read_once(folder):
    touch(folder, "a.jpg", "sub/b.jpg", "sub/deep/c.jpg")
    (folder / "sub" / "up").symlink_to("..")
    (folder / "sub" / "deep" / "sub").symlink_to(folder / "sub")
    (folder / "here").symlink_to(".")
    found, note = walked(folder)
    assert [x for x, _ in found] == ["a.jpg", "sub/b.jpg", "sub/deep/c.jpg"]
    assert note == f"{folder}: left out 3 link(s) to a folder above"


def test_a_circle_through_a_folder_that_is_no_link_ends_too(tmp_path):
    """From r/in a link leads to r, in which the folder `in` is no link."""
    touch(tmp_path, "r/a.jpg", "r/in/b.jpg")
    (tmp_path / "r" / "in" / "up").symlink_to(tmp_path / "r")
    found, note = walked(tmp_path / "r" / "in")
    assert [x for x, _ in found] == ["b.jpg"] and "1 link(s)" in note


def test_another_name_of_a_folder_is_another_input(folder):
    touch(folder, "a/x.jpg")
    (folder / "b").symlink_to("a")
    assert walked(folder) == ([("a/x.jpg", ""), ("b/x.jpg", "")], "")


def test_folders_that_all_link_to_each_other_end(folder):
    """Without a limit these twelve would have millions of ways through them."""
    for i in range(12):
        touch(folder, f"{i}/x.jpg")
        for j in range(12):
            (folder / str(i) / f"to{j}").symlink_to(folder / str(j))
    found, note = walked(folder)
    assert 12 <= len(found) <= 12 * MOST_NAMES
    assert f"name(s) of folders with more than {MOST_NAMES}" in note


def test_what_is_left_out_is_counted_by_its_reason(folder):
    touch(
        folder, "a.jpg", "noending", ".b.jpg", "Thumbs.db", "c.txt", "d.CSV", "e.mp4", "f.JPG",
        ".git/g.jpg", "__MACOSX/h.jpg", "@eaDir/i.jpg", "j.jpg/k.jpg",
    )  # fmt: skip
    found, note = walked(folder)
    assert [x for x, _ in found] == ["a.jpg", "f.JPG", "j.jpg/k.jpg", "noending"]
    assert note == (
        f"{folder}: left out 3 file(s) that are no images by their extension, 2 hidden "
        f"or system file(s), 3 hidden or system folder(s)"
    )


def test_what_is_no_file_is_an_input_that_cannot_be_read(folder):
    touch(folder, "a.jpg")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as found:
        place = os.getcwd()
        os.chdir(folder)
        try:
            found.bind("socket")
        finally:
            os.chdir(place)
        names = [x for x, _ in walked(folder)[0]]
    assert names == ["a.jpg", "pipe", "socket"]


def test_a_folder_without_permission_is_one_error(folder):
    touch(folder, "a/x.jpg", "closed/y.jpg", "listed/z.jpg", "z.jpg")
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o055)
    (folder / "closed").chmod(0)
    (folder / "listed").chmod(0o744)
    try:
        done = python(WALK.format(nobody=NOBODY), folder)
    finally:
        (folder / "closed").chmod(0o755)
        (folder / "listed").chmod(0o755)
    # The names of a folder that may be listed are inputs; reading them fails one by one.
    assert done.stdout.splitlines() == [
        "a/x.jpg|", "closed|cannot be read: Permission denied", "listed/z.jpg|", "z.jpg|",
    ], done.stderr  # fmt: skip


def test_a_folder_to_leave_out_is_met_under_any_name(folder):
    touch(folder, "a.jpg", "album/b.jpg", "sub/album/c.jpg")
    (folder / "link").symlink_to("album")
    album = os.path.realpath(folder / "album")
    found, note = walked(folder, lambda real: real == album)
    assert [x for x, _ in found] == ["a.jpg", "sub/album/c.jpg"]
    assert note == f"{folder}: left out 2 folder(s) of --draw"


def test_a_folder_that_is_deeper_than_python_calls(folder):
    place = os.getcwd()
    os.chdir(folder)
    try:
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        with open("x.jpg", "wb"):
            pass
        os.chdir(folder)
        # Longer than a path may be: an error where it is, and no end of the work.
        (*_, (_, error)) = [(x.file, x.error) for x in FolderWalk(folder, lambda _: False)]
    finally:
        os.chdir(place)
        # `shutil.rmtree` calls itself as deep as folders are.
        subprocess.run(["rm", "-rf", folder / "d"], check=True)
    assert error in ("", "cannot be read: File name too long")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "none", ""])
def test_any_name_may_be_asked_about(name):
    from pathlib import Path

    assert broken_link(Path(name)) == ""


def test_a_link_does_not_lead_out_to_what_holds_the_folder(tmp_path):
    """It would name everything of its owner, and the way in again."""
    inside = tmp_path / "above" / "in" / "deep"
    inside.mkdir(parents=True)
    (inside / "x.jpg").touch()
    (tmp_path / "above" / "secret.jpg").touch()
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "other.jpg").touch()
    for i, target in enumerate((tmp_path / "above", tmp_path, "/", inside.parent, "..")):
        (inside / f"up{i}").symlink_to(target)
    (inside / "beside").symlink_to(tmp_path / "beside")
    walk = FolderWalk(tmp_path / "above" / "in", lambda _: False)
    assert [x.file.name for x in walk] == ["other.jpg", "x.jpg"]
    assert walk.note().endswith("left out 5 link(s) to a folder above")
