"""gentut: learn image generation by running it.  See README.md and the notebooks."""

import os

# TensorFlow reads this once, when it is imported.  On CPUs without AVX-512 it is off by default,
# and convolutions then reach a third of the speed (tests/benchmarks/bench_training.py).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from gentut import callbacks, classical, data, features, losses, metrics, networks, plots  # noqa: E402
from gentut.course import about, budget, show  # noqa: E402
from gentut.evaluation import evaluate  # noqa: E402
from gentut.gan import GAN  # noqa: E402
from gentut.presets import build  # noqa: E402
from gentut.training import seed  # noqa: E402
from gentut.vae import VAE  # noqa: E402

__all__ = [
    "GAN",
    "VAE",
    "about",
    "budget",
    "build",
    "callbacks",
    "classical",
    "data",
    "evaluate",
    "features",
    "losses",
    "metrics",
    "networks",
    "plots",
    "seed",
    "show",
]
