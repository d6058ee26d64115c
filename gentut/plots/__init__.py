"""Figures: arrays in, a matplotlib figure out.

Every function returns a ``Figure`` and shows nothing, so that a notebook, a report and a test
use it alike. Images are float in [0, 1], shape ``(n, height, width, channels)`` with 1 (grey) or
3 (colour) channels.
"""

from gentut.plots.curves import guesses, intervals, training_curves
from gentut.plots.diagram import diagram
from gentut.plots.images import (
    comparison,
    image_grid,
    nearest_neighbours,
    pixels,
    reconstructions,
    tile,
    training_gif,
)
from gentut.plots.latent import interpolation, latent_plane, latent_scatter, slerp, traversals
from gentut.plots.style import Figure, panels, png

__all__ = [
    "Figure",
    "comparison",
    "diagram",
    "guesses",
    "image_grid",
    "intervals",
    "interpolation",
    "latent_plane",
    "latent_scatter",
    "nearest_neighbours",
    "panels",
    "pixels",
    "png",
    "reconstructions",
    "slerp",
    "tile",
    "training_curves",
    "training_gif",
    "traversals",
]
