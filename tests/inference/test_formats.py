"""What an exported file cannot compute is one line that says what to do."""

from pathlib import Path

import numpy as np
import pytest

from alexnet_cli.backend.startup import start_tensorflow
from alexnet_cli.errors import RunError
from alexnet_cli.inference.formats import _computing, _tensorflow_failures


def test_what_fails_only_when_it_is_computed_is_one_line():
    start_tensorflow()
    import tensorflow as tf

    network = _computing(
        Path("a.keras"), _tensorflow_failures(), lambda pixels: tf.reshape(pixels, [7])
    )
    with pytest.raises(RunError, match=r"a\.keras cannot be computed: .*export") as caught:
        network(np.zeros((1, 2, 2, 3), np.uint8))
    assert str(caught.value).isprintable()
