"""An archive is read as the folder that it unpacks to, and no byte of it is written."""

import bz2
import gzip
import io
import lzma
import shutil
import stat
import struct
import subprocess
import tarfile
import zipfile
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
import pytest
from helpers import draw_toy, encoded, photo, tree

from alexnet_cli.dataset.doctor import examine
from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources import members, tar_archive
from alexnet_cli.dataset.sources.archive import archive_images
from alexnet_cli.dataset.sources.class_folders import chosen_parts, find_images
from alexnet_cli.dataset.sources.kinds import exists
from alexnet_cli.dataset.sources.open import open_source, recorded_source
from alexnet_cli.dataset.sources.source import Sample
from alexnet_cli.errors import DatasetError, ImageError, RecipeError
from alexnet_cli.recipe.recipe import Recipe

RECIPE = Recipe(arch="tiny", size=36, resize="crop")
KINDS = ["zip", "tar", "tgz", "tar.gz", "tar.bz2", "tar.xz"]
IMAGE = encoded(photo((40, 30)))


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory):
    return draw_toy(tmp_path_factory.mktemp("toy") / "toy", each=6)


def packed(folder, to, wrapping=True):
    """`folder` packed by Python's own programs; with `wrapping`, below its name."""
    forms = {
        "zip": "zip",
        "tar": "tar",
        "tgz": "gztar",
        "tar.gz": "gztar",
        "tar.bz2": "bztar",
        "tar.xz": "xztar",
    }
    form = forms[to.name.partition(".")[2]]
    root, base = (folder.parent, folder.name) if wrapping else (folder, ".")
    made = shutil.make_archive(str(to.parent / "made"), form, root, base)
    return Path(made).rename(to)


def zipped(file, content, **options):
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file


def tarred(file, content, mode="w"):
    with tarfile.open(file, mode) as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file


def content(*names):
    """A different image for each name."""
    return {x: encoded(photo((40, 30), i)) for i, x in enumerate(names)}


CLASSES = content("a/1.png", "a/2.png", "b/1.png", "b/2.png")


def names(source):
    return {(x.name, source.classes[x.label], x.part) for x in source.samples}


def refused(file, text):
    with pytest.raises(DatasetError) as caught:
        open_source(file)
    assert str(caught.value).startswith(f"{file}{text}"), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrapping", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_the_folder_that_it_unpacks_to(toy_folder, tmp_path, kind, wrapping):
    file = packed(toy_folder, tmp_path / f"photos.{kind}", wrapping)
    before = tree(tmp_path)
    source, folder = open_source(file), find_images(toy_folder)
    prefix = f"{toy_folder.name}/" if wrapping else ""
    assert source.classes == folder.classes and source.parts == ("train",)
    assert names(source) == {(prefix + x, y, z) for x, y, z in names(folder)}
    one, other = (
        {(x.sha256, x.label, x.part, x.group) for x in prepare(s, RECIPE).split}
        for s in (source, folder)
    )
    assert one == other
    assert tree(tmp_path) == before


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_pixels_are_those_of_the_files(toy_folder, tmp_path, kind):
    source = open_source(packed(toy_folder, tmp_path / f"photos.{kind}"))
    got, want = prepare(source, RECIPE), prepare(find_images(toy_folder), RECIPE)
    one, other = (
        {d.sha256: p.tobytes() for d, p in zip(x.split, x.training.cache.images(range(len(x.split))), strict=True)}
        for x in (got, want)
    )  # fmt: skip
    assert one == other


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_parts_inside_are_parts(toy_folder, tmp_path, kind):
    data = tmp_path / "data"
    for part in ("train", "val", "test"):
        shutil.copytree(toy_folder, data / part)
    file = packed(data, tmp_path / f"x.{kind}")
    source, folder = open_source(file), find_images(data)
    assert source.parts == folder.parts == ("train", "val", "test")
    assert [source.counts(x) for x in source.parts] == [
        folder.counts(x) for x in folder.parts
    ]


