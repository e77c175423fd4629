"""What to type instead of what is no option or command here: other tools' names, typos."""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import click

from ..recipe.recipe import FIELDS
from ..recipe.validation import why_no_side
from .synonyms import ADVICE, OPTIONS

_COMMANDS = {
    "train": "fit learn finetune fine-tune resume retrain training run start",
    "evaluate": "eval test validate score judge validation metrics",
    "predict": "infer inference classify detect label test-image prediction run-inference",
    "export": "convert save quantize onnx tflite litert freeze",
    "benchmark": "bench profile speed time",
    "serve": "server api http deploy",
    "runs": "ls history experiments trials leaderboard list-runs results",
    "push": "upload publish share hub",
    "import": "load convert convert-weights from-torch",
    "models": "summary list networks archs model list-models architectures info",
    "prepare": "shard shards pack preprocess webdataset",
    "fetch": "download get pull",
    "sample": "demo example generate toy",
    "doctor": "check clean verify inspect lint dataset data analyze",
    "env": "environment info version versions system collect-env bug-report debug",
}
"""A command, and what other tools call it."""
_NO_NUMBER = {
    "is not a valid integer range": "is not a whole number",
    "is not a valid integer": "is not a whole number",
    "is not a valid float range": "is not a number",
    "is not a valid float": "is not a number",
}
"""What click says of values, and what people do."""
_GIVEN = re.compile(r"'([^']*)' is not ")
_COMMAND_FIRST = "a command comes first, as in `alexnet train --epochs 3 DATA`"
_ASSIGNED = re.compile(r"([A-Za-z_][\w-]*)=(.+)", re.DOTALL)


def _names(text: str) -> list[str]:
    return text.split()


def _by_name() -> dict[str, list[str]]:
    """The options that each name of `OPTIONS` may mean."""
    found: dict[str, list[str]] = {}
    option = ""
    for word in _names(OPTIONS):
        if word.endswith(":"):
            option = f"--{word[:-1]}"
        else:
            found.setdefault(word, []).append(option)
    return found


def _advice() -> dict[str, str]:
    """The line of `ADVICE` that each name below it leads to."""
    found: dict[str, str] = {}
    text = ""
    for line in ADVICE.splitlines():
        if line[:1] != " ":
            text = line
        else:
            found |= dict.fromkeys(_names(line), text)
    return found


def _plain(given: str) -> str:
    """The name of an option as ours are written, without dashes in front."""
    return given.lstrip("-").lower().replace("_", "-")


def _same(name: str, options: Iterable[str]) -> list[str]:
    """Those of `options` that `name` means: by itself, or as another word for them."""
    known = set(options)
    found = [f"--{name}", *_by_name().get(name, ())]
    return found[:1] if found[0] in known else [x for x in found if x in known]


def option_hint(given: str, known: Iterable[str]) -> str:
    """What to type instead of the option `given`, which is none of `known`; "" if unknown.

    `known` are the options of the command.
    """
    name, options = _plain(given), list(known)
    if same := _same(name, options):
        return _meant(same[:3])
    advice = _advice()
    if name in advice:
        return advice[name]
    if trained := _same(name, (x.flag for x in FIELDS.values())):
        return f"`alexnet train` has {' or '.join(trained[:3])}, and a run keeps it"
    if close := get_close_matches(f"--{name}", options, 1, 0.8):
        return _meant(close)
    # What is cut short, as --learning, is often most of it and yet not close.
    if begun := [x for x in options if len(name) > 2 and x.startswith(f"--{name}")]:
        return _meant(begun[:3])
    others = {k: x for k in _by_name() if (x := _same(k, options))}
    likely = get_close_matches(name, [*others, *advice], 1, 0.85)
    if not likely:
        return ""
    return _meant(others[likely[0]][:3]) if likely[0] in others else advice[likely[0]]


def usage_text(error: click.UsageError) -> str:
    """What is wrong with how the command was called, and what may be meant."""
    if isinstance(error, click.NoSuchOption) and error.ctx:
        parameters = error.ctx.command.get_params(error.ctx)
        known = [x for p in parameters for x in (*p.opts, *p.secondary_opts)]
        hint = option_hint(error.option_name, known)
        if isinstance(error.ctx.command, click.Group) and "did you mean" not in hint:
            hint = _COMMAND_FIRST
        return with_hint(f"No such option {error.option_name!r}", hint)
    text = " ".join(error.format_message().split()).removesuffix(".")
    for theirs, ours in _NO_NUMBER.items():
        text = text.replace(theirs, ours)
    given, param = _GIVEN.search(text), getattr(error, "param", None)
    if not given or not param:
        return text
    if isinstance(param.type, click.Choice):
        close = get_close_matches(given[1].lower(), param.type.choices, 1, 0.6)
        return with_hint(text, _meant(close))
    return with_hint(text, why_no_side(param.name or "", given[1]))


def check_habits(words: Sequence[str], ctx: click.Context) -> None:
    """Refuse arguments of a command that are options in another tool's notation.

    That is name=value, as Ultralytics and Hydra have it, or a long name behind one dash.

    Raises:
        UsageError: there are some.
    """
    options = [x for x in ctx.command.params if isinstance(x, click.Option)]
    known = [x for p in options for x in (*p.opts, *p.secondary_opts) if x[:2] == "--"]
    valued = {x for p in options if not (p.is_flag or p.count) for x in p.opts}
    assigned: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        if word == "--":
            break
        if before in valued:
            continue
        name = _plain(word).partition("=")[0]
        if word[:1] == "-" != word[1:2] and len(name) > 1 and (x := _same(name, known)):
            given = word.partition("=")[0]
            raise click.UsageError(f"No such option {given!r}; {_meant(x[:3])}", ctx)
        if _ASSIGNED.fullmatch(word) and not Path(word).exists():
            assigned += _rewritten(word, options)
    if assigned:
        raise click.UsageError(
            f"options are not written name=value; {_meant([' '.join(assigned)])}", ctx
        )


def _rewritten(word: str, options: Sequence[click.Option]) -> Iterator[str]:
    """An argument name=value as our option, if it means one."""
    name, _, value = word.partition("=")
    for option in options:
        if same := _same(_plain(name), option.opts):
            on = value.lower() in ("true", "1", "yes")
            if option.is_flag:
                yield same[0] if on else next(iter(option.secondary_opts), same[0])
            elif value.lower() in ("true", "false"):
                yield same[0]
            else:
                yield f"{same[0]} {shlex.quote(value)}"
            return


def command_hint(given: str, known: Iterable[str]) -> str:
    """What to type instead of the command `given`, which is none of `known`."""
    if _ASSIGNED.fullmatch(given):
        return _COMMAND_FIRST
    name, commands = given.lower().replace("_", "-"), list(known)
    if name == "help":
        return _meant(["alexnet --help"])
    same = [x for x in commands if name in _names(_COMMANDS.get(x, ""))]
    return _meant(same or get_close_matches(name, commands, 1, 0.6))


def with_hint(text: str, hint: str) -> str:
    """`text` and the hint, if there is one."""
    return f"{text}; {hint}" if hint else text


def _meant(names: list[str]) -> str:
    return f"did you mean {' or '.join(names)}?" if names else ""
