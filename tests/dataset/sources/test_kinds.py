"""Every command takes every kind of data set, and says of each the same as of its folder."""

import csv
import json
import shutil

import pytest
from helpers import alexnet, fails, train
from PIL import Image

from alexnet_cli.api.judging import judging_images
from alexnet_cli.cli.main import main
from alexnet_cli.evaluation.evaluate import held_out
from alexnet_cli.run.run import Run

KINDS = ["csv", "zip", "tar", "tgz"]


def made(folder, file):
    """The class folders of `folder` as one file of the kind that its name says."""
    kind = file.suffix[1:]
    if kind == "csv":
        with file.open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["file", "label"])
            rows.writerows([x, x.parent.name] for x in sorted(folder.glob("*/*")))
        return file
    form = {"zip": "zip", "tar": "tar", "tgz": "gztar"}[kind]
    return shutil.move(shutil.make_archive(file.with_suffix(""), form, folder), file)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_evaluated_as_on_the_folder(trained, toy_test, tmp_path, kind):
    file = made(toy_test, tmp_path / f"test.{kind}")
    folder = alexnet("evaluate", "--model", trained, "--data", toy_test, "--json")
    out = tmp_path / "rows.csv"
    found = alexnet(
        "evaluate", "--model", trained, "--data", file, "--json", "--csv", out,
        "--compare", trained,
    )  # fmt: skip
    assert found.exit_code == folder.exit_code == 0, found.output
    one, other = json.loads(folder.stdout), json.loads(found.stdout)
    assert {k: other[k] for k in ("top1", "images", "loss")} == pytest.approx(
        {k: one[k] for k in ("top1", "images", "loss")}
    )
    rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    root = toy_test if kind == "csv" else file
    names = {str(root / x.relative_to(toy_test)) for x in toy_test.glob("*/*")}
    assert {x["file"] for x in rows} == names


@pytest.mark.parametrize("kind", ["csv", "tgz"])
def test_of_parts_the_test_part_is_evaluated(trained, toy, toy_test, tmp_path, kind):
    data = tmp_path / "d"
    shutil.copytree(toy, data / "train")
    shutil.copytree(toy_test, data / "test")
    if kind == "csv":
        lines = [
            f"d/{p}/{x.parent.name}/{x.name},{x.parent.name},{p}"
            for p in ("train", "test")
            for x in sorted((data / p).glob("*/*"))
        ]
        file = tmp_path / "all.csv"
        file.write_text("\n".join(lines) + "\n")
    else:
        file = shutil.move(
            shutil.make_archive(tmp_path / "d", "gztar", data), tmp_path / "d.tgz"
        )
    found = alexnet("evaluate", "--model", trained, "--data", file, "--json")
    assert json.loads(found.stdout)["images"] == 12, found.output
    assert "these are its 12 images of the test part" in found.stderr


