"""Where results are written is checked before the work; no input is ever an output."""

import csv
import gzip
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from helpers import alexnet, fails

from alexnet_cli.api import evaluate as api
from alexnet_cli.cli.output_files import check_outputs
from alexnet_cli.errors import RecipeError

COMMAND = "import sys; from alexnet_cli.cli.main import main; main(sys.argv[1:])"
OPTIONS = ("--csv", "--plot", "--plot-reliability", "--report")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("data/cat/a.jpg", "data/cat/notes.txt", "data/loose.png", "other/b.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("link").symlink_to("data/cat/a.jpg")
    Path("data2").symlink_to("data")
    return Path("data")


@pytest.mark.parametrize("name", [
    "data/cat/a.jpg", "link", "data2/cat/a.jpg", "data/cat/new.png", "data/dog/new", "data/train/cat/x.jpeg",
    "other/../data/cat/a.jpg",
])  # fmt: skip
def test_an_image_of_the_data_is_never_replaced_or_added(data, name):
    with pytest.raises(RecipeError) as caught:
        check_outputs({"--plot": Path(name)}, [None, data])
    assert str(caught.value) == (
        f"--plot {name} would be taken for an image of data; choose a file outside its "
        f"class folders"
    )


@pytest.mark.parametrize("name", [
    "a.csv", "data/a.csv", "data/loose.png", "data/cat/a.csv", "other/b.jpg", "data3/cat/a.jpg", "/dev/null",
])  # fmt: skip
def test_other_files_are_fine_and_stay(data, name):
    check_outputs({"--csv": Path(name), "--report": None}, [data, None], [None])
    assert sorted(os.listdir()) == ["data", "data2", "link", "other"]


def test_a_file_that_is_the_data_itself(data):
    Path("labels.csv").touch()
    with pytest.raises(RecipeError, match="--csv labels.csv is the data itself"):
        check_outputs({"--csv": Path("labels.csv")}, [Path("labels.csv")])


@pytest.mark.parametrize("one, other", [
    ("a.csv", "a.csv"), ("a.csv", "./a.csv"), ("new/a.csv", "new/../new/a.csv"), ("link", "data2/cat/a.jpg"),
])  # fmt: skip
def test_two_options_of_one_file_are_wrong_usage(data, one, other):
    outputs = {"--csv": Path(one), "--plot": None, "--report": Path(other)}
    with pytest.raises(click.UsageError) as caught:
        check_outputs(outputs)
    text = f"--csv and --report name the same file, {Path(other)}"
    assert caught.value.message == text


def test_two_options_may_go_to_one_device(data):
    check_outputs({"--csv": Path("/dev/null"), "--report": Path("/dev/null")})


@pytest.mark.parametrize("name", [
    "run.json", "model.weights.h5", "model.tflite", "split.csv", "validation.csv", "README.md", "SHA256SUMS",
    "plots/curves.png", "saved_model.pb", "logs/train/events.out.tfevents.1", "checkpoints/00001.json",
])  # fmt: skip
def test_a_file_of_the_run_is_never_replaced(trained, name):
    for model in (trained, trained / "run.json"):
        with pytest.raises(RecipeError, match="is a file of .*; choose another file"):
            check_outputs({"--csv": trained / name}, models=[None, model])
    check_outputs({"--csv": trained / "report.html"}, models=[trained])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["run.json", "export.json", "model.onnx", "web/index.html", "model.pyz"]
)
def test_a_file_of_exported_models_is_never_replaced(exported, name):
    for model in (exported, exported / "model.tflite"):
        with pytest.raises(RecipeError, match="is a file of"):
            check_outputs({"--csv": exported / name}, models=[model])
    check_outputs({"--csv": exported / "my.csv"}, models=[exported])


@pytest.mark.parametrize("option", OPTIONS)
def test_evaluate_checks_before_the_work(trained, toy_test, tmp_path, monkeypatch, option):
    monkeypatch.setattr(api, "evaluate", lambda *_, **__: pytest.fail("it has begun"))
    args = ("evaluate", "--model", trained, "--data", toy_test, option)
    fails(3, f"alexnet: {option} {tmp_path} is a folder; choose another", *args, tmp_path)
    fails(
        2,
        f"{option} {trained}/run.json is a file of {trained}",
        *args,
        trained / "run.json",
    )
    image = toy_test / "red" / "00.jpg"
    fails(2, f"{option} {image} would be taken for an image of", *args, image)
    other = "--csv" if option == "--report" else "--report"
    same = (*args, tmp_path / "a.png", other, tmp_path / "a.png")
    fails(2, "name the same file", *same)
    assert os.listdir(tmp_path) == []


