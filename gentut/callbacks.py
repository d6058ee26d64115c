"""Keras callbacks: train by the clock, and what a run leaves behind while it trains."""

import time

import keras


class TimeBudget(keras.callbacks.Callback):
    """Stop `fit` after so much training time; schedules follow the share that is used.

    The clock starts after the first call of the step, so that building the graph is not
    counted, and stands still while other callbacks work between epochs.

    Args:
        minutes: training time, > 0.
    """

    def __init__(self, minutes):
        super().__init__()
        if not isinstance(minutes, int | float) or not 0 < minutes < float("inf"):
            raise ValueError(f"`minutes` must be a positive number; received {minutes!r}.")
        self.budget = 60.0 * minutes
        self.seconds, self._since = 0.0, None

    def share(self):
        """Share of the budget that is used, from 0 to 1."""
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        return min(1.0, (self.seconds + running) / self.budget)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch or self.seconds:
            self._since = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if self._since is None:
            self._since = time.perf_counter()
        elif self.share() >= 1:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self._since is not None:
            self.seconds += time.perf_counter() - self._since
            self._since = None
