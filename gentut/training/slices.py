"""What networks compute of many rows, slice by slice, into arrays, files or what else takes it."""

import contextlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from gentut.checks import PART, as_float, let_go
from gentut.training.devices import own_copies, process

AT_ONCE = 512  # rows that are taken of a memory map before it is asked whether that is much
AROUND = 1 << 16  # bytes that Linux maps around one that is read


def rows_at_once(image_shape: Sequence[int]) -> int:
    """Return how many images go through a network at once where nothing is trained: 500 of 32×32.

    A network of 32 filters holds 130 kB for each image of 32×32, and several such layers at a time.
    """
    height, width = image_shape[:2]
    return max(1, min(500, 500 * 1024 // (height * width)))


def check_out(out: np.ndarray, n: int, image_shape: Sequence[int]) -> np.ndarray:
    """Return ``out`` if ``n`` images can be written to it, or raise.

    An array must fit.  Anything without a shape is trusted: it need only take
    ``out[start:stop] = images``.
    """
    shape, dtype = (n, *image_shape), getattr(out, "dtype", None)
    if hasattr(out, "shape") and (tuple(out.shape) != shape or dtype not in ("float32", "uint8")):
        raise ValueError(
            f"`out` must be float32 or uint8 of shape {shape}; received {dtype} of shape"
            f" {tuple(out.shape)}."
        )
    return out


def put(out: np.ndarray, rows: slice, images: np.ndarray) -> None:
    """Write images in [0, 1] to rows of ``out``: rounded to 0…255 if that holds bytes."""
    if getattr(out, "dtype", None) == np.uint8:
        images = (255 * images + 0.5).astype("uint8")
    out[rows] = images


class Reading:
    """Counts the rows that are read of arrays, and lets go of pages of memory maps in time.

    Args:
        *arrays: that are read; those that are no memory maps (or None) do not matter.
    """

    def __init__(self, *arrays: np.ndarray | None) -> None:
        self.maps = [array for array in arrays if isinstance(array, np.memmap)]
        # The system maps the neighbourhood of what is asked for, too.
        self.row = sum(AROUND + array[:1].nbytes for array in self.maps)
        self.read = 0

    def __call__(self, rows: int) -> None:
        """Note that so many rows were read."""
        self.read += rows * self.row
        if self.read > PART:
            self.read = 0
            for array in self.maps:
                let_go(array)


def take(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return ``array[rows]`` in memory; pages of a memory map are let go of in time."""
    if not isinstance(array, np.memmap):
        return array[rows]
    taken, reading = np.empty((len(rows), *array.shape[1:]), array.dtype), Reading(array)
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        taken[start : start + len(part)] = array[part]
        reading(len(part))
    let_go(array)  # many takes of few rows each would hold the whole map in the end
    return taken


class Slices:
    """How a model applies its networks to many rows; part of ``gentut.training.step.StepModel``."""

    def batched(
        self,
        function: Callable,
        *arrays: np.ndarray | None,
        batch_size: int | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray | tuple[np.ndarray, ...]:
        """Apply ``function`` to slices of arrays and return its results as NumPy arrays.

        Args:
            function: of tensors; gives a tensor, or a tuple of them, with a row for each row.
            *arrays: of one length; uint8 becomes float32 in [0, 1], None stays None.
            batch_size: rows of a slice; default 500, fewer of images above 32×32.
            out: where the one result goes, see ``gentut.VAE.sample``; default a new array.
        """
        n, results, reading = len(arrays[0]), None if out is None else [out], Reading(*arrays)
        batch_size = batch_size or rows_at_once(self.image_shape)
        with self._alone():
            for start in range(0, n, batch_size):
                rows = slice(start, min(start + batch_size, n))
                given = (None if a is None else as_float(a[rows]) for a in arrays)
                found = function(*(None if a is None else ops.convert_to_tensor(a) for a in given))
                several = isinstance(found, tuple)
                found = [ops.convert_to_numpy(part) for part in (found if several else (found,))]
                if results is None:
                    results = [np.empty((n, *part.shape[1:]), part.dtype) for part in found]
                elif start == 0:
                    check_out(out, n, found[0].shape[1:])
                for result, part in zip(results, found, strict=True):
                    put(result, rows, part)
                reading(batch_size)
        return tuple(results) if several else results[0]

    def _alone(self):
        """Of several processes, this one computes by itself, without waiting for the others."""
        if process()[1] == 1:
            return contextlib.nullcontext()
        return keras.StatelessScope(own_copies(self.variables))
