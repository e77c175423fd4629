"""One process at a time writes to a run directory, and a dead one keeps nobody out."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import portalocker
import pytest

from alexnet_cli.errors import RunError
from alexnet_cli.run import lock
from alexnet_cli.run.lock import LOCK, locked, owner

HOLD = """
import sys
from pathlib import Path
from alexnet_cli.run.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder):
    """Another process that holds the lock on `folder` until its input ends."""
    words = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_lock_is_signed_and_leaves_nothing(tmp_path):
    assert owner(tmp_path) == ""
    with locked(tmp_path):
        signed = json.loads((tmp_path / LOCK).read_text())
        assert signed["process"] == os.getpid() and signed["host"] == platform.node()
        assert owner(tmp_path).startswith(f"process {os.getpid()} on {platform.node()} sin")
    assert not list(tmp_path.iterdir()) and owner(tmp_path) == ""


def test_a_second_process_is_told_whose_the_lock_is(tmp_path):
    with holder(tmp_path) as process:
        for _ in range(2):
            with pytest.raises(RunError) as caught, locked(tmp_path):
                pass
            found = re.fullmatch(
                rf"{tmp_path} is being written to by process (\d+) on (.+) since "
                r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00); wait for it, or choose another --out",
                str(caught.value),
            )
            assert found and found[1] == str(process.pid) and found[2] == platform.node()
        assert owner(tmp_path).startswith(f"process {process.pid} on ")
        process.stdin.close()
        assert process.wait(30) == 0
    with locked(tmp_path):
        pass


def test_an_error_in_the_block_ends_the_lock(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert json.loads((tmp_path / LOCK).read_text())["process"] == process.pid
        assert owner(tmp_path) == ""
        with locked(tmp_path):
            assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_whose_lock_cannot_be_read_is_another_process(tmp_path):
    with holder(tmp_path):
        (tmp_path / LOCK).write_text("{")
        with pytest.raises(RunError, match="being written to by another process; wait"):
            with locked(tmp_path):
                pass


@pytest.mark.parametrize("what", ["nowhere", "a file", "a folder"])
def test_what_cannot_be_written_to_is_one_line(tmp_path, what):
    folder = tmp_path / "saved"
    if what == "a file":
        folder.write_text("")
    if what == "a folder":
        (folder / LOCK).mkdir(parents=True)
    reason = {"nowhere": "No such file", "a file": "Not a dir", "a folder": "Is a dir"}
    with pytest.raises(RunError) as caught, locked(folder):
        pass
    assert str(caught.value).startswith(f"{folder} cannot be written to: {reason[what]}")


def test_without_permission_to_write_it_is_one_line(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(lock.Path, "open", denied)
    with pytest.raises(RunError) as caught, locked(tmp_path):
        pass
    assert str(caught.value) == f"{tmp_path} cannot be written to: Permission denied"


def test_a_file_system_without_locks_is_written_to_without_one(tmp_path, monkeypatch):
    def no_locks(*_):
        raise portalocker.LockException(OSError(38, "Function not implemented"))

    monkeypatch.setattr(portalocker, "lock", no_locks)
    with locked(tmp_path):
        pass


def test_a_lock_that_its_owner_removes_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """The file was opened, and is then removed before it is locked."""
    real, removed = portalocker.lock, []

    def slow(file, flags):
        if not removed:
            removed.append(os.fstat(file.fileno()).st_ino)
            (tmp_path / LOCK).unlink()
        real(file, flags)

    monkeypatch.setattr(portalocker, "lock", slow)
    with locked(tmp_path):
        assert owner(tmp_path)
    assert removed and not list(tmp_path.iterdir())


def test_many_at_once_never_hold_it_together(tmp_path):
    inside, most, taken, stop = 0, 0, 0, time.monotonic() + 1

    def work():
        nonlocal inside, most, taken
        while time.monotonic() < stop:
            try:
                with locked(tmp_path):
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.0005)
                    taken += 1
                    inside -= 1
            except RunError:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and taken > 10
    assert not list(tmp_path.iterdir())
