"""A run.json from anybody opens rightly or is one printable line, whatever is in it."""

import copy
import json
import os
import shutil
from pathlib import Path

import pytest

from alexnet_cli.errors import RunError
from alexnet_cli.run import limits
from alexnet_cli.run.run import Run

REAL = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "run_of_cad7c8d" / "run.json").read_text()
)
DEEP, NAN, INFINITE, HUGE, LONG = "@deep", "@nan", "@infinite", "@huge", "@long"
SPELLED = {
    DEEP: "[" * 10**5 + "]" * 10**5, NAN: "NaN", INFINITE: "1e999", HUGE: "1" + "0" * 5000,
    LONG: f'"{"x" * 10**6}"',
}  # fmt: skip
VALUES = (
    None, "", -1, 0, 1e308, [], {}, True, DEEP, NAN, INFINITE, HUGE, LONG, "\x1b[2Jred", "\ud800", "a\0b",
    "../../etc/passwd", [[1]] * 3, {"a": 1},
)  # fmt: skip


def spelled(data):
    """`data` as JSON, and what JSON has no values for."""
    text = json.dumps(data)
    for name, value in SPELLED.items():
        text = text.replace(f'"{name}"', value)
    return text.encode()


def places(data, at=()):
    """The way to every value."""
    yield at
    inside = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in inside:
        yield from places(value, (*at, key))


def changed(at, value):
    data = copy.deepcopy(REAL)
    part = data
    for key in at[:-1]:
        part = part[key]
    part[at[-1]] = value
    return data


def without(at):
    data = changed(at, None)
    part = data
    for key in at[:-1]:
        part = part[key]
    del part[at[-1]]
    return data


def opens(text):
    """Whether it does; else it is refused as it has to be."""
    try:
        run = Run.parse(Path("x"), text)
    except RunError as error:
        line = str(error)
        assert line.isprintable() and len(line) < 300, line
        return False
    assert Run.parse(Path("x"), run.text().encode()) == run
    return True


# What the recipe of a training was is not asked again, only of what type its values are.
WHOLE = [x for x in places(REAL) if x and x[0] != "recipe"]
RECIPE = [
    ("recipe", x)
    for x in ("arch", "epochs", "learning_rate", "hflip", "metrics", "weights", "tta")
]


@pytest.mark.parametrize("value", VALUES, ids=lambda x: ascii(x)[:20])
def test_no_value_of_another_kind_is_a_traceback(value):
    found = [at for at in (*WHOLE, *RECIPE) if opens(spelled(changed(at, value)))]
    strange = value in (DEEP, NAN, INFINITE, HUGE, "\ud800", "a\0b") and value is not True
    assert not (strange and found), found
    needed = {("architecture",), ("preprocess",), ("classes",), ("recipe",), ("format",)}
    if value != {}:
        assert not needed & set(found)
    else:
        assert found == [
            x for x in found if x in {("recipe",), ("metrics",), ("versions",)}
        ]


def test_no_missing_key_is_a_traceback():
    lacking = {at for at in (*WHOLE, *RECIPE) if not opens(spelled(without(at)))}
    assert {("format",), ("classes",), ("architecture",), ("preprocess", "std")} <= lacking
    assert not {("temperature",), ("threshold",), ("preprocess", "max_pixels")} & lacking


@pytest.mark.parametrize("key", ["dilation", "\x1b[2J", "\udcff", "\ud800"])
def test_unknown_keys_are_left_out_where_they_change_no_answer(key):
    text = key.isprintable() or "\x1b" in key
    assert opens(spelled({**REAL, key: 1})) == text
    assert opens(spelled(changed(("recipe",), {**REAL["recipe"], key: 1}))) == text
    for at in (("architecture",), ("preprocess",), ("architecture", "layers", 0)):
        part = REAL
        for x in at:
            part = part[x]
        assert not opens(spelled(changed(at, {**part, key: 1})))


LAYERS = ("architecture", "layers")


@pytest.mark.parametrize("at, value", [
    (("preprocess", "crop"), 31), (("preprocess", "size"), 31), (("preprocess", "size"), 4097),
    (("preprocess", "std"), [0, 1, 1]), (("preprocess", "std"), [-1, 1, 1]), (("preprocess", "mean"), [NAN, 1, 1]),
    (("temperature",), 0), (("temperature",), -1), (("threshold",), 2.1), (("threshold",), -0.1),
    (("classes",), ["a", "a", "b"]), (("classes",), ["a", ""]), (("classes",), ["a", "b"] * 10**5),
    ((*LAYERS, 0, "filters"), 2**25), ((*LAYERS, 0, "stride"), 0), ((*LAYERS, 0, "kernel"), 33000),
    ((*LAYERS, 4, "groups"), 3), ((*LAYERS, 4, "groups"), 0), ((*LAYERS, 2, "n"), 4), ((*LAYERS, 11, "rate"), 1.0),
    ((*LAYERS, 9, "units"), 10**8), ((*LAYERS, 8), {"kind": "ReLU"}), ((*LAYERS, 12, "units"), 4),
    ((*LAYERS, 9), {"kind": "Flatten"}), ((*LAYERS, 0, "padding"), 10**4), (LAYERS, [{"kind": "ReLU"}] * 256),
    (("architecture", "name"), "a\nb"), (("architecture", "initializer"), "Orthogonal"),
    (("weights_file",), "../model.weights.h5"), (("weights_file",), "/etc/passwd"), (("weights_file",), "model.weights.h5\n"),
    (("created",), "<b>"), (("status",), "done"), (("metrics", "epoch"), 10**9), (("metrics", "loss"), "x"),
    (("versions", "keras"), 3), (("data",), 3), (("format",), True), (("format",), 1.0), (("format",), 0), (("format",), -1),
    (("recipe", "metrics"), "nothing"), (("recipe", "tta"), "all"), (("recipe", "epochs"), 1.5),
])  # fmt: skip
def test_what_cannot_be_is_refused(at, value):
    assert not opens(spelled(changed(at, value)))


