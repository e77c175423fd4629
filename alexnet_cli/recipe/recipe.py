"""Recipe: how a network is trained. Its fields stand in `sections.py`."""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .sections import (
    Augmentation,
    Images,
    Inference,
    LRSchedule,
    Machine,
    Network,
    Optimization,
    Pretrained,
    Split,
    Stopping,
)


@dataclass(frozen=True, init=False)
class Recipe:
    """How a network is trained; all of it, so that equal recipes train alike.

    Built from fields by their own names: `Recipe(arch="alexnet-owt", epochs=5)`. Read by
    section: `recipe.stopping.epochs`; code that needs a section takes that section.
    """

    network: Network
    pretrained: Pretrained
    images: Images
    split: Split
    augmentation: Augmentation
    optimization: Optimization
    lr_schedule: LRSchedule
    stopping: Stopping
    inference: Inference
    machine: Machine

    def __init__(self, **fields: Any) -> None:
        """`fields` of any section by their own names; a whole section by its name.

        Raises:
            TypeError: there is no such field.
        """
        for name, kind in SECTIONS.items():
            section = fields.pop(name, None) or kind()
            own = {x: fields.pop(x) for x in _names(kind) if x in fields}
            object.__setattr__(self, name, dataclasses.replace(section, **own))
        if fields:
            raise TypeError(f"Recipe has no field {next(iter(fields))!r}")

    def __getitem__(self, name: str) -> Any:
        """The value of the field `name`, whatever its section."""
        return getattr(getattr(self, FIELDS[name].section), name)

    def flat(self) -> dict[str, Any]:
        """Every field by its own name, as in TOML and run.json."""
        return {x: self[x] for x in FIELDS}

    def changed(self, **fields: Any) -> "Recipe":
        """This recipe with other values for `fields`."""
        return dataclasses.replace(self, **fields)


@dataclass(frozen=True)
class Field:
    """One hyper-parameter as options, TOML and checks see it."""

    name: str
    section: str
    type: type
    """bool, int, float or str."""
    optional: bool
    """None is allowed."""
    default: Any
    help: str
    choices: tuple[str, ...]
    low: float | None
    high: float | None

    @property
    def flag(self) -> str:
        """The command-line option."""
        return f"--{self.name.replace('_', '-')}"


def _names(section: type) -> list[str]:
    return [x.name for x in dataclasses.fields(section)]


def _fields_of(section: str, kind: type) -> dict[str, Field]:
    hints = typing.get_type_hints(kind)
    found = {}
    for x in dataclasses.fields(kind):
        types = [t for t in typing.get_args(hints[x.name]) if t is not type(None)]
        meta = x.metadata
        found[x.name] = Field(
            x.name,
            section,
            type=types[0] if types else hints[x.name],
            optional=bool(types),
            default=x.default,
            help=meta["help"],
            choices=meta["choices"],
            low=meta.get("low"),
            high=meta.get("high"),
        )
    return found


SECTIONS: Mapping[str, type] = typing.get_type_hints(Recipe)
TITLES = {
    "network": "Network",
    "pretrained": "Pretrained weights",
    "images": "Images",
    "split": "Split",
    "augmentation": "Augmentation",
    "optimization": "Optimization",
    "lr_schedule": "Learning rate",
    "stopping": "Stopping and metrics",
    "inference": "Inference",
    "machine": "Machine",
}
"""What the sections are called in help, in TOML files and in docs/recipes.md."""
FIELDS: Mapping[str, Field] = {
    name: field
    for section, kind in SECTIONS.items()
    for name, field in _fields_of(section, kind).items()
}
