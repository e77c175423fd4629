"""Which column of a table names the image, which its class, and which its part."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import DatasetError
from ..layout.part_names import part_named
from ..split import TRAIN

PATHS = frozenset({
    "file", "files", "filename", "filenames", "filepath", "filepaths", "path", "paths",
    "image", "images", "imagefile", "imagefilename", "imagename", "imagepath", "imagepaths",
    "img", "imgfile", "imgname", "imgpath", "photo", "picture", "relativepath", "relpath",
})  # fmt: skip
WEAK_PATHS = frozenset(
    {"id", "imageid", "imgid", "fileid", "uuid", "name", "url", "imageurl"}
)
"""Names of columns that are the image's if there is no better one."""
LABELS = frozenset({
    "label", "labels", "class", "classes", "category", "categories", "target", "targets",
    "classname", "labelname", "classlabel", "classid", "labelid", "categoryid", "y",
    "species", "breed", "diagnosis",
})  # fmt: skip
SPLITS = frozenset({
    "split", "set", "part", "subset", "partition", "dataset", "datasplit", "usage", "phase",
})  # fmt: skip
FOLDS = frozenset({"fold", "folds", "kfold", "cvfold", "foldid"})
"""Names of columns that are the part's if there is no better one, and if they say it."""
READ = (
    "file, path, image or filename; label, class, category or target; and split, set, "
    "subset or is_valid"
)
"""Names of columns in messages."""
ROW_NUMBERS = frozenset({"", "index", "unnamed0"})
"""Columns of numbers that pandas writes."""
_YES = frozenset({"1", "1.0", "true", "yes", "t", "y"})
_NO = frozenset({"0", "0.0", "false", "no", "f", "n"})
_FLAGS = frozenset({"0", "1", "0.0", "1.0", "true", "false"})


@dataclass(frozen=True)
class Columns:
    """Indices of the columns that matter."""

    path: int
    label: int
    split: int | None
    count: int
    """How many columns there are."""
    header: bool
    """Whether the first row is a header, not an image."""
    note: str = ""
    flag: str = ""
    """The part that images are of for which the column `split` says yes."""

    def part(self, value: Any) -> str:
        """The part that a cell of the column `split` says.

        Raises:
            DatasetError: it says none.
        """
        text = "" if value is None else str(value).strip()
        if self.flag and text.lower() in _YES | _NO:
            return self.flag if text.lower() in _YES else TRAIN
        if part := part_named(text):
            return part
        if self.flag:
            raise DatasetError(f"{text!r} is neither true nor false")
        if text.isdigit() or text.lower() in _YES | _NO:
            raise DatasetError(
                f"part {text!r} is none of train, val and test; write these into a column "
                f"called split, or leave it out: --folds and --fold make folds"
            )
        raise DatasetError(
            f"part {text!r} is none of train, val and test; write one of them, or leave "
            f"the row out"
        )


def choose_columns(
    first: Sequence[Any], second: Sequence[Any], where: str, *, keyed: bool
) -> Columns:
    """The columns by the header `first`, or of rows of image, class and perhaps part.

    `second` are the cells of the next row. With `keyed` the first row is a header in any
    case.

    Raises:
        DatasetError: two columns could be the same thing, or none is; `where` begins it.
    """
    names = [_plain(x) for x in first]
    paths = [i for i, x in enumerate(names) if x in PATHS]
    paths = paths or [i for i, x in enumerate(names) if x in WEAK_PATHS]
    labels = [i for i, x in enumerate(names) if x in LABELS]
    if not (keyed or paths or labels):
        return _without_header(first, where)
    flags = _flags([str(x) for x in first], second)
    splits = [i for i, x in enumerate(names) if x in SPLITS]
    splits = sorted({*splits, *(i for i in flags if not splits or flags[i] != TRAIN)})
    splits = splits or [i for i, x in enumerate(names) if x in FOLDS]
    for what, found in (("image", paths), ("class", labels), ("part", splits)):
        if len(found) > 1:
            raise DatasetError(
                f"{where}: several columns could name the {what}: "
                f"{', '.join(str(first[i]) for i in found)}; leave one, or rename"
            )
    _require_other_parts(splits, flags, first, where)
    used = {*paths, *labels, *splits}
    rest = [i for i, x in enumerate(names) if i not in used and x not in ROW_NUMBERS]
    note = ""
    if not (paths and labels):
        what, found = ("class", labels) if paths else ("image", paths)
        if len(rest) != 1 or not (paths or labels):
            raise _missing(first, second, rest, where, what)
        found += rest
        note = f"column {str(first[rest[0]])!r} is taken to name the {what}"
    split = splits[0] if splits else None
    flag = "" if split is None else flags.get(split, "")
    return Columns(paths[0], labels[0], split, len(first), True, note, flag)


def _require_other_parts(
    splits: Sequence[int], flags: Mapping[int, str], first: Sequence[Any], where: str
) -> None:
    """Refuse a column that only says what to train on."""
    if splits and flags.get(splits[0]) == TRAIN:
        raise DatasetError(
            f"{where}: {str(first[splits[0]])!r} does not say whether other images are to "
            f"validate or to test on; write train, val and test into a column called split"
        )


def _flags(names: Sequence[str], cells: Sequence[Any]) -> dict[int, str]:
    """Columns that say of an image whether it is of a part, as is_valid, and that part.

    The others are to train on. A name without "is" may be that of something else, such as
    a blood test, and is one of those if the cell in the next row is yes or no; "valid" may
    say that an image is a good one.
    """
    flags = {}
    for i, name in enumerate(names):
        bare = re.sub(r"^is", "", name, flags=re.I)
        part = part_named(bare)
        cell = str(cells[i]).strip().lower() if i < len(cells) else ""
        plain = bare == name
        if part and not (plain and (_plain(name) == "valid" or cell not in _YES | _NO)):
            flags[i] = part
    return flags


def _plain(name: Any) -> str:
    return re.sub(r"[\W_]", "", str(name).lower())


def _without_header(first: Sequence[Any], where: str) -> Columns:
    if len(first) == 2:
        return Columns(0, 1, None, 2, False)
    if len(first) == 3 and part_named(str(first[2])):
        return Columns(0, 1, 2, 3, False)
    if len(first) == 1:
        raise DatasetError(
            f"{where}: one column only, {str(first[0])[:50]!r}; separate columns with "
            f"commas, semicolons, tabs (in .tsv only these) or |"
        )
    raise DatasetError(
        f"{where}: neither a header nor an image and its class; let the first line be "
        f"file,label or file,label,split; names of columns that are read are {READ}"
    )


def _missing(
    first: Sequence[Any], second: Sequence[Any], rest: list[int], where: str, what: str
) -> DatasetError:
    """What is wrong with a header that names no column for `what`."""
    names = [str(first[i]) for i in rest]
    flags = [str(second[i]).lower() for i in rest if i < len(second)]
    listed = ", ".join(names[:5]) + (", ..." if names[5:] else "")
    if what == "class" and flags[1:] and _FLAGS.issuperset(flags):
        return DatasetError(
            f"{where}: one-hot labels, a column for each class ({listed}), are not read; "
            f"write the name of the class into one column called label"
        )
    others = f" among {listed}" if names else ""
    word = "label" if what == "class" else "file"
    return DatasetError(
        f"{where}: no column names the {what}{others}; call the one that does {word}; "
        f"names that are read are {READ}"
    )
