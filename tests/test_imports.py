"""Help never waits for TensorFlow, Keras or NumPy, and layers import downwards only."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import python

import alexnet_cli
from alexnet_cli.cli.main import COMMANDS

HEAVY = {"tensorflow", "keras", "numpy", "PIL", "matplotlib"}
CODE = """
import json, sys
from click.testing import CliRunner
from alexnet_cli.cli.main import main
results = [CliRunner().invoke(main, x).exit_code for x in json.loads(sys.argv[1])]
print(json.dumps([results, sorted({x.split(".")[0] for x in sys.modules})]))
"""
PACKAGE = Path(alexnet_cli.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))


def test_help_and_tables_are_light():
    calls = [["--help"], *([x, "--help"] for x in COMMANDS)]
    calls += [
        ["models"],
        ["models", "alexnet-bn", "--classes", "24"],
        ["train", "--data", "x", "--print-config"],
    ]
    done = python(CODE, json.dumps(calls))
    assert done.returncode == 0, done.stderr
    codes, modules = json.loads(done.stdout)
    assert codes == [0] * len(calls)
    assert not HEAVY & set(modules)


def test_the_list_of_commands_loads_none_of_them():
    code = "import sys; from alexnet_cli.cli.main import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = python(code)
    ours = {x for x in done.stdout.splitlines()[-1].split() if x.startswith("alexnet_cli.")}
    assert ours == {"alexnet_cli.cli", "alexnet_cli.cli.main", "alexnet_cli.errors"}


def test_what_is_wrong_is_told_before_tensorflow_starts(tmp_path):
    calls = [["train", "--data", str(tmp_path / "none")], ["predict", "x.jpg", "--model", str(tmp_path)],
             ["evaluate", "--model", str(tmp_path)]]  # fmt: skip
    codes, modules = json.loads(python(CODE, json.dumps(calls)).stdout)
    assert codes == [3, 3, 3]
    assert not {"tensorflow", "keras"} & set(modules)


def _law(folder):
    """import-linter's verdict on the package in `folder`."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def house(tmp_path):
    """A copy of the package and its contract, to be built wrongly."""
    shutil.copytree(PACKAGE, tmp_path / "alexnet_cli")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_an_import_goes_down_only():
    done = _law(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file, line", [
    ("model/architecture.py", "from ..run import run"),
    ("dataset/split.py", "from ..run import files"),
    ("trainer/planner.py", "from ..reports import plots"),
    ("errors.py", "from . import arrays"),
])  # fmt: skip
def test_a_wrong_import_breaks_the_law(house, file, line):
    with (house / "alexnet_cli" / file).open("a") as x:
        x.write(f"\n{line}\n")
    done = _law(house)
    assert done.returncode == 1 and "is not allowed to import" in done.stdout


def test_a_new_room_has_to_take_its_floor(house):
    (house / "alexnet_cli" / "utils.py").write_text("")
    done = _law(house)
    assert done.returncode == 1 and "alexnet_cli.utils" in done.stdout


def test_rooms_have_a_docstring_and_nothing_else():
    for file in PACKAGE.glob("*/**/__init__.py"):
        body = ast.parse(file.read_text()).body
        assert len(body) == 1 and isinstance(body[0].value.value, str), file


@pytest.mark.parametrize("file", FILES, ids=lambda x: str(x.relative_to(PACKAGE)))
def test_files_and_functions_keep_to_one_job(file):
    text = file.read_text()
    assert text.count("\n") <= 250, "past this a file has two jobs"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= 40, f"{node.name} has {length} lines"
