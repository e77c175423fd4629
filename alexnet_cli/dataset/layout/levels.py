"""Whether the folders of a data set are its classes: not its parts, nor one too high."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from ...errors import DatasetError, for_shell, printable
from ..class_names import (
    MOST_LISTED,
    classes_option,
    listed_classes,
    matching,
    quoted,
    shown,
)
from ..split import TEST, TRAIN, VAL
from .disk import Files
from .folder_tree import FolderTree
from .left_out import LeftOut, Note, left_out_notes
from .listing import ARCHIVE, entries, is_folder, is_junk, why_unused
from .part_names import ANNOTATIONS, IMAGES, folded, part_of
from .parts import find_layout

_SAY_NOTHING = IMAGES | {"batch", "chunk", "shard", "fold"}
"""Words in names of folders that are one's first, second and third part."""
LISTS = (".csv", ".tsv", ".jsonl")
"""Extensions of files that may name the classes of images, in lower case."""


def within(data: Path, files: Files, note: Note, known: Collection[str] = ()) -> Path:
    """`data`, or in an archive the folder in it that is wrapped by single folders.

    A folder named as one of `known`, or with images in it, is a class and wraps nothing.
    """
    for x in files.left_out:
        note(x)
    while files.wrapped:
        tree = FolderTree(data, files)
        held = [x for x in tree.folders() if tree.holds(x)]
        names = [x for x in tree.subfolders(data) if x in held]
        if len(names) != 1 or matching(names[0], known):
            break
        if tree.content(data).images or tree.content(data / names[0]).images:
            break
        tree.note_files(note, f"{quoted(f'{names[0]}/')}")
        for name in (x for x in tree.class_folders(note) if x not in names):
            note(LeftOut(data / name, tree.why_empty(name), is_folder=True))
        data /= names[0]
    return data


def class_level(tree: FolderTree, folders: Collection[str], note: Note) -> list[str]:
    """Those of `folders`, names in the root, that are classes as far as can be told.

    Raises:
        DatasetError: the class folders are elsewhere; it says where.
    """
    held = [x for x in folders if tree.holds(x)]
    flat = [x for x in held if tree.is_flat(tree.root / x)]
    nested = [x for x in held if x not in flat and not tree.content(tree.root / x).images]
    _refuse_flat_parts(tree, held, flat)
    # What is to be predicted, as test/ of images without class folders, is no class.
    deep = [x for x in held if x not in flat or part_of(x)[0] not in (VAL, TEST)]
    if len(deep) == 1 and deep[0] in nested:
        _refuse_too_high(tree, deep[0], len(held) - 1)
    if nested == held and len(held) > 1:
        _refuse_alike(tree, held)
    _refuse_parts_below(tree, nested)
    if nested:
        _refuse_doubled(tree, held, nested)
    unlabeled = [x for x in flat if part_of(x) == (TEST, 3)]
    if len(held) - len(unlabeled) < 2:
        return list(folders)
    for name in unlabeled:
        count = tree.content(tree.unwrapped(tree.root / name)).files
        reason = f"{count} file(s) without class folders; --classes makes it a class"
        note(LeftOut(tree.root / name, reason, is_folder=True))
    return [x for x in folders if x not in unlabeled]


def no_classes(tree: FolderTree, left_out: Sequence[LeftOut]) -> str:
    """What is wrong with the root of `tree`, which has no class folders with images.

    `left_out` are its folders and files, and why they are not used.
    """
    root = printable(tree.root)
    found = entries(tree.root, tree.files)
    loose = [x for x in found if not is_folder(x) and not is_junk(x)]
    if packed := [x for x in loose if why_unused(x) == ARCHIVE]:
        use = f"use --data {for_shell(packed[0].path)}"
        return (
            f"{root} has no class folders, but the archive {quoted(packed[0].name)}; "
            f"{'unpack it' if tree.files.wrapped else use}"
        )
    if loose:
        return (
            f"{root} has files but no class folders; put the images of each class into a "
            f"folder of its own{_table(tree)}"
        )
    why = [*tree.files.left_out, *(x for x in left_out if x.is_folder)]
    notes = left_out_notes(tree.root, why)
    return "; ".join((f"{root} has no class folders with images", *notes[:1]))


def _table(tree: FolderTree) -> str:
    """The end of a message: the manifest that there may be."""
    # Not Kaggle's sample_submission.csv, which has no labels.
    found = [
        x
        for x in entries(tree.root, tree.files)
        if x.name.lower().endswith(LISTS) and "submission" not in x.name.lower()
    ]
    if not found:
        return ""
    use = f"use --data {for_shell(found[0].path)}"
    if tree.files.wrapped:
        use = f"unpack the archive and use --data with its {quoted(found[0].name)}"
    return f", or {use} if it names their classes"


def _refuse_flat_parts(tree: FolderTree, held: Sequence[str], flat: Sequence[str]) -> None:
    """Refuse train/ and test/ that hold images as they are, or a lone folder images/."""
    named = [x for x in flat if part_of(x)[1] > 1]
    parts = {part_of(x)[0] for x in named}
    lone = len(held) == 1 and held == flat and (named or _only_images(tree, held[0]))
    if lone or _numbered(held, flat) or (TRAIN in parts and parts & {VAL, TEST}):
        names = " and ".join(shown(f"{x}/") for x in (named or flat)[:3])
        raise DatasetError(
            f"{printable(tree.root)}: {names} hold images but no class folders; put the "
            f"images of each class into a folder of its own{_table(tree)}"
        )


