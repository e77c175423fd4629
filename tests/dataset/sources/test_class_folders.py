"""Class folders are a source: samples by name, labels by class, parts as the folder has them."""

import os
import shutil
import unicodedata

import pytest
from helpers import HARD_NAMES, draw_toy, python

from alexnet_cli.dataset.sources.class_folders import chosen_parts, find_images
from alexnet_cli.errors import DatasetError, ImageError, RecipeError


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
        "left out: 'train/red/a.txt', 'Test/blue/b.txt': not an image by its extension; "
        "rename to use",
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


def test_links_to_nothing_are_bad_files_with_a_reason(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    (data / "red" / "gone.jpg").symlink_to("/nowhere/gone.jpg")
    (data / "red" / "self.jpg").symlink_to("self.jpg")
    (data / "red" / "no extension").symlink_to("../missing")
    found = find_images(data)
    reasons = {}
    for sample in found.samples:
        try:
            found.read(sample)
        except ImageError as error:
            reasons[sample.name] = str(error)
    assert reasons == {
        "red/gone.jpg": "is a link to nothing: /nowhere/gone.jpg",
        "red/self.jpg": "is a link to nothing: self.jpg",
        "red/no extension": "is a link to nothing: ../missing",
    }


def test_a_class_of_links_to_nothing_alone_is_a_class(tmp_path):
    """As when a disk is not mounted: nothing is trained without a word on what is left."""
    data = draw_toy(tmp_path / "d", each=2)
    (data / "yellow").mkdir()
    for i in range(3):
        (data / "yellow" / f"{i}.jpg").symlink_to(f"/mnt/gone/{i}.jpg")
    found = find_images(data)
    assert found.classes == ("blue", "green", "red", "yellow")
    assert found.counts("train")[3] == 3


def test_a_file_in_two_classes_has_both_labels_however_it_is_linked(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    (data / "red" / "hard.jpg").hardlink_to(data / "blue" / "00.jpg")
    (data / "red" / "soft.jpg").symlink_to(data / "blue" / "00.jpg")
    (data / "green" / "more").symlink_to(data / "blue")
    found = find_images(data)
    names = {x.name for x in found.samples}
    assert {"blue/00.jpg", "red/hard.jpg", "red/soft.jpg", "green/more/00.jpg"} <= names
    assert found.notes == ()


def test_links_to_one_file_in_one_class_count_once(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    for name in ("again.jpg", "third.jpg"):
        (data / "red" / name).symlink_to("00.jpg")
    found = find_images(data)
    assert found.counts("train") == [2, 2, 2]
    assert found.notes == (
        "left out: 'red/again.jpg', 'red/third.jpg': linked into the class twice, used once",
    )


def test_folders_that_may_not_be_read_are_left_out_with_a_note(tmp_path, monkeypatch):
    """The superuser may read them all, so the system's answer is made up here."""
    data = draw_toy(tmp_path / "d", each=2)
    for name in ("red/locked", "private", "lost+found"):
        (data / name).mkdir()
        (data / name / "x.jpg").write_bytes(b"x")
    scandir = os.scandir

    def refuse(folder):
        if os.path.basename(folder) in ("locked", "private"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_images(data)
    assert found.classes == ("blue", "green", "red") and len(found.samples) == 6
    assert found.notes == (
        "left out: 'lost+found/': hidden, or a folder of the system; rename to use",
        "left out: 'private/': cannot be read: Permission denied; not a class",
        "left out: 'red/locked/': cannot be read: Permission denied",
    )


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid(), reason="only the superuser can drop rights"
)
def test_real_permissions(tmp_path):
    """In a process that may not read the folder and the file, as most users are."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    data = draw_toy(tmp_path / "d", each=2)
    (data / "red" / "locked").mkdir(mode=0o000)
    (data / "blue" / "00.jpg").chmod(0o000)
    code = """if True:
        import os, sys
        from pathlib import Path
        from alexnet_cli.dataset.sources.class_folders import find_images
        from alexnet_cli.errors import ImageError
        import alexnet_cli.dataset.images
        os.setgid(65534), os.setuid(65534)
        found = find_images(Path(sys.argv[1]))
        print(found.notes)
        for sample in found.samples:
            try:
                found.read(sample)
            except ImageError as error:
                print(sample.name, error)
    """
    result = python(code, data)
    if "Permission denied" in result.stderr:
        pytest.skip("the package itself may not be read by others")
    assert result.stdout.splitlines() == [
        """("left out: 'red/locked/': cannot be read: Permission denied",)""",
        "blue/00.jpg cannot be read: Permission denied",
    ]


def test_systems_folders_are_left_out_wherever_they_are(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    names = (
        "lost+found", "System Volume Information", "#recycle", "@Recycle", ".Trash-1000", "$RECYCLE.BIN",
        "@eaDir", ".AppleDouble", "__MACOSX", ".ipynb_checkpoints", "@Recently-Snapshot", "found.000", ".git",
    )  # fmt: skip
    for place in (data, data / "red"):
        for name in names:
            (place / name).mkdir()
            (place / name / "00.jpg").write_bytes((data / "red" / "00.jpg").read_bytes())
    found = find_images(data)
    assert found.classes == ("blue", "green", "red") and len(found.samples) == 6
    assert found.notes == (
        f"left out: '#recycle/', '$RECYCLE.BIN/', '.AppleDouble/' and {2 * len(names) - 3} "
        f"more: hidden, or a folder of the system; rename to use",
    )


def test_hidden_and_unfinished_files_are_counted_by_reason(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    for name in ("Thumbs.db", "desktop.ini", "._00.jpg", ".DS_Store", "Icon\r"):
        (data / "red" / name).write_bytes(b"x")
    for i in range(4):
        (data / "green" / f".IMG_{i}.HEIC.icloud").write_bytes(b"bplist00")
    (data / "blue" / "a.jpg.crdownload").write_bytes(b"x")
    (data / "blue" / "b.jpg.nextcloud").write_bytes(b"")
    (data / ".hidden.jpg").write_bytes(b"x")
    found = find_images(data)
    assert found.notes == (
        "left out: '.hidden.jpg', 'red/.DS_Store', 'red/._00.jpg' and 3 more: hidden, or a "
        "file of the system; rename to use",
        "left out: 'blue/a.jpg.crdownload': unfinished download or temporary file; finish or "
        "rename to use",
        "left out: 'blue/b.jpg.nextcloud': still in Nextcloud or ownCloud; download to use",
        "left out: 'green/.IMG_0.HEIC.icloud', 'green/.IMG_1.HEIC.icloud', "
        "'green/.IMG_2.HEIC.icloud' and 1 more: still in iCloud; download to use",
    )


def test_a_class_of_placeholders_says_so(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    (data / "yellow").mkdir()
    for i in range(3):
        (data / "yellow" / f".IMG_{i}.HEIC.icloud").write_bytes(b"bplist00")
    assert find_images(data).notes == (
        "left out: 'yellow/': no images in it: 3 file(s) still in iCloud; download to use; "
        "not a class",
    )


@pytest.fixture
def apart(tmp_path):
    """Training, validation and test images in folders that no layout joins."""
    draw_toy(tmp_path / "a" / "own", each=4)
    draw_toy(tmp_path / "b" / "checked", each=2, seed=1)
    draw_toy(tmp_path / "b" / "later", each=1, seed=2)
    return tmp_path


def test_folders_of_parts_are_joined_under_what_they_share(apart):
    given = {
        "train": apart / "a" / "own",
        "val": apart / "b" / "checked",
        "test": apart / "b" / "later",
    }
    root, parts = chosen_parts(None, given)
    assert root == apart and parts == given
    found = find_images(root, parts=parts)
    assert found.parts == ("train", "val", "test")
    assert [sum(found.counts(x)) for x in found.parts] == [12, 6, 3]
    for sample in found.samples:
        assert found.read(sample) == (apart / sample.name).read_bytes()


def test_data_is_the_training_part_beside_the_others(apart):
    data = apart / "a" / "own"
    root, parts = chosen_parts(
        data, {"train": None, "val": None, "test": apart / "b" / "later"}
    )
    assert root == apart and parts == {"train": data, "test": apart / "b" / "later"}


def test_parts_of_data_are_completed(parted, tmp_path):
    shutil.rmtree(parted / "Test")
    draw_toy(tmp_path / "elsewhere", each=1)
    root, parts = chosen_parts(parted, {"test": tmp_path / "elsewhere"})
    assert parts == {
        "train": parted / "train", "val": parted / "validation", "test": tmp_path / "elsewhere",
    }  # fmt: skip
    assert find_images(root, parts=parts).counts("test") == [1, 1, 1]


@pytest.mark.parametrize(
    "data,given,message",
    [
        ("parted", {"test": "x"}, "--test cannot be given here: --data {} has a test part"),
        (
            "toy",
            {"train": "x"},
            "--train cannot be given here: --data {} is the training part",
        ),
        (None, {"val": "x"}, "--val needs --train, or --data"),
        (None, {}, "neither --data nor --train names a folder of images"),
    ],
)
def test_folders_that_contradict_each_other(request, tmp_path, data, given, message):
    data = request.getfixturevalue(data) if data else None
    with pytest.raises(RecipeError) as error:
        chosen_parts(data, {k: tmp_path / v for k, v in given.items()})
    assert str(error.value) == message.format(data)


def test_classes_match_between_parts_in_either_form(tmp_path):
    """The training part is from Linux, the test part from a Mac."""
    for part, form in (("train", "NFC"), ("test", "NFD")):
        draw_toy(tmp_path / part, each=2)
        (tmp_path / part / "red").rename(
            tmp_path / part / unicodedata.normalize(form, "frambués")
        )
    found = find_images(tmp_path)
    assert found.counts("test") == [2, 2, 2] and found.confusable == ()
    chosen = unicodedata.normalize("NFD", "frambués")
    assert find_images(tmp_path, (chosen, "blue")).counts("train") == [2, 2]


def test_one_name_in_two_forms_stays_two_classes_and_is_told(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    composed, apart = "café", unicodedata.normalize("NFD", "café")
    (data / "red").rename(data / composed)
    (data / "blue").rename(data / apart)
    found = find_images(data)
    assert len(found.classes) == 3
    assert found.confusable == ((apart, composed),)
    with pytest.raises(DatasetError, match="has no class folder 'Café'; did you mean"):
        find_images(data, ("Café",))


def test_a_class_in_other_letters_is_named(parted):
    (parted / "validation" / "red").rename(parted / "validation" / "Red ")
    with pytest.raises(DatasetError) as error:
        find_images(parted)
    assert str(error.value) == (
        f"{parted / 'validation'} has a class 'Red ' that {parted / 'train'} lacks; "
        f"did you mean 'red', which differs only in how it is written?"
    )


def test_a_list_of_classes_finds_a_folder_with_spaces_around_its_name(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    (data / "red").rename(data / "red ")
    assert find_images(data, ("red", "blue")).classes == ("red ", "blue")


def test_parts_are_folders_and_different_ones(tmp_path):
    (tmp_path / "a" / "x").mkdir(parents=True)
    (tmp_path / "a.zip").write_bytes(b"PK")
    for part in ("train", "val", "test"):
        given = {"train": tmp_path / "a", part: tmp_path / "a.zip"}
        with pytest.raises(
            RecipeError, match=f"--{part} .*a.zip is not a folder; --data takes"
        ):
            chosen_parts(None, given)
    with pytest.raises(RecipeError, match="name the same folder twice"):
        chosen_parts(None, {"train": tmp_path / "a", "test": tmp_path / "a" / "x" / ".."})
