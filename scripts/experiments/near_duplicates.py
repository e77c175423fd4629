"""How many planted copies the near-duplicate search finds, and what else it pairs.

    python scripts/experiments/near_duplicates.py FOLDER [--images 300] [--sheet pairs.png]
    python scripts/experiments/near_duplicates.py FOLDER --frames 20000 [--clips 1]
    python scripts/experiments/near_duplicates.py FOLDER --photos 100000

Copies of some files below FOLDER are changed in known ways and searched for among all
files. Pairs that were not planted are listed, and drawn into a sheet to be looked at.
The groups and copies found are compared with those of all pairs.

With --frames or --photos the search is timed instead, on drawn images: on frames of
clips, or on different photos (see `drawn_images.py`).
"""

import argparse
import io
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from all_pairs import all_pairs
from drawn_images import frames, photos
from PIL import Image, ImageDraw, ImageOps

from alexnet_cli.dataset.decoding import DecodedImage, decode_files
from alexnet_cli.dataset.folders import images_below
from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates import (
    Table,
    alignment,
    candidates,
    fingerprint,
    near_identical,
)
from alexnet_cli.dataset.near_search import connected, find_copies, near_pairs

T = TypeVar("T")
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
    """Print a table of the planted copies and the pairs not planted, or times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--clips", type=int, default=1)
    parser.add_argument("--photos", type=int)
    args = parser.parse_args()
    files = list(images_below(args.folder))
    if args.frames:
        measure(frames(files, args.frames, args.clips))
    elif args.photos:
        measure(photos(files, args.photos))
    else:
        plant(args, files)


def plant(args: argparse.Namespace, files: list[Path]) -> None:
    """Print how many copies are found, and the pairs that were not planted."""
    found = [
        (f, x)
        for f, x in zip(files, decode_files(files), strict=True)
        if isinstance(x, DecodedImage)
    ]
    table = np.stack([x.fingerprint for _, x in found])
    pairs = pairs_of(table, table, within=True)
    related = {frozenset(x) for x in pairs}
    chosen = sorted(
        random.Random(0).sample(range(len(found)), min(args.images, len(found)))
    )
    images = [open_image(found[i][0]).image for i in chosen]
    print(
        f"{len(found)} images, {len(chosen)} of them copied\n\n{'change':28} found  wrong"
    )
    every, same = [table], True
    for name, change in CHANGES.items():
        copies = np.stack([fingerprint(change(x))[0] for x in images])
        hits = {(chosen[i], j) for i, j in pairs_of(copies, table)}
        right = sum((i, i) in hits for i in chosen)
        wrong = [x for x in hits if x[0] != x[1] and frozenset(x) not in related]
        print(f"{name:28} {right / len(chosen):5.1%}  {len(wrong)}")
        same &= check_copies(copies, table)
        every.append(copies)
    same &= check_groups(table) and check_groups(np.concatenate(every))
    print(f"\ngroups and copies are {'' if same else 'not '}those of all pairs")
    print(f"\n{len(pairs)} pairs were not planted")
    for i, j in pairs:
        equal = "equal files" if found[i][1].digest == found[j][1].digest else ""
        score = float(alignment(table[i : i + 1], table[j : j + 1])[0, 0])
        print(
            f"{score:.3f} {found[i][0].relative_to(args.folder)} {found[j][0].relative_to(args.folder)} {equal}"
        )
    if args.sheet:
        draw_sheet([(found[i][0], found[j][0]) for i, j in pairs], args.sheet)


def pairs_of(
    one: np.ndarray, two: np.ndarray, within: bool = False
) -> list[tuple[int, int]]:
    """All near-identical pairs of two sets, by the two looks of the search."""
    alike = candidates(Table.of(one), Table.of(two))
    if within:
        alike = np.triu(alike, 1)
    return [(int(i), int(j)) for i, j in np.argwhere(near_identical(one, two, alike))]


def check_groups(table: np.ndarray) -> bool:
    """Whether the search finds the groups of all pairs."""
    found = near_pairs(table, lambda done, count: None).pairs
    return connected(len(table), found) == connected(len(table), all_pairs(table))


def check_copies(copies: np.ndarray, table: np.ndarray) -> bool:
    """Whether the search finds the first original of all pairs for each copy."""
    first: dict[int, int] = {}
    for i, j in all_pairs(copies, table):
        first.setdefault(i, j)
    names = [f"{x} {i}" for x, t in (("a", table), ("b", copies)) for i in range(len(t))]
    found = find_copies(
        names[: len(table)], table, names[len(table) :], copies, lambda done, count: None
    )
    return found == first


def measure(table: np.ndarray) -> None:
    """Print how long the search takes within [N, 32, 32] and across its halves."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak until now
    before = memory("VmRSS")
    found, took = timed(lambda: near_pairs(table, lambda done, count: None))
    more = memory("VmHWM") - before
    groups = len(set(connected(len(table), found.pairs)))
    print(
        f"{len(table)} images, {groups} groups: {took}, {more:.0f} MiB more than before",
        flush=True,
    )
    one, two = table[::2], table[1::2]
    names = [str(i) for i in range(len(table))]
    first, second = names[: len(one)], names[len(one) :]
    copies, took = timed(
        lambda: find_copies(first, one, second, two, lambda done, count: None)
    )
    print(f"{len(two)} images in {len(one)}: {len(copies)} copies: {took}")
    some = Table.of(table[:: max(1, len(table) // 4000)])
    share = np.triu(candidates(some, some), 1).sum() / math.comb(len(some.prints), 2)
    print(f"{1e6 * share:.0f} of a million pairs look alike at first")


def memory(field: str) -> float:
    """MiB of this process, as Linux calls it: VmRSS now, VmHWM at most."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def timed(function: Callable[[], T]) -> tuple[T, str]:
    """What `function` returns, and the seconds it took, on the clock and of all cores."""
    started, worked = time.perf_counter(), time.process_time()
    found = function()
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    return found, f"{seconds:.1f} s ({work:.1f} s of CPU)"


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
