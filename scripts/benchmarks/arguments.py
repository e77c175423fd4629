"""Types of options: what they take, and an error that says so for all else."""

import argparse
from collections.abc import Callable, Collection
from pathlib import Path


def more_than(least: float, kind: type = int) -> Callable[[str], float]:
    """A number of that kind above `least`."""

    def parse(text: str) -> float:
        number: float = kind(text)
        if not number > least:
            raise argparse.ArgumentTypeError(f"{text} is not more than {least:g}")
        return number

    # argparse says it where the text is no number.
    parse.__name__ = kind.__name__
    return parse


def counts(text: str) -> list[int]:
    """Numbers above 0, with commas between."""
    found = text.split(",")
    if wrong := [x for x in found if not x.isdecimal() or int(x) == 0]:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is no number above 0")
    return [int(x) for x in found]


def some_of(names: Collection[str]) -> Callable[[str], list[str]]:
    """Some of `names`, with commas between."""

    def parse(text: str) -> list[str]:
        found = text.split(",")
        if unknown := [x for x in found if x not in names]:
            raise argparse.ArgumentTypeError(
                f"{unknown[0]!r} is none of {', '.join(names)}"
            )
        return found

    return parse


def sides(text: str) -> list[str]:
    """Pairs such as 256/227, with commas between: the first is not the smaller one."""
    found = text.split(",")
    for pair in found:
        stored, _, fed = pair.partition("/")
        if not (stored.isdigit() and fed.isdigit() and int(stored) >= int(fed) > 0):
            raise argparse.ArgumentTypeError(
                f"{pair!r} is not STORED/FED in pixels, with STORED not below FED"
            )
    return found


def checkout(text: str) -> Path:
    """The folder of a checkout of this repository."""
    if not (Path(text) / "alexnet_cli" / "__init__.py").is_file():
        raise argparse.ArgumentTypeError(f"{text} has no alexnet_cli/__init__.py")
    return Path(text).resolve()
