"""A data set of TFDS by name: its parts, classes and encoded images; no line of theirs."""

import json
import subprocess
import sys

import numpy as np
import pytest
from helpers import COLORS, alexnet, draw_toy, fails, python, train

from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.sources import tfds_builder as module
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import DatasetError, ImageError
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.run.run import Run

pytest.importorskip("tensorflow_datasets", reason="the extra tfds is not installed")
RECIPE = Recipe(arch="tiny", size=36, resize="crop")
BUILD = """
import sys
from pathlib import Path
import numpy as np
import tensorflow_datasets as tfds

folder, out = Path(sys.argv[1]), sys.argv[2]
features = tfds.features

class Base(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=features.FeaturesDict(self.FEATURES))
    def _split_generators(self, manager):
        return {x: self._examples(x) for x in self.SPLITS}
    def _generate_examples(self):
        pass

IMAGE, LABEL = features.Image(), features.ClassLabel(names=["blue", "green", "red", "unseen"])

class ToyColors(Base):
    FEATURES = {"image": IMAGE, "label": LABEL, "file": features.Text()}
    SPLITS = ("test", "train", "validation", "unsupervised")
    def _examples(self, split):
        for file in sorted((folder / split).glob("*/*")):
            yield f"{file.parent.name}/{file.name}", {"image": file, "label": file.parent.name, "file": file.name}

class ToyBoxes(Base):
    FEATURES = {"image": IMAGE, "objects": features.Sequence({"label": LABEL})}
    SPLITS = ("train",)
    def _examples(self, split):
        yield 0, {"image": next((folder / split).glob("*/*")), "objects": []}

class ToyFloats(Base):
    FEATURES = {"image": features.Image(shape=(None, None, 1), dtype=np.float32), "label": LABEL}
    SPLITS = ("train",)
    def _examples(self, split):
        yield 0, {"image": np.zeros((4, 4, 1), np.float32), "label": "red"}

class ToyText(Base):
    FEATURES = {"text": features.Text(), "label": LABEL}
    SPLITS = ("train",)
    def _examples(self, split):
        yield 0, {"text": "x", "label": "red"}

for kind in (ToyColors, ToyBoxes, ToyFloats, ToyText):
    kind(data_dir=out).download_and_prepare()
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Class folders of each split; the folder in which TFDS has prepared them."""
    root = tmp_path_factory.mktemp("tfds")
    for seed, (split, each) in enumerate(
        {"train": 8, "validation": 2, "test": 3, "unsupervised": 1}.items()
    ):
        draw_toy(root / "drawn" / split, each, seed)
    (root / "builder").mkdir()
    (root / "builder" / "build.py").write_text(BUILD)
    done = subprocess.run(
        [sys.executable, "build.py", str(root / "drawn"), str(root / "prepared")],
        cwd=root / "builder", capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return root / "drawn"


@pytest.fixture
def prepared(drawn, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(drawn.parent / "prepared"))
    return drawn


@pytest.mark.slow
def test_splits_are_parts_and_bytes_are_those_that_went_in(prepared, tmp_path):
    source = open_source(tmp_path.__class__("tfds:toy_colors"))
    assert source.classes == tuple(COLORS) and source.parts == ("train", "val", "test")
    assert source.counts("train") == [8] * 3 and source.counts("test") == [3] * 3
    assert source.notes == ("left out: 'unsupervised': a split that is no part",)
    names = {"train": "train", "val": "validation", "test": "test"}
    for part, split in names.items():
        wanted = sorted(
            (x.parent.name, x.read_bytes()) for x in (prepared / split).glob("*/*")
        )
        found = sorted(
            (source.classes[x.label], source.read(x))
            for x in source.samples
            if x.part == part
        )
        assert found == wanted
    assert {x.name.rpartition(".")[2] for x in source.samples} == {"jpg", "png"}


@pytest.mark.slow
def test_samples_are_in_the_same_order_every_time_and_in_any(prepared, tmp_path):
    path = tmp_path.__class__("tfds:toy_colors:1.0.0")
    one, other = open_source(path), open_source(path)
    assert one.samples == other.samples and one.sequential
    contents = [one.read(x) for x in one.samples]
    order = np.random.default_rng(0).permutation(len(contents))
    assert [other.read(one.samples[i]) for i in order] == [contents[i] for i in order]
    assert one.in_order([one.samples[i] for i in order]) == list(one.samples)
    gone = one.samples[0].__class__("train/000999.jpg", 0, "train")
    with pytest.raises(ImageError, match="is not in the data set"):
        one.read(gone)
    data = prepare(one, RECIPE)
    assert data.counts() == {"train": 24, "val": 6, "test": 9} and not data.bad


@pytest.mark.slow
@pytest.mark.parametrize(
    "name,text",
    [
        ("toy_boxes", " is not a data set of one image and one class for each example; it has image, objects"),
        ("toy_text", " is not a data set of one image and one class for each example; it has label, text"),
        ("toy_floats", " has images of numbers with fractions"),
        ("no_such_set", ": Dataset no_such_set not found."),
        ("toy_colors:9.9.9", ": "),
        ("", " is no name of a data set; it is as in tfds:beans, tfds:name/config or tfds:name:1.0.0"),
        ("../x", " is no name of a data set; it is as in tfds:beans, tfds:name/config or tfds:name:1.0.0"),
        ("a b", " is no name of a data set; it is as in tfds:beans, tfds:name/config or tfds:name:1.0.0"),
        ("huggingface:x", " is no name"),
    ],
)  # fmt: skip
def test_what_is_no_image_classification_is_one_line(prepared, tmp_path, name, text):
    with pytest.raises(DatasetError) as caught:
        open_source(tmp_path.__class__(f"tfds:{name}"))
    assert str(caught.value).startswith(f"tfds:{name}{text}"), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_without_a_network_it_says_what_to_do(tmp_path, monkeypatch):
    """TFDS itself tries for minutes."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(module, "_has_network", lambda: False)
    result = fails(3, "", "doctor", "tfds:beans")
    [line] = [x for x in result.stderr.splitlines() if x]
    assert (
        line.startswith("Error: tfds:beans is not in ") or "tfds:beans is not in " in line
    )
    assert line.endswith(
        "and there is no network to fetch it; where there is, prepare it with `tfds build "
        "beans`, or set TFDS_DATA_DIR to where it is prepared"
    )
    assert result.stdout == ""


@pytest.mark.slow
def test_what_fails_while_it_is_fetched_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(module, "_has_network", lambda: True)
    # It has to be downloaded by hand, which TFDS asserts.
    result = fails(
        3,
        "tfds:imagenet2012 could not be fetched (Manual directory ",
        "doctor",
        "tfds:imagenet2012",
    )
    assert len(result.stderr.strip().splitlines()) == 1 and result.stdout == ""


@pytest.mark.slow
def test_without_the_package_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    text = "tfds:beans needs TensorFlow Datasets (import of tensorflow_datasets halted; None in sys.modules): pip install 'alexnet[tfds]'"
    fails(3, text, "doctor", "tfds:beans")


@pytest.mark.slow
def test_it_is_imported_only_where_it_is_named(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    code = """
import sys
from alexnet_cli.cli.main import main
main(["doctor", sys.argv[1]], standalone_mode=False)
assert not {"tensorflow_datasets", "tensorflow"} & set(sys.modules)
"""
    done = python(code, data)
    assert "AssertionError" not in done.stderr, done.stderr


@pytest.mark.slow
def test_a_training_on_it_is_evaluated_and_goes_on(prepared, tmp_path):
    out = tmp_path / "run"
    result = train("tfds:toy_colors", out, "--epochs", "1")
    assert "left out: 'unsupervised': a split that is no part" in result.stderr
    run = Run.open(out)
    assert run.data == "tfds:toy_colors" and len(run.split()) == 39
    own = alexnet("evaluate", "--model", out, "--json")
    assert own.exit_code == 0 and json.loads(own.stdout)["images"] == 9
    given = alexnet("evaluate", "--model", out, "--data", "tfds:toy_colors", "--json")
    assert json.loads(given.stdout)["top1"] == json.loads(own.stdout)["top1"]
    assert "these are its 9 images of the test part" in given.stderr
    again = alexnet("train", "--resume", out, "--epochs", "2")
    assert again.exit_code == 0, again.output
    assert Run.open(out).metrics["epoch"] in (1, 2)
