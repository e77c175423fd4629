"""Write sound files of every kind that `fuzz.py` mutates, except images.

    python scripts/experiments/fuzz_samples.py OUT

OUT/weights: the first layers of an AlexNet in each format that `--weights` reads (torch's
where torch is installed). OUT/run: a run of the tiny network. OUT/exported: its model in
formats of one file that need neither TensorFlow nor onnxruntime. OUT/archive, OUT/toml.
OUT/sources: manifests and archives of class folders. OUT/shards: two folders of shards.
"""

import argparse
import importlib.util
import io
import json
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import safetensors.numpy

from alexnet_cli.api.export import export_run
from alexnet_cli.api.prepare import ENCODINGS, prepare
from alexnet_cli.api.train import train
from alexnet_cli.dataset.synthetic import smooth_images

READ = (
    "run.json", "SHA256SUMS", "model.tflite", "model.weights.h5", "split.csv",
    "validation.csv", "history.csv",
)  # fmt: skip
"""Files of a run that are read without TensorFlow."""
FORMATS = ("litert", "litert-int8", "portable")


def arrays() -> dict[str, np.ndarray]:
    """conv1 of torchvision's AlexNet, all biases, and no other kernel: small and real."""
    rng = np.random.default_rng(0)
    found = {"features.0.weight": rng.normal(size=(64, 3, 11, 11))}
    sizes = {"features.0": 64, "features.3": 192, "features.6": 384, "classifier.6": 5}
    found |= {f"{k}.bias": rng.normal(size=n) for k, n in sizes.items()}
    return {k: v.astype(np.float32) for k, v in found.items()}


def write_weights(folder: Path) -> None:
    """The arrays in all formats."""
    found = arrays()
    nested = {
        "conv1": {
            "weights": found["features.0.weight"].transpose(2, 3, 1, 0),
            "biases": found["features.0.bias"],
        }
    }
    pairs = {k: list(v.values()) for k, v in nested.items()}
    for name, content in (("nested", nested), ("pairs", pairs)):
        np.save(folder / f"{name}.npy", np.array(content, object), allow_pickle=True)
    np.savez(folder / "plain.npz", **found)
    np.savez_compressed(folder / "compressed.npz", **found)
    safetensors.numpy.save_file(found, folder / "torch.safetensors")
    for protocol in range(3):
        file = folder / f"protocol{protocol}.pkl"
        file.write_bytes(pickle.dumps(pairs, protocol))
    write_keras(folder, nested["conv1"])
    if importlib.util.find_spec("torch"):
        write_torch(folder, found)


def write_keras(folder: Path, conv1: dict[str, np.ndarray]) -> None:
    """Keras 3's and Keras 2's files of weights."""
    both = tuple(conv1.values())
    with h5py.File(folder / "keras3.weights.h5", "w") as file:
        for i, x in enumerate(both):
            file[f"layers/conv2d/vars/{i}"] = x
    with h5py.File(folder / "keras2.h5", "w") as file:
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"conv2d"]
        layer = group.create_group("conv2d")
        layer.attrs["weight_names"] = [b"conv2d/kernel:0", b"conv2d/bias:0"]
        for name, x in zip(("kernel:0", "bias:0"), both, strict=True):
            layer.create_dataset(f"conv2d/{name}", data=x, compression="gzip")


def write_torch(folder: Path, found: dict[str, np.ndarray]) -> None:
    """What torch.save writes: a state dict, a checkpoint, and the old format."""
    import torch

    state = {k: torch.from_numpy(v) for k, v in found.items()}
    torch.save(state, folder / "state.pth")
    torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
    checkpoint = {
        "epoch": 3,
        "model": {f"module.{k}": v.half() for k, v in state.items()},
        "optimizer": {"state": {0: {"step": 1, "momentum": torch.ones(9)}}},
        "rng": torch.get_rng_state(),
    }
    torch.save(checkpoint, folder / "checkpoint.pt")
    torch.save(of_other_names(), folder / "names.pth")


