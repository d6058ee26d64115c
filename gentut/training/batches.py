"""The order in which a training sees its images, also when it goes on in the middle of an epoch."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from gentut.training.callbacks import TimeBudget
from gentut.training.devices import BACKEND
from gentut.training.slices import Reading

if BACKEND == "tensorflow":
    import tensorflow as tf


class Batches(keras.utils.PyDataset):
    """Shuffled batches of arrays, each with the share of the training that is done.

    The order is a function of ``seed`` and the epoch alone, the same on every backend.  The
    rest of an epoch that fills no batch is dropped: shapes stay fixed, nothing is retraced,
    and the next epoch's shuffle leaves out other images.

    Args:
        images, labels: arrays of the same length; labels may be None.  Images come out as they are,
            so that bytes go to the device as bytes; of a memory map, only their rows are read.
        batch_size: images per step.
        epochs: of the whole training, by which progress is counted.
        seed: of the order.
        epoch: with which to begin.
        clock: None, or an object whose ``share()`` gives the progress by the clock.
        skip: steps to leave out at the start of an epoch, when training goes on in its middle.
        place: where in a batch the images of this process stand; None for all of them.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None,
        batch_size: int,
        epochs: int,
        seed: int,
        epoch: int = 0,
        clock: TimeBudget | None = None,
        skip: int = 0,
        place: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.epochs, self.seed, self.epoch, self.clock = epochs, seed, epoch, clock
        self.skip, self.steps = skip, len(images) // batch_size
        self.place = slice(None) if place is None else place
        self._reading = Reading(images)
        self._shuffle()

    def _shuffle(self):
        rng = np.random.default_rng([self.seed, self.epoch])
        self.order = rng.permutation(len(self.images))

    def __len__(self) -> int:
        return self.steps - self.skip

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        index += self.skip
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size][self.place]
        progress = self.progress(index)
        images = np.asarray(self.images[rows])  # of a memory map, rows are a plain array
        self._reading(len(rows))
        batch = {"images": images, "progress": np.full(len(rows), progress, "float32")}
        if self.labels is not None:
            batch["labels"] = self.labels[rows]
        return batch

    def progress(self, step: int) -> float:
        """Return the share of the training that is done before a step of this epoch."""
        if self.clock is not None:
            return self.clock.share()
        return (self.epoch + step / self.steps) / self.epochs

    def begin(self, epoch: int) -> None:
        """Go to an epoch.

        Not ``on_epoch_end``, which Keras also calls once before the first epoch: the last epoch
        would then be trained at the rate of the end, and a single one as a whole.
        """
        self.epoch = epoch
        self._shuffle()


def feed(batches: keras.utils.PyDataset) -> Any:
    """Return what Keras is given to read a ``keras.utils.PyDataset`` of arrays from.

    With TensorFlow, Keras would tune the read-ahead in a thread of its own for each iterator.
    When Ctrl-C or an error leaves an iterator behind, TensorFlow waits for that thread as it
    clears up, and can wait for ever (seen with 2.21).  Two batches ahead need no tuning.
    """
    if BACKEND != "tensorflow":
        return batches
    signature = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batches[0]
    )
    data = tf.data.Dataset.from_generator(
        lambda: (batches[i] for i in range(len(batches))), output_signature=signature
    )
    data = data.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(2)
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.with_options(options)


class ResumedEpochCallbacks(keras.callbacks.CallbackList):
    """Callbacks that are told the right steps, also of a training that goes on.

    Keras counts a call that holds several steps beyond the end of the epoch, and runs two trainings
    where an epoch is taken up in its middle: the rest of that epoch, then the others.

    Args:
        callbacks: Keras callbacks.
        skip: steps of the first epoch that were made before.
        steps: of a whole epoch.
        **options: passed to ``keras.callbacks.CallbackList``.
    """

    def __init__(
        self, callbacks: Sequence[keras.callbacks.Callback], skip: int, steps: int, **options: Any
    ) -> None:
        super().__init__(callbacks, add_history=True, steps=steps, **options)
        self.skip, self.steps, self.begun, self.last = skip, steps, False, True

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not self.begun:
            self.begun = True
            super().on_train_begin(logs)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        super().on_train_batch_begin(batch + self.skip, logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        super().on_train_batch_end(min(batch + self.skip, self.steps - 1), logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.last:
            super().on_train_end(logs)
