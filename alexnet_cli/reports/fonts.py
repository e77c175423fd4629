"""Fonts that have the characters of class names; characters that none has are escaped.

The first one is always DejaVu Sans, which comes with matplotlib; others are those that are
installed.
"""

import logging
import unicodedata
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..errors import listed, printable

_BITMAP_SIZE = 109
"""Pixels of the one size of Noto Color Emoji, the only common font of bitmaps."""
_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
"""Variation selectors, which choose another form of the character before them."""


@dataclass(frozen=True)
class Fonts:
    """Files of fonts, the preferred ones first, and what they cannot show."""

    files: tuple[Path, ...]
    missing: tuple[str, ...]
    """The characters that no installed font has, sorted."""

    def drawable(self, text: str) -> str:
        """`text` as one printable line; what no font has is escaped."""
        return "".join(
            x.encode("ascii", "backslashreplace").decode() if x in self.missing else x
            for x in printable(text)
            if x not in _SELECTORS
        )

    def families(self) -> list[str]:
        """Names by which matplotlib finds the fonts from now on: those of their files.

        By its own name it may find another font of the family, and complains of weights.
        """
        with quiet_matplotlib():
            from matplotlib.font_manager import FontEntry, fontManager

        names = [str(x) for x in self.files]
        known = {x.name for x in fontManager.ttflist}
        new = [FontEntry(fname=x, name=x, weight=400) for x in names if x not in known]
        fontManager.ttflist.extend(new)
        return names


def fonts_for(texts: Iterable[str], *, bitmaps: bool = False) -> Fonts:
    """The fewest fonts that are found to have every character of `texts`.

    `bitmaps` takes fonts of colored bitmaps too, which only Pillow draws.
    """
    characters = {c for x in texts for c in printable(x) if not c.isascii()}
    return _found(frozenset(characters - _SELECTORS), bitmaps=bitmaps)


@lru_cache(maxsize=1000)
def _found(characters: frozenset[str], *, bitmaps: bool) -> Fonts:
    """The fonts for `characters`; kept, as each file of a font is opened to find them."""
    files = [_default()]
    needed = characters - _covered(files[0], characters)
    others = _installed() if needed else []
    has = {x: _covered(x, needed, bitmaps=bitmaps) for x in others}
    while any(x & needed for x in has.values()):
        # Of equal ones the shortest name, which is that of neither bold nor italics.
        best = max(has, key=lambda x: (len(has[x] & needed), -len(x.name)))
        files.append(best)
        needed -= has[best]
    return Fonts(tuple(files), tuple(sorted(needed)))


def undrawable(names: Iterable[str], *, bitmaps: bool = False) -> str:
    """A line about the characters of `names` that no font has; empty if there are none."""
    missing = fonts_for(names, bitmaps=bitmaps).missing
    if not missing:
        return ""
    return (
        f"no installed font can draw {listed(missing)}: escaped in figures and on images; "
        f"install one, such as Noto Sans CJK, Noto Emoji or Noto Sans of their script"
    )


def draw_line(image: Image.Image, text: str, left: float, size: int) -> None:
    """Draw `text` in white letters of `size` pixels onto `image`, from `left` on."""
    draw = ImageDraw.Draw(image)
    if text.isascii():
        draw.text((left, 0.3 * size), text, "white", ImageFont.load_default(size))
        return
    fonts = fonts_for([text], bitmaps=True)
    for part, file in _parts(fonts.drawable(text), fonts.files):
        if _is_scalable(file):
            font = ImageFont.truetype(file, size)
            draw.text((left, 1.2 * size), part, "white", font, anchor="ls")
            left += font.getlength(part)
        else:
            bitmap = _bitmaps(part, file, size)
            image.paste(bitmap, (round(left), round(0.25 * size)), bitmap)
            left += bitmap.width


def _parts(text: str, files: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    """`text` cut where the font changes; spaces and marks go with what is before them."""
    covered = [_covered(x, frozenset(text), bitmaps=True) for x in files]
    part, index = "", 0
    for character in text:
        joins = character == " " or unicodedata.category(character).startswith("M")
        best = next((i for i, x in enumerate(covered) if character in x), 0)
        if part and best != index and not (joins and character in covered[index]):
            yield part, files[index]
            part = ""
        if not part:
            index = best
        part += character
    yield part, files[index]


def _bitmaps(text: str, file: Path, size: int) -> Image.Image:
    """`text` in the colored bitmaps of a font, scaled to about `size` pixels."""
    font = ImageFont.truetype(file, _BITMAP_SIZE)
    box = font.getbbox(text)
    drawn = Image.new("RGBA", (round(box[2]), round(box[3])))
    ImageDraw.Draw(drawn).text((0, 0), text, font=font, embedded_color=True)
    drawn = drawn.crop(drawn.getbbox())
    height = round(1.15 * size)
    return drawn.resize((max(1, round(drawn.width * height / drawn.height)), height))


@contextmanager
def quiet_matplotlib() -> Iterator[None]:
    """Without matplotlib's messages in the block, as where it keeps a list of fonts."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _default() -> Path:
    with quiet_matplotlib():
        import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


def _installed() -> list[Path]:
    """The files of all fonts, sorted."""
    with quiet_matplotlib():
        from matplotlib.font_manager import findSystemFonts

    return sorted(map(Path, findSystemFonts()))


def _covered(file: Path, characters: Set[str], *, bitmaps: bool = False) -> Set[str]:
    """Those of `characters` that a font has; none if it is of bitmaps or damaged."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(file))
    except (OSError, RuntimeError):
        return frozenset()
    if not (font.scalable or bitmaps):
        return frozenset()
    return frozenset(x for x in characters if font.get_char_index(ord(x)))


def _is_scalable(file: Path) -> bool:
    from matplotlib.ft2font import FT2Font

    return bool(FT2Font(str(file)).scalable)
