"""resume() goes on where the last checkpoint was written, and refuses what would change the past."""

import shutil
import signal

import keras
import numpy as np
import pytest
from helpers import TINY, as_fields, draw_toy, history, tree
from PIL import Image

from alexnet_cli import (
    Classifier,
    DatasetError,
    Interrupted,
    Listener,
    RecipeError,
    Run,
    RunError,
    resume,
    train,
)
from alexnet_cli.run.digests import verify
from alexnet_cli.run.lock import locked

FIELDS = {**as_fields(TINY), "epochs": 2}


class Heard(Listener):
    """Keeps the lines of the work."""

    def __init__(self):
        self.lines = []

    def log(self, text):
        self.lines.append(text)

    def notes(self, lines):
        self.lines += lines


class Interrupting(keras.callbacks.Callback):
    """Ctrl-C in step `step` of epoch `epoch`, counted from 0."""

    def __init__(self, epoch, step=1, number=signal.SIGINT):
        super().__init__()
        self.at, self.epoch, self.number = (epoch, step), 0, number

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            signal.raise_signal(self.number)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The images of a finished training of two epochs, and its run; not to be written to."""
    folder = tmp_path_factory.mktemp("whole")
    data = draw_toy(folder / "photos")
    train(data, out=folder / "saved", **FIELDS)
    return data, folder / "saved"


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of the run whose images are a copy, too."""
    out = shutil.copytree(whole[1], tmp_path / "saved")
    data = shutil.copytree(whole[0], tmp_path / "photos")
    run = Run.read(out)
    text = (out / "run.json").read_text().replace(f'"{run.data}"', f'"{data}"')
    (out / "run.json").write_text(text)
    assert Run.read(out).data == str(data)
    return data, out


def files(folder):
    """The files that a reader of the run sees, with their bytes."""
    return {
        x.relative_to(folder): x.read_bytes()
        for x in folder.rglob("*")
        if x.is_file() and "logs" not in x.parts
    }


@pytest.mark.slow
def test_a_finished_run_is_extended(copy, toy):
    out, heard = copy[1], Heard()
    before = history(out)
    run = resume(out, epochs=4, listener=heard)
    assert heard.lines[0] == f"{out}: goes on after epoch 2"
    assert run == Run.open(out) and run.path == out
    assert (run.status, run.reason, run.recipe["epochs"]) == ("finished", "", 4)
    after = history(out)
    assert [x["epoch"] for x in after] == [1, 2, 3, 4] and after[:2] == before
    verify(out)
    assert Classifier(run)([next(toy.glob("red/*"))])[0].label in run.classes


@pytest.mark.slow
def test_an_interrupted_training_goes_on_to_what_it_would_have_been(whole, tmp_path):
    data, finished = whole
    out = tmp_path / "saved"
    run = train(data, out=out, callbacks=[Interrupting(1)], **FIELDS)
    assert (run.status, run.reason) == ("interrupted", "interrupted")
    assert len(run.history()) == 1
    run = resume(out)
    assert (run.status, run.reason) == ("finished", "")
    own, other = history(out), history(finished)
    for row in (*own, *other):
        del row["images_per_second"]
    assert len(own) == len(other) == 2
    for one, two in zip(own, other, strict=True):
        assert one == pytest.approx(two, rel=1e-4)
    verify(out)


@pytest.mark.slow
def test_the_same_command_goes_on_by_itself_and_others_say_what_to_do(whole, tmp_path):
    data, out = whole[0], tmp_path / "saved"
    with pytest.raises(Interrupted):
        train(data, out=out, callbacks=[Interrupting(0)], **FIELDS)
    text = (
        f"^{out} holds a training with other options that did not end; --resume {out} "
        f"goes on with it, --overwrite replaces it$"
    )
    for other in ({"batch_size": 4}, {"epochs": 3}, {"seed": 1}, {"learning_rate": 0.1}):
        with pytest.raises(RunError, match=text):
            train(data, out=out, **{**FIELDS, **other})
    moved = shutil.copytree(data, tmp_path / "elsewhere")
    with pytest.raises(RunError, match=text):
        train(moved, out=out, **FIELDS)
    heard = Heard()
    run = train(data, out=out, listener=heard, **FIELDS)
    assert heard.lines[:2] == [
        f"{out} holds this training, which did not end; --overwrite replaces it",
        f"{out}: goes on after epoch 0 and 2 step(s)",
    ]
    assert run.status == "finished" and len(run.history()) == 2
    with pytest.raises(RunError, match=f"^{out} already exists; --overwrite replaces it"):
        train(data, out=out, **FIELDS)


