"""What Ray computes comes in order; its workers that end are started again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import fails, free_addresses, tree

from alexnet_cli.api.ray_cluster import MISSING, connected
from alexnet_cli.errors import ClusterError

KILLED_ONCE = """
import os, sys
from functools import partial
from pathlib import Path
from alexnet_cli.api.ray_cluster import connected
from alexnet_cli.errors import DatasetError

def make(bad):
    def work(x):
        if x == 5 and not Path("killed").exists():
            Path("killed").touch()
            os._exit(9)
        if x == bad:
            raise DatasetError("7 is bad")
        if x == -bad:
            raise KeyError("not ours")
        return x * x
    return work

with connected(2) as machines:
    found = list(machines.map(partial(make, int(sys.argv[1])), range(12)))
print(found)
"""


@pytest.mark.parametrize("command", ["predict", "prepare"])
def test_without_ray_its_extra_is_named(command, trained, toy, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    words = (
        ["predict", "--model", trained]
        if command == "predict"
        else ["prepare", "--arch", "tiny"]
    )
    fails(3, MISSING, *words, toy, "--out", tmp_path / "x.csv", "--cluster", "ray")


def test_a_cluster_that_is_not_there_is_one_line(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", free_addresses(1)[0])
    with pytest.raises(ClusterError, match="cannot be reached at RAY_ADDRESS 127.0.0.1:"):
        with connected():
            pass


def command(*words, cwd):
    """`alexnet WORDS` in a process, which Ray ends with."""
    return subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, cwd=cwd,
        timeout=300, check=False, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


@pytest.mark.slow
def test_a_worker_that_ends_is_started_again(tmp_path):
    pytest.importorskip("ray")
    done = command("-c", KILLED_ONCE, 99, cwd=tmp_path)
    assert done.stdout.strip() == str([x * x for x in range(12)]), done.stderr
    assert (tmp_path / "killed").exists()
    failed = command("-c", KILLED_ONCE, 7, cwd=tmp_path)
    assert failed.stderr.rstrip().endswith("DatasetError: 7 is bad")
    failed = command("-c", KILLED_ONCE, -3, cwd=tmp_path)
    assert failed.stderr.rstrip().endswith(
        "ClusterError: --cluster ray: KeyError: 'not ours'"
    )


@pytest.mark.slow
def test_the_commands_write_what_they_write_alone(trained, toy, tmp_path):
    pytest.importorskip("ray")
    alexnet = "-m", "alexnet_cli"
    predict = *alexnet, "predict", "--model", trained, toy, "none.jpg", "--out"
    prepare = *alexnet, "prepare", toy, "--arch", "tiny", "--images-per-shard", 7, "--out"
    for name, ray in (("alone", ()), ("ray", ("--cluster", "ray", "--workers", 2))):
        assert command(*predict, f"{name}.csv", *ray, cwd=tmp_path).returncode == 1
        done = command(*prepare, name, *ray, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "alone") == tree(tmp_path / "ray")
    assert (tmp_path / "alone.csv").read_bytes() == (tmp_path / "ray.csv").read_bytes()
