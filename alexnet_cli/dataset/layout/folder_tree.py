"""The folders of a data set, each listed once: which hold images, which other things."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...errors import printable
from ..class_names import order, shown
from ..sources.class_lists import CLASS_LISTS
from .disk import DISK, Files
from .left_out import LeftOut, Note
from .listing import (
    DRAWN,
    HIDDEN_FOLDER,
    NO_IMAGE,
    annotations,
    entries,
    entries_below,
    has_images,
    has_models,
    is_candidate,
    is_folder,
    is_junk,
    leads_nowhere,
    still_in_cloud,
    why_unused,
)
from .part_names import IMAGES, OUTPUTS, folded

_RUN = frozenset({"model.weights.h5", "saved_model.pb", "history.csv", "checkpoints"})
"""What a run directory has beside run.json."""


@dataclass(frozen=True)
class Content:
    """What is directly in a folder, apart from what systems and programs left there."""

    folders: tuple[str, ...] = ()
    files: int = 0
    """Files that could be images."""
    images: bool = False
    """Some of them are, as far as their names and first bytes tell."""
    is_run: bool = False
    """It is a run directory of this program."""
    trained: bool = False
    """It has models or logs of a training."""
    hidden: tuple[str, ...] = ()
    """Lines about hidden files, and about files that are still in a cloud."""
    unreadable: str = ""
    """Why it cannot be listed; empty if it can."""


class FolderTree:
    """The folders below `root`, listed when they are asked for."""

    def __init__(self, root: Path, files: Files = DISK) -> None:
        """Check that `root` is a folder.

        Raises:
            DatasetError: it is not, or cannot be read.
        """
        self.root, self.files = root, files
        self._top = entries(root, files)
        self._seen: dict[Path, Content] = {}
        self._holding: dict[Path, bool] = {}

    def content(self, folder: Path) -> Content:
        """What is in `folder`, the root or one below it.

        Raises:
            DatasetError: it cannot be read, and not for want of permission.
        """
        if folder not in self._seen:
            self._seen[folder] = _content(folder, self.files)
        return self._seen[folder]

    def folders(self) -> dict[str, Content]:
        """What is in each folder of the root that is not junk, by name.

        Raises:
            DatasetError: as `content`.
        """
        names = self.content(self.root).folders
        return {x: self.content(self.root / x) for x in names}

    def class_folders(self, note: Note) -> dict[str, Path]:
        """Names and paths of the folders in the root, each once; other things are noted."""
        names: dict[str, str] = {}
        found: dict[str, Path] = {}
        beside = annotations([x.name for x in self._top if is_folder(x)])
        for entry in sorted(self._top, key=lambda x: order(x.name)):
            if not is_folder(entry):
                continue
            if is_junk(entry):
                reason = HIDDEN_FOLDER
            elif (target := self.files.real(entry.path)) in names:
                reason = f"the same folder as {shown(names[target])}/"
            elif entry.name in beside:
                reason = DRAWN
            else:
                names[target] = entry.name
                found[entry.name] = Path(entry.path)
                continue
            note(LeftOut(Path(entry.path), reason, is_folder=True))
        return found

    def note_files(self, note: Note, beside: str) -> None:
        """Note the files in the root, `beside` folders of that kind."""
        for entry in (x for x in self._top if not is_folder(x)):
            reason = why_unused(entry)
            if reason == NO_IMAGE:
                reason = f"beside {beside}, and not an image"
            elif not reason and leads_nowhere(entry) and "." not in entry.name:
                reason = "a link to nothing, perhaps of a class folder; mend to use"
            if entry.name not in CLASS_LISTS:
                moved = f"beside {beside}; move into a class folder to use"
                note(LeftOut(Path(entry.path), reason or moved))

    def holds(self, name: str) -> bool:
        """Whether the folder `name` of the root has images of a class, at any depth."""
        return not self._is_output(name) and self.holds_images(self.root / name)

    def why_empty(self, name: str) -> str:
        """Why it has not."""
        content = self.content(self.root / name)
        if content.unreadable:
            return content.unreadable
        if content.is_run:
            return "a run directory"
        if self._is_output(name):
            return "models or logs in it"
        return ": ".join(("no images in it", *content.hidden))

    def _is_output(self, name: str) -> bool:
        """Whether programs have written models or logs into the folder `name`."""
        folder = self.root / name
        if self.content(folder).is_run:
            return True
        return folded(name) in OUTPUTS and self._any(
            folder, lambda x: x.trained or x.is_run
        )

    def holds_images(self, folder: Path) -> bool:
        """Whether `folder` has images in it, at any depth, not counting run directories."""
        if folder not in self._holding:
            self._holding[folder] = self._any(folder, lambda x: x.images and not x.is_run)
        return self._holding[folder]

    def _any(self, folder: Path, test: Callable[[Content], bool]) -> bool:
        """Whether `test` is true of `folder` or one below it; links lead nowhere twice."""
        rest = [folder]
        seen = set()
        while rest:
            path = rest.pop()
            content = self.content(path)
            if test(content):
                return True
            if not content.is_run and (real := self.files.real(path)) not in seen:
                seen.add(real)
                rest += [path / x for x in content.folders[::-1]]
        return False

    def subfolders(self, folder: Path) -> list[str]:
        """Names of the folders in `folder` that hold images, without those of masks."""
        names = self.content(folder).folders
        drawn = annotations(list(names))
        return [x for x in names if x not in drawn and self.holds_images(folder / x)]

    def unwrapped(self, folder: Path) -> Path:
        """`folder`, or what is in it as long as that is one single folder and no image."""
        seen = set()
        while (real := self.files.real(folder)) not in seen:
            seen.add(real)
            names = self.subfolders(folder)
            if self.content(folder).images or len(names) != 1:
                break
            folder = folder / names[0]
        return folder

    def is_flat(self, folder: Path) -> bool:
        """Whether `folder`, or train/train or train/images in it, has images directly."""
        end = self.unwrapped(folder)
        names = {folded(x) for x in end.relative_to(folder).parts}
        return self.content(end).images and names <= {folded(folder.name), *IMAGES}


def _content(folder: Path, files: Files) -> Content:
    found, problem = entries_below(folder, files)
    if problem:
        return Content(unreadable=problem)
    folders = [x for x in found if is_folder(x)]
    others = [x for x in found if not is_folder(x)]
    usable = [x for x in others if not is_junk(x) and is_candidate(x)]
    names = {x.name for x in found}
    left = Counter(
        still_in_cloud(x.name) or "hidden or of the system"
        for x in others
        if is_junk(x) or still_in_cloud(x.name)
    )
    return Content(
        folders=tuple(x.name for x in folders if not is_junk(x)),
        files=len(usable),
        images=has_images(usable, files),
        is_run="run.json" in names and bool(names & _RUN),
        trained=has_models(names),
        hidden=tuple(printable(f"{n} file(s) {reason}") for reason, n in left.items()),
    )
