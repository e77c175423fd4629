"""Shards in buckets of S3 and Google, of servers that are not ours, are those of the folder."""

import socket
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import TINY, alexnet, fails, free_addresses, history

from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import DatasetError

SECRET = "not-to-be-printed"


class S3:
    """The server of moto, and a bucket in it."""

    def __init__(self):
        server = pytest.importorskip("moto.server")
        self.kind = pytest.importorskip("s3fs").S3FileSystem
        self.server = server.ThreadedMotoServer(port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.address = f"http://{host}:{port}"

    def configure(self, patch):
        values = {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "none",
            "AWS_SHARED_CREDENTIALS_FILE": "none",
            "AWS_MAX_ATTEMPTS": "1",
        }
        for name, value in values.items():
            patch.setenv(name, value)

    def client(self):
        import boto3

        return closing(boto3.client("s3"))

    def fill(self, bucket, folder, **how):
        with self.client() as client:
            client.create_bucket(Bucket=bucket, **how)
        for file in folder.iterdir():
            self.put(bucket, file.name, file.read_bytes(), **how)

    def put(self, bucket, name, data, **how):
        with self.client() as client:
            client.put_object(Bucket=bucket, Key=f"a/{name}", Body=data, **how)

    def remove(self, bucket, name):
        with self.client() as client:
            client.delete_object(Bucket=bucket, Key=f"a/{name}")

    def stop(self):
        self.server.stop()


class Google:
    """The server of gcp-storage-emulator, and a bucket in it."""

    def __init__(self):
        emulator = pytest.importorskip("gcp_storage_emulator.server")
        self.kind = pytest.importorskip("gcsfs.core").GCSFileSystem
        host, port = free_addresses(1)[0].split(":")
        self.server = emulator.create_server(host, int(port), in_memory=True)
        self.server.start()
        self.address = f"http://{host}:{port}"

    def configure(self, patch):
        import fsspec.config

        patch.setenv("STORAGE_EMULATOR_HOST", self.address)
        patch.setitem(fsspec.config.conf, "gs", {"token": "anon"})

        # It prints a traceback where a connection is closed early.
        patch.setattr("socketserver.BaseServer.handle_error", lambda *_: None)

        async def at_once(seconds):
            """Stands for asyncio.sleep: half a minute goes by before it gives up."""

        patch.setattr("gcsfs.retry.asyncio", SimpleNamespace(sleep=at_once))

    def fill(self, bucket, folder):
        self.kind().mkdir(bucket)
        for file in folder.iterdir():
            self.put(bucket, file.name, file.read_bytes())

    def put(self, bucket, name, data):
        self.kind().pipe_file(f"{bucket}/a/{name}", data)

    def remove(self, bucket, name):
        self.kind().rm_file(f"{bucket}/a/{name}")

    def stop(self):
        self.server.stop()


@pytest.fixture(scope="module", params=["s3", "gs"])
def started(request, shards):
    server = {"s3": S3, "gs": Google}[request.param]()
    with pytest.MonkeyPatch.context() as patch:
        server.configure(patch)
        server.fill("whole", shards)
    yield request.param, server
    server.stop()


@pytest.fixture
def server(started, tmp_path, monkeypatch):
    """The server, and the scheme of its addresses."""
    scheme, server = started
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server.configure(monkeypatch)
    # fsspec keeps one for a process, with the credentials that it began with.
    server.kind.clear_instance_cache()
    server.scheme = scheme
    return server


def read_all(url):
    source = open_source(Path(url))
    return source, [source.read(x) for x in source.samples]


def test_they_are_those_of_the_folder(server, shards, recipe):
    found = [
        prepare(open_source(x), recipe)
        for x in (shards, Path(f"{server.scheme}://whole/a/"))
    ]
    assert found[0].split == found[1].split
    for part in ("training", "validation"):
        one, other = (getattr(x, part) for x in found)
        np.testing.assert_array_equal(one.pixels(one.rows), other.pixels(other.rows))


def rows_of(data, out):
    """The history of a training on `data`."""
    result = alexnet("train", data, *TINY, "--epochs", 2, "--out", out)
    assert result.exit_code == 0, result.output
    rows = history(out)
    for row in rows:
        del row["images_per_second"]
    return rows


@pytest.fixture(scope="module")
def folders_rows(shards, tmp_path_factory):
    return rows_of(shards, tmp_path_factory.mktemp("folder") / "run")


@pytest.mark.slow
def test_trainings_have_the_history_of_the_folder(server, folders_rows, tmp_path):
    data, run = f"{server.scheme}://whole/a", tmp_path / "run"
    assert rows_of(data, run) == folders_rows
    for words in ((), ("--data", data)):
        result = alexnet("evaluate", "--model", run, *words)
        assert result.exit_code == 0 and f"{data}: " in result.stderr, result.output
    assert f"{data}: 36 images in 3 classes" in alexnet("doctor", data).output


@pytest.mark.parametrize("missing", ["shards.json", "samples.csv", "000001.tar"])
def test_an_object_that_is_not_there_is_one_line(server, shards, missing):
    bucket = f"without-{missing}"
    server.fill(bucket, shards)
    server.remove(bucket, missing)
    url = f"{server.scheme}://{bucket}/a"
    fails(3, f"{url}/{missing}: is not there", "doctor", url)
    for url in (f"{server.scheme}://no-bucket/a", f"{server.scheme}://whole/b"):
        fails(3, f"{url}/shards.json: is not there", "doctor", url)


def test_an_object_that_is_cut_short_or_changed_is_one_line(server, shards):
    content = (shards / "000001.tar").read_bytes()
    server.fill("damaged", shards)
    url = f"{server.scheme}://damaged/a"
    server.put("damaged", "samples.csv", b"file,class")
    fails(3, "samples.csv is damaged", "doctor", url)
    server.put("damaged", "samples.csv", (shards / "samples.csv").read_bytes())
    for data in (content[:20_000], content[:600] + b"?" + content[601:], b""):
        server.put("damaged", "000001.tar", data)
        with pytest.raises(
            DatasetError, match=r"000001.tar(: cannot be| is damaged or cut short)"
        ):
            read_all(url)


def test_a_server_that_ends_is_one_line(server, shards, monkeypatch):
    other = type(server)()
    other.configure(monkeypatch)
    server.kind.clear_instance_cache()
    other.fill("ending", shards)
    source = open_source(Path(f"{server.scheme}://ending/a"))
    source.read(source.samples[0])
    other.stop()
    with pytest.raises(
        DatasetError, match=r"ending/a/000002.tar: cannot be fetched: .*onnect"
    ):
        source.read(source.samples[-1])


def test_a_server_that_never_answers_is_one_line(server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        monkeypatch.setattr(server.kind, "read_timeout", 0.2, raising=False)
        monkeypatch.setattr("alexnet_cli.dataset.shards.remote.RETRIED", 0.2)
        url = f"{server.scheme}://whole/a"
        said = fails(3, "cannot be fetched: ", "doctor", url).stderr
        assert "ime" in said.splitlines()[-1] and SECRET not in said


@pytest.fixture
def s3(server):
    if server.scheme != "s3":
        pytest.skip("of S3 alone")
    return server


def test_without_credentials_it_is_one_line(s3, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    fails(
        3,
        "Unable to locate credentials; FSSPEC_S3_ANON=true reads",
        "doctor",
        "s3://whole/a",
    )


def test_a_public_bucket_is_read_without_credentials(s3, shards, monkeypatch):
    import fsspec.config

    s3.fill("public", shards, ACL="public-read")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"anon": True})
    assert len(read_all("s3://public/a")[1]) == 36
    fails(3, "may not read it", "doctor", "s3://whole/a")
