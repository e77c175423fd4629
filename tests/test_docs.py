"""The README says what the commands do, and every option has help."""

import re
import shlex
from pathlib import Path

import click
import pytest

from alexnet_cli.cli.main import COMMANDS, main
from alexnet_cli.recipe.configs import config_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
LINES = sorted(set(re.findall(r"^ *\$? ?(alexnet [a-z].*)$", README, re.MULTILINE)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name):
    command = main.get_command(None, name)
    first = command.help.split("\n\n")[0].replace("\n", " ")
    assert command.name == name and first == COMMANDS[name]
    assert re.search(rf"^### `alexnet {name}", README, re.MULTILINE), f"README lacks {name}"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert f"`{parameter.opts[0]}" in README, f"README lacks {parameter.opts[0]}"


def test_every_config_and_exit_code_stands_in_the_readme():
    for name in config_names():
        assert f"`{name}`" in README
    for code in (0, 1, 2, 3, 130):
        assert f"| {code} |" in README


@pytest.mark.parametrize("line", LINES)
def test_the_readmes_commands_are_understood(line):
    """Parsed by the command itself, not run: the wrong option or value fails."""
    words = shlex.split(line.split("  #")[0], comments=True)[1:]
    command = main.get_command(None, words[0])
    try:
        command.make_context(words[0], words[1:], resilient_parsing=False)
    except click.exceptions.Exit as done:
        assert done.exit_code == 0


def test_images_of_the_readme_are_there_and_small():
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / name).stat().st_size < 150_000, name


def test_nothing_names_the_machine_it_was_written_on():
    for file in (
        *ROOT.glob("alexnet_cli/**/*.*"),
        *ROOT.glob("scripts/**/*"),
        ROOT / "README.md",
    ):
        if file.is_file() and file.suffix != ".pyc":
            assert "../shared" not in file.read_text("utf-8"), file
