"""A run folder: train a model into it, stop, resume, look at it again.

``model.keras`` the whole model; ``config.json`` what was asked for; ``history.csv`` one line per
epoch; ``samples/`` a grid per epoch; ``samples.gif`` the same latents through the training;
``frames.npz`` their pixels; ``report.html`` all of it on one page.
"""

import csv
import io
import json
import os
import tempfile
from pathlib import Path

import keras
import numpy as np

from gentut import data as image_data
from gentut import plots, presets, report
from gentut.callbacks import Progress, StopOnNaN, TimeBudget
from gentut.checks import check_choice, check_positive
from gentut.training import device
from gentut.training import seed as set_seed

GRID = 36  # images in a sample grid


def write_atomically(path, content):
    """Write bytes or text so that the file appears whole or not at all."""
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def save_model(model, path):
    """Write a `.keras` file so that a reader never meets half of one."""
    path = Path(path)
    temporary = path.with_name("part-" + path.name)  # Keras wants the ending
    model.save(temporary)
    os.replace(temporary, path)


class Recorder(keras.callbacks.Callback):
    """After every epoch: the model, a line of history, a grid of fixed latents."""

    def __init__(self, folder, clock, rows, frames, num_classes):
        super().__init__()
        self.folder, self.clock, self.rows, self.frames = folder, clock, rows, frames
        labels = None if num_classes is None else np.arange(GRID) % num_classes
        self.labels = labels

    def on_epoch_end(self, epoch, logs=None):
        model = self.model
        seconds = round(self.clock.seconds, 2) if self.clock else ""
        row = {"epoch": epoch + 1, "seconds": seconds}
        self.rows.append(row | {k: float(v) for k, v in (logs or {}).items()})
        images = model.sample(GRID, labels=self.labels, seed=0)
        self.frames.append(np.round(images * 255).astype("uint8"))
        picture = io.BytesIO()
        plots.pixels(plots.tile(images), 2).save(picture, "PNG")
        write_atomically(self.folder / "samples" / f"epoch-{epoch + 1:04d}.png", picture.getvalue())
        archive = io.BytesIO()
        np.savez_compressed(archive, frames=np.stack(self.frames))
        write_atomically(self.folder / "frames.npz", archive.getvalue())
        write_atomically(self.folder / "history.csv", table(self.rows))
        save_model(model, self.folder / "model.keras")


