"""Downloads resume, are checked, and unpack nowhere but where they should."""

import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, replace
from pathlib import Path

import portalocker
import pytest
from helpers import alexnet, python
from local_server import Server

from alexnet_cli.dataset import http
from alexnet_cli.dataset.download import FLOWERS, IMAGENET, cache_folder, download
from alexnet_cli.errors import DownloadError


def archive(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


GOOD = archive(
    ("flower_photos/roses/a.jpg", b"x" * 300_000), ("flower_photos/LICENSE.txt", b"CC")
)


def none(done, count):
    assert 0 < done <= count


def test_fetches_checks_and_unpacks(tmp_path):
    with Server(GOOD) as server:
        folder = download(server.source(), tmp_path / "data", none)
        assert folder == tmp_path / "data" / "flower_photos"
        assert (folder / "roses" / "a.jpg").stat().st_size == 300_000
        download(server.source(), tmp_path / "data", none)
        assert len(server.asked) == 1
    assert [x.name for x in (tmp_path / "data").iterdir()] == ["flower_photos"]


@pytest.mark.parametrize("ranges", [True, False])
def test_goes_on_where_it_stopped(tmp_path, ranges):
    with Server(GOOD, cut=100, ranges=ranges) as server:
        with pytest.raises(DownloadError, match="cut short|broke"):
            download(server.source(), tmp_path, none)
        assert (tmp_path / "flower_photos.tgz.part").stat().st_size == 100
        server.cut = None
        download(server.source(), tmp_path, none)
        assert server.asked[1] == "bytes=100-"
    assert (tmp_path / "flower_photos" / "roses" / "a.jpg").exists()


def test_a_complete_part_is_not_fetched_again(tmp_path):
    (tmp_path / "flower_photos.tgz.part").write_bytes(GOOD)
    with Server(GOOD) as server:
        download(server.source(), tmp_path, none)
        assert server.asked == []


def test_the_wrong_file_is_removed(tmp_path):
    with Server(GOOD) as server:
        other = server.source(GOOD[:-1] + b"!")
        with pytest.raises(DownloadError, match="SHA-256 is .* not "):
            download(other, tmp_path, none)
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_is_too_long_starts_again(tmp_path):
    part = tmp_path / "flower_photos.tgz.part"
    part.write_bytes(bytes(len(GOOD) + 1))
    with Server(GOOD) as server:
        download(server.source(), tmp_path, none)
        assert server.asked == [""]
    assert (tmp_path / "flower_photos").is_dir()


def test_all_digits_count(tmp_path):
    with Server(GOOD) as server:
        whole = replace(server.source(), unpacks_to="")
        assert download(whole, tmp_path, none).read_bytes() == GOOD
        (tmp_path / "flower_photos.tgz").unlink()
        forged = whole.sha256[:-1] + ("0" if whole.sha256[-1] != "0" else "1")
        for digest in (forged, whole.sha256[:8], ""):
            with pytest.raises(DownloadError, match="SHA-256 is .*the file was removed"):
                download(replace(whole, sha256=digest), tmp_path, none)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [b"!", b""])
def test_a_file_in_the_cache_is_checked_again_each_time(tmp_path, change):
    with Server(GOOD) as server:
        source = replace(server.source(), unpacks_to="")
        file = download(source, tmp_path, none)
        file.write_bytes(GOOD[:-1] + change)
        for _ in range(2):
            with pytest.raises(DownloadError) as error:
                download(source, tmp_path, none)
            assert str(error.value).startswith(f"{file}: ")
            assert str(error.value).endswith("; delete it to fetch it again")
        file.unlink()
        assert download(source, tmp_path, none).read_bytes() == GOOD


