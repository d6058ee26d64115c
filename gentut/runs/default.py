"""Which family ``train`` takes where none is named: by how many images it will see."""

import os

from gentut import data as image_data
from gentut.checks import check_image_shape
from gentut.runs.config import Config
from gentut.training.devices import device

# From so many images on, the GAN's pictures were nearer to real ones than the VAE's: Fréchet
# distances on MNIST after 116,000 and 592,000, on emoji after 272,000 (docs/guide/results.md).
ENOUGH = 250_000
# Images per second that the GAN sees on one CPU core, by how often they halve
# (tests/benchmarks/sizes.py); more than 4 cores hardly help with pictures so small.
RATES = {1: 1000, 2: 900, 3: 150, 4: 60, 5: 25}
CORES = 4


def default_family(**settings: object) -> tuple[str, str]:
    """Choose the GAN where the budget shows it enough images, the VAE where it does not.

    Args:
        **settings: fields of ``gentut.runs.Config``; a folder is counted, not decoded.

    Returns:
        The family, and one line that says why.

    Raises:
        ValueError, TypeError, FileNotFoundError: a setting is not what it must be, or there are no
            such images.
    """
    config = Config(**{**settings, "family": "gan"})
    shape = image_data.image_shape(config.data, config.size, config.channels)
    shape, halvings = check_image_shape(shape)
    sides = "×".join(map(str, shape[:2]))
    if config.minutes is None:
        budget = f"--epochs {config.epochs}"
        seen = config.epochs * image_data.count(config.data)
    elif device() == "GPU":
        return "gan", f"a GPU shows it images of {sides} enough, and then {_better('gan')}"
    else:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        rate = RATES[min(halvings, max(RATES))] * min(cores or 1, CORES)
        budget, seen = f"--minutes {config.minutes:g}", 60 * config.minutes * rate
    family = "gan" if seen >= ENOUGH else "vae"
    side = "from" if family == "gan" else "below"
    return family, (
        f"{budget} shows it about {_rounded(seen):,} images of {sides}, and {side} {ENOUGH:,}"
        f"{' on' * (family == 'gan')} {_better(family)}"
    )


def _better(family):
    other = {"gan": "the VAE's", "vae": "the GAN's"}[family]
    return f"its pictures were nearer to real ones than {other} (docs/guide/results.md)"


def _rounded(number):
    """Two digits of a number."""
    return int(float(f"{number:.1e}"))
