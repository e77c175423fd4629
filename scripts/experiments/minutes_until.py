"""How many minutes a training takes, from its start, until validation is that accurate.

    python scripts/experiments/minutes_until.py 0.8 --config quick --data flowers/train

All words behind the accuracy are those of `alexnet train`, which ends as it would have
anyway. The accuracy of an epoch is that of one view of each validation image.
"""

import argparse
import re
import subprocess
import sys
import time

EPOCH = re.compile(r"^epoch +(\d+)/.* val_accuracy (\d\.\d+)")


def main() -> None:
    """Train, and print the minutes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("accuracy", type=float)
    parser.add_argument("words", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = [sys.executable, "-m", "alexnet_cli", "train", *args.words]
    started, found = time.monotonic(), False
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            epoch = EPOCH.match(line)
            if epoch and not found and float(epoch[2]) >= args.accuracy:
                found = True
                minutes = (time.monotonic() - started) / 60
                print(f"--- {epoch[2]} in epoch {epoch[1]}, after {minutes:.2f} minutes")
    if process.returncode or not found:
        sys.exit(process.returncode or f"never {args.accuracy}")


if __name__ == "__main__":
    main()
