"""What a model answers in a process of its own is what it answers here."""

import numpy as np
import pytest

from alexnet_cli.errors import ExportError
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.measure import measure

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["model", "keras", "saved_model"])
def test_answers_are_the_classifiers(trained, toy, tmp_path, kind):
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    files = [*sorted(toy.glob("*/0[0-3]*")), tmp_path / "broken.jpg"]
    found = measure(trained, kind, files)
    expected = [x.probabilities for x in Classifier(trained)(files)]
    np.testing.assert_allclose(found.probabilities[:-1], np.stack(expected[:-1]), atol=1e-5)
    assert np.isnan(found.probabilities[-1]).all()
    assert found.start > 0.05 and 0 < found.latency < 5 and found.throughput > 1


def test_a_process_that_fails_is_one_line(run_copy, toy):
    (run_copy / "model.tflite").write_bytes(b"nothing")
    with pytest.raises(ExportError) as caught:
        measure(run_copy, "model", sorted(toy.glob("*/00*")))
    assert str(caught.value).startswith(f"{run_copy} cannot be read again: ")
    assert "\n" not in str(caught.value) and "damaged" in str(caught.value)
