"""A run directory gets a sheet of augmented images, curves and a confusion matrix."""

import dataclasses

import numpy as np
import pytest
from helpers import new_tiny_run, toy_examples
from PIL import Image

from alexnet_cli.dataset.augmentation.sampling import principal_colors
from alexnet_cli.evaluation.scores import score
from alexnet_cli.reports import plots, training_figures
from alexnet_cli.reports.training_figures import COLUMNS, ROWS, augmented, results

EXAMPLES = toy_examples(9)
PLAIN = {
    "crop_area": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
    "hflip": False,
}


def cells(sheet):
    """The thumbnails of a sheet: [rows, columns, side, side, 3]."""
    grid = [
        [sheet[4 + 116 * y :, 4 + 116 * x :][:112, :112] for x in range(COLUMNS)]
        for y in range(ROWS)
    ]
    return np.array(grid)


@pytest.mark.parametrize(
    "fields",
    [
        {"crop_area": 0.0},
        {"crop_area": 0.5, "hue": 0.2},
        {"rotation": 30.0, "shear": 10.0, "mixup": 0.5},
        {"mean": "pixel", "std": "1", "random_crop": True, "crop_area": 0.0},
        {"crop_area": 0.0, "cutmix": 1.0, "erasing": 1.0, "pca_lighting": 0.1},
    ],
)
def test_the_first_column_is_what_is_validated_and_the_others_vary(tmp_path, fields):
    run = new_tiny_run(tmp_path / "r", **fields)
    lighting = (
        principal_colors(EXAMPLES.pixels(EXAMPLES.rows))
        if "pca_lighting" in fields
        else None
    )
    sheet = augmented(run, EXAMPLES, lighting)
    assert sheet.dtype == np.uint8 and sheet.shape == (6 * 116 + 4, 8 * 116 + 4, 3)
    with Image.open(run.path / "plots" / "augmented.png") as image:
        np.testing.assert_array_equal(image, sheet)
    found = cells(sheet)
    centers = EXAMPLES.pixels(EXAMPLES.rows)[:, 2:34, 2:34]
    enlarged = [np.asarray(Image.fromarray(x).resize((112, 112), 2)) for x in centers]
    for row in found:
        assert any(np.array_equal(row[0], x) for x in enlarged)
    assert len({x.tobytes() for x in found[0]}) == COLUMNS


def test_without_augmentation_all_columns_are_equal(tmp_path):
    found = cells(augmented(new_tiny_run(tmp_path / "r", **PLAIN), EXAMPLES, None))
    assert (found == found[:, :1]).all()


def test_the_sheet_follows_from_the_seed(tmp_path):
    sheets = [
        augmented(new_tiny_run(tmp_path / str(i), seed=seed), EXAMPLES, None)
        for i, seed in enumerate((1, 1, 2))
    ]
    np.testing.assert_array_equal(sheets[0], sheets[1])
    assert not np.array_equal(sheets[0], sheets[2])


def test_fewer_images_than_rows_are_enough(tmp_path):
    some = dataclasses.replace(EXAMPLES, rows=np.arange(2))
    sheet = augmented(new_tiny_run(tmp_path / "r"), some, None)
    assert sheet.shape == (2 * 116 + 4, 8 * 116 + 4, 3)


def test_the_results_of_a_training_are_drawn(tmp_path, monkeypatch):
    drawn = []
    for name in ("curves", "confusion"):
        original = getattr(plots, name)
        monkeypatch.setattr(
            training_figures.plots, name,
            lambda *args, original=original: drawn.append(args) or original(*args),
        )  # fmt: skip
    run = new_tiny_run(tmp_path / "r", metrics="accuracy,macro_f1")
    values = {
        "accuracy": 0.5,
        "macro_f1": 0.5,
        "val_loss": 1.0,
        "val_accuracy": 0.5,
        "val_macro_f1": 0.5,
    }
    rows = [{"epoch": i, "loss": 1.0, **values} for i in (1, 2, 3)]
    run = dataclasses.replace(run, metrics=rows[1])
    scores = score(np.eye(3)[[0, 1, 1]], np.array([0, 1, 2]), run.classes)
    confusion = results(run, rows, scores)
    assert drawn == [
        (rows, ("accuracy", "macro_f1"), 2),
        (scores, "epoch 2: top-1 accuracy 66.7% on 3 validation images"),
    ]
    with Image.open(run.path / "plots" / "confusion.png") as image:
        np.testing.assert_array_equal(image, confusion)
    with Image.open(run.path / "plots" / "curves.png") as image:
        assert image.width > image.height > 200
