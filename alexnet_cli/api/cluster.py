"""Training on several workers: which of them does what around the training itself."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backend.cluster import found_kind
from ..errors import ClusterError, printable
from ..recipe.recipe import FIELDS, Recipe
from ..run.run import Run
from ..run.staging import Staging
from ..version import __version__
from .listener import Listener
from .recording import Recorder

if TYPE_CHECKING:
    from ..backend.workers import Workers

_OWN = ("device", "cache", "precision", "checkpoint_minutes", "histograms")
"""Fields of a recipe in which workers may differ."""


@contextmanager
def joined(
    kind: str | None, device: str, listener: Listener
) -> "Iterator[tuple[Workers | None, Recorder]]":
    """The workers that --cluster `kind` finds, None if it is this process alone.

    And the recorder of `listener`; that of a worker who is not the chief is silent.

    Raises:
        ClusterError: they do not find each other, or in the block one has ended.
    """
    recorder = Recorder.of(listener)
    found = found_kind(kind, os.environ) if kind else ""
    if found == "ray":
        raise ClusterError(
            "cluster='ray' is for the command line; within Ray's TensorflowTrainer use "
            "'tf-config'"
        )
    if not found:
        if kind:
            recorder.log("--cluster auto: no other workers in the environment")
        yield None, recorder
        return
    from ..backend.workers import join

    workers = join(found, device, os.environ)
    if workers and not workers.is_chief:
        recorder = Recorder(Listener())
    elif workers:
        recorder.log(f"{workers.count} workers train together; this is the chief")
    with noticing_lost(workers):
        yield workers, recorder


def require_same(workers: "Workers | None", recipe: Recipe | None) -> None:
    """Check that all `workers` were started with `recipe`; None goes on with a run.

    Raises:
        ClusterError: one was not, which all are told.
    """
    if workers is None:
        return
    own: dict[str, Any] = {"version": __version__, "--resume": recipe is None}
    if recipe:
        own |= {FIELDS[k].flag: v for k, v in recipe.flat().items() if k not in _OWN}
    chief, *others = map(json.loads, workers.gather(json.dumps(own).encode()))
    for number, other in enumerate(others, 1):
        name = next((x for x in chief if chief[x] != other.get(x)), None)
        if name:
            raise ClusterError(
                f"worker {number} has {name} {_said(other, name)}, and worker 0 has "
                f"{name} {_said(chief, name)}; start all workers with the same command"
            )


def _said(options: Mapping[str, Any], name: str) -> str:
    """The value of an option, as in the tables of options."""
    value = options[name]
    if isinstance(value, bool):
        return "on" if value else "off"
    return "unset" if value is None else printable(str(value))


def noticing_lost(workers: "Workers | None") -> AbstractContextManager[None]:
    """In the block, say in a line that another of `workers` has ended.

    Raises:
        ClusterError: one has.
    """
    if workers is None:
        return nullcontext()
    from ..backend.workers import lost_workers

    return lost_workers()


@contextmanager
def own_folder(
    workers: "Workers | None", chiefs: AbstractContextManager[Staging]
) -> Iterator[Staging]:
    """Where a worker writes its run: the chief into `chiefs`, others where none looks."""
    if workers is None or workers.is_chief:
        with chiefs as staging:
            yield staging
        return
    with tempfile.TemporaryDirectory(prefix="alexnet-worker-") as name:
        yield Staging(Path(name), Path(name))


def chief_says(workers: "Workers | None", answer: Callable[[], bool]) -> bool:
    """What `answer` gives; with several workers, what it gives to the chief."""
    if workers is None:
        return answer()
    return bool(workers.from_chief(b"yes" if workers.is_chief and answer() else b""))


def tell_run(workers: "Workers | None", run: Run, *, goes_on: bool = True) -> None:
    """Give the other workers the chief's `run`, and whether its training goes on."""
    if workers:
        split = (run.path / "split.csv").read_text(encoding="utf-8") if goes_on else ""
        told = {"run": run.text(), "split": split, "goes_on": goes_on}
        workers.from_chief(json.dumps(told).encode())


def told_run(workers: "Workers", folder: Path) -> tuple[Run, bool]:
    """The chief's run, in `folder`, and whether its training goes on."""
    told = json.loads(workers.from_chief(b""))
    (folder / "split.csv").write_text(told["split"], encoding="utf-8")
    return Run.parse(folder, told["run"].encode()), told["goes_on"]
