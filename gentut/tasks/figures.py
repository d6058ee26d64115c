"""Figures of scenes with what was found in them, and of learning curves."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from gentut import plots
from gentut.checks import check_positive
from gentut.plots.style import COLOURS, LINES, MARKERS, STYLE
from gentut.tasks.detection import Detections
from gentut.tasks.scenes import Scenes

FOUND = "#D55E00"  # of boxes: vermilion, which most colour-blind readers tell from black


def plot_detections(
    scenes: Scenes,
    detections: Sequence[Detections] | None = None,
    *,
    class_names: Sequence[str] | None = None,
    columns: int = 4,
    least: float = 0.3,
) -> plots.Figure:
    """Plot scenes with their true boxes (thin, white on black) and what a detector found.

    Args:
        scenes: ``Scenes``; all are drawn.
        detections: ``Detections`` of each, or None for the true boxes alone.
        class_names: default the numbers of the classes.
        columns: scenes in a row.
        least: leave out detections with a lower score.

    Returns:
        A matplotlib figure.
    """
    names = _names(class_names, scenes.num_classes)
    figure, axes = _panels(len(scenes), columns)
    side = scenes.images.shape[1]
    for i, ax in enumerate(axes):
        _show(ax, scenes.images[i])
        for box in scenes.boxes[i]:
            ax.add_patch(_rectangle(box, "white", linewidth=2.5))
            ax.add_patch(_rectangle(box, "black", linewidth=0.8))
        if detections is None:
            continue
        found = detections[i]
        for k in np.argsort(found.scores):  # the surest last: its words lie on top
            box, score, kind = found.boxes[k], found.scores[k], found.classes[k]
            if score < least:
                continue
            ax.add_patch(_rectangle(box, FOUND, linewidth=1.6, linestyle="--"))
            above = box[1] > 0.14 * side
            ax.text(
                np.clip(box[0], 0, 0.75 * side),
                box[1] - 1 if above else box[3] + 1,
                f"{names[kind]} {score:.2f}",
                color="white",
                fontsize=7,
                va="bottom" if above else "top",
                bbox={"facecolor": FOUND, "edgecolor": "none", "pad": 1},
            )
    return figure


def plot_masks(
    scenes: Scenes,
    predicted: np.ndarray,
    *,
    class_names: Sequence[str] | None = None,
    columns: int = 6,
) -> plots.Figure:
    """Plot scenes, their true masks and predicted ones, in three rows, with a key of the classes.

    Args:
        scenes: ``Scenes``, as many as there are columns.
        predicted: int masks ``(n, h, w)``: 0 is background, 1 + class an object.
        class_names: default the numbers of the classes.
        columns: how many scenes to draw, from the first.

    Returns:
        A matplotlib figure.
    """
    names = _names(class_names, scenes.num_classes)
    n = min(columns, len(scenes))
    figure, axes = _panels(3 * n, n)
    colours = np.array([matplotlib.colors.to_rgb("black"), *_class_colours(scenes.num_classes)])
    rows = (scenes.images, colours[scenes.masks[:n]], colours[np.asarray(predicted)[:n]])
    for r, (title, images) in enumerate(zip(("scene", "true", "predicted"), rows, strict=True)):
        for i in range(n):
            _show(axes[r * n + i], images[i])
        axes[r * n].set_ylabel(title)
    handles = [Rectangle((0, 0), 1, 1, color=c) for c in colours[1:]]
    figure.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=min(len(names), 10),
        frameon=False,
        handlelength=1,
        columnspacing=1,
    )
    return figure


def plot_curves(
    summaries: Mapping,
    task: str,
    ways: Mapping[str, str],
    *,
    score: str,
    gains: bool = False,
    title: str | None = None,
    ax: Axes | None = None,
) -> plots.Figure:
    """Plot a score against the number of real images of each class, with 95 % intervals.

    Args:
        summaries: from ``summarise``.
        task: which task.
        ways: name of a way -> its label in the key.
        score: what the vertical axis says.
        gains: plot the differences to the baseline instead of the scores.
        title: of the figure.
        ax: matplotlib axes to draw on; default a new figure.

    Returns:
        A matplotlib figure.
    """
    with matplotlib.rc_context(STYLE):
        if ax is None:
            ax = plots.Figure(figsize=(6.4, 4)).subplots()
        sizes = sorted({size for t, way, size in summaries if t == task and way in ways})
        for number, (way, label) in enumerate(ways.items()):
            own = [s for s in sizes if (task, way, s) in summaries]
            shown = [summaries[task, way, s] for s in own]
            shown = [s["difference"] for s in shown] if gains else shown
            means = np.array([s["mean"] for s in shown])
            ends = [[s["mean"] if s[k] is None else s[k] for s in shown] for k in ("low", "high")]
            errors = np.abs(np.array(ends) - means)
            shift = 1.035 ** (number - (len(ways) - 1) / 2)  # so that bars do not hide each other
            ax.errorbar(
                np.array(own) * shift,
                means,
                errors,
                label=label,
                capsize=2,
                linewidth=1.4,
                color=COLOURS[number % len(COLOURS)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=5,
                linestyle=LINES[number % len(LINES)],
            )
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{s:,}" for s in sizes])
        ax.minorticks_off()
        ax.set_xlabel("real images of each class (log scale)")
        ax.set_ylabel(score)
        if title:
            ax.set_title(title)
        ax.legend(frameon=False, fontsize=8)
        return ax.figure


def _names(class_names, num_classes):
    names = list(map(str, class_names if class_names is not None else range(num_classes)))
    if len(names) != num_classes:
        raise ValueError(
            f"`class_names` must name {num_classes} classes; received {len(names)} names."
        )
    return names


def _panels(n, columns):
    check_positive("columns", columns)
    columns = min(columns, n)
    rows = -(-n // columns)
    with matplotlib.rc_context(STYLE):
        figure = plots.Figure(figsize=(1.75 * columns, 1.75 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_xticks([])
        ax.set_yticks([])
    for ax in axes[n:]:
        ax.set_visible(False)
    return figure, axes[:n]


def _show(ax, image):
    # Pixels reach from k to k + 1, as boxes count them.
    height, width = image.shape[:2]
    grey = image.shape[-1] == 1
    ax.imshow(
        image[..., 0] if grey else image,
        cmap="gray" if grey else None,
        vmin=0,
        vmax=1,
        extent=(0, width, height, 0),
        interpolation="nearest",
    )


def _rectangle(box, colour, **style):
    left, top, right, bottom = map(float, box)
    return Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, **style)


def _class_colours(n):
    colours = matplotlib.colormaps["tab10" if n <= 10 else "tab20"].colors
    return [colours[k % len(colours)] for k in range(n)]
