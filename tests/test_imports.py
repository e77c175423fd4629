"""Help never waits for TensorFlow, Keras or NumPy; rooms import downwards only."""

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
    assert ours == {
        "alexnet_cli.cli", "alexnet_cli.cli.main", "alexnet_cli.errors",
        "alexnet_cli.backend", "alexnet_cli.backend.signals", "alexnet_cli.version",
    }  # fmt: skip


def test_wrong_folders_are_errors_before_tensorflow_starts(tmp_path):
    calls = [["train", "--data", str(tmp_path / "none")], ["predict", "x.jpg", "--model", str(tmp_path)],
             ["evaluate", "--model", str(tmp_path)]]  # fmt: skip
    codes, modules = json.loads(python(CODE, json.dumps(calls)).stdout)
    assert codes == [3, 3, 3]
    assert not {"tensorflow", "keras"} & set(modules)


def lint_imports(folder):
    """import-linter on the package in `folder`."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    """A folder with the package and its contract, to be broken."""
    shutil.copytree(PACKAGE, tmp_path / "alexnet_cli")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_an_import_goes_down_only():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file, line", [
    ("model/architecture.py", "from ..run import run"),
    ("dataset/split.py", "from ..run import files"),
    ("trainer/planner.py", "from ..reports import plots"),
    ("errors.py", "from . import arrays"),
])  # fmt: skip
def test_an_import_that_goes_up_is_found(copy, file, line):
    with (copy / "alexnet_cli" / file).open("a") as x:
        x.write(f"\n{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1 and "is not allowed to import" in done.stdout


def test_a_new_room_needs_a_layer(copy):
    (copy / "alexnet_cli" / "utils.py").write_text("")
    done = lint_imports(copy)
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
            parameters = {x.arg for x in (*node.args.posonlyargs, *node.args.args)}
            count = len(parameters - {"self", "cls"})
            assert count <= 5, f"{node.name} has {count} parameters"


def _module(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(file, modules):
    """Modules of the package that `file` imports anywhere, for types too."""
    package = _module(file).split(".")[: -1 if file.name != "__init__.py" else None]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *filter(None, [node.module])]
            for name in (".".join(base), *(".".join([*base, x.name]) for x in node.names)):
                # A package is its docstring: what counts is the module in it.
                if name in modules and modules[name].name != "__init__.py":
                    yield name


def test_no_import_cycles():
    modules = {_module(x): x for x in FILES}
    graph = {k: set(_imports(x, modules)) for k, x in modules.items()}
    done = set()

    def visit(name, path=()):
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name)
    assert sum(map(len, graph.values())) > 200
