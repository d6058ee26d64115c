"""Which batch size this machine trains fastest with, found by trying."""

import gc
import time
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from gentut.checks import (
    check_choice,
    check_labels,
    check_pixels,
    check_positive,
    check_seconds,
)
from gentut.models import recipes
from gentut.training.devices import device_count, out_of_memory

GAIN = 0.05  # share of speed that a doubled batch must gain to be worth its memory
MOST = 4096  # images of the largest batch that is tried, unless the caller asks for more


class BatchSize(NamedTuple):
    """What ``find_batch_size`` found: the size, and (size, images per second) of all that it tried.

    ``full``: the smallest size that did not fit into memory, or None if none was met.
    """

    size: int
    tried: list[tuple[int, float]]
    full: int | None = None


class _Pace(keras.callbacks.Callback):
    """Images per second after the first call, which builds the graph; stops after some seconds."""

    def __init__(self, batch_size, seconds):
        super().__init__()
        self.batch_size, self.seconds = batch_size, seconds
        self.since = self.steps = self.rate = 0

    def on_train_batch_end(self, batch, logs=None):
        now, done = time.perf_counter(), self.model.optimizer.iterations
        done = int(keras.ops.convert_to_numpy(done))
        if not self.since:
            self.since, self.steps = now, done
        elif now - self.since >= self.seconds:
            self.rate = self.batch_size * (done - self.steps) / (now - self.since)
            self.model.stop_training = True


def find_batch_size(
    family: str,
    images: np.ndarray,
    labels: np.ndarray | Sequence[str] | None = None,
    *,
    seconds: float = 2.0,
    most: int = MOST,
    start: int | None = None,
) -> BatchSize:
    """Double the batch from the recipe's until memory is full or speed no longer grows.

    A first batch that does not fit is halved until one does.

    More images per second are not more learning: a doubled batch makes half as many steps of the
    same images.  On a GPU that idles at the recipe's size the time is better used with more images
    in a step (and, often, a higher rate); on a CPU the recipe's size is the one to keep.

    Args:
        family: a neural one of ``gentut.models.recipes.FAMILIES``.
        images: float in [0, 1] or bytes, ``(n, height, width, channels)``.
        labels: ints ``(n,)`` for a conditional model, n texts for "text_flow", or None.
        seconds: to measure each size, after its graph is built.
        most: no size above it is tried; at least the first one.
        start: the size that is tried first; default the recipe's.

    Returns: a ``BatchSize``; its size is the smallest within 5 % of the fastest.

    Raises:
        ValueError: images or labels that no model takes, too few images for one batch, a limit
            below the first batch, or a family that is not trained in batches.
        MemoryError: not even the smallest batch fits, one image for each device (and each step of
            the critic).
    """
    check_choice("family", family, recipes.FAMILIES)
    check_positive("most", most)
    check_seconds("seconds", seconds)
    images = check_pixels(images)
    if not recipes.is_iterative(family):
        raise ValueError(f"`family` must be one that is trained in batches; received {family!r}.")
    classes = None
    if labels is not None and not recipes.takes_texts(family):
        labels = check_labels(labels, len(images), np.inf)
        classes = int(labels.max()) + 1
    model = recipes.build(family, images.shape[1:], classes)
    size, least = model.default_batch_size, device_count() * model.parts
    del model
    if start is not None:
        check_positive("start", start)
        size = start
    first = "the recipe's batch" if start is None else "`start`"
    if most < size:
        raise ValueError(f"`most` must be at least {first}, {size}; received {most}.")
    if len(images) < size:
        batch = "of the recipe" if start is None else "of `start`"
        raise ValueError(
            f"`images` must hold at least one batch {batch}, {size}; received {len(images)}."
        )
    size = -(-size // least) * least
    tried, full = [], None
    while size <= min(most, len(images)) or not tried:
        try:
            tried.append((size, _speed(family, images, labels, classes, size, seconds)))
        except Exception as error:  # each backend has its own
            if not out_of_memory(error):
                raise
            full = size
        finally:
            gc.collect()  # a model holds itself in circles, and with it its memory
        if full is None:
            if len(tried) > 1 and tried[-1][1] < (1 + GAIN) * tried[-2][1]:
                break
            size *= 2
        elif tried:
            break
        elif size == least:
            step = f"{size} image{'s' * (size > 1)} of {family!r}"
            raise MemoryError(f"not even a step of {step} fits into memory")
        else:
            size = max(1, size // 2 // least) * least
    fastest = max(speed for _, speed in tried)
    best = next(size for size, speed in tried if speed >= (1 - GAIN) * fastest)
    return BatchSize(best, tried, full)


def _speed(family, images, labels, classes, size, seconds):
    model = recipes.build(family, images.shape[1:], classes)
    pace = _Pace(size, seconds)
    # In the middle of a long training, where a model of several stages is in its last.
    middle, epochs = 10**6 // 2, 10**6
    model.fit(
        images,
        labels,
        epochs=epochs,
        initial_epoch=middle,
        batch_size=size,
        callbacks=[pace],
        seed=0,
        verbose=0,
    )
    return pace.rate
