"""Checks of what users hand in: each error names the argument, the expectation, the value.

And how arrays are read that need not fit into memory, part by part.
"""

import math
import mmap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

Choice = TypeVar("Choice")

ROUNDING = 1e-5  # how far pixels may leave [0, 1]
PART = 1 << 26  # bytes of an array that are read at once, and of a memory map that stay resident


def check_positive(name: str, value: object) -> None:
    """Raise unless ``value`` is a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer; received {value!r}.")


def check_int(
    name: str, value: object, least: int = 0, most: int | None = None, why: str = ""
) -> int:
    """Return ``value`` as an int, or raise unless it is an integer in the range.

    ``why``: what is said of the end ``most``.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}{why}"
        raise ValueError(f"`{name}` must be an integer {limits}; received {value!r}.")
    return int(value)


def check_seed(value: object) -> int:
    """Return ``value`` as an int, or raise unless it is a seed."""
    try:
        return check_int("seed", value, most=2**31 - 1)
    except ValueError:
        raise ValueError(f"`seed` must be an integer in [0, 2**31); received {value!r}.") from None


def check_seconds(name: str, value: object) -> None:
    """Raise unless ``value`` is a number of seconds, above 0 and below an hour."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 3600:
        raise ValueError(f"`{name}` must be a number above 0, below 3600; received {value!r}.")


def check_choice(name: str, value: Choice, choices: Collection[Choice]) -> Choice:
    """Return ``value`` if it is one of ``choices``, or raise with the list of them."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(choices)}; received {value!r}.")
    return value


def check_share(name: str, value: object) -> None:
    """Raise unless ``value`` is a number in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must lie in [0, 1]; received {value!r}.")


NUMBER = (int, float)
KIND_NAMES = {
    str: "a text",
    int: "an integer",
    list: "a list",
    dict: "an object",
    NUMBER: "a number",
}


def check_entries(found: object, kinds: Mapping[str, type | tuple[type, ...]]) -> None:
    """Raise unless ``found``, which was read from a file, is a dict with entries of these types.

    ``kinds``: name of the entry -> a key of ``KIND_NAMES``.  A bool is no number.
    """
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}, not an object")
    for name, kind in kinds.items():
        value = found.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"its {name!r} must be {KIND_NAMES[kind]}; received {value!r}")


def check_image_shape(image_shape: Sequence[int]) -> tuple[tuple[int, int, int], int]:
    """Return ``(height, width, channels)`` and the number of halvings down to a base of 4 to 8.

    Networks halve height and width together until the longer one is 8 or less, or one is odd; then
    both must be 3 to 12.  Of squares these are 8, 9, 10, 11, 12 and 14 times a power of two.
    """
    shape = tuple(int(v) for v in image_shape)
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(
            "`image_shape` must be (height, width, channels) with 1 or 3 channels;"
            f" received {tuple(image_shape)}."
        )
    halvings = _halvings(*shape[:2])
    if not halvings:
        near = [str((*sides, shape[2])) for sides in near_sides(*shape[:2])]
        raise ValueError(
            "`image_shape` must have a height and width that halve evenly to 12 pixels or less"
            f" (28, 32, 48, 64, 96, 128, 256, …); received {shape}{told_near(near)}."
        )
    return shape, halvings


def _halvings(height, width):
    """How often both sides can be halved down to a base; 0 where there is none."""
    halvings = 0
    while max(height, width) > 8 and height % 2 == 0 and width % 2 == 0:
        halvings, height, width = halvings + 1, height // 2, width // 2
    return halvings if min(height, width) >= 3 and max(height, width) <= 12 else 0


def near_sides(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sides nearest to these that models take: up to one pair below and one above."""
    below, above = [], []
    for step in (2**power for power in range(1, 12)):
        below.append((height // step * step, width // step * step))
        above.append((-(-height // step) * step, -(-width // step) * step))
    below, above = ([sides for sides in some if _halvings(*sides)] for some in (below, above))
    largest = max(below, key=math.prod, default=None)
    smallest = min(above, key=math.prod, default=None)
    return [sides for sides in (largest, smallest) if sides]


def told_near(near: Sequence[object]) -> str:
    """Return how a message about sides ends, by those that would do."""
    return f"; near it {'are' if len(near) > 1 else 'is'} {' and '.join(map(str, near))}" * bool(
        near
    )


def check_images(
    images: ArrayLike, image_shape: Sequence[int] | None = None, name: str = "images"
) -> np.ndarray:
    """Return ``images`` as float32 ``(n, h, w, c)`` in [0, 1], or raise naming what is wrong.

    Bytes, uint8 in 0…255, are divided by 255.
    """
    return as_float(check_pixels(images, image_shape, name))


def check_pixels(
    images: ArrayLike, image_shape: Sequence[int] | None = None, name: str = "images"
) -> np.ndarray:
    """Return ``images`` ``(n, h, w, c)``, or raise naming what is wrong.

    Bytes, uint8 in 0…255, stay what they are, as does a memory map: nothing is copied.  Everything
    else becomes float32 in [0, 1].  Resizing in floating point can leave that range by a rounding
    error: up to 1e-5 is cut off.
    """
    images = np.asanyarray(images)  # "any": a memory map stays one
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(
            f"`{name}` must have shape (n, height, width, channels) with n > 0;"
            f" received shape {images.shape}."
        )
    if image_shape is not None and images.shape[1:] != tuple(image_shape):
        raise ValueError(
            f"`{name}` must have shape (n, {', '.join(map(str, image_shape))}), the model's"
            f" image shape; received shape {images.shape}."
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "fb":
        raise ValueError(
            f"`{name}` must be floating point with values in [0, 1], or uint8 with values in"
            f" 0…255; received dtype {images.dtype}."
        )
    images = images.astype("float32", copy=False)
    ends = [(part.min(), part.max()) for part in parts(images)]
    low, high = float(np.min(ends)), float(np.max(ends))
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # also catches NaN
        raise ValueError(
            f"`{name}` must lie in [0, 1] without NaN; received values from {low:.8g} to"
            f" {high:.8g}."
        )
    return np.clip(images, 0, 1) if low < 0 or high > 1 else images


def as_float(images: np.ndarray) -> np.ndarray:
    """Return images that were checked as float32 in [0, 1]; bytes are divided by 255."""
    if images.dtype != np.uint8:
        return images
    images = np.asarray(images).astype("float32")
    images /= 255  # in place: a second copy of 10,000 images of 64×64×3 would be 490 MB
    return images


def check_labels(labels: ArrayLike, n: int, num_classes: float) -> np.ndarray:
    """Return ``labels`` as int32 ``(n,)`` in [0, num_classes), or raise naming what is wrong."""
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"`labels` must have shape ({n},); received shape {labels.shape}.")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"`labels` must be integers; received dtype {labels.dtype}.")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"`labels` must lie in [0, {num_classes}); received values from {labels.min()} to"
            f" {labels.max()}."
        )
    return labels.astype("int32", copy=False)


def parts(array: np.ndarray, most: int = PART) -> Iterator[np.ndarray]:
    """Cut an array along its first axis into views of at most ``most`` bytes, at least a row each.

    Of a memory map, the pages of one part are let go of before the next is read.
    """
    rows = max(1, most * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        let_go(array)


def let_go(array: np.ndarray) -> None:
    """Let go of the pages of a read-only memory map; the system's file cache keeps them.

    Else they count as memory of this process until the map is closed.  Nothing is done to other
    arrays, nor where the system knows no ``madvise`` (Windows).
    """
    if not isinstance(array, np.memmap) or array.mode != "r":
        return
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)
