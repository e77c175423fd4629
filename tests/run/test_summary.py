"""A summary says what its run directory says, in whatever state that is."""

import json
import os
import shutil

import pytest
from helpers import history

from alexnet_cli.run.lock import locked
from alexnet_cli.run.run import Run
from alexnet_cli.run.summary import summary


def change(run, **fields):
    file = run / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_a_finished_run(trained):
    run, found = Run.open(trained), summary(trained)
    assert (found.path, found.error, found.status) == (trained, "", "finished")
    assert (found.network, found.data) == ("tiny", run.data)
    assert found.data_digest == run.provenance.data_digest != ""
    assert found.epochs == len(history(trained)) == 6
    assert found.best_epoch == run.metrics["epoch"]
    assert found.validation == run.metrics["val_accuracy"]
    assert found.seconds == run.provenance.seconds > 0
    assert found.created == run.created
    assert not found.resumable and not found.busy
    files = {(x.stat().st_ino, x.stat().st_size) for x in trained.rglob("*") if x.is_file()}
    assert found.size == sum(size for _, size in files)


def test_hard_links_count_once_and_links_are_not_followed(run_copy, tmp_path):
    before = summary(run_copy).size
    os.link(run_copy / "model.weights.h5", run_copy / "again.h5")
    (tmp_path / "large").write_bytes(bytes(10**6))
    link = run_copy / "link"
    link.symlink_to(tmp_path / "large")
    (run_copy / "circle").symlink_to(run_copy)
    links = link.lstat().st_size + (run_copy / "circle").lstat().st_size
    assert summary(run_copy).size == before + links


@pytest.mark.parametrize("status", ["training", "interrupted", "failed"])
def test_what_did_not_end_goes_on_from_its_checkpoint(run_copy, status):
    made = json.loads((run_copy / "run.json").read_text())["provenance"]
    change(run_copy, status=status, provenance={**made, "seconds": 0})
    found = summary(run_copy)
    assert (found.status, found.resumable, found.busy) == (status, True, False)
    assert found.epochs == 6
    (newest, *_) = sorted((run_copy / "checkpoints").glob("*.json"), reverse=True)
    elapsed = json.loads(newest.read_text())["state"]["elapsed"]
    assert found.seconds == elapsed > 0
    shutil.rmtree(run_copy / "checkpoints")
    assert (summary(run_copy).resumable, summary(run_copy).seconds) == (False, None)


def test_one_that_is_being_written_to_is_busy(run_copy):
    change(run_copy, status="training")
    with locked(run_copy):
        assert summary(run_copy).busy
    assert not summary(run_copy).busy


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", "{}", '{"format": 1}', '{"format": 99}', "[" * 100_000, "\0", '{"format": NaN}',
])  # fmt: skip
def test_a_damaged_run_is_its_error(run_copy, text):
    (run_copy / "run.json").write_text(text)
    found = summary(run_copy)
    assert str(run_copy) in found.error and found.size > 0
    assert (found.status, found.epochs, found.validation) == ("", 0, None)


def test_a_pipe_is_not_waited_for(run_copy):
    for name in ("run.json", "history.csv", "evaluations.json"):
        (run_copy / name).unlink(missing_ok=True)
        os.mkfifo(run_copy / name)
    assert "not a regular file" in summary(run_copy).error


@pytest.mark.parametrize("name", ["history.csv", "evaluations.json", "checkpoints"])
def test_another_damaged_file_is_only_what_it_tells(run_copy, name):
    change(run_copy, status="interrupted")
    for file in (run_copy / name).glob("*.json"):
        file.write_bytes(b"\xff")
    if not (run_copy / name).is_dir():
        (run_copy / name).write_bytes(b"\xff")
    found = summary(run_copy)
    assert found.error == "" and found.validation is not None and found.test is None
    assert found.resumable is (name != "checkpoints")


def test_runs_of_the_first_versions_have_less(run_copy):
    made = json.loads((run_copy / "run.json").read_text())
    for name in ("provenance", "versions", "created", "metrics"):
        made.pop(name)
    (run_copy / "run.json").write_text(json.dumps(made))
    found = summary(run_copy)
    assert found.error == "" and found.network == "tiny" and found.epochs == 6
    assert (found.seconds, found.validation, found.best_epoch) == (None, None, None)
