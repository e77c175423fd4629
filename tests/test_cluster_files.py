"""The job files of docs/cluster/ start workers that find each other."""

import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from alexnet_cli.backend.cluster import tf_config_cluster

FILES = Path(__file__).parents[1] / "docs" / "cluster"


@pytest.mark.parametrize("index", [0, 3])
def test_each_pod_of_the_kubernetes_job_is_one_of_its_workers(tmp_path, index):
    text = (FILES / "kubernetes.yaml").read_text()
    code = textwrap.dedent(re.search(r"- \|\n(.*?)\n          ports:", text, re.DOTALL)[1])
    command = tmp_path / "alexnet"
    command.write_text('#!/bin/sh\nprintf %s "$TF_CONFIG"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", "-ec", code], capture_output=True, text=True, check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "JOB_COMPLETION_INDEX": str(index)},
    )  # fmt: skip
    found = tf_config_cluster({"TF_CONFIG": done.stdout})
    count = int(re.search(r"completions: (\d+)", text)[1])
    name = re.search(r"subdomain: (\w+)", text)[1]
    port = re.search(r"containerPort: (\d+)", text)[1]
    assert found.addresses == tuple(f"alexnet-{i}.{name}:{port}" for i in range(count))
    assert found.index == index


def test_the_slurm_script_is_one_that_bash_reads():
    subprocess.run(["bash", "-n", FILES / "slurm.sh"], check=True)
