"""Downloads resume, are checked, and unpack nowhere but where they should."""

import io
import tarfile

import pytest
from helpers import alexnet
from local_server import Server

from alexnet_cli.dataset.download import FLOWERS, download
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


def test_a_longer_file_is_refused(tmp_path):
    with (
        Server(GOOD + b"more" * 200_000) as server,
        pytest.raises(DownloadError, match="larger"),
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
        with pytest.raises(DownloadError, match="holds no folder"):
            download(server.source(), tmp_path, none)
    assert not (tmp_path / "flower_photos").exists()


def test_servers_that_refuse_and_hosts_that_are_not_there(tmp_path):
    with Server(GOOD, status=404) as server:
        source = server.source()
        with pytest.raises(DownloadError, match="the server says 404"):
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
    assert "bytes, was cut short" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_flowers_are_the_official_ones():
    assert FLOWERS.size == 228_813_984
    assert FLOWERS.sha256.startswith("4c54ace7911aaffe")
    assert FLOWERS.url.endswith("/example_images/flower_photos.tgz")
