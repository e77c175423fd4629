"""Drawn things of one shape that show another value: clocks, cards, meters, codes.

See `drawn_labels.py`, which has all kinds of those that differ in so little.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import ImageDraw, ImageFont

Draw = ImageDraw.ImageDraw
Rng = np.random.Generator

FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf")
"""They come with Matplotlib."""

INK, PAPER = (25, 25, 30), (246, 244, 236)

SEGMENTS = (
    "abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg",
)  # fmt: skip
"""Of each digit of a display."""


@lru_cache(64)
def font(number: int, size: int) -> ImageFont.FreeTypeFont:
    """One of FONTS."""
    folder = Path(mpl.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(folder / FONTS[number % len(FONTS)], size)


def clock(draw: Draw, rng: Rng) -> None:
    """A clock face at another time."""
    draw.ellipse((50, 50, 590, 590), PAPER, INK, 16)
    for i in range(60):
        angle, inner = math.tau * i / 60, 225 if i % 5 == 0 else 242
        draw.line([*around(angle, inner), *around(angle, 250)], INK, 8 if i % 5 == 0 else 3)
    for i in range(1, 13):
        draw.text(around(math.tau * i / 12, 192), str(i), INK, font(0, 40), "mm")
    minute = int(rng.integers(720))
    draw.line([320, 320, *around(math.tau * minute / 720, 120)], INK, 16)
    draw.line([320, 320, *around(math.tau * minute / 60, 170)], INK, 9)


def around(angle: float, radius: float) -> tuple[float, float]:
    """A point of a circle about the middle, clockwise from the top."""
    return 320 + radius * math.sin(angle), 320 - radius * math.cos(angle)


def card(draw: Draw, rng: Rng) -> None:
    """A playing card of a red suit: rank and number of pips."""
    rank, suit = int(rng.integers(2, 11)), int(rng.integers(2))
    draw.rounded_rectangle((110, 20, 530, 620), 30, PAPER, INK, 4)
    red = (190, 24, 34)
    for x, y in ((160, 70), (480, 570)):
        draw.text((x, y), str(rank), red, font(1, 54), "mm")
        pip(draw, (x, y + (50 if y < 300 else -50)), 16, suit, red)
    rows = -(-rank // 2)
    for i in range(rank):
        alone = rank % 2 and i == rank - 1
        x = 320 if alone else (250, 390)[i % 2]
        pip(draw, (x, 130 + 380 * (i // 2 + 0.5) / rows), 34, suit, red)


def pip(
    draw: Draw, at: tuple[float, float], size: int, suit: int, ink: tuple[int, ...]
) -> None:
    """A diamond or a heart."""
    x, y = at
    if suit == 0:
        outline = [(x, y - size), (x + 0.7 * size, y), (x, y + size), (x - 0.7 * size, y)]
        draw.polygon(outline, ink)
        return
    half = size / 2
    for left in (x - size, x):
        draw.ellipse((left, y - size, left + size, y), ink)
    draw.polygon([(x - size, y - half), (x + size, y - half), (x, y + size)], ink)


def display(draw: Draw, rng: Rng) -> None:
    """A meter with seven-segment digits."""
    draw.rounded_rectangle((60, 140, 580, 500), 30, (50, 52, 58))
    draw.rectangle((100, 190, 540, 360), (150, 170, 140))
    for i in range(5):
        segments(draw, 120 + 84 * i, int(rng.integers(10)))
    for i in range(4):
        draw.ellipse((120 + 110 * i, 400, 180 + 110 * i, 460), (190, 60, 40))


def segments(draw: Draw, x: int, digit: int) -> None:
    """One digit of a display, from `x` on."""
    on = SEGMENTS[digit]
    lines = {
        "a": (0, 0, 50, 0), "b": (50, 0, 50, 60), "c": (50, 60, 50, 120),
        "d": (0, 120, 50, 120), "e": (0, 60, 0, 120), "f": (0, 0, 0, 60),
        "g": (0, 60, 50, 60),
    }  # fmt: skip
    for name in on:
        left, top, right, bottom = lines[name]
        draw.line((x + left, 215 + top, x + right, 215 + bottom), (24, 30, 24), 12)


def code(draw: Draw, rng: Rng) -> None:
    """A square code, whose three corners all codes have."""
    size, count = 20, 25
    cells = rng.random((count, count)) < 0.5
    for top, left in ((0, 0), (0, count - 7), (count - 7, 0)):
        cells[top : top + 7, left : left + 7] = True
        cells[top + 1 : top + 6, left + 1 : left + 6] = False
        cells[top + 2 : top + 5, left + 2 : left + 5] = True
    for y, x in np.argwhere(cells).tolist():
        at = (70 + x * size, 70 + y * size)
        draw.rectangle((*at, at[0] + size - 1, at[1] + size - 1), INK)


def sign(draw: Draw, rng: Rng) -> None:
    """A round road sign with another speed."""
    draw.ellipse((50, 50, 590, 590), (196, 24, 34))
    draw.ellipse((115, 115, 525, 525), "white")
    draw.text((320, 325), str(5 * int(rng.integers(1, 27))), INK, font(1, 170), "mm")


def dice(draw: Draw, rng: Rng) -> None:
    """A red die beside a blue one."""
    spots = {
        1: [(1, 1)], 2: [(0, 0), (2, 2)], 3: [(0, 0), (1, 1), (2, 2)],
        4: [(0, 0), (0, 2), (2, 0), (2, 2)],
        5: [(0, 0), (0, 2), (1, 1), (2, 0), (2, 2)],
        6: [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2)],
    }  # fmt: skip
    for left, color in ((50, (196, 40, 44)), (340, (40, 60, 160))):
        draw.rounded_rectangle((left, 190, left + 250, 440), 36, color)
        for x, y in spots[int(rng.integers(1, 7))]:
            at = (left + 55 + 70 * x, 245 + 70 * y)
            draw.ellipse((at[0] - 22, at[1] - 22, at[0] + 22, at[1] + 22), "white")


def gauge(draw: Draw, rng: Rng) -> None:
    """A gauge whose needle shows another value."""
    draw.ellipse((60, 60, 580, 580), (40, 42, 48))
    draw.ellipse((84, 84, 556, 556), PAPER)
    for i in range(21):
        angle = math.radians(-135 + 13.5 * i)
        draw.line([*around(angle, 190), *around(angle, 220)], INK, 5)
    angle = math.radians(float(rng.uniform(-135, 135)))
    draw.polygon([around(angle + x, r) for x, r in ((0, 200), (1.5, 14), (-1.5, 14))], INK)
    draw.ellipse((295, 295, 345, 345), INK)
    draw.text((320, 450), "bar", INK, font(0, 40), "mm")


KINDS: dict[str, Callable[[Draw, Rng], None]] = {
    "card": card, "clock": clock, "code": code, "dice": dice, "display": display,
    "gauge": gauge, "sign": sign,
}  # fmt: skip
