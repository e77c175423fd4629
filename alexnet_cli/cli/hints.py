"""What to type instead of what is no option or command here: other tools' names, typos."""

from collections.abc import Iterable
from difflib import get_close_matches

_OPTIONS = """
data: dataset data-dir data-path data-root dataset-path train-dir train-data root source
    input input-dir images image-dir img-dir folder path directory test-dir test-data
    val-dir
out: output output-dir output-folder out-dir save save-dir save-path save-to name project
    experiment workdir work-dir model-dir logdir log-dir checkpoint-dir checkpoint-path
    export-dir destination target
overwrite: force exist-ok yes
resume: resume-from continue restart reload
config: cfg recipe preset hparams params yaml
classes: class-names names labels class-list class-mapping
run-name: experiment-name tag
against: holdout test-set
arch: model network net backbone architecture model-name
norm: batchnorm batch-norm bn lrn normalization norm-layer
dropout: drop drop-rate dropout-rate
hidden: units dense-units hidden-size hidden-units fc fc-size
initializer: init kernel-initializer weight-init init-type
weights: pretrained pre-trained pretrained-path initial-checkpoint init-weights checkpoint
    ckpt finetune transfer load load-weights model-path
freeze: freeze-layers freeze-conv freeze-backbone freeze-base trainable
unfreeze-after: unfreeze unfreeze-epoch freeze-epochs
resize: interpolation resize-mode fit keep-aspect aspect crop-mode
size: imgsz img-size image-size img input-size resolution target-size resize-size
    img-height img-width
mean: img-mean image-mean normalize rescale
std: img-std image-std stddev
max-megapixels: max-pixels max-image-pixels
val-fraction: val-split validation-split validation-fraction val-ratio val-size split
    valid-pct val-percent
test-fraction: test-split test-ratio test-size
folds: kfold k-fold cv n-folds n-splits cross-validation num-folds
fraction: subset limit train-fraction sample-fraction
hflip: horizontal-flip fliplr flip random-flip mirror no-flip
vflip: vertical-flip flipud
rotation: rotation-range degrees rotate random-rotation angle
width-shift: width-shift-range translate shift
height-shift: height-shift-range
shear: shear-range
zoom: zoom-range random-zoom
fill-mode: fillmode padding-mode
brightness: brightness-range color-jitter hsv-v jitter
saturation: hsv-s
hue: hsv-h
random-crop: crop crop-pct
crop-area: scale ratio random-resized-crop rrc min-crop
pca-lighting: pca lighting color-pca fancy-pca
erasing: reprob random-erase random-erasing cutout erase
mixup: mixup-alpha mix-up
cutmix: cutmix-alpha cut-mix
randaugment: aa auto-augment autoaugment augment aug augmentation augmentations
    rand-augment randaug trivial-augment
start-size: progressive progressive-resizing
optimizer: opt optim solver
momentum: beta beta1
weight-decay: wd decay l2 l2-reg regularization weight-decay-rate
clip-norm: clip-grad clip clipnorm gradient-clip grad-clip max-grad-norm gradient-clipping
label-smoothing: smoothing label-smooth ls
class-weights: class-weight balanced balance weighted weighted-loss pos-weight
batch-size: batch bs batchsize train-batch-size batch-per-gpu
ema: model-ema ema-decay model-ema-decay swa averaging
learning-rate: lr lr0 base-lr lr-base initial-lr init-lr learningrate eta rate alpha
schedule: scheduler sched lr-scheduler lr-schedule lr-policy cos-lr cosine
warmup-epochs: warmup warm-up warmup-steps warmup-lr lr-warmup-epochs
step-epochs: step-size lr-step-size decay-epochs milestones decay-steps lr-step
plateau-epochs: reduce-lr reduce-lr-on-plateau lr-patience patience-epochs plateau
divide-by: gamma lr-gamma decay-rate lr-decay factor lrf
epochs: epoch num-epochs n-epochs nb-epoch max-epochs nepochs iterations steps max-steps
    num-steps steps-per-epoch total-epochs
max-minutes: time max-time time-limit budget minutes max-hours timeout
metrics: metric eval-metric
watch: monitor best-metric save-best
patience: early-stopping early-stop earlystopping early-stopping-patience es-patience
stop-at: target-accuracy goal
tta: test-time-augmentation augment-test ten-crop
reject: threshold conf confidence min-confidence conf-thres score-threshold unknown
seed: random-seed random-state manual-seed rng-seed
device: gpu gpus cuda cpu accelerator devices ngpu gpu-id num-gpus use-gpu
cache: cache-images in-memory cache-dir cache-mode
precision: amp half fp16 bf16 mixed-precision dtype native-amp amp-dtype float16 bfloat16
deterministic: cudnn-deterministic reproducible
checkpoint-minutes: save-period save-freq save-every checkpoint-freq checkpoint-interval
    checkpoint-hist save-interval save-model
histograms: histogram-freq
model: weights checkpoint ckpt run saved model-path model-dir saved-model load pretrained
top: topk top-k k num-results top5
json: save-json output-json as-json
csv: save-csv output-csv results-file output results save-txt
draw: output save save-images output-dir visualize show save-dir annotate
plot: confusion-matrix plots save-plot figure
plot-reliability: calibration reliability
report: html save-report output-html
compare: baseline other versus
ignore-unknown: skip-unknown
assert-accuracy: min-accuracy fail-under
format: include type to formats target-format
max-drop: tolerance atol
host: bind address
port: p
timeout: timeout-s
private: public visibility
token-file: token hf-token
dry-run: dryrun check noop
photos: n count number images num-images
to: output out dir destination
mirror: url
print-config: show-config dump-config
strict: fail-fast
version: v ver
help: usage h
"""
"""An option: what other tools, and people, call it. A name may lead to several options."""

