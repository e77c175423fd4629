"""A checkpoint is read as it was written, or its damage is named and an older one used."""

import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from alexnet_cli.errors import RunError
from alexnet_cli.run.checkpoints import (
    best_file,
    newest,
    recorded,
    require_checkpoint,
    write_checkpoint,
)
from alexnet_cli.run.digests import sha256
from alexnet_cli.run.tensors import _DTYPES, write_tensors

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(7, np.int64)}


def write(run, epoch, step=0, best="", **state):
    return write_checkpoint(run, (epoch, step), {"epoch": epoch, **state}, ARRAYS, best)


def weights(run, epoch):
    """The weights of an epoch, the best so far."""
    name = best_file(epoch)
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).write_bytes(b"weights %d" % epoch * 50)
    return name


def names(run):
    return sorted(os.listdir(run / "checkpoints"))


@pytest.mark.parametrize("dtype", sorted(_DTYPES))
def test_the_library_reads_what_we_write(tmp_path, dtype):
    rng = np.random.default_rng(0)
    arrays = {
        "matrix": (rng.random((3, 5)) * 100).astype(dtype),
        "ö 0-d": np.array(1, dtype),
        "empty": np.zeros((0, 4), dtype),
        "turned": (rng.random((4, 3, 2)) * 9).astype(dtype).T,
        "strided": np.arange(20).astype(dtype)[::3],
    }
    file = tmp_path / "x.safetensors"
    digest = write_tensors(file, arrays)
    assert digest == sha256(file)
    read = load_file(file)
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype and read[name].shape == array.shape
        np.testing.assert_array_equal(read[name], array)


def test_no_arrays_at_all_are_read_too(tmp_path):
    write_tensors(tmp_path / "x", {})
    assert load_file(tmp_path / "x") == {}


def test_numbers_that_are_not_finite_are_kept_in_arrays(tmp_path):
    write_tensors(tmp_path / "x", {"a": np.array([np.nan, np.inf, -0.0])})
    assert str(load_file(tmp_path / "x")["a"]) == "[nan inf -0.]"


def test_what_is_written_is_read(tmp_path):
    best = weights(tmp_path, 3)
    state = {"text": "ü\ud800"[:1], "numbers": [1, 2.5, None], "nested": {"x": True}}
    write_checkpoint(tmp_path, (3, 4), state, ARRAYS, best)
    found = newest(tmp_path)
    assert (found.epoch, found.step, found.best, found.state) == (3, 4, best, state)
    assert found.run == tmp_path and found.damage() == ""
    for name, array in found.arrays().items():
        np.testing.assert_array_equal(array, ARRAYS[name])
    assert found.files == {
        "checkpoints/00001.safetensors": sha256(found.arrays_file), best: sha256(tmp_path / best),
    }  # fmt: skip


def test_the_last_two_are_kept_with_their_best_weights(tmp_path):
    best = {i: weights(tmp_path, i) for i in (1, 2)}
    write(tmp_path, 1, best=best[1])
    write(tmp_path, 2, best=best[2])
    assert "epoch-00001.weights.h5" in names(tmp_path), "the older one still needs it"
    write(tmp_path, 2, 5, best=best[2])
    write(tmp_path, 3, best=best[2])
    weights(tmp_path, 4)  # of an epoch that no checkpoint knows yet
    write(tmp_path, 3, 1, best=best[2])
    assert names(tmp_path) == [
        "00004.json", "00004.safetensors", "00005.json", "00005.safetensors",
        "epoch-00002.weights.h5", "epoch-00004.weights.h5",
    ]  # fmt: skip
    assert newest(tmp_path).step == 1


def test_a_number_is_never_used_twice(tmp_path):
    for epoch in range(3):
        write(tmp_path, epoch)
    (tmp_path / "checkpoints" / "00003.json").unlink()
    (tmp_path / "checkpoints" / "99999.json").write_text("{")
    assert write(tmp_path, 9).index.name == "100000.json"
    assert newest(tmp_path).epoch == 9


def flip(file, place):
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


def cut(file, place):
    os.truncate(file, place % file.stat().st_size)


JSON, TENSORS = "checkpoints/00002.json", "checkpoints/00002.safetensors"
BEST = best_file(2)


