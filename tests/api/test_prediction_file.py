"""A killed prediction goes on where it ended, with the rows that are whole, and only those."""

import csv
import errno
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from alexnet_cli.api.prediction_file import Output, write_predictions
from alexnet_cli.errors import RecipeError, RunError
from alexnet_cli.inference.prediction import Prediction, StoredImage, Unread
from alexnet_cli.reports.prediction_file import PredictionFile

CLASSES = ("a", 'b "quoted", with comma', "=c")
ODD = ["a b.jpg", 'quote".jpg', "com,ma.jpg", "new\nline.jpg", "cr\r.jpg", "=1+1.jpg", "ä.jpg",
       os.fsdecode(b"\xff.jpg"), "-dash", "'=", "\ttab"]  # fmt: skip
IMAGES = [Path(f"photos/{i}-{name}") for i, name in enumerate(ODD * 3)] + [
    Path("=first"), StoredImage(Path("x"), error="is gone", name="*.jpg"), Unread(Path("z.zip/1"), bytes),
]  # fmt: skip


class Network:
    """Stands for a Classifier: the same answer for the same name."""

    def __init__(self, **run):
        values = {"threshold": 0.2, "max_pixels": 100, **run}
        preprocess = SimpleNamespace(max_pixels=values["max_pixels"])
        self.run = SimpleNamespace(threshold=values["threshold"], preprocess=preprocess)
        self.asked = []

    def predict(self, images):
        for image in images:
            self.asked.append(image)
            file = image if isinstance(image, Path) else image.file
            error, name = getattr(image, "error", ""), getattr(image, "name", "")
            odds = np.array([len(str(file)), 7, 3], np.float32)
            yield Prediction(
                file, CLASSES, self.run.threshold, "",
                None if error else odds / odds.sum(), error,
                name="" if isinstance(image, Path) else name,
            )  # fmt: skip


def write(
    file, network=None, *, images=IMAGES, resume=False, top=2, spreadsheet=True, model=b"m"
):
    path = file.parent / "model"
    path.write_bytes(model)
    made_of = SimpleNamespace(
        run=SimpleNamespace(path=path, weights=path, litert=path, mean_image=path),
        file=path,
    )
    output = Output(file, top, spreadsheet, resume)
    return write_predictions(
        network or Network(), made_of, iter(images), output, lambda count: None
    )


def killed(file, after, monkeypatch, error=KeyboardInterrupt, **options):
    """A prediction that ends after so many rows."""
    count, add = 0, PredictionFile.add

    def some(self, line):
        nonlocal count
        count += 1
        if count > after:
            raise error
        add(self, line)

    with monkeypatch.context() as patch, pytest.raises((error, RunError)) as caught:
        patch.setattr(PredictionFile, "add", some)
        write(file, **options)
    return caught.value


def rows_of(file):
    return file.with_name(f".{file.name}.rows")


def test_all_rows_are_there_in_order(tmp_path):
    done = write(tmp_path / "p.csv", spreadsheet=False)
    assert (done.images, done.unreadable, done.kept) == (len(IMAGES), 1, 0)
    with (tmp_path / "p.csv").open(
        encoding="utf-8", errors="surrogateescape", newline=""
    ) as x:
        rows = list(csv.DictReader(x))
    names = [str(x) if isinstance(x, Path) else x.name if isinstance(x, StoredImage) else str(x.file) for x in IMAGES]  # fmt: skip
    assert [x["file"] for x in rows] == names
    assert rows[-2]["error"] == "is gone" and rows[-2]["label_1"] == ""
    assert sorted(x.name for x in tmp_path.iterdir()) == ["model", "p.csv"]


@pytest.mark.parametrize("spreadsheet", [True, False])
@pytest.mark.parametrize("after", [0, 1, 5, 20, len(IMAGES)])
def test_what_was_killed_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path, monkeypatch, after, spreadsheet
):
    options = {"spreadsheet": spreadsheet}
    write(tmp_path / "whole.csv", **options)
    file, network = tmp_path / "p.csv", Network()
    if after < len(IMAGES):
        error = killed(file, after, monkeypatch, **options)
        assert "--resume goes on" in error.__notes__[0]
    assert not file.exists()
    done = write(file, network, resume=True, **options)
    kept = after if after < len(IMAGES) else 0
    assert (done.images, done.unreadable, done.kept) == (len(IMAGES), 1, kept)
    assert network.asked == IMAGES[kept:]
    assert file.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_torn_row_is_written_again_wherever_it_was_torn(tmp_path, monkeypatch):
    write(tmp_path / "whole.csv")
    file = tmp_path / "p.csv"
    killed(file, 8, monkeypatch)
    content, note = (
        rows_of(file).read_bytes(),
        file.with_name(".p.csv.rows.json").read_bytes(),
    )
    for length in range(len(content)):
        rows_of(file).write_bytes(content[:length])
        file.with_name(".p.csv.rows.json").write_bytes(note)
        done = write(file, resume=True)
        assert done.kept <= 8 and done.images == len(IMAGES)
        assert file.read_bytes() == (tmp_path / "whole.csv").read_bytes(), length