def test_classes_that_the_network_does_not_know(trained, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red").rename(data / "pink")
    file = made(data, tmp_path / "test.zip")
    fails(
        3,
        "has classes that the network does not know: pink; it knows",
        "evaluate",
        "--model",
        trained,
        "--data",
        file,
    )
    found = alexnet(
        "evaluate", "--model", trained, "--data", file, "--ignore-unknown", "--json"
    )
    assert json.loads(found.stdout)["images"] == 8 and "no image for red" in found.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_doctor_finds_the_same(toy, toy_test, tmp_path, kind):
    data = shutil.copytree(toy, tmp_path / "d")
    (data / "red" / "bad.jpg").write_bytes(b"x")
    shutil.copy(data / "red" / "01.png", data / "blue" / "same.png")
    other = shutil.copytree(toy_test, tmp_path / "o")
    shutil.copy(data / "red" / "03.png", other / "red" / "copy.png")
    files = made(data, tmp_path / f"d.{kind}"), made(other, tmp_path / f"o.{kind}")
    folders = json.loads(alexnet("doctor", data, "--against", other, "--json").stdout)
    page = tmp_path / "page.html"
    result = alexnet("doctor", files[0], "--against", files[1], "--json", "--report", page)
    found = json.loads(result.stdout)
    assert result.exit_code == 1

    def plain(value):
        """Without the folder that the names of a manifest begin with."""
        text = json.dumps(value).replace(f"{data}/", "").replace(f"{other}/", "")
        return json.loads(text)

    for name in ("bad", "two_labels", "overlap", "equal", "gray", "tiny"):
        assert sorted(map(sorted, plain(found[name]))) == sorted(
            map(sorted, folders[name])
        ), name
    assert found["counts"] == folders["counts"] and found["formats"] == folders["formats"]
    assert page.read_text().count("data:image/jpeg;base64,") >= 6


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_members_of_archives_are_predicted(trained, toy_test, tmp_path, kind):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red" / "bad.jpg").write_bytes(b"x")
    file, single = made(data, tmp_path / f"x.{kind}"), toy_test / "red" / "01.png"
    drawn = tmp_path / "drawn"
    found = alexnet("predict", "--model", trained, file, single, "--json", "--draw", drawn)
    assert found.exit_code == 1, found.output
    rows = [json.loads(x) for x in found.stdout.splitlines()]
    assert len(rows) == 14 and rows[-1]["file"] == str(single)
    assert {x["file"] for x in rows[:-1]} == {
        str(file / x.relative_to(data)) for x in data.glob("*/*")
    }
    [bad] = [x for x in rows if "error" in x]
    assert bad["file"].endswith("red/bad.jpg")
    [same] = [x for x in rows[:-1] if x["file"].endswith("red/01.png")]
    assert same["classes"] == rows[-1]["classes"]
    # Three classes have images of the same names; none is drawn over another.
    assert len(list(drawn.iterdir())) == 13
    with Image.open(next(iter(drawn.iterdir()))) as image:
        assert image.size[0] > 0


def test_an_archive_that_cannot_be_read_is_one_row(trained, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\3\4 cut")
    found = alexnet("predict", "--model", trained, tmp_path / "x.zip", "--json")
    [row] = [json.loads(x) for x in found.stdout.splitlines()]
    assert found.exit_code == 1 and row["error"].startswith(
        "is no zip archive, or was cut short"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_may_not_see_the_test_images(toy, tmp_path, kind):
    data = shutil.copytree(toy, tmp_path / "d")
    test = tmp_path / "o" / "red"
    test.mkdir(parents=True)
    shutil.copy(data / "red" / "03.png", test / "copy.png")
    files = made(data, tmp_path / f"d.{kind}"), made(test.parent, tmp_path / f"o.{kind}")
    result = fails(
        3, f"1 image(s) of {files[1]} are also, or almost, trained on or validated on", "train", "--arch", "tiny", "--size", "36",
        "--data", files[0], "--against", files[1], "--out", tmp_path / "run",
    )  # fmt: skip
    assert "in 3 classes" in result.stderr and not (tmp_path / "run").exists()


def test_strict_refuses_files_that_a_manifest_lacks(toy, tmp_path):
    file = made(toy, tmp_path / "d.csv")
    file.write_text(file.read_text() + "gone.jpg,red\n")
    fails(
        3,
        "--strict: 1 file(s) cannot be used",
        "train",
        "--arch",
        "tiny",
        "--size",
        "36",
        "--data",
        file,
        "--strict",
        "--out",
        tmp_path / "run",
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "zip", "tgz"])
def test_a_training_is_evaluated_on_its_own_images_and_goes_on(toy, tmp_path, kind):
    data, out = made(toy, tmp_path / f"d.{kind}"), tmp_path / "run"
    train(data, out, "--epochs", "1", "--test-fraction", "0.2")
    run = Run.open(out)
    assert run.data == str(data)
    own = held_out(run)
    assert len(own.files) == 6 and not own.notes
    found = alexnet(
        "evaluate", "--model", out, "--json", "--report", tmp_path / "page.html"
    )
    assert found.exit_code == 0 and json.loads(found.stdout)["images"] == 6, found.output
    with judging_images(run, None) as images:
        assert len(images.files) == 6 and all(x.stat().st_size for x in images.files)
        kept = images.files
    # Files of a manifest are used where they are; others are copied for the block.
    assert all(x.exists() == (kind == "csv") for x in kept)
    moved = data.rename(tmp_path / f"moved.{kind}")
    text = "where its images are, does not exist; --data says where they are now"
    fails(3, text, "train", "--resume", out, "--epochs", "2")
    again = alexnet("train", "--resume", out, "--epochs", "2", "--data", moved)
    assert again.exit_code == 0 and Run.open(out).data == str(moved), again.output


@pytest.mark.parametrize("command", ["train", "evaluate", "doctor", "predict"])
def test_help_names_the_kinds(command):
    from click.testing import CliRunner

    text = CliRunner().invoke(main, [command, "--help"]).output
    assert ".zip" in text, text
