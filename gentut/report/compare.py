"""The page that `gentut compare` leaves: families of models on one budget, side by side."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NotRequired, TypedDict

import numpy as np

from gentut import plots
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
    write,
)


class CompareRow(TypedDict):
    """What is known of one family. Leave out, or set to None, what was not measured."""

    family: str
    frechet: float
    frechet_interval: NotRequired[tuple[float, float] | None]  # low, high
    precision: NotRequired[float | None]
    recall: NotRequired[float | None]
    density: NotRequired[float | None]
    coverage: NotRequired[float | None]
    memorisation: NotRequired[float | None]  # see COLUMNS
    seconds_train: NotRequired[float | None]
    images_seen: NotRequired[int | None]
    parameters: NotRequired[int | None]
    seconds_per_1000: NotRequired[float | None]


class CompareContext(TypedDict):
    """What all families share."""

    data: str  # a data set's name, or a folder, of which only the last part is shown
    budget: float  # training seconds for each family
    samples: int  # generated images that were scored
    seeds: Sequence[int]
    features: str  # whose features the distances are measured in
    real_floor: float  # Fréchet distance of real images against other real images
    noise_floor: float  # Fréchet distance of uniform noise
    interval: str  # what the intervals are, such as "95 % bootstrap over generated images"
    hardware: str  # such as "2 CPU cores"
    versions: Mapping[str, str]
    command: str  # repeats the comparison
    feature_accuracy: NotRequired[float | None]  # test accuracy of that classifier, in [0, 1]
    class_names: NotRequired[Sequence[str] | None]


class Column(NamedTuple):
    title: str
    better: str  # "lower", "higher" or, where neither way is better, what the number is near to
    form: str
    meaning: str


COLUMNS = {
    "frechet": Column(
        "Fréchet distance",
        "lower",
        "{:.3g}",
        "How far the generated images are, as a crowd, from the test images: both crowds are "
        "described by a classifier's features, and their means and covariances are compared. "
        "It notices poor images and missing variety alike. Its unit depends on the features, so "
        "compare it only with numbers from the same judge.",
    ),
    "precision": Column(
        "Precision",
        "higher",
        "{:.2f}",
        "Share of generated images that lie among the real ones. Few, safe images score high, "
        "so do not read it alone.",
    ),
    "recall": Column(
        "Recall",
        "higher",
        "{:.2f}",
        "Share of real images that lie among the generated ones: is all of the variety there?",
    ),
    "density": Column(
        "Density",
        "higher",
        "{:.2f}",
        "As precision, but it counts how many real neighbourhoods hold a generated image, so "
        "that one outlier weighs less. It can exceed 1.",
    ),
    "coverage": Column(
        "Coverage",
        "higher",
        "{:.2f}",
        "Share of real images with a generated image in their near neighbourhood; the steadier "
        "sibling of recall.",
    ),
    "memorisation": Column(
        "Distance to training",
        "near 1",
        "{:.2f}",
        "Median distance of a generated image to its nearest training image, divided by the same "
        "for unseen real images. Near 1 is as new as new real images are; well below 1 means "
        "copying.",
    ),
    "parameters": Column(
        "Parameters", "", "{:,}", "Numbers that are learnt and needed to generate."
    ),
    "images_seen": Column(
        "Images seen", "", "{:,}", "Training images shown, repetitions included."
    ),
    "seconds_train": Column(
        "Training, s", "", "{:.0f}", "Seconds of training. The statistical models need only a few."
    ),
    "seconds_per_1000": Column(
        "1,000 images, s", "lower", "{:.2g}", "Seconds to generate 1,000 images."
    ),
}
NAMES = {
    "gaussian": ("Gaussian", "The mean image and how images vary around it. No neural network."),
    "mixture": ("mixture", "Many such Gaussians, each for some images. No neural network."),
    "gan": ("GAN", "A generator learns to deceive a discriminator that learns to tell it apart."),
    "wgan": ("WGAN", "A GAN whose critic measures a distance instead of giving a verdict."),
    "vae": ("VAE", "An encoder squeezes images into a small code, a decoder draws them again."),
    "flow": ("flow", "A network learns the velocity that carries noise to images."),
    "latent_flow": ("latent flow", "A flow that moves the small codes of a VAE, not pixels."),
}
ARROWS = {"lower": "lower is better\u00a0↓", "higher": "higher is better\u00a0↑"}
QUALITY = ("frechet", "precision", "recall", "density", "coverage", "memorisation")
COST = ("parameters", "images_seen", "seconds_train", "seconds_per_1000")


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
            row in the order of the first ten of `context["class_names"]` where there are classes.
        neighbours: family -> generated images `(n, h, w, c)`, their k nearest training images
            `(n, k, h, w, c)`, and the distances `(n, k)`.
        context: what the families share.

    Raises:
        ValueError: no rows, or an image array of the wrong shape or range.
        FileNotFoundError: the folder is missing.
    """
    context = {**context, "data": public(context["data"])}
    verdict_text = verdict(rows, context)
    rows = sorted(rows, key=lambda row: row["frechet"])
    columns = {key: column for key, column in COLUMNS.items() if any(_has(r, key) for r in rows)}
    budget = _seconds(context["budget"])
    blocks: list[Block] = [
        Paragraph(verdict_text, lead=True),
        _table(
            rows,
            {key: columns[key] for key in QUALITY if key in columns},
            f"Scored on {context['samples']:,} generated images for each family. In bold, the best "
            "of each column; for the Fréchet distance, also what cannot be told from the best.",
        ),
        Heading("What they draw"),
        Paragraph("Drawn at random, not chosen. Look before you trust any number."),
        Gallery(_strips(rows, samples, context.get("class_names"))),
        Heading("How far from real"),
        _distances(rows, context),
        Heading("Is it memorising?"),
        Paragraph(
            "A model that copies its training images would score well and be worthless. Under "
            "each generated image stand the training images nearest to it, with their distance "
            "in the judge's features. "
            "Alike is good; identical is not."
        ),
        Gallery(_neighbours(rows, neighbours), wide=True),
        Heading("What it costs"),
        _table(
            rows,
            {key: columns[key] for key in COST if key in columns},
            f"Measured on {context['hardware']}.",
        ),
        Heading("How to read this"),
        Definitions({column.title: column.meaning for column in columns.values()}),
        Bullets(_cautions(rows, context)),
        Heading("The families"),
        Definitions({_name(r): NAMES[r["family"]][1] for r in rows if r["family"] in NAMES}),
        Heading("How to repeat it"),
        Code(context["command"]),
        Definitions(_settings(context)),
    ]
    title = f"{len(rows)} ways to generate {context['data']}"
    write(
        path,
        page(title, f"A budget of {budget} of training each, on {context['hardware']}.", blocks),
    )


