"""How many planted copies the near-duplicate search finds, and what else it pairs.

    python scripts/experiments/near_duplicates.py FOLDER [--images 300] [--sheet pairs.png]
    python scripts/experiments/near_duplicates.py --catalog 16 [--kinds box can]
    python scripts/experiments/near_duplicates.py FOLDER --frames 20000 [--clips 1]
    python scripts/experiments/near_duplicates.py FOLDER --photos 100000

Copies of some files below FOLDER are changed in known ways and searched for among all
images. Pairs that were not planted are listed, and drawn into a sheet to be looked at. The
groups and copies found are compared with those of all pairs.

With --catalog copies of drawn products are (see `drawn_catalog.py` and `drawn_labels.py`),
so many of each kind. All of them differ: a pair that was not planted is false.

With --frames or --photos the search is timed instead, on drawn images: on frames of
clips, or on different photos (see `drawn_images.py`).
"""

import argparse
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import drawn_catalog
import drawn_labels
import numpy as np
from all_pairs import all_pairs
from PIL import Image, ImageDraw
from planted import BURST, CHANGES, burst
from search_times import measure_frames, measure_photos

from alexnet_cli.dataset.decoding import DecodedImage, decode_files
from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates.closeups import Closeups, ImageSet, Opener, View
from alexnet_cli.dataset.near_duplicates.fingerprint import PRINT, Table, fingerprint
from alexnet_cli.dataset.near_duplicates.groups import connected
from alexnet_cli.dataset.near_duplicates.search import find_copies, near_pairs
from alexnet_cli.dataset.prediction_files import FolderWalk

Pairs = set[tuple[int, int]]


@dataclass(frozen=True)
class Images:
    """Images with names, and what the search takes."""

    names: list[str]
    prints: np.ndarray
    image: Opener
    digests: list[str]

    @cached_property
    def set(self) -> ImageSet:
        """What the search takes."""
        return ImageSet(self.prints, self.image, self.digests)

    @classmethod
    def drawn(cls, images: list[Image.Image], names: list[str]) -> "Images":
        """Of images in memory, all of another content."""
        prints = np.array([fingerprint(x)[0] for x in images], np.uint8)
        return cls(names, prints.reshape(-1, *PRINT), images.__getitem__, names)

    @classmethod
    def read(cls, folder: Path, files: list[Path]) -> "Images":
        """Of files below a folder, without those that cannot be read."""
        decoded = zip(files, decode_files(files), strict=True)
        good = [(f, x) for f, x in decoded if isinstance(x, DecodedImage)]
        return cls(
            [str(f.relative_to(folder)) for f, _ in good],
            np.stack([x.fingerprint for _, x in good]),
            lambda i: open_image(good[i][0], min_side=256).image,
            [x.digest for _, x in good],
        )


