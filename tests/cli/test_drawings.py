"""Drawings replace nothing but drawings, follow no link, and each has a name of its own."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from helpers import encoded, photo, python
from PIL import Image

from alexnet_cli.cli.drawing_folder import DrawingFolder, drawing, marked
from alexnet_cli.cli.drawings import Drawings
from alexnet_cli.inference.prediction import Prediction
from alexnet_cli.preprocess import Preprocess

PREPROCESS = Preprocess("squash", 36, 32, (0.0,) * 3, (255.0,) * 3)
FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from alexnet_cli.cli.drawing_folder import DrawingFolder
from alexnet_cli.cli.drawings import Drawings
from alexnet_cli.inference.prediction import Prediction
from alexnet_cli.preprocess import Preprocess
preprocess = Preprocess("squash", 36, 32, (0.0,) * 3, (255.0,) * 3)
album, *files = map(Path, sys.argv[1:])
drawings = Drawings(DrawingFolder(album), files)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for file in files:
    prediction = Prediction(file, ("a",), probabilities=np.array([1.0]))
    print(drawings.draw(prediction, file, preprocess))
"""


def prediction(file, label="tulip", confidence=0.9):
    probabilities = np.array([confidence, 1 - confidence])
    return Prediction(Path(file), (label, "other"), probabilities=probabilities)


def drawn(album, *files, label="tulip"):
    """Draw `files` into `album` as one command does; the errors."""
    drawings = Drawings(DrawingFolder(album), [Path(x) for x in files])
    return [drawings.draw(prediction(x, label), Path(x), PREPROCESS) for x in files]


def names(folder):
    return sorted(os.listdir(folder))


@pytest.fixture
def new(tmp_path):
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


@pytest.fixture
def album(tmp_path):
    (tmp_path / "album").mkdir()
    return tmp_path / "album"


def image(file, size=(96, 64), seed=0):
    file.parent.mkdir(exist_ok=True, parents=True)
    photo(size, seed).save(file)
    return file


def test_an_original_of_the_same_name_stays(new, album):
    file = image(new / "a.jpg")
    original = image(album / "a.jpg", seed=1).read_bytes()
    assert drawn(album, file) == [""] and names(album) == ["a-2.jpg", "a.jpg"]
    for label in ("tulip", "rose"):
        assert drawn(album, file, label=label) == [""]
        assert names(album) == ["a-2.jpg", "a.jpg"]
    assert (album / "a.jpg").read_bytes() == original


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".JPEG", ".webp"])
def test_a_drawing_is_replaced_by_the_next_one_and_read_by_others(new, album, suffix):
    file = image(new / f"a{suffix}")
    drawn(album, file)
    (name,) = names(album)
    first = (album / name).read_bytes()
    drawn(album, file, label="rose")
    assert names(album) == [name] and (album / name).read_bytes() != first
    with Image.open(album / name) as found:
        found.load()
        assert found.format == ("PNG" if suffix == ".png" else "JPEG")
        assert "drawn by alexnet predict" in str(found.info)


def test_the_same_drawing_is_not_written_again(new, album):
    drawn(album, image(new / "a.jpg"))
    os.utime(album / "a.jpg", (1, 1))
    drawn(album, new / "a.jpg")
    assert (album / "a.jpg").stat().st_mtime == 1


@pytest.mark.parametrize("change", ["edit", "save again", "rename", "append", "cut"])
def test_a_drawing_that_was_changed_is_the_users(new, album, change):
    file = image(new / "a.jpg")
    drawn(album, file)
    mine = album / "a.jpg"
    data = mine.read_bytes()
    if change == "edit":
        mine.write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    elif change == "save again":
        with Image.open(mine) as found:
            found.save(mine, comment=found.info["comment"])
    elif change == "rename":
        mine.rename(album / "b.jpg")
        mine = album / "b.jpg"
        file = image(new / "b.jpg")
    else:
        mine.write_bytes(data + b"x" if change == "append" else data[:-1])
    before = mine.read_bytes()
    assert drawn(album, file, label="rose") == [""]
    assert mine.read_bytes() == before
    assert f"{mine.stem}-2.jpg" in names(album)


@pytest.mark.parametrize("where", ["file", "nothing", "folder", "drawing"])
def test_nothing_is_written_through_a_link(new, album, where):
    file, there = image(new / "a.jpg"), new.parent / "there"
    if where == "file":
        there.write_text("kept")
    elif where == "folder":
        there.mkdir()
    elif where == "drawing":
        drawn(there, file)
        there /= "a.jpg"
    before = there.read_bytes() if there.is_file() else None
    (album / "a.jpg").symlink_to(there)
    assert drawn(album, file, label="rose") == [""]
    assert names(album) == ["a-2.jpg", "a.jpg"] and (album / "a.jpg").is_symlink()
    assert (there.read_bytes() if there.is_file() else None) == before


def test_another_name_of_a_drawing_keeps_its_content(new, album):
    file = image(new / "a.jpg")
    drawn(album, file)
    kept = new / "kept.jpg"
    kept.hardlink_to(album / "a.jpg")
    before = kept.read_bytes()
    drawn(album, file, label="rose")
    assert kept.read_bytes() == before != (album / "a.jpg").read_bytes()