def test_a_compressed_tar_is_read_twice_however_many_samples(
    toy_folder, tmp_path, monkeypatch
):
    """Once to list it, and once to decode all of it; never back and forth."""
    opened = []
    real = tar_archive._Stream.__init__
    monkeypatch.setattr(
        tar_archive._Stream,
        "__init__",
        lambda self, path: (opened.append(path), real(self, path))[1],
    )
    source = open_source(packed(toy_folder, tmp_path / "x.tgz"))
    assert source.sequential and len(opened) == 1
    data = prepare(source, RECIPE.changed(fraction=1.0))
    assert len(opened) == 2 and len(data.split) == 18
    np.testing.assert_array_equal(
        source.read(source.samples[0])[:3],
        b"\xff\xd8\xff"[:3] if source.samples[0].name.endswith("jpg") else b"\x89PN",
    )
    assert len(opened) == 3


def test_what_can_only_be_read_onwards_is_not_read_without_a_cache(toy_folder, tmp_path):
    source = open_source(packed(toy_folder, tmp_path / "x.tar.xz"))
    with pytest.raises(DatasetError) as caught:
        prepare(source, RECIPE.changed(cache="none"))
    assert str(caught.value) == (
        f"--cache none reads images again and again in another order, and {tmp_path}/x.tar.xz "
        f"can only be read from its start; use --cache disk"
    )
    for kind in ("zip", "tar"):
        source = open_source(packed(toy_folder, tmp_path / f"x.{kind}"))
        data = prepare(source, RECIPE.changed(cache="none"))
        assert data.training.pixels(data.training.rows).shape == (15, 36, 36, 3)


@pytest.mark.parametrize("write,name", [(zipped, "x.zip"), (tarred, "x.tar")])
def test_what_is_not_an_image_is_left_out_with_a_note(tmp_path, write, name):
    odd = {
        "__MACOSX/a/._1.png": b"x", "a/.hidden.png": b"x", "a/Thumbs.db": b"x", ".git/a/1.png": b"x",
        "a/notes.txt": b"x", "a/more.zip": b"x", "a/old.tar.gz": b"x", "LICENSE": b"x",
        "../evil.png": IMAGE, "/etc/evil.png": IMAGE, "a/../../evil.png": IMAGE, "C:/evil.png": IMAGE,
    }  # fmt: skip
    source = open_source(write(tmp_path / name, {**CLASSES, **odd}))
    assert {x.name for x in source.samples} == set(CLASSES)
    text = "\n".join(source.notes)
    assert "'a/more.zip', 'a/old.tar.gz': archive within the data, not opened" in text
    assert "'a/../../evil.png' and 1 more: leads out of the archive, by its name" in text
    assert "'LICENSE': beside the class folders; move into a class folder" in text
    assert "'a/notes.txt': not an image by its extension; rename to use" in text
    assert "'.git/', '__MACOSX/': hidden, or a folder of the system" in text


@pytest.mark.parametrize(
    "write,name", [(zipped, "x.zip"), (tarred, "x.tar"), (tarred, "x.tgz")]
)
def test_of_a_name_that_is_there_twice_the_last_counts(tmp_path, write, name):
    file = tmp_path / name
    write(tmp_path / "one", {"x": b""})
    with pytest.warns(UserWarning) if write is zipped else nullcontext():
        if write is zipped:
            with zipfile.ZipFile(file, "w") as archive:
                for x, data in [*CLASSES.items(), ("a/1.png", IMAGE)]:
                    archive.writestr(x, data)
        else:
            with tarfile.open(file, "w:gz" if name.endswith("gz") else "w") as archive:
                for x, data in [*CLASSES.items(), ("a/1.png", IMAGE)]:
                    info = tarfile.TarInfo(x)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    source = open_source(file)
    assert len(source.samples) == 4
    [first] = [x for x in source.samples if x.name == "a/1.png"]
    assert source.read(first) == IMAGE
    assert source.notes == (
        "left out: 'a/1.png': in the archive twice; the last one is used",
    )


