"""What people type out of habit leads to the right option, or to why there is none."""

import re

import click
import pytest
from helpers import alexnet

from alexnet_cli.cli import hints, synonyms
from alexnet_cli.cli.advice import ADVICE
from alexnet_cli.cli.main import ALIASES, COMMANDS, main
from alexnet_cli.cli.synonyms import OPTIONS, VALUES

KERAS = """
learning_rate: --learning-rate, batch_size: --batch-size, validation_split: --val-fraction, validation_data: --val,
epochs: , optimizer: , class_weight: --class-weights, sample_weight: --class-weights, steps_per_epoch: --epochs,
initial_epoch: --resume, validation_steps: every validation image, validation_freq: after every epoch,
shuffle: images are always shuffled, featurewise_center: --mean, featurewise_std_normalization: --std,
samplewise_center: --samplewise-center, samplewise_std_normalization: --samplewise-std-normalization, zca_whitening: no such change, rotation_range: --rotation,
width_shift_range: --width-shift, height_shift_range: --height-shift, shear_range: --shear, zoom_range: --zoom,
channel_shift_range: --channel-shift, horizontal_flip: --hflip, vertical_flip: --vflip, fill_mode: --fill-mode,
cval: --fill-value, preprocessing_function: prepare images, data_format: channels-last, save_to_dir: augmented.png,
brightness_range: --brightness, rescale: --mean, target_size: --size, color_mode: always RGB, class_mode: its folder,
class_names: --classes, keep_aspect_ratio: --resize, follow_links: always followed, subset: --fraction, patience: ,
monitor: --watch, min_delta: any improvement, restore_best_weights: best epoch's, save_best_only: best epoch's,
filepath: best epoch's, factor: --divide-by, cooldown: no cycles, min_lr: no lower bound, log_dir: --out,
write_graph: always written, save_freq: --checkpoint-minutes, clipnorm: --clip-norm, clipvalue: --clip-norm,
use_ema: --ema, beta_1: as in Keras, epsilon: as in Keras, amsgrad: as in Keras, gradient_accumulation_steps: one batch,
label_smoothing: --label-smoothing, loss: cross-entropy, from_logits: cross-entropy, metrics: , jit_compile: --xla,
run_eagerly: always compiled, decay: --weight-decay, kernel_regularizer: --weight-decay, activation: alexnet models,
histogram_freq: --histograms, kernel_initializer: --initializer, include_top: alexnet models,
interpolation: --resize, directory: --data, verbose: stdout, workers: all cores, callbacks: in Python
"""
ULTRALYTICS = """
task: the command, mode: the command, data: , model: --arch, epochs: , time: --max-minutes, patience: ,
batch: --batch-size, imgsz: --size, save: --out, save_period: --checkpoint-minutes, cache: , device: , workers: all cores,
project: --out, name: --out, exist_ok: --overwrite, pretrained: --weights, optimizer: , seed: , deterministic: ,
single_cls: as a whole, rect: --resize, fraction: , freeze: , resume: , multi_scale: --zoom, compile: --xla,
amp: --precision, lr0: --learning-rate, lrf: --divide-by, weight_decay: --weight-decay, nbs: one batch, split: --val-fraction,
warmup_epochs: --warmup-epochs, warmup_momentum: --warmup-epochs, cos_lr: --schedule, dropout: , conf: --reject,
iou: no boxes, plots: always drawn, hsv_h: --hue, hsv_s: --saturation, hsv_v: --brightness, show: alexnet predict,
degrees: --rotation, translate: --width-shift or --height-shift, scale: --zoom or --crop-area, shear: , perspective: no such change,
flipud: --vflip, fliplr: --hflip, bgr: always RGB, mosaic: as a whole, opset: alexnet export, int8: alexnet export,
mixup: , cutmix: , auto_augment: --randaugment, erasing: , half: --precision, nc: counted from their folders, cfg: --config
"""
TIMM = """
data-dir: --data, dataset: --data, model: --arch, pretrained: --weights, initial-checkpoint: --weights, resume: ,
num-classes: counted from their folders, img-size: --size, input-size: --size, in-chans: always RGB, gp: alexnet models,
crop-pct: --random-crop, mean: , std: , batch-size: , validation-batch-size: every validation image, channels-last: always channels-last,
opt: --optimizer, opt-eps: as in Keras, opt-betas: as in Keras, momentum: , weight-decay: , clip-grad: --clip-norm, clip-mode: --clip-norm,
layer-decay: --loaded-rate, sched: --schedule, lr: --learning-rate, lr-noise: no noise, min-lr: no lower bound,
lr-base: --learning-rate, warmup-lr: --warmup-epochs, epochs: , start-epoch: --resume, decay-epochs: --step-epochs,
decay-milestones: --step-epochs, cooldown-epochs: no cycles, patience-epochs: --plateau-epochs, decay-rate: --divide-by,
no-aug: turned off by itself, scale: --crop-area, ratio: --crop-area, hflip: , vflip: , color-jitter: --brightness,
grayscale-prob: no such change, aa: --randaugment, reprob: --erasing, remode: --erasing, mixup: , cutmix: ,
mixup-prob: --mixup, cutmix-minmax: --cutmix, smoothing: --label-smoothing, bce-loss: cross-entropy, jsd-loss: cross-entropy,
drop: --dropout, drop-path: --dropout, bn-momentum: --norm, sync-bn: --norm, model-ema: --ema, model-ema-decay: --ema,
seed: , workers: all cores, pin-mem: all cores, amp: --precision, amp-dtype: --precision, log-interval: history.csv,
recovery-interval: --checkpoint-minutes, checkpoint-hist: --checkpoint-minutes, output: --out, experiment: --out,
eval-metric: --metrics, tta: , torchcompile: --xla, fuser: --xla, log-wandb: nothing is sent, local-rank: one machine,
grad-accum-steps: one batch, grad-checkpointing: less memory, channels: always RGB, dataset-download: alexnet fetch
"""
OTHERS = """
data-path: --data, wd: --weight-decay, norm-weight-decay: of kernels, lr-scheduler: --schedule, lr-warmup-epochs: --warmup-epochs,
lr-step-size: --step-epochs, lr-gamma: --divide-by, lr-min: no lower bound, print-freq: history.csv, cache-dataset: --cache,
test-only: alexnet evaluate, ra-magnitude: --randaugment, random-erase: --erasing, world-size: one machine,
model-ema-steps: --ema, use-deterministic-algorithms: --deterministic, val-crop-size: --size, clip-grad-norm: --clip-norm,
valid_pct: --val-fraction, item_tfms: prepare images, bs: --batch-size, lr_max: --learning-rate, moms: --momentum,
pct_start: --warmup-epochs, fit_one_cycle: --schedule, lr_find: docs/recipes.md, cbs: in Python, to_fp16: --precision,
unfreeze: --unfreeze-after, freeze_epochs: --unfreeze-after, max_rotate: --rotation, max_zoom: --zoom, max_warp: no such change,
do_flip: --hflip, flip_vert: --vflip, min_scale: --crop-area, loss_func: cross-entropy, label_func: its folder, path: --data,
outdir: --out, initial_lr: --learning-rate, lr_step_decay: --divide-by, lr_step_schedule: --step-epochs, ckpt_freq: --checkpoint-minutes,
use_tensorboard: always written, use_early_stopping: --patience, class_dict: --classes, mean_RGB: --mean, std_RGB: --std,
focal_loss: cross-entropy, oversample: --class-weights, k_folds: --folds, stratify: by class, trials: docs/recipes.md,
depth_radius: --lrn-n, alpha: --lrn-alpha, beta: --lrn-beta, versoin: alexnet --version, num_threads: all cores, j: all cores
"""
TRAINER = """
per_device_train_batch_size: --batch-size, per_device_eval_batch_size: every validation image, num_train_epochs: --epochs,
eval_strategy: after every epoch, save_strategy: --checkpoint-minutes, lr_scheduler_type: --schedule, warmup_ratio: --warmup-epochs,
load_best_model_at_end: best epoch's, metric_for_best_model: --watch, save_total_limit: best epoch's, report_to: always written,
logging_steps: history.csv, push_to_hub: alexnet push, hub_token: alexnet push, dataloader_num_workers: all cores,
max_train_samples: --fraction, max_eval_samples: every validation image, train_val_split: --val-fraction, adam_beta1: as in Keras,
overwrite_output_dir: --overwrite, resume_from_checkpoint: --resume, model_name_or_path: --weights, do_train: the command,
image_column_name: docs/data.md, tf32: --precision, label_smoothing_factor: --label-smoothing
"""
LIGHTNING = """
trainer.max_epochs: --epochs, model.lr: --learning-rate, data.batch_size: --batch-size, optimizer.lr: --learning-rate,
check_val_every_n_epoch: every validation image, fast_dev_run: --dry-run, limit_train_batches: --fraction, ckpt_path: --resume,
accumulate_grad_batches: one batch, auto_lr_find: docs/recipes.md, enable_progress_bar: stdout, save_top_k: best epoch's,
image_dir: --data, saved_model_dir: --out, how_many_training_steps: --epochs, flip_left_right: --hflip, do_fine_tuning: --weights,
l2_regularizer: --weight-decay, validation_percentage: --val-fraction, load-from: --weights, no-validate: every validation image,
no-cuda: --device, no-amp: --precision, adam: --optimizer adam, sgd: --optimizer sgd,
alexnet-bn: --arch alexnet-bn, float32: --precision float32, height: --size,
holdout: --val-fraction, train_ratio: --val-fraction, min_epochs: --patience, from-scratch: random unless, skip-errors: --strict, no-color: NO_COLOR, log-file: history.csv, best: , qqq:
"""


