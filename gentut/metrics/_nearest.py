"""Exact nearest neighbours and ball membership at the speed of a matrix product.

Every distance is compared as if computed directly, Σ(x − y)² in float64. A matrix product
is much faster but rounds: |x|² + |y|² − 2x·y loses the distance between points that lie
close together and far from the origin. So the product only proposes: it gives a guaranteed
lower bound on each distance, and what the bounds leave open is measured directly. The
product runs in float32, and again in float64 for blocks where float32 leaves much open.
"""

import numpy as np

_BLOCK_ELEMENTS = 2**20  # of a block of the distance matrix
_DIRECT_ELEMENTS = 2**16  # coordinates gathered at a time for direct distances
_GROUPS = 128
_MANY = 32  # open pairs per row above which float64 proposes instead


def squared_neighbour_distances(queries, references, k, same=False):
    """Squared distance from each query to its k-th nearest reference, shape (n,).

    With `same`, queries and references are one set and a row is not its own neighbour.
    """

    def decide(bounds, rows, lower):
        height = len(lower)
        if same:
            lower[np.arange(height), np.arange(rows.start, rows.stop)] = np.inf
        # The k most promising references, measured, bound the answer from above ...
        j = _promising(lower, k).ravel()
        i = np.repeat(np.arange(height), k)
        measured = _squared_distances(queries, references, i + rows.start, j)
        result = measured.reshape(height, k).max(axis=1)
        # ... and only those whose lower bound is no higher can improve on it.
        limit = bounds.at_most(result)
        limit[result == 0] = -np.inf
        i, j = _where(lower <= limit[:, None])
        if bounds.coarse and len(i) > _MANY * k * height:
            return None
        measured = _squared_distances(queries, references, i + rows.start, j)
        by_row = measured[np.lexsort((measured, i))]
        open_rows, first = np.unique(i, return_index=True)
        result[open_rows] = by_row[first + k - 1]
        return result

    return np.concatenate([result for _, result in _in_blocks(queries, references, decide)])


def _promising(lower, k):
    """k columns per row with low values, shape (rows, k): the least of each of k groups.

    Partial sorting of whole rows would take most of the time. Column j belongs to group
    j mod `groups`, so the least of each group comes from a few passes over contiguous memory.
    """
    height, width = lower.shape
    groups = max(_GROUPS, 4 * k)
    if width < 2 * groups:
        return np.argpartition(lower, k - 1, axis=1)[:, :k]
    stacked = lower[:, : width // groups * groups].reshape(height, -1, groups)
    group = np.argpartition(stacked.min(axis=1), k - 1, axis=1)[:, :k]
    members = stacked[np.arange(height)[:, None], :, group]
    return members.argmin(axis=2) * groups + group


def ball_membership(queries, references, query_radius, reference_radius):
    """Which references lie in the queries' balls, and which queries in the references'.

    Radii are squared, shapes (n,) and (m,). Yields for each block of queries two pairs of index
    arrays (i, j): reference j in the ball of query i, then query i in the ball of reference j.
    A point exactly on a boundary is outside.
    """

    def inside(bounds, rows, lower, radius, gap):
        i, j = _where(lower <= bounds.at_most(radius))
        radius, sure_radius = (
            np.broadcast_to(array, lower.shape)[i, j]
            for array in (radius, bounds.surely_below(radius, gap))
        )
        sure = lower[i, j] < sure_radius
        open_pairs = np.flatnonzero(~sure)
        if bounds.coarse and len(open_pairs) > _MANY * len(lower):
            return None
        i += rows.start
        measured = _squared_distances(queries, references, i[open_pairs], j[open_pairs])
        sure[open_pairs] = measured < radius[open_pairs]
        return i[sure], j[sure]

    def decide(bounds, rows, lower):
        in_query = inside(bounds, rows, lower, query_radius[rows, None], bounds.row_gap[rows, None])
        in_reference = inside(bounds, rows, lower, reference_radius, bounds.column_gap)
        return None if in_query is None or in_reference is None else (in_query, in_reference)

    for _, decision in _in_blocks(queries, references, decide):
        yield decision


def _in_blocks(queries, references, decide):
    """Yields (rows, decision) per block; float64 bounds where float32 ones decide too little."""
    coarse, fine = _LowerBounds(queries, references, np.float32), None
    step = max(_BLOCK_ELEMENTS // len(references), 1)
    for start in range(0, len(queries), step):
        rows = slice(start, min(start + step, len(queries)))
        decision = decide(coarse, rows, coarse.block(rows))
        if decision is None:
            fine = fine or _LowerBounds(queries, references, np.float64)
            decision = decide(fine, rows, fine.block(rows))
        yield rows, decision


class _LowerBounds:
    """A matrix, by blocks of rows, that is nowhere above the squared distances over `unit`."""

    def __init__(self, queries, references, dtype):
        centre = references.mean(axis=0, dtype=np.float64)
        q, r = queries - centre, references - centre
        q_norm, r_norm = np.einsum("ij,ij->i", q, q), np.einsum("ij,ij->i", r, r)
        self.unit = max(q_norm.max(), r_norm.max(), np.finfo(np.float64).tiny)
        q, q_norm = q * self.unit**-0.5, q_norm / self.unit
        r, r_norm = r * self.unit**-0.5, r_norm / self.unit
        self.coarse = dtype == np.float32
        self._eps = np.finfo(dtype).eps
        # Rounding of the inputs and of a sum of d + 2 products, as a share of |q|² + |r|²
        # (Higham 2002, section 3.1), and a term for underflow.
        share, floor = (q.shape[1] + 8) * self._eps, 1e-30
        # How far a lower bound can lie under its distance, in rows and in columns.
        self.row_gap = 2 * (share * (q_norm + 1) + floor)
        self.column_gap = 2 * (share * (r_norm + 1) + floor)
        # One product yields |q|² + |r|² − 2q·r less its largest possible error.
        q_low, r_low = q_norm * (1 - share) - floor, r_norm * (1 - share)
        self._left = np.column_stack([-2 * q, q_low, np.ones(len(q))]).astype(dtype)
        self._right = np.column_stack([r, np.ones(len(r)), r_low]).astype(dtype)
        self._memory = None

    def block(self, rows):
        """The bounds of some rows. The memory is used again by the next call."""
        left = self._left[rows]
        if self._memory is None:  # the first block is the largest
            self._memory = np.empty((len(left), len(self._right)), left.dtype)
        return np.matmul(left, self._right.T, out=self._memory[: len(left)])

    def at_most(self, squared):
        """Thresholds that no lower bound of a distance up to `squared` exceeds."""
        return (squared / self.unit * (1 + 4 * self._eps)).astype(self._left.dtype)

    def surely_below(self, squared, gap):
        """Thresholds below which a lower bound proves a distance smaller than `squared`."""
        return (squared / self.unit * (1 - 4 * self._eps) - gap).astype(self._left.dtype)


def _squared_distances(x, y, i, j):
    """Σ(x[i] − y[j])² in float64, for index arrays i and j."""
    result = np.empty(len(i))
    step = max(_DIRECT_ELEMENTS // x.shape[1], 1)
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        difference = x[i[part]].astype(np.float64) - y[j[part]]
        result[part] = np.einsum("ij,ij->i", difference, difference)
    return result


def _where(mask):
    """`np.nonzero` of a matrix, several times faster when few entries are set."""
    return np.divmod(np.flatnonzero(mask), mask.shape[1])
