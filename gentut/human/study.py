"""A study: its images, its trials, its rules and its key file.

From it come the page and the form for raters; the analysis measures answers against it.
"""

import base64
import hashlib
import json
import os
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gentut import checks
from gentut.files import write_atomically
from gentut.human.page import page
from gentut.human.session import PROTOCOLS, Step, session_steps
from gentut.human.texts import WORDS, exposure_text

if TYPE_CHECKING:  # only notebooks need ipywidgets
    from gentut.human.form import Form

KEY_FORMAT = "gentut-study-key-1"
REAL = "real"  # the source of real images; every other source is the name of a model
EXPOSURE_MS = (100, 5000)
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Rules:
    """Whose answers will not count: fixed with the study, before anyone answers.

    Other rules make another study. None of them looks at whether answers are right. Leaving out
    raters because they erred would push the error rate down and make every generator look worse
    than it is.

    Args:
        min_answered: share of the trials that a rater must have answered.
        fastest_ms: an answer sooner than this after the image appeared is no judgement;
            simple reactions to light already take about 200 ms.
        max_fast: share of such answers above which a rater is left out.
        max_same: share of answers on one button above which a rater is left out (who presses
            one key all the time is right half of the time).
        late_ms: with timed exposure, how much longer than planned an image may stay, in
            milliseconds (a frame of a screen takes 17).
        max_late: share of answers with a longer exposure above which a rater is left out.

    Raises:
        ValueError: a share outside [0, 1], or milliseconds that are not positive integers of at
            most a day.
    """

    min_answered: float = 0.9
    fastest_ms: int = 200
    max_fast: float = 0.1
    max_same: float = 0.95
    late_ms: int = 50
    max_late: float = 0.1

    def __post_init__(self):
        for name, value in asdict(self).items():
            (checks.check_positive if name.endswith("_ms") else checks.check_share)(name, value)
            if value > DAY_MS:
                raise ValueError(
                    f"`{name}` must be at most {DAY_MS}, a day; received {reprlib.repr(value)}."
                )

    def sentences(self, timed: bool) -> list[str]:
        """Return the rules in words, one sentence each.

        Args:
            timed: whether the exposure of the study is limited.
        """
        rules = [
            f"fewer than {self.min_answered:.0%} of the trials answered",
            f"more than {self.max_fast:.0%} of the answers within {self.fastest_ms} ms",
            f"more than {self.max_same:.0%} of the answers on one button",
        ]
        if timed:
            rules.append(
                f"more than {self.max_late:.0%} of the images shown over {self.late_ms} ms "
                "longer than planned"
            )
        return [f"Left out: raters with {rule}." for rule in rules]


class Trial(NamedTuple):
    """One question that counts: the ids of its images, and the model it measures.

    For a real image in "real_or_fake" that is the model of the generated image it was drawn with.
    """

    images: tuple[str, ...]
    model: str


@dataclass(frozen=True, eq=False)
class Study:
    """A study as ``make_study`` builds it and ``load_key`` reads it back.

    Args:
        protocol: "real_or_fake" or "which_is_real".
        title, instructions: what raters read.
        exposure_ms: how long the images are shown, 100 to 5000 ms, or None for as long as the
            rater likes.
        rules: whose answers will not count.
        models: names of the generated sets.
        pictures: PNG files by image id.
        mask: the PNG file that covers an image when its time is over.
        sources: by image id, "real" or the name of the model that made it.
        practice: image ids of the trials that do not count.
        blocks: the trials that count, in two balanced blocks.
        origins: by id of a real image, an integer that images of one source share, such as a
            typeface family; None if that is unknown. It stays in the key file.
        origin_kind: what such a source is, in words.
        language: of all that raters read, "en" or "zh".

    Raises:
        ValueError: an unknown protocol or language, an empty text, or an exposure out of range.
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
    origins: Mapping[str, int] | None = None
    origin_kind: str = "source"
    language: str = "en"

    def __post_init__(self):
        checks.check_choice("protocol", self.protocol, list(PROTOCOLS))
        checks.check_choice("language", self.language, list(WORDS))
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
        """List what a session shows, practice first.

        Args:
            session: an integer in [1, 2³²) that fixes the order and the sides.
            practice: whether to include the trials that do not count.

        Raises:
            ValueError: ``session`` is out of range.
        """
        return session_steps(self.practice if practice else (), self._images, session)

    def public(self) -> dict:
        """Return all that the page and the form get: nothing in it tells real from fake."""
        words = WORDS[self.language]
        question = words[self.protocol]
        return {
            "study": self.id,
            "protocol": self.protocol,
            "title": self.title,
            "instructions": self.instructions,
            "exposure_ms": self.exposure_ms,
            "exposure_text": exposure_text(self.exposure_ms, self.language),
            "question": question["title"],
            "buttons": question["buttons"],
            "hints": question["hints"],
            "keys": PROTOCOLS[self.protocol],
            "words": {name: text for name, text in words.items() if name not in PROTOCOLS},
            "practice": self.practice,
            "blocks": self._images,
            "pictures": _texts(self.pictures),
            "mask": base64.b64encode(self.mask).decode(),
        }

    def save_page(self, path: str | os.PathLike) -> Path:
        """Write the study as one HTML file for raters, which needs neither internet nor server.

        The page does not hold the answers, in no form: image ids are random, images stand in the
        order of their ids, and scoring needs the key file. What no page can prevent: a person who
        has the data set can look up which of the images are in it.

        Raises:
            FileNotFoundError: the folder is missing.
        """
        return write_atomically(path, page(self.public()))

    def save_key(self, path: str | os.PathLike) -> Path:
        """Write the whole study with its answers as one JSON file: for the teacher, not raters.

        Raises:
            FileNotFoundError: the folder is missing.
        """
        key = {"format": KEY_FORMAT, "study": self.id, **self._contents()}
        return write_atomically(path, json.dumps(key, indent=1) + "\n")

    def form(self, folder: str | os.PathLike | None = None, session: int | None = None) -> "Form":
        """Return the study as a form for JupyterLab and Colab: a widget, ``human.form.Form``.

        Args:
            folder: where to write the rater's file; default nowhere (it is in ``form.response``).
            session: fixes the order and the sides; default a random one.

        Raises:
            ImportError: ipywidgets is not installed.
            FileNotFoundError: the folder is missing.
            ValueError: ``session`` is out of range.
        """
        from gentut.human.form import Form  # only notebooks need ipywidgets

        return Form(self.public(), folder, session)

    @property
    def _images(self) -> list[list[tuple[str, ...]]]:
        return [[trial.images for trial in block] for block in self.blocks]

    def _contents(self) -> dict:
        known = {"origins": dict(self.origins or {}), "origin_kind": self.origin_kind}
        return {
            # Left out where unknown: the id of a study made before there were any stays.
            **(known if self.origins else {}),
            **({"language": self.language} if self.language != "en" else {}),
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
    """Read the study that ``Study.save_key`` wrote.

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
        written = str(key.pop("study"))[:12]
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
        identity = study.id
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"`path` must be a key file that `Study.save_key` wrote; received {path.name}, which is"
            " none or is incomplete."
        ) from error
    if identity != written:
        raise ValueError(
            f"`path` must be a key file as `Study.save_key` wrote it; {path.name} was changed"
            f" afterwards (its contents give the study id {identity}, not {written!r})."
        )
    return study


def _texts(pictures: Mapping[str, bytes]) -> dict[str, str]:
    """Encode each picture in base64, in the order of the ids."""
    return {name: base64.b64encode(pictures[name]).decode() for name in sorted(pictures)}
