"""What other tools, and people, call our options: a table of synonyms, and of advice."""

OPTIONS = """
val: validation-data val-dir validation-dir
test: test-dir test-data
data: base-directory images-directory img-root dataset data-dir data-path data-root
    dataset-path train-dir train-data root source input input-dir images image-dir img-dir
    folder path directory test-dir test-data val-dir
out: outdir output-directory output output-dir output-folder out-dir save save-dir save-path
    save-to name project experiment workdir work-dir model-dir logdir log-dir checkpoint-dir
    checkpoint-path export-dir destination target
overwrite: force exist-ok yes
resume: start-epoch initial-epoch no-resume-opt resume-from continue restart reload
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
against: holdout test-set
arch: modelname model network net backbone architecture model-name
norm: batchnorm batch-norm bn lrn normalization norm-layer
dropout: drop drop-rate dropout-rate
hidden: units dense-units hidden-size hidden-units fc fc-size
initializer: init kernel-initializer weight-init init-type
weights: pretrained pre-trained pretrained-path initial-checkpoint init-weights checkpoint
    ckpt finetune transfer load load-weights model-path
freeze: freeze-layers freeze-conv freeze-backbone freeze-base trainable
unfreeze-after: unfreeze unfreeze-epoch freeze-epochs
resize: keep-aspect-ratio crop-to-aspect-ratio pad-to-aspect-ratio stretch rect letterbox
    resize-mode fit keep-aspect aspect crop-mode
size: input-shape val-resize-size val-crop-size train-crop-size imgsz img-size image-size
    img input-size resolution target-size resize-size img-height img-width
mean: mean-rgb featurewise-center img-mean image-mean normalize rescale
std: std-rgb featurewise-std-normalization img-std image-std stddev
max-megapixels: max-pixels max-image-pixels
val-fraction: split-ratios use-validation train-split val-split validation-split
    validation-fraction val-ratio val-size split valid-pct val-percent
test-fraction: test-split test-ratio test-size
folds: kfold k-fold cv n-folds n-splits cross-validation num-folds
fraction: train-num-samples subset limit train-fraction sample-fraction
hflip: do-flip h-flip random-horizontal-flip horizontal-flip fliplr flip random-flip mirror
    no-flip
vflip: flip-vert v-flip random-vertical-flip vertical-flip flipud
rotation: max-rotate rotation-range degrees rotate random-rotation angle
width-shift: width-shift-range translate shift
height-shift: height-shift-range translate shift
shear: shear-range
zoom: max-zoom min-zoom scale multi-scale zoom-range random-zoom
fill-mode: pad-mode fillmode padding-mode
brightness: max-lighting brightness-range color-jitter hsv-v jitter
saturation: pixel-saturation hsv-s color-jitter
hue: hsv-h
random-crop: crop crop-pct
crop-area: min-scale crop-fraction train-crop-mode scale ratio random-resized-crop rrc
    min-crop
pca-lighting: pca lighting color-pca fancy-pca
erasing: remode recount resplit reprob random-erase random-erasing cutout erase
mixup: mixup-prob mixup-mode mixup-switch-prob mixup-off-epoch mixup-alpha mix-up
cutmix: cutmix-prob cutmix-minmax mixup-switch-prob cutmix-alpha cut-mix
randaugment: ra-magnitude ra-reps ra-sampler augmix-severity aa auto-augment autoaugment
    augment aug augmentation augmentations rand-augment randaug trivial-augment
start-size: progressive progressive-resizing
optimizer: opt-func opt optim solver
momentum: moms
weight-decay: kernel-regularizer wd decay l2 l2-reg regularization weight-decay-rate
clip-norm: global-clipnorm clip-grad-norm gradient-clip-val clip-grad clip clipnorm
    gradient-clip grad-clip max-grad-norm gradient-clipping
label-smoothing: smoothing label-smooth ls
class-weights: sample-weight loss-weights weighted-sampler sampler oversample undersample
    cls-pw use-class-weights class-weight balanced balance weighted weighted-loss pos-weight
batch-size: batch bs batchsize train-batch-size batch-per-gpu
ema: use-ema ema-momentum model-ema-steps model-ema-warmup model-ema-force-cpu model-ema
    ema-decay model-ema-decay swa averaging
learning-rate: lr-max max-lr lr-base-size lr lr0 base-lr lr-base initial-lr init-lr
    learningrate eta rate
schedule: lr-schedule-mode lr-decay-schedule fit-one-cycle one-cycle scheduler sched
    lr-scheduler lr-schedule lr-policy cos-lr cosine
warmup-epochs: pct-start warmup-prefix warmup-momentum warmup-bias-lr lr-warmup-method
    lr-warmup-decay warmup warm-up warmup-steps warmup-lr lr-warmup-epochs
step-epochs: decay-milestones lr-step-schedule step-size lr-step-size decay-epochs
    milestones decay-steps lr-step
plateau-epochs: lr-plateau-patience reduce-lr reduce-lr-on-plateau lr-patience
    patience-epochs plateau
divide-by: lr-step-decay lr-plateau-factor gamma lr-gamma decay-rate lr-decay factor lrf
epochs: n-epoch epoch-repeats epoch num-epochs n-epochs nb-epoch max-epochs nepochs
    iterations steps max-steps num-steps steps-per-epoch total-epochs
max-minutes: time max-time time-limit budget minutes max-hours timeout
metrics: weighted-metrics metric eval-metric
watch: monitor best-metric save-best
patience: early-stopping use-early-stopping early-stop earlystopping early-stopping-patience
    es-patience
stop-at: target-accuracy goal
tta: test-time-augmentation augment-test ten-crop
reject: threshold conf confidence min-confidence conf-thres score-threshold unknown
seed: random-seed random-state manual-seed rng-seed
device: gpu gpus cuda cpu accelerator devices ngpu gpu-id num-gpus use-gpu
cache: cache-dataset cache-images in-memory cache-dir cache-mode
precision: to-fp16 amp-impl model-dtype mixed amp half fp16 bf16 mixed-precision dtype
    native-amp amp-dtype float16 bfloat16
deterministic: use-deterministic-algorithms deterministic-algorithms cudnn-deterministic
    reproducible
checkpoint-minutes: recovery-interval ckpt-freq checkpoint-every save-period save-freq
    save-every checkpoint-freq checkpoint-interval checkpoint-hist save-interval save-model
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
format: quantize int8 half fp16 dynamic include type to formats target-format
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

ADVICE = """
all cores are used as they are
    workers num-workers jobs threads num-threads nproc n-jobs cpus j use-multiprocessing
    max-queue-size prefetch pin-mem pin-memory no-prefetcher persistent-workers
    worker-seeding use-multi-epochs-loader