@pytest.mark.slow
def test_overwrite_starts_anew(whole, tmp_path):
    data, out = whole[0], tmp_path / "saved"
    with pytest.raises(Interrupted):
        train(data, out=out, callbacks=[Interrupting(0)], **FIELDS)
    heard = Heard()
    run = train(data, out=out, overwrite=True, listener=heard, **{**FIELDS, "epochs": 1})
    assert not [x for x in heard.lines if "goes on" in x]
    assert run.status == "finished" and [x.name for x in tmp_path.iterdir()] == ["saved"]


@pytest.mark.slow
def test_what_decides_the_end_can_be_changed(copy):
    out = copy[1]
    run = resume(out, patience=1, epochs=30)
    assert (run.recipe["patience"], run.recipe["epochs"]) == (1, 30)
    assert run.status == "finished" and 2 < len(run.history()) < 30 and run.reason


@pytest.mark.parametrize("changes, text", [
    ({"batch_size": 4}, "--resume: --batch-size would change what is past; only --epochs, --max-minutes, --patience"),
    ({"epochs": 3, "seed": 5}, "--resume: --seed would change what is past"),
    ({"arch": "alexnet"}, "--resume: --arch would change what is past"),
    ({"epoch": 3}, "no such option: epoch"),
    ({"epochs": 0}, "epochs"), ({"epochs": "many"}, "epochs"),
    ({"patience": -1}, "patience"),
])  # fmt: skip
def test_what_would_change_the_past_is_refused(whole, changes, text):
    out = whole[1]
    before = files(out)
    with pytest.raises(RecipeError) as caught:
        resume(out, **changes)
    assert text in str(caught.value) and "\n" not in str(caught.value)
    assert files(out) == before


@pytest.mark.parametrize("value", [8, "8"])
def test_the_value_that_it_has_is_no_change(whole, value):
    before, heard = tree(whole[1]), Heard()
    assert resume(whole[1], batch_size=value, listener=heard).status == "finished"
    # Nothing is done twice.
    assert heard.lines == [
        f"{whole[1]} is finished and lacks nothing; a larger --epochs extends it"
    ]
    assert tree(whole[1]) == before


def change(file):
    Image.fromarray(np.full((50, 50, 3), 99, np.uint8)).save(file)


def cut(file):
    file.write_bytes(file.read_bytes()[:100])


@pytest.mark.parametrize("how", [change, cut, lambda x: x.unlink()])
def test_a_changed_image_is_named_and_refused(copy, how):
    data, out = copy
    how(data / "red" / "02.jpg")
    before, heard = files(out), Heard()
    text = (
        f"^1 of 36 images in {data} have changed; --allow-changed-data goes on with what is"
    )
    with pytest.raises(DatasetError, match=text):
        resume(out, epochs=3, listener=heard)
    assert heard.lines[-2] == "1 of 36 images have changed:"
    assert heard.lines[-1].startswith("red/02.jpg ")
    assert files(out) == before, "it is as it was"


@pytest.mark.slow
def test_changed_images_can_be_allowed(copy):
    data, out = copy
    change(data / "red" / "02.jpg")
    (data / "blue" / "01.png").unlink()
    shutil.copy(data / "green" / "00.jpg", data / "green" / "new.jpg")
    run = resume(out, epochs=3, allow_changed_data=True)
    assert run.status == "finished" and len(run.history()) == 3
    rows = {x["file"]: x for x in run.split()}
    assert "blue/01.png" not in rows and "green/new.jpg" in rows
    assert len(rows) == 36
    verify(out)


