"""Ray Train starts the workers, gives each its TF_CONFIG, and starts them again."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ClusterError, first_line
from .ray_cluster import Machines, connected

RESTARTS = 10
"""How often Ray starts all workers again after one has ended."""


def train_with_ray(arguments: Sequence[str], workers: int | None) -> None:
    """Have Ray run `alexnet ARGUMENTS --cluster tf-config` as each of its workers.

    By default there are as many as Ray has GPUs, or machines where it has none. When one
    ends, all are started again, and go on from the last checkpoint: `--out` has to be in
    a folder that all machines share.

    Raises:
        ClusterError: Ray is not installed, or its workers ended too often.
    """
    with connected(workers, log_to_driver=True) as machines:
        _train(machines, arguments)


def _train(machines: Machines, arguments: Sequence[str]) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.tensorflow import TensorflowTrainer

    ray = machines.ray
    gpus = int(ray.cluster_resources().get("GPU", 0))
    count = machines.workers or gpus or sum(x["Alive"] for x in ray.nodes())
    trainer = TensorflowTrainer(
        _run_worker,
        train_loop_config={"arguments": list(arguments), "folder": str(Path.cwd())},
        scaling_config=ScalingConfig(
            num_workers=count,
            use_gpu=gpus >= count,
            resources_per_worker=_resources(ray.cluster_resources(), count),
        ),
        run_config=RunConfig(
            storage_path=str(Path(tempfile.gettempdir()) / "alexnet-ray"),
            failure_config=FailureConfig(max_failures=RESTARTS),
        ),
    )
    try:
        trainer.fit()
    # Ray 2.45 does not name it, which is a RuntimeError there.
    except getattr(ray.train, "TrainingFailedError", RuntimeError) as error:
        raise ClusterError(f"--cluster ray: {first_line(error)}") from error


def _resources(resources: Mapping[str, float], count: int) -> dict[str, float]:
    """The share of each of `count` workers."""
    cores = max(1, int(resources.get("CPU", 1)) // count)
    return {"CPU": cores, **({"GPU": 1} if resources.get("GPU", 0) >= count else {})}


def _run_worker(config: dict[str, Any]) -> None:
    """Train as one worker, in a process of its own, which TensorFlow's collectives need.

    When it ends, those of the others notice; this one of Ray's would stay.
    """
    command = [sys.executable, "-m", "alexnet_cli", *config["arguments"]]
    done = subprocess.run(
        [*command, "--cluster", "tf-config"],
        cwd=config["folder"],
        env=dict(os.environ),
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a worker ended with exit code {done.returncode}")


def without_ray(arguments: Sequence[str]) -> list[str]:
    """`arguments` less --cluster and --workers, and their values."""
    rest, found = iter(arguments), []
    for word in rest:
        if word in ("--cluster", "--workers"):
            next(rest, None)
        elif not word.startswith(("--cluster=", "--workers=")):
            found.append(word)
    return found