def test_the_runs_own_data_is_protected_too(trained, toy, monkeypatch):
    monkeypatch.setattr(api, "evaluate", lambda *_, **__: pytest.fail("it has begun"))
    image = toy / "red" / "00.jpg"
    fails(2, "would be taken for an image", "evaluate", "--model", trained, "--csv", image)


def test_a_plot_in_no_image_format_is_said_before_the_work(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "evaluate", lambda *_, **__: pytest.fail("it has begun"))
    for name in ("a.svgz", "a.txt", "a.xbm", "a.h5"):
        text = f"{tmp_path / name}: no images are written in the format {Path(name).suffix}; choose .png, .jpg or .svg"
        fails(2, text, "evaluate", "--model", trained, "--plot", tmp_path / name)


def test_doctor_checks_before_the_work(toy, toy_test, tmp_path, monkeypatch):
    from alexnet_cli.dataset import doctor

    monkeypatch.setattr(doctor, "examine", lambda *_: pytest.fail("it has begun"))
    fails(3, f"--report {tmp_path} is a folder", "doctor", toy, "--report", tmp_path)
    for folder in (toy, toy_test):
        page = folder / "red" / "page"
        text = f"--report {page} would be taken for an image of {folder}"
        fails(2, text, "doctor", toy, "--against", toy_test, "--report", page)


def test_all_outputs_make_their_folders_and_follow_links(trained, toy_test, tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "new" / "each.csv")
    result = alexnet(
        "evaluate", "--model", trained, "--data", toy_test, "--csv", tmp_path / "link.csv",
        "--plot", tmp_path / "a" / "plot.jpg", "--plot-reliability", tmp_path / "b" / "c" / "plot",
        "--report", "/dev/null",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert (tmp_path / "link.csv").is_symlink()
    with (tmp_path / "new" / "each.csv").open(newline="") as found:
        assert len(list(csv.DictReader(found))) == 12
    assert (tmp_path / "a" / "plot.jpg").read_bytes().startswith(b"\xff\xd8")
    assert (tmp_path / "b" / "c" / "plot").read_bytes().startswith(b"\x89PNG")
    left = [x.name for x in tmp_path.rglob(".*")]
    assert left == []


@pytest.mark.parametrize("option", OPTIONS)
def test_a_full_disk_is_one_line_after_the_results(trained, toy_test, option):
    args = ("evaluate", "--model", trained, "--data", toy_test, option, "/dev/full")
    result = fails(3, "alexnet: /dev/full: No space left on device", *args)
    assert result.stdout.startswith("12 images\n")


@pytest.mark.slow
def test_results_go_into_pipes_of_the_shell(trained, toy_test, tmp_path):
    command = (
        f'"$0" -c "$1" evaluate --model {trained} --data {toy_test} --json '
        f"--csv >(gzip > {tmp_path}/a.gz) --plot >(cat > {tmp_path}/p)"
    )
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, COMMAND], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and '"images": 12' in done.stdout, done.stderr
    time.sleep(1)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()).count(b"\n") == 13
    assert (tmp_path / "p").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def labels(toy, tmp_path):
    """A manifest of copies of the toy images."""
    shutil.copytree(toy, tmp_path / "photos")
    files = sorted((tmp_path / "photos").rglob("*.jpg"))
    rows = [f"{x.relative_to(tmp_path)},{x.parent.name}\n" for x in files]
    (tmp_path / "labels.csv").write_text("".join(["file,label\n", *rows]))
    return tmp_path / "labels.csv"


@pytest.mark.parametrize("option", ["--csv", "--report", "--plot", "--plot-reliability"])
@pytest.mark.parametrize("link", [False, True])
def test_an_image_that_a_manifest_lists_is_not_written_over(trained, labels, option, link):
    image = next((labels.parent / "photos").rglob("*.jpg"))
    before, target = image.read_bytes(), image
    if link:
        target = labels.parent / "elsewhere.jpg"
        target.symlink_to(image)
    fails(
        2,
        "choose another file",
        "evaluate",
        "--model",
        trained,
        "--data",
        labels,
        option,
        target,
    )
    if option == "--report":
        fails(2, "choose another file", "doctor", labels, option, target)
    assert image.read_bytes() == before


@pytest.mark.parametrize("option", ["--csv", "--report"])
def test_no_text_takes_the_place_of_an_image(trained, toy, tmp_path, option):
    """Of whatever data it is, if of any."""
    image = shutil.copy(next(toy.rglob("*.jpg")), tmp_path / "mine.html")
    before = Path(image).read_bytes()
    fails(
        2,
        "is an image; choose another file",
        "evaluate",
        "--model",
        trained,
        "--data",
        toy,
        option,
        image,
    )
    assert Path(image).read_bytes() == before
