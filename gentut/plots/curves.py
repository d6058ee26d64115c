"""Numbers: how training went, and scores with their intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from gentut.plots.style import COLOURS, LINES, MARKERS, Figure, house_style

OVER = {"textcoords": "offset points", "ha": "center", "size": 8}  # a number over its dot


@house_style
def training_curves(
    history: Mapping[str, Sequence[float]],
    panels: Sequence[Sequence[str]] | None = None,
    x: Sequence[float] | None = None,
    x_label: str = "epoch",
    title: str | None = None,
) -> Figure:
    """Draw how the logged numbers went, one panel below the other over one horizontal axis.

    Args:
        history: name -> one number per epoch; NaN where it was not measured.
        panels: which names share a panel; by default each has its own, with its ``val_`` twin.
        x: where the numbers stand; by default 1, 2, 3, …
        x_label: what ``x`` counts, with its unit.
        title: a line above the figure.

    Raises:
        ValueError: no numbers, lengths that differ, or a name in ``panels`` that is not there.
    """
    curves = {name: np.asarray(values, dtype=float) for name, values in history.items()}
    lengths = {name: values.size for name, values in curves.items()}
    if not lengths or 0 in lengths.values() or len(set(lengths.values())) > 1:
        raise ValueError(
            f"`history` must hold sequences of one length, at least 1; received lengths {lengths}."
        )
    if panels is None:
        bases = dict.fromkeys(name.removeprefix("val_") for name in curves)
        panels = [[name for name in (base, f"val_{base}") if name in curves] for base in bases]
    missing = [name for panel in panels for name in panel if name not in curves]
    if missing:
        raise ValueError(
            f"`panels` must name entries of `history` ({', '.join(curves)}); received {missing}."
        )
    count = next(iter(lengths.values()))
    x = np.arange(1, count + 1) if x is None else np.asarray(x, dtype=float)
    if x.shape != (count,):
        raise ValueError(f"`x` must have shape ({count},), as the history; received {x.shape}.")
    figure = Figure(figsize=(4.8, 0.5 + 1.5 * len(panels)))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, names in zip(grid, panels, strict=True):
        for name in names:
            measured = np.isfinite(curves[name])
            # Where some epochs were not measured, show which were.
            marker = "o" if len(x) == 1 or not measured.all() else None
            axes.plot(x[measured], curves[name][measured], marker=marker, ms=4, label=name)
        if len(names) > 1:
            axes.legend()
        axes.set_ylabel(names[0] if names[-1] in (names[0], f"val_{names[0]}") else "")
        axes.yaxis.set_major_locator(MaxNLocator(4))
    grid[-1].set_xlabel(x_label)
    if x_label == "epoch":
        grid[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    grid[0].set_title(title or "")
    return figure


@house_style
def intervals(
    scores: Mapping[str, tuple[float, float, float]],
    references: Mapping[str, float] | None = None,
    x_label: str = "Fréchet distance (lower is better)",
    log: bool = True,
    title: str | None = None,
) -> Figure:
    """Draw one dot with its interval for each name, against reference values.

    Args:
        scores: name -> (value, low, high), low <= value <= high; first name on top.
        references: name -> value, drawn as vertical lines.
        x_label: the score, and which way is better.
        log: logarithmic axis; every number must then be above 0.
        title: a line above the figure.

    Raises:
        ValueError: nothing to draw, an interval that does not hold its value, or a number that
            a logarithmic axis cannot show.
    """
    references = references or {}
    if not scores:
        raise ValueError("`scores` must hold at least one score; received an empty mapping.")
    for name, (value, low, high) in scores.items():
        if not low <= value <= high:
            raise ValueError(
                f"`scores[{name!r}]` must be (value, low, high) with low <= value <= high; "
                f"received {(value, low, high)}."
            )
        if log and low <= 0:
            raise ValueError(
                f"`log=True` needs numbers above 0; received scores[{name!r}]={(value, low, high)}."
            )
    figure = Figure(figsize=(4.8, 1.1 + 0.38 * len(scores)))
    axes = figure.subplots()
    if log:
        axes.set_xscale("log")
    for place, value in enumerate(references.values()):
        axes.axvline(value, color="#333333", lw=1, ls=LINES[1 + place % 6])
    for row, (value, low, high) in enumerate(scores.values()):
        colour = COLOURS[row % 7]
        axes.plot([low, high], [row, row], color=colour, ls="-", lw=2.5, solid_capstyle="butt")
        axes.plot(value, row, marker=MARKERS[row % 10], color=colour, ms=6, mec="white")
        place = {"xytext": (7, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(_short(value), (high, row), **place)
    axes.set_yticks(range(len(scores)), list(scores))
    axes.set_ylim(len(scores) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    if log:
        _log_ticks(axes)
    for name, value in references.items():  # only now are the limits of the axis known
        axes.annotate(
            f"{name} {_short(value)}",
            (value, 1),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            size=8,
            ha=_alignment(axes, value),
        )
    axes.set_xlabel(x_label)
    axes.set_title(title or "", pad=18)
    return figure


@house_style
def guesses(
    guess: Mapping[str, float], truth: Mapping[str, float], x_label: str, log: bool = False
) -> Figure:
    """Draw what somebody guessed beside what is true: a hollow and a filled dot for each name.

    Args:
        guess, truth: name -> number, with the same names; the first one on top.
        x_label: what the numbers are, with their unit.
        log: logarithmic axis; every number must then be above 0.

    Raises:
        ValueError: other names in ``truth``, or a number that a logarithmic axis cannot show.
    """
    if not guess or list(guess) != list(truth):
        raise ValueError(
            f"`truth` must have the names of `guess`, {list(guess)}; received {list(truth)}."
        )
    if log and min(*guess.values(), *truth.values()) <= 0:
        raise ValueError(f"`log=True` needs numbers above 0; received {guess} and {truth}.")
    figure = Figure(figsize=(4.8, 1.2 + 0.45 * len(guess)))
    axes = figure.subplots()
    if log:
        axes.set_xscale("log")
    rows = range(len(guess))
    for row, name in enumerate(guess):
        axes.plot([guess[name], truth[name]], [row, row], "-", color="#999999", lw=1)
        axes.annotate(_short(truth[name]), (truth[name], row), (0, 6), **OVER)
    axes.plot(list(guess.values()), rows, "o", ms=8, mfc="white", mec=COLOURS[1], label="guess")
    axes.plot(list(truth.values()), rows, "D", ms=6, color=COLOURS[0], label="here")
    axes.set_yticks(rows, list(guess))
    axes.set_ylim(len(guess) - 0.4, -0.7)
    axes.margins(x=0.12)
    axes.set_xlabel(x_label)
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def _log_ticks(axes: Axes) -> None:
    """Plain numbers along a logarithmic horizontal axis, several of them however short it is."""
    low, high = axes.get_xlim()
    decades = np.log10(high / low)
    between = range(1, 10) if decades < 1 else (1, 2, 5) if decades < 2 else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=between))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _alignment(axes: Axes, value: float) -> str:
    """Return how text at a value is aligned so that it stays inside the horizontal axis."""
    share = axes.transAxes.inverted().transform(axes.transData.transform((value, 0)))[0]
    return ("left", "center", "right")[int(np.clip(3 * share, 0, 2))]
