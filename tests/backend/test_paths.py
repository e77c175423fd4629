"""Every folder has a path in UTF-8, and the descriptors for that are closed again."""

import os
from pathlib import Path

import pytest

from alexnet_cli.backend import paths
from alexnet_cli.backend.paths import utf8_path
from alexnet_cli.errors import AlexNetError

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="the system has no paths of descriptors"
)


@pytest.fixture
def odd(tmp_path):
    """A folder whose name is not UTF-8."""
    folder = tmp_path / os.fsdecode(b"run\xff")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    return folder


@pytest.mark.parametrize("name", ["run", "a b", "цветок", "e\u0301", "\U0001f337"])
def test_a_name_in_utf8_is_used_as_it_is(tmp_path, name):
    with utf8_path(tmp_path / name) as path:
        assert path == tmp_path / name


@needs_proc
def test_another_name_is_the_same_folder(odd):
    count = len(os.listdir("/proc/self/fd"))
    with utf8_path(odd) as path:
        str(path).encode("ascii")
        assert path.samefile(odd)
        (path / "new").mkdir()
        (path / "new" / "file").write_text("x")
        (path / "new").rename(path / "moved")
    assert (odd / "moved" / "file").read_text() == "x"
    assert not path.exists() and len(os.listdir("/proc/self/fd")) == count
    with pytest.raises(ZeroDivisionError), utf8_path(odd):
        raise ZeroDivisionError
    assert len(os.listdir("/proc/self/fd")) == count


def test_a_system_without_paths_of_descriptors_says_so(odd, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "Path", lambda path: tmp_path / "none")
    with pytest.raises(AlexNetError, match=r"run\\xff is not UTF-8; change it$"):
        with utf8_path(odd):
            pass
