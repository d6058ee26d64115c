"""The page that `gentut compare` leaves: families of models on one budget, side by side."""

import os
from collections.abc import Mapping, Sequence
from typing import NotRequired, Required, TypedDict

import numpy as np

from gentut import plots
from gentut.files import write_atomically
from gentut.report.page import (
    Block,
    Bullets,
    Cell,
    Code,
    Definitions,
    Gallery,
    Heading,
    Paragraph,
    Picture,
    Table,
    in_figures,
    page,
    public,
)
from gentut.report.recommendation import NEEDS, Recommendation, need_texts
from gentut.report.scores import (
    COST,
    REFERENCES,
    SCORES,
    better,
    columns_note,
    family_meanings,
    family_name,
    has,
    interval,
    interval_text,
    meanings,
    title,
)
from gentut.report.scores import text as score_text
from gentut.report.texts import Words, counted, duration, named, told, words_of
from gentut.report.verdict import difference, ranked, verdict


class CompareRow(TypedDict, total=False):
    """What is known of one family: the dict of `gentut.evaluate`, and how it was trained.

    Required are the family, its Fréchet distance, and those of real images and of noise. Leave
    out, or set to None, what was not measured.
    """

    family: Required[str]
    frechet_distance: Required[float]
    frechet_distance_real: Required[float]  # of training images
    frechet_distance_noise: Required[float]
    frechet_distance_low: float | None
    frechet_distance_high: float | None
    halves: Mapping[str, Sequence[float]] | None  # the same halves of test images for every family
    precision: float | None
    recall: float | None
    density: float | None
    coverage: float | None
    distance_to_training: float | None
    seconds_train: float | None
    images_seen: int | None
    parameters: int | None
    seconds_per_1000: float | None


class CompareContext(TypedDict):
    """What all families share."""

    data: str  # a data set's name, or a folder, of which only the last part is shown
    budget: float  # training seconds for each family
    samples: int  # generated images that were scored
    seeds: Sequence[int]
    features: str  # whose features the distances are measured in
    interval: str  # what the intervals are, such as "95 %, from halves of the test images"
    hardware: str  # such as "2 CPU cores"
    versions: Mapping[str, str]
    command: str  # repeats the comparison
    feature_accuracy: NotRequired[float | None]  # test accuracy of that classifier, in [0, 1]
    class_names: NotRequired[Sequence[str] | None]  # of the columns of the samples
    status: NotRequired[str | None]  # a sentence, if not all families are there
    recommendation: NotRequired[Recommendation | None]  # for a need of the user's


QUALITY = ("frechet_distance", "precision", "recall", "density", "coverage", "distance_to_training")


def compare_report(
    path: str | os.PathLike,
    rows: Sequence[CompareRow],
    samples: Mapping[str, np.ndarray],
    neighbours: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    context: CompareContext,
    language: str | None = None,
) -> None:
    """Writes the page of a comparison.

    Args:
        path: the HTML file; its folder must exist.
        rows: one per family; the page sorts them by Fréchet distance.
        samples: family (or `"real"`, shown first) -> images `(n, h, w, c)` in [0, 1], row by
            row in the order of `context["class_names"]` where there are classes, else ten a row.
        neighbours: family -> generated images `(n, h, w, c)`, their k nearest training images
            `(n, k, h, w, c)`, and the distances `(n, k)`.
        context: what the families share.
        language: of the page, "en", which is the default, or "zh"; `context` must be in it, too.

    Raises:
        ValueError: no rows, an image array of the wrong shape or range, or an unknown language.
        FileNotFoundError: the folder is missing.
    """
    words = words_of(language)
    context = {**context, "data": public(context["data"])}
    context["hardware"] = told(context["hardware"], words)
    lead = verdict(rows, context["budget"], context["data"], language)
    if context.get("status"):
        lead = context["status"] + words["gap"] + lead
    rows = sorted(rows, key=lambda row: row["frechet_distance"])
    shown = [key for key in SCORES if any(has(row, key) for row in rows)]
    quality = [key for key in QUALITY if key in shown]
    cost = [key for key in COST if key in shown]
    advice = context.get("recommendation")
    blocks: list[Block] = [
        *(_advice(advice, rows, words) if advice else ()),
        Paragraph(lead, lead=not advice),
        _table(
            rows,
            quality,
            words["scored"].format(samples=context["samples"]),
            words,
            references=("real", "noise"),
        ),
        Heading(words["drawn"]),
        Paragraph(words["drawn_note"]),
        Gallery(_strips(rows, samples, context.get("class_names"), words)),
        Heading(words["distances"]),
        _distances(rows, context, words),
        *_differences(rows, words),
        Heading(words["memorising"]),
        Paragraph(words["memorising_note"]),
        Gallery(_neighbours(rows, neighbours, words), wide=True),
        Heading(words["costs"]),
        _table(rows, cost, words["costs_note"].format(context["hardware"]), words),
        Heading(words["reading"]),
        Definitions(meanings([*quality, *cost], words)),
        Bullets(_cautions(rows, context, words)),
        Heading(words["families_named"]),
        Definitions(family_meanings([row["family"] for row in rows], words)),
        Heading(words["repeating"]),
        Code(context["command"]),
        Definitions(_settings(context, words)),
    ]
    heading = counted(words, "ways", len(rows), data=context["data"])
    subtitle = words["budget_of"].format(
        duration=duration(context["budget"], words), hardware=context["hardware"]
    )
    write_atomically(path, page(heading, subtitle, blocks, words))


