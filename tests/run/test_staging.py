"""A new run replaces an old one only when it is whole, and nothing else ever."""

import ctypes
import os
import re
import threading
from pathlib import Path

import pytest
from run.directories import names, record, refused, said, write_run

from alexnet_cli.errors import RunError
from alexnet_cli.run import staging as module
from alexnet_cli.run.destination import leftovers
from alexnet_cli.run.lock import LOCK, locked
from alexnet_cli.run.run import INTERRUPTED, TRAINING, Run
from alexnet_cli.run.staging import noting_how_to_go_on, resumed, staged

NOTES = (
    "NOTES.md",
    "mine/deep/er.txt",
    "plots/mine.png",
    os.fsdecode(b"bad\xff"),
    "new\nline",
)


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


@pytest.mark.parametrize("name", ["history.csv", "model.weights.h5", "logs", "plots"])
def test_a_strangers_run_writes_nowhere_else(tmp_path, run_copy, name):
    """What is written follows links, which a run of somebody else may have."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = (run_copy / name).rename(elsewhere / name)
    (run_copy / name).symlink_to(moved)
    with pytest.raises(RunError, match=f"{name} is a link to .*elsewhere.*; `cp -rL`"):
        with resumed(run_copy):
            pass
    (run_copy / name).unlink()
    inside = moved.rename(run_copy / f"my-{name}")
    (run_copy / name).symlink_to(inside.name)
    (run_copy / "notes.txt").symlink_to(elsewhere / "my notes")
    with resumed(run_copy):
        pass
