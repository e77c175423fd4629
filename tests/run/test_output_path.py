"""Output files: links are followed, devices and pipes written to, modes kept, nothing left."""

import errno
import gzip
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from helpers import python

from alexnet_cli.backend.whole_file import part_of
from alexnet_cli.errors import RunError
from alexnet_cli.run.files import replacing, write_csv, write_page, write_text
from alexnet_cli.run.output_path import (
    is_stream,
    require_writable,
    require_writable_folder,
)

WRITE = """
import sys
from pathlib import Path
from alexnet_cli.run.files import write_text
write_text(Path(sys.argv[1]), sys.argv[2] * int(sys.argv[3]))
"""
NOBODY = "import os; os.setgid(65534); os.setuid(65534)\n" if os.getuid() == 0 else ""
CHECK = """
import sys
from pathlib import Path
from alexnet_cli.errors import RunError
from alexnet_cli.backend.whole_file import part_of
from alexnet_cli.run.output_path import require_writable
{nobody}
for name in sys.argv[1:]:
    try:
        require_writable(Path(name), "--csv")
        print("fine")
    except RunError as error:
        print(error)
"""


def names(folder):
    return sorted(os.listdir(folder))


def test_where_a_link_leads_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "a.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to("there/a.csv")
    again = tmp_path / "again.csv"
    again.symlink_to(link)
    for file in (link, again):
        write_text(file, file.name)
        assert real.read_text() == file.name and link.is_symlink() and again.is_symlink()
    assert names(tmp_path) == ["again.csv", "link.csv", "there"]
    assert names(tmp_path / "there") == ["a.csv"]


def test_a_link_to_nothing_is_where_the_file_is_made(tmp_path):
    link = tmp_path / "link.html"
    link.symlink_to(tmp_path / "new" / "page.html")
    write_page(link, "<p>")
    assert link.is_symlink() and (tmp_path / "new" / "page.html").read_text() == "<p>"


def test_links_in_a_circle_are_an_error(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError) as caught:
        write_text(tmp_path / "a", "x")
    assert caught.value.errno == errno.ELOOP
    with pytest.raises(RunError, match="--csv .*/a: Too many levels of symbolic links"):
        require_writable(tmp_path / "a", "--csv")


def test_a_file_keeps_its_mode_and_a_new_one_follows_the_umask(tmp_path):
    file, before = tmp_path / "a.csv", os.umask(0o027)
    try:
        write_csv(file, ["x"], [])
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        for mode in (0o600, 0o664, 0o444, 0o755):
            file.chmod(mode)
            write_csv(file, ["x"], [[mode]])
            assert stat.S_IMODE(file.stat().st_mode) == mode
    finally:
        os.umask(before)


def test_another_name_of_the_old_file_keeps_the_old_content(tmp_path):
    """As backups by hard links have it: what was written before is never lost."""
    (tmp_path / "a").write_text("old")
    (tmp_path / "backup").hardlink_to(tmp_path / "a")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "backup").read_text() == "old"


def test_a_device_is_written_to_and_stays_one():
    before = Path("/dev/null").stat()
    for name in ("/dev/null", "/dev/zero"):
        write_text(Path(name), "x" * 100_000)
    after = Path("/dev/null").stat()
    assert stat.S_ISCHR(after.st_mode) and after.st_ino == before.st_ino


def test_a_full_disk_is_one_error_with_the_name():
    with pytest.raises(OSError) as caught:
        write_text(Path("/dev/full"), "x")
    error = caught.value
    assert (error.errno, error.filename) == (errno.ENOSPC, "/dev/full")


def test_an_error_while_writing_names_the_file_and_leaves_no_part(tmp_path):
    """A limit of the system stands for a full disk; it is met in the middle of the file."""
    file = tmp_path / "a.csv"
    file.write_text("old")
    done = python(
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)){WRITE}",
        file,
        "x",
        10_000,
    )
    assert done.stderr.splitlines()[-1] == f"OSError: [Errno 27] File too large: '{file}'"
    assert file.read_text() == "old" and names(tmp_path) == ["a.csv"]


def test_a_pipe_is_given_all_of_it(tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "x" * 300_000)
    reader.join()
    assert found == ["x" * 300_000] and stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == ["pipe"]


def test_a_process_substitution_is_given_all_of_it(tmp_path):
    command = f'"$0" -c "$1" >(gzip > {tmp_path}/a.gz) word, 50000; wait'
    subprocess.run(["bash", "-c", command, sys.executable, WRITE], check=True, timeout=60)
    for _ in range(100):
        # Bash does not wait for it everywhere.
        if (tmp_path / "a.gz").exists() and (tmp_path / "a.gz").stat().st_size:
            break
        time.sleep(0.05)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"word," * 50_000


