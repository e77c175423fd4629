"""Classes with too few usable images, which --drop-small-classes leaves out."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Labels
from ..errors import DatasetError
from .class_names import listed_classes, quoted
from .decoding import BadImage, DecodedSet
from .sources.source import Sample, Source
from .split import TRAIN, different_images


@dataclass(frozen=True)
class KeptClasses:
    """The classes that are trained on, and their images."""

    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    """Their images, with labels in `classes`."""
    rows: tuple[int, ...]
    """The numbers of `samples` among all N decoded images."""
    labels: Labels
    """[N]: the label of each decoded image; -1 for those that are left out."""
    small: Mapping[str, int]
    """The different images of each class that is left out."""
    dropped: tuple[BadImage, ...]
    """The images of these."""


def kept_classes(
    source: Source, decoded: DecodedSet, groups: Sequence[str], least: int
) -> KeptClasses:
    """The classes with at least `least` different images to train on; all of them for 0.

    `groups` name the content of each decoded image, as for `split.split`.

    Raises:
        DatasetError: fewer than two are left.
    """
    rows = [i for i, x in enumerate(decoded.samples) if x.part == TRAIN]
    names = [source.classes[decoded.samples[i].label] for i in rows]
    counts = different_images(names, [groups[i] for i in rows])
    small = {x: n for x in source.classes if (n := counts.get(x, 0)) < least}
    classes = tuple(x for x in source.classes if x not in small)
    if least and len(classes) < 2:
        raise DatasetError(
            f"{source.location}: --drop-small-classes {least} leaves {len(classes)} of "
            f"{len(source.classes)} classes; use a smaller number"
        )
    places = {x: i for i, x in enumerate(classes)}
    labels = [places.get(source.classes[x.label], -1) for x in decoded.samples]
    kept = tuple(i for i, x in enumerate(labels) if x >= 0)
    dropped = [(x, source.classes[x.label]) for x in decoded.samples]
    return KeptClasses(
        classes,
        tuple(dataclasses.replace(decoded.samples[i], label=labels[i]) for i in kept),
        kept,
        np.array(labels, np.int64),
        small,
        tuple(
            BadImage(
                x.name,
                f"is of a class with {small[name]} different image(s), fewer than "
                f"--drop-small-classes {least}",
            )
            for x, name in dropped
            if name in small
        ),
    )


def unreadable_classes(location: str, names: Sequence[str], classes: int) -> str:
    """The message about classes, of all `classes`, without a readable training image."""
    if classes - len(names) < 2:
        return (
            f"{location}: {len(names)} of {classes} classes have no training image that "
            f"can be read: {listed_classes(names)}; add some, or mend the files that "
            f"`alexnet doctor` lists"
        )
    if len(names) == 1:
        return (
            f"{location}: class {quoted(names[0])} has no training image that can be read; "
            f"add some, or leave the class out with --classes"
        )
    return (
        f"{location}: {len(names)} classes have no training image that can be read: "
        f"{listed_classes(names)}; add some, or leave them out with --drop-small-classes 1"
    )
