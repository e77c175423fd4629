"""The one way to the images of a folder of shards, on this machine or on a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..class_names import matching
from ..sources.class_lists import chosen_classes, require_known
from ..sources.kinds import is_remote
from ..sources.source import Sample
from ..split import TEST, TRAIN, VAL
from .index import Index, read_index
from .source import ShardSample, ShardSource
from .store import LocalStore, Store
from .table import Table, read_table


def open_shards(data: Path, classes: Sequence[str] = (), *, least: int = 2) -> ShardSource:
    """The images that `alexnet prepare` has written into the folder `data`.

    With `classes`, only those, in that order.

    Raises:
        DatasetError: it is damaged or not complete, or has fewer than `least` classes.
    """
    folder = _Folder.of(data)
    index, table = folder.index, folder.table
    names = [index.classes[i] for i in table.labels.tolist()]
    labeled = list(zip(names, table.parts, strict=True))
    kept = _kept(folder, labeled, classes, least)
    labels = {x: i for i, x in enumerate(kept)}
    rows = enumerate(zip(table.files, names, table.parts, strict=True))
    samples = [
        ShardSample(file, labels[name], part, row)
        for row, (file, name, part) in rows
        if name in labels
    ]
    if classes and index.by_class:
        samples.sort(key=lambda x: (index.parts.index(x.part), x.label))
    return folder.source(kept, samples)


def _kept(
    folder: "_Folder",
    labeled: Sequence[tuple[str, str]],
    classes: Sequence[str],
    least: int,
) -> tuple[str, ...]:
    """The classes to use; `labeled` are the class and the part of each image.

    Raises:
        DatasetError: there is none of a name, too few, or a part has one of its own.
    """
    trained_on = {x for x, part in labeled if part == TRAIN or least == 1}
    ordered = [x for x in folder.index.classes if x in trained_on]
    chosen = [matching(x, ordered) or x for x in classes]
    kept = chosen_classes(trained_on, chosen or ordered, folder.store.location, least=least)
    if not classes and least > 1:
        require_known(labeled, kept, folder.store.location)
    return kept


def store_of(data: Path) -> Store:
    """What reads the files of the folder of shards, or the address, `data`.

    Raises:
        DatasetError: a package that it needs is not installed, or it is no address.
    """
    if is_remote(data):
        from .remote import RemoteStore

        return RemoteStore(data)
    return LocalStore(data)


def recorded_shards(
    data: Path, classes: tuple[str, ...], samples: tuple[Sample, ...]
) -> ShardSource:
    """The `samples` of shards that an earlier look has listed.

    Raises:
        DatasetError: as `open_shards`.
    """
    folder = _Folder.of(data)
    rows = {x: i for i, x in enumerate(folder.table.files)}
    known = [ShardSample(x.name, x.label, x.part, rows.get(x.name, -1)) for x in samples]
    return folder.source(classes, known)


@dataclass(frozen=True)
class _Folder:
    """What a folder of shards holds."""

    root: Path
    store: Store
    index: Index
    table: Table

    @classmethod
    def of(cls, data: Path) -> "_Folder":
        """Read the index and the table.

        Raises:
            DatasetError: they are damaged, or not there.
        """
        store = store_of(data)
        index = read_index(store)
        return cls(data, store, index, read_table(store, index))

    def source(
        self, classes: tuple[str, ...], samples: Sequence[ShardSample]
    ) -> ShardSource:
        """The `samples`, once all shards are there.

        Raises:
            DatasetError: one is not, or is shorter or longer than it was.
        """
        found = {x.part for x in samples}
        source = ShardSource(
            root=self.root,
            store=self.store,
            index=self.index,
            table=self.table,
            classes=classes,
            parts=tuple(x for x in (TRAIN, VAL, TEST) if x in found),
            samples=tuple(samples),
            notes=self.index.notes,
        )
        source.check()
        return source
