"""The page of a run answers in a browser as `alexnet predict` does with the page's folder."""

import json

import numpy as np
import pytest
from chromium import Browser, chromium, in_page
from helpers import alexnet

from alexnet_cli.inference.classifier import Classifier

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not chromium(), reason="there is no chromium"),
]


def test_fifty_photographs_have_the_same_class(exported, shared):
    files = sorted((shared / "flower_photos").glob("*/*"))[::65][:50]
    result = alexnet("predict", "--model", exported / "web", "--json", *files)
    assert result.exit_code == 0, result.output
    own = [json.loads(x) for x in result.stdout.splitlines()]
    assert len(own) == 50
    with Browser() as browser:
        browser.open((exported / "web" / "index.html").as_uri())
        for file, expected in zip(files, own, strict=True):
            classify = f"alexnet.classify({in_page(file.read_bytes())})"
            found = json.loads(
                browser.evaluate(f"{classify}.then((x) => JSON.stringify(x))")
            )
            page = {x["label"]: x["probability"] for x in found["classes"]}
            ours = {x["label"]: x["probability"] for x in expected["classes"]}
            difference = max(abs(page[x] - ours[x]) for x in ours)
            # Photos are much larger than 36 pixels: Pillow reduces them as it decodes.
            assert difference < 0.15, file
            best = sorted(ours.values())[-2:]
            if np.diff(best)[0] > 0.3:
                assert found["label"] == expected["answer"], file


def test_a_page_resizes_as_the_run_does(two_scales, toy):
    files = sorted(toy.glob("*/0[0-3]*.png"))
    assert files
    ours = [x.probabilities for x in Classifier(two_scales / "saved")(files)]
    with Browser() as browser:
        browser.open((two_scales / "exported" / "web" / "index.html").as_uri())
        for file, expected in zip(files, ours, strict=True):
            classify = f"alexnet.classify({in_page(file.read_bytes())})"
            found = json.loads(
                browser.evaluate(f"{classify}.then((x) => JSON.stringify(x))")
            )
            page = {x["label"]: x["probability"] for x in found["classes"]}
            by_class = [page[x] for x in ("blue", "green", "red")]
            np.testing.assert_allclose(by_class, expected, atol=0.02)
