"""The stack of a pickle, without what would be run: calls become records of them."""

from collections.abc import Callable
from typing import Any

from .pickle_records import PERSISTENT, Record, key_of

_MARK = object()


class Damage(Exception):
    """A pickle does what none that Python writes does."""


class Machine:
    """The stack and the memo of a pickle."""

    def __init__(self, references: list[Any]) -> None:
        self.references = references
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, name: str, argument: Any) -> None:
        """Do what the opcode `name` does, but for calls."""
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise Damage(f"has the opcode {name}")

    def pop(self, count: int) -> list[Any]:
        """The last `count` values, taken off."""
        if len(self.stack) < count:
            raise Damage("takes values that are not there")
        values = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        if any(x is _MARK for x in values):
            raise Damage("has a mark among values")
        return values

    def marked(self) -> list[Any]:
        """The values since the last mark, taken off with it."""
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]


def _memoize(machine: Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _put(machine: Machine, argument: Any) -> None:
    machine.memo[int(argument)] = machine.stack[-1]


def _get(machine: Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[int(argument)])


def _global(machine: Machine, argument: str) -> None:
    machine.stack.append(Record(argument.replace(" ", ".", 1)))


def _stack_global(machine: Machine, _: Any) -> None:
    module, name = machine.pop(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise Damage("names a class by something that is not text")
    machine.stack.append(Record(f"{module}.{name}"))


def _call(machine: Machine, function: Any, arguments: Any) -> None:
    name = (
        function.name if isinstance(function, Record) else "something that is no function"
    )
    if name in _MAKERS and isinstance(arguments, tuple) and arguments:
        # In protocols 0 and 1: the class is the first argument.
        class_, arguments = arguments[0], arguments[1:]
        name = class_.name if isinstance(class_, Record) else name
    machine.stack.append(Record(name, arguments))


def _marked_call(machine: Machine, _: Any) -> None:
    function, *arguments = machine.marked()
    _call(machine, function, tuple(arguments))


def _refer(machine: Machine, pid: Any) -> None:
    machine.references.append(pid)
    machine.stack.append(Record(PERSISTENT, (pid,)))


def _build(machine: Machine, _: Any) -> None:
    (state,) = machine.pop(1)
    if isinstance(machine.stack[-1], Record):
        machine.stack[-1].state = state


def _set(machine: Machine, values: list[Any]) -> None:
    """Put keys, as text, and values into the dictionary on top."""
    items = machine.stack[-1]
    if isinstance(items, Record):
        items.items = items.items or {}
        items = items.items
    if not isinstance(items, dict):
        raise Damage("gives keys to what has none")
    for key, value in zip(values[::2], values[1::2], strict=True):
        name = key_of(key, len(items))
        if name is not None:
            items[name] = value


def _extend(machine: Machine, values: list[Any]) -> None:
    elements = machine.stack[-1]
    if isinstance(elements, Record):
        elements.elements = elements.elements or []
        elements = elements.elements
    if not isinstance(elements, list):
        raise Damage("appends to what is no list")
    elements.extend(values)


def _pop_mark(machine: Machine, _: Any) -> None:
    machine.marked()


def _dict(machine: Machine, _: Any) -> None:
    values = machine.marked()
    machine.stack.append({})
    _set(machine, values)


_VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
"""Opcodes that push their argument."""

_MAKERS = tuple(
    f"{x}.{y}"
    for x in ("copy_reg", "copyreg")
    for y in ("_reconstructor", "__newobj__", "__newobj_ex__")
)
"""Functions that call what they are given first."""

_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
    "MARK": lambda: _MARK,
}

_ACTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "MEMOIZE": _memoize,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda m, _: _call(m, *m.pop(2)),
    "NEWOBJ": lambda m, _: _call(m, *m.pop(2)),
    "NEWOBJ_EX": lambda m, _: _call(m, *m.pop(3)[:2]),
    "OBJ": _marked_call,
    "INST": lambda m, name: m.stack.append(
        Record(name.replace(" ", ".", 1), tuple(m.marked()))
    ),
    **dict.fromkeys(
        ("EXT1", "EXT2", "EXT4"),
        lambda m, code: m.stack.append(Record(f"extension {code}")),
    ),
    "PERSID": lambda m, pid: _refer(m, pid),
    "BINPERSID": lambda m, _: _refer(m, *m.pop(1)),
    "BUILD": _build,
    "DICT": _dict,
    "LIST": lambda m, _: m.stack.append(m.marked()),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.marked())),
    "FROZENSET": lambda m, _: m.stack.append(m.marked()),
    "TUPLE1": lambda m, _: m.stack.append(tuple(m.pop(1))),
    "TUPLE2": lambda m, _: m.stack.append(tuple(m.pop(2))),
    "TUPLE3": lambda m, _: m.stack.append(tuple(m.pop(3))),
    "SETITEM": lambda m, _: _set(m, m.pop(2)),
    "SETITEMS": lambda m, _: _set(m, m.marked()),
    "APPEND": lambda m, _: _extend(m, m.pop(1)),
    "APPENDS": lambda m, _: _extend(m, m.marked()),
    "ADDITEMS": lambda m, _: _extend(m, m.marked()),
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": _pop_mark,
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
}
