"""fetch: a checked download, its place on stdout, and no other file for it."""

import io
import tarfile
from pathlib import Path

import pytest
from helpers import alexnet, fails
from local_server import Server

from alexnet_cli.dataset import download


@pytest.fixture(scope="module")
def archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("flower_photos/roses/a.jpg")
        info.size = 9
        tar.addfile(info, io.BytesIO(b"an image."))
    return out.getvalue()


@pytest.fixture
def server(archive, monkeypatch, tmp_path):
    """A server of "the flowers" and "the weights", in a folder and a cache of the test."""
    with Server(archive) as server:
        source = server.source()
        weights = download.Download("alexnet.pth", source.url, source.sha256, source.size)
        monkeypatch.setattr(download, "FLOWERS", source)
        monkeypatch.setattr(download, "IMAGENET", weights)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.chdir(tmp_path)
        yield server


def test_the_flowers_are_unpacked_into_data(server, tmp_path):
    result = alexnet("fetch", "flowers")
    assert (result.exit_code, result.stdout) == (0, "data/flower_photos\n")
    assert (tmp_path / "data/flower_photos/roses/a.jpg").read_bytes() == b"an image."
    assert alexnet("fetch", "flowers").exit_code == 0 and len(server.asked) == 1


def test_another_folder_can_be_named(server, tmp_path):
    result = alexnet("fetch", "flowers", "--to", "elsewhere")
    assert result.stdout == "elsewhere/flower_photos\n"
    assert not Path("data").exists()


def test_weights_go_where_train_looks_for_them(server, archive, tmp_path):
    file = download.cache_folder() / "alexnet.pth"
    assert tmp_path in file.parents
    assert alexnet("fetch", "imagenet").stdout == f"{file}\n"
    assert file.read_bytes() == archive


def test_a_mirror_is_used_and_checked(server):
    with Server(b"x" * len(server.content)) as mirror:
        url = mirror.source().url
        result = fails(3, f"alexnet: {url}: ", "fetch", "flowers", "--mirror", url)
        assert mirror.asked and not server.asked
    assert "SHA-256 is" in result.stderr and len(result.stderr.splitlines()) == 1
    assert not Path("data").exists()


def test_no_connection_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("http_proxy", "")
    url = "http://127.0.0.1:9/flowers.tgz"
    fails(3, "no connection", "fetch", "flowers", "--mirror", url, "--to", tmp_path)
