"""What a comparison is asked for, and the file that says how far it came."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from gentut import report
from gentut.checks import NUMBER, check_choice, check_entries
from gentut.evaluation.reference import check_count
from gentut.files import read_json
from gentut.models import recipes
from gentut.report.scores import check_scores
from gentut.runs.config import Settings, check_contents
from gentut.runs.contents import difference
from gentut.runs.guard import NAME as LOCK
from gentut.runs.versions import unreadable
from gentut.training.callbacks import TimeBudget

FAMILIES = ("gaussian", "mixture", "vae", "gan", "flow", "latent_flow")
STATE = "compare.json"  # settings and the scores so far; it also marks the folder as ours
LATER = {"pad", "language"}  # settings that files of older versions lack


@dataclasses.dataclass(kw_only=True)
class Comparison(Settings):
    """What a comparison is asked for.

    With two classes or more in the data, the models are class-conditional.

    Raises:
        ValueError, TypeError: an entry is not what its name promises.
    """

    families: Sequence[str] = FAMILIES  # different ones of `gentut.models.recipes.FAMILIES`
    minutes: float = 0.75  # to train each; the statistical models take what they need
    n: int = 5_000  # generated images to score
    need: str | None = None  # of `gentut.report.NEEDS`, for which a family is recommended

    def __post_init__(self) -> None:
        super().__post_init__()
        self.families = list(self.families)
        if not self.families or len(set(self.families)) < len(self.families):
            raise ValueError(f"`families` must be different families; received {self.families}.")
        for family in self.families:
            check_choice("family", family, recipes.FAMILIES)
        TimeBudget(self.minutes)
        check_count(self.n)
        if self.need is not None:
            check_choice("need", self.need, report.NEEDS)


@dataclasses.dataclass
class State:
    """What ``compare.json`` holds."""

    settings: Comparison
    results: list  # scores of the families that are finished
    contents: dict = dataclasses.field(default_factory=dict)  # see `gentut.runs.contents`
    environment: dict = dataclasses.field(default_factory=dict)  # of the newest start


def command(settings: Comparison) -> str:
    """The command line that repeats a comparison, or a choice."""
    families, need = settings.families, settings.need
    words = ["gentut", "choose" if need else "compare", "--data", Path(settings.data).name]
    words += ["--need", need] if need else []
    minutes = settings.minutes * (len(clocked(families)) if need else 1)
    words += ["--families", *families, "--minutes", f"{minutes:g}", "-n", str(settings.n)]
    return shlex.join(words + settings.words())


def clocked(families: Sequence[str]) -> list[str]:
    """Those that train by the clock; the statistical ones take the seconds that they need."""
    return [family for family in families if recipes.is_iterative(family)] or list(families)


def refuse_foreign(folder: Path) -> None:
    """Raise unless a comparison may begin here: no folder, an empty one, one of a comparison."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`out` must be a folder; received {str(folder)!r}, which is a file.")
    others = folder.is_dir() and any(path.name != LOCK for path in folder.iterdir())
    if others and not (folder / STATE).is_file():
        raise ValueError(
            "`out` must be new, empty, or the folder of an earlier comparison; received"
            f" {str(folder)!r}, which holds other files."
        )


def taken_up(folder: Path, asked: Mapping[str, object], contents: Mapping | None = None) -> State:
    """The `State` of a comparison that goes on.

    Args:
        folder: where it is.
        asked: settings that must be those it was begun with.
        contents: what the data hold now, see `gentut.runs.contents`; None not to compare them.
    """
    path = folder / STATE
    if not path.is_file():
        raise FileNotFoundError(
            f"`out` must be the folder of a comparison that was stopped; received {str(folder)!r},"
            f" which holds no {STATE}."
        )
    found = {}
    try:
        found = read_json(path)
        state = _checked_state(found)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"`out` must be a whole comparison; received {str(folder)!r}, whose {STATE}"
            f" {unreadable(found.get('environment'))}: {error}"
        ) from error
    begun, now = state.settings, dataclasses.replace(state.settings, **asked)
    if state.contents:  # by which the same images are known, wherever they are
        begun.data = now.data
    begun.language = now.language  # the page is written anew
    for name in asked:
        before, value = getattr(begun, name), getattr(now, name)
        if value != before:
            raise ValueError(
                f"`{name}` must stay what the comparison was begun with, {before!r};"
                f" received {value!r}. Leave it out with --resume."
            )
    change = contents and state.contents and difference(state.contents, contents)
    if change:
        raise ValueError(
            f"`data` must hold what the comparison {str(folder)!r} was begun with; received"
            f" {begun.data!r}, which has changed: {change}."
        )
    return state


def _checked_state(found):
    """The `State` in what a file holds, each entry of the type that it must have."""
    check_entries(found, {"settings": dict, "results": list})
    odd = set(found) - {field.name for field in dataclasses.fields(State)}
    names = {field.name for field in dataclasses.fields(Comparison)}
    odd |= (LATER | set(found["settings"])) ^ names
    if odd:
        raise ValueError(f"it holds an unknown entry, or lacks one: {min(odd)!r}")
    check_entries(found["settings"], {"families": list, "minutes": NUMBER})
    state = State(**{**found, "settings": Comparison(**found["settings"])})
    check_entries(vars(state), {"contents": dict, "environment": dict})
    if state.contents:
        check_contents(state.contents)
    needed = ("frechet_distance", "frechet_distance_real", "frechet_distance_noise")
    for scores in state.results:
        check_scores(scores, {"family": str, "halves": dict, **dict.fromkeys(needed, NUMBER)})
    finished = [scores["family"] for scores in state.results]
    if finished != state.settings.families[: len(finished)]:
        raise ValueError("settings and results do not belong together")
    return state