def answering(*chunks):
    """The address of a server that answers once with `chunks` and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as connection:
            connection.recv(4096)
            for x in chunks:
                connection.sendall(x)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/flower_photos.tgz"


@pytest.mark.parametrize("answer", [b"", b"no HTTP at all\r\n"])
def test_a_connection_that_breaks_is_an_error(tmp_path, answer):
    (tmp_path / "flower_photos.tgz.part").write_bytes(GOOD[:50])
    url = answering(answer)
    with Server(GOOD) as server:
        source = replace(server.source(), url=url)
    with pytest.raises(DownloadError) as error:
        download(source, tmp_path, none)
    broke = "the connection broke after 50 bytes; try again to resume"
    wrong = (
        "what answers is no web server (no HTTP at all); try another address with --mirror"
    )
    expected = f"{url}: {wrong if answer else broke}"
    assert str(error.value) == expected
    assert (tmp_path / "flower_photos.tgz.part").read_bytes() == GOOD[:50]


def test_a_silent_server_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener, Server(GOOD) as server:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        with pytest.raises(DownloadError, match="the connection broke after 0 bytes"):
            download(replace(server.source(), url=url), tmp_path, none)


def test_a_longer_file_is_refused(tmp_path):
    with (
        Server(GOOD + b"more" * 200_000) as server,
        pytest.raises(DownloadError, match="the server has .* bytes, not"),
    ):
        download(server.source(GOOD), tmp_path, lambda *_: None)


@pytest.mark.parametrize(
    "name,content",
    [
        ("../evil.txt", b"x"),
        ("flower_photos/../../evil.txt", b"x"),
        ("flower_photos/link", "/etc"),
        ("flower_photos/link", "../../.."),
    ],
)
def test_an_archive_that_reaches_outside_is_refused(tmp_path, name, content):
    data = archive(("flower_photos/a.jpg", b"x"), (name, content))
    with Server(data) as server, pytest.raises(DownloadError, match="cannot be unpacked"):
        download(server.source(), tmp_path / "in", none)
    assert sorted(x.name for x in tmp_path.rglob("*")) == ["flower_photos.tgz.part", "in"]


def test_an_archive_of_something_else(tmp_path):
    with Server(archive(("other/a.jpg", b"x"))) as server:
        with pytest.raises(DownloadError) as error:
            download(server.source(), tmp_path, none)
    part = tmp_path / "flower_photos.tgz.part"
    assert str(error.value) == f"{part} has no folder flower_photos"
    assert list(tmp_path.iterdir()) == [part]


def test_what_an_interrupted_unpacking_left_is_removed(tmp_path):
    left = tmp_path / ".flower_photos.part"
    (left / "flower_photos" / "old").mkdir(parents=True)
    with Server(GOOD) as server:
        download(server.source(), tmp_path, none)
    assert not left.exists() and not (tmp_path / "flower_photos" / "old").exists()


def test_servers_that_refuse_and_hosts_that_do_not_exist(tmp_path):
    with Server(GOOD, status=404) as server:
        source = server.source()
        with pytest.raises(DownloadError, match="the server responded 404 Not Found$"):
            download(source, tmp_path, none)
    with pytest.raises(DownloadError, match="no connection"):
        download(source, tmp_path / "new", none)
    assert list(tmp_path.iterdir()) == []


def test_the_command_checks_what_a_mirror_gives(tmp_path):
    with Server(GOOD) as server:
        result = alexnet(
            "fetch", "flowers", "--to", tmp_path, "--mirror", server.source().url
        )
    assert result.exit_code == 3
    assert f"the server has {len(GOOD)} bytes, not {FLOWERS.size}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_flowers_are_the_official_ones():
    assert FLOWERS.size == 228_813_984
    assert FLOWERS.sha256.startswith("4c54ace7911aaffe")
    assert FLOWERS.url.endswith("/example_images/flower_photos.tgz")


def test_weights_are_those_of_torchvision():
    """All digits, which begin with those that PyTorch publishes in the file's name."""
    assert IMAGENET.url.endswith(f"/{IMAGENET.name}")
    assert len(IMAGENET.sha256) == 64
    assert IMAGENET.name == f"alexnet-owt-{IMAGENET.sha256[:8]}.pth"
    # torchvision counts 61,100,840 parameters; the rest is the pickle around them.
    assert 0 < IMAGENET.size - 4 * 61_100_840 < 10_000


def test_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "alexnet"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == Path.home() / ".cache" / "alexnet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "alexnet"
    assert list(tmp_path.iterdir()) == []


def test_other_weights_in_the_cache_are_refused_without_a_network(tmp_path):
    """As `train --weights imagenet` finds them, in a process of its own."""
    file = tmp_path / "alexnet" / IMAGENET.name
    file.parent.mkdir()
    file.write_bytes(b"weights")
    code = "from alexnet_cli.cli.main import main; main(['fetch', 'imagenet'])"
    done = python(code, XDG_CACHE_HOME=str(tmp_path), https_proxy="http://127.0.0.1:9")
    text = f"alexnet: {file}: has 7 bytes, not 244408911; delete it to fetch it again\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", text)


# Two processes, one cache

BIG_IMAGE = os.urandom(3 * http.CHUNK)
BIG = archive(("flower_photos/a.jpg", BIG_IMAGE))
HALF = 2 * http.CHUNK
FETCH = """
import sys
import portalocker
def no_lock(file, flags):
    raise OSError(95, "Operation not supported")
if sys.argv.pop() == "False":
    portalocker.lock = no_lock
from pathlib import Path
from alexnet_cli.dataset.download import Download, download
name, url, sha256, size, folder, to = sys.argv[1:]
source = Download(name, url, sha256, int(size), folder)
print("ready", flush=True)
print(download(source, Path(to), lambda *x: print(*x, flush=True)), flush=True)
"""