def rows(text):
    for row in text.replace("\n", " ").split(","):
        name, _, hint = row.partition(":")
        yield name.strip(), hint.strip()


def known(command):
    found = main.get_command(click.Context(main), command)
    return {x for p in found.params for x in (*p.opts, *p.secondary_opts) if x[:2] == "--"}


@pytest.mark.parametrize(
    "name, hint",
    [
        *rows(KERAS),
        *rows(ULTRALYTICS),
        *rows(TIMM),
        *rows(OTHERS),
        *rows(TRAINER),
        *rows(LIGHTNING),
    ],
)
def test_names_of_other_tools_lead_to_ours(name, hint):
    """Of Keras' arguments, Ultralytics' and timm's train, torchvision, fastai, planktonclass."""
    command = main.get_command(click.Context(main), "train")
    found = hints._hint_for(f"--{name}", click.Context(command))
    if f"--{name}" in known("train"):
        return
    assert hint in found and bool(hint) == bool(found), found


@pytest.mark.parametrize("command, name, hint", [
    ("predict", "weights", "--model"), ("predict", "conf", "--reject"), ("predict", "topk", "--top"),
    ("predict", "save", "--out or --draw"), ("predict", "output", "--out or --csv or --draw"), ("predict", "qqq", ""),
    ("evaluate", "checkpoint", "--model"), ("evaluate", "confusion-matrix", "--plot"), ("evaluate", "test-dir", "--data"),
    ("evaluate", "dataset", "--data"), ("train", "test-dir", "--test or --data"), ("serve", "bind", "--host"),
    ("export", "include", "--format"), ("export", "weights", "--model"), ("doctor", "output-html", "--report"),
    ("train", "learning", "--learning-rate"), ("train", "val-splt", "--val-fraction"), ("train", "BATCH_SIZE", "--batch-size"),
    ("train", "epoch", "--epochs"), ("train", "warmup", "--warmup-epochs"), ("train", "qqq", ""),
])  # fmt: skip
def test_names_lead_to_the_options_of_their_command(command, name, hint):
    found = hints.option_hint(f"--{name}", known(command))
    assert found == (f"did you mean {hint}?" if hint else "")


