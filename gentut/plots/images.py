"""Images side by side: grids, pairs, neighbours, and an animation of training."""

import io
import os
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from gentut import checks
from gentut.files import write_atomically
from gentut.plots.style import CHINESE, Figure, house_style

LETTERS = 5, 8  # smallest and largest size of captions, points
LETTER = 0.65  # width of a Latin letter, in its size; a Chinese one has 1


def tile(
    images: np.ndarray,
    columns: int | None = None,
    padding: int | tuple[int, int] = 1,
    background: float = 1.0,
) -> np.ndarray:
    """Lay images out in rows, left to right, as one image.

    Args:
        images: ``(n, h, w, c)``, float in [0, 1], c 1 or 3.
        columns: images per row; by default about as many as there are rows.
        padding: pixels before and between images, one number or ``(vertical, horizontal)``.
        background: value in [0, 1] of the padding and of empty cells.

    Returns:
        ``(rows * (h + vertical) + vertical, columns * (w + horizontal) + horizontal, c)``, float32.

    Raises:
        ValueError: another shape or range, or ``columns`` or ``padding`` is too small.
    """
    images = check_images("images", images)
    count, height, width, channels = images.shape
    columns = _columns(columns, count)
    vertical, horizontal = (padding, padding) if np.isscalar(padding) else padding
    if min(vertical, horizontal) < 0:
        raise ValueError(f"`padding` must be 0 or more; received padding={padding}.")
    rows = -(-count // columns)
    stride_y, stride_x = height + vertical, width + horizontal
    canvas = np.full(
        (rows * stride_y + vertical, columns * stride_x + horizontal, channels),
        background,
        np.float32,
    )
    for index, image in enumerate(images):
        y = vertical + index // columns * stride_y
        x = horizontal + index % columns * stride_x
        canvas[y : y + height, x : x + width] = image
    return canvas


def pixels(image: np.ndarray, scale: int = 1) -> Image.Image:
    """Turn one image into a Pillow image.

    Args:
        image: ``(h, w, c)``, float in [0, 1], c 1 or 3.
        scale: whole-number enlargement; each pixel becomes a square of this side.

    Raises:
        ValueError: wrong shape or range, or ``scale`` below 1.
    """
    checks.check_positive("scale", scale)
    values = check_images("image", np.asarray(image)[None])[0]
    values = (255 * values + 0.5).astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
    return Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)


@house_style
def image_grid(
    images: np.ndarray,
    labels: Sequence | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> Figure:
    """Draw images in rows, each under its label if there are labels.

    Args:
        images: ``(n, h, w, c)`` in [0, 1].
        labels: n values, printed above the images with ``str``.
        columns: images per row; by default about as many as there are rows.
        title: a line above the grid.

    Raises:
        ValueError: wrong shape or range, or another number of labels than of images.
    """
    images = check_images("images", images)
    labels = None if labels is None else list(labels)
    if labels is not None and len(labels) != len(images):
        raise ValueError(
            "`labels` must hold one label per image; "
            f"received {len(labels)} labels for {len(images)} images."
        )
    columns = _columns(columns, len(images))
    starts = range(0, len(images), columns)
    rows = [images[start : start + columns] for start in starts]
    captions = labels and [labels[start : start + columns] for start in starts]
    return captioned(rows, captions, title=title)


@house_style
def comparison(
    images: Mapping[str, np.ndarray], titles: Sequence | None = None, title: str | None = None
) -> Figure:
    """Draw one row of images for each name, with the name at its left.

    Args:
        images: name -> ``(n, h, w, c)`` in [0, 1], all of one shape.
        titles: n values, printed above the columns (say, the class names).
        title: a line above the rows.

    Raises:
        ValueError: no rows, rows of different shapes or out of range, or another number of titles
            than of columns.
    """
    if not images:
        raise ValueError("`images` must hold at least one row; received an empty mapping.")
    rows = [check_images(f"images[{name!r}]", row) for name, row in images.items()]
    shapes = {name: row.shape for name, row in zip(images, rows, strict=True)}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"`images` must all have one shape; received {shapes}.")
    if titles is not None and len(titles) != len(rows[0]):
        raise ValueError(
            "`titles` must hold one title per column; "
            f"received {len(titles)} titles for {len(rows[0])} columns."
        )
    return captioned(rows, None if titles is None else [titles], list(images), title)


