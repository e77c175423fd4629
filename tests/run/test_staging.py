"""A new run replaces an old one only when it is whole, and nothing else ever."""

import ctypes
import os
import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import new_tiny_run, tree

from alexnet_cli.errors import RunError
from alexnet_cli.run import staging as module
from alexnet_cli.run.checkpoints import write_checkpoint
from alexnet_cli.run.destination import check_destination, leftovers
from alexnet_cli.run.digests import seal, verify
from alexnet_cli.run.lock import LOCK, locked
from alexnet_cli.run.run import FINISHED, INTERRUPTED, TRAINING, Run
from alexnet_cli.run.staging import noting_how_to_go_on, resumed, staged

NOTES = (
    "NOTES.md",
    "mine/deep/er.txt",
    "plots/mine.png",
    os.fsdecode(b"bad\xff"),
    "new\nline",
)


def names(folder):
    return sorted(os.listdir(folder))


def write_run(folder, text="old", status=FINISHED):
    """A small run directory that says `text`."""
    run = replace(new_tiny_run(folder), status=status, reason=text)
    run.write()
    run.weights.write_text(text)
    seal(folder, run.text())
    return run


def said(folder):
    """What `write_run` has written there, all of it."""
    verify(folder)
    run = Run.open(folder)
    assert run.weights.read_text() == run.reason
    return run.reason


def record(folder, step=1):
    """A checkpoint of the training in `folder`."""
    write_checkpoint(folder, (0, step), {}, {"x": np.zeros(2)})


@pytest.fixture(params=["exchange", "rename"])
def way(request, monkeypatch):
    """Both ways of replacing a folder: in one step, and in two."""
    if request.param == "rename":
        monkeypatch.setattr(module, "_exchange", lambda one, other: False)
    return request.param


def refused(out, overwrite, text):
    before = tree(out.parent) if not os.path.ismount(out) else None
    for check in (
        lambda: check_destination(out, overwrite),
        lambda: staged(out, overwrite).__enter__(),
    ):
        with pytest.raises(RunError) as caught:
            check()
        assert str(caught.value) == text
    assert before is None or tree(out.parent) == before


def test_the_old_stays_until_the_new_is_whole(tmp_path, way):
    out = tmp_path / "saved"
    with staged(out) as staging:
        assert staging.folder == staging.final == out and (out / LOCK).is_file()
        write_run(staging.folder)
    assert said(out) == "old" and not (out / LOCK).exists()
    refused(
        out,
        False,
        f"{out} already exists; --overwrite replaces it, or choose another --out",
    )
    with pytest.raises(ZeroDivisionError), staged(out, overwrite=True) as staging:
        assert re.fullmatch(r"\.saved\.new-[0-9a-f]{8}", staging.folder.name)
        assert staging.final == out and staging.folder.parent == tmp_path
        write_run(staging.folder, "half")
        raise ZeroDivisionError
    assert names(tmp_path) == ["saved"] and said(out) == "old"
    with staged(out, overwrite=True) as staging:
        write_run(staging.folder, "new")
        assert said(out) == "old"
    assert names(tmp_path) == ["saved"] and said(out) == "new"
    assert LOCK not in names(out)


def test_folders_are_exchanged_in_one_step(tmp_path):
    if not hasattr(ctypes.CDLL(None), "renameat2"):
        pytest.skip("no renameat2")
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert module._exchange(tmp_path / "a", tmp_path / "b")
    assert names(tmp_path / "a") == ["b"] and names(tmp_path / "b") == ["a"]
    with pytest.raises(FileNotFoundError):
        module._exchange(tmp_path / "a", tmp_path / "nowhere")


def test_readers_see_one_or_the_other_and_never_none(tmp_path):
    if not hasattr(ctypes.CDLL(None), "renameat2"):
        pytest.skip("no renameat2")
    out = tmp_path / "saved"
    write_run(out)
    over, missing, seen = threading.Event(), [], set()

    def read():
        while not over.is_set():
            try:
                seen.add(Run.read(out).reason)
            except RunError as error:
                missing.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for i in range(20):
            with staged(out, overwrite=True) as staging:
                write_run(staging.folder, f"{i}")
    finally:
        over.set()
        reader.join()
    assert not missing and len(seen) > 3 and said(out) == "19"


def test_where_the_second_rename_fails_the_old_one_comes_back(tmp_path, monkeypatch):
    out = tmp_path / "saved"
    write_run(out)
    (out / "NOTES.md").write_text("mine")
    monkeypatch.setattr(module, "_exchange", lambda one, other: False)
    real = Path.rename

    def rename(path, target):
        if ".new-" in path.name:
            raise OSError(5, "Input/output error")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with (
        pytest.raises(OSError, match="Input/output"),
        staged(out, overwrite=True) as staging,
    ):
        write_run(staging.folder, "new")
    assert names(tmp_path) == ["saved"] and said(out) == "old"
    assert (out / "NOTES.md").read_text() == "mine"