def test_whatever_is_a_hint_exists():
    options = {f"--{x[:-1]}" for x in OPTIONS.split() if x.endswith(":")}
    options |= {*re.findall(r"--[a-z-]+", ADVICE)}
    everything = {x for c in COMMANDS for x in known(c)} | {"--version", "--help"}
    assert options <= everything
    assert {*re.findall(r"`alexnet (\w+)", ADVICE)} <= COMMANDS.keys()
    assert (
        synonyms.COMMANDS.keys() == COMMANDS.keys()
        and {*ALIASES.values()} <= COMMANDS.keys()
    )


@pytest.mark.parametrize("command, name, option", [
    ("predict", "lr", "--learning-rate"), ("evaluate", "imgsz", "--size"), ("predict", "resize", "--resize"),
])  # fmt: skip
def test_what_training_decides_is_said_to_be_the_runs(command, name, option):
    found = hints.option_hint(f"--{name}", known(command))
    assert found == f"`alexnet train` has {option}, and a run keeps it"


ASSIGNED = "options are not written name=value; did you mean"
SQUARES = "the networks take squares: give one side; --resize says how images fit it"


@pytest.mark.parametrize("words, message", [
    ("--versoin", "No such option '--versoin'; did you mean --version? (see alexnet --help)"),
    ("train --versoin", "No such option '--versoin'; `alexnet --version` does that (see alexnet train --help)"),
    ("predict --modle m x", "No such option '--modle'; did you mean --model? (see alexnet predict --help)"),
    ("train data=flowers epochs=3", f"{ASSIGNED} --data flowers --epochs 3? (see alexnet train --help)"),
    ("train x mode=train batch=16 amp=True hflip=False", f"{ASSIGNED} --batch-size 16 --precision --no-hflip? (see alexnet train --help)"),
    ("train x overwrite=True", f"{ASSIGNED} --overwrite? (see alexnet train --help)"),
    ("predict model=best.pt x.jpg", f"{ASSIGNED} --model best.pt? (see alexnet predict --help)"),
    ("data=x train", "No such command 'data=x'; a command comes first, as in `alexnet train --epochs 3 DATA` (see alexnet --help)"),
    ("--epochs 3 train", "No such option '--epochs'; a command comes first, as in `alexnet train --epochs 3 DATA` (see alexnet --help)"),
    ("help train", "No such command 'help'; did you mean alexnet --help? (see alexnet --help)"),
    ("train -epochs 3 x", "No such option '-epochs'; did you mean --epochs? (see alexnet train --help)"),
    ("train -lr 0.1 x", "No such option '-lr'; did you mean --learning-rate? (see alexnet train --help)"),
    ("train -data=x", "No such option '-data'; did you mean --data? (see alexnet train --help)"),
    ("train --epochs=three", "Invalid value for '-e' / '--epochs': 'three' is not a whole number (see alexnet train --help)"),
    ("train --learning-rate fast", "Invalid value for '--learning-rate': 'fast' is not a number (see alexnet train --help)"),
    ("train x --epochs", "Option '--epochs' requires an argument (see alexnet train --help)"),
    ("train --optimizer Adam x", "Invalid value for '--optimizer': 'Adam' is not one of 'sgd', 'adam', 'adamw', 'muon', 'rmsprop'; did you mean adam? (see alexnet train --help)"),
    ("train --precision fp16 x", "Invalid value for '--precision': 'fp16' is not one of 'auto', 'float32', 'mixed_bfloat16', 'mixed_float16'; did you mean mixed_float16? (see alexnet train --help)"),
    ("evaluate photos", "Got unexpected extra argument (photos); did you mean --data photos? (see alexnet evaluate --help)"),
    ("env photos", "Got unexpected extra argument (photos) (see alexnet env --help)"),
    ("predict --images x", "No such option '--images'; IMAGE... is given without a name (see alexnet predict --help)"),
    ("runs --folder x", "No such option '--folder'; [DIR] is given without a name (see alexnet runs --help)"),
    ("doctor --source x", "No such option '--source'; [DATA] is given without a name (see alexnet doctor --help)"),
    ("models --weights x", "No such option '--weights'; did you mean --model? (see alexnet models --help)"),
    ("export --onnx", "No such option '--onnx'; did you mean --format onnx? (see alexnet export --help)"),
    ("serve --report x", "No such option '--report'; `alexnet evaluate` does that (see alexnet serve --help)"),
    ("train --size 224x160", f"Invalid value for '--size': '224x160' is not a whole number; {SQUARES} (see alexnet train --help)"),
    ("train --start-size 64,96", f"Invalid value for '--start-size': '64,96' is not a whole number; {SQUARES} (see alexnet train --help)"),
])  # fmt: skip
def test_a_wrong_command_is_one_useful_line(words, message):
    result = alexnet(*words.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"alexnet: {message}\n"


def test_what_only_looks_like_another_notation_is_taken(tmp_path, monkeypatch):
    """A file of that name, the value of an option, short options with their values."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "epochs=3").mkdir()
    context = click.Context(main.get_command(click.Context(main), "train"))
    for words in (
        ["epochs=3"], ["--stop-at", "accuracy=1.0"], ["-osaved", "-e3", "-b", "8"],
        ["--", "epochs=4"], ["x=y", "-x"], ["--epochs", "-1"],
    ):  # fmt: skip
        hints.check_habits(words, context)


@pytest.mark.parametrize("name, hint", [
    ("trian", "train"), ("evaluat", "evaluate"), ("test", "evaluate"), ("fit", "train"), ("infer", "predict"),
    ("download", "fetch"), ("convert", "export or import"), ("check", "doctor"), ("Predict", "predict"),
])  # fmt: skip
def test_commands_of_other_tools_lead_to_ours(name, hint):
    result = alexnet(name, "x")
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr == (
        f"alexnet: No such command {name!r}; did you mean {hint}? (see alexnet --help)\n"
    )


def test_a_run_too_many_is_a_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a run").mkdir()
    (tmp_path / "a run/run.json").touch()
    hint = "did you mean --model 'a run'?"
    assert hint in alexnet("export", "a run").stderr


def test_every_value_of_the_table_is_a_choice():
    commands = [main.get_command(click.Context(main), x) for x in COMMANDS]
    choices = {
        v
        for c in commands
        for p in c.params
        if isinstance(p.type, click.Choice)
        for v in p.type.choices
    }
    assert {x[:-1] for x in VALUES.split() if x.endswith(":")} <= choices


def test_val_is_evaluate():
    own, alias = (alexnet(x, "--help").stdout.split("\n", 1) for x in ("evaluate", "val"))
    assert alias[1] == own[1] and "val [OPTIONS]" in alias[0]
