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
    page,
    public,
)
from gentut.report.recommendation import NEEDS, Recommendation
from gentut.report.scores import (
    COST,
    FAMILIES,
    REFERENCES,
    SCORES,
    better,
    family_name,
    has,
    interval,
    interval_text,
)
from gentut.report.scores import text as score_text
from gentut.report.verdict import difference, duration, ranked, verdict


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

    Raises:
        ValueError: no rows, or an image array of the wrong shape or range.
        FileNotFoundError: the folder is missing.
    """
    context = {**context, "data": public(context["data"])}
    lead = verdict(rows, context["budget"], context["data"])
    if context.get("status"):
        lead = f"{context['status']} {lead}"
    rows = sorted(rows, key=lambda row: row["frechet_distance"])
    shown = [key for key in SCORES if any(has(row, key) for row in rows)]
    quality = [key for key in QUALITY if key in shown]
    advice = context.get("recommendation")
    families = [row["family"] for row in rows if row["family"] in FAMILIES]
    blocks: list[Block] = [
        *(_advice(advice, rows) if advice else ()),
        Paragraph(lead, lead=not advice),
        _table(
            rows,
            quality,
            f"Scored on {context['samples']:,} generated images for each family. In bold, the best "
            "of each column; for the Fréchet distance, also what cannot be told from the best. "
            "Real images: the same number from the training set; noise: uniform in each pixel.",
            references=("real", "noise"),
        ),
        Heading("What they draw"),
        Paragraph("Drawn at random, not chosen. Look before you trust any number."),
        Gallery(_strips(rows, samples, context.get("class_names"))),
        Heading("How far from real"),
        _distances(rows, context),
        *_differences(rows),
        Heading("Is it memorising?"),
        Paragraph(
            "A model that copies its training images would score well and be worthless. Under "
            "each generated image stand the training images nearest to it, with their distance "
            "in the classifier's features. Alike is good; identical is not."
        ),
        Gallery(_neighbours(rows, neighbours), wide=True),
        Heading("What it costs"),
        _table(rows, [key for key in COST if key in shown], f"Measured on {context['hardware']}."),
        Heading("How to read this"),
        Definitions({SCORES[k].title: SCORES[k].meaning for k in (*quality, *COST) if k in shown}),
        Bullets(_cautions(rows, context)),
        Heading("The families"),
        Definitions({family_name(family): FAMILIES[family][1] for family in families}),
        Heading("How to repeat it"),
        Code(context["command"]),
        Definitions(_settings(context)),
    ]
    ways = f"{len(rows)} ways" if len(rows) > 1 else "One way"
    budget = duration(context["budget"])
    subtitle = f"A budget of {budget} of training each, on {context['hardware']}."
    write_atomically(path, page(f"{ways} to generate {context['data']}", subtitle, blocks))


def _advice(advice: Recommendation, rows: Sequence[CompareRow]) -> list[Block]:
    """What is recommended for a need, and the scores that say so."""
    need = NEEDS[advice.need]
    keys = [key for key in (need.key, *need.also) if any(has(row, key) for row in rows)]
    blocks: list[Block] = [Paragraph(advice.why, lead=True)]
    if advice.notes:
        blocks.append(Bullets(advice.notes))
    if keys:
        caption = f"What was asked for, {advice.need}, is {need.wanted}. The first column decides."
        blocks.append(_table(rows, keys, caption))
    if need.key in keys and need.key != "frechet_distance":  # which has a figure of its own below
        blocks.append(_scores(need.key, rows))
    return [*blocks, Definitions({SCORES[key].title: SCORES[key].meaning for key in keys})]


def _scores(key: str, rows: Sequence[CompareRow]) -> Picture:
    """A score of every family that has it, on a linear scale."""
    scored = [row for row in rows if has(row, key)]
    ends = [interval(row, key) or (row[key], row[key]) for row in scored]
    scores = {
        family_name(row["family"]): (row[key], *pair)
        for row, pair in zip(scored, ends, strict=True)
    }
    real = rows[0].get(f"{key}_real")
    references = {} if real is None else {"real": real}
    label = f"{SCORES[key].title} ({better(key)})"
    return Picture(
        plots.intervals(scores, references, x_label=label, log=False),
        f"{SCORES[key].title} of each family: "
        + "; ".join(f"{family_name(row['family'])} {score_text(row, key)}" for row in scored),
        "Each dot is a family, its bar the 95 % interval, where it has one."
        + " The line is real images of the training set." * bool(references),
    )


def _table(
    rows: Sequence[CompareRow],
    keys: Sequence[str],
    caption: str,
    references: Sequence[str] = (),
) -> Table:
    """One line per family, and one per reference, whose scores stand in the first row."""
    lines: list[list[str | Cell]] = [
        [
            family_name(row["family"]),
            *(
                Cell(score_text(row, key), interval_text(row, key), best=_is_best(row, rows, key))
                for key in keys
            ),
        ]
        for row in rows
    ]
    for name in references:
        cells = [Cell(score_text(rows[0], key, name)) for key in keys]
        lines.append([Cell(REFERENCES[name].lower(), "for orientation"), *cells])
    head = [Cell(SCORES[k].title, better(k)) for k in keys]
    return Table(caption, ["Family", *head], lines)


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
) -> list[Picture]:
    columns = len(class_names or ()) or 10
    scores = {row["family"]: f"Fréchet distance {row['frechet_distance']:.3g}." for row in rows}
    order = [name for name in ["real", *scores] if name in samples]
    note = f" Columns, left to right: {', '.join(class_names)}." if class_names else ""
    pictures = []
    for place, name in enumerate(order):
        title = "Real images" if name == "real" else family_name(name)
        caption = scores.get(name, "From the test set.") + (note if place == 0 else "")
        alt = f"{len(samples[name])} images: {title}"
        pictures.append(Picture(plots.tile(samples[name], columns), alt, caption, f"{title}."))
    return pictures


def _distances(rows: Sequence[CompareRow], context: CompareContext) -> Picture:
    key = "frechet_distance"
    references = {name: rows[0][f"{key}_{name}"] for name in ("real", "noise")}
    values = [row[key] for row in rows]
    # An interval can reach down to zero, where a logarithmic axis has no place.
    edge = min([*values, *references.values()]) / 2
    ends = [interval(row, key) or (row[key], row[key]) for row in rows]
    scores = {
        family_name(row["family"]): (value, max(low, min(edge, value)), high)
        for row, value, (low, high) in zip(rows, values, ends, strict=True)
    }
    return Picture(
        plots.intervals(scores, references),
        "Fréchet distance of each family between those of real images and of noise: "
        + "; ".join(f"{family_name(row['family'])} {row[key]:.3g}" for row in rows),
        "Each dot is a family; its bar is the interval "
        f"({context['interval']}). Each step of the scale is ten times the one before. The left "
        "line is what real images score against other real images: as good as it gets. The "
        "right line is noise.",
    )


def _differences(rows: Sequence[CompareRow]) -> list[Block]:
    """How far each family is behind the best, on the same images; nothing if that is not known."""
    best, *others = rows
    lines = []
    for row in others:
        found = difference(row, best, "frechet_distance")
        if found is not None:
            ends = f"{found.low:.3g} to {found.high:.3g}"
            told = "cannot be told apart" if found.low <= 0 <= found.high else "told apart"
            lines.append([family_name(row["family"]), Cell(f"{found.value:.3g}", ends), told])
    if not lines:
        return []
    caption = (
        f"Fréchet distance less that of the best, the {family_name(best['family'])}. Small: the"
        " 95 % interval of this difference, from halves of the test images, the same for both."
        " It is narrower than the bars above suggest, because the choice of test images moves both"
        " distances alike. If it holds 0, this page claims no difference."
    )
    return [Table(caption, ["Family", "Difference", "From the best"], lines)]


def _neighbours(
    rows: Sequence[CompareRow],
    neighbours: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> list[Picture]:
    pictures = []
    for row in rows:
        if row["family"] not in neighbours:
            continue
        name = family_name(row["family"])
        caption = "Nearest training images below."
        if has(row, "distance_to_training"):
            ratio = score_text(row, "distance_to_training")
            caption += f" Distance, against that of unseen real images: {ratio}."
        figure = plots.nearest_neighbours(*neighbours[row["family"]])
        alt = f"Images generated by {name} above their nearest training images"
        pictures.append(Picture(figure, alt, caption, f"{name}."))
    return pictures


def _cautions(rows: Sequence[CompareRow], context: CompareContext) -> list[str]:
    accuracy = context.get("feature_accuracy")
    cautions = [
        f"All numbers depend on the classifier that sees the images: {context['features']}"
        + (f", {100 * accuracy:.1f} % right on test images." if accuracy else "."),
        f"The budget is {duration(context['budget'])} for each family. More time, or another "
        "machine, can change the order.",
    ]
    if all(interval(row, "frechet_distance") for row in rows):
        cautions.append(
            f"Intervals: {context['interval']}. Not whether two overlap, but the interval of their"
            " difference decides whether families are told apart."
        )
    if has(rows[0], "n_neighbours"):
        cautions.append(
            f"Precision to distance to training look at {rows[0]['n_neighbours']:,} images of each "
            "side at most, and at their 5 nearest neighbours."
        )
    if len(context["seeds"]) == 1:
        cautions.append(
            "One training run for each family. Another seed gives another model, and the "
            "intervals do not show by how much."
        )
    return cautions


def _settings(context: CompareContext) -> dict[str, str]:
    return {
        "Data": context["data"],
        "Budget": f"{duration(context['budget'])} of training for each family",
        "Seeds": ", ".join(map(str, context["seeds"])),
        "Scored on": f"{context['samples']:,} generated images for each family",
        "Hardware": context["hardware"],
        "Versions": ", ".join(f"{name} {value}" for name, value in context["versions"].items()),
    }