@house_style
def reconstructions(
    images: np.ndarray, reconstructions: np.ndarray, columns: int = 10, title: str | None = None
) -> Figure:
    """Draw each image above its reconstruction, in pairs of rows.

    Args:
        images, reconstructions: ``(n, h, w, c)`` in [0, 1], of one shape.
        columns: pairs side by side.
        title: a line above the rows.

    Raises:
        ValueError: wrong or different shapes, or values out of range.
    """
    images = check_images("images", images)
    reconstructions = check_images("reconstructions", reconstructions)
    if images.shape != reconstructions.shape:
        raise ValueError(
            "`reconstructions` must have the shape of `images`; "
            f"received {reconstructions.shape} for {images.shape}."
        )
    columns = min(_columns(columns, len(images)), len(images))
    rows, names = [], []
    for start in range(0, len(images), columns):
        rows += [images[start : start + columns], reconstructions[start : start + columns]]
        names += ["image", "reconstruction"]
    return captioned(rows, None, names, title)


@house_style
def nearest_neighbours(
    samples: np.ndarray,
    neighbours: np.ndarray,
    distances: np.ndarray,
    title: str | None = None,
    names: Sequence[str] = ("generated", "nearest", "{}. nearest"),
) -> Figure:
    """Draw generated images, each above its nearest training images: are they copies?

    Args:
        samples: ``(n, h, w, c)`` in [0, 1].
        neighbours: ``(n, k, h, w, c)``, the k nearest training images of each, nearest first.
        distances: ``(n, k)``, printed above the neighbours.
        title: a line above the rows.
        names: what stands beside the first row, beside the second, and beside each that follows.

    Raises:
        ValueError: shapes that do not belong together, or values out of range.
    """
    samples = check_images("samples", samples)
    neighbours, distances = np.asarray(neighbours), np.asarray(distances, dtype=float)
    if neighbours.ndim != 5 or neighbours[:, 0].shape != samples.shape:
        raise ValueError(
            "`neighbours` must have shape (n, k, h, w, c) with the n, h, w, c of `samples`; "
            f"received {neighbours.shape} for {samples.shape}."
        )
    if distances.shape != neighbours.shape[:2]:
        raise ValueError(
            "`distances` must have shape (n, k); "
            f"received {distances.shape} for neighbours of shape {neighbours.shape}."
        )
    ranks = range(neighbours.shape[1])
    rows = [samples, *(check_images("neighbours", neighbours[:, k]) for k in ranks)]
    captions = [[""] * len(samples), *([f"{d:.3g}" for d in distances[:, k]] for k in ranks)]
    names = [*names[:2], *(names[2].format(k + 1) for k in ranks[1:])]
    return captioned(rows, captions, names, title)


def training_gif(
    path: str | os.PathLike,
    frames: Sequence[np.ndarray],
    columns: int | None = None,
    seconds: float = 0.2,
    scale: int = 2,
) -> None:
    """Write an animated GIF of the same latents through training, which rests on its last frame.

    The file appears whole or not at all.

    Args:
        path: where to write; the folder must exist.
        frames: arrays ``(n, h, w, c)`` in [0, 1], all of one shape, first epoch first.
        columns: images per row.
        seconds: time that a frame stays, in seconds; the last stays ten times as long.
        scale: whole-number enlargement, so that small images can be seen.

    Raises:
        FileNotFoundError: the folder is missing.
        ValueError: no frames, frames of different shapes or out of range, or ``scale`` below 1.
    """
    shapes = {np.shape(frame) for frame in frames}
    if len(shapes) != 1:
        raise ValueError(
            "`frames` must be at least one array, all of one shape; "
            f"received {len(frames)} frames of shapes {sorted(shapes)}."
        )
    pages = [pixels(tile(frame, columns), scale) for frame in frames]
    duration = [round(1000 * seconds)] * (len(pages) - 1) + [round(10_000 * seconds)]
    picture = io.BytesIO()
    pages[0].save(picture, "GIF", save_all=True, append_images=pages[1:], loop=0, duration=duration)
    write_atomically(path, picture.getvalue())


# What the functions above are made of ------------------------------------------------------


