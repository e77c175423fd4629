"""Every command ends with results on stdout, or one line on stderr and its exit code."""

import errno
import inspect
import subprocess
import sys

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


def test_a_bug_is_not_disguised(raising):
    result = raising(TypeError("a bug"))
    assert isinstance(result.exception, TypeError)
    assert "alexnet: " not in result.output


def test_a_pipe_that_closes_ends_the_command_quietly():
    words = [sys.executable, "-m", "alexnet_cli", "models"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize("words, text", [
    (["trian"], "No such command 'trian' (see alexnet --help)"),
    (["train"], "Missing option '--data' (see alexnet train --help)"),
    (["predict"], "Missing argument 'IMAGE...' (see alexnet predict --help)"),
    (["evaluate", "--modle", "x"], "No such option '--modle'. Did you mean '--model'? (see alexnet evaluate --help)"),
    (["train", "--data", "x", "--epoch", "3"], "'--epochs'"),
    (["train", "--data", "x", "--epochs", "5.5"], "Invalid value for '--epochs': '5.5'"),
    (["train", "--data", "x", "--epochs", "0"], "0 is not in the range 1<=x<=100000"),
    (["train", "--data", "x", "--arch", "?"], "'?' is not one of 'alexnet', 'alexnet-bvlc'"),
    (["train", "--data", "x", "--learning-rate", "nan"], "--learning-rate: nan is not a number"),
    (["fetch", "flower"], "'flower' is not one of 'flowers', 'imagenet' (see alexnet fetch --help)"),
])  # fmt: skip
def test_wrong_usage_is_one_line_that_helps(words, text):
    result = alexnet(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("alexnet: ") and text in line


def test_the_version_is_the_packages():
    assert alexnet("--version").stdout == f"alexnet, version {__version__}\n"


def test_the_commands_are_these():
    names = [
        "train",
        "evaluate",
        "predict",
        "import",
        "models",
        "fetch",
        "sample",
        "doctor",
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
