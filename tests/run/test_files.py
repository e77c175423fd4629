"""A file is whole or as it was, and CSV keeps names of any bytes: the csv module reads it."""

import csv
import io
import os
import re

import pytest
from helpers import HARD_NAMES
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.errors import RunError
from alexnet_cli.run.files import (
    csv_line,
    read_csv,
    replacing,
    write_csv,
    write_page,
    write_text,
)

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    file = tmp_path / "a.json"
    with replacing(file) as part:
        assert part.parent == tmp_path and part.suffix == ".json" and part != file
        part.write_text("one")
        assert not file.exists()
    assert file.read_text() == "one"
    with replacing(file) as part:
        part.write_text("two")
        assert file.read_text() == "one"
    assert file.read_text() == "two"
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_after_an_error_the_old_file_stays(tmp_path, error):
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(error), replacing(file) as part:
        part.write_text("half")
        raise error
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_nothing_written_is_an_error_and_no_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_row_that_cannot_be_written_leaves_the_old_csv(tmp_path):
    file = tmp_path / "a.csv"
    write_csv(file, ["x"], [["1"]])
    with pytest.raises(UnicodeEncodeError):
        write_csv(file, ["x"], [["2"], ["\ud800"]])
    assert read_csv(file, ["x"]) == [{"x": "1"}]
    assert os.listdir(tmp_path) == ["a.csv"]


def test_text_keeps_bytes_that_are_not_utf8(tmp_path):
    write_text(tmp_path / "a.txt", "ü" + os.fsdecode(b"\xff\n"))
    assert (tmp_path / "a.txt").read_bytes() == "ü".encode() + b"\xff\n"


def test_a_page_makes_its_folder_and_text_does_not(tmp_path):
    write_page(tmp_path / "a" / "b" / "page.html", "<p>")
    assert (tmp_path / "a" / "b" / "page.html").read_text() == "<p>"
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "c" / "page.html", "<p>")


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_a_line_is_read_back_by_the_csv_module(cells):
    line = csv_line(cells)
    assert list(csv.reader(io.StringIO(line + "\n", newline=""))) == [cells]


@pytest.mark.parametrize("cell, shown", [
    ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-1+1", "'-1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t'=1"),
    ("\r=1", "'\r'=1"), ("\n=1", "'\n'=1"), ("-", "'-"), ("-dash.jpg", "'-dash.jpg"), ("\uff1d1", "'\uff1d1"),
    ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("-0.5", "-0.5"), ("+1e-3", "+1e-3"), (-0.5, "-0.5"),
    (-3, "-3"), ("-inf", "-inf"), ("a=b", "a=b"), ("'=1", "'=1"), ("", ""), ("a;=1+1", "a;'=1+1"), ("a\n-b", "a\n'-b"), ("a-b", "a-b"), ("a; b", "a; b"), (" =1", " =1"),
])  # fmt: skip
def test_no_cell_is_a_formula_and_numbers_stay_numbers(cell, shown):
    """Source: OWASP, "CSV Injection"."""
    line = csv_line([cell, "b"], spreadsheet=True)
    assert list(csv.reader(io.StringIO(line, newline=""))) == [[shown, "b"]]
    assert list(csv.reader(io.StringIO(csv_line([cell, "b"]), newline=""))) == [
        [str(cell), "b"]
    ]


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_no_cell_is_a_formula_with_any_separator(cells):
    """A spreadsheet may also part cells at semicolons and tabs, and heed no quotes then."""
    line = csv_line([x for x in cells if not _number(x)], spreadsheet=True)
    assert not re.search('(^|[;\t\r\n])"?[=+@-]', line)
    (row,) = csv.reader(io.StringIO(line + "\n", newline=""))
    assert not any(x.startswith(tuple("=+-@\t\r\n")) for x in row)


def _number(text):
    try:
        return float(text) is not None
    except ValueError:
        return False


@pytest.mark.parametrize("name", ["=1+1.jpg", "-a", "+a", "@a", "\ta", "\ra", "'=a", "'a"])
def test_what_a_run_reads_again_is_as_it_is(tmp_path, name):
    write_csv(tmp_path / "split.csv", ["file", "class"], [[name, name]])
    assert read_csv(tmp_path / "split.csv", ["file"]) == [{"file": name, "class": name}]


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=4))
def test_rows_are_read_back(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("c") / "a.csv"
    write_csv(file, ["x", "y"], rows)
    assert [list(x.values()) for x in read_csv(file, ["x", "y"])] == rows


def test_hard_names_are_read_back(tmp_path):
    names = [os.fsdecode(x) for x in HARD_NAMES]
    write_csv(tmp_path / "a.csv", ["file", "n"], [(x, 1) for x in names])
    assert [x["file"] for x in read_csv(tmp_path / "a.csv", ["file"])] == names
    assert (tmp_path / "a.csv").read_bytes().startswith(b"file,n\na b.jpg,1\n")


@pytest.mark.parametrize(
    "text,message",
    [
        ("file,class\nx\n", "is damaged: a row lacks a column"),
        ("name,class\nx,y\n", "is damaged: a row lacks a column"),
        ("file,class\nx,y,z\n", None),
        ("", None),
        ("file,class\n", None),
        (f"file,class\n{'x' * 200_000},y\n", "is damaged: field larger than field limit"),
    ],
)
def test_a_csv_that_lacks_columns_is_named(tmp_path, text, message):
    file = tmp_path / "a.csv"
    file.write_text(text)
    if message is None:
        assert len(read_csv(file, ["file", "class"])) == max(0, text.count("\n") - 1)
        return
    with pytest.raises(RunError) as caught:
        read_csv(file, ["file", "class"])
    assert str(caught.value).startswith(f"{file} {message}")


def test_a_csv_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(RunError) as caught:
        read_csv(tmp_path / "a.csv", ["file"])
    assert str(caught.value) == f"{tmp_path}/a.csv: No such file or directory"
