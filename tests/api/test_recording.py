"""train.log has what was printed, in a terminal's words but without its bars."""

import re
import warnings

import pytest
from helpers import TINY, alexnet, as_fields

from alexnet_cli import Listener, resume, train
from alexnet_cli.api.recording import Recorder
from alexnet_cli.errors import AlexNetError, Interrupted, Signaled
from alexnet_cli.run.digests import verify


def log_of(run):
    return (run / "train.log").read_text("utf-8").splitlines()


def printed(result):
    """The lines of a training and its result, without what to do next."""
    lines = [x for x in result.stderr.splitlines() if x and not x.startswith("use it: ")]
    return [*lines, result.stdout.strip()]


def test_it_has_every_line_that_was_printed(toy, tmp_path):
    words = ("train", "--data", toy, "--out", tmp_path / "saved", *TINY, "--epochs", "2")
    result = alexnet(*words)
    assert result.exit_code == 0
    first, *lines = log_of(tmp_path / "saved")
    assert first.startswith("--- ")
    assert lines == printed(result)
    result = alexnet("train", "--resume", tmp_path / "saved", "--epochs", "3")
    again = log_of(tmp_path / "saved")[len(lines) + 1 :]
    assert again[0].startswith("--- ")
    assert again[1:] == printed(result)
    verify(tmp_path / "saved")


def test_from_python_too(toy, tmp_path):
    heard = []

    class Heard(Listener):
        def log(self, text):
            heard.append(text)

    fields = {**as_fields(TINY), "epochs": 1}
    run = train(toy, out=tmp_path / "saved", listener=Heard(), **fields)
    lines = log_of(run.path)
    assert (
        lines[0].endswith(": from Python, alexnet 0.1.0") or ": from Python, " in lines[0]
    )
    assert lines[1] == f"{toy}: 36 files in 3 classes"
    assert any(re.match(r"epoch 1/1  loss \d", x) for x in lines)
    assert lines[-1].startswith(f"{run.path}: kept epoch 1, validation accuracy ")
    assert heard == []
    (run.path / "train.log").unlink()  # as runs of earlier versions
    resume(run.path, epochs=2)
    assert any(x.startswith("epoch 2/2 ") for x in log_of(run.path))


def test_what_libraries_warn_of_is_in_it_and_shown(tmp_path):
    recorder, before = Recorder.of(Listener()), warnings.showwarning
    with pytest.warns(UserWarning, match="old"), recorder.writing(tmp_path, "x"):
        warnings.warn("old\nfunction", stacklevel=1)
    assert log_of(tmp_path)[1:] == [r"warning: old\nfunction"]
    assert warnings.showwarning is before


@pytest.mark.parametrize("error, said", [
    (AlexNetError("no disk"), "ended: no disk; `x` goes on"), (Signaled(15), "ended: interrupted; `x` goes on"),
    (Interrupted("interrupted before"), "ended: interrupted before; `x` goes on"),
    (OSError(28, "No space left", "a/b"), "ended: a/b: No space left; `x` goes on"),
    (KeyError(), "ended: KeyError; `x` goes on"),
])  # fmt: skip
def test_an_error_is_its_last_line(tmp_path, error, said):
    error.add_note("`x` goes on")
    recorder = Recorder.of(Listener())
    assert Recorder.of(recorder) is recorder
    with pytest.raises(type(error)), recorder.writing(tmp_path, "x"):
        raise error
    assert log_of(tmp_path)[-1] == said