def verdict(rows: Sequence[CompareRow], context: CompareContext) -> str:
    """Two sentences: who is nearest to the real images, and what follows or cannot be told apart.

    Two families cannot be told apart where their intervals overlap. That is a careful rule: it
    sometimes misses a difference, and seldom claims one that is not there.

    Raises:
        ValueError: no rows, or a Fréchet distance that is not a number.
    """
    if not rows:
        raise ValueError("`rows` must hold at least one family; received none.")
    for row in rows:
        if not np.isfinite(row["frechet"]):
            raise ValueError(
                f"`rows` must have finite Fréchet distances; received {row['frechet']} "
                f"for {row['family']!r}."
            )
    best, *others = sorted(rows, key=lambda row: row["frechet"])
    level = [row for row in others if _overlap(best, row)]
    behind = [row for row in others if not _overlap(best, row)]
    start = f"On a budget of {_seconds(context['budget'])} of training each"
    floor = context["real_floor"]
    times = f"{best['frechet'] / floor:.2g} times the {floor:.3g} between two sets of real images"
    if level:
        names = _list([_the(row) for row in [best, *level]])
        first = (
            f"{start}, {names} cannot be told apart: their intervals overlap, at Fréchet distances "
            f"of {_list([_score(row) for row in [best, *level]])}; the lowest is {times}."
        )
    else:
        first = (
            f"{start}, {_the(best)} comes closest to real {context['data']}, at a Fréchet "
            f"distance of {_score(best)}, {times}."
        )
    if not behind:
        second = f"Noise would score {context['noise_floor']:,.0f}."
    elif len(behind) == 1:
        second = f"Behind is {_the(behind[0])} at {_score(behind[0])}."
    else:
        second = (
            f"Behind is {_the(behind[0])} at {_score(behind[0])}, "
            f"and last {_the(behind[-1])} at {_score(behind[-1])}."
        )
    return f"{first} {second}"


def _table(rows: Sequence[CompareRow], columns: Mapping[str, Column], caption: str) -> Table:
    cells = []
    for row in rows:
        line: list[str | Cell] = [_name(row)]
        for key, column in columns.items():
            interval = row.get("frechet_interval") if key == "frechet" else None
            note = f"{interval[0]:.3g} to {interval[1]:.3g}" if interval else ""
            text = column.form.format(row[key]) if _has(row, key) else "–"
            line.append(Cell(text, note, best=_is_best(row, rows, key, column.better)))
        cells.append(line)
    head = [Cell(c.title, ARROWS.get(c.better, c.better)) for c in columns.values()]
    return Table(caption, ["Family", *head], cells)


