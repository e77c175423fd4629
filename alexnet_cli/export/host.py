"""Predict with the models in this folder, without the program that has made them.

    python predict.py model.onnx image.jpg ...

Needs NumPy and Pillow, and for the model: onnxruntime (.onnx), ai-edge-litert (.tflite),
openvino (.xml) or keras (.keras). Each takes pixels, uint8 [B, R, R, 3], and gives
probabilities, float32 [B, K]; everything else that a run does is inside. Unlike `alexnet
predict` it decodes large JPEGs at their full size, and reads what is left of cut ones.
"""

import contextlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

Image.MAX_IMAGE_PIXELS = None  # `pixels_of` has the run's own limit.
HERE = Path(__file__).parent
RUN = json.loads((HERE / "run.json").read_text("utf-8"))
SIZE, RESIZE = RUN["preprocess"]["size"], RUN["preprocess"]["resize"]
WHITE_LEVEL = RUN["preprocess"].get("white_level")


def pixels_of(file: str) -> Any:
    """The image in `file` as the models take it: upright, sRGB, square, uint8 [R, R, 3]."""
    with Image.open(file) as opened:
        if opened.width * opened.height > RUN["preprocess"]["max_pixels"]:
            raise ValueError(
                f"has {opened.width} x {opened.height} pixels, which is too many"
            )
        raw = str(getattr(opened, "tile", ""))  # What Pillow keeps 8 bits of.
        if WHITE_LEVEL and ";16" in raw and ("'RGB" in raw or "'LA" in raw):
            raise ValueError(
                "has 16 bits per color, whose white level only `alexnet` applies"
            )
        image = ImageOps.exif_transpose(opened)
    image = to_rgb(image)
    width, height = image.size
    if RESIZE == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    size = (SIZE, SIZE)
    if RESIZE == "pad":
        longest = max(width, height)
        size = tuple(max(1, (x * SIZE + longest // 2) // longest) for x in (width, height))
    small = image.resize(size, Image.Resampling.BILINEAR)
    square = Image.new("RGB", (SIZE, SIZE), (127, 127, 127))
    square.paste(small, ((SIZE - size[0]) // 2, (SIZE - size[1]) // 2))
    return np.asarray(square)


def to_rgb(image: Any) -> Any:
    """`image` in sRGB, with transparent pixels blended with white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = Image.fromarray(eight_bits(np.asarray(image), image.mode))
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    elif image.mode not in ("CMYK", "L"):
        image = image.convert("RGB")
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" not in ImageCms.getProfileDescription(source):
            target = ImageCms.createProfile("sRGB")
            with contextlib.suppress(ImageCms.PyCMSError):  # One that does not fit.
                image = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    return image.convert("RGB")


def eight_bits(values: Any, mode: str) -> Any:
    """uint8 of levels of more than 8 bits: by WHITE_LEVEL or the range of their type."""
    usual = {"I": (255, 65535), "F": (1, 255, 65535)}.get(mode, (65535,))
    high = max(1.0, float(values.max()))
    top = WHITE_LEVEL or next((x for x in usual if high <= x), high)
    return np.rint((values.astype(float) / top).clip(0, 1) * 255).astype(np.uint8)


def model_of(file: str) -> Callable[[Any], Any]:
    """A function from pixels, uint8 [B, R, R, 3], to probabilities, float32 [B, K]."""
    kind = Path(file).suffix
    if not Path(file).is_file():
        sys.exit(f"{file} is not a file")
    if kind == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        return lambda pixels: session.run(["probabilities"], {"pixels": pixels})[0]
    if kind == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        return litert(Interpreter(file))
    if kind == ".xml":
        import openvino

        precision = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.compile_model(file, "CPU", precision)
        return lambda pixels: compiled(pixels)[0]
    if kind == ".keras":
        import keras

        model = keras.saving.load_model(file)
        return lambda pixels: keras.ops.convert_to_numpy(model(pixels))
    sys.exit(f"{file}: only .onnx, .tflite, .xml and .keras")


def litert(interpreter: Any) -> Callable[[Any], Any]:
    """`model_of` for a LiteRT file."""
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]

    def predict(pixels: Any) -> Any:
        interpreter.resize_tensor_input(source, pixels.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source, pixels)
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return predict


def main(*words: str) -> int:
    """Print the three most probable classes of each file; the exit code."""
    if len(words) < 2 or words[0].startswith("-"):
        print(__doc__)
        return 2
    predict = model_of(words[0])
    unreadable = 0
    for file in words[1:]:
        try:
            probabilities = predict(pixels_of(file)[None])[0]
        except (OSError, ValueError, SyntaxError) as error:
            print(f"{file}: error: {error}")
            unreadable += 1
            continue
        best = np.argsort(-probabilities, kind="stable")[:3]
        text = ", ".join(f"{RUN['classes'][i]} {probabilities[i]:.1%}" for i in best)
        sure = probabilities[best[0]] >= RUN["threshold"]
        print(f"{file}: {text if sure else f'unknown ({text})'}")
    return 1 if unreadable else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
