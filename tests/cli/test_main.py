"""Every command ends with results on stdout, or one line on stderr and its exit code."""

import errno
import inspect
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from helpers import alexnet, python

from alexnet_cli import __version__, errors
from alexnet_cli.cli import models
from alexnet_cli.cli.main import COMMANDS, main

KINDS = [
    x for _, x in inspect.getmembers(errors, inspect.isclass) if issubclass(x, Exception)
]
CODES = {"CheckFailed": 1, "RecipeError": 2, "Interrupted": 130}


@pytest.fixture
def raising(monkeypatch):
    """A function that makes `alexnet models` raise its argument, and the result of that."""

    def result(error):
        @click.command("models")
        def models_command():
            raise error

        monkeypatch.setattr(models, "models_command", models_command)
        return alexnet("models")

    return result


@pytest.mark.parametrize("kind", KINDS, ids=lambda x: x.__name__)
def test_an_error_is_one_line_and_the_code_of_its_class(raising, kind):
    result = raising(kind("data/red: no images"))
    assert result.exit_code == kind.exit_code == CODES.get(kind.__name__, 3)
    assert (result.stdout, result.stderr) == ("", "alexnet: data/red: no images\n")


def test_ctrl_c_is_one_line(raising):
    result = raising(KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (130, "alexnet: interrupted\n")


@pytest.mark.parametrize("error, text", [
    (PermissionError(errno.EACCES, "Permission denied", "data/red"), "data/red: Permission denied"),
    (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    (OSError(errno.EIO, "I/O error", "bad\n\udcff.jpg"), r"bad\n\xff.jpg: I/O error"),
    (OSError("cannot write mode F"), "cannot write mode F"),
])  # fmt: skip
def test_an_error_of_the_system_is_one_line_with_its_file(raising, error, text):
    result = raising(error)
    assert (result.exit_code, result.stderr) == (3, f"alexnet: {text}\n")


@pytest.mark.parametrize("error, text", [
    (TypeError("a bug"), "unexpected TypeError: a bug; ALEXNET_DEBUG=1 prints the traceback"),
    (ValueError(), "unexpected ValueError; ALEXNET_DEBUG=1 prints the traceback"),
    (KeyError("\n\n one\n two"), r"unexpected KeyError: '\n\n one\n two'; ALEXNET_DEBUG=1 prints the traceback"),
    (RuntimeError("\n\n one\x1b\n" + "two\n" * 170), r"unexpected RuntimeError: one\x1b; ALEXNET_DEBUG=1 prints the traceback"),
    (RuntimeError("x" * 999), f"unexpected RuntimeError: {'x' * 200}; ALEXNET_DEBUG=1 prints the traceback"),
    (RuntimeError("\ud800"), r"unexpected RuntimeError: \ud800; ALEXNET_DEBUG=1 prints the traceback"),
    (ModuleNotFoundError("No module named 'x'"), "unexpected ModuleNotFoundError: No module named 'x'; ALEXNET_DEBUG=1 prints the traceback"),
    (MemoryError(), "there is not enough memory"),
    (MemoryError("Unable to allocate 9 TiB"), "there is not enough memory"),
    (type("ResourceExhaustedError", (Exception,), {})("OOM when allocating"), "there is not enough memory"),
    (OSError("two\nlines"), "two"),
    (OSError(errno.EBADF, "Bad file descriptor", 7), "Bad file descriptor"),
    (OSError(errno.EIO, "I/O error", b"a\xff"), r"a\xff: I/O error"),
])  # fmt: skip
def test_what_nobody_foresaw_is_one_line_too(raising, error, text):
    result = raising(error)
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", f"alexnet: {text}\n")


def test_a_command_that_cannot_be_imported_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "alexnet_cli.cli.sample", None)
    result = alexnet("sample", "x")
    assert result.exit_code == 3
    assert result.stderr.startswith("alexnet: unexpected ModuleNotFoundError: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("error", [
    TypeError("a bug"), errors.RunError("no run"), KeyboardInterrupt(), MemoryError(),
    OSError(errno.ENOSPC, "No space left"), click.UsageError("wrong"),
], ids=lambda x: type(x).__name__)  # fmt: skip
def test_the_traceback_comes_before_the_line_if_it_is_wanted(raising, monkeypatch, error):
    for value in ("0", ""):
        monkeypatch.setenv("ALEXNET_DEBUG", value)
        plain = raising(error)
        assert plain.stderr.count("\n") == 1
    monkeypatch.setenv("ALEXNET_DEBUG", "1")
    result = raising(error)
    lines = result.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert any("in models_command" in x for x in lines)
    assert [lines[-1]] == plain.stderr.splitlines()
    assert result.exit_code == plain.exit_code


def test_an_error_of_tensorflow_is_one_line(raising):
    import tensorflow as tf

    with pytest.raises(tf.errors.OpError) as found:
        tf.strings.to_number(tf.constant("x"))
    result = raising(found.value)
    assert result.exit_code == 3 and result.stderr.count("\n") == 1
    assert "unexpected InvalidArgumentError: " in result.stderr


