"""What a run folder holds: written so that no file is ever half there, read with suspicion."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gentut.files import read_json, write_atomically, write_json
from gentut.report.scores import check_scores
from gentut.report.tasks import check_tasks
from gentut.runs.config import Config
from gentut.runs.versions import read_keras, save_model, unreadable
from gentut.training.step import StepModel

FIXED = ("epoch", "seconds")  # columns of every history, before those of the model


class RunFolder:
    """The files of one run.

    Every ``read_`` method raises a ``FileNotFoundError`` where its file must be there and is not,
    and a ``ValueError`` that names the file where it is damaged.

    Args:
        path: the folder.
        argument: what the user called it, for messages.
    """

    def __init__(self, path: str | os.PathLike, argument: str = "run") -> None:
        self.path, self.argument = Path(path), argument

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    # ------------------------------------------------------------------ read

    def read_config(self) -> Config:
        """The ``Config``."""
        path = self._need("config.json")
        with self._told_of("config.json"):
            values = read_json(path)
            unknown = set(values) - {field.name for field in dataclasses.fields(Config)}
            if unknown:
                raise ValueError(f"it holds an unknown entry, {min(unknown)!r}")
            return Config(**values)

    def read_history(self) -> list[dict[str, float]]:
        """One dict of numbers per epoch; empty before the first."""
        path = self.path / "history.csv"
        if not path.is_file():
            return []
        with self._told_of("history.csv"):
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

    def read_grids(self, most: int = 40) -> list[np.ndarray]:
        """Sample grids ``(h, w, c)`` in [0, 1], first epoch first; at most ``most``, evenly."""
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

    def read_model(self) -> StepModel:
        """The trained model."""
        path = self._need("model.keras")
        try:
            return read_keras(path, self._environment())
        except ValueError as error:
            raise self._broken(f"model.keras {error}") from error

    def model_id(self) -> str:
        """The SHA-256 of ``model.keras``: whose scores these are."""
        return hashlib.sha256(self._need("model.keras").read_bytes()).hexdigest()

    def read_scores(self) -> dict | None:
        """What ``gentut evaluate`` found; None if it was not run on the model that is there now."""
        path = self.path / "scores.json"
        if not path.is_file():
            return None
        with self._told_of("scores.json"):
            scores = read_json(path)
            check_scores(scores, {"left_out": str})
        return scores if self._is_of_model(scores) else None

    def need_config(self) -> None:
        """Raise unless there is a run to read."""
        self._need("config.json")

    def read_tasks(self) -> dict[str, dict]:
        """What ``gentut tasks`` found on the model that is there now, task -> dict."""
        path = self.path / "tasks.json"
        if not path.is_file():
            return {}
        with self._told_of("tasks.json"):
            found = read_json(path)
            check_tasks(found)
        return {task: result for task, result in found.items() if self._is_of_model(result)}

    def _is_of_model(self, found):
        """Whether results are of the model that is there now; older versions did not note it."""
        return "model" not in found or found["model"] == self.model_id()

    def _environment(self):
        """Of the writer, also where ``read_config`` would fail; {} if nobody knows."""
        try:
            return read_json(self.path / "config.json")["environment"]
        except (OSError, ValueError, KeyError):
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

    @contextlib.contextmanager
    def _told_of(self, name):
        """What is wrong with what was read from a file becomes an error that names the file."""
        try:
            yield
        except (ValueError, TypeError, csv.Error) as error:  # TypeError: a row that is too short
            raise self._damaged(name, error) from error

    def _damaged(self, name, reason):
        text = " ".join(str(reason).split()) or type(reason).__name__
        return self._broken(f"{name} {unreadable(self._environment())}: {text[:200]}")

    def _broken(self, what):
        return ValueError(
            f"`{self.argument}` must be a whole run folder; received {str(self.path)!r}, whose"
            f" {what}"
        )

    # ------------------------------------------------------------------ write

    def make(self) -> None:
        """Make the folder, and clear it of what a process that was killed left half written."""
        (self.path / "samples").mkdir(parents=True, exist_ok=True)
        for folder in (self.path, self.path / "samples", self.checkpoints):
            for half in (*folder.glob("*.part"), *folder.glob("part-*")):
                half.unlink()

    def holds_nothing(self) -> bool:
        """Whether there is no folder, or an empty one, or one with what ``make`` makes."""
        if not os.path.isdir(self.path):  # unlike Path.is_dir, no error for a name too long
            return not os.path.lexists(self.path)
        own = {".lock", "samples", "checkpoints"}
        return all(
            path.name in own or path.suffix == ".part" for path in self.path.iterdir()
        ) and not any(any((self.path / name).glob("*")) for name in ("samples", "checkpoints"))

    def drop_grids(self, after: int) -> None:
        """Remove sample grids of epochs that will be made again."""
        for path in (self.path / "samples").glob("epoch-*.png"):
            number = path.stem.removeprefix("epoch-")
            if number.isdecimal() and int(number) > after:
                path.unlink()

    def write_config(self, config: Config) -> None:
        write_json(self.path / "config.json", dataclasses.asdict(config))

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        text = io.StringIO()
        table = csv.DictWriter(text, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_atomically(self.path / "history.csv", text.getvalue())

    def write_tasks(self, found: Mapping[str, Mapping]) -> None:
        write_json(self.path / "tasks.json", found)

    def drop_results(self) -> None:
        """Remove what is true of the model so far only."""
        for name in ("scores.json", "tasks.json", "report.html"):
            (self.path / name).unlink(missing_ok=True)

    def write_scores(self, scores: Mapping[str, object]) -> None:
        write_json(self.path / "scores.json", scores)

    def write_model(self, model: StepModel) -> None:
        save_model(model, self.path / "model.keras")
