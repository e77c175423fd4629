"""Columns are aligned, whatever is in them."""

from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.reports.text import table


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