@pytest.mark.slow
def test_images_that_moved_are_found_with_data(copy):
    data, out = copy
    moved = data.rename(data.with_name("elsewhere"))
    text = f"^{data}, where its images are, does not exist; --data says where they are"
    with pytest.raises(DatasetError, match=text):
        resume(out, epochs=3)
    run = resume(out, data=moved, epochs=3)
    assert len(run.history()) == 3 and run.data == str(moved)


def test_without_checkpoints_it_is_one_line(copy):
    out = copy[1]
    shutil.rmtree(out / "checkpoints")
    with pytest.raises(RunError) as caught:
        resume(out, epochs=3)
    assert str(caught.value) == (
        f"{out} has no checkpoint that can be used; `alexnet train --weights {out}` "
        f"starts a new training from its weights"
    )
    Run.open(out)


def test_a_damaged_checkpoint_is_heard_of(copy, monkeypatch):
    out, heard = copy[1], Heard()
    newest = sorted(out.glob("checkpoints/*.safetensors"))[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    monkeypatch.setattr("alexnet_cli.api.resume.run_training", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        resume(out, epochs=3, listener=heard)
    assert heard.lines[0].startswith(f"warning: checkpoint {newest.stem} is damaged: ")
    assert "goes on after epoch" in heard.lines[1]


def test_a_run_that_is_being_written_to_is_refused(copy):
    with locked(copy[1]), pytest.raises(RunError, match="is being written to by process"):
        resume(copy[1], epochs=3)


@pytest.mark.parametrize("inside", [".", "red", "saved/deep"])
def test_a_run_among_the_images_is_refused(whole, inside):
    data = whole[0]
    before = sorted(data.rglob("*"))
    with pytest.raises(RecipeError) as caught:
        train(data, out=data / inside, **FIELDS)
    assert str(caught.value) == (
        f"--out {data / inside} is inside --data {data}, where it would be taken for a "
        f"class; choose a folder outside"
    )
    assert sorted(data.rglob("*")) == before


@pytest.mark.slow
def test_a_training_that_was_to_replace_a_run_does_so_when_it_has_gone_on(whole, tmp_path):
    data, out = whole[0], shutil.copytree(whole[1], tmp_path / "saved")
    (out / "NOTES.md").write_text("mine")
    old = files(out)
    with pytest.raises(Interrupted) as caught:
        train(data, out=out, overwrite=True, callbacks=[Interrupting(0)], **FIELDS)
    (staged,) = (x for x in tmp_path.iterdir() if x != out)
    assert staged.name.startswith(".saved.new-") and files(out) == old
    assert caught.value.__notes__ == [f"`alexnet train --resume {staged}` goes on"]
    run = resume(staged)
    assert [x.name for x in tmp_path.iterdir()] == ["saved"]
    assert run == Run.open(out) and run.path == out and run.status == "finished"
    assert (out / "NOTES.md").read_text() == "mine"
    verify(out)


@pytest.mark.slow
@pytest.mark.parametrize("trained", [False, True])
def test_a_training_that_was_killed_while_replacing_is_put_in_place(
    whole, tmp_path, trained
):
    """Its last step was done, the exchange was not."""
    data, out = whole[0], shutil.copytree(whole[1], tmp_path / "saved")
    staged = shutil.copytree(whole[1], tmp_path / ".saved.new-0123abcd")
    if not trained:  # killed before the exports
        (staged / "run.json").write_text(
            (staged / "run.json").read_text().replace('"finished"', '"training"')
        )
        (staged / "SHA256SUMS").unlink()
        (staged / "model.tflite").unlink()
    (staged / ".lock").write_text("{}")
    heard = Heard()
    with pytest.raises(RunError, match="already exists"):
        train(data, out=out, listener=heard, **FIELDS)
    assert any(f"`alexnet train --resume {staged}` goes on" in x for x in heard.lines)
    run = resume(staged)
    assert run.path == out and [x.name for x in tmp_path.iterdir()] == ["saved"]
    assert run.status == "finished" and len(run.history()) == 2 and run.litert.is_file()
    verify(out)
