"""What other tools, and people, call our options, their values, and our commands."""

OPTIONS = """
val: val-folder validation-data val-dir validation-dir
test: test-dir test-data
data: d dir image-folder dataset-name validation-dir base-directory images-directory
    img-root dataset data-dir data-path data-root
    dataset-path train-dir train-data root source input input-dir images image-dir img-dir
    folder path directory test-dir test-data val-dir
out: o saved-model-dir out-folder outdir output-directory output output-dir output-folder
    out-dir save save-dir save-path
    save-to name project experiment workdir work-dir model-dir logdir log-dir checkpoint-dir
    checkpoint-path export-dir destination target
overwrite: overwrite-output-dir overwrite-existing force exist-ok yes
resume: ckpt-path resume-from-checkpoint continue-training start-epoch initial-epoch
    no-resume-opt resume-from continue restart reload
config: cfg recipe preset hparams params yaml
classes: class-map class-dict cls-remap class-names names labels class-list class-mapping
fill-value: cval fill
loaded-rate: layer-decay lr-multiplier lr-mult backbone-lr discriminative-lr
lrn-n: depth-radius radius
lrn-k: lrn-bias
lrn-alpha: alpha
lrn-beta: beta
contrast: max-lighting color-jitter
run-name: experiment-name tag
against: test-set
arch: modelname model network net backbone architecture model-name
norm: local-response-norm batchnorm batch-norm bn lrn normalization norm-layer
dropout: drop drop-rate dropout-rate
hidden: units dense-units hidden-size hidden-units fc fc-size
initializer: init kernel-initializer weight-init init-type
weights: from-pretrained load-model load-from model-name-or-path backbone-weights
    do-fine-tuning pretrained pre-trained pretrained-path initial-checkpoint init-weights
    checkpoint
    ckpt finetune transfer load load-weights model-path
freeze: freeze-layers freeze-conv freeze-backbone freeze-base trainable
unfreeze-after: unfreeze unfreeze-epoch freeze-epochs
resize: center-crop centercrop keep-ratio keep-aspect-ratio crop-to-aspect-ratio
    pad-to-aspect-ratio stretch rect letterbox
    resize-mode fit keep-aspect aspect crop-mode
size: width height crop-size img-rows img-cols resize-to input-shape val-resize-size
    val-crop-size train-crop-size imgsz img-size image-size
    img input-size resolution target-size resize-size img-height img-width
mean: normalise normalization-mean zero-center mean-rgb featurewise-center img-mean
    image-mean normalize rescale
std: normalization-std std-rgb featurewise-std-normalization img-std image-std stddev
max-megapixels: max-pixels max-image-pixels
val-fraction: train-ratio train-val-split validation-percentage val-split-ratio holdout
    split-ratios
    use-validation train-split val-split validation-split
    validation-fraction val-ratio val-size split valid-pct val-percent
test-fraction: testing-percentage holdout test-split test-ratio test-size
folds: kfold k-fold cv n-folds n-splits cross-validation num-folds
fraction: max-train-samples limit-train-batches overfit-batches train-num-samples subset
    limit train-fraction sample-fraction
hflip: flip-left-right do-flip h-flip random-horizontal-flip horizontal-flip fliplr flip
    random-flip mirror
    no-flip
vflip: flip-vert v-flip random-vertical-flip vertical-flip flipud
rotation: max-rotate rotation-range degrees rotate random-rotation angle
width-shift: width-shift-range translate shift
height-shift: height-shift-range translate shift
shear: shear-range
zoom: random-scale max-zoom min-zoom scale multi-scale zoom-range random-zoom
fill-mode: pad-mode fillmode padding-mode
brightness: max-lighting brightness-range color-jitter hsv-v jitter
saturation: pixel-saturation hsv-s color-jitter
hue: hsv-h
random-crop: crop crop-pct
crop-area: min-scale crop-fraction train-crop-mode scale ratio random-resized-crop rrc
    min-crop
pca-lighting: pca lighting color-pca fancy-pca
erasing: cutout-size remode recount resplit reprob random-erase random-erasing cutout erase
mixup: mixup-prob mixup-mode mixup-switch-prob mixup-off-epoch mixup-alpha mix-up
cutmix: cutmix-prob cutmix-minmax mixup-switch-prob cutmix-alpha cut-mix
randaugment: ra-magnitude ra-reps ra-sampler augmix-severity aa auto-augment autoaugment
    augment aug augmentation augmentations rand-augment randaug trivial-augment
start-size: progressive progressive-resizing
optimizer: opt-func opt optim solver
momentum: moms
weight-decay: l2-regularizer kernel-regularizer wd decay l2 l2-reg regularization
    weight-decay-rate
clip-norm: grad-norm global-clipnorm clip-grad-norm gradient-clip-val clip-grad clip
    clipnorm
    gradient-clip grad-clip max-grad-norm gradient-clipping
label-smoothing: smoothing label-smooth ls
class-weights: balanced-sampling class-balanced oversampling sample-weight loss-weights
    weighted-sampler sampler oversample undersample
    cls-pw use-class-weights class-weight balanced balance weighted weighted-loss pos-weight
batch-size: batch bs batchsize train-batch-size batch-per-gpu
ema: use-ema ema-momentum model-ema-steps model-ema-warmup model-ema-force-cpu model-ema
    ema-decay model-ema-decay swa averaging
learning-rate: peak-lr lr-max max-lr lr-base-size lr lr0 base-lr lr-base initial-lr init-lr
    learningrate eta rate
schedule: cosine-annealing linear-lr exponential onecycle lr-schedule-mode
    lr-decay-schedule fit-one-cycle one-cycle scheduler sched
    lr-scheduler lr-schedule lr-policy cos-lr cosine
warmup-epochs: warmup-ratio lr-warmup pct-start warmup-prefix warmup-momentum
    warmup-bias-lr lr-warmup-method
    lr-warmup-decay warmup warm-up warmup-steps warmup-lr lr-warmup-epochs
step-epochs: decay-milestones lr-step-schedule step-size lr-step-size decay-epochs
    milestones decay-steps lr-step
plateau-epochs: lr-plateau-patience reduce-lr reduce-lr-on-plateau lr-patience
    patience-epochs plateau
divide-by: lr-drop final-lr lr-step-decay lr-plateau-factor gamma lr-gamma decay-rate
    lr-decay factor lrf
epochs: how-many-training-steps num-iterations n-epoch epoch-repeats epoch num-epochs
    n-epochs nb-epoch max-epochs nepochs
    iterations steps max-steps num-steps steps-per-epoch total-epochs
max-minutes: hours seconds time max-time time-limit budget minutes max-hours timeout
metrics: f1 topk top-k weighted-metrics metric eval-metric
watch: metric-for-best-model greater-is-better monitor best-metric save-best
patience: min-epochs early-stopping use-early-stopping early-stop earlystopping
    early-stopping-patience
    es-patience
stop-at: target-accuracy goal
tta: test-time-augmentation augment-test ten-crop two-scale
reject: threshold conf confidence min-confidence conf-thres score-threshold unknown
seed: random-seed random-state manual-seed rng-seed
device: tpu cuda-device nproc-per-node gpu gpus cuda cpu accelerator devices ngpu gpu-id
    num-gpus use-gpu
cache: cache-dataset cache-images in-memory cache-dir cache-mode
precision: fp32 tf32 bf-16 fp-16 to-fp16 amp-impl model-dtype mixed amp half fp16 bf16
    mixed-precision dtype
    native-amp amp-dtype float16 bfloat16
xla: compile torchcompile torchcompile-mode jit-compile jit
deterministic: use-deterministic-algorithms deterministic-algorithms cudnn-deterministic
    reproducible
checkpoint-minutes: save-steps save-strategy recovery-interval ckpt-freq checkpoint-every
    save-period save-freq
    save-every checkpoint-freq checkpoint-interval checkpoint-hist save-interval save-model
histograms: histogram-freq
model: weights checkpoint ckpt run saved model-path model-dir saved-model load pretrained
top: topk top-k k num-results top5
json: save-json output-json as-json
csv: out save-csv output-csv results-file output results save-txt
draw: out output save save-images output-dir visualize show save-dir annotate
plot: confusion cm confusion-matrix plots save-plot figure
plot-reliability: calibration reliability
report: out output-dir save-dir html save-report output-html
compare: baseline other versus
ignore-unknown: skip-unknown
assert-accuracy: min-accuracy fail-under
format: tflite quantization quantize int8 half fp16 dynamic include type to formats
    target-format
max-drop: tolerance atol
host: bind address
port: p
timeout: timeout-s
private: public visibility
token-file: token hf-token
dry-run: fast-dev-run debug smoke-test dryrun check noop
photos: n count number images num-images
sort: sort-by order order-by
to: output out dir destination
mirror: url
print-config: show-config dump-config
strict: fail-fast
version: v ver
help: usage h
"""
"""An option: what other tools, and people, call it. A name may lead to several options."""

