"""Recipe: how a network is trained. `sections.py` defines its fields."""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
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
    """Every hyper-parameter: equal recipes train equal networks from equal images.

    Built from fields by their own names: `Recipe(arch="alexnet-owt", epochs=5)`; the
    others have their defaults. Read by section: `recipe.stopping.epochs`; code that needs
    one section takes that section. Values are not checked here: see `validation.check`.
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
        """A recipe of `fields` by their names; a whole section by the section's name.

        Raises:
            TypeError: a name is neither a field's nor a section's.
        """
        for name, kind in SECTIONS.items():
            section = fields.pop(name, None) or kind()
            own = {x: fields.pop(x) for x in _names(kind) if x in fields}
            object.__setattr__(self, name, dataclasses.replace(section, **own))
        if fields:
            raise TypeError(f"Recipe has no field {next(iter(fields))!r}")

    def __getitem__(self, name: str) -> Any:
        """The value of the field `name` of any section."""
        return getattr(getattr(self, FIELDS[name].section), name)

    def flat(self) -> dict[str, Any]:
        """Every field's value by its own name, as in TOML and run.json."""
        return {x: self[x] for x in FIELDS}

    def changed(self, **fields: Any) -> "Recipe":
        """A copy of this recipe with new values for `fields`."""
        return dataclasses.replace(self, **fields)


@dataclass(frozen=True)
class Field:
    """A hyper-parameter's definition, as options, TOML files and checks use it."""

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
    """Bounds, both of them allowed values."""

    @property
    def flag(self) -> str:
        """The command-line option, as --batch-size."""
        return f"--{self.name.replace('_', '-')}"


def _names(section: type) -> list[str]:
    return [x.name for x in dataclasses.fields(section)]


def _fields_of(section: str, kind: type) -> Iterator[Field]:
    for x in dataclasses.fields(kind):
        # `int | None` has arguments, plain `int` has none.
        types = [t for t in typing.get_args(x.type) if t is not type(None)]
        yield Field(
            name=x.name,
            section=section,
            type=types[0] if types else typing.cast(type, x.type),
            optional=bool(types),
            default=x.default,
            help=x.metadata["help"],
            choices=x.metadata["choices"],
            low=x.metadata.get("low"),
            high=x.metadata.get("high"),
        )


SECTIONS: Mapping[str, type] = {
    x.name: typing.cast(type, x.type) for x in dataclasses.fields(Recipe)
}
"""The sections of a recipe and their classes."""
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
"""Headings of the sections in help, in TOML files and in docs/."""
FIELDS: Mapping[str, Field] = {
    field.name: field
    for section, kind in SECTIONS.items()
    for field in _fields_of(section, kind)
}
"""All hyper-parameters by name, in the order of the sections."""