def _advice(advice: Recommendation, rows: Sequence[CompareRow], words: Words) -> list[Block]:
    """What is recommended for a need, and the scores that say so."""
    need = NEEDS[advice.need]
    name, wanted = need_texts(advice.need, words)
    keys = [key for key in (need.key, *need.also) if any(has(row, key) for row in rows)]
    blocks: list[Block] = [Paragraph(advice.why, lead=True)]
    if advice.notes:
        blocks.append(Bullets(advice.notes))
    if keys:
        blocks.append(_table(rows, keys, words["needed"].format(need=name, wanted=wanted), words))
    if need.key in keys and need.key != "frechet_distance":  # which has a figure of its own below
        blocks.append(_scores(need.key, rows, words))
    return [*blocks, Definitions(meanings(keys, words))]


def _scores(key: str, rows: Sequence[CompareRow], words: Words) -> Picture:
    """A score of every family that has it, on a linear scale."""
    scored, inside = [row for row in rows if has(row, key)], in_figures(words)
    ends = [interval(row, key) or (row[key], row[key]) for row in scored]
    scores = {
        family_name(row["family"], inside): (row[key], *pair)
        for row, pair in zip(scored, ends, strict=True)
    }
    real = rows[0].get(f"{key}_real")
    references = {} if real is None else {named("real", inside): real}
    label = f"{title(key, inside)} ({better(key, inside)})"
    alt = [f"{family_name(row['family'], words)} {score_text(row, key)}" for row in scored]
    line = words["gap"] + words["needed_line"]
    return Picture(
        plots.intervals(scores, references, x_label=label, log=False),
        words["needed_alt"].format(title=title(key, words), scores=words["semicolon"].join(alt)),
        words["needed_note"] + line * bool(references),
    )


def _table(
    rows: Sequence[CompareRow],
    keys: Sequence[str],
    caption: str,
    words: Words,
    references: Sequence[str] = (),
) -> Table:
    """One line per family, and one per reference, whose scores stand in the first row."""
    lines: list[list[str | Cell]] = [
        [
            family_name(row["family"], words),
            *(
                Cell(
                    score_text(row, key),
                    interval_text(row, key, words),
                    best=_is_best(row, rows, key),
                )
                for key in keys
            ),
        ]
        for row in rows
    ]
    for name in references:
        cells = [Cell(score_text(rows[0], key, name)) for key in keys]
        reference = named(REFERENCES[name], words).lower()
        lines.append([Cell(reference, words["orientation"]), *cells])
    head = [Cell(title(k, words), better(k, words)) for k in keys]
    return Table(caption, [words["family"], *head], lines)


def _is_best(row: CompareRow, rows: Sequence[CompareRow], key: str) -> bool:
    values = [other[key] for other in rows if has(other, key)]
    if SCORES[key].better not in ("lower", "higher") or len(values) < 2 or not has(row, key):
        return False
    if key == "frechet_distance":  # what is level with the best is best too
        return any(row is level for level in ranked(rows, key)[0])
    return row[key] == (min(values) if SCORES[key].better == "lower" else max(values))


