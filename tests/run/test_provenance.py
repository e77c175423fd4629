"""What a number can be traced to: the same images have the same digest, whatever they are called."""

import dataclasses
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli import __version__
from alexnet_cli.backend.environment import hardware
from alexnet_cli.errors import RunError
from alexnet_cli.export.source import shipped
from alexnet_cli.run.provenance import Provenance, counts, data_digest
from alexnet_cli.run.run import Run

NAMES = st.text(
    st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1
)
ROWS = st.lists(st.tuples(st.text("0123456789abcdef", min_size=64, max_size=64), NAMES))


@given(ROWS, st.randoms())
def test_the_digest_does_not_depend_on_the_order(rows, random):
    before = data_digest(rows)
    random.shuffle(rows)
    assert data_digest(rows) == before


def test_the_digest_is_that_of_sort_and_sha256sum():
    rows = [
        ("b" * 64, "tulip"),
        ("a" * 64, "\N{TULIP} x"),
        ("a" * 64, "Rose"),
        ("a" * 64, "é"),
    ]
    text = "".join(f"{x} {y}\n" for x, y in rows)
    theirs = subprocess.run(
        ["sh", "-c", "LC_ALL=C sort | sha256sum"], input=text, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert data_digest(rows) == theirs.stdout.split()[0]


def test_another_class_or_image_is_another_digest():
    rows = [("a" * 64, "x"), ("b" * 64, "y")]
    others = [
        rows[:1],
        [*rows, rows[0]],
        [("a" * 64, "y"), rows[1]],
        [("c" * 64, "x"), rows[1]],
    ]
    assert len({data_digest(rows), *map(data_digest, others)}) == 5


def test_a_run_says_what_made_it(trained):
    run = Run.read(trained)
    known, rows = run.provenance, run.split()
    assert known.data_digest == data_digest((x["sha256"], x["class"]) for x in rows)
    assert known.images == counts((x["split"] for x in rows), 0)
    assert known.hardware == hardware() and 0 < known.seconds < 3600
    assert run.versions["alexnet"] == __version__
    assert known.command.startswith("alexnet")
    again = Run.read(trained)
    assert again.provenance == known


def test_what_is_shared_has_no_names_of_folders(trained):
    run = Run.read(trained)
    known = dataclasses.replace(
        run.provenance, command="alexnet train /home/x", config="/home/x/r.toml"
    )
    found = shipped(dataclasses.replace(run, provenance=known))
    assert "/home" not in found.text() and found.provenance.config == "r.toml"
    assert found.provenance.data_digest == known.data_digest


@pytest.mark.parametrize("change", [
    {"seconds": -1}, {"seconds": float("inf")}, {"data_digest": "x"}, {"hardware": {"a": 3}},
    {"images": {"train": -1}}, {"command": 3}, {"hardware": {"\x1b": "a"}},
])  # fmt: skip
def test_a_provenance_that_cannot_be_is_refused(run_copy, change):
    file = run_copy / "run.json"
    data = json.loads(file.read_text())
    data["provenance"] |= change
    file.write_text(json.dumps(data))
    with pytest.raises(RunError, match="run.json is damaged"):
        Run.read(run_copy)


def test_runs_of_the_first_versions_have_none(run_copy):
    file = run_copy / "run.json"
    data = json.loads(file.read_text())
    del data["provenance"]
    file.write_text(json.dumps(data))
    assert Run.read(run_copy).provenance == Provenance()
