"""Where no run can be written is an error before anything is done; leftovers are told."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import new_tiny_run, tree
from run.directories import names, record, refused, said, write_run

from alexnet_cli.errors import RunError
from alexnet_cli.run.destination import check_destination, leftovers
from alexnet_cli.run.lock import LOCK, locked
from alexnet_cli.run.run import INTERRUPTED, TRAINING
from alexnet_cli.run.staging import staged

NOTES = (
    "NOTES.md",
    "mine/deep/er.txt",
    "plots/mine.png",
    os.fsdecode(b"bad\xff"),
    "new\nline",
)


def test_leftovers_are_told_and_not_deleted(tmp_path):
    out = tmp_path / "saved"
    for name in ("saved", ".saved.new", ".saved.old-0123abcd", ".saved.new-0123abcd", ".saved.new-9",
                 ".other.new-0123abcd", ".saved.new-000000ff"):  # fmt: skip
        write_run(tmp_path / name, name)
    (tmp_path / ".saved.new-00000000").write_text("a file")
    record(tmp_path / ".saved.new-0123abcd")
    before = tree(tmp_path)
    left = "is left from a training that was cut off; delete it if it holds nothing"
    with locked(tmp_path / ".saved.new-000000ff"):
        assert leftovers(out) == [
            f"{tmp_path}/.saved.new {left}",
            f"{tmp_path}/.saved.new-0123abcd holds a training that was to replace {out} and did not end; "
            f"`alexnet train --resume {tmp_path}/.saved.new-0123abcd` goes on, or delete it",
            f"{tmp_path}/.saved.old-0123abcd {left}",
        ]  # fmt: skip
    assert tree(tmp_path) == before
    with staged(out, overwrite=True) as staging:
        write_run(staging.folder, "new")
    assert {x.split("/")[0] for x in before} == set(names(tmp_path))
    assert leftovers(tmp_path / "nowhere" / "saved") == []


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_is_not_a_run_is_never_touched(tmp_path, overwrite):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "holiday.jpg").write_text("x")
    refused(
        folder,
        overwrite,
        f"{folder} already exists and is not a run directory; choose another --out",
    )
    file = folder / "holiday.jpg"
    refused(file, overwrite, f"{file} is a file; choose another --out")
    (folder / "link").symlink_to("nowhere")
    link = folder / "link"
    refused(link, overwrite, f"{link} is a link to nothing; choose another --out")


@pytest.mark.parametrize("text", ['{"name": "jogging"}', "[]", "", '{"format": 99}'])
@pytest.mark.parametrize("overwrite", [True, False])
def test_the_run_json_of_another_program_is_never_replaced(tmp_path, text, overwrite):
    out = tmp_path / "saved"
    out.mkdir()
    (out / "run.json").write_text(text)
    with pytest.raises(
        RunError, match=r"run\.json .*; delete it yourself, or choose another --out$"
    ):
        check_destination(out, overwrite)
    (out / LOCK).touch()  # of a process that was killed
    with pytest.raises(RunError), staged(out, overwrite):
        pass
    assert (out / "run.json").read_text() == text


def test_a_link_still_leads_to_the_run_that_replaced_another(tmp_path, way):
    write_run(tmp_path / "disk" / "run1")
    (tmp_path / "saved").symlink_to(tmp_path / "disk" / "run1")
    with staged(tmp_path / "saved", overwrite=True) as staging:
        assert staging.folder.parent == tmp_path / "disk"
        write_run(staging.folder, "new")
    assert (tmp_path / "saved").is_symlink() and said(tmp_path / "saved") == "new"
    assert names(tmp_path / "disk") == ["run1"] and names(tmp_path) == ["disk", "saved"]


def test_a_link_to_an_empty_folder_leads_to_the_run(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "saved").symlink_to(tmp_path / "disk")
    with staged(tmp_path / "saved") as staging:
        write_run(staging.folder, "new")
    assert (tmp_path / "saved").is_symlink() and said(tmp_path / "disk") == "new"


def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch):
    write_run(tmp_path / "saved")
    (tmp_path / "saved" / "plots").mkdir()
    for current, out in (("saved", "."), ("saved/plots", "..")):
        monkeypatch.chdir(tmp_path / current)
        with pytest.raises(RunError) as caught, staged(Path(out), overwrite=True):
            pass
        assert str(caught.value) == (
            f"{out} is the current folder or holds it and cannot be replaced; "
            f"change to another folder"
        )
    assert said(tmp_path / "saved") == "old" and names(tmp_path) == ["saved"]


def test_the_current_folder_can_be_written_to_if_it_is_empty(tmp_path, monkeypatch):
    (tmp_path / "saved").mkdir()
    monkeypatch.chdir(tmp_path / "saved")
    with pytest.raises(ZeroDivisionError), staged(Path(".")):
        raise ZeroDivisionError
    with staged(Path(".")) as staging:
        write_run(staging.folder)
    assert said(tmp_path / "saved") == "old"


def test_a_mount_point_is_not_replaced_but_an_empty_one_is_written_to(
    tmp_path, monkeypatch
):
    out = tmp_path / "saved"
    (out / "lost+found").mkdir(parents=True)
    (out / "lost+found" / "kept").touch()
    monkeypatch.setattr(Path, "is_mount", lambda path: path == out)
    with staged(out) as staging:
        assert staging.folder == out
        write_run(out)
    assert (out / "lost+found" / "kept").exists()
    refused(
        out,
        True,
        f"{out} is a mount point and cannot be replaced; choose a folder inside it",
    )


def test_without_permission_for_the_folder_above_nothing_is_trained(tmp_path, monkeypatch):
    out = tmp_path / "saved"
    write_run(out)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    refused(
        out,
        True,
        f"{out} cannot be replaced: {tmp_path} cannot be written to; choose another --out",
    )


def test_without_permission_to_read_or_make_it_is_one_line(tmp_path, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", denied)
        with pytest.raises(RunError, match="^.*/saved: Permission denied; choose another"):
            check_destination(tmp_path / "saved", False)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", denied)
        with pytest.raises(RunError, match="/saved cannot be made: Permission denied$"):
            staged(tmp_path / "saved").__enter__()
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="file/saved"):
        staged(tmp_path / "file" / "saved").__enter__()


@pytest.mark.parametrize("status", [None, TRAINING])
def test_what_a_killed_training_left_before_its_first_step_is_reused(tmp_path, status):
    out = tmp_path / "saved"
    out.mkdir()
    if status:
        replace(new_tiny_run(out), status=status).write()
    for name in (LOCK, "split.csv", ".part.run.json", "bad_images.csv"):
        (out / name).write_text("half")
    (out / "plots").mkdir()
    (out / "plots" / ".part.augmented.png").write_text("half")
    assert not check_destination(out, False)
    with staged(out) as staging:
        assert names(out) == [LOCK]
        write_run(staging.folder, "new")
    assert said(out) == "new" and names(out) == [
        "SHA256SUMS",
        "model.weights.h5",
        "run.json",
    ]


@pytest.mark.parametrize(
    "what", ["notes", "finished", "interrupted", "recorded", "no lock"]
)
def test_anything_more_than_that_is_not(tmp_path, what):
    out = tmp_path / "saved"
    out.mkdir()
    for name in (LOCK, "split.csv"):
        (out / name).write_text("half")
    text = f"{out} already exists and is not a run directory; choose another --out"
    if what == "notes":
        (out / "NOTES.md").touch()
    elif what == "no lock":
        (out / LOCK).unlink()
    elif what == "finished":
        write_run(out)
        text = f"{out} already exists; --overwrite replaces it, or choose another --out"
    else:
        write_run(out, status=INTERRUPTED if what == "interrupted" else TRAINING)
        record(out, step=what == "recorded")
        text = (
            f"{out} holds a training with other options that did not end; "
            f"--resume {out} goes on with it, --overwrite replaces it"
        )
    refused(out, False, text)


def test_a_run_that_is_being_written_to_is_refused(tmp_path):
    out = tmp_path / "saved"
    write_run(out)
    with locked(out):
        for overwrite in (True, False):
            with pytest.raises(RunError):
                staged(out, overwrite).__enter__()
        with pytest.raises(RunError, match="is being written to by process"):
            staged(out, overwrite=True).__enter__()
    assert said(out) == "old" and names(tmp_path) == ["saved"]


def test_two_at_once_never_write_to_the_same_folder(tmp_path):
    out = tmp_path / "saved"
    with staged(out) as staging:
        with pytest.raises(RunError, match="is being written to by process"):
            staged(out).__enter__()
        (staging.folder / "split.csv").touch()
        with pytest.raises(RunError, match="is being written to by process"):
            staged(out, overwrite=True).__enter__()
        assert names(out) == [LOCK, "split.csv"], "nothing was cleared away"
        write_run(staging.folder)
    assert said(out) == "old"


def test_a_relative_path_is_where_it_was_though_the_current_folder_changes(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    with staged(Path("saved")) as staging:
        monkeypatch.chdir(tmp_path / "other")
        write_run(staging.folder)
    assert names(tmp_path) == ["other", "saved"] and said(tmp_path / "saved") == "old"


def test_names_that_are_not_utf8_are_printable(tmp_path):
    out = tmp_path / os.fsdecode(b"bad\xff")
    write_run(out)
    with pytest.raises(RunError, match=r"/bad\\xff already exists; --overwrite"):
        check_destination(out, False)
    with staged(out, overwrite=True) as staging:
        write_run(staging.folder, "new")
    assert said(out) == "new"
    shutil.rmtree(out)
