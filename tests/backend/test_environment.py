"""What is said about this machine is what others say about it."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from alexnet_cli import __version__
from alexnet_cli.backend import environment


def test_versions_are_those_of_the_packages():
    found = environment.versions()
    assert found.pop("alexnet") == __version__
    assert found.pop("python") == platform.python_version()
    found.pop("commit", None)
    assert found == {x: metadata.version(x) for x in environment.PACKAGES}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A Git checkout of which this package would be a part."""
    (tmp_path / "alexnet_cli/backend").mkdir(parents=True)
    file = tmp_path / "alexnet_cli/backend/environment.py"
    file.write_text("")
    monkeypatch.setattr(environment, "__file__", str(file))

    def git(*words):
        names = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", "-C", tmp_path, *names, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    return tmp_path, git


def test_the_commit_is_gits_and_says_whether_files_have_changed(checkout):
    folder, git = checkout
    assert environment.source_commit() == ""
    git("init", "-q")
    assert environment.source_commit() == "", "nothing is committed"
    git("add", ".")
    git("commit", "-qm", "one")
    commit = git("rev-parse", "--short=12", "HEAD")
    assert environment.source_commit() == commit
    (folder / "alexnet_cli/backend/environment.py").write_text("x = 1")
    assert environment.source_commit() == f"{commit}+"


def committed(folder, git):
    """The commit of a new repository in `folder`."""
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    return git("rev-parse", "HEAD")[:12]


@pytest.mark.parametrize(
    "state", ["loose", "packed", "detached", "worktree", "packed worktree"]
)
def test_without_git_its_files_tell_the_commit(checkout, monkeypatch, tmp_path, state):
    folder, git = checkout
    commit = committed(folder, git)
    if "worktree" in state:
        git("worktree", "add", "-q", folder / "tree")
        file = folder / "tree/alexnet_cli/backend/environment.py"
        monkeypatch.setattr(environment, "__file__", str(file))
    if "packed" in state:
        git("pack-refs", "--all")
    if state == "detached":
        git("checkout", "-q", "--detach")
    assert environment.source_commit() == commit
    monkeypatch.setenv("PATH", str(folder))
    assert environment.source_commit() == f"{commit}?"


def test_without_git_and_without_a_commit_there_is_none(checkout, monkeypatch):
    folder, git = checkout
    git("init", "-q")
    monkeypatch.setenv("PATH", str(folder))
    assert environment.source_commit() == ""
    (folder / ".git" / "HEAD").write_bytes(b"\xff")
    assert environment.source_commit() == ""


def test_variables_of_another_repository_do_not_matter(checkout, monkeypatch):
    folder, git = checkout
    commit = committed(folder, git)
    monkeypatch.setenv("GIT_DIR", str(folder / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(folder / "other" / "index"))
    assert environment.source_commit() == commit


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_checkout_of_another_user_has_its_commit(checkout, monkeypatch):
    folder, git = checkout
    commit = committed(folder, git)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534)
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert environment.source_commit() == commit


def test_the_hardware_is_this_machines():
    found = environment.hardware()
    cores = len(os.sched_getaffinity(0))
    assert found["cores"] == f"{cores} usable of {os.cpu_count()}"
    assert float(found["memory"].split()[0]) == pytest.approx(
        psutil.virtual_memory().total / 2**30, abs=0.1
    )
    words = Path("/proc/cpuinfo").read_text().split()
    named = found["processor"].rpartition("(")[2].strip(")").split()
    assert set(named) <= set(words) or named[0] == "extensions"
    assert platform.machine() in found["system"]


def test_only_variables_that_matter_are_shown(monkeypatch):
    for name in ("TF_ENABLE_ONEDNN_OPTS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "1")
    for name in ("TF_CLI_CONFIG_FILE", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "MY_TF_GPU_X"):
        monkeypatch.setenv(name, "secret")
    found = environment.environment()
    assert {"TF_ENABLE_ONEDNN_OPTS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"} <= set(
        found
    )
    assert "secret" not in found.values()
    assert found["devices"].startswith("CPU")
    assert found["--precision auto"] in ("float32", "mixed_bfloat16")


def test_gpus_are_named_and_auto_is_that_of_the_first(monkeypatch):
    import tensorflow as tf

    details = {
        "one": {"device_name": "Tesla T4", "compute_capability": (7, 5)},
        "two": {"device_name": "NVIDIA A100", "compute_capability": (8, 0)},
    }
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: list(details))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details.get)
    found = environment.environment()
    assert found["devices"] == "CPU, Tesla T4, NVIDIA A100"
    assert found["--precision auto"] == "mixed_float16"