def _is_best(row: CompareRow, rows: Sequence[CompareRow], key: str, better: str) -> bool:
    values = [other[key] for other in rows if _has(other, key)]
    if better not in ARROWS or len(values) < 2 or not _has(row, key):
        return False
    if key == "frechet" and row is not rows[0]:  # rows come sorted; level with the best is best
        return _overlap(rows[0], row)
    return row[key] == (min(values) if better == "lower" else max(values))


def _strips(
    rows: Sequence[CompareRow],
    samples: Mapping[str, np.ndarray],
    class_names: Sequence[str] | None,
) -> list[Picture]:
    class_names = (class_names or ())[:10]  # more columns than that are too small on a phone
    columns = len(class_names) or 10
    scores = {row["family"]: f"Fréchet distance {row['frechet']:.3g}." for row in rows}
    order = [name for name in ["real", *scores] if name in samples]
    note = f" Columns, left to right: {', '.join(class_names)}." if class_names else ""
    pictures = []
    for place, name in enumerate(order):
        title = "Real images" if name == "real" else _name({"family": name})
        caption = scores.get(name, "From the test set.") + (note if place == 0 else "")
        alt = f"{len(samples[name])} images: {title}"
        pictures.append(Picture(plots.tile(samples[name], columns), alt, caption, f"{title}."))
    return pictures


def _distances(rows: Sequence[CompareRow], context: CompareContext) -> Picture:
    scores = {
        _name(row): (row["frechet"], *(row.get("frechet_interval") or [row["frechet"]] * 2))
        for row in rows
    }
    figure = plots.intervals(
        scores, {"real": context["real_floor"], "noise": context["noise_floor"]}
    )
    return Picture(
        figure,
        "Fréchet distance of each family between those of real images and of noise: "
        + "; ".join(f"{_name(row)} {row['frechet']:.3g}" for row in rows),
        "Each dot is a family; its bar is the interval "
        f"({context['interval']}). Each step of the scale is ten times the one before. The left "
        "line is what real images score against other real images: as good as it gets.",
    )


def _neighbours(
    rows: Sequence[CompareRow],
    neighbours: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> list[Picture]:
    pictures = []
    for row in rows:
        if row["family"] not in neighbours:
            continue
        caption = "Nearest training images below."
        if _has(row, "memorisation"):
            caption += f" Distance, against that of unseen real images: {row['memorisation']:.2f}."
        figure = plots.nearest_neighbours(*neighbours[row["family"]])
        alt = f"Images generated by {_name(row)} above their nearest training images"
        pictures.append(Picture(figure, alt, caption, f"{_name(row)}."))
    return pictures


def _cautions(rows: Sequence[CompareRow], context: CompareContext) -> list[str]:
    cautions = [
        f"All numbers depend on the judge: {context['features']}"
        + (
            f", {100 * context['feature_accuracy']:.1f} % right on test images."
            if context.get("feature_accuracy")
            else "."
        ),
        f"The budget is {_seconds(context['budget'])} for each family. More time, or another "
        "machine, can change the order.",
    ]
    if all(row.get("frechet_interval") for row in rows):
        cautions.append(
            f"Intervals: {context['interval']}. Where two overlap, this page claims no difference."
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
        "Budget": f"{_seconds(context['budget'])} of training for each family",
        "Seeds": ", ".join(map(str, context["seeds"])),
        "Scored on": f"{context['samples']:,} generated images for each family",
        "Hardware": context["hardware"],
        "Versions": ", ".join(f"{name} {value}" for name, value in context["versions"].items()),
    }


def _has(row: CompareRow, key: str) -> bool:
    return row.get(key) is not None


def _overlap(a: CompareRow, b: CompareRow) -> bool:
    first, second = a.get("frechet_interval"), b.get("frechet_interval")
    if not first or not second:
        return False
    return first[0] <= second[1] and second[0] <= first[1]


def _name(row: Mapping[str, object]) -> str:
    family = str(row["family"])
    return NAMES[family][0] if family in NAMES else family


def _the(row: CompareRow) -> str:
    return f"the {_name(row)}"


def _score(row: CompareRow) -> str:
    interval = row.get("frechet_interval")
    return f"{row['frechet']:.3g}" + (
        f" ({interval[0]:.3g} to {interval[1]:.3g})" if interval else ""
    )


def _list(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _seconds(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"
