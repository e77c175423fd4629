"""Which folders of a data set are its training, validation and test part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import DatasetError, for_shell, printable
from ..class_names import listed_classes, quoted
from ..split import TEST, TRAIN, VAL
from .folder_tree import Content, FolderTree
from .left_out import LeftOut
from .part_names import folded, part_of

PARTS = (TRAIN, VAL, TEST)


@dataclass(frozen=True)
class Layout:
    """The parts of a data set."""

    parts: Mapping[str, Path] = field(default_factory=dict)
    """train, and val or test as there are; none if it is a folder of class folders."""
    left_out: tuple[LeftOut, ...] = ()
    """What is beside their folders."""


def find_layout(tree: FolderTree) -> Layout:
    """The parts that the folders of the root are, by their names and by what is in them.

    A folder of class folders called train, Training, seg_train, train_data and the like is
    the training part if there is a validation or test part too, or else a test folder
    without class folders. Of two for one part, the plainer name wins. A single other
    folder beside test folders, with the same class folders, is the training part as well.

    Raises:
        DatasetError: two folders could be the same part, or the class folders of a part
            are one level further down.
    """
    folders = tree.folders()
    nested = [x for x in folders if _is_nested(tree, x, folders[x])]
    parts = _best(tree.root, nested)
    if TRAIN not in parts and parts and (name := _unnamed(tree, nested, parts)):
        parts = {TRAIN: name, **parts}
    left = [x for x in folders if x not in parts.values() and tree.holds(x)]
    flat = [x for x in left if x not in nested]
    unlabeled = [x for x in flat if part_of(x)[0] in (VAL, TEST)]
    # With a test folder alone, others beside it are classes, and so is "train".
    alone = len(parts) < 2 and (not unlabeled or len(flat) > len(unlabeled) + 1)
    if TRAIN not in parts or alone:
        return Layout()
    _require_classes_in(tree, parts)
    reasons = {x: _why_unused(tree, x, parts) for x in left}
    reasons |= {x: tree.why_empty(x) for x in folders if not tree.holds(x)}
    beside = [LeftOut(tree.root / x, y, is_folder=True) for x, y in reasons.items()]
    tree.note_files(beside.append, "the parts")
    ordered = {x: tree.root / parts[x] for x in PARTS if x in parts}
    return Layout(ordered, tuple(beside))


def _is_nested(tree: FolderTree, name: str, content: Content) -> bool:
    """Whether the folder may be a part: it has folders, and no images beside them."""
    folder = tree.root / name
    return bool(content.folders) and not content.images and not tree.is_flat(folder)


def _best(root: Path, names: list[str]) -> dict[str, str]:
    """For each part the folder whose name says so most plainly.

    Raises:
        DatasetError: there are two.
    """
    best: dict[str, str] = {}
    for part in PARTS:
        ranked = [(part_of(x)[1], x) for x in names if part_of(x)[0] == part]
        plainest = [x for rank, x in ranked if rank == max(ranked)[0]]
        if len(plainest) > 1:
            one, other = (quoted(x) for x in plainest[:2])
            raise DatasetError(
                f"{printable(root)}: both {one} and {other} could be the {part} part; "
                f"rename one, or name the folders with --train, --val and --test"
            )
        if plainest:
            best[part] = plainest[0]
    return best


def _unnamed(tree: FolderTree, nested: list[str], parts: Mapping[str, str]) -> str:
    """The one folder that no name makes a part and that has the classes of the others."""
    found = [x for x in nested if not part_of(x)[0] and tree.holds(x)]
    if len(found) != 1 or any(part_of(x)[1] < 2 for x in parts.values()):
        return ""
    own = {folded(x) for x in tree.subfolders(tree.root / found[0])}
    others = [{folded(x) for x in tree.subfolders(tree.root / y)} for y in parts.values()]
    return found[0] if len(own) > 1 and all(x and x <= own for x in others) else ""


def _require_classes_in(tree: FolderTree, parts: Mapping[str, str]) -> None:
    """Check that the class folders of each part are directly in it.

    Raises:
        DatasetError: they are one level down, as in seg_train/seg_train.
    """
    trained_on = tree.unwrapped(tree.root / parts[TRAIN])
    trained = {folded(x) for x in tree.subfolders(trained_on)}
    deeper = {}
    for part in (x for x in PARTS if x in parts):
        folder = tree.root / parts[part]
        end = tree.unwrapped(folder)
        single = {folded(x) for x in tree.subfolders(folder)}
        known = part != TRAIN and single <= trained
        deeper[part] = folder if known or tree.content(end).images else end
    if all(deeper[x] == tree.root / parts[x] for x in deeper):
        return
    options = " ".join(f"--{x} {for_shell(y)}" for x, y in deeper.items())
    if len(deeper) == 1:
        options = f"--data {for_shell(deeper[TRAIN])}"
    raise DatasetError(
        f"{printable(tree.root)}: the class folders are one level further down; "
        f"use {options}"
    )


def _why_unused(tree: FolderTree, name: str, parts: Mapping[str, str]) -> str:
    """Why the folder `name` is no part."""
    part, _ = part_of(name)
    folder = tree.root / name
    if tree.is_flat(folder):
        count = tree.content(tree.unwrapped(folder)).files
        return f"{count} file(s) without class folders; `alexnet predict` names them"
    if part in parts:
        return (
            f"{quoted(parts[part] + '/')} is the {part} part; --train, --val and --test "
            f"name other folders"
        )
    used = listed_classes(f"{x}/" for x in parts.values())
    return f"neither a part nor a class; used are {used}"
