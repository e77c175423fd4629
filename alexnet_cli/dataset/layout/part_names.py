"""What folders of well-known data sets are called: parts, annotations, images."""

import re
import unicodedata

from ..split import TEST, TRAIN, VAL

_WORDS = {
    TRAIN: ("train", "training", "trn"),
    VAL: ("val", "valid", "validation", "validate", "dev", "development", "holdout"),
    TEST: ("test", "testing", "tst", "eval", "evaluation", "evaluate"),
}  # fmt: skip
_PART_OF = {word: part for part, words in _WORDS.items() for word in words}
_FILLERS = frozenset({
    "set", "sets", "data", "dataset", "datasets", "images", "image", "imgs", "img", "seg",
    "folder", "dir", "split", "part", "photos", "photo", "pictures", "pics", "jpg",
    "jpeg", "png", "samples",
})  # fmt: skip
"""Words that say nothing beside that of a part."""
_GLUED = re.compile(r"(.+?)(set|data|dataset|images|imgs|img|folder)")
IMAGES = frozenset({
    "images", "image", "imgs", "img", "photos", "pictures", "pics", "jpegimages", "jpg",
    "jpeg", "jpegs", "png", "pngs", "rgb",
})  # fmt: skip
"""Names of folders, in lower case, that only say that images are in them."""
ANNOTATIONS = frozenset({
    "annotations", "annotation", "annots", "masks", "mask", "labels", "label", "trimaps",
    "xmls", "xml", "bboxes", "bbox", "boxes", "groundtruth", "ground_truth",
    "ground-truth", "gt", "segmentation", "segmentations", "segmentationclass",
    "segmentationobject", "imagesets", "meta", "metadata", "keypoints", "landmarks",
    "depth",
})  # fmt: skip
"""Names of folders, in lower case, that hold what is drawn or said about images."""
OUTPUTS = frozenset({
    "runs", "run", "models", "model", "saved", "saved_model", "saved_models", "logs",
    "log", "checkpoints", "checkpoint", "ckpt", "ckpts", "weights", "outputs", "output",
    "results", "result", "wandb", "mlruns", "tensorboard", "tb_logs", "lightning_logs",
    "experiments", "exports", "export", "exported", "artifacts", "plots", "figures",
    "backup", "trained_models", "tflite", "onnx", "keras",
})  # fmt: skip
"""Names of folders, in lower case, into which programs write what they have trained."""


def folded(name: str) -> str:
    """`name` as others that differ by Unicode form or case have it too."""
    return unicodedata.normalize("NFC", name).casefold()


def part_of(name: str) -> tuple[str, int]:
    """The part that a folder called `name` may be, and how sure that is; ("", 0) if none.

    3: the word alone, as train, Training or VAL. 2: with words that say nothing, as
    training_set, seg_test, Test-Data, trainset, train2017. 1: it begins or ends with the
    word, as asl_alphabet_train or TEST_SIMPLE.
    """
    text = folded(name)
    if (whole := re.sub(r"[\W_]+", "", text)) in _PART_OF:
        return _PART_OF[whole], 3
    words = [_plain(x) for x in re.findall(r"[^\W\d_]+", text)]
    found = [x for x in words if x in _PART_OF]
    if len({_PART_OF[x] for x in found}) != 1:
        return "", 0
    part = _PART_OF[found[0]]
    telling = [x for x in words if x not in _FILLERS]
    if all(x in found for x in telling):
        return part, 2
    return (part, 1) if telling[0] in found or telling[-1] in found else ("", 0)


def _plain(word: str) -> str:
    """`word`, or "train" of "trainset"."""
    glued = _GLUED.fullmatch(word)
    return glued[1] if glued and glued[1] in _PART_OF else word


def part_named(name: str) -> str | None:
    """train, val or test, if `name` is a usual name of it, as "Validation"."""
    part, sure = part_of(name)
    return part if sure > 1 else None