def _strips(
    rows: Sequence[CompareRow],
    samples: Mapping[str, np.ndarray],
    class_names: Sequence[str] | None,
    words: Words,
) -> list[Picture]:
    columns = len(class_names or ()) or 10
    captions = {"real": words["from_test"]}
    captions |= {
        row["family"]: words["distance"].format(f"{row['frechet_distance']:.3g}") for row in rows
    }
    note = columns_note(class_names, words)
    pictures = []
    for place, name in enumerate(name for name in captions if name in samples):
        heading = family_name(name, words)
        if name == "real":
            heading = named(REFERENCES["real"], words)
        alt = words["strip_alt"].format(n=len(samples[name]), title=heading)
        caption = captions[name] + (note if place == 0 else "")
        tiles = plots.tile(samples[name], columns)
        pictures.append(Picture(tiles, alt, caption, words["stop"].format(heading)))
    return pictures


def _distances(rows: Sequence[CompareRow], context: CompareContext, words: Words) -> Picture:
    key, inside = "frechet_distance", in_figures(words)
    references = {named(name, inside): rows[0][f"{key}_{name}"] for name in ("real", "noise")}
    values = [row[key] for row in rows]
    # An interval can reach down to zero, where a logarithmic axis has no place.
    edge = min([*values, *references.values()]) / 2
    ends = [interval(row, key) or (row[key], row[key]) for row in rows]
    scores = {
        family_name(row["family"], inside): (value, max(low, min(edge, value)), high)
        for row, value, (low, high) in zip(rows, values, ends, strict=True)
    }
    alt = [f"{family_name(row['family'], words)} {row[key]:.3g}" for row in rows]
    return Picture(
        plots.intervals(scores, references, x_label=inside["distances_axis"]),
        words["distances_alt"].format(words["semicolon"].join(alt)),
        words["distances_note"].format(interval=context["interval"]),
    )


def _differences(rows: Sequence[CompareRow], words: Words) -> list[Block]:
    """How far each family is behind the best, on the same images; nothing if that is not known."""
    best, *others = rows
    lines = []
    for row in others:
        found = difference(row, best, "frechet_distance")
        if found is not None:
            ends = words["range"].format(f"{found.low:.3g}", f"{found.high:.3g}")
            told_apart = words["not_apart" if found.low <= 0 <= found.high else "apart"]
            name = family_name(row["family"], words)
            lines.append([name, Cell(f"{found.value:.3g}", ends), told_apart])
    if not lines:
        return []
    caption = words["differences_note"].format(best=family_name(best["family"], words))
    head = [words[key] for key in ("family", "difference", "from_best")]
    return [Table(caption, head, lines)]


def _neighbours(
    rows: Sequence[CompareRow],
    neighbours: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    words: Words,
) -> list[Picture]:
    pictures = []
    for row in rows:
        if row["family"] not in neighbours:
            continue
        name = family_name(row["family"], words)
        caption = words["neighbours_note"]
        if has(row, "distance_to_training"):
            ratio = score_text(row, "distance_to_training")
            caption += words["gap"] + words["neighbours_distance"].format(ratio)
        figure = plots.nearest_neighbours(
            *neighbours[row["family"]], names=in_figures(words)["rows"]
        )
        alt = words["neighbours_alt"].format(name)
        pictures.append(Picture(figure, alt, caption, words["stop"].format(name)))
    return pictures


def _cautions(rows: Sequence[CompareRow], context: CompareContext, words: Words) -> list[str]:
    accuracy = context.get("feature_accuracy")
    cautions = [
        words["caution_accuracy" if accuracy else "caution_features"].format(
            features=told(context["features"], words), accuracy=100 * (accuracy or 0)
        ),
        words["caution_budget"].format(duration(context["budget"], words)),
    ]
    if all(interval(row, "frechet_distance") for row in rows):
        cautions.append(words["caution_intervals"].format(context["interval"]))
    if has(rows[0], "n_neighbours"):
        cautions.append(words["caution_neighbours"].format(rows[0]["n_neighbours"]))
    if len(context["seeds"]) == 1:
        cautions.append(words["caution_seed"])
    return cautions


def _settings(context: CompareContext, words: Words) -> dict[str, str]:
    versions = {name: told(value, words) for name, value in context["versions"].items()}
    return {
        words["data"]: context["data"],
        words["budget"]: words["budget_each"].format(duration(context["budget"], words)),
        words["seeds"]: ", ".join(map(str, context["seeds"])),
        words["scored_on"]: words["scored_each"].format(context["samples"]),
        words["hardware"]: context["hardware"],
        words["versions"]: ", ".join(f"{name} {value}" for name, value in versions.items()),
    }
