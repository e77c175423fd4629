"""Set a tenth of every class apart, by content, for a test that nothing is tuned on.

    python scripts/hold_out.py FOLDER OUT

Makes OUT/train and OUT/test, class folders of links to the images of FOLDER. The images with
the lowest SHA-256 are set apart, whatever their names and order.
"""

import argparse
import hashlib
import sys
from pathlib import Path

SHARE = 0.1


def main(folder: Path, out: Path) -> None:
    """Link every image into one of the two folders, and print their sizes per class."""
    for images in sorted(x for x in folder.iterdir() if x.is_dir()):
        files = [x for x in images.iterdir() if x.is_file()]
        files.sort(key=lambda x: hashlib.sha256(x.read_bytes()).hexdigest())
        held = round(SHARE * len(files))
        for i, file in enumerate(files):
            target = out / ("test" if i < held else "train") / images.name
            target.mkdir(parents=True, exist_ok=True)
            link(target / file.name, file.resolve())
        print(f"{images.name}: {len(files) - held} and {held}")


def link(new: Path, file: Path) -> None:
    """Link `new` to `file`, as an earlier run may have done already."""
    if new.is_symlink() and new.resolve() == file:
        return
    if new.is_symlink() or new.exists():
        sys.exit(f"{new} is there already and is not a link to {file}")
    new.symlink_to(file)


def class_folders(text: str) -> Path:
    """A folder that has folders."""
    folder = Path(text)
    if not folder.is_dir() or not any(x.is_dir() for x in folder.iterdir()):
        raise argparse.ArgumentTypeError(f"{text} is not a folder of class folders")
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=class_folders)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    main(args.folder, args.out)
