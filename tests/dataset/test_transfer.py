"""Whatever a server answers is one line, and nothing is left that blocks the next try."""

import errno
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import tarfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from helpers import alexnet
from local_server import Server

from alexnet_cli.dataset import download as module
from alexnet_cli.dataset import http
from alexnet_cli.dataset.download import Download, download
from alexnet_cli.errors import DownloadError

FILE = b"weights" * 100_000
HALF = len(FILE) // 2


@contextmanager
def answering(reply):
    """The address of a server; `reply(connection, number)` answers each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        number = 0
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with connection:
                connection.recv(65536)
                with suppress(OSError):
                    reply(connection, number)
            number += 1

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def source(url):
    return Download("a.pth", url, hashlib.sha256(FILE).hexdigest(), len(FILE))


def refused(url, folder):
    """The message with which `url` is refused: one printable line."""
    with pytest.raises(DownloadError) as error:
        download(source(url), folder, lambda *_: None)
    text = str(error.value)
    assert text.isprintable() and len(text) <= 2000
    return text


def succeeds(folder):
    with Server(FILE) as server:
        url = f"http://127.0.0.1:{server.server_port}/a.pth"
        assert download(source(url), folder, lambda *_: None).read_bytes() == FILE
    assert [x.name for x in folder.iterdir()] == ["a.pth"]


def raw(head, body=b""):
    return lambda connection, number: connection.sendall(head + b"\r\n\r\n" + body)


OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = f"Content-Length: {len(FILE)}".encode()
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize("head, body, message", [
    (OK + b"Content-Length: -1", FILE, "the server says that it has -1 bytes"),
    (OK + b"Content-Length: many\x1b[31m", FILE, r"the server says that it has many\x1b[31m bytes"),
    (OK + b"Content-Length: 0x10", FILE, "the server says that it has 0x10 bytes"),
    (OK + LENGTH + b"\r\nContent-Length: 5", FILE, f"the server says that it has 5, {len(FILE)} bytes"),
    (OK + b"Content-Length: " + b"9" * 5000, FILE, f"the server says that it has {'9' * 100} bytes"),
    (OK + b"Content-Length: 9" + b"0" * 17, FILE, f"the server has 9{'0' * 17} bytes, not {len(FILE)}"),
    (OK + b"Content-Length: 5", FILE[:5], f"the server has 5 bytes, not {len(FILE)}"),
    (OK + b"Content-Length: 0", b"", f"the server has 0 bytes, not {len(FILE)}"),
    (OK + LENGTH, FILE[:100], f"100 of {len(FILE)} bytes, was cut short; try again"),
    (OK + LENGTH + b"\r\nContent-Encoding: gzip\x1b", FILE, r"the server sends it as gzip\x1b, not as it is"),
    (OK + CHUNKED, b"5\r\nhello\r\n0\r\n\r\n", f"5 bytes are all of it, not {len(FILE)}"),
    (OK + CHUNKED, b"5\r\nhello\r\nnot hexadecimal\r\n", "the connection broke after"),
    (OK + CHUNKED, b"FFFFFFFF\r\n" + FILE + b"x", f"is larger than {len(FILE)} bytes"),
    (OK + b"Server: endless", FILE + b"x" * 999_999, f"is larger than {len(FILE)} bytes"),
    (OK + b"Server: short", b"", f"0 of {len(FILE)} bytes, was cut short; try again"),
    (OK + b"Content-Type: text/html\r\n" + CHUNKED, b"6\r\n<html>\r\n0\r\n\r\n", "the server sent a web page; does this network ask for a login?"),
    (OK + b"Content-Type: text/html; charset=x\r\nContent-Length: 6", b"<html>", "the server sent a web page"),
    (b"HTTP/1.1 206 Partial Content\r\n" + LENGTH, FILE, "the server does not resume at 0 but ''"),
    (b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10", FILE, "the server does not resume at 0 but 'bytes 5-9/10'"),
    (b"HTTP/1.1 204 No\x1b[2J Content", b"", r"the server responded 204 No\x1b[2J Content"),
    (b"HTTP/1.1 500 Broken\x9b \xe2\x80\xae", b"", r"the server responded 500 Broken\x9b"),
    (b"HTTP/1.1 302 Found", b"", "the server responded 302 Found"),
    (b"HTTP/1.1 503 " + b"x" * 60_000, b"", "the server responded 503 xxx"),
    (b"HTTP/1.1 999999 x", b"", "what answers is no web server (HTTP/1.1 999999 x); try another address with --mirror"),
    (OK + b"a: b\r\n" * 200, b"", "what answers is no web server (got more than 100 headers)"),
    (OK + b"a: " + b"b" * 70_000, b"", "what answers is no web server (got more than 65536 bytes when reading header line)"),
    (b"SSH-2.0-OpenSSH", b"", "what answers is no web server (SSH-2.0-OpenSSH)"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000, b"", "what answers is no web server (its headers do not end)"),
    (b"HTTP/1.1 416 Range Not Satisfiable", b"", "the server responded 416 Range Not Satisfiable"),
])  # fmt: skip
def test_an_odd_answer_is_one_line_and_the_next_try_succeeds(tmp_path, head, body, message):
    with answering(raw(head, body)) as url:
        assert refused(f"{url}/a.pth", tmp_path).startswith(f"{url}/a.pth: {message}")
    succeeds(tmp_path)


@pytest.mark.parametrize("head, message", [
    (b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 7-99/100", "the server does not resume at"),
    (b"HTTP/1.1 206 Partial Content\r\nContent-Range: a\x1b", "the server does not resume at"),
    (b"HTTP/1.1 206 Partial Content\r\n" + LENGTH, "the server does not resume at"),
    (b"HTTP/1.1 416 Range Not Satisfiable", "the server has no more than was fetched; try again"),
])  # fmt: skip
def test_a_server_that_resumes_elsewhere_makes_the_next_try_start_anew(
    tmp_path, head, message
):
    (tmp_path / "a.pth.part").write_bytes(FILE[:HALF])
    with answering(raw(head, FILE)) as url:
        assert message in refused(f"{url}/a.pth", tmp_path)
    assert list(tmp_path.iterdir()) == []
    succeeds(tmp_path)


@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe", "hard link"])
def test_what_is_no_part_of_ours_is_not_written_through(tmp_path, kind):
    """The folder may come from a stranger."""
    folder, victim = tmp_path / "data", tmp_path / "victim"
    folder.mkdir()
    part = folder / "a.pth.part"
    if kind != "link to nothing":
        victim.write_bytes(b"mine")
    if kind == "pipe":
        os.mkfifo(part)
    elif kind == "hard link":
        os.link(victim, part)
    else:
        part.symlink_to(victim)
    succeeds(folder)
    assert (
        not victim.exists() if kind == "link to nothing" else victim.read_bytes() == b"mine"
    )


def test_what_is_unpacked_goes_through_no_link(tmp_path):
    tar, elsewhere = tmp_path / "a.tgz", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "flowers").mkdir()
    (tmp_path / "flowers/x.jpg").write_bytes(b"x")
    with tarfile.open(tar, "w:gz") as archive:
        archive.add(tmp_path / "flowers", "flowers")
    shutil.rmtree(tmp_path / "flowers")
    (tmp_path / ".flowers.part").symlink_to(elsewhere)
    module.unpack(tar, tmp_path / "flowers")
    assert (tmp_path / "flowers/x.jpg").read_bytes() == b"x"
    assert not list(elsewhere.iterdir()) and not (tmp_path / ".flowers.part").is_symlink()


def test_all_of_it_in_answer_to_a_range_replaces_the_part(tmp_path):
    (tmp_path / "a.pth.part").write_bytes(b"x" * HALF)
    with answering(raw(OK + LENGTH, FILE)) as url:
        file = download(source(f"{url}/a.pth"), tmp_path, lambda *_: None)
    assert file.read_bytes() == FILE


def test_chunks_need_no_length(tmp_path):
    body = f"{len(FILE):x}\r\n".encode() + FILE + b"\r\n0\r\n\r\n"
    with answering(raw(OK + CHUNKED, body)) as url:
        file = download(source(f"{url}/a.pth"), tmp_path, lambda *_: None)
    assert file.read_bytes() == FILE


@pytest.mark.parametrize(
    "first", [b"", OK, OK + LENGTH + b"\r\n\r\n", OK + CHUNKED + b"\r\n\r\n"]
)
def test_a_trickle_is_given_up(tmp_path, monkeypatch, first):
    """In the first line, the headers, the body, or the length of a chunk."""
    monkeypatch.setattr(http, "WINDOW", 0.3)

    def trickle(connection, number):
        connection.sendall(first)
        while True:
            connection.sendall(b"1")
            time.sleep(0.02)

    with answering(trickle) as url:
        assert "the connection is too slow after" in refused(f"{url}/a.pth", tmp_path)
    monkeypatch.undo()
    succeeds(tmp_path)


def test_a_slow_server_that_is_fast_enough_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(http, "WINDOW", 0.05)
    monkeypatch.setattr(http, "SLOWEST", 1000)

    def slow(connection, number):
        connection.sendall(OK + LENGTH + b"\r\n\r\n")
        for i in range(0, len(FILE), 50_000):
            connection.sendall(FILE[i : i + 50_000])
            time.sleep(0.01)

    with answering(slow) as url:
        file = download(source(f"{url}/a.pth"), tmp_path, lambda *_: None)
    assert file.read_bytes() == FILE


def redirecting(to):
    """Answers that lead to `to`, in which {n} is the number of the answer."""

    def reply(connection, number):
        place = to.replace("{n}", str(number))
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\n\r\n".encode())

    return reply


@pytest.mark.parametrize("to, message", [
    ("/a.pth", "the server responded 302 again and again"),
    ("/{n}", "the server responded 302 again and again"),
    ("file:///etc/passwd", "the server responded 302 Found - Redirection to url 'file:///etc/passwd'"),
    ("data:text/plain,x", "the server responded 302 Found - Redirection to url 'data:text/plain,x'"),
    ("ftp://127.0.0.1/x", "leads to ftp://127.0.0.1/x, which is neither http nor https"),
    ("http://127.0.0.1:99999/", "is no address (Port out of range 0-65535)"),
    ("http:///x", "the server responded 302 again and again"),
    ("http://[/", "Invalid IPv6 URL"),
    ("http://user:secret@127.0.0.1/", "which is no address"),
    ("//\x1b[31m/", "no connection (Invalid IPv6 URL)"),
    ("//\x1b/", "is no address (URL can't contain control characters"),
])  # fmt: skip
def test_redirections_lead_to_http_alone_and_end(tmp_path, to, message):
    with answering(redirecting(to)) as url:
        assert message in refused(f"{url}/a.pth", tmp_path)
    succeeds(tmp_path)


def test_a_redirection_may_not_end_encryption():
    http.check_address("http://a/b", since="http://a/")
    http.check_address("https://a/b", since="https://a/")
    with pytest.raises(DownloadError, match="leads to http://a/b, which is not encrypted"):
        http.check_address("http://a/b", since="https://a/")


def test_an_endless_answer_that_leads_elsewhere_is_not_read(tmp_path):
    def reply(connection, number):
        if number:
            raw(OK + LENGTH, FILE)(connection, number)
            return
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n")
        while True:
            connection.sendall(bytes(1 << 20))

    with answering(reply) as url:
        file = download(source(f"{url}/a.pth"), tmp_path, lambda *_: None)
    assert file.read_bytes() == FILE


@pytest.mark.parametrize("url, message", [
    ("", "is neither http nor https"),
    ("a.pth", "is neither http nor https"),
    ("file:///etc/passwd", "is neither http nor https"),
    ("ftp://host/a", "is neither http nor https"),
    ("http://", "is no address"),
    ("http:///a", "is no address"),
    ("http://host:99999/a", "is no address (Port out of range 0-65535)"),
    ("http://host:x/a", "is no address (Port could not be cast"),
    ("http://host:0/a", "is no address"),
    ("http://host/a b", "is no address; write https://HOST/PATH in ASCII, a space as %20"),
    ("http://host/ä", "is no address"),
    ("http://host/\x1b[31m", "is no address"),
    ("http://host/\r\nX: y", "is no address"),
    ("http://me:secret@host/a", "is no address"),
    ("http://[::1/a", "is no address (Invalid IPv6 URL)"),
    ("http://a..b/", "no connection ("),
    (f"http://{'a' * 64}.example/", "no connection ("),
    ("http://does-not-exist.invalid/", "no connection ("),
])  # fmt: skip
def test_an_address_that_is_none_is_one_line(tmp_path, url, message):
    assert message in refused(url, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("proxy", [
    "nonsense", "http://", "http://[", "socks5://127.0.0.1:9", "http://127.0.0.1:99999", "http://a..b:1",
    "file:///etc/passwd", "http://127.0.0.1:9", "http://\x1b[31m:1", ":", "//",
])  # fmt: skip
def test_a_proxy_that_is_none_is_one_line(tmp_path, monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert "http://host.invalid/a: " in refused("http://host.invalid/a", tmp_path)


def test_a_certificate_that_nobody_signed_is_refused(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
         "-keyout", key, "-out", certificate], capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("needs openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Server(FILE) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        url = f"https://127.0.0.1:{server.server_port}/a.pth"
        assert "CERTIFICATE_VERIFY_FAILED" in refused(url, tmp_path / "new")
    assert server.asked == []


def test_http_where_https_is_expected_is_one_line(tmp_path):
    with Server(FILE) as server:
        server.handle_error = lambda *_: None
        text = refused(f"https://127.0.0.1:{server.server_port}/a.pth", tmp_path)
    assert "no connection (" in text


@pytest.mark.parametrize("number, text", [
    (errno.ENOSPC, "No space left on device"), (errno.EROFS, "Read-only file system"), (errno.EDQUOT, "quota"),
])  # fmt: skip
def test_a_disk_that_takes_nothing_is_one_line(tmp_path, monkeypatch, number, text):
    real = Path.open

    def open_(path, mode="r", **kwargs):
        if path.suffix == ".part":
            raise OSError(number, os.strerror(number), str(path))
        return real(path, mode, **kwargs)

    with Server(FILE) as server:
        url = f"http://127.0.0.1:{server.server_port}/a.pth"
        monkeypatch.setattr(Path, "open", open_)
        said = refused(url, tmp_path)
        monkeypatch.undo()
    assert said.startswith(f"{tmp_path}/a.pth.part: ") and text in said
    succeeds(tmp_path)


def test_a_cache_that_is_a_file_or_below_one_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with Server(FILE) as server:
        url = f"http://127.0.0.1:{server.server_port}/a.pth"
        for folder in (tmp_path / "file", tmp_path / "file" / "below"):
            assert refused(url, folder).startswith(f"{tmp_path}/file")
    assert [x.name for x in tmp_path.iterdir()] == ["file"]


def test_a_folder_in_the_place_of_the_file_is_one_line(tmp_path):
    (tmp_path / "a.pth").mkdir()
    assert "delete it to fetch it again" in refused("http://host.invalid/a", tmp_path)


def test_the_command_says_so_too(tmp_path, monkeypatch):
    with answering(raw(b"HTTP/1.1 500 a\x1b[31mb\xc2\x85")) as url:
        monkeypatch.setattr(module, "IMAGENET", source(f"{url}/a.pth"))
        result = alexnet("fetch", "imagenet", "--to", tmp_path)
    assert (result.exit_code, result.stdout) == (3, "")
    (line,) = result.stderr.splitlines()
    assert line.isprintable() and r"the server responded 500 a\x1b[31mb" in line
