"""`alexnet prepare` makes of a data set what all commands read as that data set."""

import json
import shutil

import pytest
from helpers import TINY, alexnet, fails, history
from helpers import train as trained_on

KEPT = ("--arch", "tiny", "--size", "36")


def prepared(data, out, *options):
    result = alexnet("prepare", data, "--out", out, *KEPT, *options)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


def test_it_says_what_was_written_and_what_was_not(toy, tmp_path):
    data = shutil.copytree(toy, tmp_path / "data")
    (data / "red" / "bad.jpg").write_bytes(b"")
    for _ in range(2):
        result = prepared(data, tmp_path / "out", "--images-per-shard", "20")
        assert result.stdout == f"{tmp_path / 'out'}: 36 images in 2 shard(s), 0 MiB\n"
        assert "  red/bad.jpg is empty\n" in result.stderr


def test_doctor_says_of_shards_what_it_says_of_the_folder(toy, tmp_path):
    data = shutil.copytree(toy, tmp_path / "data")
    (data / "red" / "bad.jpg").write_bytes(b"")
    shutil.copyfile(data / "red" / "00.jpg", data / "red" / "copy.jpg")
    prepared(data, tmp_path / "out", "--encoding", "raw")
    results = [alexnet("doctor", x, "--json") for x in (data, tmp_path / "out")]
    assert [x.exit_code for x in results] == [1, 1]
    found = [{**json.loads(x.stdout), "root": ""} for x in results]
    assert found[0] == found[1] and found[0]["equal"]
    shard = tmp_path / "out" / "000000.tar"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    fails(
        3, "000000.tar is damaged: its SHA-256 is another one", "doctor", tmp_path / "out"
    )


def test_what_cannot_be_prepared_is_one_line(toy, tmp_path):
    out = tmp_path / "out"
    fails(2, "--out", "prepare", toy, "--out", toy / "shards", *KEPT)
    fails(3, "does not exist", "prepare", tmp_path / "none", "--out", out, *KEPT)
    fails(2, "--quality", "prepare", toy, "--out", out, "--quality", "0")
    fails(
        2, "smaller than the", "prepare", toy, "--out", out, "--arch", "tiny", "--size", "8"
    )
    fails(2, "--epochs", "prepare", toy, "--out", out, "--epochs", "3")
    fails(2, "Missing option", "prepare", toy)
    raw = ("--encoding", "raw", "--quality", "95")
    fails(
        2, "--quality has no effect with --encoding raw", "prepare", toy, "--out", out, *raw
    )
    for command in (("prepare",), ("train", "--dry-run")):
        for address in ("s3://bucket/out", "https://host/out"):
            fails(
                2, f"--out {address} is on a server", *command, toy, "--out", address, *KEPT
            )
    assert not out.exists()
    prepared(toy, out)
    fails(2, "is a folder of shards already", "prepare", out, "--out", tmp_path / "2")
    fails(3, "is not empty", "prepare", toy, "--out", toy.parent, *KEPT)


def scores(result):
    """What `evaluate` printed, without the lines that name the run and its data."""
    lines = result.stdout.splitlines()
    return [x for x in lines if not x.startswith(("data ", "run "))]


@pytest.mark.slow
def test_they_train_and_evaluate_as_the_folder_does(toy, trained, toy_test, tmp_path):
    shards, test = tmp_path / "shards", tmp_path / "test"
    prepared(toy, shards, "--encoding", "raw", "--images-per-shard", "7")
    prepared(toy_test, test, "--encoding", "raw")
    run = tmp_path / "run"
    trained_on(shards, run)
    for name in ("split.csv", "bad_images.csv"):
        assert (run / name).read_bytes() == (trained / name).read_bytes()
    rows = [history(x) for x in (run, trained)]
    for x in (*rows[0], *rows[1]):
        del x["images_per_second"]
    assert rows[0] == rows[1]
    outputs = [
        scores(alexnet("evaluate", "--model", run, *data))
        for data in ((), ("--data", test), ("--data", toy_test))
    ]
    assert outputs[0] == scores(alexnet("evaluate", "--model", trained))
    assert outputs[1] == outputs[2]
    seen = alexnet("evaluate", "--model", run, "--data", shards)
    assert "was trained on 30 of these images" in seen.stderr
    resumed = alexnet("train", "--resume", run, "--epochs", "7")
    assert resumed.exit_code == 0, resumed.output
    other = tmp_path / "other"
    alexnet("prepare", toy, "--out", other, "--arch", "tiny", "--size", "40")
    fails(3, "was prepared with --size 40", "train", other, "--out", tmp_path / "x", *TINY)
    fails(3, "was prepared with --size 40", "evaluate", "--model", run, "--data", other)
