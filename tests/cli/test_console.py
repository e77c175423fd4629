"""Lines about the work go to standard error, if that still takes any; details are cut."""

import ast
import contextlib
import fcntl
import io
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli import errors
from alexnet_cli.api.lines import MAX_NOTES
from alexnet_cli.cli import console, main
from alexnet_cli.cli.console import log, notes, output, overwrite, raw, result
from alexnet_cli.cli.progress import Line

KINDS = [errors.AlexNetError, errors.Interrupted, click.UsageError, OSError, ValueError, KeyError, MemoryError]  # fmt: skip


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


HOSTILE = "a\x1b[31m\x9b\x07\r\n\u2028\u202e\u2066\u200b\ufeff\ud800\udcff\tb"
SHOWN = r"a\x1b[31m\x9b\x07\r\n\u2028\u202e\u2066\u200b\ufeff\ud800\xff\tb"


def test_what_a_terminal_would_obey_is_escaped(capsys):
    log(HOSTILE)
    notes([HOSTILE])
    result(HOSTILE)
    output([HOSTILE, "c"])
    lines = f"{SHOWN}\n{SHOWN}\nc\n"
    assert capsys.readouterr() == (lines, f"{SHOWN}\n  {SHOWN}\n")
    overwrite(HOSTILE)
    overwrite()
    # On no terminal, click leaves out what erases the line.
    assert SHOWN in capsys.readouterr().err


def test_messages_are_cut_and_results_are_not(capsys):
    log("x" * 9999)
    output(["x" * 9999])
    out, err = capsys.readouterr()
    assert (len(out), len(err)) == (10_000, 2001) and "x...x" in err


def test_what_programs_read_is_as_it_is_but_not_on_a_terminal(capfdbinary, monkeypatch):
    raw("a\x1b\n\udcff\ud800é")
    assert capfdbinary.readouterr().out == b"a\x1b\n\xff" + "\ufffdé\n".encode()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    raw("a\x1b\n\udcff")
    assert capfdbinary.readouterr().out == rb"a\x1b" + b"\n" + rb"\xff" + b"\n"


@given(st.text(st.characters(exclude_categories=[])), st.sampled_from(KINDS))
def test_whatever_an_error_says_is_one_line(text, kind):
    """On standard error, printable, whatever raised it."""
    written = io.StringIO()
    with contextlib.redirect_stderr(written):
        main._report(kind(text), "alexnet")
    line, rest = written.getvalue().split("\n", 1)
    assert rest == "" and line.isprintable() and len(line) <= 2000
    assert line.startswith("alexnet: ")


@pytest.mark.parametrize("encoding", ["ascii:strict", "cp1252:strict", "latin-1:strict"])
def test_what_an_encoding_lacks_is_escaped(encoding):
    code = "from alexnet_cli.cli.console import *; log('\u0446\u00e9'); output(['\u0446']); raw('\u0446')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"\\u0446\n" + "\u0446\n".encode()
    name = encoding.partition(":")[0]
    assert done.stderr == "\u0446\u00e9\n".encode(name, "backslashreplace")


PRINTS = {"print", "echo", "secho", "echo_via_pager", "confirm", "prompt", "progressbar", "write", "writelines"}  # fmt: skip
NO_STREAMS = {"formatter", "new_file"}
"""Names of what may be written to: help and files."""


@pytest.mark.parametrize(
    "file", sorted(Path(main.__file__).parent.glob("*.py")), ids=lambda x: x.name
)
def test_nothing_is_printed_but_through_the_console(file):
    if file.name == "console.py":
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            owner = ast.unparse(getattr(node.func, "value", ast.Constant("")))
            allowed = owner in NO_STREAMS or name not in PRINTS
            assert allowed, f"{file.name}:{node.lineno} {owner}.{name}"


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


@pytest.mark.parametrize(
    "encoding", ["ascii", "cp1252", "latin-1", "cp932", "utf-16", "ascii:strict"]
)
def test_a_line_of_progress_that_an_encoding_lacks_silences_nothing(encoding):
    code = """
from alexnet_cli.cli.console import log, overwrite
overwrite("decoding \\u0939\\u0446")
log("goes on")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout == b"", done.stderr
    assert done.stderr.decode(encoding.partition(":")[0]).endswith("goes on\n")


def test_without_color_no_escape_sequence_is_sent(monkeypatch, capsys):
    monkeypatch.setenv("NO_COLOR", "1")
    overwrite("abc")
    overwrite("de", shown=3)
    overwrite(shown=2)
    assert capsys.readouterr().err == "\r\rabc\r   \rde\r  \r"


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self):
        return True


VARIABLES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM")


@pytest.mark.parametrize("tty, known, colored", [
    (True, {"TERM": "xterm"}, True), (False, {"TERM": "xterm"}, False), (True, {}, True),
    (True, {"TERM": "dumb"}, False), (True, {"NO_COLOR": "1"}, False), (True, {"NO_COLOR": ""}, True),
    (True, {"CLICOLOR": "0"}, False), (False, {"FORCE_COLOR": "1"}, True), (False, {"FORCE_COLOR": "0"}, False),
    (False, {"FORCE_COLOR": ""}, False), (False, {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
    (True, {"FORCE_COLOR": "3", "NO_COLOR": "1"}, False),
])  # fmt: skip
def test_color_is_where_a_terminal_has_it(monkeypatch, tty, known, colored):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    streams = [Screen() if tty else io.StringIO() for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    log("alexnet: no such file: warning: x")
    log("warning: y")
    log("epoch 1", "  best")
    log("this is no alexnet: z")
    output(["top-1 0.9", "other"], strong=("top-1",))
    result("saved")
    raw('{"error": 1}')
    out, err = (x.getvalue() for x in streams)
    assert bool(click.unstyle(out) != out) is bool(click.unstyle(err) != err) is colored
    assert click.unstyle(out) == 'top-1 0.9\nother\nsaved\n{"error": 1}\n'
    assert click.unstyle(err).splitlines() == [
        "alexnet: no such file: warning: x", "warning: y", "epoch 1  best", "this is no alexnet: z",
    ]  # fmt: skip
    if colored:
        assert err.splitlines()[3] == "this is no alexnet: z"
        assert err.startswith("\x1b[1;31malexnet: \x1b[0mno such file: warning: x\n")


def test_what_is_colored_is_still_escaped(monkeypatch):
    monkeypatch.setattr(sys, "stdout", screen := Screen())
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    output([f"top{HOSTILE}"], strong=("top",))
    assert screen.getvalue() == f"\x1b[1mtop{SHOWN}\x1b[0m\n"


def test_a_line_is_as_long_as_the_terminal_of_the_messages(monkeypatch):
    """Not of the results, which may go to a file."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.columns() == 80, "there is no terminal here"
    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 47, 0, 0))
        with open(theirs, "w", closefd=False) as screen:
            monkeypatch.setattr(sys, "stderr", screen)
            assert console.columns() == 47
            monkeypatch.setenv("COLUMNS", "33")
            assert console.columns() == 33
            monkeypatch.setenv("COLUMNS", "wide")
            assert console.columns() == 47
    finally:
        os.close(ours)
        os.close(theirs)
