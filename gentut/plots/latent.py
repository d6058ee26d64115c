"""What lies where in latent space, as a decoder draws it."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import patheffects
from scipy.special import ndtri

from gentut.plots.images import canvas, captioned, check_images
from gentut.plots.style import COLOURS, MARKERS, Figure, house_style

Decode = Callable[[np.ndarray], np.ndarray]


def slerp(z0: np.ndarray, z1: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Interpolate along the sphere, which keeps to the shell where a Gaussian's mass lies.

    A straight line between two draws of N(0, I) passes nearer to the origin than almost any
    draw does. With Ω the angle between the ends, the point at share t is
    ``sin((1 - t)Ω)/sin Ω · z0 + sin(tΩ)/sin Ω · z1``; where Ω is 0 this is the straight line.

    Source: Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985; for latent
    spaces, White, "Sampling generative networks", arXiv:1609.04468, section 2.1.

    Args:
        z0, z1: ``(d,)``, neither zero, not opposite to each other.
        t: ``(steps,)``, shares of the way from ``z0`` (0) to ``z1`` (1).

    Returns:
        ``(steps, d)``.

    Raises:
        ValueError: shapes differ, an end is zero, or the ends are opposite, where no shortest
            arc is singled out.
    """
    z0, z1, t = (np.asarray(value, dtype=float) for value in (z0, z1, t))
    if z0.ndim != 1 or z0.shape != z1.shape:
        raise ValueError(
            "`z0` and `z1` must be vectors of one length; "
            f"received shapes {z0.shape} and {z1.shape}."
        )
    norms = np.linalg.norm(z0), np.linalg.norm(z1)
    if min(norms) == 0:
        raise ValueError("`z0` and `z1` must not be zero vectors; received one of norm 0.")
    t = t.reshape(-1, 1)
    unit0, unit1 = z0 / norms[0], z1 / norms[1]
    # Kahan's form: exact for small angles, where arccos of the cosine loses half the digits.
    angle = 2 * np.arctan2(np.linalg.norm(unit0 - unit1), np.linalg.norm(unit0 + unit1))
    if angle < 1e-7:
        return (1 - t) * z0 + t * z1
    if np.pi - angle < 1e-7:
        raise ValueError("`z0` and `z1` must not be opposite; received an angle of 180 degrees.")
    return (np.sin((1 - t) * angle) * z0 + np.sin(t * angle) * z1) / np.sin(angle)


@house_style
def latent_plane(
    decode: Decode,
    latent_dim: int = 2,
    dims: tuple[int, int] = (0, 1),
    size: int = 12,
    coverage: float = 0.95,
    base: np.ndarray | None = None,
    title: str | None = None,
) -> Figure:
    """Draw what a decoder makes of a plane of its latent space.

    The grid stands at equally spaced quantiles of the standard normal, so that equal areas of
    the figure hold equal shares of the prior; the axes say where in z they lie.

    Args:
        decode: ``(n, latent_dim)`` -> images ``(n, h, w, c)`` in [0, 1].
        latent_dim: length of z.
        dims: the two coordinates that vary, across and upward.
        size: images along each side.
        coverage: share of the prior, in each coordinate, between the outermost rows; in (0, 1).
        base: ``(latent_dim,)``, the other coordinates; zeros by default.
        title: a line above the figure.

    Raises:
        ValueError: coordinates out of range, or shapes that do not fit.
    """
    _check_dims(dims, latent_dim)
    if len(dims) != 2 or dims[0] == dims[1]:
        raise ValueError(f"`dims` must name two different coordinates; received dims={dims}.")
    if size < 2 or not 0 < coverage < 1:
        raise ValueError(
            "`size` must be at least 2 and `coverage` between 0 and 1; "
            f"received size={size}, coverage={coverage}."
        )
    values = ndtri(np.linspace((1 - coverage) / 2, (1 + coverage) / 2, size))
    start = np.zeros(latent_dim) if base is None else _check_vector("base", base, latent_dim)
    z = np.tile(start, (size * size, 1))
    z[:, dims[0]] = np.tile(values, size)
    z[:, dims[1]] = np.repeat(values[::-1], size)  # the first row of an image is its top
    images = _decoded(decode, z)
    figure, axes, (stride_y, stride_x) = canvas(images, size, 0)
    ticks = np.unique(np.linspace(0, size - 1, min(size, 4)).round().astype(int))
    text = [f"{value:.1f}".replace("-", "−") for value in values[ticks]]
    axes.set_xticks((ticks + 0.5) * stride_x - 0.5, text)
    axes.set_yticks((size - ticks - 0.5) * stride_y - 0.5, text)
    axes.tick_params(length=2)
    axes.set(title=title or "", xlabel=f"$z_{{{dims[0]}}}$", ylabel=f"$z_{{{dims[1]}}}$")
    return figure


