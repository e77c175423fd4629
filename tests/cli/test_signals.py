"""Signals end a command with their exit code, at once or after the step, and lose nothing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from helpers import TINY, alexnet, history
from PIL import Image

from alexnet_cli import Run, RunError
from alexnet_cli.run.digests import verify

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
LIMIT = 120.0
UNSHARE = ("unshare", "-Urpf", "--mount-proc")


class Started:
    """`alexnet` in a process of its own, whose output goes to a file."""

    def __init__(self, process, log):
        self.process, self.log = process, log

    @property
    def stderr(self):
        return self.log.read_text()

    def until(self, ready):
        """Wait until `ready()` is true while the command goes on."""
        end = time.monotonic() + LIMIT
        while not ready():
            assert self.process.poll() is None, self.stderr
            assert time.monotonic() < end, self.stderr
            time.sleep(0.02)

    def ended(self, limit=LIMIT):
        """Its exit code, and the last line that it printed."""
        code = self.process.wait(limit)
        return code, self.stderr.splitlines()[-1]


@contextmanager
def started(folder, *words, before=()):
    log = folder / "stderr.txt"
    command = [*before, sys.executable, "-m", "alexnet_cli", *map(str, words)]
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=out,
        )
    try:
        yield Started(process, log)
    finally:
        process.kill()
        process.wait()


def usable(out):
    """Whether an epoch of the run is finished."""
    try:
        return bool(Run.open(out).metrics)
    except RunError:
        return False


def child_of(pid):
    """The process that `unshare` has started."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def check_it_is_usable(out, toy):
    """An interrupted run opens, predicts, and can be finished."""
    run = Run.open(out)
    assert (run.status, run.reason) == ("interrupted", "interrupted")
    verify(out)
    assert not (out / ".lock").exists() and not list(out.rglob(".part.*"))
    rows = len(history(out))
    assert run.metrics["epoch"] <= rows
    result = alexnet("predict", "--model", out, next(toy.glob("red/*")))
    assert result.exit_code == 0 and len(result.stdout.splitlines()) == 1, result.output
    result = alexnet("train", "--resume", out, "--epochs", rows + 1)
    assert result.exit_code == 0, result.output
    assert Run.open(out).status == "finished" and len(history(out)) == rows + 1


@pytest.mark.slow
@pytest.mark.parametrize("number, code", [
    (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130),
])  # fmt: skip
def test_a_signal_in_training_keeps_the_best_epoch(toy, tmp_path, number, code):
    out = tmp_path / "saved"
    words = ("train", "--data", toy, "--out", out, *TINY, "--epochs", "9999")
    with started(tmp_path, *words) as command:
        command.until(lambda: usable(out))
        command.process.send_signal(number)
        found, line = command.ended()
    epoch = int(Run.open(out).metrics["epoch"])
    assert (found, line) == (
        code,
        f"alexnet: interrupted; epoch {epoch} is kept in {out}; `alexnet train --resume {out}` goes on",
    )
    assert (out / "model.tflite").is_file() == (number == signal.SIGINT)
    check_it_is_usable(out, toy)


@pytest.mark.slow
def test_a_signal_while_a_run_is_replaced_replaces_it_or_says_where_it_is(toy, run_copy):
    """Before the first epoch is finished, the old run stays."""
    words = ("train", "--data", toy, "--out", run_copy, *TINY, "--overwrite")
    before = (run_copy / "run.json").read_bytes()
    parent = run_copy.parent

    def in_training():
        return list(parent.glob(".saved.new-*/checkpoints/00001.json"))

    with started(parent, *words, "--epochs", "9999", "--batch-size", "2") as command:
        command.until(in_training)
        command.process.send_signal(signal.SIGTERM)
        code, line = command.ended()
    assert code == 143 and line.startswith("alexnet: interrupted")
    if "is kept in" in line:
        pytest.skip("the first epoch was faster than the signal")
    assert (run_copy / "run.json").read_bytes() == before
    left = list(parent.glob(".saved.new-*"))
    assert len(left) == line.count("--resume"), line


@pytest.fixture
def large(tmp_path):
    """Pictures that take minutes to decode: one for each class, under many names."""
    data, file = tmp_path / "large", tmp_path / "large.png"
    pixels = np.random.default_rng(0).integers(0, 255, (2500, 2500, 3), np.uint8)
    Image.fromarray(pixels).save(file, compress_level=1)
    for name in ("blue", "red"):
        (data / name).mkdir(parents=True)
        for i in range(500):
            os.link(file, data / name / f"{i}.png")
    return data


@pytest.mark.slow
@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_pictures_are_decoded_ends_at_once(large, tmp_path, number, code):
    out = tmp_path / "a" / "saved"
    words = ("train", "--data", large, "--out", out, *TINY)
    with started(tmp_path, *words) as command:
        command.until((out / ".lock").exists)
        time.sleep(0.5)
        since = time.monotonic()
        command.process.send_signal(number)
        assert command.ended(20) == (code, "alexnet: interrupted")
        assert time.monotonic() - since < 5
    assert not out.parent.exists()


@pytest.mark.slow
def test_a_signal_that_nohup_ignores_stays_ignored(toy, tmp_path):
    out = tmp_path / "saved"
    words = ("train", "--data", toy, "--out", out, *TINY, "--epochs", "4")

    with started(tmp_path, *words, before=("nohup",)) as command:
        command.until((out / "run.json").exists)
        for _ in range(5):
            command.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        assert command.ended()[0] == 0, command.stderr
    assert Run.open(out).status == "finished"


def can_be_process_1():
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    return (
        subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.slow
def test_as_process_1_of_a_container_it_ends_too(toy, tmp_path):
    if not can_be_process_1():
        pytest.skip("no permission to start process 1 of a container (unshare)")
    out = tmp_path / "saved"
    words = ("train", "--data", toy, "--out", out, *TINY, "--epochs", "9999")
    with started(tmp_path, *words, before=UNSHARE) as command:
        command.until(lambda: usable(out))
        os.kill(child_of(command.process.pid), signal.SIGTERM)
        code, line = command.ended()
    assert code == 143 and "is kept in" in line, line
    assert Run.open(out).status == "interrupted"


@pytest.mark.slow
def test_as_process_1_it_ends_while_pictures_are_decoded(large, tmp_path):
    if not can_be_process_1():
        pytest.skip("no permission to start process 1 of a container (unshare)")
    out = tmp_path / "saved"
    with started(
        tmp_path, "train", "--data", large, "--out", out, *TINY, before=UNSHARE
    ) as command:
        command.until((out / ".lock").exists)
        time.sleep(0.5)
        os.kill(child_of(command.process.pid), signal.SIGTERM)
        assert command.ended(20) == (143, "alexnet: interrupted")
    assert not out.exists()


def test_a_signal_in_any_other_command_is_one_line(tmp_path):
    """It waits for the text of a configuration."""
    os.mkfifo(tmp_path / "config.toml")
    command = [
        sys.executable, "-m", "alexnet_cli", "train", "--data", str(tmp_path),
        "--config", str(tmp_path / "config.toml"),
    ]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            # Opened as soon as the command waits in reading it.
            with (tmp_path / "config.toml").open("w"):
                process.send_signal(signal.SIGTERM)
                _, stderr = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, stderr) == (143, "alexnet: interrupted\n")
