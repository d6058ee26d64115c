"""What a run is asked for, and what may be asked anew when it is taken up again."""

import dataclasses
import math
import os
from collections.abc import Mapping

from gentut.checks import (
    check_choice,
    check_entries,
    check_image_shape,
    check_positive,
    check_seed,
    near_sides,
    told_near,
)
from gentut.models import recipes
from gentut.report.texts import words_of
from gentut.training.callbacks import TimeBudget

STATUSES = ("running", "interrupted", "diverged", "finished")
DEFAULT_EPOCHS = 10


@dataclasses.dataclass(kw_only=True)
class Settings:
    """What a training and a comparison have in common: their images, and their seed.

    Raises:
        ValueError, TypeError: an entry is not what its name promises.
    """

    data: str = "glyphs"  # what `gentut.data.load` takes
    size: int | None = None  # pixels per side
    channels: int | None = None
    pad: bool = False  # rectangular images of a folder, instead of cropping them
    skip_unreadable: bool = False  # images of a folder
    seed: int = 0  # of weights, noise and order
    language: str | None = None  # of the page, "en" or "zh"; None is English

    def __post_init__(self) -> None:
        if isinstance(self.data, os.PathLike):
            self.data = os.fspath(self.data)
        self._check_types(data=str, pad=bool, skip_unreadable=bool)
        if self.size is not None:
            check_positive("size", self.size)
            try:
                check_image_shape((self.size, self.size, 1))
            except ValueError:
                near = [side for side, _ in near_sides(self.size, self.size)]
                raise ValueError(
                    "`size` must halve evenly to 12 pixels or less (28, 32, 48, 64, 96, 128, 256,"
                    f" …); received {self.size}{told_near(near)}."
                ) from None
        words_of(self.language)  # raises where there is none
        if self.channels not in (None, 1, 3):
            raise ValueError(f"`channels` must be 1 or 3; received {self.channels!r}.")
        self.seed = check_seed(self.seed)

    def _check_types(self, **kinds: type) -> None:
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(
                    f"`{name}` must be a {kind.__name__}; received {getattr(self, name)!r}."
                )

    @property
    def data_options(self) -> dict[str, object]:
        """The options of ``gentut.data.load``, only those that say something."""
        on_error = "skip" if self.skip_unreadable else None
        options = {"size": self.size, "channels": self.channels, "pad": self.pad or None}
        options["on_error"] = on_error
        return {name: value for name, value in options.items() if value is not None}

    def words(self, *names: str) -> list[str]:
        """The options of the command line that set these fields, and those of every training."""
        words = []
        for name in (*names, "size", "channels", "pad", "skip_unreadable", "seed", "language"):
            value = getattr(self, name)
            if value is not None and value is not False:
                words.append(f"--{name.replace('_', '-')}")
                words += [] if value is True else [str(value)]
        return words


@dataclasses.dataclass(kw_only=True)
class Config(Settings):
    """What a run was asked for, and how far it came (``config.json``).

    Raises:
        ValueError, TypeError: an entry is not what its name promises.
    """

    family: str | None = None  # one of `gentut.models.recipes.FAMILIES`; there is no default
    conditional: bool = False  # use the labels
    minutes: float | None = None  # train by the clock, or
    epochs: int | None = None  # by passes over the data; 10 if neither is given
    batch_size: int | None = None  # the recipe's once training has begun
    devices: int | None = None  # of each process, see `gentut.use_devices`; None is one
    status: str = "running"
    seconds: float = 0.0  # of training so far
    environment: dict = dataclasses.field(default_factory=dict)  # where it was trained
    contents: dict = dataclasses.field(default_factory=dict)  # of the data, see `runs.contents`

    def __post_init__(self) -> None:
        check_choice("family", self.family, recipes.FAMILIES)
        super().__post_init__()
        self._check_types(conditional=bool, environment=dict, contents=dict)
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
        for name in ("epochs", "batch_size"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        if self.devices not in (None, "auto"):
            check_positive("devices", self.devices)
        check_choice("status", self.status, STATUSES)
        if not isinstance(self.seconds, int | float) or not 0 <= self.seconds < math.inf:
            raise ValueError(f"`seconds` must be a number ≥ 0; received {self.seconds!r}.")


def check_contents(contents: object) -> None:
    """Raise unless this is a dict as ``gentut.runs.contents.describe`` gives it."""
    check_entries(contents, {"classes": list, "images": int, "sha256": str})
    for name in contents["classes"]:
        check_entries({"class": name}, {"class": str})


def taken_up(config: Config, epochs: int, asked: Mapping[str, object]) -> Config:
    """Return the config of a run that goes on; ``epochs`` are behind it.

    Raises:
        ValueError, TypeError: what is asked for is no setting, or one that must stay what it was.
    """
    unknown = set(asked) - {field.name for field in dataclasses.fields(Config)}
    if unknown:
        raise TypeError(f"`{min(unknown)}` must be a setting of a run; see gentut.runs.Config.")
    for name, value in asked.items():
        begun = getattr(config, name)
        if name == "data":  # where the images are now, see `load_again`
            continue
        if name in ("minutes", "epochs"):
            used = config.seconds / 60 if name == "minutes" else epochs
            if begun is None or value < used:
                raise ValueError(
                    f"`{name}` must be at least the {used:.3g} that the run has behind it;"
                    f" received {value}."
                    if begun is not None
                    else f"`{name}` must be left out: this run counts"
                    f" {'epochs' if name == 'minutes' else 'minutes'}; received {value}."
                )
            if value > begun and recipes.is_iterative(config.family):
                config.status = "running"
        elif value != begun and name not in ("devices", "language"):  # no matter to the weights
            raise ValueError(
                f"`{name}` must stay what the run was begun with, {begun!r}; received {value!r}."
                " Leave it out with --resume."
            )
        config = dataclasses.replace(config, **{name: value})
    return config


def is_done(config: Config, epochs: int) -> bool:
    """Tell whether a run that is taken up, with so many epochs behind it, has nothing to train."""
    if config.minutes is not None:
        return config.seconds >= 60 * config.minutes
    return epochs >= config.epochs
