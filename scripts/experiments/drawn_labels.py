"""Drawn things of one shape and one color that differ in what is written or shown on them.

Of each kind number 0, 1, 2, ... are different things: another name, price, serial number,
time of day or card. `drawn_catalog.py` has those that differ in colors and large prints.
"""

import io
import math
from collections.abc import Callable

import drawn_dials
import numpy as np
from drawn_catalog import DRAWN, shaded
from drawn_dials import INK, PAPER, Draw, Rng, font
from PIL import Image, ImageDraw

WORDS = (
    "APPLE", "BERRY", "CHERRY", "GRAPE", "LEMON", "MANGO", "MELON", "ORANGE", "PEACH",
    "PEAR", "PLUM", "VANILLA", "COCOA", "GINGER", "MINT", "HONEY", "OLIVE", "PEPPER",
    "SALT", "CLASSIC", "LIGHT", "ZERO", "EXTRA", "STRONG", "MILD", "FRESH", "DARK",
)  # fmt: skip
"""What labels of one series say."""


def digits(rng: Rng, count: int) -> str:
    """Digits at random."""
    return "".join(map(str, rng.integers(0, 10, count)))


def word(rng: Rng) -> str:
    """One of WORDS."""
    return WORDS[int(rng.integers(len(WORDS)))]


def wine(draw: Draw, rng: Rng) -> None:
    """A bottle with a white label: another name below the brand."""
    draw.rounded_rectangle((210, 180, 430, 615), 40, (40, 74, 44))
    draw.polygon([(220, 200), (285, 120), (355, 120), (420, 200)], (40, 74, 44))
    draw.rectangle((288, 30, 352, 130), (40, 74, 44))
    draw.rectangle((218, 300, 422, 510), PAPER)
    draw.text((320, 330), "ALMA", INK, font(2, 46), "mm")
    draw.line((236, 365, 404, 365), (150, 30, 40), 5)
    draw.text((320, 410), word(rng), INK, font(0, 34), "mm")
    draw.text((320, 470), f"{digits(rng, 3)} ml", INK, font(0, 26), "mm")


def box(draw: Draw, rng: Rng) -> None:
    """A cardboard box with a serial number."""
    draw.polygon([(60, 200), (470, 150), (580, 210), (170, 270)], (214, 178, 128))
    draw.polygon([(60, 200), (170, 270), (170, 560), (60, 480)], (168, 132, 88))
    draw.polygon([(170, 270), (580, 210), (580, 490), (170, 560)], (190, 152, 104))
    draw.rectangle((230, 330, 500, 440), PAPER)
    draw.text((245, 342), "MODEL K", INK, font(1, 30))
    draw.text((245, 392), f"SN {digits(rng, 6)}", INK, font(3, 32))


def price(draw: Draw, rng: Rng) -> None:
    """A jar with a price tag, and the same words on all of them."""
    draw.rounded_rectangle((150, 120, 490, 600), 50, (196, 120, 48))
    draw.rectangle((170, 60, 470, 130), (190, 30, 40))
    draw.ellipse((210, 220, 430, 440), PAPER)
    draw.text((320, 300), "JAM", INK, font(2, 56), "mm")
    draw.text((320, 370), "since 1921", INK, font(2, 26), "mm")
    draw.rectangle((350, 480, 560, 580), (250, 220, 60))
    draw.text((455, 530), f"{digits(rng, 1)}.{digits(rng, 2)}", INK, font(1, 56), "mm")


def can(draw: Draw, rng: Rng) -> None:
    """A can of one brand, of another flavor."""
    draw.rounded_rectangle((190, 60, 450, 600), 36, (170, 24, 34))
    draw.rectangle((190, 90, 450, 110), (205, 205, 210))
    draw.rectangle((190, 556, 450, 574), (205, 205, 210))
    draw.polygon([(190, 200), (450, 150), (450, 330), (190, 380)], PAPER)
    draw.text((320, 262), "KOLA", (170, 24, 34), font(1, 72), "mm")
    draw.text((320, 455), word(rng), PAPER, font(1, 40), "mm")


