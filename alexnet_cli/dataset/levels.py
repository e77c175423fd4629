"""Whether the folders of a data set are its classes: not its parts, nor one too high."""

from collections.abc import Collection, Sequence
from pathlib import Path

from ..errors import DatasetError, printable
from .class_names import MOST_LISTED, listed_classes, shown
from .folder_tree import FolderTree
from .listing import Note, entries, is_folder, is_junk
from .part_names import ANNOTATIONS, IMAGES, folded, part_of
from .split import TEST, TRAIN, VAL


def class_level(tree: FolderTree, folders: Collection[str], note: Note) -> list[str]:
    """Those of `folders`, names in the root, that are classes as far as can be told.

    Raises:
        DatasetError: the class folders are elsewhere; it says where.
    """
    held = [x for x in folders if tree.holds(x)]
    flat = [x for x in held if tree.is_flat(tree.root / x)]
    nested = [x for x in held if not tree.content(tree.root / x).images]
    _refuse_flat_parts(tree, held, flat)
    if nested == held and len(held) == 1:
        _refuse_too_high(tree, held[0])
    if nested == held and len(held) > 1:
        _refuse_alike(tree, held)
    if nested and nested != held:
        _refuse_doubled(tree, held, nested)
    unlabeled = [x for x in flat if part_of(x) == (TEST, 3)]
    if len(held) - len(unlabeled) < 2:
        return list(folders)
    for name in unlabeled:
        count = tree.content(tree.unwrapped(tree.root / name)).files
        note(
            f"{name}/: {count} file(s) without class folders, not a class "
            f"(unless --classes names it)"
        )
    return [x for x in folders if x not in unlabeled]


def no_classes(folder: Path) -> str:
    """What is wrong with `folder`, which has no class folders with images."""
    if any(not is_folder(x) and not is_junk(x) for x in entries(folder)):
        return (
            f"{printable(folder)} has files but no class folders; "
            f"put the images of each class into a folder of its own"
        )
    return f"{printable(folder)} has no class folders with images"


def _refuse_flat_parts(tree: FolderTree, held: Sequence[str], flat: Sequence[str]) -> None:
    """Refuse train/ and test/ that hold images as they are, or a lone folder images/."""
    named = [x for x in flat if part_of(x)[1] > 1]
    parts = {part_of(x)[0] for x in named}
    lone = len(held) == 1 and held == flat and (named or folded(held[0]) in IMAGES)
    if lone or (TRAIN in parts and parts & {VAL, TEST}):
        names = " and ".join(shown(f"{x}/") for x in (named or flat)[:3])
        raise DatasetError(
            f"{printable(tree.root)}: {names} hold images but no class folders; "
            f"put the images of each class into a folder of its own"
        )


def _refuse_too_high(tree: FolderTree, name: str) -> None:
    """Refuse a folder whose only folder holds the class folders."""
    end = tree.unwrapped(tree.root / name)
    if len(tree.subfolders(end)) > 1:
        raise DatasetError(
            f"{printable(tree.root)} has only one folder, {shown(name)}, and the class "
            f"folders are in it; use --data {printable(end)}"
        )


def _refuse_alike(tree: FolderTree, held: Sequence[str]) -> None:
    """Refuse folders that hold folders of the same names: parts, or variants."""
    ends = {x: tree.unwrapped(tree.root / x) for x in held}
    names = {x: {folded(n) for n in tree.subfolders(end)} for x, end in ends.items()}
    names = {x: found - IMAGES - ANNOTATIONS for x, found in names.items()}
    alike = []
    for x in held:
        others = set().union(*(names[y] for y in held if y != x))
        shared = names[x] & others
        if len(shared) > 1 and 2 * len(shared) >= len(names[x]):
            alike.append(x)
    if len(alike) < 2:
        return
    one, other = sorted(alike[:2], key=lambda x: part_of(x)[0] in (VAL, TEST))
    same = listed_classes(sorted(names[one] & names[other])[:3])
    use = f"--data {printable(ends[one])}"
    if part := part_of(other)[0]:
        use = f"--train {printable(ends[one])} --{part} {printable(ends[other])}"
    raise DatasetError(
        f"{printable(tree.root)}: {listed_classes(alike)} hold folders of the same names "
        f"({same}), so they are parts or variants, not classes; use {use}"
        f" (or --classes {','.join(printable(x) for x in alike[:2])} if they are classes)"
    )


def _refuse_doubled(tree: FolderTree, held: Sequence[str], nested: Sequence[str]) -> None:
    """Refuse class folders beside a folder that holds folders of the same classes again."""
    own = {folded(x) for x in held}
    for name in nested:
        end = tree.unwrapped(tree.root / name)
        inside = tree.subfolders(end)
        again = [x for x in inside if folded(x) in own - {folded(name)}]
        lone = len(held) == 2 and part_of(name)[0] == TRAIN and part_of(name)[1] > 1
        if len(again) < 2 and not (lone and len(inside) > 1):
            continue
        what = (
            f"the class folders {listed_classes(again)} again" if again else "class folders"
        )
        others = [printable(x) for x in held if x != name]
        listing = ",".join(others) if len(others) <= MOST_LISTED else "with the others"
        raise DatasetError(
            f"{printable(tree.root)}: {shown(name)} beside the other folders holds {what}; "
            f"use --data {printable(end)}, or --classes {listing} to leave it out"
        )
