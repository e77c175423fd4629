"""Each script runs, and its table has the numbers that the commands give."""

import importlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import TINY, alexnet, as_fields, encoded, photo

from alexnet_cli import Run, WeightsError, evaluate, train
from alexnet_cli.api.lines import LineListener
from alexnet_cli.recipe.sections import TTA
from alexnet_cli.trainer.progress import Progress

SCRIPTS = Path(__file__).parents[1] / "scripts"
BENCHMARK = "benchmarks/benchmark.py"


def script(name, *words):
    """The process of a script that succeeds."""
    command = [sys.executable, SCRIPTS / name, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def module(monkeypatch):
    """A function that imports a script by its path."""

    def imported(name):
        monkeypatch.syspath_prepend(str((SCRIPTS / name).parent))
        return importlib.import_module(Path(name).stem)

    return imported


def test_the_benchmark_compares_each_round_with_its_baseline(module):
    benchmark = module(BENCHMARK)
    seconds = {"a": iter([9, 1, 2, 4]), "b": iter([9, 3, 4, 4]), "c": iter([9, 6, 4, 2])}
    comparison = benchmark.Comparison(
        {k: lambda x=x: next(x) for k, x in seconds.items()},
        {"": {"images": 8}, "c": {"GFLOP": 2}},
        baselines={"c": "b"},
    )
    a, b, c = benchmark.compare(comparison, rounds=3)
    # The first round does not count; 3/1, 4/2 and 4/4 have a median of 2.
    assert a == {
        "name": "a",
        "seconds": 2,
        "spread": 4,
        "images/s": 4,
        "times": 1,
        "of": "a",
    }
    assert (b["seconds"], b["times"], b["of"]) == (4, 2, "a")
    assert (c["times"], c["of"], c["GFLOP/s"]) == (1, "b", 0.5) and "images/s" not in c
    lines = benchmark.table([a, b, c]).splitlines()
    assert lines[0].split() == [
        "name",
        "seconds",
        "spread",
        "images/s",
        "times",
        "of",
        "GFLOP/s",
    ]
    assert len({len(x.rstrip()) for x in lines[1:3]}) == 1 and len(lines) == 4


def test_a_command_that_fails_ends_the_benchmark(module):
    command = module("benchmarks/comparison.py").command
    assert command(sys.executable, "-c", "pass")() > 0
    with pytest.raises(SystemExit, match="failed: .*no such benchmark"):
        command(sys.executable, "-c", "raise SystemExit('no such benchmark')")()


@pytest.mark.parametrize("arch, step", [("tiny", None), ("alexnet-owt", 4.15e9)])
def test_operations_of_a_step(module, arch, step):
    """Against the multiply-adds that a network's own layers count."""
    import keras

    from alexnet_cli import build_model

    flop = module("benchmarks/compare_training.py").flop(arch)
    adds = []
    for layer in build_model(arch, 5).layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            cells = int(np.prod(layer.output.shape[1:-1]))
            adds.append(cells * int(np.prod(layer.kernel.shape)))
    assert flop == 6 * sum(adds) - 2 * adds[0]
    # Source: torchvision's model card, 0.71 GFLOPS for 1000 classes, of multiply-adds.
    assert step is None or flop == pytest.approx(step, rel=0.02)


@pytest.mark.slow
def test_startup_twice(tmp_path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    script(BENCHMARK, "startup", "--rounds", 1, "--json", first)
    rows = json.loads(first.read_text())["rows"]
    assert [x["name"] for x in rows][:2] == ["python -c 'import click'", "alexnet --help"]
    assert all(x["seconds"] > 0.01 and x["spread"] == 1 for x in rows)
    again = script(BENCHMARK, "startup", "--rounds", 1, "--json", second, "--before", first)
    assert "times before" in again.stdout.splitlines()[0]
    assert len(again.stdout.splitlines()) == len(rows) + 2


@pytest.mark.slow
@pytest.mark.parametrize("what, name", [
    ("decode", "plain Pillow, threads"), ("doctor", "alexnet doctor"),
])  # fmt: skip
def test_a_folder_of_images(toy, what, name):
    printed = script(BENCHMARK, what, toy, "--rounds", 1).stdout
    assert name in printed and "images/s" in printed


@pytest.mark.slow
def test_the_input_pipeline(toy):
    printed = script(
        BENCHMARK, "pipeline", toy, "--arch", "tiny", "--batch", 8, "--rounds", 1
    )
    for name in ("crop and flip", "default augmentation", "full generator set"):
        assert (
            f"{name}: ready batch" in printed.stdout and f"{name}: epoch" in printed.stdout
        )


def test_the_share_of_waiting_is_what_ready_batches_save(module):
    pipeline = module("benchmarks/pipeline.py")
    runs = {
        "copy ram 9 8 ready": [(100, 1.0, 2.0), (300, 2.0, 4.0), (200, 1.0, 4.0)],
        "copy ram 9 8 network": [(90, 1.0, 1.0), (75, 1.0, 1.0), (100, 1.0, 1.0)],
    }
    ready, network = pipeline.rows("now: ", runs)
    assert ready["case"] == "now: copy ram 9 8 ready" and "share of waiting" not in ready
    assert (ready["images/s"], ready["spread"]) == (150, 2)
    assert ready["per processor second"] == 50
    # In one round 1 - 90/100, then 1 - 75/150 and 1 - 100/200.
    assert network["share of waiting"] == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("options, rows", [
    (["--no-network", "--geometries", "copy,warp", "--caches", "ram,disk"], 4),
    (["--geometries", "boxes"], 2),
])  # fmt: skip
def test_batches_alone_and_before_a_network(options, rows):
    few = ("--batch", 8, "--sides", "36/32", "--seconds", 0.05, "--rounds", 1)
    words = ("--arch", "tiny", *few)
    printed = script("benchmarks/pipeline.py", *options, *words).stdout.splitlines()
    found = [x for x in printed if " 36 32 " in x]
    assert len(found) == rows
    assert all(float(x.split()[5]) > 0 for x in found)
    assert "np.copyto: " in printed[-2]


@pytest.mark.slow
def test_predictions(toy, tmp_path):
    # A plain Keras model has no local response normalization.
    fields = {**as_fields(TINY), "epochs": 1, "norm": "batch"}
    run = train(toy, out=tmp_path / "run", **fields).path
    printed = script(BENCHMARK, "predict", toy, "--run", run, "--rounds", 1).stdout
    for name in (
        "ours, one image",
        "SavedModel script, one image",
        "model.predict, 36 images",
    ):
        assert name in printed


@pytest.mark.slow
def test_the_profile_has_milliseconds_per_kind_of_operation():
    printed = script("benchmarks/profile_step.py", "--arch", "tiny", "--batch", 8).stdout
    assert printed.startswith("tiny, batch 8, ") and "convolution, forward" in printed


@pytest.mark.parametrize("device, peak", [
    ("NVIDIA H200", 989), ("NVIDIA H100 80GB HBM3", 989), ("NVIDIA H100 PCIe", 756), ("NVIDIA A100-SXM4-80GB", 312),
    ("NVIDIA L4", 121), ("NVIDIA L40S", 362), ("NVIDIA A10", 125), ("NVIDIA A10G", 70), ("Tesla T4", 65),
    ("Tesla V100-SXM2-16GB", 125), ("NVIDIA GeForce RTX 4090", 165), ("NVIDIA L40", None), ("cpu", None), ("Tesla P4", None),
    ("NVIDIA H100 NVL", 835), ("NVIDIA H200 NVL", None), ("Tesla V100-PCIE-32GB", 112), ("Tesla V100S-PCIE-32GB", None),
    ("NVIDIA A100-PCIE-40GB", 312), ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None), ("NVIDIA H100 PCIe MIG 1g.10gb", None),
    ("NVIDIA GeForce RTX 4090 Laptop GPU", None), ("NVIDIA GeForce RTX 4090 D", None), ("NVIDIA GH200 480GB", None),
])  # fmt: skip
def test_peaks_are_found_by_the_names_that_devices_have(module, device, peak):
    assert module("benchmarks/gpu.py").peak_of(device) == peak


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_table_of_steps_has_a_row_for_each_kind(module, backend):
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    words = (
        "--device",
        "cpu",
        "--arch",
        "tiny",
        "--batch",
        8,
        "--steps",
        3,
        "--peak",
        0.001,
    )
    found = script(
        "benchmarks/gpu.py", *words, "--precision", "float32", "--backend", backend
    ).stdout
    rows = [
        x.strip("| ").split(" | ") for x in found.splitlines() if x.startswith("| tiny")
    ]
    assert [x[2] for x in rows] == (["yes"] if backend == "jax" else ["no", "yes"])
    work = module("benchmarks/compare_training.py").flop("tiny", 1000)
    for *_, milliseconds, spread, images, teraflops, share in rows:
        assert float(images.replace(",", "")) == pytest.approx(
            8000 / float(milliseconds), rel=0.02
        )
        expected = work * 8 / float(milliseconds) / 1e9
        assert float(teraflops) == pytest.approx(expected, rel=0.02)
        assert float(share) == pytest.approx(expected / 0.001, rel=0.02, abs=0.01)
        assert float(spread) >= 1


@pytest.mark.parametrize("name, words, problem", [
    ("gpu", "--arch nosuch", "'nosuch' is none of"),
    ("gpu", "--precision float32,auto", "'auto' is none of float32, mixed_bfloat16"),
    ("gpu", "--batch many", "invalid int value: 'many'"),
    ("gpu", "--batch 0", "0 is not more than 0"),
    ("gpu", "--steps -1", "-1 is not more than 0"),
    ("gpu", "--peak nan", "nan is not more than 0"),
    ("gpu", "--device gpu:0,1", "--device gpu:0,1 is more than one"),
    ("gpu", "--backend jax --device gpu:1", "set CUDA_VISIBLE_DEVICES"),
    ("pipeline", "--geometries copy,bogus", "'bogus' is none of copy, boxes, warp"),
    ("pipeline", "--caches none", "'none' is none of ram, disk"),
    ("pipeline", "--sides 227/256", "'227/256' is not STORED/FED"),
    ("pipeline", "--sides 256", "'256' is not STORED/FED"),
    ("pipeline", "--cores 100000", "--cores 100000: there are"),
    ("pipeline", "--seconds 0", "0 is not more than 0"),
    ("pipeline", "--rounds 0", "0 is not more than 0"),
    ("pipeline", "--before /nowhere", "/nowhere has no alexnet_cli"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused(
    module, monkeypatch, capsys, name, words, problem
):
    monkeypatch.setattr(sys, "argv", ["script", *words.split()])
    with pytest.raises(SystemExit) as ended:
        module(f"benchmarks/{name}.py").main()
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err


@pytest.mark.slow
def test_a_device_that_is_not_there_is_one_line():
    command = [sys.executable, SCRIPTS / "benchmarks/gpu.py", "--device", "gpu:77"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "--device gpu:77: gpu:77 does not exist" in done.stderr.splitlines()[-1]


def test_what_is_held_out_follows_content_alone(toy, tmp_path):
    renamed = tmp_path / "renamed"
    for i, file in enumerate(sorted(toy.glob("*/*"), reverse=True)):
        (renamed / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, renamed / file.parent.name / f"{i}{file.suffix}")
    held = []
    for folder in (toy, renamed):
        out = tmp_path / f"held-{folder.name}"
        script("hold_out.py", folder, out)
        parts = {x: list((out / x).glob("*/*")) for x in ("train", "test")}
        assert len(parts["train"]) + len(parts["test"]) == len(list(toy.glob("*/*")))
        held.append(sorted(x.read_bytes() for x in parts["test"]))
    assert held[0] == held[1] and len(held[0]) == 3


def test_the_ablations_table_compares_equal_seeds(module):
    ablation = module("experiments/ablation.py")

    def row(top1):
        return {"none_top1": top1, "flip_top1": top1 + 0.01, "flip_loss": 0.5, "seconds": 9}

    ten = {**row(0.75), "ten-crop_top1": 0.8}
    results = {"base": {"0": row(0.8), "1": row(0.7)}, "sgd": {"1": ten}}
    lines = ablation.table(ablation.TABLES["augmentation"][1], results).splitlines()
    assert (
        "| 2 | 75.0 (70.0 to 80.0) | 76.0 (71.0 to 81.0) | - | - | 0.0 (0.0 to 0.0) |"
        in lines[2]
    )
    assert (
        "| 1 | 75.0 (75.0 to 75.0) | 76.0 (76.0 to 76.0) | - | 80.0 (80.0 to 80.0) "
        "| 5.0 (5.0 to 5.0) |" in lines[3]
    )
    assert len(lines) == 4


@pytest.mark.parametrize("epoch, epochs", [(1, 9), (1, 12), (9, 45), (10, 45), (7, 299)])
def test_minutes_are_told_of_any_epoch(module, epoch, epochs):
    """Also of the first ones, whose numbers have spaces before them."""
    pattern = module("experiments/minutes_until.py").EPOCH
    row = {"epoch": epoch, "accuracy": 0.5, "val_accuracy": 0.8034}
    lines, listener = [], LineListener()
    listener.log = lines.append
    listener.progress(Progress(epoch, epochs, 9, 9, 1.0, logs=row))
    assert pattern.match(lines[0]).groups() == (str(epoch), "0.8034")


def test_the_ablations_are_recipes(module):
    ablation = module("experiments/ablation.py")
    trainings = [(x, y) for x, rows in ablation.TABLES.values() for _, y in rows.values()]
    for base, options in trainings:
        words = (*base.split(), *options.split(), "--print-config")
        result = alexnet("train", "--data", "x", *words)
        assert result.exit_code == 0, result.stderr


@pytest.mark.slow
def test_views_are_evaluated_as_evaluate_does(trained):
    printed = script("experiments/tta.py", trained).stdout
    row = printed.splitlines()[2].split("|")[2:-1]
    for kind, cell in zip(TTA, row, strict=True):
        # So few images have a temperature of 1.
        scores = evaluate(trained, tta=kind).scores
        assert cell.strip() == f"{100 * scores.top1:.1f} %, {scores.loss:.4f}"
    assert "ten-crop against flip: accuracy " in printed


@pytest.mark.slow
def test_averages_with_several_decays(toy, tmp_path):
    """The average with the decay of the recipe is the one that the run keeps."""
    out = tmp_path / "run"
    fields = {**as_fields(TINY), "epochs": 1, "ema": 0.9}
    printed = script("experiments/ema_decays.py", toy, out, "--fields", json.dumps(fields))
    rows = [x.split("|")[1:-1] for x in printed.stdout.splitlines() if x.startswith("| 0")]
    losses = {float(x[0]): float(x[1]) for x in rows}
    assert list(losses) == [0, 0.9, 0.95, 0.98, 0.99, 0.995]
    assert len(set(losses.values())) > 1 and all(0 < x < 2 for x in losses.values())
    assert losses[0.9] == pytest.approx(evaluate(Run.open(out)).scores.loss, abs=1e-3)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A folder of sound files of each kind that is fuzzed."""
    out = tmp_path_factory.mktemp("samples")
    script("experiments/fuzz_samples.py", out)
    for form in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "ICO", "BMP"):
        (out / "images").mkdir(exist_ok=True)
        (out / "images" / form.lower()).write_bytes(encoded(photo(), form))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("kind", [
    "images", "weights", "run", "sealed-run", "exported", "archive", "toml", "shards",
    "sealed-shards",
])  # fmt: skip
def test_mutated_files_end_in_an_answer_or_an_error(samples, kind):
    folder = samples / kind.removeprefix("sealed-")
    printed = script("experiments/fuzz.py", kind, folder, "--count", 200).stdout
    counts = dict(x.split() for x in printed.splitlines()[:-1])
    assert sum(map(int, counts.values())) == 200 and len(counts) > 1
    files = sum(x.is_file() for x in folder.rglob("*"))
    assert printed.splitlines()[-1].endswith(f"{files} files")


def test_what_fuzzing_finds_is_a_fault(module, tmp_path):
    """Whatever it is: an exception, a hang, memory, other pixels."""
    fuzz = module("experiments/fuzz.py")

    def case(subject, **limits):
        (tmp_path / "a").write_bytes(b"abc")
        kind = fuzz.Kind(subject, **limits)
        return fuzz.outcome(kind, [tmp_path / "a"], 0, tmp_path).split("|")[0]

    def ends(error):
        def subject(sample, data, folder):
            raise error

        return case(subject)

    assert ends(WeightsError("is damaged")) == "WeightsError"
    assert ends(KeyError(1)).startswith("ESCAPED KeyError test_scripts.py")
    assert ends(AssertionError("other pixels")) == "DIFFERENT other pixels"
    assert case(lambda *_: np.ones(10**8), megabytes=100).startswith("MEMORY")
    assert case(lambda *_: time.sleep(0.2), seconds=0.1).startswith("SLOW")
    assert case(lambda *_: None) == "answer"


def test_planted_copies_are_found(tmp_path):
    (tmp_path / "d" / "a").mkdir(parents=True)
    for i in range(6):
        photo((160, 120), seed=i).save(tmp_path / "d" / "a" / f"{i}.png")
    shutil.copy(tmp_path / "d" / "a" / "0.png", tmp_path / "d" / "a" / "same.png")
    sheet = tmp_path / "pairs.png"
    printed = script(
        "experiments/near_duplicates.py", tmp_path / "d", "--sheet", sheet
    ).stdout
    found = {x[:28].strip(): x[28:].split() for x in printed.splitlines()[3:-2] if x}
    assert found["resized 0.5"] == found["flipped"] == ["100.0%", "0"]
    assert found["margin 10 %"] == found["brightness 0.9"] == ["100.0%", "0"]
    assert (
        "1 pairs were not planted" in printed
        and "a/0.png a/same.png equal files" in printed
    )
    assert sheet.exists() and "\ngroups and copies are those of all pairs\n" in printed
    assert "bursts of 8, window 0.98: " in printed


def test_no_product_is_taken_for_another():
    words = ("--catalog", 3, "--images", 1, "--kinds", "shoe", "box")
    lines = script("experiments/near_duplicates.py", *words).stdout.splitlines()
    assert [x.split() for x in lines[1:3]] == [["shoe", "3", "0"], ["box", "3", "0"]]
    assert lines[4] == "6 images, 1 of them copied" and lines[-1].startswith("0 pairs")


def test_the_search_is_timed_on_drawn_images(tmp_path):
    (tmp_path / "a").mkdir()
    for i in range(3):
        photo((160, 120), seed=i).save(tmp_path / "a" / f"{i}.png")
    name = "experiments/near_duplicates.py"
    lines = script(name, tmp_path, "--frames", 400).stdout.splitlines()
    assert lines[0].startswith("400 images, 1 groups: ")
    assert lines[1].startswith("200 images in 200: 200 copies: ")
    lines = script(name, tmp_path, "--photos", 20).stdout.splitlines()
    assert lines[0].startswith("20 images, ") and lines[2].endswith("look alike at first")
