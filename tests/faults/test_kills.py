"""A training that is killed again and again ends with the weights of one that was not.

`scripts/experiments/kills.py` does the same on real images, 200 times.
"""

import random
import sys
from pathlib import Path

import pytest
from helpers import TINY, draw_toy

sys.path.insert(0, str(Path(__file__).parent))

import harness

OPTIONS = (
    "--epochs 3 --ema 0.9 --hflip --crop-area 0.5 --deterministic --checkpoint-minutes 0.01"
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and watched")
def test_ten_kills_change_nothing(tmp_path):
    toy = draw_toy(tmp_path / "toy", each=8)
    words = ("--data", str(toy), *TINY, *OPTIONS.split())
    with harness.Forks() as runner:
        bench = harness.KillBench(tmp_path, runner, words, random.Random(0))
        found = bench.killed(10)
    assert not found.differences and found.kills == 10
    assert found.resumed > 1, "the kills came too early to tell anything"
