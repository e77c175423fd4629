"""What each change to a recipe is worth on validation images: a table, one row per change.

    python scripts/experiments/ablation.py FOLDER RESULTS.json [--table muon] [--seeds 0,1,2]
        [--rows base,patches]

Runs `alexnet train` once for every row and seed that RESULTS.json lacks, so it can be
stopped and continued. The seed changes weights, order, augmentation and the split;
differences are between equal seeds. FOLDER must not contain test images.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from alexnet_cli.recipe.sections import TTA

LONG = "--max-minutes 300 --val-fraction 0.2"
ADAMW = "--optimizer adamw --learning-rate 0.002 --first-layer table"
PATCHES = "--first-layer patches"
MUON = f"--optimizer muon {PATCHES}"
FASTER = f"{MUON} --learning-rate 0.004 --weight-decay 0.25"
MIXING = "--mixup 0.2 --cutmix 1 --mix-after 0"
LATE = "--mixup 0.2 --cutmix 1 --mix-after 20"
WEIGHTS = "--weights alexnet_owt_conv.npy"
SMALL_BATCHES = "--freeze 2 --batch-size 32 --learning-rate 0.0007"
STEPS = {
    "patches": ("a first layer of patches", PATCHES),
    "muon": ("and Muon for the convolutions", MUON),
    "faster": ("and twice the rate, half the decay", FASTER),
}

TABLES = {
    "augmentation": (
        f"--config quick {ADAMW} --mixup 0 --cutmix 0 --weight-decay 0.05 --resize crop "
        "--val-fraction 0.2 --max-minutes 60 --epochs 20",
        {
            "base": ("`quick` with AdamW, 20 epochs, images cut to squares", ""),
            "mixing": ("mixup and CutMix", MIXING),
            "crop": ("crops from 20 % of the area", "--crop-area 0.2"),
            "squash": ("images distorted to squares, as in `quick`", "--resize squash"),
            "erasing": ("random erasing, a quarter of images", "--erasing 0.25"),
            "ema": ("no average of the weights", "--ema 0"),
            "whole": (
                "no progressive resizing, 11 epochs",
                "--start-size 0 --epochs 11",
            ),
            "sgd": (
                "SGD with momentum instead of AdamW",
                "--optimizer sgd --learning-rate 0.02 --weight-decay 0.0005",
            ),
            "table": ("BatchNorm after conv 1 and 2 only", "--norm table"),
        },
    ),
    "muon": (
        f"--config quick {ADAMW} --mixup 0 --cutmix 0 --weight-decay 0.5 {LONG} --epochs 20",
        {
            "base": ("`quick` with AdamW, 20 epochs", ""),
            **STEPS,
            "mixed": ("and mixing", f"{FASTER} {MIXING}"),
            "long": ("and 50 epochs", f"{FASTER} --epochs 50"),
            "mixing": ("and 50 epochs with mixing", f"{FASTER} --epochs 50 {MIXING}"),
            "late": (
                "and 50 epochs with mixing after 20",
                f"{FASTER} --epochs 50 {LATE}",
            ),
            "26": ("and 26 epochs", f"{FASTER} --epochs 26"),
            "26 mixed": ("and 26 epochs with mixing", f"{FASTER} --epochs 26 {MIXING}"),
            "26 late": (
                "and 26 epochs with mixing after 20",
                f"{FASTER} --epochs 26 {LATE}",
            ),
        },
    ),
    "few": (
        f"--config half {ADAMW} --weight-decay 0.5 {LONG} --epochs 40",
        {
            "base": ("`half` with AdamW, 40 epochs", ""),
            **STEPS,
        },
    ),
    "finetune": (
        f"--config finetune {WEIGHTS} --freeze none {LONG} --epochs 12",
        {
            "base": ("`finetune` of all layers, 12 epochs", ""),
            "muon": ("Muon for the convolutions", "--optimizer muon"),
            "frozen": ("conv1 and conv2 frozen", "--freeze 2"),
            "longer": ("and 20 epochs", "--freeze 2 --epochs 20"),
            "smaller": (
                "images that begin smaller, 26 epochs",
                "--freeze 2 --start-size 128 --epochs 26",
            ),
            "whole": (
                "all images at 224 pixels, 16 epochs",
                "--freeze 2 --start-size 0 --epochs 16",
            ),
            "rate": (
                "three times the rate of loaded layers",
                "--freeze 2 --loaded-rate 0.3 --epochs 20",
            ),
            "cutmix": ("CutMix too", "--freeze 2 --cutmix 1 --epochs 20"),
            "three": ("conv3 frozen too, 26 epochs", "--freeze 3 --epochs 26"),
            "batch": ("batches of 32", f"{SMALL_BATCHES} --epochs 20"),
            "less dropout": (
                "and less dropout",
                f"{SMALL_BATCHES} --epochs 20 --dropout 0.3",
            ),
            "more dropout": ("or more", f"{SMALL_BATCHES} --epochs 20 --dropout 0.7"),
        },
    ),
}
"""By name: the options of all its trainings; for each row its label and what options it adds."""


def measured(folder: Path, options: str) -> dict[str, float]:
    """Validation accuracy and loss of one training by TTA, and its seconds."""
    with tempfile.TemporaryDirectory() as folder_of_run:
        run = Path(folder_of_run, "run")
        words = shlex.split(options)
        started = time.monotonic()
        _alexnet("train", "--data", str(folder), "--out", str(run), *words)
        found = {"seconds": time.monotonic() - started}
        for tta in TTA:
            scores = json.loads(
                _alexnet("evaluate", "--model", str(run), "--tta", tta, "--json")
            )
            found |= {f"{tta}_top1": scores["top1"], f"{tta}_loss": scores["loss"]}
    return found


def _alexnet(*words: str) -> str:
    command = [sys.executable, "-m", "alexnet_cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def table(
    rows: dict[str, tuple[str, str]], results: dict[str, dict[str, dict[str, float]]]
) -> str:
    """Means over seeds, in percent, with the lowest and the highest; seconds are medians.

    Differences to the base, at equal seeds, and loss are those with flips.
    """
    lines = [
        "| change | seeds | accuracy | with flips | with two scales | with ten crops "
        "| difference to base | loss | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    base = results.get("base", {})
    for name, (text, options) in rows.items():
        found = results.get(name, {})
        if not found:
            continue
        # Older results lack some views.
        views = (
            [100 * x[key] for x in found.values() if (key := f"{view}_top1") in x]
            for view in TTA
        )
        loss = statistics.mean(x["flip_loss"] for x in found.values())
        differences = [
            100 * (x["flip_top1"] - base[seed]["flip_top1"])
            for seed, x in found.items()
            if seed in base
        ]
        seconds = statistics.median(x["seconds"] for x in found.values())
        lines.append(
            f"| {text}{f' (`{options}`)' if options else ''} | {len(found)} "
            f"| {' | '.join(map(_spread, views))} | {_spread(differences)} | {loss:.3f} "
            f"| {seconds:.0f} |"
        )
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    if not values:
        return "-"
    low, high = min(values), max(values)
    return f"{statistics.mean(values):.1f} ({low:.1f} to {high:.1f})"


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--table", choices=TABLES, default="augmentation")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--rows", help="names of rows; by default all")
    args = parser.parse_args()
    base, rows = TABLES[args.table]
    names = args.rows.split(",") if args.rows else [*rows]
    if unknown := {*names} - {*rows}:
        parser.error(f"no rows of {args.table}: {', '.join(sorted(unknown))}")
    results = json.loads(args.results.read_text()) if args.results.exists() else {}
    for seed in args.seeds.split(","):
        for name in names:
            if seed not in results.setdefault(name, {}):
                options = f"{base} {rows[name][1]} --seed {seed}"
                results[name][seed] = measured(args.folder, options)
                args.results.write_text(json.dumps(results, indent=1))
    print(table(rows, results))


if __name__ == "__main__":
    main()
