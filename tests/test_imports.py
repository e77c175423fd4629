"""Help never waits for TensorFlow, Keras or NumPy, and layers import downwards only."""

import ast
import json
from pathlib import Path

import pytest
from conftest import python

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
ROOMS = [
    {"errors"},
    {"layers", "architecture", "variants", "recipe", "checks", "schedule", "plan", "dataset", "split", "fetch", "files"},
    {"run", "colours", "images", "standard", "pickles", "torch_files", "weight_files", "weight_layouts", "weights", "kernels", "kernels_tf", "device", "duplicates",
     "metrics", "calibration", "intervals", "sample", "html_page"},
    {"mixing", "draws", "augment", "model", "optimizers", "gradcam", "store", "lite"},
    {"cache", "plots", "batches", "board", "gather", "callbacks", "inference", "learner", "export", "average",
     "evaluation", "doctor", "doctor_report", "report", "outcome"},
    {"trainer", "importing"},
    {"options", "show", "commands", "judging", "naming", "verbs", "setup_verbs", "train_verb", "cli"},
]  # fmt: skip


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
    assert ours == {"alexnet_cli.cli", "alexnet_cli.errors"}


def test_what_is_wrong_is_told_before_tensorflow_starts(tmp_path):
    calls = [["train", "--data", str(tmp_path / "none")], ["predict", "x.jpg", "--model", str(tmp_path)],
             ["evaluate", "--model", str(tmp_path)]]  # fmt: skip
    codes, modules = json.loads(python(CODE, json.dumps(calls)).stdout)
    assert codes == [3, 3, 3]
    assert not {"tensorflow", "keras"} & set(modules)


def _imports(file):
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= (
                {node.module.split(".")[0]} if node.module else {x.name for x in node.names}
            )
    return found - {"__version__"}


def test_every_module_has_a_room_and_imports_downwards():
    level = {name: i for i, room in enumerate(ROOMS) for name in room}
    for file in Path(alexnet_cli.__file__).parent.glob("*.py"):
        if file.stem.startswith("__"):
            continue
        for other in _imports(file):
            assert level[other] <= level[file.stem], f"{file.stem} imports {other}"


def test_no_import_cycles():
    graph = {x.stem: _imports(x) for x in Path(alexnet_cli.__file__).parent.glob("*.py")}
    done = set()

    def visit(name, path=()):
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name)


@pytest.mark.parametrize(
    "file", sorted(Path(alexnet_cli.__file__).parent.glob("*.py")), ids=lambda x: x.stem
)
def test_files_and_functions_keep_to_one_job(file):
    text = file.read_text()
    assert text.count("\n") <= 320, "past this a file has two jobs"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= 50, f"{node.name} has {length} lines"
