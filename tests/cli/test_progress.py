"""Progress: a bar on a terminal and nothing in a file; a lasting line for every epoch."""

import dataclasses
import re
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from helpers import draw_toy
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.api.lines import MOST_CLASSES, duration
from alexnet_cli.cli import progress
from alexnet_cli.cli.progress import ConsoleListener, Line, bar, counting
from alexnet_cli.dataset.near_duplicates.pairs import NearPairs
from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources.class_folders import ImageFolder, find_images
from alexnet_cli.dataset.sources.source import Sample
from alexnet_cli.model.pretrained.layouts import PretrainedWeights
from alexnet_cli.model.pretrained.matching import LayerMatch
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.trainer.progress import Progress


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def terminal(capsys, monkeypatch):
    """A function that returns what a terminal got since the last call."""
    screen = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=screen))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("NO_COLOR", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    # click removes control sequences where it sees no terminal.
    monkeypatch.setattr(click, "echo", partial(click.echo, color=True))
    return lambda: capsys.readouterr().err


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@given(st.floats(0, 1.5), st.integers(1, 80))
def test_a_bar_has_one_width_and_is_full_at_one(fraction, width):
    text = bar(fraction, width)
    assert re.fullmatch(r"\[=* *\]", text) and len(text) == width + 2
    assert text.count("=") <= bar(1.0, width).count("=") == width
    assert abs(text.count("=") - min(fraction, 1) * width) <= 0.5


@given(st.floats(0, 1e6))
def test_a_duration_reads_back_as_its_seconds(seconds):
    text = duration(seconds)
    assert re.fullmatch(r"(\d+:\d\d|[1-9]\d*:\d\d:\d\d)", text)
    parts = [int(x) for x in text.split(":")]
    assert all(x < 60 for x in parts[-2:])
    assert sum(x * 60**i for i, x in enumerate(reversed(parts))) == round(seconds)


def test_a_line_is_overwritten_ten_times_per_second_at_most(terminal, clock):
    line = Line()
    for text in ("one", "two"):
        line.update(text)
    assert terminal() == "\rone\x1b[K"
    clock.now += 0.11
    line.update("three")
    line.clear()
    assert terminal() == "\rthree\x1b[K\r\x1b[K"


def test_nothing_is_overwritten_where_output_is_piped(capsys):
    with counting("decoding") as counter:
        counter(1, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("where", ["a file", "a dumb terminal", "a notebook"])
def test_what_is_not_overwritten_gets_a_line_twice_per_minute(
    capsys, clock, monkeypatch, where
):
    if where != "a file":
        screen = SimpleNamespace(isatty=lambda: True)
        monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=screen))
        monkeypatch.setenv("TERM", "dumb" if where == "a dumb terminal" else "xterm-color")
    if where == "a notebook":
        monkeypatch.setenv("JPY_PARENT_PID", "7")  # As jupyter_client starts kernels.
    with counting("decoding") as counter:
        for i in range(70):
            clock.now += 1
            counter(i, 70)
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r"\[.*\] ", "", x) for x in lines] == [
        "decoding 30/70  0:41 left", "decoding 61/70  0:09 left", "decoding: 70 s",
    ]  # fmt: skip


