"""Training ends when it is told to, and keeps the best epoch."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from helpers import TINY, alexnet, history, train

from alexnet_cli.run.run import Run


def test_stop_at_ends_when_all_are_reached(toy, tmp_path):
    result = train(
        toy, tmp_path / "r", "--epochs", "60", "--stop-at", "accuracy=0.9,loss=0.6"
    )
    rows = history(tmp_path / "r")
    assert "stopped: reached accuracy=0.9,loss=0.6" in result.stderr
    reached = [x["accuracy"] >= 0.9 and x["loss"] <= 0.6 for x in rows]
    assert reached == [False] * (len(rows) - 1) + [True]
    assert len(rows) < 60


def test_patience_stops_and_keeps_the_best(toy, tmp_path):
    # A rate of almost nothing: nothing gets better.
    result = train(toy, tmp_path / "r", "--epochs", "60", "--patience", "3",
                   "--learning-rate", "1e-8", "--watch", "val_accuracy")  # fmt: skip
    rows, run = history(tmp_path / "r"), Run.open(tmp_path / "r")
    assert "no better val_accuracy for 3 epochs" in result.stderr
    assert len(rows) == run.metrics["epoch"] + 3


def test_plateau_divides_the_rate(toy, tmp_path):
    train(toy, tmp_path / "r", "--schedule", "plateau", "--plateau-epochs", "1",
          "--learning-rate", "1e-6", "--divide-by", "10", "--epochs", "5", "--optimizer", "sgd",
          "--momentum", "0", "--dropout", "0")  # fmt: skip
    rates = [x["learning_rate"] for x in history(tmp_path / "r")]
    losses = [x["val_loss"] for x in history(tmp_path / "r")]
    expected, low, divisions = [], float("inf"), 0
    for loss in losses:
        expected.append(1e-6 / 10**divisions)
        divisions += loss >= low
        low = min(low, loss)
    assert rates == pytest.approx(expected, rel=1e-4)


def test_a_loss_that_is_no_number(toy, tmp_path):
    # Pixels so large that their squares are infinite.
    options = ("--std", "1e-30", "--precision", "float32")
    result = alexnet("train", "--data", toy, "--out", tmp_path / "r", *TINY, *options)
    assert result.exit_code == 3
    assert (
        "no number after epoch 1: lower --learning-rate" in result.stderr.splitlines()[-1]
    )
    assert not (tmp_path / "r").exists()


def interrupted_run(toy, out, wait_for, *options):
    """A training that gets Ctrl-C once `wait_for(out)` holds."""
    command = [
        sys.executable,
        "-m",
        "alexnet_cli",
        "train",
        "--data",
        toy,
        "--out",
        out,
        *TINY,
    ]
    process = subprocess.Popen(
        [*map(str, command), "--epochs", "100000", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not wait_for(out) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


def test_ctrl_c_keeps_the_best_finished_epoch(toy, tmp_path):
    out = tmp_path / "saved"
    enough = lambda x: (x / "history.csv").exists() and len(history(x)) >= 3  # noqa: E731
    code, _, stderr = interrupted_run(toy, out, enough)
    assert code == 130, stderr
    run = Run.open(out)
    assert run.status == "interrupted"
    assert f"epoch {int(run.metrics['epoch'])} is kept in" in stderr.splitlines()[-1]
    assert "Traceback" not in stderr
    assert alexnet("predict", toy / "red", "--model", out).exit_code == 0


def test_ctrl_c_before_an_epoch_leaves_nothing(toy, tmp_path):
    out = tmp_path / "saved"
    code, stdout, stderr = interrupted_run(toy, out, lambda x: (x / "run.json").exists())
    if code == 130 and not out.exists():
        assert "interrupted" in stderr.splitlines()[-1] and stdout == ""
    else:
        # An epoch of 30 images may have been faster than the signal.
        assert code == 130 and Run.open(out).status == "interrupted"
    assert "Traceback" not in stderr
    assert not [x for x in tmp_path.iterdir() if x != out]


def test_the_run_says_what_it_was_while_it_trains(toy, tmp_path):
    out = tmp_path / "saved"
    code, _, _ = interrupted_run(
        toy,
        out,
        lambda x: (
            (x / "run.json").exists()
            and json.loads((x / "run.json").read_text())["status"] == "training"
        ),
    )
    assert code == 130
