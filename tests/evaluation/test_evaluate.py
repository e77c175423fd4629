"""Every image counts once, classes are matched by name, and what is wrong is named."""

import csv
import json
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import draw_toy, train

from alexnet_cli.errors import DatasetError, RunError
from alexnet_cli.evaluation.evaluate import (
    LabeledImages,
    compare,
    evaluate,
    held_out,
    labeled_folder,
)
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.run.run import Run


@pytest.fixture(scope="module")
def run(trained):
    return Run.open(trained)


@pytest.fixture(scope="module")
def images(run, toy_test):
    return labeled_folder(run, toy_test)


def ignore(done, count):
    pass


def constant(*row):
    """A network that predicts `row` whatever it sees."""
    return lambda inputs: np.tile(np.array(row, np.float32), (len(inputs), 1))


def with_columns(run, file, change):
    """Rewrite a CSV of `run` with `change` applied to each of its rows."""
    path = run.path / file
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(change(x) for x in rows)


def test_every_image_is_counted_once(run, images):
    calls = []
    found = evaluate(Classifier(run), images, lambda *x: calls.append(x))
    assert calls == [(i + 1, 12) for i in range(12)]
    assert found.scores.images == found.scores.confusion.sum() == 12
    assert [x.file for x in found.predictions] == list(images.files)
    assert (found.run, found.images, found.comparison) == (run, images, None)
    assert found.trained_on == 0 and found.unreadable == ()
    assert sum(x.images for x in found.reliability) == 12
    low, high = found.intervals.top1
    assert low <= found.scores.top1 <= high
    assert found.correct.sum() == round(12 * found.scores.top1)


def test_scores_do_not_depend_on_the_order_of_images(run, images):
    order = np.random.default_rng(0).permutation(12)
    shuffled = LabeledImages(
        tuple(images.files[i] for i in order), tuple(images.labels[i] for i in order)
    )
    one, other = (evaluate(Classifier(run), x, ignore) for x in (images, shuffled))
    np.testing.assert_array_equal(one.scores.confusion, other.scores.confusion)
    np.testing.assert_array_equal(one.correct[order], other.correct)
    assert one.scores.loss == pytest.approx(other.scores.loss, rel=1e-5)
    assert one.intervals == other.intervals


def test_correct_is_by_the_most_probable_class(run, images):
    classifier = Classifier(run, network=constant(0.2, 0.5, 0.3))
    found = evaluate(classifier, images, ignore)
    assert found.correct.tolist() == [x == 1 for x in images.labels]
    assert found.scores.top1 == pytest.approx(4 / 12)
    assert found.calibration_error == pytest.approx(0.5 - 4 / 12, abs=1e-6)
    strict = Classifier(replace(run, threshold=0.9), network=constant(0.2, 0.5, 0.3))
    again = evaluate(strict, images, ignore)
    assert again.predictions[0].label == "unknown"
    np.testing.assert_array_equal(again.correct, found.correct)


def test_unreadable_images_are_in_no_score(run, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "green" / "02.jpg").write_bytes(b"x")
    images = labeled_folder(run, data)
    found = evaluate(Classifier(run), images, ignore)
    assert found.scores.images == 11 and len(found.predictions) == 12
    [bad] = found.unreadable
    assert bad.file == data / "green" / "02.jpg" and bad.probabilities is None
    row = images.files.index(bad.file)
    whole = evaluate(Classifier(run), labeled_folder(run, toy_test), ignore)
    np.testing.assert_array_equal(
        np.delete(found.correct, row), np.delete(whole.correct, row)
    )
    assert not found.correct[row]


def test_nothing_readable_is_an_error(run, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"x")
    classifier = Classifier(run)
    with pytest.raises(DatasetError) as caught:
        evaluate(classifier, LabeledImages((bad, bad), (0, 1)), ignore)
    assert str(caught.value) == (
        f"none of the images can be read; {bad} is not an image in a known format"
    )
    with pytest.raises(DatasetError, match=r"^none of the images can be read$"):
        evaluate(classifier, LabeledImages((), ()), ignore)


def test_a_damaged_split_is_found_before_the_images_are_read(run_copy, images):
    (run_copy / "split.csv").write_text("file\nx\n")
    calls = []
    with pytest.raises(RunError, match=r"split\.csv is damaged"):
        evaluate(Classifier(run_copy), images, lambda *x: calls.append(x))
    assert calls == []


