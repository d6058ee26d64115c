"""What a run folder holds: written so that no file is ever half there, read with suspicion."""

import csv
import dataclasses
import hashlib
import io
import json
import math
import os
from pathlib import Path

import numpy as np
from PIL import Image

from gentut.checks import check_choice, check_positive
from gentut.files import write_atomically
from gentut.models import recipes
from gentut.models.networks import check_image_shape
from gentut.report.scores import check_scores
from gentut.report.tasks import check_tasks
from gentut.runs.contents import check_contents
from gentut.runs.versions import read_keras, unreadable
from gentut.training.callbacks import TimeBudget

STATUSES = ("running", "interrupted", "diverged", "finished")
DEFAULT_EPOCHS = 10
KINDS = {"data": str, "conditional": bool, "skip_unreadable": bool, "environment": dict,
         "contents": dict}  # fmt: skip
FIXED = ("epoch", "seconds")  # columns of every history, before those of the model


@dataclasses.dataclass
class Config:
    """What a run was asked for, and how far it came (``config.json``).

    Raises:
        ValueError, TypeError: an entry is not what its name promises.
    """

    family: str
    data: str = "glyphs"  # what `gentut.data.load` takes
    conditional: bool = False
    minutes: float | None = None  # train by the clock, or
    epochs: int | None = None  # by passes over the data; 10 if neither is given
    batch_size: int | None = None  # the recipe's once training has begun
    size: int | None = None  # pixels per side
    channels: int | None = None
    skip_unreadable: bool = False  # images of a folder
    seed: int = 0
    devices: int | None = None  # of each process; None is one
    status: str = "running"
    seconds: float = 0.0  # of training so far
    environment: dict = dataclasses.field(default_factory=dict)  # where it was trained
    contents: dict = dataclasses.field(default_factory=dict)  # of the data, see `runs.contents`

    def __post_init__(self):
        check_choice("family", self.family, recipes.FAMILIES)
        for name, kind in KINDS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(
                    f"`{name}` must be a {kind.__name__}; received {getattr(self, name)!r}."
                )
        if self.contents:
            check_contents(self.contents)
        if self.minutes is not None and self.epochs is not None:
            raise ValueError(
                f"`minutes` and `epochs` exclude each other; received {self.minutes} and"
                f" {self.epochs}."
            )
        if self.minutes is not None:
            TimeBudget(self.minutes)
        elif self.epochs is None:
            self.epochs = DEFAULT_EPOCHS
        for name in ("epochs", "batch_size", "size", "devices"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        if self.size is not None:
            try:
                check_image_shape((self.size, self.size, 1))
            except ValueError:
                raise ValueError(
                    "`size` must halve evenly down to 4…8 pixels (28, 32, 48, 64, 96, 128, …);"
                    f" received {self.size}."
                ) from None
        if self.channels not in (None, 1, 3):
            raise ValueError(f"`channels` must be 1 or 3; received {self.channels!r}.")
        if not _is_int(self.seed) or not 0 <= self.seed < 2**31:
            raise ValueError(f"`seed` must be an integer in [0, 2**31); received {self.seed!r}.")
        check_choice("status", self.status, STATUSES)
        if not isinstance(self.seconds, int | float) or not 0 <= self.seconds < math.inf:
            raise ValueError(f"`seconds` must be a number ≥ 0; received {self.seconds!r}.")

    @property
    def data_options(self):
        """The options of `gentut.data.load`."""
        return data_options(self.size, self.channels, self.skip_unreadable)


def data_options(size=None, channels=None, skip_unreadable=False):
    """Options of `gentut.data.load`, only those that say something."""
    options = {"size": size, "channels": channels, "on_error": "skip" if skip_unreadable else None}
    return {name: value for name, value in options.items() if value is not None}


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


class RunFolder:
    """The files of one run.

    Every `read_` method raises a `FileNotFoundError` where its file must be there and is not,
    and a `ValueError` that names the file where it is damaged.

    Args:
        path: the folder.
        argument: what the user called it, for messages.
    """

    def __init__(self, path, argument="run"):
        self.path, self.argument = Path(path), argument

    @property
    def checkpoints(self):
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    # ------------------------------------------------------------------ read

    def read_config(self):
        """The `Config`."""
        try:
            values = json.loads(self._need("config.json").read_text(encoding="utf-8"))
            if not isinstance(values, dict):
                raise ValueError(f"it holds a {type(values).__name__}, not an object")
            unknown = set(values) - {field.name for field in dataclasses.fields(Config)}
            if unknown:
                raise ValueError(f"it holds an unknown entry, {min(unknown)!r}")
            return Config(**values)
        except (ValueError, TypeError, RecursionError) as error:
            raise self._damaged("config.json", error) from error

    def read_history(self):
        """One dict of numbers per epoch; empty before the first."""
        path = self.path / "history.csv"
        if not path.is_file():
            return []
        try:
            text = path.read_text(encoding="utf-8")
            if not text.endswith("\n"):
                raise ValueError("it does not end with a whole line")
            lines = csv.DictReader(io.StringIO(text), restkey="", strict=True)
            rows = [{name: float(value) for name, value in line.items()} for line in lines]
            if not rows or tuple(rows[0])[:2] != FIXED:
                raise ValueError(f"it must begin with the columns {', '.join(FIXED)} and a row")
            if [row["epoch"] for row in rows] != list(range(1, len(rows) + 1)):
                raise ValueError(f"its epochs must count from 1 to {len(rows)}")
            for number, row in enumerate(rows, start=1):
                odd = [name for name, value in row.items() if not math.isfinite(value)]
                if odd:
                    raise ValueError(f"its {odd[0]} of epoch {number} must be a finite number")
            return [row | {"epoch": number} for number, row in enumerate(rows, start=1)]
        except (ValueError, TypeError, csv.Error) as error:  # TypeError: a row that is too short
            raise self._damaged("history.csv", error) from error

    def read_grids(self, most=40):
        """Sample grids ``(h, w, c)`` in [0, 1], first epoch first; evenly chosen if over `most`."""
        paths = sorted((self.path / "samples").glob("epoch-*.png"))
        chosen = np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).round())
        grids = [self._read_grid(paths[int(place)]) for place in chosen]
        shapes = {grid.shape for grid in grids}
        if len(shapes) > 1:
            raise self._damaged("samples", f"its pictures have several sizes, {sorted(shapes)}")
        return grids

    def _read_grid(self, path):
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("L" if image.mode == "L" else "RGB"))
        except Exception as error:  # decoders raise many types on broken files
            raise self._damaged(f"samples/{path.name}", error) from error
        return pixels.reshape(*pixels.shape[:2], -1).astype("float32") / 255

    def read_model(self):
        """The trained model."""
        path = self._need("model.keras")
        try:
            return read_keras(path, self._environment())
        except ValueError as error:
            raise self._broken(f"model.keras {error}") from error

    def model_id(self):
        """The SHA-256 of ``model.keras``: whose scores these are."""
        return hashlib.sha256(self._need("model.keras").read_bytes()).hexdigest()

    def read_scores(self):
        """What `gentut evaluate` found; None if it was not run on the model that is there now."""
        path = self.path / "scores.json"
        if not path.is_file():
            return None
        try:
            scores = json.loads(path.read_text(encoding="utf-8"))
            check_scores(scores, {"left_out": str})
        except (ValueError, RecursionError) as error:
            raise self._damaged("scores.json", error) from error
        return scores if self._is_of_model(scores) else None

    def need_config(self):
        """Raise unless there is a run to read."""
        self._need("config.json")

    def read_tasks(self):
        """What `gentut tasks` found on the model that is there now, task -> dict."""
        path = self.path / "tasks.json"
        if not path.is_file():
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            check_tasks(found)
        except (ValueError, RecursionError) as error:
            raise self._damaged("tasks.json", error) from error
        return {task: result for task, result in found.items() if self._is_of_model(result)}

    def _is_of_model(self, found):
        """Whether results are of the model that is there now; older versions did not note it."""
        return "model" not in found or found["model"] == self.model_id()

    def _environment(self):
        """Of the writer, also where `read_config` would fail; {} if nobody knows."""
        try:
            return json.loads((self.path / "config.json").read_text(encoding="utf-8"))[
                "environment"
            ]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return {}

    def _need(self, name):
        path = self.path / name
        if not path.is_file():
            fault = "does not" if self.path.is_dir() else "is no folder"
            raise FileNotFoundError(
                f"`{self.argument}` must be a run folder that holds {name}; received"
                f" {str(self.path)!r}, which {fault}."
            )
        return path

    def _damaged(self, name, reason):
        text = " ".join(str(reason).split()) or type(reason).__name__
        return self._broken(f"{name} {unreadable(self._environment())}: {text[:200]}")

    def _broken(self, what):
        return ValueError(
            f"`{self.argument}` must be a whole run folder; received {str(self.path)!r}, whose"
            f" {what}"
        )

    # ------------------------------------------------------------------ write

    def make(self):
        """Make the folder, and clear it of what a process that was killed left half written."""
        (self.path / "samples").mkdir(parents=True, exist_ok=True)
        for folder in (self.path, self.path / "samples", self.checkpoints):
            for half in (*folder.glob("*.part"), *folder.glob("part-*")):
                half.unlink()

    def holds_nothing(self):
        """Whether there is no folder, or an empty one, or one with what `make` makes."""
        if not os.path.isdir(self.path):  # unlike Path.is_dir, no error for a name too long
            return not os.path.lexists(self.path)
        own = {".lock", "samples", "checkpoints"}
        return all(
            path.name in own or path.suffix == ".part" for path in self.path.iterdir()
        ) and not any(any((self.path / name).glob("*")) for name in ("samples", "checkpoints"))

    def drop_grids(self, after):
        """Remove sample grids of epochs that will be made again."""
        for path in (self.path / "samples").glob("epoch-*.png"):
            number = path.stem.removeprefix("epoch-")
            if number.isdecimal() and int(number) > after:
                path.unlink()

    def write_config(self, config):
        write_atomically(
            self.path / "config.json", json.dumps(dataclasses.asdict(config), indent=2) + "\n"
        )

    def write_history(self, rows):
        text = io.StringIO()
        table = csv.DictWriter(text, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_atomically(self.path / "history.csv", text.getvalue())

    def write_tasks(self, found):
        write_atomically(self.path / "tasks.json", json.dumps(found, indent=2) + "\n")

    def drop_results(self):
        """Remove what is true of the model so far only."""
        for name in ("scores.json", "tasks.json", "report.html"):
            (self.path / name).unlink(missing_ok=True)

    def write_scores(self, scores):
        write_atomically(self.path / "scores.json", json.dumps(scores, indent=2) + "\n")

    def write_model(self, model):
        save_model(model, self.path / "model.keras")


def load_model(path):
    """The gentut model in a `.keras` file; a `ValueError` if there is none."""
    try:
        return read_keras(path)
    except ValueError as error:
        raise ValueError(
            f"`path` must be a .keras file of a gentut model; received {str(path)!r}, which {error}"
        ) from error


def save_model(model, path):
    """Write a `.keras` file so that a reader never meets half of one."""
    path = Path(path)
    temporary = path.with_name("part-" + path.name)  # Keras wants the ending
    try:
        model.save(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno:
            error.filename = str(path)  # a full disk does not say of which file
        raise
    finally:
        temporary.unlink(missing_ok=True)
