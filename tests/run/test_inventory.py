"""Runs are found by folders' entries, in bounds, and links lead in no circle."""

import os

import pytest

from alexnet_cli.run import inventory
from alexnet_cli.run.inventory import find_runs


def make(folder, *names):
    """Run directories below `folder`, as far as their names matter."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "run.json").touch()
    return folder


def names(found, folder):
    return [x.relative_to(folder).as_posix() for x in found.runs]


def test_runs_at_any_depth_are_found(tmp_path):
    make(tmp_path, "b", "a/x/y", "a/z", ".b.new-0123abcd", ".hidden/run")
    (tmp_path / "data" / "red").mkdir(parents=True)
    (tmp_path / "data" / "red" / "1.jpg").touch()
    found = find_runs(tmp_path)
    assert names(found, tmp_path) == [".b.new-0123abcd", "a/x/y", "a/z", "b"]
    assert found.notes == []


def test_what_is_in_a_run_is_not_looked_at(tmp_path):
    make(tmp_path, "a", "a/logs/inner")
    assert names(find_runs(tmp_path), tmp_path) == ["a"]
    # But in the folder that was named: it may hold somebody else's run.json.
    assert find_runs(tmp_path / "a").runs == [tmp_path / "a", tmp_path / "a/logs/inner"]


def test_virtual_environments_are_not_looked_into(tmp_path):
    make(tmp_path, "run", "env/lib/package/run")
    (tmp_path / "env/pyvenv.cfg").touch()
    (tmp_path / "env" / "/".join("d" * (inventory.MOST_LEVELS + 2))).mkdir(parents=True)
    found = find_runs(tmp_path)
    assert names(found, tmp_path) == ["run"] and found.notes == []
    assert find_runs(tmp_path / "env").runs, "but where one was named"


def test_exported_models_are_no_runs(tmp_path):
    make(tmp_path, "exported", "link-target/exported")
    for x in ("exported", "link-target/exported"):
        (tmp_path / x / "export.json").touch()
    (tmp_path / "link").symlink_to("link-target/exported")
    assert find_runs(tmp_path).runs == []


def test_links_to_runs_count_once_and_others_are_not_followed(tmp_path):
    inside = make(tmp_path / "inside", "a", "b/c")
    make(tmp_path / "outside", "d", "more/e")
    (inside / "latest").symlink_to("b/c")
    (inside / "elsewhere").symlink_to("../outside/d")
    (inside / "again").symlink_to("../outside/d")
    (inside / "up").symlink_to("..")
    (inside / "b" / "circle").symlink_to("../b")
    (inside / "self").symlink_to("self")
    (inside / "nowhere").symlink_to("nothing")
    found = find_runs(inside)
    assert names(found, inside) in (["a", "b/c", "elsewhere"], ["a", "again", "b/c"])


def test_a_link_that_cannot_be_followed_is_passed_over(tmp_path):
    make(tmp_path, "a")
    # Not even root may read where the first process of others is.
    (tmp_path / "x").symlink_to("/proc/1/cwd")
    assert names(find_runs(tmp_path), tmp_path) == ["a"]


def test_the_number_of_folders_is_bounded(tmp_path, monkeypatch):
    make(tmp_path, "a", "z")
    for i in range(20):
        (tmp_path / "many" / f"{i:02}").mkdir(parents=True)
    monkeypatch.setattr(inventory, "MOST_FOLDERS", 10)
    found = find_runs(tmp_path)
    assert names(found, tmp_path) == ["a", "z"]
    assert found.notes == ["more than 10 folders: not all looked into"]


def test_the_depth_is_bounded(tmp_path):
    make(tmp_path, "/".join("abcdefgh"), "/".join("ABCDEFGHI"))
    found = find_runs(tmp_path)
    assert names(found, tmp_path) == ["a/b/c/d/e/f/g/h"]
    assert found.notes == ["folders more than 8 deep: not looked into"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_a_note(tmp_path):
    make(tmp_path, "a", "closed/b")
    (tmp_path / "closed").chmod(0)
    try:
        found = find_runs(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert names(found, tmp_path) == ["a"]
    assert found.notes == [f"{tmp_path / 'closed'}: Permission denied"]


@pytest.mark.parametrize("make_it", [lambda x: None, lambda x: x.touch()])
def test_a_folder_that_is_none_is_an_error(tmp_path, make_it):
    make_it(tmp_path / "x")
    with pytest.raises(OSError):
        find_runs(tmp_path / "x")
