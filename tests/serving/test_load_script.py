"""The benchmark of the server runs, and both servers answer it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="FastAPI, which the benchmark compares with")
SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmarks" / "serving.py"


@pytest.mark.slow
def test_the_benchmark_loads_both_servers(trained):
    words = [
        SCRIPT,
        trained,
        "--seconds",
        "1",
        "--rounds",
        "1",
        "--connections",
        "4",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=True
    )
    ours, other = map(json.loads, done.stdout.splitlines())
    assert (ours["server"], other["server"]) == ("alexnet serve", "FastAPI + model.predict")
    for found in (ours, other):
        assert found["errors"] == 0 and found["requests"] > 0
        assert 0 < found["p50_ms"] <= found["p99_ms"]
        assert found["mib_start"] > 0 and found["mib_end"] > 0
