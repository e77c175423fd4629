"""Shards on a server train as those on a disk do; what a server does wrong is one line."""

import builtins
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from helpers import fails
from local_server import FolderServer

from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.shards.block_cache import BlockCache
from alexnet_cli.dataset.shards.plan import Plan, PrepareOptions
from alexnet_cli.dataset.shards.remote import BLOCK, RemoteStore
from alexnet_cli.dataset.shards.writing import write_shards
from alexnet_cli.dataset.sources import kinds
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import DatasetError, printable
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe

RECIPE = Recipe(arch="tiny", size=36, resize="crop", cache="none")
needs_http = pytest.mark.skipif(
    find_spec("aiohttp") is None,
    reason="aiohttp, of the extra remote, is not installed",
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "alexnet" / "shards"


def pixels(source):
    got = prepare(source, RECIPE)
    return got, [x.pixels(x.rows) for x in (got.training, got.validation)]


@needs_http
def test_they_are_those_of_the_folder_and_fetched_once(shards):
    expected, images = pixels(open_source(shards))
    with FolderServer(shards) as server:
        got, found = pixels(open_source(Path(server.url)))
        assert got.split == expected.split
        for one, other in zip(images, found, strict=True):
            np.testing.assert_array_equal(one, other)
        first = len(server.asked)
        assert {name for _, name, _ in server.asked} == {
            "shards.json", "samples.csv", *(x.name for x in shards.glob("*.tar"))
        }  # fmt: skip
        assert "bytes=0-" in {x[:8] for _, _, x in server.asked}
        pixels(open_source(Path(server.url)))
        assert {name for _, name, _ in server.asked[first:]} == {"shards.json"}


@needs_http
def test_what_is_written_anew_is_fetched_anew(shards, toy, tmp_path):
    folder = shutil.copytree(shards, tmp_path / "shards")
    with FolderServer(folder) as server:
        first = open_source(Path(server.url))
        assert [first.read(x) for x in first.samples]
        shutil.rmtree(folder)
        options = PrepareOptions(folder, preprocess_of(RECIPE), "jpeg", images_per_shard=13)
        write_shards(Plan(open_source(toy), options))
        second = open_source(Path(server.url))
        assert {second.read(x)[:2] for x in second.samples} == {b"\xff\xd8"}


@needs_http
def test_fsspecs_own_configuration_has_the_password(shards, monkeypatch):
    import fsspec.config

    with FolderServer(shards, password="Basic bWU6d29yZA==") as server:
        fails(3, "cannot be fetched: 401, message='Unauthorized'", "doctor", server.url)
        headers = {"Authorization": server.password}
        monkeypatch.setitem(
            fsspec.config.conf, "http", {"client_kwargs": {"headers": headers}}
        )
        source = open_source(Path(server.url))
        assert [source.read(x) for x in source.samples]


@needs_http
@pytest.mark.parametrize("missing", ["shards.json", "samples.csv", "000001.tar"])
def test_a_file_that_is_not_there_is_one_line(shards, tmp_path, missing):
    folder = shutil.copytree(shards, tmp_path / "shards")
    (folder / missing).unlink()
    with FolderServer(folder) as server:
        with pytest.raises(DatasetError, match=rf"{server.url}/{missing}: is not there"):
            pixels(open_source(Path(server.url)))


@needs_http
def test_a_shard_that_is_cut_short_or_changed_is_one_line(shards, tmp_path, cache):
    folder = shutil.copytree(shards, tmp_path / "shards")
    os.truncate(folder / "000001.tar", 20_000)
    content = bytearray((folder / "000002.tar").read_bytes())
    content[600] ^= 1
    (folder / "000002.tar").write_bytes(content)
    with FolderServer(folder) as server:
        source = open_source(Path(server.url))
        for i in (20, 26):
            with pytest.raises(DatasetError, match=r"0000\d2?.tar is damaged or cut short"):
                source.read(source.samples[i])
        assert source.read(source.samples[0])


@needs_http
def test_a_server_without_ranges_is_one_line(shards, monkeypatch):
    monkeypatch.setattr("alexnet_cli.dataset.shards.remote.BLOCK", 4096)
    with FolderServer(shards, ranges=False) as server:
        with pytest.raises(DatasetError, match="sends all of it where a part is asked for"):
            source = open_source(Path(server.url))
            [source.read(x) for x in source.samples]


@needs_http
def test_a_server_without_lengths_is_one_line(shards):
    with FolderServer(shards, lengths=False) as server:
        with pytest.raises(
            DatasetError, match="does not say how large it is|cannot be fetched"
        ):
            open_source(Path(server.url))


@needs_http
def test_without_a_server_it_is_one_line(tmp_path):
    with FolderServer(tmp_path) as server:
        url = server.url
    fails(3, f"{url}/shards.json: cannot be fetched: ", "doctor", url)
    fails(
        3,
        "shards.json: cannot",
        "train",
        "http://no-such-host.invalid/x",
        "-o",
        tmp_path / "out",
    )


@pytest.mark.parametrize("url", ["s3://bucket/x", "gs://bucket/x", "https://host/x"])
def test_without_the_extra_it_is_one_line(url, monkeypatch, tmp_path):
    imported = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] in ("fsspec", "aiohttp", "botocore", "gcsfs"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr("alexnet_cli.dataset.shards.remote.import_module", without)
    with pytest.raises(DatasetError, match=r"^\w+://.* pip install 'alexnet\[remote\]'$"):
        RemoteStore(Path(url))


@pytest.mark.parametrize(
    "url", ["https://host/a/b", "s3://bucket/a", "gs://bucket/a", "http://h:1/"]
)
def test_an_address_survives_as_a_path(url):
    data = Path(url)
    assert kinds.is_remote(data) and kinds.exists(data) and kinds.is_shards(data)
    assert kinds.recorded_name(data) == url.rstrip("/") == kinds.remote_url(Path(url))
    assert kinds.remote_url(Path(kinds.recorded_name(data))) == url.rstrip("/")


@pytest.mark.parametrize(
    "name", ["s3", "http", "s3/x", "ftp:/x", "file:/x", "C:/x", "https"]
)
def test_a_path_is_no_address(name):
    assert not kinds.is_remote(Path(name))


@pytest.mark.parametrize(
    "url", ["https://me:word@host/x", "http://host/x?sig=word", "https://host?sig=word"]
)
def test_an_address_with_a_secret_is_refused_without_it(url, tmp_path):
    for words in (("train", url, "-o", tmp_path / "run"), ("doctor", url)):
        said = fails(3, "neither a password nor a query", *words)
        assert "word@" not in said.output and "sig" not in said.output
    assert not (tmp_path / "run").exists()


def test_messages_name_an_address_with_both_slashes():
    assert printable(Path("s3://bucket/a")) == "s3://bucket/a"
    assert printable(Path("https://host/a")) == "https://host/a"
    assert printable(Path("s3/a")) == "s3/a" and printable(Path("C:/a")) == "C:/a"


def test_the_cache_keeps_what_was_used_last(tmp_path):
    cache, fetched = BlockCache(tmp_path / "c", 250), []

    def get(name):
        def fetch():
            fetched.append(name)
            return name.encode() * 100

        return cache.get(f"f/{name}", 100, fetch)

    assert get("a") == b"a" * 100
    for name in "bacab":
        get(name)
    assert fetched == ["a", "b", "c", "b"]
    assert sorted(x.name for x in (tmp_path / "c" / "f").iterdir()) == ["a", "b"]
    cache, before = BlockCache(tmp_path / "c", 250), list(fetched)
    get("a"), get("b")
    assert fetched == before
    (tmp_path / "c" / "f" / "a").write_bytes(b"x" * 104)
    assert get("a") == b"a" * 100 and fetched == [*before, "a"]


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="set XDG_CACHE_HOME to another folder"):
        BlockCache(tmp_path / "file", 100).get("f/a", 1, lambda: b"a")


def test_blocks_are_larger_than_most_images():
    assert BLOCK >= 256 * 256 * 3
