"""Which files, rows and labels a call asks for, and whether they can be had."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gentut.data import decode, named
from gentut.data import folder as folders
from gentut.data.memory import total_and_free

SPLITS = ("train", "test")


def is_name(name_or_folder: str | os.PathLike) -> bool:
    """Tell whether this is one of the named sets rather than the path of a folder."""
    if not isinstance(name_or_folder, str | os.PathLike):
        raise TypeError(
            f"`name_or_folder` must be a name or a path; received {type(name_or_folder).__name__}."
        )
    return isinstance(name_or_folder, str) and name_or_folder in named.SETS


def check_split(name_or_folder: str | os.PathLike, split: str, on_error: str) -> None:
    """Raise unless these are a split of the data and a way with unreadable images."""
    known = list(named.SETS[name_or_folder].splits) if is_name(name_or_folder) else SPLITS
    if split not in known:
        listed = ", ".join(map(repr, known[:-1]))
        raise ValueError(f"`split` must be {listed} or {known[-1]!r}; received {split!r}.")
    if on_error not in ("raise", "skip"):
        raise ValueError(f"`on_error` must be 'raise' or 'skip'; received {on_error!r}.")


def files_of(
    folder: str | os.PathLike,
    contents: folders.Contents,
    split: str,
    chosen: np.ndarray,
    classes: Sequence[str] | None,
) -> list[tuple[str, int]]:
    """Return the (path, label) pairs of a split, of the labels that are chosen; at least one."""
    kept = set(chosen.tolist())  # quicker than an array, for 200,000 files
    files = [entry for entry in contents.files[split] if entry[1] in kept]
    if not files:
        few = "" if classes is None else f" for the classes {', '.join(map(repr, classes))}"
        raise ValueError(
            f"`split` must be one that has images; received {split!r}, which is empty in"
            f" {str(folder)!r}{few}."
        )
    return files


def readable(files: Sequence[tuple[str, int]], on_error: str) -> np.ndarray:
    """Return the rows of the (path, label) pairs that ``load`` returns."""
    if on_error == "raise":
        return np.arange(len(files))
    rows = [(path, row) for row, (path, _) in enumerate(files)]
    with warnings.catch_warnings(action="ignore"):  # `load` says what is skipped
        return decode.read(rows, 8, 1, on_error)[1]


def contents_of(folder: str | os.PathLike) -> folders.Contents:
    """Return what a folder of images holds."""
    # "" would be the current folder; a name that is too long is an error of the system.
    if not str(folder) or not os.path.isdir(folder):
        received = str(folder)
        received = received if len(received) < 300 else received[:300] + "…"
        raise FileNotFoundError(
            f"`name_or_folder` must be {', '.join(named.SETS)} or an existing folder;"
            f" received {received!r}."
        )
    return folders.scan(Path(folder))


def check_memory(n: int, size: int, channels: int, share: int) -> None:
    """Raise, before anything is decoded, if so many images take more memory than is free.

    ``share``: bytes for each pixel; 5 where float32 stands beside uint8.
    """
    needed, free = share * n * size**2 * channels, total_and_free()[1]
    if free is not None and needed > free:
        raise MemoryError(
            f"`size` must be so small that the images fit into memory; received {size}, at which"
            f" {n:,} images of {channels} channel{'s' * (channels > 1)} need {needed / 1e9:.3g} GB"
            f" where {free / 1e9:.3g} GB are free: lower `size`, take fewer `classes`, or grey"
            " images (channels=1)."
        )


def chosen_labels(classes: Sequence[str] | None, known: Sequence[str]) -> np.ndarray:
    """Return the labels of the classes asked for, in that order."""
    if classes is None:
        return np.arange(len(known))
    if (
        not isinstance(classes, list | tuple)
        or not classes
        or not all(isinstance(name, str) for name in classes)
        or len(set(classes)) < len(classes)
    ):
        raise ValueError(f"`classes` must be a list of different names; received {classes!r}.")
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise ValueError(
            f"`classes` must be among {', '.join(known[:100])}; received {unknown[0]!r}."
        )
    return np.array([known.index(name) for name in classes])
