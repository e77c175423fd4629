"""An archive of class folders, read without unpacking it to disk."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ...errors import DatasetError, ImageError, printable
from ..split import TEST, TRAIN, VAL
from .class_lists import chosen_classes, require_known
from .layout import Placed, place, reason_to_leave_out
from .members import Members, Opened
from .source import ListedImages, Sample
from .tar_archive import open_tar
from .zip_archive import open_zip


def open_archive(
    path: Path, classes: Sequence[str] = (), *, least: int = 2
) -> ListedImages:
    """The images of the class folders in an archive, or in its train, val and test folders.

    With `classes`, only those, in that order. A compressed tar is read once to list it.

    Raises:
        DatasetError: it is damaged or a bomb, has no class folders, fewer than `least`
            classes, or a part has a class that train lacks.
    """
    location = printable(path)
    opened = _opened(path)
    members, left_out = opened.members, opened.left_out
    placed = [
        Placed(x.name, unicodedata.normalize("NFC", x.label), x.part)
        for x in place(members.names, location, left_out)
    ]
    trained_on = {x.label for x in placed if x.part == TRAIN or least == 1}
    kept = chosen_classes(trained_on, classes, location, least=least)
    if not classes and least > 1:
        require_known(((x.label, x.part) for x in placed), kept, location)
    index = {x: i for i, x in enumerate(kept)}
    samples = [Sample(x.name, index[x.label], x.part) for x in placed if x.label in index]
    order = _place(members)
    if order:
        samples.sort(key=order)
    found = {x.part for x in samples}
    return ListedImages(
        root=path,
        location=location,
        classes=kept,
        parts=tuple(x for x in (TRAIN, VAL, TEST) if x in found),
        samples=tuple(samples),
        reader=lambda sample: members.read(sample.name),
        notes=tuple(left_out.notes()),
        place=order,
    )


def recorded_archive(
    path: Path, classes: tuple[str, ...], samples: tuple[Sample, ...]
) -> ListedImages:
    """The `samples` of an archive that an earlier look has listed.

    Raises:
        DatasetError: it is damaged.
    """
    members = _opened(path).members
    return ListedImages(
        root=path,
        location=printable(path),
        classes=classes,
        parts=tuple(dict.fromkeys(x.part for x in samples)),
        samples=samples,
        reader=lambda sample: members.read(sample.name),
        place=_place(members),
    )


def _place(members: Members) -> Callable[[Sample], tuple[int, ...]] | None:
    """Where a sample stands in an archive that is read from its start."""
    if not members.sequential:
        return None
    order = {name: i for i, name in enumerate(members.names)}
    return lambda sample: (order.get(sample.name, len(order)),)


def archive_images(path: Path) -> Iterator[tuple[Path, bytes | ImageError]]:
    """The images in an archive, in its order: a path below its own, and the content.

    What cannot be read is an error in the place of its content, also the archive itself.
    One at a time is in memory.
    """
    try:
        members = _opened(path).members
    except DatasetError as error:
        yield path, ImageError(str(error).removeprefix(f"{printable(path)} "))
        return
    images = [x for x in members.names if not reason_to_leave_out(x)]
    if not images:
        yield path, ImageError("is an archive without images")
    for name in images:
        yield path / name, _content(members, name)


def _content(members: Members, name: str) -> bytes | ImageError:
    try:
        return members.read(name)
    except ImageError as error:
        return error


def _opened(path: Path) -> Opened:
    return open_zip(path) if path.suffix.lower() == ".zip" else open_tar(path)
