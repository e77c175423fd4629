"""Images to evaluate a run on, in whatever kind of data set they are."""

from dataclasses import replace
from pathlib import Path

from ..dataset.sources.kinds import is_plain_folder, recorded_name
from ..dataset.sources.open import open_labeled
from ..dataset.split import TEST, TRAIN, VAL
from ..run.run import Run
from .evaluate import known_classes, labeled_folder
from .labeled_images import LabeledImages


def labeled_images(run: Run, data: Path, ignore_unknown: bool = False) -> LabeledImages:
    """The images of `data`, of any kind, matched to the run's classes by name.

    Of a manifest, an archive or a data set of TFDS that has parts, its test images, or if
    it has none of these, its validation images.

    Raises:
        DatasetError: as `labeled_folder`.
    """
    if is_plain_folder(data):
        return labeled_folder(run, data, ignore_unknown)
    source = open_labeled(data, known=run.classes)
    part = next(x for x in (TEST, VAL, TRAIN) if x in source.parts)
    samples = [x for x in source.samples if x.part == part]
    used = {source.classes[x.label] for x in samples}
    known, notes = known_classes(
        run, data, [x for x in source.classes if x in used], ignore_unknown
    )
    kept = tuple(x for x in samples if source.classes[x.label] in known)
    labels = tuple(run.classes.index(known[source.classes[x.label]]) for x in kept)
    notes = [*source.notes, *notes]
    if source.parts[1:]:
        notes.append(f"these are its {len(samples)} images of the {part} part")
    found = LabeledImages.of(source, kept, labels, tuple(notes))
    part = part if source.parts[1:] else ""
    return replace(found, location=recorded_name(data), part=part)