TensorBoard's files are always written, to logs/ in the run; see --histograms
    tensorboard tb use-tensorboard tensorboard-dir write-graph write-images update-freq
    profile-batch profile embeddings-freq
curves are always drawn, to plots/ in the run
    plots plot-curves curves save-plots
training images as the network gets them are drawn to plots/augmented.png
    save-to-dir save-prefix save-format save-images
every epoch is printed, and written to history.csv
    log-interval print-freq log-every log-freq
the best epoch's weights are kept; --watch says by which metric
    save-best-only save-weights-only restore-best-weights filepath
any improvement of --watch counts, from the first epoch on
    min-delta baseline start-from-epoch lr-plateau-min-delta
every validation image is used, after every epoch
    validation-steps validation-freq val-freq val-interval eval-interval val-num-samples
    validation-batch-size val-batch-size noval no-val
`alexnet evaluate` does that
    test-only eval-only evaluate-only use-test
`alexnet predict` does that
    predict embed save-json save-txt save-conf save-crop save-frames show-labels show-conf
    show visualize stream-buffer vid-stride line-width
`alexnet export` does that
    export format quantize int8 onnx tflite dynamic simplify opset workspace
`alexnet fetch` does that
    download dataset-download
`alexnet --version` does that
    version ver
the command says it, as in `alexnet train`
    mode task
