"""A manifest: a table that names images, their classes, and perhaps their parts."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import DatasetError, printable
from ..class_names import quoted
from ..split import TEST, TRAIN, VAL
from .class_lists import chosen_classes, is_number, listed_names, require_known
from .listed_files import ListedFiles
from .manifest_rows import Rows, read_rows
from .source import ListedImages, Sample
from .table import open_table


def open_manifest(
    file: Path, classes: Sequence[str] = (), *, least: int = 2
) -> ListedImages:
    """The images that the manifest `file` names, paths being relative to its folder.

    With `classes`, only those, in that order. Files that do not exist are found out when
    they are read.

    Raises:
        DatasetError: it cannot be read, its columns or rows are not clear, none of its
            files exists, or there are fewer than `least` classes.
    """
    location = printable(file)
    files = ListedFiles(file.parent)
    with open_table(file) as table:
        rows, column_note = read_rows(table, files, location)
    _require_images(rows, location)
    names, list_note = _class_names(rows.labels, file)
    rows.labels = [names.get(x, x) for x in rows.labels]
    kept = _kept(rows, names, classes, location, least=least)
    index = {x: i for i, x in enumerate(kept)}
    samples = tuple(
        Sample(name, index[label], part)
        for name, label, part in zip(rows.names, rows.labels, rows.parts, strict=True)
        if label in index
    )
    found = {x.part for x in samples}
    return ListedImages(
        root=file.parent,
        location=location,
        classes=kept,
        parts=tuple(x for x in (TRAIN, VAL, TEST) if x in found),
        samples=samples,
        reader=files.read,
        notes=tuple(x for x in (column_note, list_note, *rows.notes(), *_alike(kept)) if x),
    )


def _require_images(rows: Rows, location: str) -> None:
    if not rows.names:
        rest = "" if rows.unlabeled else "; it has a header and no rows"
        raise DatasetError(f"{location} names no image with a label{rest}")
    problems = rows.files.problems
    if all(x in problems for x in rows.names):
        first = rows.names[0]
        advice = f"paths are relative to {printable(rows.files.root)}"
        if inside := rows.files.inside(first):
            advice = f"write paths from {printable(rows.files.root)} on, as {inside!r}"
        elif first[:1] == first[-1:] == "'":
            advice = "take the single quotes away, or make them double ones"
        raise DatasetError(
            f"{location}: none of its files can be used; the first, {quoted(first)}, "
            f"{problems[first]}; {advice}"
        )


def _kept(
    rows: Rows,
    names: Mapping[str, str],
    classes: Sequence[str],
    location: str,
    *,
    least: int,
) -> tuple[str, ...]:
    """The classes to use; `names` are those of labels, where these are numbers.

    Raises:
        DatasetError: to train on, no image is in the train part, or it lacks a class.
    """
    labeled = list(zip(rows.labels, rows.parts, strict=True))
    trained_on = {x for x, part in labeled if part == TRAIN or least == 1}
    if not trained_on:
        raise DatasetError(f"{location} has no image of the train part")
    # Names of numbers are in the order of the numbers.
    ordered = tuple(x for x in dict.fromkeys(names.values()) if x in trained_on)
    kept = chosen_classes(trained_on, tuple(classes) or ordered, location, least=least)
    if not classes and least > 1:
        require_known(labeled, kept, location)
    return kept


def _class_names(labels: Sequence[str], file: Path) -> tuple[dict[str, str], str]:
    """The name of each label where it is not the label itself, and a note of that.

    Raises:
        DatasetError: labels are measurements, or the list of names does not fit.
    """
    distinct = set(labels)
    numbers = {x: _number(x) for x in distinct}
    if all(x is not None for x in numbers.values()):
        whole = {
            x: str(int(n)) for x, n in numbers.items() if n is not None and n == int(n)
        }
        if len(whole) < len(distinct):
            first = min(distinct - set(whole))
            raise DatasetError(
                f"{printable(file)}: labels are numbers with fractions, such as {first}; "
                f"a classifier learns classes, not measurements"
            )
        # pandas writes 1 as 1.0 where a label is missing.
        if all(is_number(x) for x in whole.values()):
            names, note = listed_names(file.parent, whole.values())
            ordered = sorted(whole, key=lambda x: int(whole[x]))
            return {x: names.get(whole[x], whole[x]) for x in ordered}, note
    return {}, ""


def _number(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in label else None


def _alike(classes: Sequence[str]) -> list[str]:
    """Notes of classes that differ only in case."""
    first: dict[str, str] = {}
    return [
        f"classes {first[x.casefold()]!r} and {x!r} differ only in case"
        for x in classes
        if first.setdefault(x.casefold(), x) != x
    ]
