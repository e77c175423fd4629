"""How many planted copies the near-duplicate search finds, and what else it pairs.

    python scripts/experiments/near_duplicates.py FOLDER [--images 300] [--sheet pairs.png]

Copies of some files below FOLDER are changed in known ways and searched for among all
files. Pairs that were not planted are listed, and drawn into a sheet to be looked at.
"""

import argparse
import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from alexnet_cli.dataset.decoding import DecodedImage, decode_files
from alexnet_cli.dataset.folders import images_below
from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates import alignment, fingerprint, near_pairs

Change = Callable[[Image.Image], Image.Image]


def scaled(factor: float) -> Change:
    """Resized by `factor`."""
    return lambda x: x.resize(
        [max(1, round(s * factor)) for s in x.size], Image.Resampling.LANCZOS
    )


def saved(quality: int) -> Change:
    """Saved as JPEG and read again."""

    def change(image: Image.Image) -> Image.Image:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        return open_image(out.getvalue()).image

    return change


def cropped(share: float) -> Change:
    """Cut by `share` of width and height on every side."""

    def change(image: Image.Image) -> Image.Image:
        x, y = (round(s * share) for s in image.size)
        return image.crop((x, y, image.width - x, image.height - y))

    return change


CHANGES: dict[str, Change] = {
    "resized 0.5": scaled(0.5), "resized 0.75": scaled(0.75), "resized 1.5": scaled(1.5),
    "resized 2": scaled(2.0), "quality 50": saved(50), "quality 75": saved(75),
    "quality 95": saved(95), "flipped": ImageOps.mirror,
    "flipped, 0.6, quality 60": lambda x: saved(60)(scaled(0.6)(ImageOps.mirror(x))),
    "cropped 1 %": cropped(0.01), "cropped 2 %": cropped(0.02), "cropped 3 %": cropped(0.03),
    "cropped 5 %": cropped(0.05), "cropped 8 %": cropped(0.08), "cropped 10 %": cropped(0.1),
    "cropped 15 %": cropped(0.15),
}  # fmt: skip


def main() -> None:
    """Print a table of the planted copies, and the pairs that were not planted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    files = list(images_below(args.folder))
    found = [
        (f, x)
        for f, x in zip(files, decode_files(files), strict=True)
        if isinstance(x, DecodedImage)
    ]
    table = np.stack([x.fingerprint for _, x in found])
    pairs = list(near_pairs(table))
    related = {frozenset(x) for x in pairs}
    chosen = sorted(
        random.Random(0).sample(range(len(found)), min(args.images, len(found)))
    )
    images = [open_image(found[i][0]).image for i in chosen]
    print(
        f"{len(found)} images, {len(chosen)} of them copied\n\n{'change':28} found  wrong"
    )
    for name, change in CHANGES.items():
        copies = np.stack([fingerprint(change(x))[0] for x in images])
        hits = {(chosen[i], j) for i, j in near_pairs(copies, table)}
        right = sum((i, i) in hits for i in chosen)
        wrong = [x for x in hits if x[0] != x[1] and frozenset(x) not in related]
        print(f"{name:28} {right / len(chosen):5.1%}  {len(wrong)}")
    print(f"\n{len(pairs)} pairs were not planted")
    for i, j in pairs:
        same = "equal files" if found[i][1].digest == found[j][1].digest else ""
        score = float(alignment(table[i : i + 1], table[j : j + 1])[0])
        print(
            f"{score:.3f} {found[i][0].relative_to(args.folder)} {found[j][0].relative_to(args.folder)} {same}"
        )
    if args.sheet:
        draw_sheet([(found[i][0], found[j][0]) for i, j in pairs], args.sheet)


def draw_sheet(
    pairs: list[tuple[Path, Path]], file: Path, side: int = 140, across: int = 4
) -> None:
    """Draw the pairs side by side, numbered."""
    rows = -(-len(pairs) // across)
    paper = Image.new("RGB", (across * (2 * side + 20), rows * (side + 20)), "white")
    for n, pair in enumerate(pairs):
        x, y = n % across * (2 * side + 20), n // across * (side + 20)
        for k, one in enumerate(pair):
            paper.paste(open_image(one).image.resize((side, side)), (x + k * side, y))
        ImageDraw.Draw(paper).text((x, y + side + 2), f"{n}", "black")
    paper.save(file)


if __name__ == "__main__":
    main()
