"""All threads together never hold more than the budget, and every one is served."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import encoded, photo
from PIL.PngImagePlugin import PngImageFile

from alexnet_cli.dataset import images
from alexnet_cli.dataset.decoding import decode_samples
from alexnet_cli.dataset.formats.memory_budget import MemoryBudget
from alexnet_cli.dataset.parallel import parallel_map
from alexnet_cli.errors import ImageError


def test_the_sum_stays_below_the_budget():
    budget = MemoryBudget(100)
    lock, held, seen = threading.Lock(), [], []

    def work(size):
        with budget.reserve(size):
            with lock:
                held.append(size)
                seen.append((sum(held), len(held)))
            time.sleep(0.002)
            with lock:
                held.remove(size)
        return size

    sizes = [30, 60, 10, 250, 100, 1] * 10
    assert list(parallel_map(work, sizes, workers=8)) == sizes
    assert all(total <= 100 or count == 1 for total, count in seen)
    # One larger than all was served too, and some were served at one time.
    assert max(seen)[0] == 250 and max(count for _, count in seen) > 1
    assert budget.used == 0


def test_small_ones_do_not_overtake_a_large_one():
    budget, order = MemoryBudget(10), []

    def work(size):
        with budget.reserve(size):
            order.append(size)

    with ThreadPoolExecutor(3) as pool, budget.reserve(5):
        pool.submit(work, 10)
        while not budget._turn.locked():
            time.sleep(0.001)
        pool.submit(work, 1)
        time.sleep(0.01)
        assert order == []
    assert order == [10, 1]


def test_an_error_gives_back_what_was_reserved():
    budget = MemoryBudget(10)
    with pytest.raises(KeyError), budget.reserve(10):
        raise KeyError
    assert budget.used == 0


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "JPEG2000"])
def test_images_are_decoded_and_squared_within_the_budget(monkeypatch, form):
    """Of images that fill more than half of it each, one at a time."""
    data = encoded(photo((300, 200)), form)
    with images.opened_image(data):
        most = images.MEMORY.used
    assert 300 * 200 * 3 < most < 300 * 200 * 40 and images.MEMORY.used == 0
    budget = MemoryBudget(most * 3 // 2)
    monkeypatch.setattr(images, "MEMORY", budget)
    seen, square = [], images.square

    def watched(*args):
        seen.append(budget.used)
        time.sleep(0.005)
        return square(*args)

    monkeypatch.setattr(images, "square", watched)
    preprocess = images.Preprocess("crop", 48, 40, (0, 0, 0), (1, 1, 1))
    jobs = parallel_map(lambda x: images.load(x, preprocess), [data] * 8, workers=4)
    assert len(list(jobs)) == 8
    reduced = form == "JPEG"
    assert (set(seen) == {most}) or (reduced and max(seen) <= budget.total)


def test_a_lack_of_memory_is_an_error_of_that_image_alone(monkeypatch):
    small, large = encoded(photo((50, 40))), encoded(photo((90, 80)))
    load = PngImageFile.load

    def fail(image):
        if image.size == (90, 80):
            raise MemoryError
        return load(image)

    monkeypatch.setattr(PngImageFile, "load", fail)
    first, second, third = decode_samples([small, large, small], lambda x: x)
    assert isinstance(second, ImageError)
    assert str(second) == "needs more memory than there is"
    assert first.size == third.size == (50, 40)


def test_a_lack_of_memory_for_what_follows_is_an_error_too(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(images, "square", fail)
    preprocess = images.Preprocess("crop", 48, 40, (0, 0, 0), (1, 1, 1))
    with pytest.raises(ImageError, match="^needs more memory than there is$"):
        images.load(encoded(photo()), preprocess)
    assert images.MEMORY.used == 0
