"""What training leaves behind as it goes, and the page that shows it."""

import io
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from gentut import data as image_data
from gentut import plots
from gentut.files import write_atomically
from gentut.report.run import run_report
from gentut.report.texts import counted, words_of
from gentut.runs import checkpoint
from gentut.runs.config import Config
from gentut.runs.folder import RunFolder
from gentut.runs.guard import CtrlC
from gentut.training.callbacks import TimeBudget
from gentut.training.devices import fetch_state, process
from gentut.training.step import StepModel

RECORDING_SHARE = 0.2  # of the time, for pictures and models, however short the epochs are
CHECKPOINT_SHARE = 0.02  # of the time, for checkpoints
MIDWAY = 60.0  # seconds; a longer epoch has checkpoints inside it


def grid(num_classes: int | None = None) -> tuple[list[int | None], int]:
    """Labels (None if there are no classes) and number of columns of 40 samples or so.

    Classes stand in columns: the first ten, or as many whole sets of them as fit into ten.
    """
    if num_classes is None:
        return [None] * 40, 10
    columns = num_classes * (10 // num_classes) if num_classes <= 10 else 10
    return [i % num_classes for i in range(columns)] * 4, columns


def draw(model: StepModel) -> tuple[np.ndarray, int]:
    """Samples of a model for a grid, always of the same latents, and the number of columns."""
    labels, columns = grid(model.num_classes)
    drawn = None if model.num_classes is None else np.array(labels)
    return model.sample(len(labels), labels=drawn, seed=0), columns


class Recorder(keras.callbacks.Callback):
    """After the epochs: a checkpoint, a line of history, the model, a grid of fixed latents.

    Every epoch has its line.  Checkpoints follow the epochs, and the minutes inside long ones, but
    wait until they take no more than ``CHECKPOINT_SHARE`` of the time; the other files likewise,
    of ``RECORDING_SHARE``.  The first and the last epoch always have all of them.

    Args:
        run: the ``RunFolder``.
        config: its ``Config``, whose seconds are kept up to date.
        position: the ``Position`` where the training goes on, whose rows grow.
        clock: the ``TimeBudget``, or None.
        ctrl_c: an object whose ``pressed`` says that the training shall end at the next step.
        means: values of the running means of an epoch that goes on in its middle.
    """

    def __init__(
        self,
        run: RunFolder,
        config: Config,
        position: checkpoint.Position,
        clock: TimeBudget | None = None,
        ctrl_c: CtrlC | None = None,
        means: Sequence = (),
    ) -> None:
        super().__init__()
        self.run, self.config, self.clock, self.ctrl_c = run, config, clock, ctrl_c
        self.rows, self.means = position.rows, means
        self.recorded = self.marked = len(self.rows)
        self.stepped = False  # whether a step was made
        self.recording, self.marking = Pace(RECORDING_SHARE), Pace(CHECKPOINT_SHARE)
        self.began, self.before = None, config.seconds

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.began, self.before = time.perf_counter(), self.config.seconds
        if len(self.means):
            for variable, value in zip(self.model.metrics_variables, self.means, strict=True):
                variable.assign(value)  # Keras has just set them to zero
            self.means = ()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.stepped = True
        step = batch + 1
        if step >= self.params["steps"]:  # the epoch is whole: `on_epoch_end` sees to it
            return
        stop = self._pressed()
        if stop or self.marking.due(MIDWAY):
            self.note_time()
            self.mark(step)
        if stop:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.note_time()
        self.began = None
        losses = {name: float(value) for name, value in (logs or {}).items()}
        row = {"epoch": epoch + 1, "seconds": round(self.config.seconds, 2)}
        self.rows.append(row | losses)
        # In this order, so that what a checkpoint has behind it has its grid.
        if self.recording.due():
            checkpoint.require_finite(self.model)
            self.record(self.model)
        if self.marking.due():
            self.mark()
        if self._pressed():
            if self.marked < len(self.rows):
                self.mark()
            raise KeyboardInterrupt

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.recorded < len(self.rows):
            self.record(self.model)
        if self.marked < len(self.rows):
            self.mark()

    def note_time(self) -> None:
        """Bring the seconds of training up to date, in the middle of an epoch too."""
        if self.clock is not None:
            self.config.seconds = self.clock.share() * self.clock.budget
        elif self.began is not None:
            self.config.seconds = self.before + time.perf_counter() - self.began

    def mark(self, step: int = 0) -> None:
        """Write a checkpoint."""
        with self.marking:
            fetch_state(self.model)
            position = checkpoint.Position(self.rows, step, self.config.seconds)
            checkpoint.save(self.run.checkpoints, self.model, position)
            self.marked = len(self.rows)

    def record(self, model: StepModel) -> None:
        """Write everything else for the last epoch of the history."""
        with self.recording:
            images, columns = draw(model)
            picture = io.BytesIO()
            scale = 2 if images.shape[2] <= 32 else 1
            plots.pixels(plots.tile(images, columns), scale).save(picture, "PNG")
            name = f"epoch-{self.rows[-1]['epoch']:04d}.png"
            write_atomically(self.run.path / "samples" / name, picture.getvalue())
            self.save(model)

    def save(self, model: StepModel) -> None:
        """Write the state of the training, which may be in the middle of an epoch."""
        self.run.write_model(model)
        if self.rows:
            self.run.write_history(self.rows)
        self.run.write_config(self.config)
        self.recorded = len(self.rows)

    def _pressed(self):
        return self.ctrl_c is not None and self.ctrl_c.pressed


class Pace:
    """Lets a job run only so often that it takes no more than a share of the time."""

    def __init__(self, share: float) -> None:
        self.share, self.cost, self.last = share, 0.0, time.perf_counter()

    def due(self, least: float = 0.0) -> bool:
        """Whether it may run again, and ``least`` seconds have passed.

        Several processes have to do the same in the same order (JAX compares what they assign), and
        their clocks differ: they do it after every epoch, and never inside one.
        """
        if process()[1] > 1:
            return least == 0
        waited = time.perf_counter() - self.last
        return waited >= max(least, self.cost * (1 / self.share - 1))

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.last = time.perf_counter()
        self.cost = self.last - self._start


def write_report(run: RunFolder, model: StepModel, config: Config | None = None) -> None:
    """Write ``samples.gif`` and ``report.html`` of a ``RunFolder`` from what it holds.

    ``model`` is its model, so that it need not be read again; ``config`` one whose data were moved.
    """
    config = config or run.read_config()
    rows, grids = run.read_history(), run.read_grids()
    images, columns = draw(model)
    info = {
        "family": config.family,
        "data": config.data,
        "config": {
            name: value
            for name, value in vars(config).items()
            if name not in ("status", "seconds", "environment", "contents")
            and value is not None
            and value is not False
        },
        "history": {
            name: [row[name] for row in rows]
            for name in (rows[0] if rows else {})
            if name not in ("epoch", "seconds")
        },
        "status": status(config, rows),
        "samples": images,
        "columns": columns,
        "scores": run.read_scores(),
        "tasks": run.read_tasks(),
        "environment": config.environment,
        "command": command(config),
    }
    if model.num_classes is not None:
        names = config.contents.get("classes") or image_data.class_names(config.data)
        info["class_names"] = [names[k] for k in grid(model.num_classes)[0][:columns]]
    if grids:
        gif = run.path / "samples.gif"
        plots.training_gif(gif, [grid[None] for grid in grids], columns=1, scale=1)
        info["animation"] = gif.read_bytes()
    run_report(run.path / "report.html", info, config.language)


def status(config: Config, rows: Sequence[Mapping[str, float]]) -> str:
    """A sentence: how far the training came."""
    words = words_of(config.language)
    trained = any(name not in ("epoch", "seconds") for name in (rows[0] if rows else {}))
    key = {"finished": "trained_seconds" if trained else "fitted", "diverged": "diverged"}
    return words[key.get(config.status, "interrupted")].format(
        seconds=config.seconds, epochs=counted(words, "epochs", len(rows)), epoch=len(rows)
    )


def command(config: Config) -> str:
    """The command line that repeats a run."""
    words = ["gentut", "train", config.family, "--data", Path(config.data).name]
    words += config.words("conditional", "minutes", "epochs", "batch_size", "devices")
    return shlex.join([*words, "--out", "RUN"])
