"""Where models are exported to: links stay, and what cannot be written is said first."""

import os
import tempfile
from pathlib import Path

import pytest

from alexnet_cli.errors import RunError
from alexnet_cli.export.formats import Format, write_format
from alexnet_cli.export.record import check_out
from alexnet_cli.run.run import Run

ELSEWHERE = Path("/dev/shm")


@pytest.mark.skipif(not ELSEWHERE.is_dir(), reason="there is no second file system")
def test_a_link_to_another_disk_stays_and_its_file_is_replaced(tmp_path):
    form = Format("x", "model.x", lambda _, file: file.write_text("new"))
    with tempfile.TemporaryDirectory(dir=ELSEWHERE) as folder:
        there = Path(folder, "there.x")
        assert Path(folder).stat().st_dev != tmp_path.stat().st_dev
        (tmp_path / "model.x").symlink_to(there)
        there.write_text("old")
        there.chmod(0o640)
        write_format(form, None, tmp_path)
        assert there.read_text() == "new" and there.stat().st_mode & 0o777 == 0o640
        assert os.listdir(folder) == ["there.x"]
    assert (tmp_path / "model.x").is_symlink() and os.listdir(tmp_path) == ["model.x"]


@pytest.mark.parametrize("name, reason", [
    ("file/out", "file is not a folder"), ("lost/out", "lost is a link to nothing"),
])  # fmt: skip
def test_a_folder_that_cannot_be_made_is_an_error(trained, tmp_path, name, reason):
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to(tmp_path / "none")
    with pytest.raises(RunError) as caught:
        check_out(tmp_path / name, Run.open(trained), overwrite=False)
    text = str(caught.value)
    assert text.startswith(f"--out {tmp_path / name}: ") and reason in text