an image's class is the name of its folder; see --data
    class-mode label-mode label-func get-y x y input-key target-key
classes are counted from their folders; --classes chooses some
    num-classes nc n-classes nb-classes
the split is by class, and keeps copies of an image together
    stratify stratified
images are classified as a whole; there are no boxes and no masks
    iou max-det nms agnostic-nms retina-masks overlap-mask mask-ratio single-cls mosaic
    close-mosaic copy-paste copy-paste-mode box dfl pose kobj tracker
the loss is cross-entropy; see --label-smoothing and --class-weights
    loss criterion loss-function loss-func objective bce-loss bce-sum bce-target-thresh
    bce-pos-weight jsd-loss focal-loss from-logits auto-scale-loss
images are always shuffled
    shuffle no-shuffle
there is no such output to choose: results are on stdout, the rest on stderr
    verbose quiet silent log-level
training is on one machine; --device takes several GPUs
    distributed world-size nodes dist-url multi-gpu strategy local-rank no-ddp-bb
    synchronize-step backend rank master-port
images are in color, always RGB
    color-mode grayscale channels in-channels in-chans rgb bgr num-channels input-img-mode
arrays are always channels-last
    data-format channels-last memory-format
links are always followed
    follow-links
images are scaled bilinearly, with antialiasing; --resize says how to a square
    interpolation interpolation-order train-interpolation antialias
--resize, --size, --mean and --std prepare images, other options change them
    preprocessing-function preprocess preprocessing transform transforms item-tfms
    batch-tfms
there is no such change of images; Augmentation in --help has those that there are
    zca-whitening zca-epsilon perspective max-warp blur gaussian-blur-prob grayscale-prob
    color-jitter-prob pixel-noise p-affine p-lighting aug-repeats aug-splits
each change is turned off by itself: --no-hflip --crop-area 0 --brightness 0 ...
    no-aug no-augmentation no-augment
the network is a table; see `alexnet models`
    activation pooling include-top input-tensor model-kwargs gp head-init-scale
    head-init-bias use-bias padding strides kernel-size filters
the table of the network says how BatchNorm works; see --norm
    bn-momentum bn-eps sync-bn dist-bn split-bn train-bn
dropout is in the hidden dense layers; see --dropout
    drop-connect drop-path drop-block stochastic-depth
only --momentum and --weight-decay can be set, the rest is as in Keras
    beta-1 beta1 beta-2 beta2 betas opt-betas opt-eps epsilon eps amsgrad rho opt-kwargs
    dampening
weight decay is of kernels, not of biases or norms; see --weight-decay
    norm-weight-decay bias-weight-decay no-weight-decay wd-bn-bias
gradients are clipped by their norm over all layers; see --clip-norm
    clipvalue clip-value clip-mode
a step is one batch; see --batch-size
    grad-accum-steps gradient-accumulation-steps accumulate accum-iter nbs
a network that needs less memory: smaller --batch-size, --hidden or --arch
    grad-checkpointing gradient-checkpointing
--schedule has no lower bound, no cycles and no noise
    min-lr lr-min eta-min lr-plateau-min-lr lr-noise lr-noise-pct lr-noise-std lr-cycle-mul
    lr-cycle-decay lr-cycle-limit lr-k-decay cooldown cooldown-epochs lr-plateau-cooldown
    sched-on-updates staircase restarts
nothing is searched for; docs/recipes.md has what was tried
    lr-find lr-finder tune tuner trials hyperopt n-trials
TensorFlow's XLA is slower here
    compile torchcompile torchcompile-mode torchscript xla jit-compile fuser fast-norm
training steps are always compiled
    run-eagerly steps-per-execution
Keras callbacks can be given in Python: docs/python-api.md
    callbacks cbs callback
nothing is sent anywhere
    wandb mlflow log-wandb wandb-project wandb-tags comet clearml
"""
"""What to know instead of an option; indented, the names that people look for it under."""
