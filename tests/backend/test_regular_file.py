"""Only files are read, never more of them than was asked for."""

import os

import pytest

from alexnet_cli.backend.regular_file import open_regular, read_regular


def test_a_file_is_read_whole(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    assert read_regular(file, 3) == b"abc"
    (tmp_path / "link").symlink_to(file)
    assert read_regular(tmp_path / "link", 99) == b"abc"
    with open_regular(file) as opened:
        assert opened.read(2) == b"ab"


def test_a_larger_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"abcd")
    with pytest.raises(OSError, match="larger than 3 bytes"):
        read_regular(tmp_path / "a", 3)
    os.truncate(tmp_path / "a", 2**40)  # of which the disk has nothing
    with pytest.raises(OSError, match="larger than 1,000 bytes"):
        read_regular(tmp_path / "a", 1000)


@pytest.mark.parametrize("what", ["pipe", "device", "endless", "folder", "nothing"])
def test_what_is_not_a_file_is_refused_at_once(tmp_path, what):
    path = tmp_path / "a"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what != "nothing":
        path.symlink_to("/dev/tty" if what == "device" else "/dev/zero")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError) as caught:
        read_regular(path, 10)
    assert caught.value.strerror
    assert len(os.listdir("/proc/self/fd")) == len(before)
