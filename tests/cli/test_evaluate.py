"""evaluate: every image counted once, classes by name, exit codes for scripts."""

import csv
import json
import re
import shutil

import pytest
from helpers import TINY, alexnet, draw_toy, fails
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alexnet_cli.api import evaluate as api
from alexnet_cli.api.evaluate import evaluate
from alexnet_cli.cli.evaluate import COLUMNS, columns_of
from alexnet_cli.errors import RecipeError
from alexnet_cli.run.provenance import data_digest
from alexnet_cli.run.run import Run


def scores_of(*args):
    result = alexnet("evaluate", *args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_classes_are_matched_by_name(trained, toy_test, tmp_path):
    whole = scores_of("--model", trained, "--data", toy_test)
    assert whole["images"] == 12 and whole["top5"] is None
    some = tmp_path / "some"
    for name in ("red", "green"):
        shutil.copytree(toy_test / name, some / name)
    result = alexnet("evaluate", "--model", trained, "--data", some, "--json")
    assert "  no folder for blue" in result.stderr.splitlines()
    part = json.loads(result.stdout)
    for name in ("red", "green"):
        assert part["classes"][name]["recall"] == whole["classes"][name]["recall"]
    assert part["classes"]["blue"]["support"] == 0


def test_unknown_classes_are_refused_or_ignored(trained, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red").rename(data / "crimson")
    result = fails(3, "crimson", "evaluate", "--model", trained, "--data", data)
    assert "it knows blue, green, red" in result.stderr
    assert "--ignore-unknown leaves them out" in result.stderr
    result = alexnet("evaluate", "--model", trained, "--data", data, "--ignore-unknown")
    assert result.exit_code == 0 and result.stdout.startswith("8 images\n")


def test_a_folder_of_parts_is_refused(trained, tmp_path):
    draw_toy(tmp_path / "p" / "train", each=3)
    draw_toy(tmp_path / "p" / "test", each=2)
    args = ("evaluate", "--model", trained, "--data")
    fails(3, f"{tmp_path / 'p' / 'test'}", *args, tmp_path / "p")


def test_text_csv_and_plots_agree(trained, toy_test, tmp_path):
    result = alexnet(
        "evaluate", "--model", trained, "--data", toy_test, "--csv", tmp_path / "each.csv",
        "--plot", tmp_path / "confusion.png", "--plot-reliability", tmp_path / "reliability.png",
    )  # fmt: skip
    assert result.exit_code == 0
    for text in ("top-1 accuracy", "macro F1", "precision", "confusion matrix"):
        assert text in result.stdout
    with (tmp_path / "each.csv").open(newline="") as x:
        rows = list(csv.DictReader(x))
    assert len(rows) == 12
    right = sum(x["class"] == x["predicted"] for x in rows)
    assert f"top-1 accuracy {right / 12:.4f}" in result.stdout
    for row in rows:
        shares = {x: float(row[x]) for x in ("blue", "green", "red")}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
        assert float(row["probability"]) == shares[row["predicted"]] == max(shares.values())
        assert row["error"] == "" and f"/{row['class']}/" in row["file"]
    for name in ("confusion.png", "reliability.png"):
        with Image.open(tmp_path / name) as image:
            assert image.format == "PNG"


def test_a_report_makes_its_folder(trained, toy_test, tmp_path):
    report = tmp_path / "new" / "folder" / "report.html"
    args = ("--model", trained, "--data", toy_test, "--report", report)
    accuracy = scores_of(*args)["top1"]
    page = report.read_text("utf-8")
    assert page.startswith("<!doctype html>") and f"{accuracy:.1%} on 12 images" in page
    assert [x.name for x in report.parent.iterdir()] == ["report.html"]


def test_without_data_the_runs_own_images_are_used(trained):
    result = alexnet("evaluate", "--model", trained)
    assert "these images chose the best epoch" in result.stderr
    assert result.stdout.startswith("6 images\n")


@pytest.mark.slow
def test_a_test_part_is_used_first(toy, tmp_path):
    out = tmp_path / "r"
    options = ("--test-fraction", "0.25", "--epochs", "1")
    assert alexnet("train", "--data", toy, "--out", out, *TINY, *options).exit_code == 0
    result = alexnet("evaluate", "--model", out)
    assert "chose" not in result.stderr
    assert result.stdout.startswith("9 images\n")


def test_images_that_were_trained_on_are_a_warning(trained, toy, toy_test):
    text = "warning: the network was trained on 30 of these images"
    args = ("evaluate", "--model", trained, "--data")
    assert text in alexnet(*args, toy).stderr.splitlines()
    assert "warning" not in alexnet(*args, toy_test).stderr


def test_images_that_no_longer_exist_are_an_error(run_copy):
    file = run_copy / "run.json"
    file.write_text(file.read_text().replace(json.loads(file.read_text())["data"], "/gone"))
    text = "in the run's split, no longer exists, nor do the 5 others; use --data"
    result = fails(3, text, "evaluate", "--model", run_copy)
    assert result.stderr.startswith("alexnet: /gone/")


def own_images(run):
    """The run's validation images, copied beside it so that they can be changed."""
    file = run / "run.json"
    data = shutil.copytree(json.loads(file.read_text())["data"], run.parent / "photos")
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "data": str(data)}))
    with (run / "split.csv").open(newline="") as x:
        return [data / row["file"] for row in csv.DictReader(x) if row["split"] == "val"]