@pytest.mark.parametrize("inputs, outputs", [
    (("a.webp", "a.webp.jpg"), ("00000-a.webp.jpg", "00001-a.webp.jpg")),
    (("A.jpg", "a.JPG", "b.png"), ("00000-A.jpg", "00001-a.JPG", "b.png")),
    (("\u00e4.jpg", "a\u0308.jpg"), ("00000-\u00e4.jpg", "00001-a\u0308.jpg")),
    (("stra\u00dfe.png", "STRASSE.PNG"), ("00000-stra\u00dfe.png", "00001-STRASSE.PNG")),
    (("x/a.jpg", "y/a.jpg", "00000-a.jpg"), ("00000-a-2.jpg", "00000-a.jpg", "00001-a.jpg")),
    (("a.png", "a.jpg", "a"), ("00001-a.jpg", "00002-a.jpg", "a.png")),
    (("a.jpg", "a.jpg"), ("00000-a.jpg", "00001-a.jpg")),
    ((".jpg", "..png"), (".jpg.jpg", "..png")),
])  # fmt: skip
def test_two_inputs_never_have_one_name(new, album, inputs, outputs):
    """Not even where a file system takes names for the same that differ in case or form."""
    files = [new / x for x in inputs]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(encoded(photo()))
    for _ in range(2):
        assert drawn(album, *files) == [""] * len(files)
        assert names(album) == sorted(outputs)


@pytest.mark.parametrize("name, size, error", [
    ("thin.jpg", (10, 4000), "10 x 4000 pixels are too narrow to write on"),
    ("wide.png", (4000, 1), "4000 x 1 pixels are too narrow to write on"),
    ("long.webp", (210, 16000), ""), ("x" * 251 + ".png", (300, 300), ""),
    ("x" * 250 + ".tif", (300, 300), "File name too long"),
])  # fmt: skip
def test_one_that_cannot_be_drawn_is_an_error_and_the_rest_goes_on(
    new, album, name, size, error
):
    bad, good = image(new / name, size), image(new / "b.jpg")
    assert drawn(album, bad, good) == [error and f"not drawn: {error}", ""]
    assert len(names(album)) == (1 if error else 2) and "b.jpg" in names(album)


def test_what_is_more_than_a_jpeg_may_have(new, album):
    file = new / "long.png"
    Image.new("L", (66_000, 400)).save(file)
    file.rename(new / "long.gif")
    (error,) = drawn(album, new / "long.gif")
    assert error == "not drawn: 66000 x 400 pixels are more than a JPEG may have"
    assert names(album) == []


def test_an_image_that_is_gone_or_was_no_image_is_not_drawn(new, album):
    assert drawn(album, new / "gone.jpg") == ["not drawn: does not exist"]
    file = Path("x.jpg")
    bad = Prediction(file, ("a",), error="is no image")
    assert Drawings(DrawingFolder(album), [file]).draw(bad, file, PREPROCESS) == ""


def test_a_full_disk_is_an_error_for_each_and_leaves_no_half_drawing(new, album):
    """A limit of the system on the size of files stands for it."""
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    Image.fromarray(noise).save(new / "large.jpg")
    small = image(new / "small.jpg")
    done = python(FULL, album, new / "large.jpg", small, new / "large.jpg")
    assert done.stdout.splitlines() == [
        "not drawn: File too large", "", "not drawn: File too large",
    ], done.stderr  # fmt: skip
    assert names(album) == ["small.jpg"]


def test_an_interrupted_drawing_is_removed(new, album, monkeypatch):
    file = image(new / "a.jpg")
    real = Path.open

    class Interrupted:
        def __init__(self, opened):
            self.opened = opened

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.opened.close()

        def write(self, data):
            self.opened.write(data[:100])
            raise KeyboardInterrupt

    def interrupted(path, mode="r", *args, **kwargs):
        opened = real(path, mode, *args, **kwargs)
        return Interrupted(opened) if mode == "xb" else opened

    monkeypatch.setattr(Path, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        drawn(album, file)
    assert names(album) == []


def test_a_mark_fits_its_name_and_bytes_only(tmp_path):
    for form, suffix in (("JPEG", "jpg"), ("PNG", "png")):
        data = encoded(photo(), form)
        file = tmp_path / f"a.{suffix}"
        file.write_bytes(marked(data, file.name))
        assert drawing(file) == file.read_bytes() != data
        for other in (data, marked(data, "b.jpg"), b"", file.read_bytes()[:-1]):
            (tmp_path / "x").write_bytes(other)
            assert drawing(tmp_path / "x") == b""
            file.write_bytes(other)
            assert drawing(file) == b""
    os.mkfifo(tmp_path / "pipe")
    assert (
        drawing(tmp_path / "pipe") == drawing(tmp_path) == drawing(tmp_path / "none") == b""
    )


def test_names_are_counted_once_for_all(album, monkeypatch):
    """Of many images of one name each looks at as many names as the first."""
    files = [Path(f"{i}/a.jpg") for i in range(3000)]
    looks = []
    monkeypatch.setattr(
        "alexnet_cli.cli.drawings.drawing", lambda x: looks.append(x) or b""
    )
    drawings = Drawings(DrawingFolder(album), files)
    for file in files:
        drawings._number += 1
        drawings._write(drawings._named(file), encoded(photo((2, 2))))
    assert len(looks) == len(files) == len(names(album))


def test_a_new_drawing_follows_the_umask(new, album):
    before = os.umask(0o027)
    try:
        drawn(album / "deep" / "er", image(new / "a.jpg"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((album / "deep" / "er" / "a.jpg").stat().st_mode) == 0o640
