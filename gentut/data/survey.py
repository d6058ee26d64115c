"""What a user wants to know of a folder of images before an hour of training."""

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from gentut import data as image_data
from gentut.checks import parts
from gentut.data import decode
from gentut.data.decode import FORMATS, to_square
from gentut.data.folder import keys_of, scan, shown

NAMED = 3  # files that a line names, at most
SPLITS = ("train", "test")


class Survey(NamedTuple):
    """What ``survey`` found.

    Attributes:
        lines: text to print, a fact in each.
        counts: class -> images of the train and of the test split.
        sizes: (width, height) of the files that can be read -> how many.
        duplicates: groups of files, by their paths inside the folder, that show the same pixels.
        unreadable: paths of files that cannot be read.
    """

    lines: list[str]
    counts: dict[str, tuple[int, int]]
    sizes: dict[tuple[int, int], int]
    duplicates: list[list[str]]
    unreadable: list[str]


def survey(
    folder: str | os.PathLike,
    size: int = 32,
    channels: int = 3,
    pad: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Survey:
    """Look at all images of a folder: how many, how large, which twice, which unreadable.

    They are decoded as for a training, into the same cache, see ``gentut.data.load_bytes``.
    Two files are duplicates if they give the same pixels at this size, whatever their names and
    formats are.

    Args:
        folder: of images, as ``gentut.data.load`` takes it.
        size, channels, pad: as they are to be trained on.
        say: called with a line of text where something takes long.

    Raises:
        ValueError, FileNotFoundError: see ``gentut.data.load``.
    """
    classes, contents = image_data.class_names(folder), scan(Path(folder))
    names, digests, unreadable, sizes = [], [], [], Counter()
    for split in SPLITS:
        files = [path for path, _ in contents.files[split]]
        if not files:
            continue
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            found = list(pool.map(_size, files))
        sizes.update(filter(None, found))
        with warnings.catch_warnings(action="ignore"):  # told below
            images, broken = _read(folder, split, size, channels, pad, say)
        keys = keys_of(files, Path(folder))
        unreadable += [key for key in keys if key in broken]
        names += [(key, split) for key in keys if key not in broken]
        for part in parts(images):
            digests += [hashlib.sha256(row).digest() for row in np.ascontiguousarray(part)]
    groups = {}
    for (key, split), digest in zip(names, digests, strict=True):
        groups.setdefault(digest, []).append((key, split))
    twice = [group for group in groups.values() if len(group) > 1]
    counts = {
        name: tuple(sum(label == number for _, label in contents.files[split]) for split in SPLITS)
        for number, name in enumerate(classes)
    }
    lines = [
        *_of_counts(counts),
        *_of_sizes(sizes, size, pad),
        *_of_duplicates(twice),
        _unreadable_line(unreadable),
        *contents.notes,
    ]
    groups = [[key for key, _ in group] for group in twice]
    return Survey(lines, counts, dict(sizes), groups, unreadable)


def examples(folder: str | os.PathLike, count: int = 8) -> list[Image.Image]:
    """Return images of as many proportions as there are, from the widest to the tallest.

    They are upright, of any mode, and at most 512 pixels long.
    """
    paths = [path for files in scan(Path(folder)).files.values() for path, _ in files]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        sizes = list(pool.map(_size, paths))
    known = sorted(
        (height / width, row) for row, (width, height) in enumerate(s or (0, 1) for s in sizes)
        if width
    )  # fmt: skip
    places = np.unique(np.linspace(0, len(known) - 1, min(count, len(known))).round().astype(int))
    found = []
    for place in places:
        try:
            with Image.open(paths[known[place][1]], formats=FORMATS) as image:
                image.draft(None, (512, 512))
                image = ImageOps.exif_transpose(image)
                image.thumbnail((512, 512))
                found.append(image)
        except Exception:  # a head that could be read before pixels that cannot
            continue
    return found


def shapes(image: Image.Image, size: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an example as it is cropped and as it is padded: uint8 ``(size, size, channels)``."""
    both = (to_square(image, size, channels, pad) for pad in (False, True))
    return tuple(np.asarray(square).reshape(size, size, channels) for square in both)


def _read(folder, split, size, channels, pad, say):
    """Images of a split, and the paths inside the folder of those that cannot be read."""
    options = {"size": size, "channels": channels, "pad": pad, "say": say}
    try:
        return image_data.load_bytes(folder, split, **options)[0], ()
    except ValueError as error:
        if "cannot be read" not in str(error):
            raise
    files = scan(Path(folder)).files[split]
    paths = [path for path, _ in files if not _opens(path, size, channels, pad)]
    broken = set(keys_of(paths, Path(folder)))
    if len(broken) == len(files):
        return np.empty((0, size, size, channels), "uint8"), broken
    return image_data.load_bytes(folder, split, **options, on_error="skip")[0], broken


def _opens(path, size, channels, pad):
    try:
        return decode.read_image(path, size, channels, pad) is not None
    except Exception:  # decoders raise many types on broken files
        return False


def _size(path):
    """Width and height as they are seen, from the head of a file; None if it has none."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return image.size[::-1] if turned else image.size
    except Exception:
        return None


def _of_counts(counts):
    train, test = (sum(count[i] for count in counts.values()) for i in (0, 1))
    yield f"{train + test:,} images in {len(counts)} classes: {train:,} train, {test:,} test"
    if len(counts) > 1:
        totals = {name: sum(count) for name, count in counts.items()}
        least, most = min(totals, key=totals.get), max(totals, key=totals.get)
        ratio = totals[most] / max(1, totals[least])
        yield (
            f"classes: from {totals[least]:,} ({shown(least)}) to {totals[most]:,} ({shown(most)}),"
            f" {ratio:.3g} to 1"
            if ratio > 1
            else f"classes: {totals[most]:,} images each"
        )
    none = [shown(name) for name, count in counts.items() if not count[0]]
    if none:
        yield f"classes without a training image: {_listed(none)}"


def _of_sizes(sizes, size, pad):
    if not sizes:
        return
    every = np.array([pair for pair, count in sizes.items() for _ in range(count)])
    low, middle, high = (np.quantile(every.min(axis=1), q, method="nearest") for q in (0, 0.5, 1))
    yield f"shorter side: {low} to {high} pixels, half of them {middle} or more"
    kept = every.max(axis=1) if pad else every.min(axis=1)
    small = int((kept < size).sum())
    if small:
        yield f"{small:,} are smaller than {size} pixels and are enlarged"
    ratio = every.max(axis=1) / every.min(axis=1)
    rectangular = int((ratio > 1.01).sum())
    if rectangular:
        lost = 1 - (1 / ratio).mean()
        fate = "of the average square is white" if pad else "of the average image is cut off"
        other = "without --pad: cropped" if pad else "or --pad: whole, on white"
        yield (
            f"{rectangular:,} are rectangular, the longest {ratio.max():.3g} to 1: {lost:.0%}"
            f" {fate} ({other})"
        )


def _of_duplicates(groups):
    extra = sum(len(group) - 1 for group in groups)
    if not extra:
        yield "no duplicates"
        return
    first = [f"{shown(a)} = {shown(b)}" for (a, _), (b, _), *_ in groups]
    yield f"{extra:,} duplicates of other images: {_listed(first)}"
    across = [
        f"{shown(group[0][0])} = {shown(group[-1][0])}"
        for group in groups
        if len({split for _, split in group}) > 1
    ]
    if across:
        yield f"{len(across):,} images are in both splits, which flatters scores: {_listed(across)}"


def _unreadable_line(names):
    if not names:
        return "all can be read"
    return (
        f"{len(names):,} cannot be read: {_listed([shown(name) for name in names])}; remove"
        " them, or train with --skip-unreadable"
    )


def _listed(words):
    more = f" and {len(words) - NAMED:,} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more
