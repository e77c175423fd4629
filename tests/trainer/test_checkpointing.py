"""Checkpoints are written beside training; what fails then costs nothing recorded before."""

import keras
import pytest
from trainer.trainings import NoFigures, leave_out_exports, train_logged

from alexnet_cli.inference.network import load_network
from alexnet_cli.run.checkpoints import newest
from alexnet_cli.run.run import Run
from alexnet_cli.trainer import checkpointing, finalize, tensorboard

FULL = OSError(28, "No space left on device")


@pytest.fixture(autouse=True)
def no_exports(monkeypatch):
    leave_out_exports(monkeypatch)


def full_after(count, monkeypatch, name="write_checkpoint"):
    """Let the disk be full after `count` calls of a function that writes."""
    write, calls = getattr(checkpointing, name), []

    def limited(*args):
        calls.append(args)
        if len(calls) > count:
            raise FULL
        return write(*args)

    monkeypatch.setattr(checkpointing, name, limited)
    return calls


def test_history_csv_is_that_of_the_last_checkpoint(tmp_path):
    """Epochs appear with their checkpoint; run.json names the weights that it keeps."""
    folder, seen = tmp_path / "r", []

    def look(epoch, logs):
        checkpoint = newest(folder)
        run = Run.read(folder)
        seen.append((checkpoint.epoch, len(run.history()), run.status, run.weights_file))
        if epoch == 2:
            assert run.weights_file == checkpoint.best
            load_network(run)

    watch = keras.callbacks.LambdaCallback(on_epoch_end=look)
    train_logged(folder, [watch], epochs=3)
    # At the end of an epoch, those before it are written.
    assert [x[:3] for x in seen] == [(i, i, "training") for i in range(3)]
    assert (
        (folder / "history.csv")
        .read_text()
        .startswith(
            "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,side,images_per_second\n1,"
        )
    )
    # Two checkpoints, and the weights that belong to them.
    names = sorted(x.name for x in (folder / "checkpoints").iterdir())
    assert [x for x in names if x.endswith(".json")] == ["00003.json", "00004.json"]
    assert len([x for x in names if x.endswith(".safetensors")]) == 2
    assert 1 <= len([x for x in names if x.endswith(".h5")]) <= 2


@pytest.mark.parametrize("minutes,count", [(0, 1 + 6 + 2), (5.0, 1 + 2)])
def test_checkpoints_are_written_every_few_minutes(tmp_path, monkeypatch, minutes, count):
    calls = full_after(99, monkeypatch)
    train_logged(tmp_path / "r", epochs=2, checkpoint_minutes=minutes)
    assert len(calls) == count


@pytest.mark.parametrize("name,count", [("write_checkpoint", 2), ("write_history", 1)])
def test_a_full_disk_ends_training_and_keeps_what_was_recorded(
    tmp_path, monkeypatch, name, count
):
    full_after(count, monkeypatch, name)
    with pytest.raises(OSError, match="No space left"):
        train_logged(tmp_path / "r", epochs=5)
    run = Run.open(tmp_path / "r")
    assert run.status == "failed" and "No space left on device" in run.reason
    assert run.metrics["epoch"] == 1 and len(run.history()) == 1
    load_network(run)
    assert newest(run.path).epoch >= 1


def test_run_json_may_say_training_if_nothing_can_be_written(tmp_path, monkeypatch):
    full_after(2, monkeypatch)
    write = Run.write

    def limited(run):
        if run.status == "failed":
            raise FULL
        write(run)

    monkeypatch.setattr(Run, "write", limited)
    with pytest.raises(OSError, match="No space left"):
        train_logged(tmp_path / "r")
    assert Run.open(tmp_path / "r").status == "training"


# What training can do without


def test_tensorboard_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise FULL

    monkeypatch.setattr(tensorboard.tf.summary, "scalar", broken)
    monkeypatch.setattr(tensorboard.tf.summary, "image", broken)
    trained, lines = train_logged(tmp_path / "r", epochs=2, histograms=True)
    assert lines == ["warning: nothing more for TensorBoard: No space left on device"]
    assert trained.run.status == "finished"


def test_tensorboard_that_cannot_be_opened_is_one_line(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise FULL

    monkeypatch.setattr(tensorboard.tf.summary, "create_file_writer", broken)
    trained, lines = train_logged(tmp_path / "r", epochs=1, histograms=True)
    assert lines == ["warning: nothing more for TensorBoard: No space left on device"]
    assert trained.run.status == "finished"


def test_figures_that_cannot_be_drawn_are_a_line_each(tmp_path):
    class Broken(NoFigures):
        def augmented(self, *args):
            raise RuntimeError("no font\nand more")

        def results(self, *args):
            raise FULL

        def describe(self, run):
            raise FULL

    trained, lines = train_logged(tmp_path / "r", figures=Broken(), epochs=1)
    later = "`alexnet train --resume` makes it later"
    assert lines == [
        f"warning: plots/augmented.png could not be written: no font; {later}",
        f"warning: plots could not be written: No space left on device; {later}",
        f"warning: README.md could not be written: No space left on device; {later}",
    ]
    assert (trained.run.status, trained.reason) == ("finished", "")


def test_without_a_savedmodel_a_run_is_finished_all_the_same(tmp_path, monkeypatch):
    def broken(run, network):
        raise FULL

    monkeypatch.setattr(finalize, "save_model", broken)
    trained, lines = train_logged(tmp_path / "r", epochs=1)
    assert trained.run.status == "finished" and trained.scores.images == 6
    assert not (tmp_path / "r" / "saved_model.pb").exists()
    (line,) = lines
    assert line.startswith("warning: the SavedModel could not be written: No space left")
