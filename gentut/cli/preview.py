"""``gentut data FOLDER``: facts about a folder of images, and a sheet that shows how it is cut."""

from argparse import Namespace
from pathlib import Path

import numpy as np
from PIL import Image

from gentut.cli.messages import tell
from gentut.data.survey import Survey, examples, shapes, survey
from gentut.files import write_atomically
from gentut.plots.style import Figure, house_style, png

BARS = 20  # classes that the sheet has a bar for, at most


def preview(options: Namespace) -> None:
    """Print what is found in the folder, and write the sheet if one is asked for."""
    if options.preview is not None and Path(options.preview).suffix.lower() != ".png":
        raise ValueError(f"`preview` must end in .png; received {options.preview!r}.")
    size, channels = options.size or 32, options.channels or 3
    found = survey(options.folder, size, channels, bool(options.pad), say=tell)
    for line in found.lines:
        print(line)
    if options.preview is not None:
        figure = sheet(found, examples(options.folder), size, channels, bool(options.pad))
        print(write_atomically(options.preview, png(figure, 120)))


@house_style
def sheet(
    found: Survey, pictures: list[Image.Image], size: int, channels: int, pad: bool = False
) -> Figure:
    """Draw the facts, the counts of the classes, and examples as they are cropped and padded."""
    columns = max(4, len(pictures))
    figure = Figure(figsize=(1.35 * columns, 7.2))
    head, body = figure.subfigures(2, 1, height_ratios=[2.6, 4.4])
    text, bars = head.subplots(1, 2, width_ratios=[3, 2])
    text.set_axis_off()
    wrapped = "\n".join(_wrapped(line, 12 * columns) for line in found.lines)
    text.text(0, 1, wrapped, va="top", fontsize=8, transform=text.transAxes)
    _draw_counts(bars, found.counts)
    rows = ["as it is", f"cropped to {size}×{size}", f"padded to {size}×{size}"]
    axes = body.subplots(3, columns, squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        for side in axis.spines.values():
            side.set_visible(False)
    chosen = 2 if pad else 1
    for row, name in enumerate(rows):
        weight = "bold" if row == chosen else "normal"
        axes[row, 0].set_ylabel(name, fontsize=8, weight=weight)
    for column, picture in enumerate(pictures):
        whole = np.asarray(picture.convert("RGB"))
        axes[0, column].set_title(f"{picture.width}:{picture.height}", fontsize=7)
        for row, image in enumerate((whole, *shapes(picture, size, channels))):
            axes[row, column].imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
            for side in axes[row, column].spines.values():  # white padding has an end
                side.set(visible=row > 0, color="#999999", linewidth=0.5)
    return figure


def _draw_counts(axis, counts):
    most = sorted(counts, key=lambda name: -sum(counts[name]))[:BARS]
    places = np.arange(len(most))
    train, test = (np.array([counts[name][i] for name in most]) for i in (0, 1))
    axis.barh(places, train, label="train")
    axis.barh(places, test, left=train, label="test", hatch="///", edgecolor="white")
    names = [name if len(name) <= 18 else f"{name[:17]}…" for name in most]
    axis.set_yticks(places, names, fontsize=6)
    axis.invert_yaxis()
    left = f" (the {BARS} largest of {len(counts)} classes)" if len(counts) > BARS else ""
    axis.set_xlabel(f"images{left}", fontsize=7)
    axis.tick_params(axis="x", labelsize=6)
    axis.grid(False, axis="y")
    axis.legend(fontsize=6)


def _wrapped(line, width):
    import textwrap

    return textwrap.fill(line.replace("$", r"\$"), width, subsequent_indent="   ")
