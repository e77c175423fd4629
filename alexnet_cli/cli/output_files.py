"""The files that options name to be written: checked before the work, not after it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from ..errors import RecipeError, printable
from ..run.output_path import followed, is_stream, require_writable


def check_outputs(
    outputs: Mapping[str, Path | None],
    data: Iterable[Path | None] = (),
    models: Iterable[Path | None] = (),
) -> None:
    """Check that the files that options name can be written, and are no input themselves.

    `outputs` are the values by their options, `data` the folders of class folders or the
    files that are read, and `models` the runs or exported models; None was not given.

    Raises:
        UsageError: two options name one file.
        RecipeError: a file is one of the inputs, or would become one.
        RunError: a file cannot be written.
    """
    seen: dict[str, str] = {}
    for option, file in outputs.items():
        if file is None:
            continue
        require_writable(file, option)
        if is_stream(file):
            continue  # Two may go to one pipe.
        target = Path(os.path.realpath(followed(file)))
        if str(target) in seen:
            raise click.UsageError(
                f"{seen[str(target)]} and {option} name the same file, {printable(file)}"
            )
        seen[str(target)] = option
        name = f"{option} {printable(file)}"
        for source in data:
            if source is not None:
                _require_outside(target, source, name)
                _require_unlisted(target, source, name)
        for model in models:
            if model is not None:
                _require_no_part(target, model, name)
        _require_no_image(target, name, drawn=option.startswith("--plot"))


def _require_no_image(target: Path, name: str, *, drawn: bool) -> None:
    """Check that no text takes the place of an image, wherever that is; figures may."""
    from ..dataset.layout.disk import begins_as_image

    if not drawn and begins_as_image(target):
        raise RecipeError(f"{name} is an image; choose another file")


def _require_unlisted(target: Path, data: Path, name: str) -> None:
    """Check that `target` is no image that the manifest `data` lists."""
    from ..dataset.sources.kinds import TABLES
    from ..dataset.sources.open import open_labeled

    if not (data.name.lower().endswith(TABLES) and data.is_file() and target.exists()):
        return
    source = open_labeled(data)
    rows = (source.root / x.name for x in source.samples)
    if any(x.name == target.name and x.exists() and x.samefile(target) for x in rows):
        raise RecipeError(f"{name} is an image of {printable(data)}; choose another file")


def _require_outside(target: Path, data: Path, name: str) -> None:
    """Check that `target` is not, and will not be, read as an image of `data`.

    Loose files beside the class folders are not read, so that `--data .` may be used.
    """
    from ..dataset.layout.file_names import NOT_IMAGES

    root = data.resolve()
    if target == root:
        raise RecipeError(f"{name} is the data itself; choose another file")
    below = target.relative_to(root).parts if target.is_relative_to(root) else ()
    if len(below) > 1 and target.suffix.lower() not in NOT_IMAGES:
        raise RecipeError(
            f"{name} would be taken for an image of {printable(data)}; choose a file "
            f"outside its class folders"
        )


def _require_no_part(target: Path, model: Path, name: str) -> None:
    """Check that `target` is no file of the run or of the exported model `model`."""
    from ..inference.exported import is_part

    root = model.resolve()
    folder = root if root.is_dir() else root.parent
    if target == root or (
        target.is_relative_to(folder)
        and is_part(folder, target.relative_to(folder).as_posix())
    ):
        raise RecipeError(f"{name} is a file of {printable(model)}; choose another file")