def test_a_pipe_whose_reader_ends_is_an_error():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(RunError, match="what reads it ended before all was written"):
            write_text(Path(f"/dev/fd/{writing}"), "x")
    finally:
        os.close(writing)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_goes_on_where_it_is(tmp_path, name):
    """Redirected to a file, that is neither replaced nor begun anew."""
    code = f"print('before', flush=True){WRITE}print('after', flush=True)"
    with (tmp_path / "all.txt").open("wb") as out:
        subprocess.run([sys.executable, "-c", code, name, "x", "3"], stdout=out, check=True)
    assert (tmp_path / "all.txt").read_text() == "before\nxxxafter\n"


def test_a_part_of_a_killed_process_goes_with_the_next_write(tmp_path):
    file, innocent = tmp_path / "a.csv", tmp_path / "innocent"
    innocent.write_text("kept")
    part_of(file).write_text("half")
    write_text(file, "1")
    assert names(tmp_path) == ["a.csv", "innocent"]
    part_of(file).symlink_to(innocent)
    write_text(file, "2")
    assert names(tmp_path) == ["a.csv", "innocent"] and innocent.read_text() == "kept"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_part(tmp_path, number):
    code = """
import sys, time
from pathlib import Path
from alexnet_cli.backend.signals import raising_signals
from alexnet_cli.run.files import replacing
with raising_signals(), replacing(Path(sys.argv[1])) as part:
    part.write_text("half"); print("now", flush=True); time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "a"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == b"now\n" and names(tmp_path) == [".part.a"]
        process.send_signal(number)
        assert process.wait(30) != 0
    assert names(tmp_path) == []


def test_a_long_name_has_a_part_too(tmp_path):
    for name in ("x" * 251 + ".csv", "x" * 249 + ".h5", "\u00fc" * 125 + ".npy"):
        write_text(tmp_path / name, "x")
        assert part_of(tmp_path / name).suffix == Path(name).suffix
    assert not any(x.startswith(".part") for x in names(tmp_path))


def test_a_folder_is_an_error_before_the_block(tmp_path):
    with pytest.raises(IsADirectoryError), replacing(tmp_path):
        pytest.fail("the block has begun")


def test_what_can_be_written_is_fine_and_nothing_is_made(tmp_path):
    (tmp_path / "old.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("none.csv")
    os.mkfifo(tmp_path / "pipe")
    for name in ("old.csv", "link.csv", "pipe", "new.csv", "new/deep/er/a.csv"):
        require_writable(tmp_path / name, "--csv")
    for name in ("/dev/null", "/dev/stdout", "a.csv"):
        require_writable(Path(name), "--csv")
    require_writable_folder(tmp_path / "new" / "deep", "--draw")
    assert names(tmp_path) == ["link.csv", "old.csv", "pipe"]
    assert (tmp_path / "old.csv").read_text() == "old"


@pytest.mark.parametrize("name, reason", [
    ("folder", " is a folder"), ("file/a.csv", ": Not a directory"), ("file/b/a.csv", ": Not a directory"),
    ("lost/a.csv", ": lost is a link to nothing"), ("x" * 300, ": File name too long"),
    ("/dev/fd/987", ": No such file or directory"), ("", " is a folder"), ("link", " is a folder"),
])  # fmt: skip
def test_what_cannot_be_written_is_said_before_the_work(
    tmp_path, monkeypatch, name, reason
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to("nowhere")
    (tmp_path / "link").symlink_to("folder")
    with pytest.raises(RunError) as caught:
        require_writable(Path(name), "--csv")
    assert str(caught.value).startswith("--csv ") and reason in str(caught.value)
    assert str(caught.value).endswith("; choose another file")


def test_without_permission_it_is_said_before_the_work(tmp_path):
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    (tmp_path / "closed").mkdir(mode=0o555)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "read_only.csv").touch(0o444)
    files = [
        tmp_path / x
        for x in ("closed/a.csv", "closed/new/a.csv", "open/read_only.csv", "open/a.csv")
    ]
    lines = python(CHECK.format(nobody=NOBODY), *files).stdout.splitlines()
    text = f"no permission to write into {tmp_path}/closed; choose another file"
    assert lines == [
        f"--csv {files[0]}: {text}", f"--csv {files[1]}: {text}",
        f"--csv {files[2]} cannot be written to; choose another file", "fine",
    ]  # fmt: skip


def test_a_folder_to_write_into_and_not_to_list(tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    (tmp_path / "box").mkdir()
    (tmp_path / "box").chmod(0o733)
    code = WRITE.replace("write_text(Path(", f"{NOBODY}write_text(Path(")
    done = python(code, tmp_path / "box" / "a.csv", "x", 3)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "box" / "a.csv").read_text() == "xxx"


def test_a_socket_is_refused(tmp_path, monkeypatch):
    import socket

    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as found:
        found.bind("s")
        assert is_stream(Path("s"))
        with pytest.raises(RunError, match="--csv s is a socket"):
            require_writable(Path("s"), "--csv")