def test_links_and_devices_in_a_tar_are_noted(tmp_path):
    file = tarred(tmp_path / "x.tar", CLASSES)
    with tarfile.open(file, "a") as archive:
        for kind, name in (
            (tarfile.SYMTYPE, "a/s.png"),
            (tarfile.LNKTYPE, "a/h.png"),  # to nothing in the archive
            (tarfile.CHRTYPE, "a/c.png"),
            (tarfile.FIFOTYPE, "a/f.png"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    source = open_source(file)
    assert len(source.samples) == 4
    assert source.notes == (
        "left out: 'a/s.png', 'a/h.png': a link in the archive, not followed; pack the file "
        "itself to use",
        "left out: 'a/c.png', 'a/f.png': neither a file nor a folder",
    )


@pytest.mark.parametrize("name", ["x.tar", "x.tgz"])
def test_hard_links_in_a_tar_are_the_files_that_they_share(tmp_path, name):
    """As tar packs a folder in which a file has two names."""
    data = tmp_path / "d"
    for x, image in CLASSES.items():
        (data / x).parent.mkdir(parents=True, exist_ok=True)
        (data / x).write_bytes(image)
    (data / "b" / "again.png").hardlink_to(data / "a" / "1.png")
    (data / "b" / "more.png").hardlink_to(data / "a" / "1.png")
    subprocess.run(["tar", "-ac", "-f", tmp_path / name, "."], cwd=data, check=True)
    source = open_source(tmp_path / name)
    assert source.counts("train") == [2, 4] and source.notes == ()
    expected = {x.relative_to(data).as_posix(): x.read_bytes() for x in data.glob("*/*")}
    assert {x.name: source.read(x) for x in source.samples} == expected
    assert {frozenset(x) for x in examine(tmp_path / name).two_labels} & {
        frozenset(("a/1.png", "b/again.png")), frozenset(("b/again.png", "b/more.png")),
        frozenset(("a/1.png", "b/more.png")),
    }  # fmt: skip


def test_what_is_left_out_is_told_where_nothing_is_left(tmp_path):
    absolute = {f"/{x}": d for x, d in CLASSES.items()}
    refused(
        tarred(tmp_path / "x.tar", absolute),
        " has no class folders with images; left out: '/a/1.png', '/a/2.png', '/b/1.png' and "
        "1 more: leads out of the archive, by its name",
    )
    refused(
        zipped(tmp_path / "x.zip", {"photos.zip": b"PK", "readme.txt": b"x"}),
        " has no class folders, but the archive 'photos.zip'; unpack it",
    )
    (tmp_path / "d").mkdir()
    zipped(tmp_path / "d" / "my photos.zip", CLASSES)
    refused(
        tmp_path / "d",
        f" has no class folders, but the archive 'my photos.zip'; use --data '{tmp_path}/d/my "
        f"photos.zip'",
    )
    (tmp_path / "page.zip").write_bytes(b"<!DOCTYPE html><html>Sign in</html>")
    refused(
        tmp_path / "page.zip", " is no zip archive, or was cut short (it is HTML or XML)"
    )


def test_a_folder_in_an_archive_is_a_data_set(tmp_path):
    """It is opened, recorded, found again; parts of one are in one archive."""
    content = {f"{p}/{p}/{x}": d for p in ("train", "test") for x, d in CLASSES.items()}
    file = zipped(tmp_path / "x.zip", content)
    refused(
        file,
        f": the class folders are one level further down; use --train {file}/train/train",
    )
    root, parts = chosen_parts(
        None, {"train": file / "train" / "train", "test": file / "test" / "test"}
    )
    assert root == file and exists(file / "train") and not exists(tmp_path / "y.zip" / "a")
    source = open_source(root, parts=parts)
    assert source.parts == ("train", "test") and source.counts("test") == [2, 2]
    assert {x.name: source.read(x) for x in source.samples} == content
    inner = open_source(file / "train" / "train")
    assert {x.name: inner.read(x) for x in inner.samples} == CLASSES
    again = recorded_source(file / "train", ("a",), [Sample("train/a/1.png", 0, "val")])
    assert again.read(again.samples[0]) == CLASSES["a/1.png"]
    refused(file / "nothing", " does not exist")
    zipped(tmp_path / "y.zip", content)
    for other in (tmp_path / "y.zip" / "test", tmp_path):
        with pytest.raises(RecipeError, match="must be folders, or be in one archive"):
            chosen_parts(None, {"train": file / "train", "test": other})
    with pytest.raises(
        RecipeError, match="a folder in an archive is named as photos.zip/train"
    ):
        chosen_parts(None, {"train": file, "test": tmp_path})


def test_links_in_a_zip_are_noted(tmp_path):
    file = zipped(tmp_path / "x.zip", CLASSES)
    with zipfile.ZipFile(file, "a") as archive:
        info = zipfile.ZipInfo("a/link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert open_source(file).notes == (
        "left out: 'a/link.png': a link in the archive, not followed; pack the file itself "
        "to use",
    )


@pytest.mark.parametrize("name", ["d\u00e9j\u00e0", "\u82b1", "\u0446\u0432\u0435\u0442"])
@pytest.mark.parametrize("program", ["python", "zip", "tar", "python without the flag"])
def test_names_of_any_script_are_kept(tmp_path, name, program):
    data = tmp_path / "d"
    for kind in (name, "plain"):
        (data / kind).mkdir(parents=True)
        (data / kind / f"{name}.png").write_bytes(IMAGE)
    file = tmp_path / ("x.tar" if program == "tar" else "x.zip")
    if program == "zip":
        if not shutil.which("zip"):
            pytest.skip("there is no zip")
        subprocess.run(["zip", "-qr", file, "."], cwd=data, check=True)
    elif program == "tar":
        subprocess.run(["tar", "cf", file, "."], cwd=data, check=True)
    else:
        zipped(file, {f"{x}/{name}.png": IMAGE for x in (name, "plain")})
        if program != "python":
            raw = bytearray(file.read_bytes())
            for mark, at in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
                start = raw.find(mark)
                while start >= 0:
                    raw[start + at + 1] &= ~0x08
                    start = raw.find(mark, start + 4)
            file.write_bytes(raw)
    source = open_source(file)
    assert set(source.classes) == {name, "plain"}
    assert {Path(x.name).name for x in source.samples} == {f"{name}.png"}
    assert source.read(source.samples[0]) == IMAGE


def test_backslashes_of_windows_separate(tmp_path):
    file = zipped(tmp_path / "x.zip", {x.replace("/", "\\"): d for x, d in CLASSES.items()})
    assert open_source(file).classes == ("a", "b")


def encrypted(file, which):
    """Set the flag of encryption of the members in `which`."""
    raw = bytearray(file.read_bytes())
    for mark, flags, at, size in ((b"PK\3\4", 6, 30, 26), (b"PK\1\2", 8, 46, 28)):
        start = raw.find(mark)
        while start >= 0:
            (length,) = struct.unpack_from("<H", raw, start + size)
            if raw[start + at : start + at + length].decode() in which:
                raw[start + flags] |= 1
            start = raw.find(mark, start + 4)
    file.write_bytes(raw)
    return file


def test_encrypted_members_are_bad_files_and_an_encrypted_archive_is_refused(tmp_path):
    file = encrypted(zipped(tmp_path / "x.zip", CLASSES), {"a/1.png"})
    source = open_source(file)
    with pytest.raises(ImageError) as caught:
        source.read(next(x for x in source.samples if x.name == "a/1.png"))
    assert str(caught.value) == "is encrypted; unpack the archive with its password"
    assert examine(file).bad == (("a/1.png", str(caught.value)),)
    refused(encrypted(file, set(CLASSES)), " is encrypted; unpack it with its password")


def test_methods_that_are_not_read_are_named(tmp_path):
    file = zipped(tmp_path / "x.zip", CLASSES)
    raw = bytearray(file.read_bytes())
    start = raw.find(b"PK\1\2")
    raw[start + 10] = 9
    file.write_bytes(raw)
    source = open_source(file)
    with pytest.raises(ImageError, match="is compressed by Deflate64, which is not read"):
        source.read(source.samples[0])


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_methods_that_are_read(tmp_path, method):
    source = open_source(zipped(tmp_path / "x.zip", CLASSES, compression=method))
    assert {x.name: source.read(x) for x in source.samples} == CLASSES


def test_a_damaged_member_is_a_bad_file(tmp_path):
    file = zipped(tmp_path / "x.zip", CLASSES)
    raw = bytearray(file.read_bytes())
    at = raw.find(CLASSES["b/1.png"])
    raw[at + 100] ^= 255
    file.write_bytes(raw)
    [(name, reason)] = examine(file).bad
    assert name == "b/1.png" and reason.startswith(
        "cannot be read from the archive: Bad CRC-32"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 0.97])
def test_an_archive_that_was_cut_short_is_one_line(toy_folder, tmp_path, kind, share):
    whole = packed(toy_folder, tmp_path / f"x.{kind}").read_bytes()
    file = tmp_path / f"cut.{kind}"
    # A tar ends in up to 10 KB of zeros, which nobody misses.
    end = len(whole.rstrip(b"\0")) if kind == "tar" else len(whole)
    file.write_bytes(whole[: int(share * end)])
    refused(file, " is no ")
    [(name, error)] = archive_images(file)
    assert (
        name == file and isinstance(error, ImageError) and str(error).startswith("is no ")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere_is_an_error_of_ours(toy_folder, tmp_path, kind):
    whole = packed(toy_folder, tmp_path / f"x.{kind}").read_bytes()
    rng = np.random.default_rng(0)
    file = tmp_path / f"damaged.{kind}"
    for _ in range(40):
        raw = bytearray(whole)
        for at in rng.integers(0, len(raw), 3):
            raw[at] = rng.integers(256)
        file.write_bytes(raw)
        # Whatever else it raises fails the test.
        with suppress(DatasetError):
            source = open_source(file)
            for sample in source.samples:
                with suppress(ImageError):
                    source.read(sample)


def test_what_is_no_archive_is_one_line(tmp_path):
    for name in ("x.zip", "x.tar", "x.tgz"):
        (tmp_path / name).write_bytes(b"not an archive" * 100)
        refused(tmp_path / name, " is no ")
        (tmp_path / name).write_bytes(b"")
        refused(tmp_path / name, " is no ")
    (tmp_path / "zst.tar").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    refused(
        tmp_path / "zst.tar",
        " is no tar archive, or was cut short (it is Zstandard); fetch it again, or repack it as .zip or .tar.gz",
    )
    refused(tmp_path / "gone.zip", " does not exist")


def test_one_of_several_zip_files_is_named(tmp_path, toy_folder):
    if not shutil.which("zip"):
        pytest.skip("there is no zip")
    rng = np.random.default_rng(0)
    data = tmp_path / "d" / "a"
    data.mkdir(parents=True)
    (data / "noise.png").write_bytes(rng.bytes(200_000))
    subprocess.run(
        ["zip", "-qr", "-s", "64k", tmp_path / "x.zip", "."], cwd=data.parent, check=True
    )
    assert (tmp_path / "x.z01").exists()
    refused(
        tmp_path / "x.zip",
        " is one of 4 parts of a zip archive; join them first, as by `zip -s 0 ",
    )


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(members, "SPARE", 2**20)
    bomb = {**CLASSES, "a/bomb.bmp": bytes(2**25)}
    refused(
        zipped(tmp_path / "x.zip", bomb, compression=zipfile.ZIP_DEFLATED),
        ": what is in it is more than 200 times larger than itself",
    )
    for mode in ("gz", "bz2", "xz"):
        refused(
            tarred(tmp_path / f"x.tar.{mode}", bomb, f"w:{mode}"),
            ": what is in it is more than 200 times larger",
        )
    # As large, but not compressed.
    assert len(open_source(tarred(tmp_path / "x.tar", bomb)).samples) == 5


@pytest.mark.parametrize(
    "opener,kind", [(gzip.open, "gz"), (bz2.open, "bz2"), (lzma.open, "xz")]
)
def test_an_endless_header_takes_no_memory(tmp_path, opener, kind):
    """A long name of a gigabyte is not read to see what it is."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**30
    file = tmp_path / f"x.tar.{kind}"
    with opener(file, "wb") as out:
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.write(b"x" * 2**21)
    refused(file, " is no tar archive, or was cut short (a header of 1,073,741,824 bytes)")


def test_members_that_overlap_are_refused(tmp_path):
    file = zipped(tmp_path / "x.zip", CLASSES)
    raw = bytearray(file.read_bytes())
    first = raw.find(b"PK\1\2")
    second = raw.find(b"PK\1\2", first + 4)
    raw[second + 42 : second + 46] = struct.pack("<I", 10)
    file.write_bytes(raw)
    refused(file, ": members overlap, as in a decompression bomb; it is not read")


def test_a_member_larger_than_an_image_is_a_bad_file(tmp_path, monkeypatch):
    from alexnet_cli.dataset.sources import zip_archive

    for module in (zip_archive, tar_archive):
        monkeypatch.setattr(module, "MAX_BYTES", 2**20)
    large = {**CLASSES, "a/large.png": np.random.default_rng(0).bytes(2**21)}
    for file in (
        zipped(tmp_path / "x.zip", large),
        tarred(tmp_path / "x.tgz", large, "w:gz"),
    ):
        assert examine(file).bad == (("a/large.png", "is larger than 1 MiB"),)


def test_layouts_that_are_no_class_folders_are_one_line(tmp_path):
    flat = zipped(tmp_path / "flat.zip", content("1.png", "2.png"))
    refused(flat, " has files but no class folders; put the images of each class into")
    one = zipped(tmp_path / "one.zip", content("cats/1.png", "cats/2.png"))
    refused(one, " has only one class, 'cats'; a classifier needs at least two")
    twice = content("train/a/1.png", "train/b/1.png", "Training/a/1.png", "val/a/1.png")
    refused(
        zipped(tmp_path / "twice.zip", twice),
        ": both 'Training' and 'train' could be the train part; rename one, or name",
    )
    unknown = content("train/a/1.png", "train/b/1.png", "val/c/1.png")
    refused(
        zipped(tmp_path / "c.zip", unknown),
        f"/val has a class 'c' that {tmp_path}/c.zip/train lacks",
    )


def test_several_wrapping_folders_are_looked_through(tmp_path):
    deep = {f"data/v1/photos/{x}": d for x, d in CLASSES.items()}
    assert open_source(zipped(tmp_path / "x.zip", deep)).classes == ("a", "b")
    parts = {f"data/{p}/{x}": d for p in ("train", "test") for x, d in CLASSES.items()}
    assert open_source(zipped(tmp_path / "y.zip", parts)).parts == ("train", "test")


def test_classes_choose_and_order(tmp_path):
    file = zipped(tmp_path / "x.zip", {**CLASSES, **content("c/1.png")})
    chosen = open_source(file, ("c", "a"))
    assert chosen.classes == ("c", "a") and chosen.counts("train") == [1, 2]
    with pytest.raises(DatasetError, match=r"x\.zip has no class folder 'd'"):
        open_source(file, ("d", "a"))


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
def test_images_to_predict_are_named_by_their_place(toy_folder, tmp_path, kind):
    file = packed(toy_folder, tmp_path / f"x.{kind}")
    found = dict(archive_images(file))
    root = toy_folder.parent
    assert found == {
        file / x.relative_to(root): x.read_bytes() for x in toy_folder.glob("*/*")
    }
    one = next(x for x in found if x.parent.name == "red")
    assert dict(archive_images(one)) == {one: found[one]}
    assert {x for x, _ in archive_images(one.parent)} == {
        x for x in found if x.parent == one.parent
    }
    [(name, error)] = archive_images(file / "re")
    assert name == file / "re" and str(error) == "does not exist"
    empty = zipped(tmp_path / "empty.zip", {"readme.txt": b"x"})
    [(name, error)] = archive_images(empty)
    assert name == empty and str(error) == "is an archive without images"
