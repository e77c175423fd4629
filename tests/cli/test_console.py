"""Lines about the work go to standard error, if that still takes any; details are cut."""

import os
import subprocess
import sys

import pytest

from alexnet_cli.cli.console import MAX_NOTES, log, notes, result
from alexnet_cli.cli.progress import Line


def test_the_log_leaves_standard_output_to_results(capsys):
    log("reading")
    log()
    assert capsys.readouterr() == ("", "reading\n\n")


@pytest.mark.parametrize("count", [0, 1, MAX_NOTES])
def test_few_details_are_all_shown(capsys, count):
    notes([str(i) for i in range(count)])
    assert capsys.readouterr().err.splitlines() == [f"  {i}" for i in range(count)]


def test_many_details_are_cut_and_counted(capsys):
    notes([str(i) for i in range(MAX_NOTES + 3)])
    lines = capsys.readouterr().err.splitlines()
    assert lines == [*(f"  {i}" for i in range(MAX_NOTES)), "  ... and 3 more"]


def test_a_result_goes_to_standard_output(capsys):
    result("saved: 0.9")
    assert capsys.readouterr() == ("saved: 0.9\n", "")


WORK = """
import os, sys
from alexnet_cli.cli.console import log, result
from alexnet_cli.cli.progress import Line, counting
input()
line = Line()
line.live = True
for number in range(3):
    log("a line" * 99)
    line.last = 0.0
    line.update("progress")
    line.clear()
    result("a result" * 99)
os.write(2, b"of a library")
open(sys.argv[1], "w").write("the work is done")
"""


def worker(done, **streams):
    """A process that waits for a line, then prints, and leaves a file `done`."""
    words = [sys.executable, "-c", WORK, str(done)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, text=True, **streams)


def pseudoterminal():
    """Both ends of a terminal."""
    return pytest.importorskip("pty").openpty()


@pytest.mark.parametrize("both_ends", [os.pipe, pseudoterminal])
def test_a_pipe_that_breaks_or_a_terminal_that_closes_stops_no_work(tmp_path, both_ends):
    reader, writer = both_ends()
    with worker(tmp_path / "done", stdout=writer, stderr=writer) as process:
        os.close(writer)
        os.close(reader)
        process.communicate("go\n")
    assert process.returncode == 0
    assert (tmp_path / "done").read_text() == "the work is done"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
def test_a_result_that_cannot_be_printed_is_a_warning(tmp_path):
    with open("/dev/full", "w") as full:
        with worker(tmp_path / "done", stdout=full, stderr=subprocess.PIPE) as process:
            text = process.communicate("go\n")[1]
    assert process.returncode == 0 and text.count("warning: ") == 1
    assert "warning: standard output: No space left on device\n" in text
    assert text.endswith("of a library")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_closed_stream_takes_everything(name, capsys, monkeypatch):
    with open(os.devnull, "w") as closed:
        pass
    monkeypatch.setattr(sys, name, closed)
    assert not Line().live
    for _ in range(2):
        log("a line")
        result("a result")
    getattr(sys, name).close()


def test_a_program_without_streams_prints_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    log("a line")
    result("a result")
