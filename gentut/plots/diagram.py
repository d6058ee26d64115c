"""Schematic drawings of how a mechanism works: labelled boxes and the arrows between them."""

from collections.abc import Mapping, Sequence

import numpy as np

from gentut.plots.style import COLOURS, Figure, house_style

# How a box looks says what it is: its edge colour, and corners that a black-and-white print shows.
KINDS = {
    "data": {"boxstyle": "round,pad=0.5", "edgecolor": COLOURS[4], "facecolor": "white"},
    "network": {"boxstyle": "square,pad=0.6", "edgecolor": COLOURS[0], "facecolor": "#dcebf5"},
    "random": {"boxstyle": "circle,pad=0.3", "edgecolor": COLOURS[2], "facecolor": "#dff2ec"},
    "loss": {"boxstyle": "round4,pad=0.6", "edgecolor": COLOURS[1], "facecolor": "#fbe6d8"},
}


@house_style
def diagram(
    boxes: Mapping[str, tuple[float, float, str]],
    arrows: Sequence[tuple],
    *,
    width: float = 7.0,
    height: float = 2.4,
) -> Figure:
    """Draw boxes at given places and arrows between them.

    Args:
        boxes: for each text (it may have several lines and ``$formulas$``) the place of its centre,
            x to the right and y upward in any unit, and its kind: "data" (what goes in or comes
            out), "network" (what is learnt), "random" (what is drawn), or "loss".
        arrows: pairs (from, to) of such texts, which a label and a bend may follow. A label that
            begins with "~" belongs to a dashed arrow, such as the way of a gradient. The bend says
            how far the arrow curves to its right, as a share of its length.
        width, height: of the figure, in inches.

    Raises:
        ValueError: there is no box, a kind is unknown, or an arrow names a box that is not there.
    """
    if not boxes:
        raise ValueError("`boxes` must hold at least one box; received none.")
    figure = Figure(figsize=(width, height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    placed = {}
    for text, (x, y, kind) in boxes.items():
        if kind not in KINDS:
            raise ValueError(f"`boxes` must be of kind {', '.join(KINDS)}; received {kind!r}.")
        look = {"linewidth": 1.4, **KINDS[kind]}
        placed[text] = axes.text(x, y, text, ha="center", va="center", bbox=look)
    xs, ys = ([box[axis] for box in boxes.values()] for axis in (0, 1))
    spread_x, spread_y = max(xs) - min(xs) or 1, max(ys) - min(ys) or 1
    axes.set_xlim(min(xs) - 0.13 * spread_x, max(xs) + 0.13 * spread_x)
    axes.set_ylim(min(ys) - 0.3 * spread_y, max(ys) + 0.3 * spread_y)
    figure.draw_without_rendering()
    for start, end, text, bend in [(*arrow, *("", 0)[len(arrow) - 2 :]) for arrow in arrows]:
        for name in (start, end):
            if name not in boxes:
                raise ValueError(f"`arrows` must join boxes; received {name!r}, which is none.")
        dashed = text.startswith("~")
        axes.annotate(
            "",
            xy=boxes[end][:2],
            xytext=boxes[start][:2],
            arrowprops={
                "arrowstyle": "-|>",
                "linestyle": "--" if dashed else "-",
                "color": COLOURS[1] if dashed else "#444444",
                "connectionstyle": f"arc3,rad={bend}",
                "patchA": placed[start].get_bbox_patch(),
                "patchB": placed[end].get_bbox_patch(),
                "shrinkA": 2,
                "shrinkB": 2,
            },
            zorder=3,  # after the boxes, whose size is known once they are drawn
        )
        (x0, y0, _), (x1, y1, _) = boxes[start], boxes[end]
        # The middle of the gap between the boxes; that of a curve lies to the right of it.
        x, y = _middle_of_gap(axes, placed[start], placed[end], (x0, y0), (x1, y1))
        place = x + bend * (y1 - y0) / 2, y - bend * (x1 - x0) / 2
        steep = abs(y1 - y0) * height / spread_y > abs(x1 - x0) * width / spread_x
        offset, align = ((5, 0), ("left", "center")) if steep else ((0, 3), ("center", "bottom"))
        axes.annotate(
            text.removeprefix("~"),
            place,
            xytext=offset,
            textcoords="offset points",
            ha=align[0],
            va=align[1],
            fontsize=8,
            color="#333333",
        )
    return figure


def _middle_of_gap(axes, first, second, start, end):
    """The middle of the part of the line from ``start`` to ``end`` that no box covers."""
    shares = np.linspace(0, 1, 201)[:, None]
    points = (1 - shares) * start + shares * np.array(end)
    pixels = axes.transData.transform(points)
    covered = np.zeros(len(points), bool)
    for text in (first, second):
        box = text.get_bbox_patch().get_window_extent()
        covered |= [box.contains(*pixel) for pixel in pixels]
    return points[~covered].mean(axis=0) if not covered.all() else points.mean(axis=0)
