"""Free memory ends at the tightest limit of all control groups that a process is in."""

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from alexnet_cli.backend import memory
from alexnet_cli.backend.memory import free_memory

FREE = 4_000_000
NO_LIMIT = "9223372036854771712"


@pytest.fixture(autouse=True)
def system(monkeypatch):
    """A system with FREE bytes."""
    state = SimpleNamespace(available=FREE)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: state)


def group(folder, limit, used, cached=0, version=2):
    """A control group at `folder`."""
    names = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
             2: ("memory.max", "memory.current", "inactive_file")}[version]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file 3\n{names[2]} {cached}\n")


def free(tmp_path, lines):
    """Free memory of a process in the groups `lines`, mounted at tmp_path / "fs"."""
    (tmp_path / "cgroup").write_text("".join(f"{x}\n" for x in lines))
    return free_memory(tmp_path / "cgroup", tmp_path / "fs")


def test_without_groups_it_is_what_the_system_has(tmp_path):
    assert free_memory(tmp_path / "none", tmp_path / "none") == FREE
    assert free(tmp_path, []) == FREE
    assert free(tmp_path, ["0::/a", "nonsense", "", "3:cpu:/"]) == FREE


@pytest.mark.parametrize("limits, expected", [
    (("max", "max", "max"), FREE),
    (("max", 3000, "max"), 2000),
    (("max", "max", 3000), 2000),
    ((2500, 3000, 3500), 1500),
    ((9_000_000, "max", 8_000_000), FREE),
])  # fmt: skip
def test_a_limit_anywhere_above_counts(tmp_path, limits, expected):
    for folder, limit in zip(
        ("fs", "fs/user.slice", "fs/user.slice/app"), limits, strict=True
    ):
        group(tmp_path / folder, limit, 1000)
    assert free(tmp_path, ["0::/user.slice/app"]) == expected


def test_the_limits_of_other_groups_do_not_count(tmp_path):
    group(tmp_path / "fs" / "own", 3000, 1000)
    group(tmp_path / "fs" / "other", 2000, 1999)
    group(tmp_path / "fs" / "own" / "below", 2000, 1999)
    assert free(tmp_path, ["0::/own"]) == 2000


def test_groups_of_the_first_kind_are_nested_too(tmp_path):
    root = tmp_path / "fs" / "memory"
    group(root, NO_LIMIT, 5000, version=1)
    group(root / "docker", 8000, 5000, cached=500, version=1)
    group(root / "docker" / "abc", NO_LIMIT, 2000, version=1)
    lines = ["5:devices:/docker/abc", "4:cpu,memory:/docker/abc", "1:name=systemd:/"]
    assert free(tmp_path, lines) == 3500


def test_both_kinds_at_once(tmp_path):
    group(tmp_path / "fs" / "memory" / "job", 7000, 1000, version=1)
    (tmp_path / "fs" / "unified").mkdir()
    assert free(tmp_path, ["4:memory:/job", "0::/"]) == 6000
    group(tmp_path / "fs", 3000, 1000)
    assert free(tmp_path, ["4:memory:/job", "0::/"]) == 2000


@pytest.mark.parametrize("path", ["/docker/abc", "/../other", "/"])
def test_in_a_container_the_root_is_the_group(tmp_path, path):
    group(tmp_path / "fs", 3000, 1000)
    group(tmp_path / "fs" / "memory", 2500, 1000, version=1)
    group(tmp_path / "other", 1001, 1000)
    assert free(tmp_path, [f"0::{path}"]) == 2000
    assert free(tmp_path, [f"4:memory:{path}"]) == 1500


def test_page_cache_of_no_use_is_free(tmp_path):
    group(tmp_path / "fs", 3000, 2900, cached=900)
    assert free(tmp_path, ["0::/"]) == 1000
    group(tmp_path / "fs", 3000, 2900, cached=99_999)
    assert free(tmp_path, ["0::/"]) == 3000


def test_beyond_the_limit_nothing_is_free(tmp_path):
    group(tmp_path / "fs", 3000, 3500)
    assert free(tmp_path, ["0::/"]) == 0


@pytest.mark.parametrize("broken", ["memory.max", "memory.current"])
def test_a_group_that_cannot_be_read_has_no_limit(tmp_path, broken):
    group(tmp_path / "fs", 3000, 1000)
    (tmp_path / "fs" / "memory.stat").write_bytes(b"\xff\xff")
    assert free(tmp_path, ["0::/"]) == 2000
    (tmp_path / "fs" / broken).unlink()
    (tmp_path / "fs" / broken).mkdir()
    assert free(tmp_path, ["0::/"]) == FREE


def test_a_list_of_groups_that_is_not_text_counts_the_root(tmp_path):
    group(tmp_path / "fs", 3000, 1000)
    (tmp_path / "cgroup").write_bytes(b"\xff\xfe")
    assert free_memory(tmp_path / "cgroup", tmp_path / "fs") == 2000


def test_a_system_that_tells_nothing_has_nothing(tmp_path, monkeypatch):
    def unreadable():
        raise FileNotFoundError("/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", unreadable)
    assert free_memory(tmp_path, tmp_path) == 0


def test_nothing_needs_sysconf(monkeypatch):
    monkeypatch.undo()
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert free_memory() >= 0


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="needs Linux")
def test_it_is_what_this_system_says(monkeypatch):
    monkeypatch.undo()
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 0 < free_memory() < total
    paths = [str(memory.PROC), str(memory.MOUNT)]
    assert paths == ["/proc/self/cgroup", "/sys/fs/cgroup"]
