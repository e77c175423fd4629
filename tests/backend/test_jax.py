"""A training step gives the same losses under Keras' JAX backend as under TensorFlow."""

import json

import numpy as np
import pytest
from helpers import python

STEPS = """
import json, sys
import numpy as np
import keras
from alexnet_cli.dataset.augmentation.layer import AugmentAndStandardize
from alexnet_cli.dataset.augmentation.parameters import WIDTH
from alexnet_cli.dataset.augmentation.sampling import sample_parameters
from alexnet_cli.model.model import build_model
from alexnet_cli.trainer.optimizers import build_optimizer
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe
def losses_of(fields, weights):
    recipe = Recipe(arch="tiny", size=40, dropout=0.0, learning_rate=0.05, **fields)
    preprocess = preprocess_of(recipe)
    network = build_model(recipe.network.architecture(), 3)
    if keras.backend.backend() == "tensorflow":
        network.save_weights(weights)
    else:
        assert "tensorflow" not in sys.modules
        network.load_weights(weights)
    pixels = keras.Input((40, 40, 3), dtype="uint8")
    packed = keras.Input((WIDTH,))
    layer = AugmentAndStandardize(recipe.augmentation, preprocess)
    model = keras.Model([pixels, packed], network(layer([pixels, packed])))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    model.compile(build_optimizer(recipe.optimization, recipe.lr_schedule.learning_rate), loss, jit_compile=False)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (12, 5, 5, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    labels = np.eye(3, dtype="float32")[np.arange(12) % 3]
    losses = []
    for _ in range(6):
        drawn = sample_parameters(recipe.augmentation, preprocess, 12, rng).pack()
        losses.append(float(model.train_on_batch([images, drawn], labels)))
    losses.append(float(model.evaluate([images, drawn], labels, verbose=0)))
    return losses

print(json.dumps({k: losses_of(v, f"{sys.argv[1]}/{k}.weights.h5") for k, v in json.loads(sys.argv[2]).items()}))
"""
AUGMENTATIONS = {
    "boxes": {},
    "warp": {"crop_area": 0.0, "rotation": 20.0, "shear": 5.0, "zoom": 0.1, "hue": 0.1},
}


@pytest.mark.slow
def test_losses_are_tensorflows(tmp_path):
    pytest.importorskip("jax", reason="extra `jax` is not installed")
    found = {}
    for backend in ("tensorflow", "jax"):
        done = python(STEPS, tmp_path, json.dumps(AUGMENTATIONS), KERAS_BACKEND=backend)
        assert done.returncode == 0, done.stderr[-2000:]
        found[backend] = json.loads(done.stdout.splitlines()[-1])
    for name in AUGMENTATIONS:
        losses = found["jax"][name]
        assert losses[5] < losses[0]
        np.testing.assert_allclose(losses, found["tensorflow"][name], rtol=2e-3)