@house_style
def latent_scatter(
    codes: np.ndarray,
    labels: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    dims: tuple[int, int] = (0, 1),
    title: str | None = None,
) -> Figure:
    """Draw where images lie in two coordinates of latent space, by class, against the prior.

    Args:
        codes: ``(n, latent_dim)``, latent_dim at least 2.
        labels: ``(n,)`` integers, 0 for the first class.
        names: class names; by default the numbers.
        dims: the two coordinates shown. The circle holds 95 % of N(0, I) in any two coordinates.
        title: a line above the figure.

    Raises:
        ValueError: shapes that do not fit, coordinates or labels out of range.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.shape[1] < 2 or not len(codes):
        raise ValueError(f"`codes` must have shape (n, latent_dim >= 2); received {codes.shape}.")
    _check_dims(dims, codes.shape[1])
    x, y = codes[:, dims[0]], codes[:, dims[1]]
    figure = Figure(figsize=(4.8, 4.8))
    axes = figure.subplots()
    if labels is None:
        axes.scatter(x, y, s=8, linewidths=0)
    else:
        labels = np.asarray(labels)
        if labels.shape != (len(codes),) or labels.min() < 0:
            raise ValueError(
                f"`labels` must be {len(codes)} classes from 0 up, one per code; "
                f"received shape {labels.shape}."
            )
        if names is not None and labels.max() >= len(names):
            raise ValueError(
                "`names` must name every class; "
                f"received {len(names)} names and label {labels.max()}."
            )
        for label in np.unique(labels):
            name = str(label) if names is None else names[label]
            member = labels == label
            style = {"color": COLOURS[label % 7], "marker": MARKERS[label % 10]}
            axes.scatter(x[member], y[member], s=10, linewidths=0, alpha=0.6, label=name, **style)
            axes.text(
                np.median(x[member]),
                np.median(y[member]),
                name,
                size=13,
                weight="bold",
                ha="center",
                va="center",
                path_effects=[patheffects.withStroke(linewidth=3, foreground="white")],
            )
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2, handletextpad=0)
    angle = np.linspace(0, 2 * np.pi, 200)
    radius = np.sqrt(-2 * np.log(0.05))  # of two coordinates, P(|z| < r) = 1 - exp(-r²/2)
    axes.plot(radius * np.cos(angle), radius * np.sin(angle), color="#555555", ls="--", lw=1)
    style = {"textcoords": "offset points", "ha": "center", "color": "#444444", "size": 8}
    axes.annotate("95 % of the prior", (0, radius), (0, 3), **style)
    axes.set(aspect="equal", title=title or "")
    axes.set(xlabel=f"$z_{{{dims[0]}}}$", ylabel=f"$z_{{{dims[1]}}}$")
    return figure


@house_style
def traversals(
    decode: Decode,
    z: np.ndarray,
    dims: Sequence[int],
    values: Sequence[float] = (-3, -2, -1, 0, 1, 2, 3),
    title: str | None = None,
) -> Figure:
    """Draw what each coordinate of z does: a row per coordinate, which takes ``values`` in turn.

    Args:
        decode: ``(n, latent_dim)`` -> images ``(n, h, w, c)`` in [0, 1].
        z: ``(latent_dim,)``, the start; the other coordinates stay there.
        dims: the coordinates to vary.
        values: what each becomes, in standard deviations of the prior.
        title: a line above the figure.

    Raises:
        ValueError: coordinates out of range, or shapes that do not fit.
    """
    z = _check_vector("z", z, np.size(z))
    _check_dims(dims, len(z))
    steps = np.tile(z, (len(dims), len(values), 1))
    for row, dim in enumerate(dims):
        steps[row, :, dim] = values
    images = _decoded(decode, steps.reshape(-1, len(z)))
    titles = [f"{value:+.3g}".replace("-", "−") if value else "0" for value in values]
    names = [f"$z_{{{dim}}}$" for dim in dims]
    return captioned(np.split(images, len(dims)), [titles], names, title)


@house_style
def interpolation(
    decode: Decode,
    z0: np.ndarray,
    z1: np.ndarray,
    steps: int = 9,
    spherical: bool = True,
    title: str | None = None,
) -> Figure:
    """Draw the images on the way from one latent code to another.

    Args:
        decode: ``(n, latent_dim)`` -> images ``(n, h, w, c)`` in [0, 1].
        z0, z1: ``(latent_dim,)``, or ``(rows, latent_dim)`` for several ways at once.
        steps: images per row, both ends included.
        spherical: along the arc (see ``slerp``; right for N(0, I)) or along the straight line.
        title: a line above the figure.

    Raises:
        ValueError: shapes that do not fit, fewer than 2 steps, or ends that ``slerp`` refuses.
    """
    z0, z1 = np.atleast_2d(np.asarray(z0, float)), np.atleast_2d(np.asarray(z1, float))
    if z0.ndim != 2 or z0.shape != z1.shape:
        raise ValueError(
            "`z0` and `z1` must both be (latent_dim,) or (rows, latent_dim); "
            f"received {z0.shape} and {z1.shape}."
        )
    if steps < 2:
        raise ValueError(f"`steps` must be at least 2; received steps={steps}.")
    t = np.linspace(0, 1, steps)
    if spherical:
        ways = [slerp(start, end, t) for start, end in zip(z0, z1, strict=True)]
    else:
        ways = (1 - t)[:, None] * z0[:, None] + t[:, None] * z1[:, None]
    images = _decoded(decode, np.concatenate(list(ways)))
    shares = [f"{100 * share:.0f} %" for share in t]
    return captioned(np.split(images, len(z0)), [shares], title=title)


def _decoded(decode: Decode, z: np.ndarray) -> np.ndarray:
    images = check_images("decode(z)", decode(z.astype(np.float32)))
    if len(images) != len(z):
        raise ValueError(
            "`decode` must return one image per code; "
            f"received {len(images)} images for {len(z)} codes."
        )
    return images


def _check_dims(dims: Sequence[int], latent_dim: int) -> None:
    if not len(dims) or not all(0 <= dim < latent_dim for dim in dims):
        raise ValueError(
            f"`dims` must name coordinates from 0 to {latent_dim - 1}; received dims={dims}."
        )


def _check_vector(name: str, z: np.ndarray, length: int) -> np.ndarray:
    z = np.asarray(z, dtype=float)
    if z.shape != (length,):
        raise ValueError(f"`{name}` must have shape ({length},); received shape {z.shape}.")
    return z
