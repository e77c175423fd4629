"""Columns are aligned, whatever is in them."""

import ctypes
import locale

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.reports.text import cells, padded, table


def test_columns_on_the_left_and_on_the_right():
    rows = [("class", "n"), ("a", "10"), ("daisies", "9")]
    assert list(table(rows)) == ["class     n", "a        10", "daisies   9"]
    assert list(table(rows, left=2)) == ["class    n", "a        10", "daisies  9"]


def test_rows_may_be_any_iterable():
    assert list(table(x for x in [["a"], ["bb"]])) == ["a", "bb"]


CELLS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)


@given(
    rows=st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=6)
    ),
    left=st.integers(0, 5),
)
def test_every_cell_ends_or_begins_where_its_column_does(rows, left):
    lines = list(table(rows, left))
    assert [x.split() for x in lines] == rows
    widths = [max(len(x[i]) for x in rows) for i in range(len(rows[0]))]
    start = 0
    for i, width in enumerate(widths):
        for line, row in zip(lines, rows, strict=True):
            cell = line.ljust(sum(widths) + 2 * len(widths))[start : start + width]
            assert cell == (row[i].ljust(width) if i < left else row[i].rjust(width))
        start += width + 2
    assert not any(x.endswith(" ") for x in lines)


WIDE = [
    ("daisy", 5), ("\u732b", 2), ("\uff21\u5168\u89d2", 6), ("\ud55c\uad6d\uc5b4", 6), ("\U0001f337", 2),
    ("e\u0301", 1), ("\u05e9\u05dc\u05d5\u05dd", 4), ("\u1112\u1161\u11ab", 2), ("\u0e17\u0e35\u0e48", 1), ("", 0),
]  # fmt: skip


@pytest.mark.parametrize("text, count", WIDE)
def test_a_wide_character_takes_two_cells_and_a_mark_none(text, count):
    assert cells(text) == count
    assert padded(text, 8) == text + " " * (8 - count)


def test_columns_of_wide_characters_are_aligned():
    rows = [("class", "n"), *((x, "1") for x, _ in WIDE)]
    lines = list(table(rows))
    assert {cells(x) for x in lines} == {len("class ") + 3}
    assert lines[2] == f"\u732b{' ' * 6}1"


def test_cells_are_those_of_the_system():
    """Source: wcwidth() of glibc, but for what a newer Unicode has made wide."""
    try:
        wcwidth = ctypes.CDLL(None).wcwidth
        before = locale.setlocale(locale.LC_CTYPE)
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except (AttributeError, OSError, TypeError, locale.Error):
        pytest.skip("the system has no wcwidth, or no UTF-8 locale")
    try:
        shown = [chr(x) for x in range(32, 0x30000) if chr(x).isprintable()]
        other = [x for x in shown if wcwidth(ord(x)) not in (-1, cells(x))]
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    assert len(other) < 500 < len(shown), other[:20]