@pytest.mark.parametrize("changes, what", [
    ([(4, "filters", 2**12), (9, "units", 2**24)], "parameters; at most 8,589,934,592"),
    ([(0, "filters", 2**20)], "activations; at most 16,777,216"),
    ([(0, "filters", 2**16), (4, "filters", 2**16), (4, "kernel", 255)], "are computed"),
])  # fmt: skip
def test_networks_that_take_too_much_are_refused_by_what_they_take(changes, what):
    data = copy.deepcopy(REAL)
    for i, key, value in changes:
        data["architecture"]["layers"][i][key] = value
    with pytest.raises(RunError, match=what):
        Run.parse(Path("x"), spelled(data))


def test_every_network_of_a_recipe_is_small_enough():
    from alexnet_cli.model.alexnet import ARCHITECTURES
    from alexnet_cli.model.variants import with_hidden

    for arch in ARCHITECTURES.values():
        limits._check_network(with_hidden(arch, 65536), 1000)


def test_a_number_stays_what_it_is():
    """1 does not become 1.0, and the text is written again as it was read."""
    run = Run.parse(Path("x"), spelled(REAL))
    text = json.loads(run.text())
    assert text["preprocess"].pop("white_level") is None
    for name in ("samplewise_center", "samplewise_std_normalization"):
        assert text["preprocess"].pop(name) is False
    assert {k: text[k] for k in REAL if k != "recipe"} == {
        k: v for k, v in REAL.items() if k != "recipe"
    }
    assert type(text["metrics"]["epoch"]) is int and text["metrics"] == REAL["metrics"]
    assert Run.parse(Path("x"), run.text().encode()).text() == run.text()
    layers = changed((*LAYERS, 4, "bias"), 1)["architecture"]
    again = json.loads(
        Run.parse(Path("x"), spelled({**REAL, "architecture": layers})).text()
    )
    assert type(again["architecture"]["layers"][4]["bias"]) is int


@pytest.mark.parametrize("what", ["pipe", "endless", "large"])
def test_what_is_not_a_file_is_refused_at_once(tmp_path, what):
    file = tmp_path / "run.json"
    if what == "pipe":
        os.mkfifo(file)
    elif what == "endless":
        file.symlink_to("/dev/zero")
    else:
        file.write_bytes(b" " * 16_000_001)
    said = "larger than 16,000,000 bytes" if what == "large" else "not a regular file"
    with pytest.raises(RunError) as caught:
        Run.read(tmp_path)
    assert str(caught.value) == f"{file}: {said}"


RECORDS = {
    "history.csv": ["epoch\n1\n", "epoch,loss,val_loss,accuracy,val_accuracy\n0,1,1,1,1\n", "epoch,loss,val_loss,accuracy,val_accuracy\n1,1e99,1,1,1\n",
                    "epoch,loss,val_loss,accuracy,val_accuracy\nnan,1,1,1,1\n"],
    "validation.csv": ["class,predicted,probability\na,a,nan\n", "class,predicted,probability\na,a,2\n", "class\n\x1b\n"],
    "split.csv": ["file\nx\n", "file,class,split,sha256\nx\n", "x" * 200_000 + "\ny\n"],
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_records_that_cannot_be_are_named(tmp_path, name):
    shutil.copytree(
        Path(__file__).parents[1] / "fixtures" / "run_of_cad7c8d", tmp_path / "r"
    )
    run = Run.read(tmp_path / "r")
    read = {
        "history.csv": run.history,
        "validation.csv": run.confidences,
        "split.csv": run.split,
    }[name]
    assert read()
    for text in RECORDS[name]:
        (run.path / name).write_text(text)
        with pytest.raises(RunError, match=name) as caught:
            read()
        assert str(caught.value).isprintable()
    (run.path / name).unlink()
    (run.path / name).symlink_to("/dev/zero")
    if name == "history.csv":
        assert read() == []  # as where there is none
        return
    with pytest.raises(RunError, match="not a regular file"):
        read()
