"""Paths from noise to images, and the three predictions that say the same thing.

On a path a point is xₜ = α(t)·x₁ + σ(t)·x₀: t = 0 is noise x₀, t = 1 the image x₁.  Lipman et al.
(2023, arXiv:2210.02747), Song et al. (2021, arXiv:2011.13456), Kingma et al. (2021,
arXiv:2107.00630).  A network may predict the velocity dxₜ/dt, the noise x₀ or the image x₁: at a
point that is known, each gives the other two (``convert``).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from gentut.training.devices import Tensor

PREDICTIONS = ("velocity", "noise", "image")


class Path(NamedTuple):
    """Functions of time t in [0, 1], each a tensor like ``t`` (or a scalar): see ``PATHS``."""

    alpha: Callable[[Tensor], Tensor]  # share of the image
    sigma: Callable[[Tensor], Tensor]  # share of the noise
    alpha_rate: Callable[[Tensor], Tensor]  # dα/dt
    sigma_rate: Callable[[Tensor], Tensor]  # dσ/dt

    def at(self, time: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return α, σ, dα/dt, dσ/dt at times ``(n, 1)`` or one number, to multiply ``points``."""
        time = ops.convert_to_tensor(time)
        if len(time.shape):
            time = ops.reshape(time, (-1, *[1] * (len(points.shape) - 1)))
        return tuple(part(time) for part in self)


QUARTER = math.pi / 2  # the cosine path is a quarter turn from noise to image
PATHS = {
    # Straight lines, walked evenly (Liu et al. 2023; Lipman et al. 2023, eq. 22 with σ_min = 0).
    "straight": Path(
        alpha=lambda t: t,
        sigma=lambda t: 1 - t,
        alpha_rate=lambda t: ops.ones_like(t),
        sigma_rate=lambda t: -ops.ones_like(t),
    ),
    # α² + σ² = 1, so data of variance 1 keep it: "variance preserving".  ᾱ = α² is the cosine
    # schedule of Nichol & Dhariwal (2021, eq. 17) without its small offset.
    "cosine": Path(
        alpha=lambda t: ops.sin(QUARTER * t),
        sigma=lambda t: ops.cos(QUARTER * t),
        alpha_rate=lambda t: QUARTER * ops.cos(QUARTER * t),
        sigma_rate=lambda t: -QUARTER * ops.sin(QUARTER * t),
    ),
}


def interpolate(noise: Tensor, images: Tensor, time: Tensor, path: str = "straight") -> Tensor:
    """Return xₜ = α·x₁ + σ·x₀.

    Args:
        noise: x₀, ``(n, …)``.
        images: x₁, of the same shape (scaled as the network wants them, or any other data).
        time: t in [0, 1], ``(n, 1)`` or one number.
        path: a key of ``PATHS``.
    """
    alpha, sigma, _, _ = PATHS[path].at(time, images)
    return alpha * images + sigma * noise


def target(
    noise: Tensor,
    images: Tensor,
    time: Tensor,
    path: str = "straight",
    prediction: str = "velocity",
) -> Tensor:
    """Return what a network is to predict: α'·x₁ + σ'·x₀ for the velocity, or x₀, or x₁.

    Args:
        noise, images, time, path: see ``interpolate``.
        prediction: one of ``PREDICTIONS``.
    """
    of_image, of_noise = _shares(PATHS[path].at(time, images), prediction)
    return of_image * images + of_noise * noise


def _shares(values, prediction):
    """How much of the image and of the noise is in the ``prediction``."""
    _, _, alpha_rate, sigma_rate = values
    return {"velocity": (alpha_rate, sigma_rate), "noise": (0, 1), "image": (1, 0)}[prediction]


def convert(
    values: Tensor,
    points: Tensor,
    time: Tensor,
    given: str,
    wanted: str,
    path: str = "straight",
) -> Tensor:
    """Turn one prediction at ``points`` into another.

    From xₜ = α·x₁ + σ·x₀ and one of v = α'·x₁ + σ'·x₀, x₀ and x₁ follow the other two: two linear
    equations in two unknowns.

    Args:
        values: the prediction ``given``, ``(n, …)``.
        points: xₜ, of the same shape.
        time: t, ``(n, 1)`` or one number; not 0 where noise is given (α = 0: pure noise says
            nothing of the image), not 1 where an image is given.
        given, wanted: of ``PREDICTIONS``.
        path: a key of ``PATHS``.
    """
    if given == wanted:
        return values
    alpha, sigma, alpha_rate, sigma_rate = PATHS[path].at(time, points)
    if given == "velocity":
        determinant = alpha_rate * sigma - alpha * sigma_rate  # 1, or π/2 on the cosine path
        image = (sigma * values - sigma_rate * points) / determinant
        noise = (alpha_rate * points - alpha * values) / determinant
    elif given == "noise":
        image, noise = (points - sigma * values) / alpha, values
    else:
        image, noise = values, (points - alpha * values) / sigma
    of_image, of_noise = _shares((alpha, sigma, alpha_rate, sigma_rate), wanted)
    return of_image * image + of_noise * noise


