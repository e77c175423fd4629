"""train.log has whole lines, whatever it was before and whatever goes wrong."""

import errno
import os
import subprocess
import sys

import pytest

from alexnet_cli.run.train_log import TrainLog


@pytest.fixture
def warnings():
    return []


def opened(folder, warnings, *early):
    log = TrainLog(warnings.append)
    for line in early:
        log.write(line)
    log.open(folder, "alexnet train x")
    return log


def lines(folder):
    return (folder / "train.log").read_text("utf-8").splitlines()


def test_lines_wait_for_their_folder_and_come_after_the_date(tmp_path, warnings):
    log = opened(tmp_path, warnings, "one", "two")
    log.write("three")
    # Before it is closed.
    first, *rest = lines(tmp_path)
    assert first.startswith("--- 20") and "+00:00: alexnet train x, alexnet " in first
    assert rest == ["one", "two", "three"] and warnings == []
    log.close()


def test_another_sitting_appends(tmp_path, warnings):
    for text in ("one", "two"):
        log = opened(tmp_path, warnings)
        log.write(text)
        log.close()
    found = lines(tmp_path)
    assert [x for x in found if not x.startswith("---")] == ["one", "two"]
    assert [x.startswith("---") for x in found] == [True, False, True, False]


@pytest.mark.parametrize("before", [b"cut o", b"cut o\n", b"", b"\xff\xfe\n"])
def test_a_line_that_was_cut_off_stays_alone(tmp_path, warnings, before):
    (tmp_path / "train.log").write_bytes(before)
    opened(tmp_path, warnings).close()
    data = (tmp_path / "train.log").read_bytes()
    assert data.startswith(before.removesuffix(b"\n")) and data.count(b"\n---") == bool(
        before
    )


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "a\nb", "a\rb", "x" * 10_000, "\udcff", "\ud800"]
)
def test_a_line_is_one_printable_line(tmp_path, warnings, text):
    log = opened(tmp_path, warnings)
    log.write(text)
    log.close()
    assert len(lines(tmp_path)) == 2 and lines(tmp_path)[1].isprintable()
    assert warnings == []


def test_other_names_of_the_file_keep_what_was_in_it(tmp_path, warnings):
    (tmp_path / "run").mkdir()
    (tmp_path / "other").write_text("kept\n")
    os.link(tmp_path / "other", tmp_path / "run" / "train.log")
    opened(tmp_path / "run", warnings).close()
    assert (tmp_path / "other").read_text() == "kept\n"
    assert lines(tmp_path / "run")[0] == "kept"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda x: x.symlink_to("/dev/zero")])
def test_what_is_no_file_is_a_warning(tmp_path, warnings, make):
    make(tmp_path / "train.log")
    log = opened(tmp_path, warnings, "one")
    log.write("two")
    log.close()
    assert len(warnings) == 1 and warnings[0].startswith(
        "warning: nothing more in train.log"
    )


@pytest.mark.parametrize("call", ["write", "flush", "close"])
def test_a_full_disk_is_one_warning(tmp_path, warnings, call):
    class Full:
        def write(self, text):
            self.fail("write")

        def flush(self):
            self.fail("flush")

        def close(self):
            self.fail("close")

        def fail(self, name):
            if name == call:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log = opened(tmp_path, warnings)
    log.close()
    log.file = Full()
    for _ in range(3):
        log.write("x")
    log.close()
    assert warnings == ["warning: nothing more in train.log: No space left on device"]


def test_a_kill_loses_no_line(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
from alexnet_cli.run.train_log import TrainLog
log = TrainLog(print)
log.open(Path(sys.argv[1]), "x")
for i in range(100):
    log.write(f"line {i}")
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert done.returncode == -9
    assert lines(tmp_path)[1:] == [f"line {i}" for i in range(100)]