def table(rows):
    """Rows of one set of columns as CSV text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def train(family=None, data="glyphs", out="runs/model", *, conditional=False, minutes=None,
          epochs=None, batch_size=None, size=None, channels=None, seed=0, resume=False,
          progress=True):  # fmt: skip
    """Train a family's recipe into a run folder, and write its report.

    Args:
        family: one of `gentut.presets.FAMILIES`; not needed with `resume`.
        data: what `gentut.data.load` takes.
        out: the run folder; must be new or empty, unless `resume`.
        conditional: use the labels.
        minutes: train by the clock; or
        epochs: passes over the data; default 10 if `minutes` is not given.
        batch_size: default the recipe's.
        size, channels: for a folder of images, see `gentut.data.load`.
        seed: of weights, noise and order.
        resume: go on with the run in `out`, with the settings it was begun with.
        progress: show a progress bar.

    Returns:
        The model and "finished" or "interrupted" (by Ctrl-C; the run can be resumed).
    """
    folder = Path(out)
    if resume:
        config = read_config(folder)
        rows, frames = read_history(folder), list(read_frames(folder))
    else:
        check_choice("family", family, presets.FAMILIES)
        if minutes is not None and epochs is not None:
            raise ValueError(
                f"`minutes` and `epochs` exclude each other; received {minutes} and {epochs}."
            )
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(
                f"`out` must be a new or empty folder; received {str(out)!r}, which holds files."
                " Use --resume to go on with that run."
            )
        config = {
            "family": family, "data": str(data), "conditional": bool(conditional),
            "minutes": minutes, "epochs": epochs if minutes is not None else epochs or 10,
            "batch_size": batch_size, "size": size, "channels": channels, "seed": seed,
        }  # fmt: skip
        rows, frames = [], []
    for name in ("batch_size", "epochs"):
        if config[name] is not None:
            check_positive(name, config[name])
    clock = TimeBudget(config["minutes"]) if config["minutes"] is not None else None
    images, labels = image_data.load(config["data"], "train", **data_options(config))
    num_classes = int(labels.max()) + 1 if config["conditional"] else None
    set_seed(config["seed"] + len(rows))
    if resume:
        model = load_model(folder)
        if clock and rows:
            clock.seconds = float(rows[-1]["seconds"])
    else:
        model = presets.build(config["family"], images.shape[1:], num_classes)
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "config.json", json.dumps(config, indent=2) + "\n")
    labels = labels if config["conditional"] else None
    recorder = Recorder(folder, clock, rows, frames, num_classes)
    callbacks = [c for c in (clock, StopOnNaN(), recorder) if c]
    if progress:
        callbacks.append(Progress(clock, config["batch_size"] or model.default_batch_size))
    status = "finished"
    try:
        if config["family"] in ("gaussian", "mixture"):
            model.fit(images, labels)
            recorder.set_model(model)
            recorder.on_epoch_end(0)
        elif not done(config, rows, clock):
            model.fit(
                images, labels, epochs=config["epochs"], batch_size=config["batch_size"],
                initial_epoch=len(rows), callbacks=callbacks, seed=config["seed"], verbose=0,
            )  # fmt: skip
            if config["family"] == "vae":
                model.fit_prior(images, labels)
                save_model(model, folder / "model.keras")
    except KeyboardInterrupt:
        status = "interrupted"
        save_model(model, folder / "model.keras")
    write_report(folder, status)
    return model, status


def done(config, rows, clock):
    """Whether a resumed run has nothing left to do."""
    if clock is not None:
        return clock.share() >= 1
    return len(rows) >= config["epochs"]


def data_options(config):
    """The options of `gentut.data.load` in a run's config."""
    return {k: config[k] for k in ("size", "channels") if config.get(k) is not None}


def load_model(folder):
    """The model of a run folder."""
    path = Path(folder) / "model.keras"
    if not path.is_file():
        raise FileNotFoundError(
            f"`run` must be a run folder with a model.keras; received {str(folder)!r}."
        )
    return keras.saving.load_model(path)


def read_config(folder):
    """What a run was asked for."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"`run` must be a run folder with a config.json; received {str(folder)!r}."
        )
    return json.loads(path.read_text())


def read_history(folder):
    """One dict per epoch; empty before the first."""
    path = Path(folder) / "history.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read_frames(folder):
    """The sample grids so far, uint8 ``(epochs, n, h, w, c)``; empty before the first epoch."""
    path = Path(folder) / "frames.npz"
    if not path.is_file():
        return np.empty((0,), "uint8")
    with np.load(path, allow_pickle=False) as stored:
        return stored["frames"]


def write_report(folder, status="finished", scores=None):
    """Write ``samples.gif`` and ``report.html`` of a run from what its folder holds."""
    folder = Path(folder)
    config, rows, frames = read_config(folder), read_history(folder), read_frames(folder)
    if not len(frames):
        return
    pictures = [f.astype("float32") / 255 for f in frames]
    plots.training_gif(folder / "samples.gif", pictures)
    columns = [k for k in (rows[0] if rows else {}) if k not in ("epoch", "seconds")]
    info = {
        "family": config["family"],
        "data": config["data"],
        "config": config,
        "history": {k: [float(r[k]) for r in rows] for k in columns},
        "samples": pictures[-1],
        "animation": (folder / "samples.gif").read_bytes(),
        "environment": report.environment(device()),
        "command": command(config),
    }
    if status == "interrupted":
        info["status"] = f"Interrupted after {len(rows)} whole epochs; --resume goes on."
    if scores:
        info["scores"] = scores
    report.run_report(folder / "report.html", info)


def command(config):
    """The command line that repeats a run."""
    words = [f"gentut train {config['family']} --data {Path(config['data']).name}"]
    words += ["--conditional"] * config["conditional"]
    for name in ("minutes", "epochs", "batch_size", "size", "channels", "seed"):
        if config[name] is not None:
            words.append(f"--{name.replace('_', '-')} {config[name]}")
    return " ".join(words) + " --out RUN"
