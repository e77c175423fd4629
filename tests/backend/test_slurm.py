"""Workers of a Slurm step are found by TensorFlow's resolver."""

import pytest

from alexnet_cli.backend.slurm import slurm_cluster
from alexnet_cli.backend.workers import join
from alexnet_cli.errors import ClusterError

STEP = {
    "SLURM_JOB_ID": "12345", "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "node[2,10]", "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rank", "node", "local"),
    [(0, "node2", 0), (1, "node2", 1), (2, "node10", 0), (3, "node10", 1)],
)
def test_each_task_of_a_slurm_step_finds_its_own_address(monkeypatch, rank, node, local):
    own = {"SLURM_PROCID": rank, "SLURMD_NODENAME": node, "SLURM_LOCALID": local}
    step = {**STEP, **{k: str(v) for k, v in own.items()}}
    for name, value in step.items():
        monkeypatch.setenv(name, value)
    found = slurm_cluster(step)
    assert sorted(found.addresses) == sorted(
        f"{x}:{22345 + i}" for x in ("node2", "node10") for i in (0, 1)
    )
    assert found.addresses[found.index] == f"{node}:{22345 + local}"


def test_without_srun_it_is_said(monkeypatch):
    for name in (*STEP, "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ClusterError, match="start the command with srun"):
        join("slurm", "auto", {})
