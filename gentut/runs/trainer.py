"""Train a recipe into a run folder; stop it, go on with it."""

import dataclasses
import os
import shutil

import numpy as np

from gentut import data as image_data
from gentut import presets, report
from gentut.callbacks import Progress, StopOnNaN, TimeBudget, TrainingDiverged
from gentut.checks import check_choice
from gentut.runs.folder import Config, RunFolder
from gentut.runs.record import Recorder, write_report
from gentut.training import device
from gentut.training import seed as set_seed
from gentut.vae import VAE

STATISTICAL = ("gaussian", "mixture")  # fitted at once: no epochs, no clock, nothing to resume


def train(family=None, data=None, out="runs/model", *, conditional=None, minutes=None,
          epochs=None, batch_size=None, size=None, channels=None, skip_unreadable=None, seed=None,
          resume=False, progress=False, say=lambda line: None):  # fmt: skip
    """Train a family's recipe into a run folder, and write its report.

    Args:
        family: one of `gentut.presets.FAMILIES`; not needed with `resume`.
        data: what `gentut.data.load` takes; default "glyphs".
        out: the run folder; must be new or empty, unless `resume`.
        conditional: use the labels; default not.
        minutes: train by the clock; or
        epochs: passes over the data; default 10 if `minutes` is not given.  The statistical
            families are fitted at once and use neither.
        batch_size: images per step; default the recipe's.
        size, channels: for a folder of images, see `gentut.data.load`.
        skip_unreadable: leave out images of a folder that cannot be read, with a warning.
        seed: of weights, noise and order; default 0.
        resume: go on with the run in `out`, with the settings it was begun with.  Only a larger
            number of `minutes` or `epochs` can be given anew.
        progress: show a progress bar on the terminal.
        say: called with a line of text where something takes long.

    Returns:
        The model, and "finished" or "interrupted" (by Ctrl-C; the run can be resumed).

    Raises:
        ValueError, TypeError, FileNotFoundError: an argument, the data or the folder is not what
            it must be; nothing is left behind.
        TrainingDiverged: a loss became NaN; the folder keeps the epochs before, if any.
    """
    asked = {
        "family": family, "data": None if data is None else str(data), "conditional": conditional,
        "minutes": minutes, "epochs": epochs, "batch_size": batch_size, "size": size,
        "channels": channels, "skip_unreadable": skip_unreadable, "seed": seed,
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value is not None}
    run = RunFolder(out, "out")
    if resume:
        config, rows = _taken_up(run, asked)
    else:
        if "family" not in asked:
            check_choice("family", family, presets.FAMILIES)
        config, rows = Config(**asked), []
        _refuse_used(run.path)
    images, labels, num_classes = _training_set(config)
    set_seed(config.seed + len(rows))
    if resume and (rows or (run.path / "model.keras").is_file()):
        model = run.read_model()
        if config.status == "finished":
            say("the run is finished; a larger --minutes or --epochs goes on")
            return model, "finished"
    else:
        model = presets.build(config.family, images.shape[1:], num_classes)
    if not image_data.is_name(config.data):
        config.data = os.path.abspath(config.data)  # so that the run can be used from elsewhere
    if config.batch_size is None and config.family not in STATISTICAL:
        config.batch_size = model.default_batch_size
    config.status, config.environment = "running", report.environment(device())
    existed = run.path.is_dir()
    (run.path / "samples").mkdir(parents=True, exist_ok=True)
    try:
        run.write_config(config)
        for name in ("scores.json", "tasks.json"):  # they were of the model so far
            (run.path / name).unlink(missing_ok=True)
        _train(run, config, model, images, labels, rows, progress, say)
    except BaseException as error:
        if not (run.path / "model.keras").is_file():
            _clear(run.path, existed)
            raise
        if isinstance(error, TrainingDiverged):
            saved = len(run.read_history())
            config.status = "diverged"
            run.write_config(config)
            write_report(run, run.read_model())  # that of the last good epoch
            raise TrainingDiverged(f"{error} In {out} is the run up to epoch {saved}.") from error
        raise
    write_report(run, model)
    return model, config.status


