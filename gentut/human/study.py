"""A study: its images, its trials, its key; from it come the page, the form and the analysis."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from gentut import checks
from gentut.files import write_atomically
from gentut.human.page import page
from gentut.human.rules import Rules
from gentut.human.sequence import check_session, session_order
from gentut.human.texts import QUESTIONS, exposure_text

KEY_FORMAT = "gentut-study-key-1"
REAL = "real"  # the source of real images; every other source is the name of a model
EXPOSURE_MS = (100, 5000)


class Trial(NamedTuple):
    """One question that counts: the ids of its images, and the model it measures.

    For a real image in "real_or_fake" that is the model of the generated image it was drawn with.
    """

    images: tuple[str, ...]
    model: str


class Step(NamedTuple):
    """What a session shows next: image ids from left to right; no trial number in practice."""

    trial: int | None
    images: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Study:
    """A study as `make_study` builds it and `load_key` reads it back.

    Args:
        protocol: "real_or_fake" or "which_is_real".
        title, instructions: what raters read.
        exposure_ms: how long the images are shown, or None for as long as the rater likes.
        rules: whose answers will not count.
        models: names of the generated sets.
        pictures: PNG files by image id.
        mask: the PNG file that covers an image when its time is over.
        sources: by image id, "real" or the name of the model that made it.
        practice: image ids of the trials that do not count.
        blocks: the trials that count, in two balanced blocks.
    """

    protocol: str
    title: str
    instructions: str
    exposure_ms: int | None
    rules: Rules
    models: tuple[str, ...]
    pictures: Mapping[str, bytes]
    mask: bytes
    sources: Mapping[str, str]
    practice: tuple[tuple[str, ...], ...]
    blocks: tuple[tuple[Trial, ...], tuple[Trial, ...]]

    def __post_init__(self):
        checks.check_choice("protocol", self.protocol, list(QUESTIONS))
        for name in ("title", "instructions"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"`{name}` must be a text; received {text!r}.")
        low, high = EXPOSURE_MS
        time = self.exposure_ms
        if time is not None and (type(time) is not int or not low <= time <= high):
            raise ValueError(
                f"`exposure_ms` must be None or an integer from {low} to {high} milliseconds;"
                f" received {time!r}."
            )

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The trials that count; answers refer to them by their place here."""
        return self.blocks[0] + self.blocks[1]

    @cached_property
    def id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of everything above, the rules included."""
        text = json.dumps(self._contents(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def steps(self, session: int, practice: bool = True) -> list[Step]:
        """What a session shows, practice first.

        Args:
            session: an integer in [1, 2³²) that fixes the order and the sides.
            practice: whether to include the trials that do not count.
        """
        order, swapped = session_order(check_session(session), tuple(map(len, self.blocks)))
        side = -1 if swapped else 1
        counted = [Step(trial, self.trials[trial].images[::side]) for trial in order]
        return [Step(None, images) for images in self.practice if practice] + counted

    def public(self) -> dict:
        """What the page holds: everything a rater needs, and nothing that tells real from fake."""
        question = QUESTIONS[self.protocol]
        return {
            "study": self.id,
            "protocol": self.protocol,
            "title": self.title,
            "instructions": self.instructions,
            "exposure_ms": self.exposure_ms,
            "exposure_text": exposure_text(self.exposure_ms),
            "question": question.title,
            "buttons": question.buttons,
            "hints": question.hints,
            "keys": question.keys,
            "practice": self.practice,
            "blocks": [[trial.images for trial in block] for block in self.blocks],
            "pictures": _texts(self.pictures),
            "mask": base64.b64encode(self.mask).decode(),
        }

    def save_page(self, path: str | os.PathLike) -> Path:
        """Writes the study as one HTML file for raters. It needs neither internet nor server.

        The page does not hold the answers, in no form: image ids are random, images stand in the
        order of their ids, and scoring needs the key file. What no page can prevent: a person who
        has the data set can look up which of the images are in it.

        Raises:
            FileNotFoundError: the folder is missing.
        """
        return write_atomically(path, page(self.public()))

    def save_key(self, path: str | os.PathLike) -> Path:
        """Writes the whole study with its answers as one JSON file: for the teacher, not raters.

        Raises:
            FileNotFoundError: the folder is missing.
        """
        key = {"format": KEY_FORMAT, "study": self.id, **self._contents()}
        return write_atomically(path, json.dumps(key, indent=1) + "\n")

    def form(self, folder: str | os.PathLike | None = None, session: int | None = None):
        """The study as a form for JupyterLab and Colab, a widget; see `gentut.human.form.Form`.

        Args:
            folder: where to write the rater's file; default nowhere (it is in `form.response`).
            session: fixes the order and the sides; default a random one.

        Raises:
            ImportError: ipywidgets is not installed.
        """
        from gentut.human.form import Form  # only notebooks need ipywidgets

        return Form(self, folder, session)

    def _contents(self) -> dict:
        return {
            "protocol": self.protocol,
            "title": self.title,
            "instructions": self.instructions,
            "exposure_ms": self.exposure_ms,
            "rules": asdict(self.rules),
            "models": self.models,
            "sources": dict(self.sources),
            "practice": self.practice,
            "blocks": [[trial._asdict() for trial in block] for block in self.blocks],
            "mask": base64.b64encode(self.mask).decode(),
            "pictures": _texts(self.pictures),
        }


def load_key(path: str | os.PathLike) -> Study:
    """Reads the study that `Study.save_key` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no key file, or was changed after it was written.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`path` must be an existing key file; received {str(path)!r}.")
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
        if key.pop("format") != KEY_FORMAT:
            raise ValueError("format")
        written = key.pop("study")
        first, second = (
            tuple(Trial(tuple(t["images"]), t["model"]) for t in block) for block in key["blocks"]
        )
        study = Study(
            **key
            | {
                "rules": Rules(**key["rules"]),
                "models": tuple(key["models"]),
                "pictures": {i: base64.b64decode(text) for i, text in key["pictures"].items()},
                "mask": base64.b64decode(key["mask"]),
                "practice": tuple(map(tuple, key["practice"])),
                "blocks": (first, second),
            }
        )
        found = study.id  # of everything above, and so the last look at its types
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"`path` must be a key file that `Study.save_key` wrote; received {path.name}, which is"
            " none or is incomplete."
        ) from error
    if found != written:
        raise ValueError(
            f"`path` must be a key file as `Study.save_key` wrote it; {path.name} was changed"
            f" afterwards (its contents give the study id {found}, not {written})."
        )
    return study


def _texts(pictures: Mapping[str, bytes]) -> dict[str, str]:
    """Base64 of each picture, in the order of the ids."""
    return {name: base64.b64encode(pictures[name]).decode() for name in sorted(pictures)}