def main() -> None:
    """Print a table of the planted copies and the pairs not planted, or times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--catalog", type=int)
    parser.add_argument("--kinds", nargs="+")
    parser.add_argument("--frames", type=int)
    parser.add_argument("--clips", type=int, default=1)
    parser.add_argument("--photos", type=int)
    args = parser.parse_args()
    if args.catalog:
        plant(args, catalog(args.catalog, args.kinds))
        return
    files = [x.file for x in FolderWalk(args.folder, lambda _: False) if not x.error]
    if args.frames:
        measure_frames(files, args.frames, args.clips)
    elif args.photos:
        measure_photos(files, args.photos)
    else:
        plant(args, Images.read(args.folder, files))


def numbered(name: str, items: Sequence[object]) -> list[str]:
    """A name for each of some items."""
    return [f"{name} {i}" for i in range(len(items))]


def catalog(each: int, kinds: list[str] | None) -> Images:
    """So many products of every kind, or of some."""
    drawn = dict.fromkeys(drawn_catalog.KINDS, drawn_catalog.products)
    drawn |= dict.fromkeys(drawn_labels.KINDS, drawn_labels.things)
    found = {x: drawn[x](x, each) for x in kinds or drawn}
    names = [name for x, images in found.items() for name in numbered(x, images)]
    return Images.drawn([x for images in found.values() for x in images], names)


def plant(args: argparse.Namespace, table: Images) -> None:
    """Print how many copies are found, and the pairs that were not planted."""
    count = len(table.names)
    alike = looked_at(table)
    pairs = pairs_of(table, alike)
    print(by_kind(table, {(x[0], y[0]) for x, y in alike}, pairs))
    chosen = sorted(random.Random(0).sample(range(count), min(args.images, count)))
    images = [table.image(i) for i in chosen]
    print(f"{count} images, {len(chosen)} of them copied\n\n{'change':28} found  wrong")
    same = check_groups(table, pairs)
    for name, change in CHANGES.items():
        copies = Images.drawn([change(x) for x in images], numbered("copy", images))
        hits = pairs_of(copies, looked_at(copies, table), table)
        right = sum((k, i) in hits for k, i in enumerate(chosen))
        wrong = [(k, j) for k, j in hits if not related(chosen[k], j, pairs)]
        print(f"{name:28} {right / len(chosen):5.1%}  {len(wrong)}", flush=True)
        found = find_copies(table.set, copies.set, lambda done, count: None)
        same &= found == {k: min(j for i, j in hits if i == k) for k, _ in hits}
    print()
    for window in (0.98, 0.96, 0.94):
        print(bursts(images[:40], window))
    print(f"\ngroups and copies are {'' if same else 'not '}those of all pairs")
    print(f"\n{len(pairs)} pairs were not planted")
    for n, (i, j) in enumerate(sorted(pairs)):
        equal = "equal files" if table.digests[i] == table.digests[j] else ""
        print(f"{n} {table.names[i]} {table.names[j]} {equal}")
    if args.sheet:
        draw_sheet([(table.image(i), table.image(j)) for i, j in sorted(pairs)], args.sheet)


def related(i: int, j: int, pairs: Pairs) -> bool:
    """Whether they are one image, or a pair that nobody planted."""
    return i == j or (min(i, j), max(i, j)) in pairs


def by_kind(table: Images, alike: Pairs, pairs: Pairs) -> str:
    """How many pairs look alike, and are taken for the same: of each kind, or folder."""
    kinds = [re.split("[ /]", x)[0] for x in table.names]
    lines = [f"{'kind':28} alike   same"]
    for kind in dict.fromkeys(kinds):
        counts = [sum(kinds[i] == kind for i, _ in x) for x in (alike, pairs)]
        if any(counts):
            lines.append("{:28} {:5} {:6}".format(kind, *counts))
    return "\n".join([*lines, ""])


def looked_at(one: Images, two: Images | None = None) -> list[tuple[View, View]]:
    """All pairs of views of two sets, or of i < j of one, that look alike."""
    left, right = (Table.of(x.prints) for x in (one, two or one))
    views = all_pairs(left.prints, right.prints if two else None)
    return [
        (left.view(a), right.view(b))
        for a, b in views
        if two or left.images[a] != right.images[b]
    ]


def pairs_of(
    one: Images, alike: list[tuple[View, View]], two: Images | None = None
) -> Pairs:
    """Those pairs of images that are near-identical, looked at one by one."""
    same = Closeups(one.image, (two or one).image).same(alike)
    return {(x[0], y[0]) for (x, y), good in zip(alike, same, strict=True) if good}


def check_groups(table: Images, pairs: Pairs) -> bool:
    """Whether the search finds the groups of all pairs."""
    found = near_pairs(table.set, lambda done, count: None).pairs
    count = len(table.names)
    return connected(count, found) == connected(count, pairs)


def bursts(images: list[Image.Image], window: float) -> str:
    """How many bursts are one group, and how many groups have two photos in them."""
    frames = [(k, x) for k, image in enumerate(images) for x in burst(image, k, window)]
    table = Images.drawn([x for _, x in frames], numbered("frame", frames))
    found = near_pairs(table.set, lambda done, count: None).pairs
    groups = connected(len(frames), found)
    whole = sum(
        len({g for g, (k, _) in zip(groups, frames, strict=True) if k == photo}) == 1
        for photo in range(len(images))
    )
    mixed = sum(frames[i][0] != frames[j][0] for i, j in found)
    mean = len(set(groups)) / len(images)
    return (
        f"bursts of {BURST}, window {window}: {whole} of {len(images)} are one group, "
        f"{mean:.2f} groups each, {mixed} pairs across bursts"
    )


def draw_sheet(
    pairs: list[tuple[Image.Image, Image.Image]],
    file: Path,
    side: int = 140,
    across: int = 4,
) -> None:
    """Draw the pairs side by side, numbered."""
    rows = -(-len(pairs) // across)
    paper = Image.new("RGB", (across * (2 * side + 20), rows * (side + 20)), "white")
    for n, pair in enumerate(pairs):
        x, y = n % across * (2 * side + 20), n // across * (side + 20)
        for k, one in enumerate(pair):
            paper.paste(one.resize((side, side)), (x + k * side, y))
        ImageDraw.Draw(paper).text((x, y + side + 2), f"{n}", "black")
    paper.save(file)


if __name__ == "__main__":
    main()