def test_an_exchange_that_fails_changes_nothing(tmp_path, monkeypatch):
    out = tmp_path / "saved"
    write_run(out)

    def fails(one, other):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "_exchange", fails)
    with pytest.raises(PermissionError), staged(out, overwrite=True) as staging:
        write_run(staging.folder, "new")
    assert names(tmp_path) == ["saved"] and said(out) == "old"


def test_a_damaged_new_run_replaces_nothing(tmp_path, way):
    out = tmp_path / "saved"
    write_run(out)
    with pytest.raises(RunError, match=r"model\.weights\.h5 is not what was written"):
        with staged(out, overwrite=True) as staging:
            write_run(staging.folder, "new")
            (staging.folder / "model.weights.h5").write_text("torn")
    assert names(tmp_path) == ["saved"] and said(out) == "old"


def test_notes_survive_a_replacement(tmp_path, way):
    out = tmp_path / "saved"
    write_run(out)
    for name in NOTES:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
    (out / "link").symlink_to("nowhere")
    (out / "folder").symlink_to(tmp_path)
    os.chmod(out / "NOTES.md", 0o640)
    (out / "both").write_text("mine")
    (out / "history.csv").write_text("ours, and gone")
    with staged(out, overwrite=True) as staging:
        write_run(staging.folder, "new")
        (staging.folder / "both").write_text("new")
    assert said(out) == "new" and names(tmp_path) == ["saved"]
    for name in NOTES:
        assert (out / name).read_text() == "mine", name
    assert os.readlink(out / "link") == "nowhere"
    assert os.readlink(out / "folder") == str(tmp_path)
    assert (out / "NOTES.md").stat().st_mode & 0o777 == 0o640
    assert (out / "both").read_text() == "new" and not (out / "history.csv").exists()


def test_a_training_that_is_not_to_replace_stays_beside(tmp_path):
    out = tmp_path / "saved"
    write_run(out)
    with staged(out, overwrite=True) as staging:
        write_run(staging.folder, "failed")
        staging.complete = False
    assert said(out) == "old" and said(staging.folder) == "failed"
    assert names(tmp_path) == sorted(["saved", staging.folder.name])


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("made", [True, False])
def test_nothing_is_left_of_a_failure_before_the_first_step(tmp_path, error, made):
    out = tmp_path / "a" / "saved"
    if made:
        out.mkdir(parents=True)
    with pytest.raises(error), staged(out) as staging:
        (staging.folder / "half").mkdir()
        (staging.folder / "half" / "file").write_text("x")
        record(staging.folder, step=0)
        raise error
    assert names(tmp_path) == (["a"] if made else [])
    assert not made or names(out) == [], "a folder that was there stays"


@pytest.mark.parametrize("old", [True, False])
def test_what_was_trained_stays_after_a_failure(tmp_path, old):
    out = tmp_path / "saved"
    if old:
        write_run(out)
    with pytest.raises(ZeroDivisionError) as caught:
        with staged(out, overwrite=True) as staging, noting_how_to_go_on(staging):
            write_run(staging.folder, "new", TRAINING)
            record(staging.folder)
            raise ZeroDivisionError
    folder = staging.folder
    assert caught.value.__notes__ == [f"`alexnet train --resume {folder}` goes on"]
    assert (folder != out) == old and (folder / "checkpoints" / "00001.json").is_file()
    assert not (folder / LOCK).exists()
    if old:
        assert said(out) == "old"
        assert leftovers(out) == [
            f"{folder} holds a training that was to replace {out} and did not end; "
            f"`alexnet train --resume {folder}` goes on, or delete it"
        ]
        with resumed(folder) as again:
            assert (again.folder, again.final) == (folder, out)
            write_run(again.folder, "new")
        assert said(out) == "new" and names(tmp_path) == ["saved"]


def test_a_resumed_run_stays_where_it_is(tmp_path):
    out = tmp_path / "saved"
    write_run(out, status=INTERRUPTED)
    (out / "plots").mkdir()
    for part in (".part.run.json", "plots/.part.curves.png"):
        (out / part).write_text("of a killed process")
    with resumed(out) as staging:
        assert staging.folder == staging.final == out and (out / LOCK).is_file()
    assert names(out) == ["SHA256SUMS", "model.weights.h5", "plots", "run.json"]
    assert names(out / "plots") == []
    with locked(out), pytest.raises(RunError, match="is being written to by process"):
        with resumed(out):
            pass


def test_a_staged_run_becomes_what_it_was_to_replace_though_that_is_gone(tmp_path):
    folder = tmp_path / ".saved.new-0123abcd"
    write_run(folder, "new")
    with resumed(folder) as staging:
        assert staging.final == tmp_path / "saved"
    assert names(tmp_path) == ["saved"] and said(tmp_path / "saved") == "new"
    assert LOCK not in names(tmp_path / "saved")


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
