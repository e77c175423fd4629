"""Drawn product pictures: one shape in many colors, with many prints and labels, on white.

Nobody may take two of them for the same: all have another color, print or label. What a
shop does to a picture is not in here; see CHANGES in `near_duplicates.py`.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE, DRAWN = 320, 640
"""Pixels of an image, and of its drawing, which is averaged down."""

PALETTE = (
    (178, 34, 40), (226, 119, 38), (240, 200, 60), (58, 130, 62), (30, 60, 130),
    (96, 48, 120), (32, 32, 36), (240, 238, 232), (128, 132, 138), (110, 70, 40),
    (60, 170, 180), (236, 150, 180),
)  # fmt: skip
"""Colors that shops tell apart."""

Color = tuple[int, ...]
Draw = ImageDraw.ImageDraw


def product(kind: str, number: int) -> Image.Image:
    """The picture of product `number` of a kind, 320 x 320, saved as JPEG once.

    Its light and its place vary a little, as between two pictures of a shop.
    """
    rng = np.random.default_rng((len(kind), *kind.encode(), number))
    paper = Image.new("RGB", (DRAWN, DRAWN), "white")
    KINDS[kind](ImageDraw.Draw(paper), rng, number)
    x, y = rng.integers(-3, 4, 2)
    moved = Image.new("RGB", paper.size, "white")
    moved.paste(shaded(paper, rng), (int(x), int(y)))
    out = io.BytesIO()
    moved.resize((SIDE, SIDE), Image.Resampling.BOX).save(
        out, "JPEG", quality=int(rng.integers(80, 96))
    )
    with Image.open(out) as image:
        return image.convert("RGB")


def shaded(paper: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light from the left, more or less of it; white stays white."""
    light = np.linspace(1 + 0.06 * rng.uniform(0.5, 1), 0.9, paper.width)[None, :, None]
    pixels = np.asarray(paper, np.float32)
    inside = (pixels < 252).any(axis=2, keepdims=True)
    lit = np.where(inside, pixels * light, pixels)
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(0.8)
    )


def colors(rng: np.random.Generator, number: int, count: int = 3) -> list[Color]:
    """The body's color, by the product's number, and others that differ from it."""
    body = number % len(PALETTE)
    rest = [i for i in range(len(PALETTE)) if i != body]
    chosen = [body, *rng.choice(rest, count - 1, replace=False).tolist()]
    return [PALETTE[i] for i in chosen]


def bottle(draw: Draw, rng: np.random.Generator, number: int) -> None:
    """A bottle whose glass has one of three colors, with a label."""
    glass = ((40, 70, 40), (90, 50, 25), (150, 175, 180))[number % 3]
    draw.rounded_rectangle((230, 190, 410, 610), 40, glass)
    draw.polygon([(240, 210), (285, 130), (355, 130), (400, 210)], glass)
    draw.rectangle((288, 40, 352, 140), glass)
    draw.rectangle((284, 30, 356, 70), PALETTE[int(rng.integers(12))])
    label(draw, rng, (236, 300, 404, 500))


def disc(draw: Draw, rng: np.random.Generator, number: int) -> None:
    """A case with a cover."""
    draw.rectangle((70, 70, 570, 570), (30, 30, 30))
    draw.rectangle((70, 70, 100, 570), (90, 90, 95))
    label(draw, rng, (104, 74, 566, 566))


def shirt(draw: Draw, rng: np.random.Generator, number: int) -> None:
    """A T-shirt in one of four colors, with a print."""
    body = PALETTE[(6, 8, 4, 0)[number % 4]]
    outline = [(210, 70), (430, 70), (600, 190), (540, 280), (480, 240), (480, 590),
               (160, 590), (160, 240), (100, 280), (40, 190)]  # fmt: skip
    draw.polygon(outline, body, outline=(60, 60, 60), width=3)
    draw.ellipse((270, 30, 370, 110), "white", outline=(60, 60, 60), width=3)
    shapes(draw, rng, (230, 200, 410, 400), 4)