def _only_images(tree: FolderTree, name: str) -> bool:
    """Whether the folder `name`, which is flat, is called images/, or holds such a one."""
    return folded(name) in IMAGES or not tree.content(tree.root / name).images


def _numbered(held: Sequence[str], flat: Sequence[str]) -> bool:
    """Whether all are called images_001, images_part_2 and the like, but for the number."""
    names = {re.sub(r"\d+", "", folded(x)) for x in held}
    if len(held) < 2 or held != flat or len(names) > 1:
        return False
    return not _SAY_NOTHING.isdisjoint(re.findall(r"[^\W_]+", names.pop()))


def _refuse_too_high(tree: FolderTree, name: str, flat: int) -> None:
    """Refuse a folder whose only folder that is not `flat` holds the class folders."""
    end = tree.unwrapped(tree.root / name)
    if len(tree.subfolders(end)) > 1:
        inside = FolderTree(end, tree.files)
        if not find_layout(inside).parts:
            # What is refused there is refused here, with what is right.
            class_level(inside, inside.content(end).folders, lambda _: None)
        only = "only one folder with folders in it" if flat else "only one folder"
        raise DatasetError(
            f"{printable(tree.root)} has {only}, {shown(name)}, and the class folders are "
            f"in it; use --data {for_shell(end)}"
        )


def _refuse_parts_below(tree: FolderTree, nested: Sequence[str]) -> None:
    """Refuse a folder with training and test parts as a class."""
    for name in nested:
        end = tree.unwrapped(tree.root / name)
        inside = tree.subfolders(end)
        found = [end.name] if end.name != name and len(inside) > 1 else []
        if not (found and part_of(end.name)[1] > 1):
            found = []
            if any(part_of(x)[1] > 1 for x in inside):
                parts = find_layout(FolderTree(end, tree.files)).parts
                found = [x.name for x in parts.values()]
        if found:
            folders = listed_classes(f"{x}/" for x in found)
            raise DatasetError(
                f"{printable(tree.root)}: {shown(name)} is a data set of its own, with "
                f"{folders}, and not a class; use --data {for_shell(end)}"
            )


def _refuse_alike(tree: FolderTree, held: Sequence[str]) -> None:
    """Refuse folders that hold folders of the same names: parts, or variants."""
    ends = {x: tree.unwrapped(tree.root / x) for x in held}
    names = {x: _class_names(tree, end) for x, end in ends.items()}
    alike = []
    for x in held:
        others = set().union(*(names[y] for y in held if y != x))
        shared = names[x].keys() & others
        if len(shared) > 1 and 2 * len(shared) >= len(names[x]):
            alike.append(x)
    if len(alike) < 2:
        return
    root = f"--data {for_shell(tree.root)}"
    otherwise = f"(or {root} {classes_option(alike[:2])} if they are classes)"
    one, other = sorted(alike[:2], key=lambda x: part_of(x)[0] in (VAL, TEST))
    if part_of(one)[0] in (VAL, TEST):
        raise DatasetError(
            f"{printable(tree.root)}: {listed_classes(alike)} are to validate or to test "
            f"on, and no folder is to train on; name it with --train {otherwise}"
        )
    common = [y for x, y in names[one].items() if x in names[other]]
    same = listed_classes(common[:3])
    if all(part_of(x)[1] > 1 and tree.is_flat(ends[one] / x) for x in common):
        raise DatasetError(
            f"{printable(tree.root)}: the class folders {listed_classes(alike)} hold the "
            f"parts ({same}); put class folders into folders of the parts, as in "
            f"{shown(f'{common[0]}/{one}')}"
        )
    use = f"--data {for_shell(ends[one])}"
    if part := part_of(other)[0]:
        use = f"--train {for_shell(ends[one])} --{part} {for_shell(ends[other])}"
    raise DatasetError(
        f"{printable(tree.root)}: {listed_classes(alike)} hold folders of the same names "
        f"({same}), so they are parts or variants, not classes; use {use} {otherwise}"
    )


def _class_names(tree: FolderTree, folder: Path) -> dict[str, str]:
    """Names of the folders of images in `folder`, by what they are compared by."""
    names = {folded(x): x for x in tree.subfolders(folder)}
    return {x: y for x, y in names.items() if x not in IMAGES | ANNOTATIONS}


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
        others = [x for x in held if x != name]
        listing = "--classes with the others to leave it out"
        if len(others) == 1:
            listing = f"{classes_option([name, *others])} if they are classes"
        elif len(others) <= MOST_LISTED:
            listing = f"{classes_option(others)} to leave it out"
        raise DatasetError(
            f"{printable(tree.root)}: {shown(name)} beside the other folders holds {what}; "
            f"use --data {for_shell(end)}, or --data {for_shell(tree.root)} {listing}"
        )
