"""The notation of --device, checked without TensorFlow."""

import re

from ..errors import RecipeError, printable

_NOTATION = re.compile(r"(?:auto|(?:cpu|gpu)(?::(\d+(?:,\d+)*))?)")
_GPUS = ("cuda", "mps", "metal", "rocm", "hip")
"""What other programs call a GPU."""


def device_count(spec: str) -> int:
    """How many devices `spec`, such as "auto", "cpu" or "gpu:0,1", asks for.

    Raises:
        RecipeError: it is none, or one of them is listed twice.
    """
    match = _NOTATION.fullmatch(spec)
    if not match:
        hint = f"; did you mean {guess}?" if (guess := _guess(spec)) else ""
        raise RecipeError(
            f"--device {printable(spec)} is not auto, cpu, gpu or a list such as "
            f"gpu:0,1{hint}"
        )
    numbers = [int(x) for x in match[1].split(",")] if match[1] else [0]
    if len(set(numbers)) < len(numbers):
        raise RecipeError(f"--device {spec}: one is listed twice; leave it out")
    return len(numbers)


def _guess(spec: str) -> str:
    """What `spec`, as cuda:1, /GPU:0 or 0,1, is here; empty if that is not clear."""
    text = spec.strip().lower().removeprefix("/").removeprefix("device:")
    for word in _GPUS:
        text = text.replace(word, "gpu")
    parts = re.fullmatch(r"([a-z]*)[: ]*((?:[\d, :]|gpu)*)", text)
    if not parts or not text:
        return ""
    numbers = dict.fromkeys(re.findall(r"\d+", parts[2]))
    guess = (parts[1] or "gpu") + (":" if numbers else "") + ",".join(numbers)
    return guess if _NOTATION.fullmatch(guess) else ""