def book(draw: Draw, rng: Rng) -> None:
    """A cover of a series: another title, author and number."""
    draw.rectangle((110, 30, 530, 610), (24, 60, 110))
    draw.rectangle((110, 30, 140, 610), (16, 44, 84))
    draw.rectangle((170, 90, 500, 290), PAPER)
    for i, size in enumerate((46, 46, 28)):
        draw.text((335, 130 + 56 * i), word(rng), INK, font(2, size), "mm")
    draw.ellipse((255, 350, 415, 510), (220, 170, 50))
    draw.text((335, 430), digits(rng, 2), INK, font(2, 76), "mm")
    draw.text((335, 570), "POCKET LIBRARY", PAPER, font(0, 26), "mm")


def plate(draw: Draw, rng: Rng) -> None:
    """A license plate."""
    draw.rounded_rectangle((20, 230, 620, 410), 16, PAPER, INK, 6)
    draw.rectangle((26, 236, 80, 404), (20, 60, 160))
    letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVWXYZ"), 2).tolist())
    draw.text((350, 320), f"{letters} {digits(rng, 4)}", INK, font(1, 104), "mm")


def record(draw: Draw, rng: Rng) -> None:
    """A disc with a title and a number."""
    draw.ellipse((40, 40, 600, 600), (222, 224, 230), (120, 120, 125), 4)
    draw.ellipse((255, 255, 385, 385), (180, 182, 190))
    draw.ellipse((290, 290, 350, 350), "white")
    draw.text((320, 150), word(rng), INK, font(1, 44), "mm")
    draw.text((320, 440), f"DISC {digits(rng, 2)}", INK, font(0, 34), "mm")
    draw.text((320, 500), f"{word(rng).title()} Records", INK, font(2, 24), "mm")


def logo(draw: Draw, rng: Rng) -> None:
    """A shirt with a small logo on its chest."""
    outline = [(210, 70), (430, 70), (600, 190), (540, 280), (480, 240), (480, 590),
               (160, 590), (160, 240), (100, 280), (40, 190)]  # fmt: skip
    draw.polygon(outline, (38, 62, 120), outline=(20, 30, 60), width=3)
    draw.ellipse((270, 30, 370, 110), "white", outline=(20, 30, 60), width=3)
    x, y, r = 395, 215, 34
    points = [
        (x + r * s * math.sin(a), y - r * s * math.cos(a))
        for a, s in zip(
            np.linspace(0, math.tau, 12, endpoint=False),
            rng.uniform(0.2, 1, 12),
            strict=True,
        )
    ]
    draw.polygon(points, PAPER)


KINDS: dict[str, Callable[[Draw, Rng], None]] = {
    "book": book, "box": box, "can": can, "logo": logo,
    "plate": plate, "price": price, "record": record, "wine": wine, **drawn_dials.KINDS,
}  # fmt: skip
"""Of those that differ in what is written on them, and in what they show."""


def things(kind: str, count: int) -> list[Image.Image]:
    """Different things of a kind, as JPEG files of different sizes have them."""
    found: dict[bytes, Image.Image] = {}
    rng = np.random.default_rng((7, *kind.encode()))
    while len(found) < count:
        paper = Image.new("RGB", (DRAWN, DRAWN), "white")
        KINDS[kind](ImageDraw.Draw(paper), rng)
        if paper.tobytes() not in found:
            found[paper.tobytes()] = shop_picture(paper, rng)
    return list(found.values())


def shop_picture(paper: Image.Image, rng: Rng) -> Image.Image:
    """A drawing moved and lit a little otherwise, at 200 to 480 pixels, quality 60 to 95."""
    moved = Image.new("RGB", paper.size, "white")
    x, y = rng.integers(-3, 4, 2).tolist()
    moved.paste(shaded(paper, rng), (x, y))
    side = int(rng.integers(200, 481))
    out = io.BytesIO()
    small = moved.resize((side, side), Image.Resampling.LANCZOS)
    small.save(out, "JPEG", quality=int(rng.integers(60, 96)))
    with Image.open(out) as image:
        return image.convert("RGB")
