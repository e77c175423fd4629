"""The public names load nothing before they are used, and mean what their modules define."""

import ast
import doctest
import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from helpers import python

import alexnet_cli
from alexnet_cli import errors
from alexnet_cli.dataset.synthetic import draw_sample

HEAVY = {"tensorflow", "keras", "numpy", "PIL", "click", "matplotlib", "h5py"}
LIGHT = {
    "train", "evaluate", "import_weights", "build_model", "Run", "Recipe", "ARCHITECTURES", "Listener",
    *(x for x, _ in inspect.getmembers(errors, inspect.isclass) if x.endswith(("Error", "Failed", "Interrupted"))),
}  # fmt: skip
MODULES = (
    "import json, sys\n{}\nprint(json.dumps(sorted(x.split('.')[0] for x in sys.modules)))"
)
SOURCE = Path(alexnet_cli.__file__).read_text("utf-8")


def loaded_by(code):
    """The top-level modules that `code` leaves loaded in a process of its own."""
    done = python(MODULES.format(code))
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy():
    assert not HEAVY & loaded_by("import alexnet_cli; dir(alexnet_cli)")


def test_importing_the_package_takes_less_than_50_ms():
    code = "import time; t = time.process_time(); import alexnet_cli; print(time.process_time() - t)"
    # The best of three: the machine may be busy.
    assert min(float(python(code).stdout) for _ in range(3)) < 0.05


def test_light_names_load_nothing_heavy():
    assert not HEAVY & loaded_by(f"from alexnet_cli import {', '.join(sorted(LIGHT))}")


def test_no_name_loads_tensorflow():
    modules = loaded_by("from alexnet_cli import *")
    assert "numpy" in modules and not {"tensorflow", "keras", "click"} & modules


@pytest.mark.parametrize("name", alexnet_cli.__all__)
def test_every_public_name_has_a_docstring_and_its_own_module(name):
    value = getattr(alexnet_cli, name)
    if name not in ("__version__", "ARCHITECTURES"):
        assert value.__doc__ and value.__name__ == name
        assert getattr(import_module(value.__module__), name) is value
    assert name in dir(alexnet_cli)


def test_all_errors_are_public():
    kinds = {
        k
        for k, x in inspect.getmembers(errors, inspect.isclass)
        if issubclass(x, Exception)
    }
    assert kinds <= set(alexnet_cli.__all__)
    assert all(issubclass(getattr(alexnet_cli, x), alexnet_cli.AlexNetError) for x in kinds)


def test_type_checkers_import_what_the_program_imports():
    (block,) = (
        x for x in ast.parse(SOURCE).body
        if isinstance(x, ast.If) and ast.unparse(x.test) == "TYPE_CHECKING"
    )  # fmt: skip
    imported = {alias.name: x.module for x in block.body for alias in x.names}
    assert imported == alexnet_cli._MODULES
    assert sorted([*imported, "__version__"]) == sorted(alexnet_cli.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(
        AttributeError, match="^module 'alexnet_cli' has no attribute 'trian'$"
    ):
        alexnet_cli.trian  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'trian' from 'alexnet_cli'"):
        from alexnet_cli import trian  # noqa: F401


@pytest.mark.parametrize("room", ["api", "run", "recipe", "evaluation", "trainer", "cli"])
def test_rooms_do_not_shadow_functions(room):
    """`alexnet_cli.evaluate` is a function whatever was imported before or after."""
    code = f"""
import alexnet_cli.{room}
from alexnet_cli import {room}
import alexnet_cli.api.evaluate, alexnet_cli.api.train, alexnet_cli.evaluation.evaluate, alexnet_cli.run.run
import alexnet_cli
assert {room} is sys.modules["alexnet_cli.{room}"] is alexnet_cli.{room}
for name in ("train", "evaluate"):
    assert callable(getattr(alexnet_cli, name)), name
assert alexnet_cli.evaluate is sys.modules["alexnet_cli.api.evaluate"].evaluate
"""
    loaded_by(code)


def test_a_star_import_gives_the_public_names():
    names = ", ".join(repr(x) for x in alexnet_cli.__all__)
    loaded_by(f"from alexnet_cli import *\nassert {{{names}}} <= set(globals())")


@pytest.mark.slow
def test_the_example_of_the_package_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw_sample(Path("data/sample"), photos=20, tests=20)
    failed, tried = doctest.testmod(alexnet_cli)
    assert (failed, tried) == (0, 6)


@pytest.mark.slow
def test_type_checkers_know_the_public_names(tmp_path):
    file = tmp_path / "user.py"
    file.write_text(
        "import alexnet_cli\n"
        "reveal_type(alexnet_cli.train('d'))\n"
        "reveal_type(alexnet_cli.evaluate('r').scores.top1)\n"
        "reveal_type(alexnet_cli.Classifier('r')(['a.jpg'])[0].label)\n"
        "alexnet_cli.trian\n"
        "from alexnet_cli import Recipe, RecipeError\n"
    )
    words = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        tmp_path / "cache",
        file,
    ]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = [x for x in done.stdout.splitlines() if "user.py" in x]
    assert [x.split(": ", 1)[1] for x in lines] == [
        'note: Revealed type is "alexnet_cli.run.run.Run"',
        'note: Revealed type is "float"',
        'note: Revealed type is "str"',
        'error: Module has no attribute "trian"; maybe "train"?  [attr-defined]',
    ], done.stdout
