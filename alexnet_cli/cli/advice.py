"""What to know where another tool has an option and this one has none."""

ADVICE = """
all cores are used as they are
    dataloader-num-workers intra-op inter-op num-worker
    workers num-workers jobs threads num-threads nproc n-jobs cpus j use-multiprocessing
    max-queue-size prefetch pin-mem pin-memory no-prefetcher persistent-workers
    worker-seeding use-multi-epochs-loader
TensorBoard's files are always written, to logs/ in the run; see --histograms
    report-to logging-dir summaries-dir logger
    tensorboard tb use-tensorboard tensorboard-dir write-graph write-images update-freq
    profile-batch profile embeddings-freq
curves are always drawn, to plots/ in the run
    plots plot-curves curves save-plots
training images as the network gets them are drawn to plots/augmented.png
    save-to-dir save-prefix save-format save-images
every epoch is printed, and written to history.csv
    logging-steps csv-logger log log-file logfile
    log-interval print-freq log-every log-freq
the best epoch's weights are kept; --watch says by which metric
    load-best-model-at-end save-total-limit save-top-k keep-last save-last nosave
    save-best-only save-weights-only restore-best-weights filepath
any improvement of --watch counts, from the first epoch on
    min-delta baseline start-from-epoch lr-plateau-min-delta
every validation image is used, after every epoch
    eval-strategy evaluation-strategy eval-steps max-eval-samples limit-val-batches
    check-val-every-n-epoch no-validate per-device-eval-batch-size eval-batch-size
    validation-steps validation-freq val-freq val-interval eval-interval val-num-samples
    validation-batch-size val-batch-size noval no-val
`alexnet evaluate` does that
    do-eval confusion-matrix roc precision-recall report print-misclassified-test-images
    test-only eval-only evaluate-only use-test
`alexnet predict` does that
    do-predict
    predict embed save-json save-txt save-conf save-crop save-frames show-labels show-conf
    show visualize stream-buffer vid-stride line-width
`alexnet export` does that
    tflite-output-file labels-output-file openvino litert coreml
    export format quantize int8 onnx tflite dynamic simplify opset workspace
`alexnet fetch` does that
    download dataset-download
`alexnet --version` does that
    version ver
the command says it, as in `alexnet train`
    do-train
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
    q v debug-level progress no-progress enable-progress-bar progress-bar
    verbose quiet silent log-level
training is on one machine; --device takes several GPUs
    launcher
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
    gaussian-blur noise augmix augment-level
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
    adam-beta1 adam-beta2 adam-epsilon
    beta-1 beta1 beta-2 beta2 betas opt-betas opt-eps epsilon eps amsgrad rho opt-kwargs
    dampening
weight decay is of kernels, not of biases or norms; see --weight-decay
    norm-weight-decay bias-weight-decay no-weight-decay wd-bn-bias
gradients are clipped by their norm over all layers; see --clip-norm
    clipvalue clip-value clip-mode
a step is one batch; see --batch-size
    accumulate-grad-batches auto-scale-lr
    grad-accum-steps gradient-accumulation-steps accumulate accum-iter nbs
a network that needs less memory: smaller --batch-size, --hidden or --arch
    grad-checkpointing gradient-checkpointing
--schedule has no lower bound, no cycles and no noise
    min-lr lr-min eta-min lr-plateau-min-lr lr-noise lr-noise-pct lr-noise-std lr-cycle-mul
    lr-cycle-decay lr-cycle-limit lr-k-decay cooldown cooldown-epochs lr-plateau-cooldown
    sched-on-updates staircase restarts
nothing is searched for; docs/recipes.md has what was tried
    auto-lr-find evolve
    lr-find lr-finder tune tuner trials hyperopt n-trials
operations are TensorFlow's; see --xla
    torchscript fuser fast-norm
training steps are always compiled
    run-eagerly steps-per-execution
Keras callbacks can be given in Python: docs/python-api.md
    callbacks cbs callback
`alexnet push` does that
    push-to-hub hub-model-id hub-token upload
weights are random unless --weights is given
    no-pretrained scratch from-scratch
what cannot be read is left out, and listed; see --strict
    skip-corrupt skip-errors ignore-errors on-error
an image has one class, that of its folder
    multi-label multilabel regression binary
columns of a manifest are found by their usual names; see docs/data.md
    image-column-name label-column-name image-column label-column
NO_COLOR=1 in the environment does that
    no-color no-colors color
nothing is sent anywhere
    wandb mlflow log-wandb wandb-project wandb-tags comet clearml
"""
"""What to know instead of an option; indented, the names that people look for it under."""
