"""Names of classes: which are the same, which are easily confused, how they are shown.

The same name is stored in two ways: macOS takes "é" apart into "e" and an accent (NFD),
Linux and Windows keep it whole (NFC). Names are the same if their NFC is.
Source: Unicode Standard Annex 15.
"""

import csv
import io
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from ..errors import DatasetError, for_shell, listed, printable

MOST_LISTED = 10
"""Names in a message; the others are counted."""
_INVISIBLE = ("Cf", "Cc", "Cs", "Co")
"""Categories of characters that take no room: zero-width ones, controls."""


def nfc(name: str) -> str:
    """`name` in Unicode's composed form."""
    return unicodedata.normalize("NFC", name)


def order(name: str) -> tuple[bytes, bytes]:
    """A key that sorts names alike on all systems, by the bytes of their NFC."""
    composed, own = (x.encode("utf-8", "surrogateescape") for x in (nfc(name), name))
    return composed, own


def matching(name: str, names: Collection[str]) -> str | None:
    """The one of `names` that is `name`, or else the only one with the same NFC."""
    if name in names:
        return name
    same = [x for x in names if nfc(x) == nfc(name)]
    return same[0] if len(same) == 1 else None


def confusable(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of `names` that differ only by Unicode form, case, or spaces around them."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_looks(name)].append(name)
    return tuple(tuple(x) for x in groups.values() if len(x) > 1)


def _looks(name: str) -> str:
    """What is left of `name` without form, case, invisible characters and outer spaces.

    By NFKC, which makes a no-break space a space and full-width letters plain.
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    seen = (x for x in text if x.isspace() or unicodedata.category(x) not in _INVISIBLE)
    return unicodedata.normalize("NFC", " ".join("".join(seen).split()))


def quoted(name: str) -> str:
    r"""`name` in quotes, printable; accents that stand alone are escaped as \uNNNN."""
    text = name
    if not unicodedata.is_normalized("NFC", name):
        text = "".join(f"\\u{ord(x):04x}" if unicodedata.combining(x) else x for x in name)
    mark = '"' if "'" in text else "'"
    return f"{mark}{printable(text)}{mark}"


def shown(name: str) -> str:
    """`name`, in quotes only where it would be misread without them."""
    odd = name != name.strip() or not name.isprintable() or ", " in name
    return quoted(name) if odd or nfc(name) != name else printable(name)


def listed_classes(names: Iterable[str]) -> str:
    """The first of `names` as `shown`, for a message, and how many more there are."""
    return listed(shown(x) for x in names)


def lookalikes(unknown: Iterable[str], names: Collection[str]) -> str:
    """The end of a message: which of the `unknown` are one of `names` in other letters."""
    pairs = ((x, y) for x in unknown for y in names if _looks(x) == _looks(y))
    found = [f"{quoted(x)} is not {quoted(y)}" for x, y in pairs]
    return f" ({', '.join(found[:3])}: rename the folder)" if found else ""


def hint(name: str, names: Collection[str]) -> str:
    """The end of a message: did you mean the one of `names` that is most like `name`?"""
    alike = [x for x in names if _looks(x) == _looks(name)]
    if alike:
        return (
            f"; did you mean {quoted(alike[0])}, which differs only in how it is written?"
        )
    close = get_close_matches(name, names, 1)
    return f"; did you mean {quoted(close[0])}?" if close else ""


def read_classes(text: str) -> tuple[str, ...]:
    """Class names from "a,b,c", or from the lines of FILE in "@FILE".

    Raises:
        DatasetError: the file cannot be read, or a name is listed twice.
    """
    file = Path(text[1:]) if text.startswith("@") else None
    found = _lines(file) if file else next(csv.reader([text]), [])
    names = [x.strip() for x in found if x.strip()]
    if not names:
        raise DatasetError(f"--classes {text!r} lists no class names")
    name, times = Counter(nfc(x) for x in names).most_common(1)[0]
    if times > 1:
        raise DatasetError(f"--classes: {quoted(name)} is listed twice")
    return tuple(names)


def classes_option(names: Iterable[str]) -> str:
    """The option --classes with `names`, for a shell."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return f"--classes {for_shell(line.getvalue())}"


def _lines(file: Path) -> list[str]:
    try:
        # With the mark that Windows writes at the beginning.
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"--classes: {printable(file)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"--classes: {printable(file)} is not UTF-8 text") from error
    # Not `splitlines`, which also ends lines at characters that names may hold.
    return re.split(r"\r\n|\n|\r", text)