_ADVICE = {
    "all cores are used as they are": (
        "workers num-workers jobs threads num-threads nproc n-jobs cpus j"
    ),
    "TensorBoard's files are always written, to logs/ in the run": (
        "tensorboard tb use-tensorboard tensorboard-dir"
    ),
    "curves are always drawn, to plots/ in the run": (
        "plots plot-curves curves save-plots"
    ),
    "classes are counted from their folders; --classes chooses some": (
        "num-classes nc n-classes nb-classes"
    ),
    "the loss is cross-entropy; see --label-smoothing and --class-weights": (
        "loss criterion loss-function objective"
    ),
    "images are always shuffled": ("shuffle no-shuffle"),
    "there is no such output to choose: results are on stdout, the rest on stderr": (
        "verbose quiet silent log-level"
    ),
    "training is on one machine": (
        "distributed world-size nodes dist-url multi-gpu strategy local-rank"
    ),
    "images are in color, always RGB": (
        "color-mode grayscale channels in-channels rgb num-channels"
    ),
    "TensorFlow's XLA is slower here": ("compile torchcompile torchscript xla jit-compile"),
    "nothing is sent anywhere": ("wandb mlflow log-wandb comet clearml"),
}
"""What to know instead of an option: the names that people look for it under."""

_COMMANDS = {
    "train": "fit learn finetune fine-tune resume retrain training run start",
    "evaluate": "eval test validate score judge validation metrics",
    "predict": "infer inference classify detect label test-image prediction run-inference",
    "export": "convert save quantize onnx tflite litert freeze",
    "benchmark": "bench profile speed time",
    "serve": "server api http deploy",
    "push": "upload publish share hub",
    "import": "load convert convert-weights from-torch",
    "models": "summary list networks archs model list-models architectures info",
    "fetch": "download get pull",
    "sample": "demo example generate toy",
    "doctor": "check clean verify inspect lint dataset data analyze",
    "env": "environment info version versions system collect-env bug-report debug",
}
"""A command, and what other tools call it."""


def _names(text: str) -> list[str]:
    return text.split()


def _by_name() -> dict[str, list[str]]:
    """The options that each name of `_OPTIONS` may mean."""
    found: dict[str, list[str]] = {}
    option = ""
    for word in _names(_OPTIONS):
        if word.endswith(":"):
            option = f"--{word[:-1]}"
        else:
            found.setdefault(word, []).append(option)
    return found


def option_hint(given: str, known: Iterable[str]) -> str:
    """What to type instead of the option `given`, which is none of `known`; "" if unknown.

    `known` are the options of the command.
    """
    name, options = given.lstrip("-").lower().replace("_", "-"), list(known)
    if f"--{name}" in options:
        return _meant([f"--{name}"])
    by_name = _by_name()
    same = [x for x in by_name.get(name, ()) if x in options]
    if same:
        return _meant(same)
    for text, names in _ADVICE.items():
        if name in _names(names):
            return text
    if close := get_close_matches(f"--{name}", options, 1, 0.8):
        return _meant(close)
    # What is cut short, as --learning, is often most of it and yet not close.
    if begun := [x for x in options if len(name) > 2 and x.startswith(f"--{name}")]:
        return _meant(begun[:3])
    others = {k: [x for x in v if x in options] for k, v in by_name.items()}
    likely = get_close_matches(name, [k for k, v in others.items() if v], 1, 0.85)
    return _meant(others[likely[0]] if likely else [])


def command_hint(given: str, known: Iterable[str]) -> str:
    """What to type instead of the command `given`, which is none of `known`."""
    name, commands = given.lower().replace("_", "-"), list(known)
    same = [x for x in commands if name in _names(_COMMANDS.get(x, ""))]
    return _meant(same or get_close_matches(name, commands, 1, 0.6))


def with_hint(text: str, hint: str) -> str:
    """`text` and the hint, if there is one."""
    return f"{text}; {hint}" if hint else text


def _meant(names: list[str]) -> str:
    return f"did you mean {' or '.join(names)}?" if names else ""