def of_other_names() -> dict[str, Any]:
    """A small AlexNet by names of its own, with batch and weight normalization."""
    import torch
    from torch.nn import BatchNorm2d, Conv2d, Linear, Sequential
    from torch.nn.utils.parametrizations import weight_norm

    sizes = ((3, 6, 11), (6, 8, 5), (8, 10, 3), (10, 8, 3), (8, 4, 3))
    layers = [Sequential(Conv2d(i, o, k), BatchNorm2d(o)) for i, o, k in sizes]
    dense = [weight_norm(Linear(i, o)) for i, o in ((144, 20), (20, 5))]
    state = Sequential(*layers, *dense).state_dict()
    return {"optimizer": {"exp_avg": {"0.weight": torch.ones(3)}}, "best": state}


def write_images(folder: Path) -> Path:
    """Three classes of six small images each."""
    for i, image in enumerate(smooth_images(18, 48)):
        file = folder / "abc"[i % 3] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file)
    return folder


ROWS = (("a.jpg", "cat", "train"), ("b.jpg", "dog", "train"), ("c.jpg", "cat", "val"),
        ("d.jpg", "dog", "test"))  # fmt: skip
"""Of manifests; `subjects.source` puts the files beside them."""


def write_sources(folder: Path) -> None:
    """Manifests and archives, as `--data` takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [(x, str(i % 2)) for i, (x, _, _) in enumerate(ROWS)]
    quoted = "".join(f'"{x}";"{y}"\r\n' for x, y, _ in ROWS)
    tables = {
        "parts.csv": _lines([("file", "label", "split"), *ROWS], ","),
        "excel.csv": f'\ufeff"image";"class"\r\n{quoted}',
        "numbers.csv": _lines(numbers, ","),
        "list.txt": _lines(numbers, " "),
        "objects.jsonl": "".join(
            json.dumps({"file_name": x, "label": y, "split": z}) + "\n" for x, y, z in ROWS
        ),
    }
    for name, text in tables.items():
        (folder / name).write_text(text, "utf-8", newline="")
    (folder / "wide.tsv").write_text(
        _lines([("path", "class", "set"), *ROWS], "\t"), "utf-16"
    )
    content = bytes(range(256)) * 8
    # The long ones take a header of their own in a tar.
    ends = ("1.jpg", "2.jpg", "\u00e9" * 60 + ".jpg")
    members = [f"d/{x}/{end}" for x in "ab" for end in ends]
    for mode in ("", "gz", "bz2", "xz"):
        with tarfile.open(folder / f"x.tar{mode and f'.{mode}'}", f"w:{mode}") as tar:
            for name in members:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(folder / f"{method}.zip", "w", method) as archive:
            for name in members:
                archive.writestr(name, content)


def _lines(rows: Sequence[tuple[str, ...]], delimiter: str) -> str:
    return "".join(delimiter.join(x) + "\n" for x in rows)


def main(out: Path) -> None:
    """Fill the folder `out`."""
    for name in ("weights", "exported", "archive"):
        (out / name).mkdir(parents=True, exist_ok=True)
    write_weights(out / "weights")
    write_sources(out / "sources")
    photos = write_images(out / "photos")
    run = train(photos, out=out / "run", arch="tiny", epochs=1, precision="float32")
    for name in FORMATS:
        export_run(run, out / name, formats=(name,))
        for file in (out / name).iterdir():
            if file.suffix in (".tflite", ".pyz"):
                shutil.copy(file, out / "exported" / f"{name}{file.suffix}")
        shutil.rmtree(out / name)
    for file in (x for x in run.path.iterdir() if x.name not in READ):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    with tarfile.open(out / "archive" / "photos.tgz", "w:gz") as archive:
        archive.add(photos, "photos")
    for encoding in ENCODINGS:
        prepare(
            photos, out / "shards" / encoding, arch="tiny", size=36, encoding=encoding,
            images_per_shard=10,
        )  # fmt: skip
    shutil.rmtree(photos)
    shutil.copytree(Path(__file__).parents[2] / "configs", out / "toml")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    main(parser.parse_args().out)