def test_images_that_were_trained_on_are_counted_by_content(run, toy, tmp_path):
    found = evaluate(Classifier(run), labeled_folder(run, toy), ignore)
    assert found.trained_on == 30
    renamed = tmp_path / "renamed"
    for file in sorted(toy.glob("*/*")):
        (renamed / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, renamed / file.parent.name / f"copy-{file.name}")
    assert evaluate(Classifier(run), labeled_folder(run, renamed), ignore).trained_on == 30
    assert evaluate(Classifier(run), held_out(run), ignore).trained_on == 0


def test_the_runs_own_images_are_the_validation_images(run, toy):
    found = held_out(run)
    expected = [x for x in run.split() if x["split"] == "val"]
    assert found.files == tuple(toy / x["file"] for x in expected)
    assert [run.classes[x] for x in found.labels] == [x["class"] for x in expected]
    assert found.notes == ("these images chose the best epoch",)
    scores = evaluate(Classifier(run), found, ignore).scores
    assert scores.top1 == pytest.approx(run.metrics["val_accuracy"])


def test_test_images_come_before_validation_images(run_copy):
    run = Run.open(run_copy)
    first = next(x["file"] for x in run.split() if x["split"] == "train")
    with_columns(
        run, "split.csv", lambda x: {**x, "split": "test"} if x["file"] == first else x
    )
    found = held_out(run)
    assert found.files == (Path(run.data, first),) and found.notes == ()


def test_a_run_without_usable_images_of_its_own_is_named(run_copy):
    run = Run.open(run_copy)
    with pytest.raises(RunError) as caught:
        held_out(replace(run, data=""))
    assert str(caught.value) == (
        f"{run_copy} was imported or exported and has no images of its own; use --data"
    )
    with pytest.raises(RunError) as caught:
        held_out(replace(run, data="/gone"))
    assert str(caught.value) == (
        "/gone/blue/07.png, in the run's split, no longer exists, nor do the 5 others; use "
        "--data"
    )
    damaged = f"{run_copy}/split.csv is damaged: it lists no images to evaluate on"
    with_columns(run, "split.csv", lambda x: {**x, "class": "pink"})
    with pytest.raises(RunError) as caught:
        held_out(run)
    assert str(caught.value) == damaged
    with_columns(run, "split.csv", lambda x: {**x, "split": "train"})
    with pytest.raises(RunError) as caught:
        held_out(run)
    assert str(caught.value) == damaged


def test_folders_are_matched_by_name_not_by_order(run, toy_test, tmp_path):
    data = tmp_path / "d"
    for name in ("red", "green"):
        shutil.copytree(toy_test / name, data / name)
    (data / "red" / "notes.pdf").write_text("x")
    found = labeled_folder(run, data)
    assert [run.classes[x] for x in found.labels] == [x.parent.name for x in found.files]
    assert sorted(set(found.labels)) == [1, 2] and len(found.files) == 8
    assert found.notes[-1] == "no folder for blue"
    assert any(x.startswith("left out: ") and "notes.pdf" in x for x in found.notes)


def test_classes_match_in_either_unicode_form(run, toy_test, tmp_path):
    """Trained on a Mac, whose names are taken apart; evaluated on Linux."""
    apart = unicodedata.normalize("NFD", "café")
    renamed = replace(run, classes=(apart, "green", "red"))
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "blue").rename(data / "café")
    found = labeled_folder(renamed, data)
    assert sorted(found.labels) == [0] * 4 + [1] * 4 + [2] * 4 and found.notes == ()
    (data / "red").rename(data / apart)
    both = labeled_folder(renamed, data)
    assert both.labels.count(0) == 8
    assert both.notes[0] == r"'cafe\u0301' and 'café' are one class, 'cafe\u0301'"


