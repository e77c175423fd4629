"""The names in a group of an HDF5 file, in each of the three ways to store them.

Source: HDF5 File Format Specification 3.0: III.A.1 and III.B to III.D (symbol tables),
III.A.2 and III.G (dense groups), IV.A.2.c and IV.A.2.g (link messages).
"""

from collections.abc import Iterator

from ...errors import WeightsError, printable
from .hdf5_headers import Content, messages

LINK_INFO, LINK, SYMBOL_TABLE = 0x02, 0x06, 0x11
UNDEFINED = 2**64 - 1
"""The address of what there is not."""
MAX_NAME = 256
"""Bytes of a name that are read."""

_HARD = 0


def links(content: Content, address: int) -> dict[str, int]:
    """Addresses of the objects in the group at `address`, by name.

    Raises:
        WeightsError: it is damaged, or has a link that is not to an object of the file.
    """
    found: dict[str, int] = {}
    for message in messages(content, address):
        if message.kind == SYMBOL_TABLE:
            tree, heap = content.unpack("<QQ", message.start)
            content.require(b"HEAP", heap)
            size, names = content.unpack("<Q8xQ", heap + 8)
            found.update(_symbols(content, tree, (names, names + size)))
        elif message.kind == LINK:
            found.update([_link(content, message.start)])
        elif message.kind == LINK_INFO:
            (flags,) = content.unpack("<xB", message.start)
            heap, tree = content.unpack("<QQ", message.start + 2 + 8 * (flags & 1))
            if heap != UNDEFINED:
                found.update(_dense(content, heap, tree))
    return found


def is_group(content: Content, address: int) -> bool:
    """Whether the object at `address` is a group."""
    kinds = {x.kind for x in messages(content, address)}
    return bool(kinds & {LINK_INFO, SYMBOL_TABLE})


def _symbols(
    content: Content, tree: int, names: tuple[int, int], level: int | None = None
) -> Iterator[tuple[str, int]]:
    """Names and addresses below a node of a B-tree, whose heap of names is at `names`."""
    content.require(b"TREE", tree)
    kind, own, count = content.unpack("<BBH", tree + 4)
    if kind or (level is not None and own != level):
        raise WeightsError("is damaged: a group's tree has nodes of another kind")
    for i in range(count):
        (child,) = content.unpack("<Q", tree + 32 + 16 * i)
        if own:
            yield from _symbols(content, child, names, own - 1)
            continue
        content.require(b"SNOD", child)
        for j in range(content.unpack("<H", child + 6)[0]):
            offset, address, cached = content.unpack("<QQI", child + 8 + 40 * j)
            start = names[0] + offset
            text = content.take(start, min(MAX_NAME, max(0, names[1] - start)))
            name = bytes(text).partition(b"\0")[0].decode("utf-8", "replace")
            # 0 and 1 are objects, 2 is a symbolic link; the address of one is undefined.
            if cached > 1 or address == UNDEFINED:
                raise _elsewhere(name)
            yield name, address


def _elsewhere(name: str) -> WeightsError:
    return WeightsError(f"has a link, {printable(name)}, instead of the weights themselves")


def _link(content: Content, start: int) -> tuple[str, int]:
    """Name and address of the link whose message is at `start`."""
    version, flags = content.unpack("<BB", start)
    start += 2
    if version != 1:
        raise WeightsError(f"has a link of version {version}")
    kind = _HARD
    if flags & 8:
        (kind,) = content.unpack("<B", start)
        start += 1
    start += 8 * bool(flags & 4) + bool(flags & 16)  # Order of creation, encoding.
    width = 1 << (flags & 3)
    length = int.from_bytes(content.take(start, width), "little")
    text = content.take(start + width, length)[:MAX_NAME]
    name = bytes(text).decode("utf-8", "replace")
    if kind != _HARD:
        raise _elsewhere(name)
    return name, content.unpack("<Q", start + width + length)[0]


def _dense(content: Content, heap: int, tree: int) -> Iterator[tuple[str, int]]:
    """Names and addresses in a group of more than eight, which are links in a heap."""
    blocks = _heap_blocks(content, heap)
    for offset in _heap_offsets(content, tree):
        for begin, size, address in blocks:
            if begin <= offset < begin + size:
                yield _link(content, address + offset - begin)
                break
        else:
            raise WeightsError("is damaged: a name is in no block of its heap")


def _heap_blocks(content: Content, heap: int) -> list[tuple[int, int, int]]:
    """First offset, size and address of the blocks of a fractal heap."""
    content.require(b"FRHP", heap)
    if content.unpack("<H", heap + 7)[0]:
        raise WeightsError("has names that are compressed")
    width, size, largest, bits = content.unpack("<HQQH", heap + 110)
    root, rows = content.unpack("<QH", heap + 132)
    if bits != 32:
        raise WeightsError("has a heap that is not one of names")
    if not rows:
        return [(0, size, root)]
    content.require(b"FHIB", root)
    blocks, offset = [], 0
    for i in range(rows * width):
        row_size = size << max(0, i // width - 1)
        if row_size > largest:
            raise WeightsError("has more parts than a file of weights")
        (address,) = content.unpack("<Q", root + 17 + 8 * i)
        if address != UNDEFINED:
            blocks.append((offset, row_size, address))
        offset += row_size
    return blocks


def _heap_offsets(content: Content, tree: int) -> Iterator[int]:
    """Offsets in their heap of the links that a B-tree of version 2 lists by name."""
    content.require(b"BTHD", tree)
    kind, node_size, record, depth = content.unpack("<BIHH", tree + 5)
    root, count = content.unpack("<QH", tree + 16)
    if (kind, record) != (5, 11) or depth > 1:
        raise WeightsError("has more parts than a file of weights")
    leaves = [(root, count)]
    if depth:
        content.require(b"BTIN", root)
        yield from _records(content, root, count)
        # One byte counts the records of a leaf, if no more than 255 have room in it.
        wide = 1 if (node_size - 10) // record < 256 else 2
        start = root + 6 + record * count
        leaves = []
        for i in range(count + 1):
            at = start + (8 + wide) * i
            leaf = content.unpack("<Q", at)[0]
            leaves.append((leaf, int.from_bytes(content.take(at + 8, wide), "little")))
    for leaf, number in leaves:
        content.require(b"BTLF", leaf)
        yield from _records(content, leaf, number)


def _records(content: Content, node: int, count: int) -> Iterator[int]:
    for i in range(count):
        kind, offset = content.unpack("<BI", node + 6 + 11 * i + 4)
        if kind:
            raise WeightsError("has a name that is not in its heap")
        yield offset
