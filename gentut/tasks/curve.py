"""Learning curves: a score against the number of real images, for several ways to train."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gentut.tasks.trial import Trial, check_seeds, difference, summary


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
        "n_train" and "seconds" (of training and scoring).
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
                score = trial.score(train, augment=augment, seed=seed)[trial.score_name]
                row = name | {
                    "score": trial.score_name,
                    "value": score,
                    "n_train": len(train[1]),
                    "seconds": round(time.perf_counter() - start, 2),
                }
                rows.append(row)
                keep(row)
    return rows


def key(row: dict) -> tuple[str, str, int, int]:
    """Return what makes a row of a learning curve this one and no other."""
    return row["task"], row["way"], row["per_class"], row["seed"]


def summarise(rows: Iterable[dict], baseline: str) -> dict[tuple[str, str, int], dict]:
    """Gather the rows of each task, way and size, with the paired difference to a baseline.

    Args:
        rows: from ``learning_curve``; a way may have fewer seeds than another.
        baseline: the way that all others are compared with.

    Returns:
        (task, way, per_class) -> the dict of ``summary``, with "seeds", and "difference": the dict
        of ``difference`` over the seeds that both have, or None if there is none.
    """
    groups = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        groups.setdefault((row["task"], row["way"], row["per_class"]), []).append(row)
    found = {}
    for (task, way, size), members in groups.items():
        own = {row["seed"]: row["value"] for row in members}
        base = {row["seed"]: row["value"] for row in groups.get((task, baseline, size), [])}
        common = [seed for seed in own if seed in base]
        change = None
        if common:
            pair = ({"seeds": common, "values": [v[s] for s in common]} for v in (own, base))
            change = difference(*pair)
        found[task, way, size] = {**summary(own.values()), "seeds": list(own), "difference": change}
    return found
