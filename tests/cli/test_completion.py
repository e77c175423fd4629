"""What a shell offers next: by click's own mechanism, and in a real bash."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from alexnet_cli.cli.main import COMMANDS, main
from alexnet_cli.recipe.configs import config_names

ROOT = Path(__file__).parents[2]


def completed(*words):
    """Values and kinds of what may stand in place of the last of `words`."""
    *before, begun = words
    shell = ShellComplete(main, {}, "alexnet", "_ALEXNET_COMPLETE")
    return [(x.value, x.type) for x in shell.get_completions(before, begun)]


def plain(*words):
    return [value for value, kind in completed(*words) if kind == "plain"]


def offers_files(*words):
    return ("", "file") in completed(*words)


def test_commands_and_options_and_choices():
    assert plain("") == list(COMMANDS)
    assert plain("tr") == ["train"]
    assert {"--learning-rate", "--loaded-rate", "--lrn-n"} < set(plain("train", "--l"))
    assert plain("train", "--optimizer", "ad") == ["adam", "adamw"]
    assert plain("models", "alexnet-b") == ["alexnet-bvlc", "alexnet-bn"]


@pytest.mark.parametrize(
    "words", [("train", "--config"), ("train", "-c"), ("models", "--config")]
)
def test_recipes_are_offered_and_files_too(words):
    assert plain(*words, "") == config_names()
    assert plain(*words, "qu") == ["quick"] and plain(*words, "mine") == []
    assert offers_files(*words, "mine")


def test_weights_are_imagenets_or_a_file():
    assert plain("train", "x", "--weights", "im") == ["imagenet"]
    assert offers_files("train", "x", "--weights", "al")


@pytest.mark.parametrize(
    "where", [["{}"], ["--data", "{}"], ["-d", "{}"], ["--train", "{}"]]
)
def test_classes_are_those_of_the_data(toy, where):
    words = ["train", *(x.format(toy) for x in where), "--classes"]
    assert plain(*words, "") == ["blue", "green", "red"]
    assert plain(*words, "g") == ["green"]
    assert plain(*words, "red,") == ["red,blue", "red,green"]
    assert plain(*words, "red,green,bl") == ["red,green,blue"]
    assert offers_files(*words, "@na")


@pytest.mark.parametrize("data", ["nosuch", "/dev/null", "{}/red"])
def test_of_what_cannot_be_read_no_classes_are_offered(toy, data):
    assert plain("train", data.format(toy), "--classes", "") == []
    assert plain("train", "--classes", "") == []


def test_wrong_words_before_are_no_error():
    assert plain("train", "epochs=3", "--config", "qu") == ["quick"]
    assert plain("train", "x", "more", "--nosuch", "--optimizer", "rm") == ["rmsprop"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_docs_say_how(shell):
    assert (
        f"_ALEXNET_COMPLETE={shell}_source alexnet" in (ROOT / "docs/train.md").read_text()
    )


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize("line, found", [
    ("alexnet ev", ["evaluate"]), ("alexnet train --config qu", ["quick"]),
    ("alexnet train photos --classes re", ["red"]), ("alexnet train photos --classes red,b", ["red,blue"]),
])  # fmt: skip
def test_in_a_real_bash(toy, tmp_path, line, found):
    """With the function that `bash_source` prints, called as readline calls it."""
    (tmp_path / "photos").symlink_to(toy)
    command = tmp_path / "alexnet"
    code = (
        "import sys; sys.argv[0] = 'alexnet'; from alexnet_cli.cli.main import main; main()"
    )
    python = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    command.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    command.chmod(0o755)
    words = shlex.split(line)
    script = (
        f'eval "$(_ALEXNET_COMPLETE=bash_source alexnet)"\n'
        f"COMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\n"
        f"compopt() {{ :; }}\n_alexnet_completion alexnet\n"
        f'printf "%s\\n" "${{COMPREPLY[@]}}"\n'
    )
    env = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == found, done.stderr