def check_images(name: str, images: np.ndarray) -> np.ndarray:
    """Return ``images`` as float32 in [0, 1] with 1 or 3 channels, or raise and say why not."""
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            f"`{name}` must have shape (n, height, width, channels) with 1 or 3 channels; "
            f"received shape {images.shape}."
        )
    return checks.check_images(images, name=name)


def captioned(
    rows: Sequence[np.ndarray],
    captions: Sequence[Sequence] | None = None,
    names: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw rows of images, texts above the images, and a name at the left of each row.

    Args:
        rows: arrays ``(k, h, w, c)`` in [0, 1]; a shorter row ends in white.
        captions: one sequence of texts per row; a single one stands above the first row.
        names: one per row.
        title: a line above the rows.
    """
    columns = max(len(row) for row in rows)
    blanks = [((0, columns - len(row)), (0, 0), (0, 0), (0, 0)) for row in rows]
    full = [np.pad(row, blank, constant_values=1) for row, blank in zip(rows, blanks, strict=True)]
    height, width = rows[0].shape[1:3]
    fits = 72 * _cell(columns) / LETTERS[0]  # width of the smallest letters over an image
    wrapped = [[_wrapped(str(text), fits) for text in row] for row in captions or ()]
    every = [lines for row in wrapped for lines in row] or [[""]]
    deep, widest = max(map(len, every)), max(_width(line) for lines in every for line in lines)
    size = np.clip(72 * _cell(columns) / max(widest, LETTER), *LETTERS)
    line = size * 1.25 / 72 * width / _cell(columns)  # height of a line, in pixels of the images
    room = (
        1
        if len(wrapped) < 2
        else max(1, round(0.17 * width / _cell(columns)), round((deep + 0.5) * line))
    )
    figure, axes, (stride_y, stride_x) = canvas(np.concatenate(full), columns, (room, 1))
    for y, row in enumerate(wrapped):
        for x, lines in enumerate(row):
            place = (x + 0.5) * stride_x, y * stride_y + room - 1
            axes.text(*place, "\n".join(lines), size=size, ha="center", va="bottom")
    for y, name in enumerate(names or ()):
        axes.text(-width / 6, (y + 1) * stride_y - height / 2, name, ha="right", va="center")
    above = deep * 1.25 * size + 6 if len(wrapped) == 1 else 6  # points
    axes.set_title(title or "", pad=above)
    # Room for the words, so that they take none from the images.
    beside = max((_width(str(name)) for name in names or ()), default=0) * 9
    wide, high = figure.get_size_inches()
    figure.set_size_inches(wide + beside / 72, high + (above + 14 * bool(title)) / 72)
    return figure


def _width(text: str) -> float:
    """How wide a text is at most, in sizes of its letters."""
    return LETTER * len(text) + (1 - LETTER) * len("".join(CHINESE.findall(text)))


def _wrapped(text: str, width: float) -> list[str]:
    """Lines of that width, in sizes of letters; a single letter may be wider."""
    letters = int(width * len(text) / max(_width(text), LETTER))
    return textwrap.wrap(text, max(letters, 1)) or [""]


def canvas(
    images: np.ndarray, columns: int, padding: int | tuple[int, int]
) -> tuple[Figure, Axes, tuple[int, int]]:
    """Return a figure of the tiled images, its axes, and the pixels from one image to the next."""
    picture = tile(images, columns, padding)
    vertical, horizontal = (padding, padding) if np.isscalar(padding) else padding
    picture = picture[: len(picture) - max(vertical - 1, 0)]  # no caption stands under the last row
    inch = _cell(columns) / images.shape[2]
    figure = Figure(figsize=(picture.shape[1] * inch + 0.1, picture.shape[0] * inch + 0.1))
    axes = figure.subplots()
    axes.imshow(picture, vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.grid(False)
    return figure, axes, (images.shape[1] + vertical, images.shape[2] + horizontal)


def _cell(columns: int) -> float:
    """Return the width of one image in inches."""
    return float(np.clip(5 / columns, 0.3, 0.7))


def _columns(columns: int | None, count: int) -> int:
    columns = int(np.ceil(np.sqrt(count))) if columns is None else columns
    if columns < 1:
        raise ValueError(f"`columns` must be at least 1; received columns={columns}.")
    return columns