@pytest.mark.parametrize(
    "how", ["deleted", "moved", "damaged", "changed", "a folder", "a dangling link"]
)
def test_an_image_of_the_run_that_is_gone_or_changed_is_left_out(run_copy, tmp_path, how):
    file, other, *rest = own_images(run_copy)
    if how == "changed":
        file.write_bytes(other.read_bytes())
    elif how == "damaged":
        file.write_bytes(b"x")
    elif how == "moved":
        file.rename(tmp_path / "elsewhere.png")
    else:
        file.unlink()
        if how == "a folder":
            file.mkdir()
        elif how == "a dangling link":
            file.symlink_to(tmp_path / "nowhere")
    text = "1 image(s) cannot be read or have changed since training and are not in these numbers"
    args = ("evaluate", "--model", run_copy, "--csv", tmp_path / "each.csv", "--json")
    result = fails(1, text, *args)
    found = json.loads(result.stdout)
    assert found["images"] == 1 + len(rest)
    (missing,) = found["unreadable"]
    assert missing["file"] == str(file)
    if how == "changed":
        assert missing["error"] == "has other content than when the run was trained"
    assert f"  {file} {missing['error']}" in result.stderr.splitlines()
    with (tmp_path / "each.csv").open(newline="") as x:
        (row,) = [row for row in csv.DictReader(x) if row["error"]]
    assert row["file"] == str(file) and row["predicted"] == ""


@pytest.mark.parametrize("how", ["deleted", "changed"])
def test_if_all_images_of_the_run_are_gone_or_changed_one_line_says_so(run_copy, how):
    files = own_images(run_copy)
    for file in files:
        file.write_bytes(file.read_bytes() + b"x") if how == "changed" else file.unlink()
    text = {
        "changed": f"none of the images can be read; {files[0]} has other content than when the run was trained; name others with --data",
        "deleted": f"{files[0]}, in the run's split, no longer exists, nor do the 5 others; use --data",
    }[how]  # fmt: skip
    fails(3, f"alexnet: {text}", "evaluate", "--model", run_copy)


def test_the_columns_of_classes_are_no_others(tmp_path):
    names = [
        "file",
        "class",
        "predicted",
        "probability",
        "error",
        "class:error",
        "class:class:error",
        "daisy",
        "class:daisy",
        "Error",
    ]
    columns = columns_of(names, spreadsheet=True)
    assert columns == [
        "class:file", "class:class", "class:predicted", "class:probability", "class:error", "class:class:error",
        "class:class:class:error", "daisy", "class:daisy", "Error",
    ]  # fmt: skip


@given(
    st.lists(
        st.text("'=e:classrofi\tl;", max_size=12) | st.sampled_from(COLUMNS), unique=True
    ),
    st.booleans(),
)
def test_no_two_columns_are_the_same(names, spreadsheet):
    columns = [*COLUMNS, *columns_of(names, spreadsheet=spreadsheet)]
    assert len(set(columns)) == len(columns)
    if not spreadsheet:
        assert columns_of(names, spreadsheet=False) == columns[len(COLUMNS) :]
        for name, column in zip(names, columns[len(COLUMNS) :], strict=True):
            assert column in (name, f"class:{name}")


@pytest.mark.parametrize("options", [(), ("--raw-csv",)])
def test_classes_of_any_name_have_columns_of_their_own(
    run_copy, toy_test, tmp_path, options
):
    names = ["error", "=1", "'=1"]
    data = tmp_path / "d"
    for old, new in zip(("blue", "green", "red"), names, strict=True):
        shutil.copytree(toy_test / old, data / new)
    record = json.loads((run_copy / "run.json").read_text())
    (run_copy / "run.json").write_text(json.dumps({**record, "classes": names}))
    file = tmp_path / "each.csv"
    done = alexnet("evaluate", "--model", run_copy, "--data", data, "--csv", file, *options)
    assert done.exit_code == 0, done.output
    with file.open(newline="") as x:
        header, *rows = csv.reader(x)
    assert header[:6] == [*COLUMNS, "class:error"] and len(set(header)) == len(header) == 8
    assert header[6:] == (["=1", "'=1"] if options else ["'=1", "class:'=1"])
    assert all(len(x) == 8 and x[4] == "" for x in rows)
    for row in rows:
        assert float(row[3]) == max(map(float, row[5:]))


def test_a_folder_without_a_run_is_an_error(toy, tmp_path):
    text = f"{tmp_path} is not a run directory (it has no run.json)"
    fails(3, text, "evaluate", "--data", toy, "--model", tmp_path)