def test_names_in_other_letters_are_told_apart(run, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red").rename(data / "Red ")
    with pytest.raises(DatasetError) as caught:
        labeled_folder(run, data)
    assert str(caught.value) == (
        f"{data} has classes that the network does not know: 'Red '; it knows blue, green, red "
        f"('Red ' is not 'red': rename the folder); --ignore-unknown leaves them out"
    )


def test_a_single_class_folder_with_folders_in_it_is_a_class(run, toy_test, tmp_path):
    for year in ("2019", "2020"):
        shutil.copytree(toy_test / "red", tmp_path / "d" / "red" / year)
    assert set(labeled_folder(run, tmp_path / "d").labels) == {2}


def test_runs_compare_in_either_unicode_form(run, images):
    own = replace(run, classes=("café", "green", "red"))
    other = replace(run, classes=(unicodedata.normalize("NFD", "café"), "green", "red"))
    found = compare(evaluate(Classifier(own), images, ignore), Classifier(other), ignore)
    assert (found.test.only_first, found.test.only_second) == (0, 0)


def test_unknown_classes_are_refused_or_left_out(run, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red").rename(data / "crimson")
    with pytest.raises(DatasetError) as caught:
        labeled_folder(run, data)
    known = f"{data} has classes that the network does not know: {{}}; it knows blue, green, red"
    assert str(caught.value) == (
        known.format("crimson") + "; --ignore-unknown leaves them out"
    )
    found = labeled_folder(run, data, ignore_unknown=True)
    assert set(found.labels) == {0, 1} and len(found.files) == 8
    assert found.notes == (
        "left out, unknown to the network: crimson",
        "no folder for red",
    )
    (data / "blue").rename(data / "azure")
    (data / "green").rename(data / "lime")
    with pytest.raises(DatasetError) as caught:
        labeled_folder(run, data, ignore_unknown=True)
    assert str(caught.value) == known.format("azure, crimson, lime")


@pytest.mark.parametrize(
    "parts,choice", [(("train", "test"), "test"), (("train", "val"), "train")]
)
def test_a_folder_of_parts_is_refused(run, tmp_path, parts, choice):
    for part in parts:
        draw_toy(tmp_path / "p" / part, each=2)
    with pytest.raises(DatasetError) as caught:
        labeled_folder(run, tmp_path / "p")
    assert str(caught.value) == (
        f"{tmp_path}/p has the parts {', '.join(sorted(parts))}; choose one, as {tmp_path}/p/{choice}"
    )
    assert len(labeled_folder(run, tmp_path / "p" / choice).files) == 6


def test_a_run_compared_with_itself_is_not_different(run, images):
    own = evaluate(Classifier(run), images, ignore)
    found = compare(own, Classifier(run), ignore)
    assert found.top1 == own.scores.top1
    assert (found.test.only_first, found.test.only_second, found.test.p) == (0, 0, 1.0)


def test_another_run_is_compared_by_class_names(run, run_copy, images):
    own = evaluate(Classifier(run), images, ignore)
    # The same network, whose outputs have another order and one class more.
    data = json.loads((run_copy / "run.json").read_text())
    data["classes"] = ["red", "yellow", "green", "blue"]
    (run_copy / "run.json").write_text(json.dumps(data))
    network = Classifier(run).network

    def reordered(inputs):
        blue, green, red = network(inputs).T
        return np.stack([red, np.zeros_like(red), green, blue], axis=1)

    other = Classifier(run_copy, network=reordered)
    found = compare(own, other, ignore)
    assert found.top1 == own.scores.top1 and found.test.p == 1.0
    with pytest.raises(RunError) as caught:
        compare(evaluate(other, labeled_folder(other.run, images.files[0].parents[1]), ignore),
                Classifier(run), ignore)  # fmt: skip
    assert str(caught.value) == f"{run.path} does not know yellow"


def test_a_better_run_is_significantly_better(run, images):
    many = LabeledImages(images.files * 3, images.labels * 3)
    own = evaluate(Classifier(run), many, ignore)
    found = compare(own, Classifier(run, network=constant(0, 1, 0)), ignore)
    assert found.top1 == pytest.approx(1 / 3)
    assert found.test.only_first - found.test.only_second == own.correct.sum() - 12
    assert found.test.p < 0.05


@pytest.mark.slow
def test_a_comparison_counts_what_the_other_run_was_trained_on(run, toy, tmp_path):
    out = tmp_path / "other"
    train(toy, out, "--epochs", "1", "--seed", "5", "--val-fraction", "0.5")
    own = evaluate(Classifier(run), held_out(run), ignore)
    found = compare(own, Classifier(out), ignore)
    trained = {x["file"] for x in Run.open(out).split() if x["split"] == "train"}
    mine = {x["file"] for x in run.split() if x["split"] == "val"}
    assert found.trained_on == len(trained & mine) > 0 and own.trained_on == 0