@pytest.mark.parametrize("name, change, place", [
    *[(JSON, flip, x) for x in (0, 20, 120, -40, -3)], *[(JSON, cut, x) for x in (0, 30, -3)],
    *[(TENSORS, flip, x) for x in (0, 10, -30, -1)], *[(TENSORS, cut, x) for x in (0, 7, 50, -1)],
    *[(BEST, flip, x) for x in (0, -1)], *[(BEST, cut, x) for x in (0, -1)],
    *[(x, None, None) for x in (TENSORS, BEST)],
])  # fmt: skip
def test_a_damaged_newest_is_named_and_the_older_one_used(tmp_path, name, change, place):
    write(tmp_path, 1, best=weights(tmp_path, 1))
    write(tmp_path, 2, best=weights(tmp_path, 2), note="x" * 50)
    lines = []
    assert newest(tmp_path, lines.append).epoch == 2 and not lines
    if change:
        change(tmp_path / name, place)
    else:
        (tmp_path / name).unlink()
    assert newest(tmp_path, lines.append).epoch == 1
    (line,) = lines
    problem = "cannot be read (" if name == JSON else "is not what was written"
    problem = problem if change else "does not exist"
    assert line.startswith(
        f"warning: checkpoint 00002 is damaged: {tmp_path / name} {problem}"
    )
    assert line.endswith("; an older one is used") and "\n" not in line
    assert recorded(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "3", '"x"', "{}", '{"sha256": "0"}', "\ufeff{}"]
)
def test_other_json_is_damage(tmp_path, text):
    write(tmp_path, 1)
    (tmp_path / JSON).write_text(text)
    lines = []
    assert newest(tmp_path, lines.append).epoch == 1 and len(lines) == 1
    # It is replaced by the next one, and then not kept.
    write(tmp_path, 2)
    assert names(tmp_path) == [
        "00001.json", "00001.safetensors", "00003.json", "00003.safetensors",
    ]  # fmt: skip


def test_every_byte_of_the_json_counts(tmp_path):
    write(tmp_path, 1)
    index = tmp_path / "checkpoints" / "00001.json"
    text = index.read_bytes()
    for place, byte in enumerate(text):
        if chr(byte).isspace():
            continue
        index.write_bytes(text[:place] + bytes([byte ^ 1]) + text[place + 1 :])
        assert newest(tmp_path) is None, place
    index.write_bytes(text)
    assert newest(tmp_path)


def test_without_any_the_way_on_is_told(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for run in (tmp_path, tmp_path / "nowhere"):
        assert newest(run) is None and not recorded(run)
    with pytest.raises(RunError) as caught:
        require_checkpoint(tmp_path, lambda text: None)
    assert str(caught.value) == (
        f"{tmp_path} has no checkpoint that can be used; `alexnet train --weights "
        f"{tmp_path}` starts a new training from its weights"
    )
    write(tmp_path, 0)
    assert require_checkpoint(tmp_path, lambda text: None).epoch == 0


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_a_state_that_is_not_finite_is_refused(tmp_path, number):
    write(tmp_path, 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path, 2, loss=float(number))
    assert newest(tmp_path).epoch == 1
    assert not [x for x in names(tmp_path) if x.endswith(".json") and x != "00001.json"]
    write(tmp_path, 3)
    assert newest(tmp_path).epoch == 3


def test_only_a_step_or_an_epoch_is_recorded_work(tmp_path):
    assert not recorded(tmp_path)
    write(tmp_path, 0)
    assert not recorded(tmp_path)
    write(tmp_path, 0, 1)
    assert recorded(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    write(other, 0)
    (other / "checkpoints" / "00001.json").write_text("{")
    assert recorded(other), "damage is more than nothing"


def test_an_index_is_json_that_others_can_read(tmp_path):
    index = write(tmp_path, 1, 2).index
    body = json.loads(index.read_text())
    assert (body["format"], body["epoch"], body["step"], body["best"]) == (1, 1, 2, "")


def test_an_error_in_writing_leaves_the_last_one(tmp_path, monkeypatch):
    write(tmp_path, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alexnet_cli.run.checkpoints.write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, 2)
    assert newest(tmp_path).epoch == 1
    monkeypatch.undo()
    assert write(tmp_path, 2).index.name == "00002.json"