def phone_case(draw: Draw, rng: np.random.Generator, number: int) -> None:
    """The back of a phone: a color and, on most, a pattern."""
    body, *others = colors(rng, number)
    draw.rounded_rectangle((190, 50, 450, 590), 44, body, outline=(70, 70, 70), width=4)
    if number >= len(PALETTE):
        shapes(draw, rng, (210, 230, 430, 560), 3, others)
    draw.rounded_rectangle((215, 75, 325, 185), 26, (25, 25, 28))
    for x, y in ((245, 105), (295, 105), (245, 155)):
        draw.ellipse((x - 18, y - 18, x + 18, y + 18), (70, 75, 85))


def board(draw: Draw, rng: np.random.Generator, number: int) -> None:
    """A chess board, empty, of two colors and a frame."""
    pairs = [(i, j) for i in range(12) for j in range(12) if i < j]
    light, dark = (PALETTE[i] for i in pairs[(number * 7) % len(pairs)])
    draw.rectangle((60, 60, 580, 580), tuple(x // 2 for x in dark))
    for i in range(8):
        for j in range(8):
            x, y = 80 + 60 * i, 80 + 60 * j
            draw.rectangle((x, y, x + 60, y + 60), (light, dark)[(i + j) % 2])


def shoe(draw: Draw, rng: np.random.Generator, number: int) -> None:
    """A shoe in two colors: upper and sole, stripes in that of the sole."""
    pairs = [(i, j) for i in range(12) for j in range(12) if i != j]
    upper, sole = (PALETTE[i] for i in pairs[(number * 5) % len(pairs)])
    outline = [(70, 430), (80, 250), (150, 210), (230, 250), (330, 330), (500, 370),
               (580, 410), (585, 440)]  # fmt: skip
    draw.polygon(outline, upper, outline=(50, 50, 50), width=3)
    draw.rounded_rectangle((60, 430, 595, 480), 20, sole, outline=(50, 50, 50), width=3)
    for x in (250, 290, 330):
        draw.line([(x, 425), (x - 40, 300 + (x - 250) // 2)], sole, 14)


def label(draw: Draw, rng: np.random.Generator, box: tuple[int, ...]) -> None:
    """Paper in a color with a shape and words, another one for each state of `rng`."""
    paper, ink, other = colors(rng, int(rng.integers(12)))
    left, top, right, bottom = box
    draw.rectangle(box, paper)
    middle = (left, top + (bottom - top) // 3, right, bottom - (bottom - top) // 6)
    shapes(draw, rng, middle, 3, [ink, other])
    words = "".join(rng.choice(list("ABDEGHKLMNORSTUVZ"), 6).tolist())
    font = ImageFont.load_default((right - left) // 5)
    draw.text((left + 8, top + 8), words, ink, font)


def shapes(
    draw: Draw,
    rng: np.random.Generator,
    box: tuple[int, ...],
    count: int,
    inks: list[Color] | None = None,
) -> None:
    """Some disks, bars and triangles at random within `box`."""
    left, top, right, bottom = box
    for i in range(count):
        ink = (inks or [PALETTE[j] for j in rng.permutation(12)])[
            i % (len(inks or PALETTE))
        ]
        w, h = (rng.uniform(0.25, 0.6, 2) * (right - left, bottom - top)).astype(int)
        x, y = int(rng.integers(left, right - w)), int(rng.integers(top, bottom - h))
        form = int(rng.integers(3))
        if form == 0:
            draw.ellipse((x, y, x + w, y + h), ink)
        elif form == 1:
            draw.rectangle((x, y, x + w, y + h), ink)
        else:
            draw.polygon([(x, y + h), (x + w // 2, y), (x + w, y + h)], ink)


KINDS: dict[str, Callable[[Draw, np.random.Generator, int], None]] = {
    "board": board, "bottle": bottle, "disc": disc, "phone_case": phone_case,
    "shirt": shirt, "shoe": shoe,
}  # fmt: skip


def products(kind: str, count: int) -> list[Image.Image]:
    """The pictures of so many products of a kind."""
    return [product(kind, i) for i in range(count)]