@contextmanager
def fetching(source, to, locks=True):
    """A process that downloads `source`, and prints every call of its progress."""
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH, *map(str, (*astuple(source), to, locks))],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(process, count):
    """Read what `process` prints until it has, or sees, `count` bytes."""
    line = ""
    while int(line.split()[0] if line[:1].isdigit() else 0) < count:
        line = process.stdout.readline()
        assert line, process.stderr.read()


def all_end_with_the_folder(processes, folder):
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.splitlines()[-1] == str(folder / "flower_photos")
    assert (folder / "flower_photos" / "a.jpg").read_bytes() == BIG_IMAGE


@pytest.mark.parametrize("count", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_of_many_downloads_one_transfers_and_all_take_its_file(tmp_path, count):
    with Server(BIG, hold=HALF + 1000) as server, ExitStack() as stack:
        source = server.source()
        all_ = [stack.enter_context(fetching(source, tmp_path)) for _ in range(count)]
        # Any may be first; the other ones show what that has.
        for process in all_:
            until(process, HALF)
        server.go.set()
        all_end_with_the_folder(all_, tmp_path)
        assert server.asked == [""], "there was one transfer"
    assert [x.name for x in tmp_path.iterdir()] == ["flower_photos"]


@pytest.mark.parametrize("count", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_another_download_goes_on_where_the_first_was_killed(tmp_path, count):
    with Server(BIG, hold=HALF + 1000) as server, ExitStack() as stack:
        source = server.source()
        first = stack.enter_context(fetching(source, tmp_path))
        until(first, HALF)
        rest = [stack.enter_context(fetching(source, tmp_path)) for _ in range(count - 1)]
        for process in rest:
            until(process, HALF)
        first.send_signal(signal.SIGKILL)
        all_end_with_the_folder(rest, tmp_path)
        server.go.set()
        first_of_all, resumed = server.asked
        assert first_of_all == "" and 0 < int(resumed[6:-1]) <= HALF + 1000
    assert [x.name for x in tmp_path.iterdir()] == ["flower_photos"]


@pytest.mark.parametrize("count", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_without_locks_each_download_has_its_own_part(tmp_path, count):
    """One is killed; all that the others leave is the folder, and it is whole."""
    with Server(BIG, hold=HALF + 1000, hold_all=True) as server, ExitStack() as stack:
        source = server.source()
        first, *rest = (
            stack.enter_context(fetching(source, tmp_path, locks=False))
            for _ in range(count)
        )
        until(first, HALF)
        for process in rest:
            until(process, HALF)
        first.send_signal(signal.SIGKILL)
        server.go.set()
        all_end_with_the_folder(rest, tmp_path)
        assert server.asked == [""] * count
    (left,) = {x.name for x in tmp_path.iterdir()} - {"flower_photos"}
    assert left.startswith(".flower_photos.tgz."), "of the one that was killed"


def test_the_lock_of_a_process_that_died_is_no_hindrance(tmp_path):
    (tmp_path / ".flower_photos.tgz.lock").touch()
    with Server(GOOD) as server:
        download(server.source(), tmp_path, none)
    assert [x.name for x in tmp_path.iterdir()] == ["flower_photos"]


def test_a_lock_that_vanishes_while_it_is_waited_for_is_made_again(tmp_path, monkeypatch):
    """Its owner removes it; a lock on the removed file keeps nobody out."""
    real, calls = portalocker.lock, []

    def lock(file, flags):
        real(file, flags)
        calls.append(file)
        if len(calls) == 1:
            Path(file.name).unlink()

    monkeypatch.setattr(portalocker, "lock", lock)
    with Server(GOOD) as server:
        download(server.source(), tmp_path, none)
    assert len(calls) == 2 and calls[0].closed
    assert [x.name for x in tmp_path.iterdir()] == ["flower_photos"]


@pytest.mark.parametrize(
    "error", [portalocker.LockException("no locks"), OSError(95, "no")]
)
def test_where_there_are_no_locks_it_downloads_without(tmp_path, monkeypatch, error):
    def lock(file, flags):
        raise error

    monkeypatch.setattr(portalocker, "lock", lock)
    with Server(GOOD) as server:
        download(server.source(), tmp_path / "data", none)
    assert [x.name for x in (tmp_path / "data").iterdir()] == ["flower_photos"]


def test_a_cache_that_has_the_file_may_be_read_only(tmp_path):
    folder = tmp_path / "cache"
    (folder / "flower_photos").mkdir(parents=True)
    folder.chmod(0o555)
    before = folder.stat().st_mtime_ns
    time.sleep(0.01)
    try:
        with Server(GOOD) as server:
            assert download(server.source(), folder, none) == folder / "flower_photos"
    finally:
        folder.chmod(0o755)
    assert server.asked == []
    assert folder.stat().st_mtime_ns == before, "no lock was made, which root could do"