def test_rows_are_not_lost_by_forgetting_to_resume(tmp_path, monkeypatch):
    file = tmp_path / "p.csv"
    killed(file, 8, monkeypatch)
    before = rows_of(file).read_bytes()
    with pytest.raises(RunError, match="an earlier prediction of it did not end; --resume"):
        write(file)
    assert rows_of(file).read_bytes() == before


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"model": b"other"}, "model"), ({"top": 1}, "--top"),
        ({"spreadsheet": False}, "--raw-csv"),
        ({"network": Network(threshold=0.5)}, "--reject"),
        ({"network": Network(max_pixels=5)}, "--max-megapixels"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)  # fmt: skip
def test_rows_of_something_else_are_not_gone_on_with(tmp_path, monkeypatch, options, name):
    file = tmp_path / "p.csv"
    killed(file, 8, monkeypatch)
    before = rows_of(file).read_bytes()
    with pytest.raises(RunError, match=f"was begun with another {name}; use the same"):
        write(file, resume=True, **options)
    assert rows_of(file).read_bytes() == before


@pytest.mark.parametrize("change", ["fewer", "another", "order"])
def test_other_images_are_not_gone_on_with(tmp_path, monkeypatch, change):
    file, images = tmp_path / "p.csv", list(IMAGES)
    killed(file, 8, monkeypatch)
    if change == "fewer":
        del images[5:]
    elif change == "another":
        images[5] = Path("photos/other.jpg")
    else:
        images[5:7] = images[6:4:-1]
    before = rows_of(file).read_bytes()
    with pytest.raises(RunError, match=r"--resume: row 6 is of .* images are others"):
        write(file, images=images, resume=True)
    assert rows_of(file).read_bytes() == before


@pytest.mark.parametrize("damage", ["note", "columns", "quotes", "zeros"])
def test_damaged_rows_are_one_line(tmp_path, monkeypatch, damage):
    file = tmp_path / "p.csv"
    killed(file, 8, monkeypatch)
    content = rows_of(file).read_bytes()
    if damage == "note":
        file.with_name(".p.csv.rows.json").write_bytes(b"{")
    elif damage == "columns":
        rows_of(file).write_bytes(content + b"a,b\n")
    elif damage == "quotes":
        rows_of(file).write_bytes(content + b'"a"b,c,"d"\n')
    else:
        rows_of(file).write_bytes(content + b"\0" * 100 + b"\n")
    with pytest.raises(RunError, match="is damaged"):
        write(file, resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_rows_that_another_process_writes_are_left_to_it(tmp_path, resume):
    file = tmp_path / "p.csv"
    first = PredictionFile(file, 2, {}, resume=False)
    with pytest.raises(RunError, match="another process is writing predictions there"):
        write(file, resume=resume)
    first.close()
    with pytest.raises(RunError, match="was begun with another|did not end"):
        write(file, resume=resume)
    rows_of(file).unlink()
    assert write(file, resume=resume).images == len(IMAGES)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", Path("/proc")):
        with pytest.raises(RunError, match=r"p\.csv cannot be written: \w"):
            PredictionFile(folder / "p.csv", 2, {}, resume=False)


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    error = killed(tmp_path / "p.csv", 8, monkeypatch, error=type("Full", (OSError,), {
        "__init__": lambda self: OSError.__init__(self, *full.args)}))  # fmt: skip
    assert str(error).endswith("p.csv: No space left on device; --resume goes on with the rows that are there")  # fmt: skip
    assert write(tmp_path / "p.csv", resume=True).kept == 8


def test_a_parquet_file_has_what_the_csv_has(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("alexnet_cli.reports.prediction_file._GROUP", 10)
    write(tmp_path / "p.csv", spreadsheet=False)
    killed(tmp_path / "p.parquet", 8, monkeypatch, spreadsheet=False)
    assert write(tmp_path / "p.parquet", resume=True, spreadsheet=False).kept == 8
    found = parquet.read_table(tmp_path / "p.parquet").to_pylist()
    with (tmp_path / "p.csv").open(
        encoding="utf-8", errors="backslashreplace", newline=""
    ) as x:
        rows = list(csv.DictReader(x))
    assert len(found) == len(rows) == len(IMAGES)
    for one, other in zip(found, rows, strict=True):
        assert {k: "" if v is None else v for k, v in one.items()} == {
            k: float(v) if v and k.startswith("probability") else v == "true" if v and k == "rejected" else v
            for k, v in other.items()
        }  # fmt: skip
    assert sorted(x.name for x in tmp_path.iterdir()) == ["model", "p.csv", "p.parquet"]


@pytest.mark.parametrize("name", ["p.txt", "p", "p.json", "p.csv.gz"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(RecipeError, match=r"no file that ends in .csv or .parquet"):
        Output(tmp_path / name, 3, spreadsheet=True, resume=False).check()
