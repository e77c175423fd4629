"""Accuracy, loss, F1 and confusion, from probabilities [N, K] and labels [N] alone."""

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Labels, Probabilities


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class, 0 to 1."""

    name: str
    precision: float | None
    """None if the class was never predicted."""
    recall: float | None
    """None if the class has no images."""
    f1: float | None
    """None if the class has no images."""
    support: int
    """Images of the class."""


@dataclass(frozen=True)
class Scores:
    """The scores of a classifier; every image counts once."""

    images: int
    top1: float
    top5: float | None
    """None with five classes or fewer, where it would be 1."""
    loss: float
    """Mean cross-entropy, nats."""
    macro_f1: float
    """Mean F1 of the classes that have images."""
    classes: tuple[ClassScore, ...]
    confusion: Labels
    """[K, K]: rows are the true class, columns the predicted one."""

    def occurring(self) -> "Scores":
        """These scores without the classes that have no images and were never predicted."""
        counts = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        kept = np.flatnonzero(counts)
        return replace(
            self,
            classes=tuple(self.classes[i] for i in kept),
            confusion=self.confusion[np.ix_(kept, kept)],
        )

    def confused(self, most: int = 5) -> list[tuple[str, str, int]]:
        """(true, predicted, images) of the `most` frequent mistakes, worst first."""
        wrong = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        pairs = [divmod(int(i), len(wrong)) for i in order]
        names = [x.name for x in self.classes]
        return [(names[t], names[p], int(wrong[t, p])) for t, p in pairs if wrong[t, p]]


def score(probabilities: Probabilities, labels: Labels, classes: tuple[str, ...]) -> Scores:
    """Scores of probabilities [N, K] against labels [N]; N is at least 1.

    Of equal probabilities, that of the first class counts as the highest.
    """
    count, width = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((width, width), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    own = probabilities[np.arange(count), labels].astype(np.float64)
    rows = tuple(_class_score(name, confusion, i) for i, name in enumerate(classes))
    return Scores(
        images=count,
        top1=float((predicted == labels).mean()),
        top5=top_k(probabilities, labels, 5) if width > 5 else None,
        # Zero has no logarithm: at least the smallest normal number of float32.
        # Subtracted from zero, for -0.0 would be printed with its sign.
        loss=float(0.0 - np.log(np.maximum(own, np.finfo(np.float32).tiny)).mean()),
        macro_f1=float(np.mean([x.f1 for x in rows if x.f1 is not None])),
        classes=rows,
        confusion=confusion,
    )


def top_k(probabilities: Probabilities, labels: Labels, k: int) -> float:
    """Fraction of images whose class is among the `k` most probable."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(axis=1).mean())


def _class_score(name: str, confusion: Labels, i: int) -> ClassScore:
    hits, support = confusion[i, i], confusion[i].sum()
    predicted = confusion[:, i].sum()
    return ClassScore(
        name=name,
        precision=float(hits / predicted) if predicted else None,
        recall=float(hits / support) if support else None,
        f1=float(2 * hits / (predicted + support)) if support else None,
        support=int(support),
    )