VALUES = """
mixed_float16: fp16 float16 half 16 16-mixed
mixed_bfloat16: bf16 bfloat16 bf16-mixed
float32: fp32 32 full no
local: lrn
batch: bn batchnorm batch_norm
pad: letterbox
squash: stretch fit
nearest: edge
reflect: mirror
constant: zeros black
he: he_normal kaiming
glorot: glorot_uniform xavier
normal: gaussian
plateau: reducelronplateau
constant: fixed
flip: hflip
litert: tflite
savedmodel: tf tensorflow saved_model
web: tfjs
"""
"""A value of an option, and what other tools call it."""
COMMANDS = {
    "train": "fit learn finetune fine-tune resume retrain training run start",
    "evaluate": "eval test validate score judge validation metrics",
    "predict": "infer inference classify detect label test-image prediction run-inference",
    "export": "convert save quantize onnx tflite litert freeze",
    "benchmark": "bench profile speed time",
    "serve": "server api http deploy",
    "runs": "ls history experiments trials leaderboard list-runs results",
    "push": "upload publish share hub",
    "import": "load convert convert-weights from-torch",
    "models": "summary list networks archs model list-models architectures info",
    "prepare": "shard shards pack preprocess webdataset",
    "fetch": "download get pull",
    "sample": "demo example generate toy",
    "doctor": "check clean verify inspect lint dataset data analyze",
    "env": "environment info version versions system collect-env bug-report debug",
}
"""A command, and what other tools call it."""
