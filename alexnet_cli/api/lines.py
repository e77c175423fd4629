"""What happens in training as lines of text, for a terminal and for train.log."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..reports.text import table
from .listener import Listener

if TYPE_CHECKING:
    from ..dataset.prepare import PreparedData
    from ..dataset.sources.source import Source
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.progress import Progress
    from ..trainer.result import Trained

HIDDEN = ("epoch", "learning_rate", "side", "images_per_second")
"""Columns of history.csv that an epoch's line does not show."""
MOST_CLASSES = 30
"""Whose numbers of images are listed."""
MAX_NOTES = 10
"""Details of a line that are listed."""


def duration(seconds: float) -> str:
    """`seconds` as 2:03, or from an hour on as 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def noted(lines: Sequence[str]) -> list[str]:
    """Details of a line, indented: the first MAX_NOTES, and how many more there are."""
    found = [f"  {x}" for x in lines[:MAX_NOTES]]
    more = len(lines) - MAX_NOTES
    return [*found, f"  ... and {more} more"] if more > 0 else found


def epoch_name(now: "Progress") -> str:
    """Which epoch it is, and of how many."""
    return f"epoch {now.epoch:>{len(str(now.epochs))}}/{now.epochs}"


def speed(now: "Progress") -> str:
    """How fast training is, and for how long it will go on."""
    left = now.left or 0.0
    remaining = f"  {duration(left)} left" if round(left) else ""
    return f"{now.rate:.0f} images/s{remaining}"


def result_line(trained: "Trained") -> str:
    """How good the network is that was kept, and where it is."""
    run, scores = trained.run, trained.scores
    how_good = "not evaluated" if trained.signal else "as before"
    if scores:
        how_good = f"validation accuracy {scores.top1:.4f} ({scores.images} images)"
    return f"{run.path}: kept epoch {int(run.metrics.get('epoch', 0))}, {how_good}"


class LineListener(Listener):
    """Calls its own `log` and `notes` for everything that happens, but for progress."""

    def images_found(self, source: "Source") -> None:
        """Say how many images each class has."""
        from ..dataset.class_names import shown

        self.log(
            f"{source.location}: {len(source.samples)} files "
            f"in {len(source.classes)} classes"
        )
        header = ("class", *source.parts) if source.parts[1:] else ("class", "files")
        counts = [source.counts(x) for x in source.parts]
        rows = [
            (shown(name), *(str(x[i]) for x in counts))
            for i, name in enumerate(source.classes)
        ]
        for line in table([header, *rows[:MOST_CLASSES]]):
            self.log(f"  {line}")
        if rows[MOST_CLASSES:]:
            self.log(f"  ... and {len(rows) - MOST_CLASSES} more classes")
        self.notes(source.notes)

    def images_prepared(self, data: "PreparedData") -> None:
        """Say which files cannot be used, and how many images each part has."""
        if data.bad:
            self.log(
                f"{len(data.bad)} file(s) cannot be used and are left out (bad_images.csv):"
            )
            self.notes([f"{x.file} {x.reason}" for x in data.bad])
        if data.dim:
            from ..dataset.dim_images import remark

            self.log(f"warning: {remark(data.dim)}")
        if data.near.count and not data.near.compared:
            self.log(f"warning: {too_many(len(data.split))}")
        elif data.near.compared < data.near.count:
            self.log(
                f"warning: near-identical images were looked for in a tenth of "
                f"--max-minutes, by {data.near.compared:,} of {data.near.count:,} "
                f"comparisons; the parts may share others (--deterministic makes all)"
            )
        if data.shared:
            self.log(
                f"warning: {data.shared} held-out image(s) have a copy, or almost one, "
                f"in the training part"
            )
        counts = data.counts()
        names = {"train": "training", "val": "validation", "test": "test"}
        parts = [f"{n} {names[x]}" for x, n in counts.items() if n]
        self.log(f"{', '.join(parts)} images")

    def weights_matched(
        self, weights: "PretrainedWeights", matches: "Sequence[LayerMatch]"
    ) -> None:
        """Say which layers the weights fill, and which arrays no layer takes."""
        self.log(f"weights in {weights.layout} layout")
        rows = [("layer", "shape", ""), *((x.layer, x.shape, x.result) for x in matches)]
        for line in table(rows, left=3):
            self.log(line)

    def progress(self, now: "Progress") -> None:
        """Say how an epoch has ended."""
        if now.logs is None:
            return
        values = "  ".join(f"{k} {v:.4f}" for k, v in now.logs.items() if k not in HIDDEN)
        best = "  best" if now.best else ""
        self.log(f"{epoch_name(now)}  {values}  {speed(now)}{best}")


def too_many(images: int) -> str:
    """A line on near-identical images that were not looked for.

    Source of the time: docs/data.md, comparing the fingerprints of 100,000 photos.
    """
    hours = 131 / 3600 * (images / 100_000) ** 2
    return (
        f"near-identical images were not looked for, which takes about "
        f"{hours:.1f} hours of one core for {images:,} images, and more to compare what "
        f"looks alike; the parts may share some"
    )
