"""Set a tenth of every class apart, by content, for a test that nothing is tuned on.

    python scripts/hold_out.py FOLDER OUT

Makes OUT/train and OUT/test, class folders of links to the images of FOLDER. The images with
the lowest SHA-256 are set apart, whatever their names and order.
"""

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
            (target / file.name).symlink_to(file.resolve())
        print(f"{images.name}: {len(files) - held} and {held}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
