"""Scenes for detection and segmentation: objects of an image set on textured backgrounds.

A scene is pasted together, so its boxes and masks are exact ("cut, paste and learn", Dwibedi et
al., ICCV 2017).  Where objects stand, how large they are and what lies behind them depends on
the seed alone, not on the image set: scenes of real and of generated objects are twins.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from gentut.checks import as_float, check_choice, check_labels, check_pixels, check_positive
from gentut.evaluation import classifier
from gentut.tasks.augmentation import augment as augmented

MATTES = ("ink", "frame")
TRIES = 30  # draws of a free place for an object before it is left out
# A texture is a weighted sum of layers: cells per side of a grid of random greys, and its weight.
OCTAVES = ((2, 1.0), (4, 0.6), (8, 0.4), (16, 0.25))
NOISE = 0.02  # standard deviation of the camera noise
# Each scene has two streams of random numbers, so that its layout does not depend on the image set.
LAYOUT, OBJECTS = 0, 1


@dataclass(frozen=True)
class Scenes:
    """Images with what stands in them.

    Attributes:
        images: float32 in [0, 1], ``(n, size, size, c)``.
        boxes: for each scene, float32 ``(k, 4)``: left, top, right, bottom in pixels; an object
            that covers the pixels 3, 4 and 5 reaches from 3.0 to 6.0.
        classes: for each scene, int32 ``(k,)``, in [0, num_classes).
        masks: int32 ``(n, size, size)``: 0 is background, 1 + class an object.
        sources: for each scene, int ``(k,)``: which images of the set the objects are.
        num_classes: of the objects, without the background.
    """

    images: np.ndarray
    boxes: list
    classes: list
    masks: np.ndarray
    sources: list
    num_classes: int

    def __len__(self) -> int:
        return len(self.images)

    def first(self, n: int) -> Self:
        """Return the first n scenes."""
        parts = (self.images, self.boxes, self.classes, self.masks, self.sources)
        return Scenes(*(part[:n] for part in parts), self.num_classes)


def make_scenes(
    images: np.ndarray,
    labels: np.ndarray,
    n: int,
    *,
    num_classes: int | None = None,
    size: int = 64,
    objects: tuple[int, int] = (1, 3),
    object_size: tuple[int, int] = (24, 36),
    matte: str | None = None,
    augment: bool = False,
    seed: int = 0,
) -> Scenes:
    """Paste objects of an image set into ``n`` scenes.

    Scene i depends on ``seed`` and i alone, so the first scenes of a longer list are the same.

    Args:
        images: the objects, float in [0, 1], ``(m, h, w, c)``.
        labels: their classes, int ``(m,)``; every class must be there.
        n: how many scenes.
        num_classes: default one more than the largest label.
        size: pixels per side of a scene, a multiple of 16, at least 64.
        objects: least and greatest number of objects; where there is no room, fewer.
        object_size: least and greatest side of an object's image, in pixels.
        matte: "ink", brightness is opacity, for grey images of bright strokes on black, which
            are painted black or white; or "frame", the whole picture, for photographs.
            Default "ink" for one channel, "frame" for three.
        augment: turn, slant and stretch each object a little, see ``augmentation``.
        seed: of the scenes.

    Returns:
        ``Scenes``.

    Raises:
        ValueError: an argument is not as described, or all images of a class are blank.
    """
    images = check_pixels(images)
    labels = check_labels(labels, len(images), num_classes or int(np.max(labels, initial=0)) + 1)
    num_classes = num_classes or int(labels.max()) + 1
    check_positive("n", n)
    low, high = _check_layout(size, objects, object_size)
    matte = check_choice("matte", matte or ("ink" if images.shape[-1] == 1 else "frame"), MATTES)
    if matte == "ink" and images.shape[-1] != 1:
        raise ValueError(
            f"`matte` 'ink' needs images of one channel; received {images.shape[-1]} channels."
        )
    usable = np.full(len(images), True)
    if matte == "ink":
        usable = as_float(images.max(axis=(1, 2, 3))) >= 0.1
    members = [np.flatnonzero((labels == k) & usable) for k in range(num_classes)]
    empty = [k for k, rows in enumerate(members) if len(rows) == 0]
    if empty:
        raise ValueError(
            f"`labels` must hold every class in [0, {num_classes}) with an image that is not"
            f" blank; received none of class {empty[0]}."
        )
    shape = (n, size, size, images.shape[-1])
    scenes = Scenes(
        np.empty(shape, "float32"), [], [], np.zeros(shape[:3], "int32"), [], num_classes
    )
    for i in range(n):
        rng = np.random.default_rng([seed, i, LAYOUT])
        picture = _texture(rng, size, images.shape[-1])
        places = _layout(rng, size, objects, (low, high), num_classes)
        chooser = np.random.default_rng([seed, i, OBJECTS])
        rows = np.array([chooser.choice(members[k]) for k, *_ in places])
        chosen = as_float(images[rows])
        chosen = augmented(chosen, chooser) if augment else chosen
        boxes = [
            _paste(picture, scenes.masks[i], image, place, matte)
            for image, place in zip(chosen, places, strict=True)
        ]
        picture += NOISE * rng.standard_normal(picture.shape)
        scenes.images[i] = np.clip(picture, 0, 1)
        scenes.boxes.append(np.array(boxes, "float32"))
        scenes.classes.append(np.array([k for k, *_ in places], "int32"))
        scenes.sources.append(rows)
    return scenes


def _check_layout(size, objects, object_size):
    check_positive("size", size)
    if size < 64 or size % 16:
        raise ValueError(f"`size` must be a multiple of 16, at least 64; received {size}.")
    for name, pair, most in (("objects", objects, 100), ("object_size", object_size, size)):
        ok = isinstance(pair, tuple) and len(pair) == 2
        ok = ok and all(isinstance(v, int) and not isinstance(v, bool) for v in pair)
        if not ok or not 1 <= pair[0] <= pair[1] <= most:
            raise ValueError(
                f"`{name}` must be two ints, 1 ≤ least ≤ greatest ≤ {most}; received {pair!r}."
            )
    return object_size


def _texture(rng, size, channels):
    """A cloudy background of middle greys (or colours) with a faint grating."""
    clouds = np.zeros((size, size, channels), "float32")
    for cells, weight in OCTAVES:
        grid = rng.random((1, cells, cells, channels), dtype="float32")
        clouds += weight * classifier.resize(grid, size, size)[0]
    clouds -= clouds.min()
    clouds /= clouds.max()
    level, contrast = rng.uniform(0.3, 0.4), rng.uniform(0.15, 0.3)
    y, x = np.mgrid[:size, :size] / size
    angle, waves, phase = rng.uniform(0, np.pi), rng.uniform(3, 12), rng.uniform(0, 2 * np.pi)
    grating = np.sin(2 * np.pi * waves * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return level + contrast * clouds + rng.uniform(0, 0.06) * grating[..., None].astype("float32")


def _layout(rng, size, objects, object_size, num_classes):
    """Class, side, left, top and ink of each object; their squares do not overlap."""
    places = []
    for _ in range(rng.integers(objects[0], objects[1] + 1)):
        kind, side = (
            int(rng.integers(num_classes)),
            int(rng.integers(object_size[0], object_size[1] + 1)),
        )
        ink = rng.uniform(0.8, 1) if rng.random() < 0.5 else rng.uniform(0, 0.15)
        for _ in range(TRIES):
            left, top = (int(v) for v in rng.integers(0, size - side + 1, 2))
            if all(
                left >= x + s or x >= left + side or top >= y + s or y >= top + side
                for _, s, x, y, _ in places
            ):
                places.append((kind, side, left, top, ink))
                break
    return places


def _paste(picture, mask, image, place, matte):
    """Draw one object into a scene and its mask; return its tight box."""
    kind, side, left, top, ink = place
    height, width, _ = image.shape
    longer = max(height, width)
    height, width = max(1, round(side * height / longer)), max(1, round(side * width / longer))
    image = _shrunk(image, height, width)
    part = slice(top, top + height), slice(left, left + width)
    if matte == "frame":
        picture[part], covered = image, np.full((height, width), True)
    else:
        picture[part] += image * (ink - picture[part])  # opacity is brightness
        covered = image[..., 0] >= image.max() / 2
    mask[part][covered] = 1 + kind
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    return left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1


def _shrunk(image, height, width):
    if image.shape[:2] == (height, width):
        return image
    rows, columns = _filter(image.shape[0], height), _filter(image.shape[1], width)
    return np.stack([rows @ image[..., c] @ columns.T for c in range(image.shape[-1])], -1)


@lru_cache(maxsize=256)
def _filter(size, new_size):
    """The antialiasing matrix ``(new_size, size)`` that ``classifier.resize`` multiplies with."""
    unit = np.eye(size, dtype="float32")[:, :, None, None]
    return classifier.resize(unit, new_size, 1)[:, :, 0, 0].T
