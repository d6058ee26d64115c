"""From noise to images in steps: solvers of dx/dt = v(x, t), and the divergence of v.

A solver knows no network, only a velocity as a function of points and time.
"""

import copy
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from keras import ops

from gentut.checks import check_choice, check_positive
from gentut.models.paths import PATHS, denoise
from gentut.training.devices import Tensor
from gentut.training.gradients import input_gradient

AT_ONCE = 500  # rows of noise that are thrown away at once
ODE_METHODS = ("euler", "heun", "rk4", "ddim")
METHODS = (*ODE_METHODS, "ddpm")


def solve(
    velocity: Callable[[Tensor, float], Tensor],
    x0: Tensor,
    steps: int,
    method: str = "heun",
    *,
    path: str = "straight",
    rng: np.random.Generator | None = None,
    start: float = 0.0,
    end: float = 1.0,
) -> Tensor:
    """Carry points from time ``start`` to ``end`` along dx/dt = v(x, t), in equal steps.

    Args:
        velocity: function of points ``(n, …)`` and a time in [0, 1] -> velocities ``(n, …)``.
        x0: points at ``start``, a tensor ``(n, …)``.
        steps: how many, each of length h = (end − start) / steps.
        method: "euler", x + h·v, of first order and ``steps`` function evaluations (NFE);
            "heun", x + h·(v + v')/2 with v' at the end of an Euler step, of second order and
            2·steps function evaluations, 2·steps − 1 to time 1: there the last step is Euler's, as
            in Karras et al. (2022, algorithm 1), since a network has hardly been trained at t = 1;
            "rk4", the classical Runge–Kutta method, of fourth order and 4·steps evaluations;
            "ddim", exact where the image in the noise stays what it is (Song et al. 2021,
            arXiv:2010.02502, eq. 12 with η = 0), on the straight path the same as Euler;
            "ddpm", with fresh noise in each step, the ancestral sampler of Ho et al. (2020).
            The last two of first order, with ``steps`` function evaluations.
        path: of the velocity, a key of ``gentut.paths.PATHS``: for "ddim" and "ddpm".
        rng: source of the noise of "ddpm".
        start, end: times in [0, 1].  From 1 to 0 the way leads back to the noise.

    Returns:
        Points at ``end``, ``(n, …)``.

    Raises:
        ValueError: ``steps``, ``method`` or ``path`` is none; "ddpm" without ``rng`` or backwards.
    """
    check_positive("steps", steps)
    check_choice("method", method, METHODS)
    check_choice("path", path, PATHS)
    if method == "ddpm" and (rng is None or end < start):
        raise ValueError(
            "`method` ddpm needs `rng`, a NumPy generator, and goes from noise to images only;"
            f" received rng={rng!r}, start={start}, end={end}."
        )
    x, shape = x0, tuple(ops.shape(x0))
    for now, after in pairwise(start + (end - start) * i / steps for i in range(steps + 1)):
        v = velocity(x, now)
        if method in ("ddim", "ddpm"):
            noise = standard_normal(rng, shape) if method == "ddpm" else None
            x = denoise(x, v, now, after, path, noise)
        else:
            x = x + (after - now) * _mean_velocity(velocity, x, v, now, after, method)
        x = ops.stop_gradient(x)
    return x


def _mean_velocity(velocity, x, v, now, after, method):
    """The velocity that a Runge–Kutta step takes for all its length; ``v`` is at its start."""
    h = after - now
    if method == "heun" and after < 1:
        return (v + velocity(x + h * v, after)) / 2
    if method == "rk4":
        v2 = velocity(x + h / 2 * v, now + h / 2)
        v3 = velocity(x + h / 2 * v2, now + h / 2)
        v4 = velocity(x + h * v3, after)
        return (v + 2 * v2 + 2 * v3 + v4) / 6
    return v


def standard_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw a float32 tensor of N(0, 1): the same on every backend."""
    return ops.convert_to_tensor(rng.standard_normal(shape).astype("float32"))


class Noise:
    """Rows of N(0, 1), float32, drawn when they are asked for: never all of them at once.

    They are those that ``rng.standard_normal((n, *shape))`` gives.

    Args:
        rng: source of the noise; it is left behind all of it if ``go_on``, else anywhere.
        n: number of rows.
        shape: of a row.
        go_on: whether others draw from ``rng`` while rows are still to come.
    """

    def __init__(
        self, rng: np.random.Generator, n: int, shape: tuple[int, ...], go_on: bool
    ) -> None:
        self.n, self.row, self.place = n, tuple(shape), 0
        self.rng = copy.deepcopy(rng) if go_on else rng
        for start in range(0, n if go_on else 0, AT_ONCE):  # a generator cannot jump over draws
            rng.standard_normal((min(AT_ONCE, n - start), *self.row))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, rows: slice) -> np.ndarray:
        if rows.start != self.place:
            raise IndexError(f"noise is drawn in order: {self.place} comes next, not {rows.start}")
        self.place = min(rows.stop, self.n)
        count = self.place - rows.start
        return self.rng.standard_normal((count, *self.row)).astype("float32")


def divergence(velocity: Callable[[Tensor], Tensor], points: Tensor, probes: Tensor) -> Tensor:
    """Return Σₖ eₖᵀ (∂v/∂x) eₖ at each point, ``(n,)``, by one vector–Jacobian product.

    With the unit vectors as probes it is the trace of the Jacobian, the divergence.  With random
    probes of mean 0 and covariance I each term has the divergence as its mean (Hutchinson 1990;
    Grathwohl et al. 2019, eq. 7).

    Args:
        velocity: function of points alone; it gets k·n of them, the n points k times over.
        points: ``(n, …)``.
        probes: e, ``(k, n, …)``.
    """
    count, shape = len(probes), ops.shape(points)
    flat = ops.reshape(probes, (-1, *shape[1:]))
    repeated = ops.tile(points, (count, *[1] * (len(shape) - 1)))
    products = input_gradient(lambda x: ops.sum(velocity(x) * flat), repeated) * flat
    return ops.sum(ops.reshape(products, (count, shape[0], -1)), axis=(0, 2))
