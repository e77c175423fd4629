"""Every step and epoch is reported; Ctrl-C ends training after a step and leaves a run."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from helpers import TINY, alexnet, history

from alexnet_cli.errors import Interrupted
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.history import History
from alexnet_cli.trainer.planner import EpochPlanner, Workload
from alexnet_cli.trainer.progress import (
    InterruptHandler,
    Progress,
    ProgressReporter,
)


def test_steps_and_epochs_are_reported():
    planner, record, calls = EpochPlanner(Workload(2, 0, 32, 3)), History(), []
    reporter = ProgressReporter(
        planner, record, 20, lambda x: calls.append((x.epoch, x.done, x.logs, x.best))
    )
    results = []
    for epoch, best in enumerate((True, False)):
        planner.begin()
        reporter.on_epoch_begin(epoch)
        for batch in range(3):
            planner.advance(batch)
            reporter.on_train_batch_end(batch)
        row = {"epoch": epoch + 1, "loss": 0.5}
        results.append(row)
        record.latest = row
        record.best = row if best else record.best
        reporter.on_epoch_end(epoch)
        planner.finish()
    assert calls == [
        (1, 7, None, False), (1, 13, None, False), (1, 20, None, False), (1, 20, results[0], True),
        (2, 7, None, False), (2, 13, None, False), (2, 20, None, False), (2, 20, results[1], False),
    ]  # fmt: skip


def test_an_epoch_that_diverged_has_no_results_to_report():
    calls = []
    reporter = ProgressReporter(
        EpochPlanner(Workload(1, 0, 32, 3)), History(), 20, calls.append
    )
    reporter.on_epoch_begin(0)
    reporter.on_epoch_end(0)
    assert calls == []


def test_the_time_left_is_the_planners():
    planner, seen = EpochPlanner(Workload(5, 0, 32, 40)), []
    reporter = ProgressReporter(planner, History(), 80, lambda x: seen.append(x.left))
    planner.begin()
    reporter.on_epoch_begin(0)
    for batch in range(6):
        planner.advance(batch)
        reporter.on_train_batch_end(batch)
    assert seen[:4] == [None] * 4
    assert seen[-1] == pytest.approx(planner.seconds_left())


def test_the_rate_is_images_per_second():
    assert Progress(1, 2, 100, done=50, seconds=4.0).rate == 12.5
    assert Progress(1, 2, 100).rate == 0


NAMES = [x for x in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, x)]


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_raises_after_the_step(name):
    number = getattr(signal, name)
    before = [signal.getsignal(getattr(signal, x)) for x in NAMES]
    with InterruptHandler() as handler:
        signal.raise_signal(number)
        # From now on a second one acts at once.
        assert [signal.getsignal(getattr(signal, x)) for x in NAMES] == before
        for end in (
            handler.on_train_begin,
            lambda: handler.on_train_batch_end(0),
            lambda: handler.on_test_batch_end(0),
        ):
            with pytest.raises(Interrupted, match="^interrupted$") as caught:
                end()
            assert caught.value.number == number
            assert caught.value.exit_code == 128 + number
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(getattr(signal, x)) for x in NAMES] == before


def test_a_signal_that_is_ignored_stays_so():
    """As under nohup."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with InterruptHandler() as handler:
            signal.raise_signal(signal.SIGTERM)
            handler.on_train_batch_end(0)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_without_ctrl_c_nothing_is_raised():
    with InterruptHandler() as handler:
        handler.on_train_begin()
        handler.on_train_batch_end(0)
        handler.on_test_batch_end(0)


def test_the_handler_is_given_back_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError), InterruptHandler():
        assert signal.getsignal(signal.SIGINT) is not before
        raise ValueError
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_handled():
    """As in a notebook server's thread, where Python allows no handlers."""
    before, inside = signal.getsignal(signal.SIGINT), []

    def work():
        with InterruptHandler() as handler:
            inside.append(signal.getsignal(signal.SIGINT))
            handler.on_train_begin()
        inside.append(handler.before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before, {}]
    assert signal.getsignal(signal.SIGINT) is before


def interrupted_run(toy, out, wait_for):
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
        [*map(str, command), "--epochs", "100000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not wait_for(out) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_finished_epoch(toy, tmp_path):
    out = tmp_path / "saved"
    statuses = set()

    def three_epochs(folder):
        if not (folder / "history.csv").exists():
            return False
        statuses.add(json.loads((folder / "run.json").read_text())["status"])
        return len(history(folder)) >= 3

    code, _, stderr = interrupted_run(toy, out, three_epochs)
    assert code == 130, stderr
    # The run says what it was while it trained.
    assert statuses == {"training"}
    run = Run.open(out)
    assert run.status == "interrupted"
    assert f"epoch {int(run.metrics['epoch'])} is kept in" in stderr.splitlines()[-1]
    assert "stopped: interrupted" in stderr and "Traceback" not in stderr
    assert alexnet("predict", toy / "red", "--model", out).exit_code == 0


@pytest.mark.slow
def test_ctrl_c_before_an_epoch_leaves_nothing(toy, tmp_path):
    out = tmp_path / "saved"
    code, stdout, stderr = interrupted_run(toy, out, lambda x: (x / "run.json").exists())
    assert code == 130
    if out.exists():
        # A step may have been faster than the signal; it can be resumed.
        assert Run.read(out).status == "interrupted"
    else:
        assert "interrupted" in stderr.splitlines()[-1] and stdout == ""
    assert "Traceback" not in stderr
    assert not [x for x in tmp_path.iterdir() if x != out]
