"""What a comparison says in two sentences, and what it does not dare to say."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gentut.report.scores import SCORES, family_name, with_interval
from gentut.report.texts import Words, duration, listed, words_of

if TYPE_CHECKING:  # metrics need SciPy, for which `gentut data` shall not wait
    from gentut.metrics import Interval

KEY = "frechet_distance"


def verdict(rows: Sequence[Mapping], budget: float, data: str, language: str | None = None) -> str:
    """Who is nearest to the real images, and what follows or cannot be told apart.

    Two families cannot be told apart where the 95 % interval of their difference, on the same
    halves of the test images, holds 0 (see `gentut.metrics.paired_difference`).

    Args:
        rows: one `CompareRow` per family.
        budget: training seconds of each.
        data: what the images are called.
        language: "en", which is the default, or "zh".

    Raises:
        ValueError: no rows, an unknown language, or a Fréchet distance that is not a number.
    """
    if not rows:
        raise ValueError("`rows` must hold at least one family; received none.")
    for row in rows:
        if not np.isfinite(row[KEY]):
            raise ValueError(
                f"`rows` must have finite Fréchet distances; received {row[KEY]} "
                f"for {row['family']!r}."
            )
    words = words_of(language)
    level, behind = ranked(rows, KEY)
    best = level[0]
    floor = best[f"{KEY}_real"]
    said = {
        "start": words["start"].format(duration(budget, words)),
        "times": words["times"].format(times=best[KEY] / floor, floor=floor),
        "name": the_family(best, words),
        "score": with_interval(best, KEY, words),
        "data": data,
    }
    if len(level) > 1:
        names = listed([the_family(row, words) for row in level], words)
        scores = listed([with_interval(row, KEY, words) for row in level], words)
        first = words["verdict_level"].format(names=names, scores=scores, **said)
    else:
        first = words["verdict_best" if behind else "verdict_one"].format(**said)
    if not behind:
        return first + words["gap"] + words["verdict_noise"].format(best[f"{KEY}_noise"])
    next_best, last = behind[0], behind[-1]
    second = words["verdict_behind" if len(behind) == 1 else "verdict_last"].format(
        name=the_family(next_best, words),
        score=with_interval(next_best, KEY, words),
        last=the_family(last, words),
        last_score=with_interval(last, KEY, words),
    )
    return first + words["gap"] + second


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


def the_family(row: Mapping, words: Words) -> str:
    """The name of a row's family within a sentence."""
    return words["the"].format(family_name(row["family"], words))
