"""SHA256SUMS is what coreutils read, and tells what is ours from what is the user's."""

import os
import shutil
import subprocess

import pytest

from alexnet_cli.errors import RunError
from alexnet_cli.run.digests import (
    EVALUATIONS,
    SUMS,
    TRAIN_LOG,
    notes,
    require_as_written,
    seal,
    sha256,
    verify,
)

OWN = (
    "run.json", "model.weights.h5", "model.tflite", "mean_image.npy", "saved_model.pb", "fingerprint.pb",
    "history.csv", "split.csv", "bad_images.csv", "validation.csv", "variables/variables.index",
    "variables/variables.data-00000-of-00001", "plots/augmented.png", "plots/curves.png", "plots/confusion.png",
)  # fmt: skip
CHANGING = (
    ".lock", "train.log", "evaluations.json", ".part.run.json", "checkpoints/00001.json", "checkpoints/epoch-00001.weights.h5",
    "logs/train/events.out.tfevents.1.host.2.3", "logs/events.out.tfevents.1",
)  # fmt: skip
NOTES = (
    "NOTES.md", "plots/mine.png", "assets/labels.txt", "logs/readme.txt", "old/run.json", "model.weights.h5.bak",
    "new\nline", os.fsdecode(b"bad\xff"), "variables/deep/er.txt",
)  # fmt: skip


def fill(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.fsencode(name) * 100)
    return folder


def test_coreutils_agree(tmp_path):
    fill(tmp_path, (*OWN, *CHANGING, *NOTES))
    seal(tmp_path, (tmp_path / "run.json").read_text())
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("no sha256sum")
    words = [program, "-c", "--strict", SUMS]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(f"{x}: OK" for x in OWN)
    verify(tmp_path)


def test_a_run_of_training_is_listed_whole(trained):
    """Every file of a real run is ours, and all but those that change are listed."""
    verify(trained)
    assert notes(trained) == []
    listed = {x.split("  ")[1] for x in (trained / SUMS).read_text().splitlines()}
    files = {x.relative_to(trained).as_posix() for x in trained.rglob("*") if x.is_file()}
    rest = {x.split("/")[0] for x in files - listed}
    # The second is there if another test has evaluated the run.
    assert rest - {EVALUATIONS} == {SUMS, TRAIN_LOG, "checkpoints", "logs"}


@pytest.mark.parametrize("name", ["run.json", "variables/variables.index", "split.csv"])
@pytest.mark.parametrize("place", [0, -1, None])
def test_a_changed_byte_or_a_missing_file_is_named(tmp_path, name, place):
    fill(tmp_path, OWN)
    seal(tmp_path, (tmp_path / "run.json").read_text())
    file = tmp_path / name
    if place is None:
        file.unlink()
    else:
        data = bytearray(file.read_bytes())
        data[place] ^= 1
        file.write_bytes(data)
    with pytest.raises(RunError) as caught:
        verify(tmp_path)
    assert str(caught.value) == f"{file} is not what was written; is the disk sound?"


def test_a_file_that_is_cut_off_is_named(tmp_path):
    fill(tmp_path, OWN)
    seal(tmp_path, (tmp_path / "run.json").read_text())
    os.truncate(tmp_path / "history.csv", 100)
    with pytest.raises(RunError, match=r"history\.csv is not what was written"):
        verify(tmp_path)


def test_notes_are_what_no_training_has_written(tmp_path):
    fill(tmp_path, (*OWN, *CHANGING, *NOTES))
    seal(tmp_path, (tmp_path / "run.json").read_text())
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "old")
    expected = {tmp_path / x for x in (*NOTES, "link", "folder")}
    found = notes(tmp_path)
    assert set(found) == expected and found == sorted(found)


def test_a_digest_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_line_that_is_no_digest_does_not_switch_the_check_off(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"model")
    seal(tmp_path, "{}")
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("  model.tflite", " model.tflite"))
    (tmp_path / "model.tflite").write_bytes(b"other")
    with pytest.raises(RunError, match="SHA256SUMS is damaged: line 1 is no digest"):
        require_as_written(tmp_path / "model.tflite", "train again")
