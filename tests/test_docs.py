"""The docs say what the commands do: every command, option, link, number of words and cell."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from helpers import alexnet

from alexnet_cli.cli.main import COMMANDS, main
from alexnet_cli.recipe.configs import config_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {x.name: x.read_text("utf-8") for x in sorted((ROOT / "docs").glob("*.md"))}
TEXTS = {"README.md": README, **PAGES}
LINES = sorted(
    {
        line
        for text in TEXTS.values()
        for line in re.findall(r"^(?:    |\s*\$ )(alexnet [a-z].*)$", text, re.MULTILINE)
        if line.split()[1] in COMMANDS
    }
)
PERSONAL = [
    ROOT / x for x in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name):
    command = main.get_command(None, name)
    first = command.help.split("\n\n")[0].replace("\n", " ")
    assert command.name == name and first == COMMANDS[name]
    assert any(f"<!-- options of {name} -->" in x for x in PAGES.values()), name
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help and parameter.help[0].isupper(), parameter.name
            text = re.sub(r"\s*\[(default|required).+\]$", "", parameter.help)
            assert text.endswith("."), parameter.help


def test_generated_tables_are_up_to_date():
    words = [sys.executable, ROOT / "scripts" / "docs_tables.py", "--check"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_table_that_is_out_of_date_is_found(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import docs_tables

    text = PAGES["train.md"]
    assert docs_tables.filled(text) == text
    assert docs_tables.filled(text.replace("| `--epochs` |", "| `--epoch` |")) == text


def test_every_config_and_exit_code_stands_in_the_docs():
    for name in config_names():
        assert f"| `{name}` |" in PAGES["train.md"]
    for code in ("0", "1", "2", "3", "130, 143, 129"):
        assert f"| {code} |" in README


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("line", LINES)
def test_the_commands_of_the_docs_are_understood(line, tmp_path, monkeypatch):
    """Parsed by the command itself, not run: the wrong option or value fails."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("epochs = 3")
    words = shlex.split(line.split("  #")[0].split(" > ")[0], comments=True)[1:]
    parent = click.Context(main, **main.context_settings)
    command = main.get_command(parent, words[0])
    assert command is not None, line
    try:
        command.make_context(words[0], words[1:], parent, resilient_parsing=False)
    except click.exceptions.Exit as done:
        assert done.exit_code == 0


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    folder = ROOT if name == "README.md" else ROOT / "docs"
    for target in re.findall(r"\[[^\]]+\]\(([\w./-]+)(?:#[^)]*)?\)", TEXTS[name]):
        if "://" not in target:
            assert (folder / target).exists(), target


@pytest.mark.parametrize("name", TEXTS)
def test_files_and_scripts_that_the_docs_name_exist(name):
    for path in re.findall(
        r"`((?:scripts|tests|configs|alexnet_cli)/[\w./-]+)[`\s]", TEXTS[name]
    ):
        assert (ROOT / path).exists(), path


def test_images_of_the_docs_are_small():
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / name).stat().st_size < 150_000, name


def test_nothing_names_the_machine_it_was_written_on():
    folders = ("alexnet_cli", "scripts", "configs", "docs", ".github")
    files = [x for name in folders for x in (ROOT / name).rglob("*") if x.is_file()]
    for file in (*files, *PERSONAL):
        if file.suffix not in (".pyc", ".png", ".gz"):
            assert "../shared" not in file.read_text("utf-8"), file


@pytest.mark.slow
def test_the_notebook_runs():
    nbformat = pytest.importorskip("nbformat", reason="the group `test` is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the group `test` is not installed")
    notebook = nbformat.read(ROOT / "docs" / "first-steps.ipynb", as_version=4)
    assert not any(x.get("outputs") for x in notebook.cells), "clear the outputs"
    nbclient.NotebookClient(notebook, timeout=300).execute()
    printed = "".join(
        y.get("text", "") for x in notebook.cells for y in x.get("outputs", [])
    )
    assert "top-1 accuracy" in printed and "daisy_000.jpg" in printed


def test_help_ends_well():
    for words in ((), *((x,) for x in COMMANDS)):
        result = alexnet(*words, "--help")
        assert result.exit_code == 0 and result.stdout.startswith("Usage: ")
