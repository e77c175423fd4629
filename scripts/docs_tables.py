"""Write into docs/ what follows from the code: option tables, networks, recipes, rooms.

    python scripts/docs_tables.py            fill the blocks between their markers
    python scripts/docs_tables.py --check    fail if one of them is out of date

A block begins with <!-- NAME --> and ends with <!-- end of NAME -->.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from alexnet_cli.cli.main import COMMANDS, main
from alexnet_cli.recipe.configs import config_names, read_config
from alexnet_cli.recipe.recipe import FIELDS, TITLES

ROOT = Path(__file__).parents[1]
ROOMS = (
    "cli", "api", "trainer", "reports", "evaluation", "export", "serving", "inference", "dataset", "run",
    "recipe", "model", "backend",
)  # fmt: skip
"""From the top floor down."""


def options(name: str) -> Iterator[str]:
    """A table of the options of a command; one for each section of a recipe."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    context = click.Context(command)
    groups: dict[str, list[str]] = {}
    for parameter in command.params:
        if not isinstance(parameter, click.Option):
            continue
        field = FIELDS.get(parameter.name or "")
        title = TITLES[field.section] if field and name == "train" else ""
        groups.setdefault(title, []).append(_row(parameter, context))
    for title, rows in groups.items():
        if title:
            yield f"**{title}**\n"
        yield "| option | default | what it does |\n|---|---|---|"
        yield from rows
        yield ""


def _row(option: click.Option, context: click.Context) -> str:
    """A row of the table; a default that stands in the help text is taken from there."""
    text = " ".join((option.help or "").split())
    named = re.search(r"\s*\[default: (.*)\]$", text)
    default = option.get_default(context)
    if named:
        text, shown = text[: named.start()], named[1]
    elif isinstance(default, bool):
        shown = "on" if default else "off"
    else:
        # What is not given is None, or a sentinel of click's own.
        plain = isinstance(default, str | int | float) and default != ""
        shown = f"`{_number(default)}`" if plain else ""
    names = "/".join((*option.opts, *option.secondary_opts))
    kind = option.type
    if isinstance(kind, click.Choice):
        text += f" One of {', '.join(f'`{x}`' for x in kind.choices)}."
    elif isinstance(kind, click.IntRange | click.FloatRange):
        text += f" {_range(kind)}"
    return f"| `{names}` | {shown} | {text} |".replace("  ", " ")


def _range(kind: click.IntRange | click.FloatRange) -> str:
    low, high = _number(kind.min), _number(kind.max)
    if kind.max is None:
        return f"At least {low}."
    return f"At most {high}." if kind.min is None else f"{low} to {high}."


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def networks() -> Iterator[str]:
    """What `alexnet models` prints."""
    yield "    $ alexnet models"
    for line in CliRunner().invoke(main, ["models"]).output.splitlines():
        yield f"    {line}".rstrip()


def recipes() -> Iterator[str]:
    """Every recipe of the package with the first line of its file."""
    yield "| recipe | what it is | network | epochs, at most |\n|---|---|---|---|"
    for name in config_names():
        head = (ROOT / "configs" / f"{name}.toml").read_text("utf-8").splitlines()[0]
        keys = read_config(name)
        minutes = f", {keys['max_minutes']:g} minutes" if "max_minutes" in keys else ""
        arch = keys.get("arch", FIELDS["arch"].default)
        epochs = keys.get("epochs", FIELDS["epochs"].default)
        yield f"| `{name}` | {head.removeprefix('# ')} | `{arch}` | {epochs}{minutes} |"


def rooms() -> Iterator[str]:
    """The rooms of the package from the top floor down, and the files in each."""
    package = ROOT / "alexnet_cli"
    for room in ROOMS:
        text = ast.get_docstring(ast.parse((package / room / "__init__.py").read_text()))
        yield f"    {room + '/':14} {text}"
        names = sorted(
            f"{x.name}/" if x.is_dir() else x.stem
            for x in (package / room).iterdir()
            if not x.name.startswith("__") and (x.is_dir() or x.suffix == ".py")
        )
        line = ""
        for name in names:
            if len(line) + len(name) > 88:
                yield f"        {line}"
                line = ""
            line += f" {name}" if line else name
        yield f"        {line}"
    for name in ("errors", "arrays", "preprocess"):
        text = ast.get_docstring(ast.parse((package / f"{name}.py").read_text())) or ""
        yield f"    {name + '.py':14} {text.splitlines()[0]}"


BLOCKS: dict[str, Callable[[], Iterator[str]]] = {
    **{f"options of {x}": (lambda x=x: options(x)) for x in COMMANDS},
    "networks": networks,
    "recipes": recipes,
    "rooms": rooms,
}


def filled(text: str) -> str:
    """`text` with every block between its markers as the code has it now."""
    for name, block in BLOCKS.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        if start in text:
            lines = "\n".join(block()).rstrip()
            head, _, rest = text.partition(start)
            tail = rest.partition(end)[2]
            text = f"{head}{start}\n{lines}\n{end}{tail}"
    return text


def run(check: bool) -> list[Path]:
    """Fill all files, or with `check` only say which are out of date."""
    stale = []
    for file in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = file.read_text("utf-8")
        if filled(text) != text:
            stale.append(file)
            if not check:
                file.write_text(filled(text), "utf-8")
    return stale


if __name__ == "__main__":
    found = run("--check" in sys.argv)
    if found and "--check" in sys.argv:
        names = ", ".join(str(x.relative_to(ROOT)) for x in found)
        sys.exit(f"out of date: {names}; run scripts/docs_tables.py")
