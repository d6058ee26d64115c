"""Train a recipe into a run folder; stop it, go on with it."""

import dataclasses
import gc
import os
import shutil
from collections.abc import Callable, Sequence

import keras
import numpy as np

from gentut import data as image_data
from gentut.models import recipes
from gentut.runs import checkpoint
from gentut.runs.batch_size import find_batch_size
from gentut.runs.checkpoint import Position
from gentut.runs.config import Config, is_done, taken_up
from gentut.runs.contents import describe, load_again, used_labels
from gentut.runs.folder import RunFolder
from gentut.runs.guard import CtrlC, locked, room
from gentut.runs.processes import own_folder, refuse_clock, set_devices
from gentut.runs.record import Recorder, write_report
from gentut.training.callbacks import Progress, StopOnNaN, TimeBudget, TrainingDiverged
from gentut.training.devices import environment, out_of_memory, process
from gentut.training.optimizers import value_of
from gentut.training.step import StepModel
from gentut.training.step import seed as set_seed


def train(
    config: Config,
    out: str | os.PathLike = "runs/model",
    *,
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[StepModel, str]:
    """Train a family's recipe into a run folder, and write its report.

    Args:
        config: what to train, and on what; it is left as it is.
        out: the run folder; must be new or empty.
        progress: show a progress bar on the terminal.
        say: called with a line of text where something takes long.

    Returns:
        The model, and "finished" or "interrupted" (by Ctrl-C; the run can be resumed).

    Raises:
        ValueError, TypeError, FileNotFoundError: the data or the folder is not what it must be, or
            another process works in it; nothing is left behind or changed.
        TrainingDiverged: a loss became NaN; the folder keeps the epochs before, if any.
        gentut.training.devices.ProcessesLost: another process of the training has ended.
    """
    devices = set_devices(config.devices)
    config = dataclasses.replace(config, devices=devices, status="running", seconds=0.0)
    with own_folder(out) as folder:
        run = RunFolder(folder, "out")
        _refuse_used(run)
        refuse_clock(config)
        images, labels = image_data.load_bytes(config.data, "train", **config.data_options, say=say)
        config.contents = describe(config.data, images, labels)
        labels, num_classes = used_labels(config, images, labels)
        if not image_data.is_name(config.data):
            config.data = os.path.abspath(config.data)  # so that the run can be used from elsewhere
        existed = os.path.isdir(run.path)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:  # ValueError: a zero byte
            reason = getattr(error, "strerror", None) or error
            raise ValueError(
                f"`out` must be a folder that can be made; received {str(run.path)!r}: {reason}."
            ) from error
        with locked(run.path, "out", say):
            _refuse_used(run)  # by a process that was faster
            try:
                return _begin(run, config, images, labels, num_classes, progress, say)
            except BaseException:
                if not _worth_keeping(run):
                    _clear(run.path, existed)
                raise


def resume(
    run: str | os.PathLike,
    *,
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
    **settings: object,
) -> tuple[StepModel, str]:
    """Go on with a run that was stopped, killed, or is to be trained for longer.

    A run that counts epochs ends with the weights, history and samples, to the bit, of one that
    was never stopped, on the same machine and backend.  In one that counts minutes, the order of
    the images and the random streams go on likewise, but its rates follow the clock, which no two
    runs share.  What is lost is the work since the newest checkpoint: seconds, or one epoch.

    Args:
        run: the run folder.
        progress, say: see ``train``.
        **settings: fields of ``Config``; None is left out.  New can be a larger number of
            ``minutes`` or ``epochs``, the ``devices``, the ``language``, and ``data``, the place
            where the same images are now; any other must be what the run was begun with.

    Returns, raises: see ``train``.
    """
    devices = set_devices(settings.get("devices"), RunFolder(run, "out"))
    asked = {**settings, "devices": devices}
    asked = {name: value for name, value in asked.items() if value is not None}
    with own_folder(run) as path:
        folder = RunFolder(path, "out")
        folder.need_config()
        with locked(folder.path, "out", say):
            return _go_on(folder, asked, progress, say)


def _go_on(run, asked, progress, say):
    """Train a run from its newest checkpoint, or from the start if it has none; see ``resume``.

    Nothing in the folder is changed before everything is checked.
    """
    config = run.read_config()
    found = checkpoint.load_newest(run.checkpoints, say, config.environment)
    set_seed(config.seed)
    if found:
        model, position = found
        config.seconds = position.seconds  # a killed process may have noted more
        note = ""
    elif config.status == "finished" or (
        recipes.is_iterative(config.family) and (run.path / "model.keras").is_file()
    ):
        position = Position(run.read_history())
        set_seed(config.seed + len(position.rows))
        model = run.read_model()
        note = f"{run.path} holds no whole checkpoint: goes on from model.keras, with other noise"
    else:
        model, position, config.seconds = None, Position([]), 0.0
        note = f"{run.path} holds no checkpoint yet: training starts anew"
    config = taken_up(config, len(position.rows), asked)
    place = config.data
    images, labels, contents = load_again(run, config, model, asked.get("data"), say)
    labels, num_classes = used_labels(config, images, labels)
    if config.status == "finished":
        say("the run is finished; a larger --minutes or --epochs goes on")
        model = run.read_model() if found else model
        if config.data != place or "language" in asked:
            run.write_config(config)
        # It is not there if the process was killed in its last second.
        if "language" in asked or not (run.path / "report.html").is_file():
            write_report(run, model)
        return model, "finished"
    refuse_clock(config)
    config.contents = contents
    if note:
        say(note)
    if model is None:
        return _begin(run, config, images, labels, num_classes, progress, say)
    return _train(run, config, model, images, labels, position, progress, say)


class _NoRoom(MemoryError):
    """The first step of a training did not fit into memory."""


def _begin(run, config, images, labels, num_classes, progress, say):
    """Train from the start, in a folder that is locked.

    Where memory does not hold a step, it becomes one of fewer images, as if they were asked for.
    """
    while True:
        set_seed(config.seed)
        model = recipes.build(config.family, images.shape[1:], num_classes)
        if config.batch_size is None and model.iterative:
            config.batch_size = model.default_batch_size
        try:
            return _train(run, config, model, images, labels, Position([]), progress, say)
        except _NoRoom:
            model = None
        gc.collect()  # the search needs what the model and the error held
        before = min(config.batch_size, len(images))
        half = max(1, before // 2)
        found = find_batch_size(config.family, images, labels, seconds=0.1, start=half, most=half)
        if found.size >= before:  # the same step again
            raise MemoryError(f"not even a step of {before} images fits into memory")
        config.batch_size = found.size
        say(
            f"a step of {before:,} images does not fit into memory: this run has {found.size:,}"
            " in a step"
        )


def _train(run, config, model, images, labels, position, progress, say):
    """Train, or train on, in a folder that is locked; write the report."""
    config.status, config.environment = "running", environment()
    with room("run", run.path):
        try:
            _advance(run, config, model, images, labels, position, progress, say)
        except TrainingDiverged as error:
            found = checkpoint.load_newest(run.checkpoints, say)
            if found is None:
                raise
            model, position = found
            config.status, config.seconds = "diverged", position.seconds
            Recorder(run, config, position).save(model)
            write_report(run, model)
            raise TrainingDiverged(
                f"{error} In {run.path} is the run up to epoch {len(position.rows)}."
            ) from error
        write_report(run, model)
    return model, config.status


def _start(run, config, position):
    """The first change to a folder: from now on it holds a run that is going on."""
    run.make()
    run.write_config(config)
    run.drop_results()  # they were of the model so far
    run.drop_grids(after=len(position.rows))
    checkpoint.drop_beyond(run.checkpoints, position)


def _advance(run, config, model, images, labels, position, progress, say):
    clock = None
    if config.minutes is not None and model.iterative:
        clock = TimeBudget(config.minutes)
        clock.seconds = config.seconds
    ctrl_c = CtrlC()
    means = (
        [keras.ops.convert_to_numpy(v) for v in model.metrics_variables] if position.step else []
    )
    recorder = Recorder(run, config, position, clock, ctrl_c, means)
    # After `fit` has looked at what it was given.
    start = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs=None: _start(run, config, position)
    )
    try:
        if not model.iterative:
            start.on_train_begin()
            recorder.on_epoch_begin(0)
            fit(model, images, labels, seed=config.seed)
            recorder.note_time()
            position.rows.append({"epoch": 1, "seconds": round(config.seconds, 2)})
            recorder.record(model)
        elif not is_done(config, len(position.rows)):
            with ctrl_c:
                fit(
                    model,
                    images,
                    labels,
                    clock=clock,
                    epochs=config.epochs,
                    initial_epoch=len(position.rows),
                    initial_step=position.step,
                    batch_size=config.batch_size,
                    seed=config.seed,
                    callbacks=[start, StopOnNaN(), recorder],
                    progress=progress,
                )
            if ctrl_c.pressed:  # after the last step
                raise KeyboardInterrupt
        else:
            start.on_train_begin()
        if model.finishing:
            say(model.finishing)
        model.finish(images, labels, config.seed)
        config.status = "finished"
    except Exception as error:
        first = not (recorder.stepped or position.rows or position.step)
        if model.iterative and first and process()[1] == 1 and out_of_memory(error):
            raise _NoRoom(str(error)) from None
        raise
    except KeyboardInterrupt:
        # Half a fit is nothing, and a step broken off in its middle no state to go on from.
        if not model.iterative or ctrl_c.pressed_twice:
            raise
        recorder.note_time()
        config.status = "interrupted"
    recorder.save(model)


def fit(
    model: StepModel,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    clock: TimeBudget | None = None,
    epochs: int | None = None,
    initial_epoch: int = 0,
    initial_step: int = 0,
    batch_size: int | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: bool = False,
) -> int:
    """Train or fit a model; return the number of images it has seen.

    ``clock`` is a ``TimeBudget``, or None to count ``epochs``. ``progress`` shows a bar.
    """
    if not model.iterative:
        model.fit(images, labels, seed=seed)
        return len(images)
    batch_size = batch_size or model.default_batch_size
    bar = Progress(clock, batch_size) if progress and process()[0] == 0 else None
    before = int(value_of(model.optimizer.iterations))
    try:
        model.fit(
            images,
            labels,
            epochs=epochs,
            initial_epoch=initial_epoch,
            initial_step=initial_step,
            batch_size=batch_size,
            callbacks=[c for c in (clock, *callbacks, bar) if c],
            seed=seed,
            verbose=0,
        )
    finally:
        if bar is not None and hasattr(bar, "bar"):  # else fit never began
            bar.on_train_end()
    return (int(value_of(model.optimizer.iterations)) - before) * batch_size


def _refuse_used(run):
    folder = run.path
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(f"`out` must be a folder; received {str(folder)!r}, which is a file.")
    if not run.holds_nothing():
        raise ValueError(
            f"`out` must be a new or empty folder; received {str(folder)!r}, which holds files."
            " Use --resume to go on with a run."
        )


def _worth_keeping(run):
    """Whether a run that failed has something to go on from."""
    return (run.path / "model.keras").is_file() or any(run.checkpoints.glob("*.npz"))


def _clear(folder, existed):
    """Take back a folder that was new or empty when the run began."""
    shutil.rmtree(folder)
    if existed:
        folder.mkdir()
