"""Compare speeds and memory, ours and others', alternating in one run.

    python scripts/benchmark.py decode FOLDER [--rounds 5] [--json result.json]
    python scripts/benchmark.py doctor FOLDER [--rounds 5]
    python scripts/benchmark.py memory [--counts 1000,30000]

Prints medians, spread (slowest by fastest) and ratios to ours, and writes JSON.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_cli.cache import load_all
from alexnet_cli.dataset import pictures_below
from alexnet_cli.recipe import Preprocess, Recipe

PREPROCESS = Preprocess.of(Recipe(arch="alexnet-half", size=256, resize="squash"))


def decode(files: list[Path]) -> dict[str, Callable[[], None]]:
    """Files to 256 x 256 pixels: ours, TensorFlow's and Pillow's, each on all cores."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    def ours() -> None:
        for _ in load_all(files, PREPROCESS):
            pass

    def tensorflow() -> None:
        def load(path):  # type: ignore[no-untyped-def]
            picture = tf.io.decode_image(tf.io.read_file(path), 3, expand_animations=False)
            return tf.cast(tf.image.resize(picture, (256, 256), antialias=True), tf.uint8)

        data = tf.data.Dataset.from_tensor_slices([str(x) for x in files])
        for _ in data.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(16):
            pass

    def pillow_load(file: Path) -> np.ndarray:
        with Image.open(file) as picture:
            return np.asarray(
                picture.convert("RGB").resize((256, 256), Image.Resampling.BILINEAR)
            )

    def pillow() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(pillow_load, files):
                pass

    return {
        "ours (checked, hashed, fingerprinted)": ours,
        "tf.io.decode_image + resize": tensorflow,
        "plain Pillow, threads": pillow,
    }


def doctor(files: list[Path], folder: Path) -> dict[str, Callable[[], None]]:
    """The whole command, start to end."""
    command = [sys.executable, "-m", "alexnet_cli", "doctor", str(folder)]
    return {
        "alexnet doctor": lambda: void(
            subprocess.run(command, capture_output=True, check=False)
        )
    }


def void(_: object) -> None:
    """Nothing."""


def compare(
    contestants: dict[str, Callable[[], None]], pictures: int, rounds: int
) -> list[dict]:
    """Seconds of each contestant, taking turns; one turn beforehand does not count."""
    seconds: dict[str, list[float]] = {x: [] for x in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    first = statistics.median(next(iter(seconds.values())))
    return [
        {
            "name": name,
            "seconds": statistics.median(x),
            "images_per_second": pictures / statistics.median(x),
            "spread": max(x) / min(x),
            "ours_is_faster_by": statistics.median(x) / first,
        }
        for name, x in seconds.items()
    ]


_EXAMINE = """
import sys
from pathlib import Path
from alexnet_cli.doctor import examine
examine(Path(sys.argv[1]), None, lambda done, count: None)
status = dict(x.split(":", 1) for x in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0])
"""


def memory(counts: list[int]) -> list[dict]:
    """Peak memory of `alexnet doctor` on drawn pictures, by their number."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        rng = np.random.default_rng(0)
        for count in counts:
            folder = Path(place) / str(count)
            for name in ("a", "b"):
                (folder / name).mkdir(parents=True)
            for i in range(count):
                coarse = Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8))
                coarse.resize((240, 180)).save(folder / "ab"[i % 2] / f"{i}.jpg")
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", _EXAMINE, folder],
                capture_output=True,
                text=True,
                check=True,
            )
            seconds = time.perf_counter() - started
            peak = int(done.stdout) / 1024
            rows.append({"name": f"{count} pictures", "peak_mb": peak, "seconds": seconds})
    return rows


def main() -> None:
    """Run one comparison and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("decode", "doctor", "memory"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--counts", default="1000,30000")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.what == "memory":
        rows = memory([int(x) for x in args.counts.split(",")])
    else:
        files = list(pictures_below(args.folder))
        contestants = decode(files) if args.what == "decode" else doctor(files, args.folder)
        rows = compare(contestants, len(files), args.rounds)
    for row in rows:
        print(
            "  ".join(
                f"{k} {v:.2f}" if isinstance(v, float) else f"{v:40}"
                for k, v in row.items()
            )
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{os.cpu_count()} cores; this process peaked at {peak} MB")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
