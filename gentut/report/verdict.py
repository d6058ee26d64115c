"""What a comparison says in two sentences, and what it does not dare to say."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gentut.report.scores import SCORES, family_name, with_interval

if TYPE_CHECKING:  # metrics need SciPy, for which `gentut data` shall not wait
    from gentut.metrics import Interval

KEY = "frechet_distance"


def verdict(rows: Sequence[Mapping], budget: float, data: str) -> str:
    """Who is nearest to the real images, and what follows or cannot be told apart.

    Two families cannot be told apart where the 95 % interval of their difference, on the same
    halves of the test images, holds 0 (see `gentut.metrics.paired_difference`).

    Args:
        rows: one `CompareRow` per family.
        budget: training seconds of each.
        data: what the images are called.

    Raises:
        ValueError: no rows, or a Fréchet distance that is not a number.
    """
    if not rows:
        raise ValueError("`rows` must hold at least one family; received none.")
    for row in rows:
        if not np.isfinite(row[KEY]):
            raise ValueError(
                f"`rows` must have finite Fréchet distances; received {row[KEY]} "
                f"for {row['family']!r}."
            )
    level, behind = ranked(rows, KEY)
    best = level[0]
    start = f"On a budget of {duration(budget)} of training each"
    floor = best[f"{KEY}_real"]
    times = f"{best[KEY] / floor:.2g} times the {floor:.3g} between two sets of real images"
    if len(level) > 1:
        names = listed([_the(row) for row in level])
        first = (
            f"{start}, {names} cannot be told apart: the intervals of their differences from the"
            f" first hold 0, at Fréchet distances of {listed([_score(row) for row in level])}; the"
            f" lowest is {times}."
        )
    elif behind:
        first = (
            f"{start}, {_the(best)} comes closest to real {data}, at a Fréchet "
            f"distance of {_score(best)}, {times}."
        )
    else:
        first = f"{start}, {_the(best)} is at a Fréchet distance of {_score(best)}, {times}."
    if not behind:
        second = f"Noise would score {best[f'{KEY}_noise']:,.0f}."
    elif len(behind) == 1:
        second = f"Behind is {_the(behind[0])} at {_score(behind[0])}."
    else:
        second = (
            f"Behind is {_the(behind[0])} at {_score(behind[0])}, "
            f"and last {_the(behind[-1])} at {_score(behind[-1])}."
        )
    return f"{first} {second}"


def ranked(rows: Sequence[Mapping], key: str) -> tuple[list[Mapping], list[Mapping]]:
    """The best family and those level with it, then those behind; each list best first.

    Level is a family that cannot be told apart from the best, see `apart`.
    """
    best, *others = sorted(rows, key=lambda row: row[key], reverse=SCORES[key].better == "higher")
    level = [row for row in others if not apart(best, row, key)]
    return [best, *level], [row for row in others if apart(best, row, key)]


def apart(a: Mapping, b: Mapping, key: str) -> bool:
    """Whether two families differ in a score: the interval of their difference leaves out 0.

    A score without halves, such as seconds, differs if the numbers do.
    """
    found = difference(a, b, key)
    return a[key] != b[key] if found is None else not found.low <= 0 <= found.high


def difference(a: Mapping, b: Mapping, key: str) -> "Interval | None":
    """The 95 % interval of a's score less b's, on the same halves of the test images.

    Without ``halves`` of this score in both, see `gentut.evaluate`, there is none.
    """
    from gentut.metrics import interval_of

    halves = [(row.get("halves") or {}).get(key) for row in (a, b)]
    return None if None in halves else interval_of(a[key] - b[key], np.subtract(*halves))


def duration(seconds: float) -> str:
    """Such as "45 seconds"; in minutes from two of them on."""
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"


def _the(row: Mapping) -> str:
    return f"the {family_name(row['family'])}"


def _score(row: Mapping) -> str:
    return with_interval(row, KEY)


def listed(items: Sequence[str]) -> str:
    """Such as "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
