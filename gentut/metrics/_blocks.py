"""Rows in blocks, so that a large float32 input is never copied whole to float64."""

import numpy as np

BLOCK_BYTES = 8 * 2**20  # of float64 at a time, about


def less(level, features):
    """Yields row slices and `features[rows] - level` in float64, in memory that is used again."""
    n, d = features.shape
    height = min(n, max(BLOCK_BYTES // (8 * d), 1))
    memory = np.empty((height, d))
    for rows in of_rows(n, height):
        yield rows, np.subtract(features[rows], level, out=memory[: rows.stop - rows.start])


def of_rows(n, rows):
    return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]