def test_an_accuracy_that_is_reached_passes(trained, toy_test):
    args = ("--model", trained, "--data", toy_test, "--tta", "flip")
    reached = scores_of(*args)["top1"]
    assert reached > 0.5
    assert scores_of(*args, "--assert-accuracy", reached)["top1"] == reached


def test_an_accuracy_that_is_not_reached_fails(trained, toy_test, tmp_path):
    data = tmp_path / "swapped"
    shutil.copytree(toy_test / "red", data / "green")
    shutil.copytree(toy_test / "green", data / "red")
    args = ("evaluate", "--model", trained, "--data", data, "--assert-accuracy", "0.9")
    result = fails(1, "is below 0.9", *args)
    assert "most confused" in result.stdout


def test_an_image_that_cannot_be_read_is_not_in_the_scores(trained, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red" / "bad.jpg").write_bytes(b"x")
    args = ("evaluate", "--model", trained, "--data", data, "--csv", tmp_path / "each.csv")
    text = "1 image(s) cannot be read and are not in these numbers"
    result = fails(1, text, *args)
    bad = f"{data / 'red' / 'bad.jpg'}"
    assert f"  {bad} is not an image in a known format" in result.stderr.splitlines()
    assert result.stdout.startswith("12 images\n")
    with (tmp_path / "each.csv").open(newline="") as x:
        (row,) = [row for row in csv.DictReader(x) if row["error"]]
    assert row == {
        "file": bad, "class": "red", "predicted": "", "probability": "",
        "error": "is not an image in a known format", "blue": "", "green": "", "red": "",
    }  # fmt: skip


def test_the_digest_is_that_of_run_json_wherever_the_images_are(trained, toy, tmp_path):
    made = json.loads((trained / "run.json").read_text())["provenance"]
    data = shutil.copytree(toy, tmp_path / "moved")
    for i, file in enumerate(sorted(data.rglob("*.*"))):
        file.rename(file.with_stem(f"{99 - i}"))
    found = scores_of("--model", trained, "--data", data)["data"]
    assert found == {
        "location": str(data.resolve()), "part": "", "images": 36,
        "digest": made["data_digest"],
    }  # fmt: skip
    own = scores_of("--model", trained)
    rows = [x for x in Run.open(trained).split() if x["split"] == "val"]
    digest = data_digest((x["sha256"], x["class"]) for x in rows)
    assert own["data"]["part"] == "val" and own["data"]["digest"] == digest
    assert own["run"]["data_digest"] == made["data_digest"]
    archive = shutil.make_archive(tmp_path / "packed", "zip", data)
    assert (
        scores_of("--model", trained, "--data", archive)["data"]["digest"]
        == found["digest"]
    )


def test_top_k(trained, toy_test):
    args = ("--model", trained, "--data", toy_test)
    assert set(scores_of(*args)["metrics"]) == {"accuracy"}
    found = scores_of(*args, "--top", 3)
    assert found["metrics"] == {"accuracy": found["top1"], "top3": 1.0}
    result = alexnet("evaluate", *args, "--top", 2)
    assert re.search(r"^top-2 accuracy [01]\.\d{4}  class among the 2", result.stdout, re.M)
    fails(2, "--top", "evaluate", *args, "--top", 0)
    fails(
        2, "--top 4: must be 1 to 3, the number of classes", "evaluate", *args, "--top", 4
    )
    with pytest.raises(RecipeError, match="--top 0"):
        evaluate(trained, toy_test, top=0)


@pytest.mark.parametrize("tta", ["none", "flip", "two-scale", "ten-crop"])
def test_every_kind_of_views(trained, toy_test, tta):
    expected = evaluate(trained, toy_test, tta=tta).scores
    found = scores_of("--model", trained, "--data", toy_test, "--tta", tta)
    assert (found["top1"], found["loss"]) == (expected.top1, pytest.approx(expected.loss))


def test_another_run_is_compared_on_the_same_images(trained, toy):
    args = ("evaluate", "--model", trained, "--data", toy, "--compare", trained)
    result = alexnet(*args)
    assert result.exit_code == 0
    assert "McNemar" in result.stdout
    text = f"warning: the network of {trained} was trained on 30 of them"
    assert result.stderr.splitlines()[-1] == text


def test_every_option_reaches_the_evaluation(trained, toy_test, monkeypatch):
    seen = {}

    def fake(model, data, *, listener, **options):
        seen.update(options, model=model, data=data)
        return evaluate(trained, toy_test)

    monkeypatch.setattr(api, "evaluate", fake)
    alexnet(
        "evaluate", "--model", "m", "--data", "d", "--ignore-unknown", "--tta", "flip", "--compare", "o",
        "--top", 2,
    )  # fmt: skip
    assert {k: v if isinstance(v, bool) else str(v) for k, v in seen.items()} == {
        "model": "m", "data": "d", "ignore_unknown": True, "tta": "flip", "compare": "o",
        "max_megapixels": "None", "top": "2",
    }  # fmt: skip
