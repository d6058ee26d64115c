"""Scores as tables of plain text, for the terminal."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from gentut.report import scores as names
from gentut.report.recommendation import NEEDS
from gentut.report.texts import ENGLISH

HERE = ENGLISH | {"range": "{}…{}"}  # narrower than on a page


def aligned(
    rows: Sequence[Sequence[str]], left: Sequence[int] = (0,), head_width: int = 100
) -> str:
    """Rows of texts as lines, in columns two spaces apart; ``left`` are set left, others right.

    The first row is the head; its texts are broken at ``head_width`` characters.
    """
    head = [textwrap.wrap(text, head_width) or [""] for text in rows[0]]
    height = max(map(len, head))
    head = [[""] * (height - len(lines)) + lines for lines in head]
    rows = [*zip(*head, strict=True), *rows[1:]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if place in left else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def score_lines(scores: Mapping[str, names.Scores]) -> str:
    """Scores of runs on one data set: a line per score, a column per run, then references."""
    first = next(iter(scores.values()))
    keys = [k for k in names.SCORES if any(names.has(row, k) for row in scores.values())]
    rows = [["", *scores, *names.REFERENCES.values()]]
    for key in keys:
        arrow = {"lower": " ↓", "higher": " ↑"}.get(names.SCORES[key].better, "")
        cells = [names.with_interval(row, key, HERE) for row in scores.values()]
        references = [names.text(first, key, name) for name in names.REFERENCES]
        rows.append([names.title(key) + arrow, *cells, *references])
    lines = [f"\n{Path(first['data']).name}: {names.origin(first)}", "", aligned(rows)]
    lines += ["", "In brackets: 95 % intervals. ↓ lower is better, ↑ higher is better."]
    for run, row in scores.items():
        if row["left_out"]:
            lines.append(textwrap.fill(f"Left out for {run}: {row['left_out']}.", 100))
    return "\n".join(lines)


def family_lines(results: Sequence[names.Scores]) -> str:
    """The families of a comparison, best first: quality and cost, a line each."""
    quality = ("frechet_distance", "precision", "recall", "coverage", "distance_to_training")
    keys = (*quality, "parameters", "seconds_train", "seconds_per_1000")
    rows = [["family", *(names.title(key) for key in keys)]]
    for row in sorted(results, key=lambda row: row["frechet_distance"]):
        first, *others = keys
        cells = [names.with_interval(row, first, HERE), *(names.text(row, key) for key in others)]
        rows.append([names.family_name(row["family"]), *cells])
    for name in ("real", "noise"):
        rows.append([f"({name})", *(names.text(results[0], key, name) for key in keys)])
    note = textwrap.fill(
        f"{names.origin(results[0])} In brackets: 95 % interval of the Fréchet distance; another"
        " training seed would change more.",
        100,
    )
    return f"\n{aligned(rows, head_width=10)}\n\n{note}"


def need_lines(results: Sequence[names.Scores], need: str) -> str:
    """The scores that decide for a need, with their intervals; a line for each family."""
    wanted = NEEDS[need]
    keys = [k for k in (wanted.key, *wanted.also) if any(names.has(row, k) for row in results)]
    rows = [[f"for {need}", *(names.title(key) for key in keys)]]
    for row in results:
        cells = [names.with_interval(row, key, HERE) for key in keys]
        rows.append([names.family_name(row["family"]), *cells])
    return f"\n{aligned(rows)}\n"