def test_a_line_fits_into_the_terminal(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    Line().update("x" * 50)
    assert terminal() == f"\r{'x' * 19}\x1b[K"


def test_without_color_a_line_is_erased_by_spaces(terminal, clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    line = Line()
    line.update("one")
    line.clear()
    assert terminal() == "\r\rone\r   \r"


def test_counting_shows_a_bar(terminal, clock):
    with counting("decoding") as counter:
        counter(1, 2)
    shown = f"\rdecoding [{'=' * 12}{' ' * 12}] 1/2\x1b[K"
    assert terminal() == f"{shown}\r\x1b[K"


@pytest.mark.parametrize("seconds, done, count, text", [
    (1.9, 10, 100, "[==                      ] 10/100"), (3.0, 10, 100, "[==                      ] 10/100  0:27 left"),
    (600, 1, 61, "[                        ] 1/61  10:00:00 left"), (3.0, 0, 7, "[                        ] 0/7"),
    (3.0, 7, 7, "[========================] 7/7"), (4.0, 100, 0, "100  25 per second"),
])  # fmt: skip
def test_counting_says_how_long_the_rest_takes(terminal, clock, seconds, done, count, text):
    with counting("examining") as counter:
        clock.now += seconds
        counter(done, count)
        assert terminal() == f"\rexamining {text}\x1b[K"


@pytest.mark.parametrize("columns, width", [(200, 24), (80, 24), (60, 8), (20, 6)])
def test_a_bar_is_as_long_as_there_is_room(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert len(bar(0.5)) == width + 2


def test_nothing_to_count_is_no_error(terminal):
    with counting("decoding") as counter:
        counter(0, 0)
    assert "0/0" in terminal()


def test_counting_leaves_a_line_about_what_took_long(capsys, clock):
    with counting("decoding"):
        clock.now += 5.6
    assert capsys.readouterr().err == "decoding: 6 s\n"


def test_the_bar_is_removed_before_an_error_is_printed(terminal):
    with pytest.raises(ValueError), counting("decoding") as counter:
        counter(1, 2)
        raise ValueError
    assert terminal().endswith("\r\x1b[K")


def test_steps_are_live_and_epochs_stay(terminal):
    listener = ConsoleListener()
    now = Progress(epoch=2, epochs=10, images=60, done=30, seconds=3.0, left=61.0)
    listener.progress(now)
    shown = f"\repoch  2/10 [{'=' * 12}{' ' * 12}] 30/60  10 images/s  1:01 left\x1b[K"
    assert terminal() == shown
    now.done, now.best = 60, True
    now.logs = {
        "epoch": 2.0,
        "loss": 0.5,
        "val_loss": 0.25,
        "learning_rate": 1e-3,
        "side": 36.0,
    }
    listener.progress(now)
    assert terminal() == (
        "\r\x1b[Kepoch  2/10  loss 0.5000  val_loss 0.2500  20 images/s  1:01 left  best\n"
    )


@pytest.mark.parametrize("columns, lines", [
    (74, ["epoch 3/9  loss 0.5000  val_loss 0.2500  20 images/s  1:01 left  best"]),
    (60, ["epoch 3/9  loss 0.5000  val_loss 0.2500  20 images/s", "           1:01 left  best"]),
    (40, ["epoch 3/9  loss 0.5000  val_loss 0.2500", "           20 images/s  1:01 left  best"]),
    (5, ["epoch 3/9", *(f"           {x}" for x in ("loss 0.5000", "val_loss 0.2500", "20 images/s", "1:01 left", "best"))]),
])  # fmt: skip
def test_an_epoch_is_broken_between_its_numbers(terminal, monkeypatch, columns, lines):
    monkeypatch.setenv("COLUMNS", str(columns))
    now = Progress(epoch=3, epochs=9, images=60, done=60, seconds=3.0, left=61.0)
    now.best, now.logs = True, {"loss": 0.5, "val_loss": 0.25}
    ConsoleListener().progress(now)
    assert terminal().removeprefix("\r\x1b[K").splitlines() == lines


@pytest.mark.parametrize("left", [None, 0.0, 0.4])
def test_no_time_is_left_after_the_last_epoch(capsys, left):
    now = Progress(3, 3, images=8, done=8, seconds=1.0, left=left, logs={"loss": 0.125})
    ConsoleListener().progress(now)
    assert capsys.readouterr().err == "epoch 3/3  loss 0.1250  8 images/s\n"


def test_a_folder_is_a_table_of_its_classes(toy, capsys):
    ConsoleListener().images_found(find_images(toy))
    assert capsys.readouterr().err.splitlines() == [
        f"{toy}: 36 files in 3 classes",
        "  class  files", "  blue      12", "  green     12", "  red       12",
    ]  # fmt: skip


def test_of_many_classes_the_first_are_printed(capsys):
    samples = tuple(Sample(f"{i}/a.png", i, "") for i in range(257))
    names = tuple(f"class {i}" for i in range(257))
    ConsoleListener().images_found(ImageFolder(Path("data"), names, ("",), samples))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "data: 257 files in 257 classes"
    assert len(lines) == 2 + MOST_CLASSES + 1
    assert lines[-1] == f"  ... and {257 - MOST_CLASSES} more classes"


@pytest.fixture
def parts(tmp_path):
    """A train part with a bad file, and a val part of copies."""
    data = tmp_path / "parts"
    draw_toy(data / "train", each=4)
    (data / "train" / "red" / "bad.jpg").write_bytes(b"x")
    shutil.copytree(data / "train" / "blue", data / "val" / "blue")
    (data / "val" / "blue" / "x.txt").write_text("x")
    return data


def test_parts_are_columns_and_what_is_left_out_is_named(parts, capsys):
    ConsoleListener().images_found(find_images(parts))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:5] == [
        f"{parts}: 17 files in 3 classes",
        "  class  train  val", "  blue       4    4", "  green      4    0", "  red        5    0",
    ]  # fmt: skip
    assert len(lines) == 6 and lines[5].startswith("  left out: ") and ".txt" in lines[5]


def test_bad_files_copies_and_the_size_of_each_part_are_printed(parts, capsys):
    recipe = Recipe(arch="tiny", size=36, test_fraction=0.25)
    data = prepare(find_images(parts), recipe)
    ConsoleListener().images_prepared(data)
    assert capsys.readouterr().err.splitlines() == [
        "1 file(s) cannot be used and are left out (bad_images.csv):",
        "  train/red/bad.jpg is not an image in a known format",
        f"warning: {data.shared} held-out image(s) have a copy, or almost one, in the training part",
        "9 training, 4 validation, 3 test images",
    ]  # fmt: skip
    assert data.shared == 3


def test_parts_without_images_are_not_printed(toy, capsys):
    data = prepare(find_images(toy), Recipe(arch="tiny", size=36))
    ConsoleListener().images_prepared(data)
    assert capsys.readouterr().err == "30 training, 6 validation images\n"


def test_a_search_that_was_cut_short_is_told(toy, capsys):
    data = prepare(find_images(toy), Recipe(arch="tiny", size=36))
    data = dataclasses.replace(data, near=NearPairs((), 12, 50_000))
    ConsoleListener().images_prepared(data)
    assert capsys.readouterr().err.splitlines()[0] == (
        "warning: near-identical images were looked for in a tenth of --max-minutes, by 12 "
        "of 50,000 comparisons; the parts may share others (--deterministic makes all)"
    )


def test_weights_are_a_table_of_layers(capsys):
    weights = PretrainedWeights("torch", {}, "", "", {}, ())
    rows = [LayerMatch("conv1", "11 x 11", "loaded"), LayerMatch("dense3", "2", "new")]
    ConsoleListener().weights_matched(weights, rows)
    assert capsys.readouterr().err.splitlines() == [
        "weights in torch layout",
        "layer   shape", "conv1   11 x 11  loaded", "dense3  2        new",
    ]  # fmt: skip