def test_a_pipe_that_closes_ends_the_command_quietly():
    words = [sys.executable, "-m", "alexnet_cli", "models"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


SHELL = """
export PATH={bin}:$PATH
set -o pipefail
cd {folder}
{line}
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize("line, code, text", [
    ("alexnet models >&-", 0, ""),
    ("alexnet models <&- >&- 2>&-", 0, ""),
    ("alexnet sample --photos 2 --tests 1 new <&- >&- 2>&-", 0, ""),
    ("alexnet models nosuch 2>&-", 2, ""),
    ("alexnet models nosuch 2>/dev/full", 2, ""),
    ("alexnet models >/dev/full", 3, "alexnet: No space left on device\n"),
    ("alexnet --help >/dev/full", 3, "alexnet: No space left on device\n"),
    ("alexnet --version >/dev/full", 3, "alexnet: No space left on device\n"),
    ("alexnet --help | head -c 0", 1, ""),
    ("alexnet models | head -c 9 >first", 1, ""),
    ("alexnet models nosuch 2>&1 | head -c 0", 2, ""),
    ("alexnet predict --model none x.jpg <&- >&- 2>&-", 3, ""),
], ids=lambda x: str(x))  # fmt: skip
def test_streams_that_are_closed_or_break_end_nothing_else(tmp_path, line, code, text):
    """`head` ends before it is written to, or after its first bytes."""
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("the system has no full device")
    text_of_script = SHELL.format(
        bin=Path(sys.executable).parent, folder=tmp_path, line=line
    )
    # The pipe may be written to before `head` ends; then nothing breaks.
    codes = {code, 0} if "head" in line else {code}
    done = subprocess.run(["bash", "-c", text_of_script], capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.stderr, done.stdout) == (text, "") and done.returncode in codes
    assert (tmp_path / "new").exists() == ("sample" in line)


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path):
    """Else what a library prints would end up in a run directory."""
    code = """
import os, sys
for number in range(3):
    os.close(number)
sys.stdin = sys.stdout = sys.stderr = None
from alexnet_cli.cli.main import main
try:
    main(["models"])
except SystemExit as error:
    with open(sys.argv[1], "w") as file:
        print(error.code, file.fileno() > 2, file=file)
        print(*(os.fstat(x).st_rdev == os.stat(os.devnull).st_rdev for x in range(3)), file=file)
        print(repr(sys.stdin.read()), sys.stdout.write("x"), sys.stderr.write("x"), file=file)
"""
    python(code, tmp_path / "found")
    assert (tmp_path / "found").read_text().splitlines() == [
        "0 True", "True True True", "'' 1 1",
    ]  # fmt: skip


@pytest.mark.parametrize("words, text", [
    (["trian"], "No such command 'trian'; did you mean train? (see alexnet --help)"),
    (["train"], "DATA is missing: the folder of class folders (see alexnet train --help)"),
    (["predict"], "Missing argument 'IMAGE...' (see alexnet predict --help)"),
    (["evaluate", "--modle", "x"], "No such option '--modle'; did you mean --model? (see alexnet evaluate --help)"),
    (["train", "--data", "x", "--epoch", "3"], "did you mean --epochs?"),
    (["train", "--data", "x", "--epochs", "5.5"], "Invalid value for '-e' / '--epochs': '5.5'"),
    (["train", "--data", "x", "--epochs", "0"], "0 is not in the range 1<=x<=100000"),
    (["train", "--data", "x", "--arch", "?"], "'?' is not one of 'alexnet', 'alexnet-bvlc'"),
    (["train", "--data", "x", "--learning-rate", "nan"], "--learning-rate: nan is not a number"),
    (["fetch", "flower"], "'flower' is not one of 'flowers', 'imagenet'; did you mean flowers? (see alexnet fetch --help)"),
])  # fmt: skip
def test_wrong_usage_is_one_line_that_helps(words, text):
    result = alexnet(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("alexnet: ") and text in line


def test_what_a_library_warns_of_is_a_line(tmp_path):
    """Python prints it as it is, with the place and the line of the source."""
    code = """
import sys, warnings
from alexnet_cli.cli import models
from alexnet_cli.cli.main import main
models._print_networks = lambda: warnings.warn(sys.argv[1])
main(["models"])
"""
    done = python(code, "one\x1b[31m\ntwo")
    assert done.stderr == "warning: one\\x1b[31m\\ntwo\n", done.stderr


def test_the_version_is_the_packages():
    assert alexnet("--version").stdout == f"alexnet, version {__version__}\n"


def test_the_commands_are_these():
    names = [
        "train",
        "evaluate",
        "predict",
        "export",
        "benchmark",
        "serve",
        "runs",
        "push",
        "import",
        "models",
        "prepare",
        "fetch",
        "sample",
        "doctor",
        "env",
    ]
    assert list(COMMANDS) == main.list_commands(click.Context(main)) == names
    assert main.get_command(click.Context(main), "import_weights") is None


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_first_sentence_of_each(name):
    command = main.get_command(click.Context(main), name)
    assert command.name == name
    assert inspect.cleandoc(command.help).split("\n\n")[0] == COMMANDS[name]
    assert f"  {name}  " in alexnet("--help").stdout


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_a_short_flag(flag):
    result = alexnet("models", flag)
    assert result.exit_code == 0 and result.stdout.startswith("Usage: alexnet models ")


def test_the_module_is_the_command():
    done = python(
        "import runpy, sys; sys.argv[1:] = ['--version']; runpy.run_module('alexnet_cli', run_name='__main__')"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"alexnet, version {__version__}\n"