def gaussian_terms(
    points: Tensor,
    time: Tensor,
    spread: float,
    path: str = "straight",
    prediction: str = "velocity",
) -> tuple[Tensor, Tensor]:
    """Return a and b of E[prediction | xₜ] = a·xₜ for data N(0, spread²), where it is exact.

    xₜ has the variance c² = α²·spread² + σ².  Where the prediction is p·x₁ + q·x₀, its regression
    on xₜ has the factor a = (p·α·spread² + q·σ) / c²; what it leaves over is b times a number of
    mean 0 and variance 1, b = spread·(p·σ − q·α) / c.  That number is the same for velocity, noise
    and image (b is negative for the noise): it is all that is left to be learned.

    Args:
        points: xₜ, ``(n, …)``, for its number of axes.
        time, path, prediction: see ``target``.
        spread: standard deviation of the data.
    """
    values = alpha, sigma, _, _ = PATHS[path].at(time, points)
    of_image, of_noise = _shares(values, prediction)
    variance = (alpha * spread) ** 2 + sigma**2
    factor = (of_image * alpha * spread**2 + of_noise * sigma) / variance
    return factor, spread * (of_image * sigma - of_noise * alpha) / ops.sqrt(variance)


def denoise(
    points: Tensor,
    velocity: Tensor,
    now: float,
    after: float,
    path: str = "straight",
    noise: Tensor | None = None,
) -> Tensor:
    """Take one step of DDIM, or with ``noise`` one of DDPM, from time ``now`` to ``after``.

    From the image x̂₁ and the noise x̂₀ that the velocity tells of: α·x̂₁ + √(σ² − τ²)·x̂₀ + τ·noise
    (Song et al. 2021, arXiv:2010.02502, eq. 12), all at ``after``.  Without noise τ = 0.  With it τ
    is that of q(x_after | x_now, x₁), the ancestral step of Ho et al. (2020, eq. 7), for any path
    (Kingma et al. 2021, eq. 32–33 of appendix A).

    Args:
        points: xₜ at ``now``, ``(n, …)``.
        velocity: there, of the same shape.
        now, after: times in [0, 1]; with noise, ``after`` > ``now``.
        noise: fresh, N(0, I), of the same shape; None for the step of DDIM.
    """
    image = convert(velocity, points, now, "velocity", "image", path)
    old_noise = convert(velocity, points, now, "velocity", "noise", path)
    alpha, sigma, _, _ = PATHS[path].at(after, points)
    if noise is None:
        return alpha * image + sigma * old_noise
    tau = _fresh(points, now, after, path) * sigma
    return alpha * image + ops.sqrt(ops.maximum(sigma**2 - tau**2, 0.0)) * old_noise + tau * noise


def _fresh(points, now, after, path):
    """Share of fresh noise: its standard deviation from ``after`` back to ``now``, over σ(now)."""
    alpha_now, sigma_now, _, _ = PATHS[path].at(now, points)
    alpha, sigma, _, _ = PATHS[path].at(after, points)
    return ops.sqrt(ops.maximum(1 - (alpha_now * sigma / (alpha * sigma_now)) ** 2, 0.0))


def renoise(points: Tensor, now: float, back: float, path: str, noise: Tensor) -> Tensor:
    """Go from time ``now`` to the earlier ``back`` by adding noise: a draw of q(x_back | x_now).

    x_back = r·x_now + √(σ(back)² − r²·σ(now)²)·noise with r = α(back)/α(now).
    """
    alpha, sigma, _, _ = PATHS[path].at(now, points)
    alpha_back, sigma_back, _, _ = PATHS[path].at(back, points)
    ratio = alpha_back / alpha
    return ratio * points + ops.sqrt(sigma_back**2 - (ratio * sigma) ** 2) * noise
