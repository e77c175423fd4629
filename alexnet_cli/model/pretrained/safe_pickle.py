"""Pickles read as data: containers, numbers, text, and records of what would be made.

A pickle is a program. Here it is read by an interpreter that can call nothing: where a
pickle names a class or function, calls it or sets its state, a record of that is kept.
"""

import pickletools
from collections.abc import Callable
from typing import IO, Any, BinaryIO, cast

from ...errors import WeightsError, printable
from .pickle_records import PERSISTENT, Record, bytes_of

MAX_OPCODES = 300_000
"""Of one pickle: an AlexNet with its optimizer has 2,000, a long log 100,000."""

_MARK = object()


class LimitedFile:
    """A file of which no read allocates more than is left of it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self.tell, self.seek = file.tell, file.seek
        self.readline = file.readline

    def read(self, count: int) -> bytes:
        if count > 2**16:
            count = max(0, min(count, self.size - self.tell()))
        return self.file.read(count)


def unpickled(file: LimitedFile, references: list[Any] | None = None) -> Any:
    """The next pickle in `file`: containers, numbers, text, bytes and `Record`s.

    Dictionaries have the entries whose keys are text. `references` receives the ids of
    data outside of the pickle.

    Raises:
        WeightsError: it is damaged, or has too many opcodes.
    """
    machine = _Machine([] if references is None else references)
    try:
        for i, (opcode, argument, _) in enumerate(
            pickletools.genops(cast("IO[bytes]", file))
        ):
            if i >= MAX_OPCODES:
                raise WeightsError(
                    f"has more than {MAX_OPCODES:,} opcodes in its pickle, more than "
                    f"weights need: save model.state_dict()"
                )
            machine.run(opcode.name, argument)
        return machine.stack.pop()
    except (
        ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError,
        MemoryError,
    ) as error:  # fmt: skip
        text = printable(" ".join(str(error).split()))[:200]
        raise WeightsError(f"is damaged: {text or 'its pickle'}") from error


class _Machine:
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
            raise ValueError(f"opcode {name}")

    def pop(self, count: int) -> list[Any]:
        """The last `count` values, taken off."""
        if len(self.stack) < count:
            raise IndexError("its pickle takes values that are not there")
        values = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        if any(x is _MARK for x in values):
            raise ValueError("its pickle has a mark among values")
        return values

    def marked(self) -> list[Any]:
        """The values since the last mark, taken off with it."""
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]


def _memoize(machine: _Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _put(machine: _Machine, argument: Any) -> None:
    machine.memo[int(argument)] = machine.stack[-1]


def _get(machine: _Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[int(argument)])


def _global(machine: _Machine, argument: str) -> None:
    machine.stack.append(Record(argument.replace(" ", ".", 1)))


def _stack_global(machine: _Machine, _: Any) -> None:
    module, name = machine.pop(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError("its pickle names a class by something that is not text")
    machine.stack.append(Record(f"{module}.{name}"))


def _call(machine: _Machine, function: Any, arguments: Any) -> None:
    name = (
        function.name if isinstance(function, Record) else "something that is no function"
    )
    machine.stack.append(Record(name, arguments))


def _marked_call(machine: _Machine, _: Any) -> None:
    function, *arguments = machine.marked()
    _call(machine, function, tuple(arguments))


def _refer(machine: _Machine, pid: Any) -> None:
    machine.references.append(pid)
    machine.stack.append(Record(PERSISTENT, (pid,)))


def _build(machine: _Machine, _: Any) -> None:
    (state,) = machine.pop(1)
    if isinstance(machine.stack[-1], Record):
        machine.stack[-1].state = state


def _set(machine: _Machine, values: list[Any]) -> None:
    """Put keys and values into the dictionary on top; keys that are not text are left out.

    Other keys could take forever, or the stack of the process, to hash.
    """
    items = machine.stack[-1]
    if isinstance(items, Record):
        items.items = items.items or {}
        items = items.items
    for key, value in zip(values[::2], values[1::2], strict=True):
        if not isinstance(key, str) and (data := bytes_of(key)) is not None:
            key = data.decode("latin1")
        if isinstance(key, str):
            items[key] = value


def _extend(machine: _Machine, values: list[Any]) -> None:
    elements = machine.stack[-1]
    if isinstance(elements, Record):
        elements.elements = elements.elements or []
        elements = elements.elements
    elements.extend(values)


def _pop_mark(machine: _Machine, _: Any) -> None:
    machine.marked()


def _dict(machine: _Machine, _: Any) -> None:
    values = machine.marked()
    machine.stack.append({})
    _set(machine, values)


_VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
"""Opcodes that push their argument."""

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

_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
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
