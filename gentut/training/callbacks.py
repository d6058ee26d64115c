"""Keras callbacks: train by the clock, and what a run leaves behind while it trains."""

import math
import time

import keras
from tqdm import tqdm


class TimeBudget(keras.callbacks.Callback):
    """Stop ``fit`` after so much training time; schedules follow the share that is used.

    The clock starts after the first call of the step, so that building the graph is not
    counted, and stands still while other callbacks work between epochs.

    Args:
        minutes: training time, > 0.
    """

    @staticmethod
    def now() -> float:
        """Return seconds of the clock; a subclass may count the processor's time instead."""
        return time.perf_counter()

    def __init__(self, minutes: float) -> None:
        super().__init__()
        if not isinstance(minutes, int | float) or not 0 < minutes < float("inf"):
            raise ValueError(f"`minutes` must be a positive number; received {minutes!r}.")
        self.budget = 60.0 * minutes
        self.seconds, self._since, self._ready = 0.0, None, False

    def share(self) -> float:
        """Return the share of the budget that is used, from 0 to 1."""
        running = 0.0 if self._since is None else self.now() - self._since
        return min(1.0, (self.seconds + running) / self.budget)

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._ready = False  # also when training goes on: the graph is built anew

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._ready:
            self._since = self.now()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._since is None:
            self._since, self._ready = self.now(), True
        elif self.share() >= 1:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.pause()

    def pause(self) -> None:
        """Let the clock stand still; it goes on after the next call of the step."""
        if self._since is not None:
            self.seconds += self.now() - self._since
            self._since = None


class TrainingDiverged(RuntimeError):
    """A loss became NaN or infinite."""


class StopOnNaN(keras.callbacks.Callback):
    """End the training with advice as soon as a logged loss is not a finite number."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            if not math.isfinite(float(value)):
                raise TrainingDiverged(
                    f"`{name}` must stay finite; received {float(value)} at batch {batch}. Try a"
                    " smaller learning rate, a stronger penalty, or check the images for outliers."
                )


class Progress(keras.callbacks.Callback):
    """One line on the terminal: share done, images per second, time left, losses.

    Args:
        clock: the ``TimeBudget`` of the run, or None when it is counted in epochs.
        batch_size: images per step, which Keras does not tell callbacks.
    """

    def __init__(self, clock: TimeBudget | None = None, batch_size: int = 1) -> None:
        super().__init__()
        self.clock, self.batch_size, self.bar = clock, batch_size, None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.bar = tqdm(
            total=1.0,
            bar_format="{percentage:3.0f}% |{bar:20}| {elapsed}<{remaining}{postfix}",
            dynamic_ncols=True,
        )
        self.since, self.epoch, self.first = None, 0, 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now, length = time.perf_counter(), self.params["steps"]
        step = self.epoch * length + batch + 1
        if self.since is None:  # the first call builds the graph
            self.since, self.first = now, step
            return
        share = self.clock.share() if self.clock else step / (length * self.params["epochs"])
        self.bar.update(max(0.0, share - self.bar.n))
        rate = (step - self.first) * self.batch_size / max(now - self.since, 1e-9)
        losses = ", ".join(f"{k} {float(v):.3g}" for k, v in (logs or {}).items())
        self.bar.set_postfix_str(f"{rate:,.0f} images/s, {losses}", refresh=False)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.bar is not None:
            self.bar.close()
