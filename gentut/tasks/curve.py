"""Learning curves: a score against the number of real images, for several ways to train."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gentut.tasks.intervals import difference, summary
from gentut.tasks.trial import Trial, check_seeds


def learning_curve(
    trial: Trial,
    ways: Mapping[str, Callable],
    sizes: Iterable[int],
    seeds: Iterable[int] = (0, 1, 2),
    rows: Iterable[dict] = (),
    keep: Callable[[dict], Any] = lambda row: None,
) -> list[dict]:
    """Train every way, at every size, with every seed; one row of numbers each.

    Args:
        trial: a ``Trial``.
        ways: name -> function (per_class, seed) -> ``(images, labels)``, augment.
        sizes: numbers of real images of each class.
        seeds: each way gets the seed too, so that it can draw other real images for each.
        rows: rows that an earlier call made; they are not made again.
        keep: called with each new row, so that it can be stored at once.

    Returns:
        all rows, old and new: dicts of "task", "score", "way", "per_class", "seed", "value",
        "n_train", "seconds" (of training and scoring), "resampled" (the units of the test set),
        "units" (how many there are) and "draws" (the score on the resampled test sets).
    """
    rows = list(rows)
    done = {key(row) for row in rows}
    for seed in check_seeds(seeds):
        for per_class in sizes:
            for way, make in ways.items():
                name = {"task": trial.task, "way": way, "per_class": per_class, "seed": seed}
                if key(name) in done:
                    continue
                train, augment = make(per_class, seed)
                start = time.perf_counter()
                found = trial.score(train, augment=augment, seed=seed)
                row = name | {
                    "score": trial.score_name,
                    "value": found[trial.score_name],
                    "n_train": len(train[1]),
                    "seconds": round(time.perf_counter() - start, 2),
                    "resampled": trial.unit,
                    "units": trial.units,
                    "draws": found["draws"],
                }
                rows.append(row)
                keep(row)
    return rows


def key(row: dict) -> tuple[str, str, int, int]:
    """Return what makes a row of a learning curve this one and no other."""
    return row["task"], row["way"], row["per_class"], row["seed"]


def summarise(
    rows: Iterable[dict], baseline: str | Callable[[str], str]
) -> dict[tuple[str, str, int], dict]:
    """Gather the rows of each task, way and size, with the paired difference to a baseline.

    Args:
        rows: from ``learning_curve``; a way may have fewer seeds than another.
        baseline: the way that all others are compared with, or a function from a way to its own.

    Returns:
        (task, way, per_class) -> the dict of ``summary``, with "seeds", and "difference": the dict
        of ``difference`` over the seeds that both have, or None if there is none.
    """
    groups = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        groups.setdefault((row["task"], row["way"], row["per_class"]), []).append(row)
    found = {}
    for (task, way, size), members in groups.items():
        own = {row["seed"]: row for row in members}
        rival = baseline(way) if callable(baseline) else baseline
        base = {row["seed"]: row for row in groups.get((task, rival, size), [])}
        common = [seed for seed in own if seed in base]
        change = None
        if common:
            change = difference(_of(own, common), _of(base, common))
        found[task, way, size] = {**_of(own, list(own)), "difference": change}
    return found


def _of(rows, seeds):
    """The summary of the rows of these seeds, with "seeds"."""
    chosen = [rows[seed] for seed in seeds]
    draws = [row["draws"] for row in chosen] if all("draws" in row for row in chosen) else None
    units = chosen[0].get("units")
    return {**summary([row["value"] for row in chosen], draws, units), "seeds": seeds}