def _train(run, config, model, images, labels, rows, progress, say):
    clock = None
    if config.minutes is not None and config.family not in STATISTICAL:
        clock = TimeBudget(config.minutes)
        clock.seconds = config.seconds
    recorder = Recorder(run, config, rows, clock)
    try:
        if config.family in STATISTICAL:
            recorder.on_epoch_begin(0)
            fit(config.family, model, images, labels, seed=config.seed)
            recorder.set_model(model)
            recorder.on_epoch_end(0)
        elif not _done(config, rows):
            if isinstance(model, VAE):
                model.prior = None  # it was fitted to the codes so far
            fit(
                config.family, model, images, labels, clock=clock, epochs=config.epochs,
                initial_epoch=len(rows), batch_size=config.batch_size, seed=config.seed,
                callbacks=[StopOnNaN(), recorder], progress=progress,
            )  # fmt: skip
        if isinstance(model, VAE) and model.prior is None:
            say("fitting the prior of the codes")
            finish(model, images, labels, config.seed)
        config.status = "finished"
    except KeyboardInterrupt:
        if config.family in STATISTICAL:
            raise  # half a fit is nothing
        recorder.note_time()
        config.status = "interrupted"
    recorder.save(model)


def fit(family, model, images, labels=None, *, clock=None, epochs=None, initial_epoch=0,
        batch_size=None, seed=0, callbacks=(), progress=False):  # fmt: skip
    """Train or fit a model of a family; return the number of images it has seen.

    `clock` is a `TimeBudget`, or None to count `epochs`. `progress` shows a bar.
    """
    if family in STATISTICAL:
        model.fit(images, labels, seed=seed)
        return len(images)
    batch_size = batch_size or model.default_batch_size
    bar = Progress(clock, batch_size) if progress else None
    before = int(model.optimizer.iterations)
    try:
        model.fit(
            images, labels, epochs=epochs, initial_epoch=initial_epoch, batch_size=batch_size,
            callbacks=[c for c in (clock, *callbacks, bar) if c], seed=seed, verbose=0,
        )  # fmt: skip
    finally:
        if bar is not None and hasattr(bar, "bar"):  # else fit never began
            bar.on_train_end()
    return (int(model.optimizer.iterations) - before) * batch_size


def finish(model, images, labels=None, seed=0):
    """What a model needs after its training: a VAE, a prior fitted to the codes."""
    if isinstance(model, VAE):
        model.fit_prior(images, labels, seed=seed)


def _done(config, rows):
    """Whether a run that is taken up has nothing left to train."""
    if config.minutes is not None:
        return config.seconds >= 60 * config.minutes
    return len(rows) >= config.epochs


def _training_set(config):
    """Images, and for conditional models labels and the number of classes."""
    images, labels = image_data.load(config.data, "train", **config.data_options)
    if len(images) < 2:
        raise ValueError(
            f"`data` must hold at least 2 training images; received {config.data!r}, which holds"
            f" {len(images)}."
        )
    if not config.conditional:
        return images, None, None
    names = image_data.class_names(config.data)
    if len(names) < 2:
        raise ValueError(
            f"`conditional` needs data with at least 2 classes; received {config.data!r}, which has"
            f" {len(names)}."
        )
    counts = np.bincount(labels, minlength=len(names))
    if counts.min() < 2:
        raise ValueError(
            "`conditional` needs at least 2 training images of each class; received"
            f" {config.data!r}, which has {counts.min()} of class {names[counts.argmin()]!r}."
        )
    return images, labels, len(names)


def _refuse_used(folder):
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`out` must be a folder; received {str(folder)!r}, which is a file.")
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(
            f"`out` must be a new or empty folder; received {str(folder)!r}, which holds files."
            " Use --resume to go on with a run."
        )


def _taken_up(run, asked):
    """Config and history of a run that goes on; nothing is written yet."""
    config, rows = run.read_config(), run.read_history()
    for name, value in asked.items():
        begun = getattr(config, name)
        if name == "data" and not image_data.is_name(value):
            value = os.path.abspath(value)
        if name in ("minutes", "epochs"):
            used = config.seconds / 60 if name == "minutes" else len(rows)
            if begun is None or value < used:
                raise ValueError(
                    f"`{name}` must be at least the {used:.3g} that the run has behind it;"
                    f" received {value}."
                    if begun is not None
                    else f"`{name}` must be left out: this run counts"
                    f" {'epochs' if name == 'minutes' else 'minutes'}; received {value}."
                )
            if value > begun and config.family not in STATISTICAL:
                config.status = "running"
        elif value != begun:
            raise ValueError(
                f"`{name}` must stay what the run was begun with, {begun!r}; received {value!r}."
                " Leave it out with --resume."
            )
        config = dataclasses.replace(config, **{name: value})
    return config, rows


def _clear(folder, existed):
    """Take back a folder that was new or empty when the run began."""
    shutil.rmtree(folder)
    if existed:
        folder.mkdir()
