"""gentut: learn image generation by running it.  See README.md and the notebooks."""

from gentut import startup

if not startup.COMMAND:
    startup.start_keras()
    from gentut import data, human, metrics, plots, tasks
    from gentut.evaluation import features
    from gentut.evaluation.evaluate import evaluate
    from gentut.models import losses, networks, paths
    from gentut.models.autoregressive import PixelCNN, pixel_cnn
    from gentut.models.cluster_gan import ClusterGAN
    from gentut.models.distillation import ConsistencyFlow
    from gentut.models.flow import Flow
    from gentut.models.gan import GAN
    from gentut.models.latent_flow import LatentFlow
    from gentut.models.pretrained import load_pretrained
    from gentut.models.recipes import build
    from gentut.models.solvers import solve
    from gentut.models.text import TextFlow
    from gentut.models.vae import VAE
    from gentut.notebook import about, budget, check, claim, need_backend, reveal, show, table, tell
    from gentut.runs import resume
    from gentut.runs.batch_size import find_batch_size
    from gentut.runs.choose import choose
    from gentut.training import callbacks
    from gentut.training.devices import tell_of_slow_kernels as _tell_of_slow_kernels
    from gentut.training.devices import use_devices
    from gentut.training.step import seed

    _tell_of_slow_kernels()

__all__ = [
    "ClusterGAN",
    "ConsistencyFlow",
    "GAN",
    "Flow",
    "LatentFlow",
    "PixelCNN",
    "TextFlow",
    "VAE",
    "about",
    "budget",
    "build",
    "callbacks",
    "check",
    "choose",
    "claim",
    "data",
    "evaluate",
    "features",
    "find_batch_size",
    "human",
    "load_pretrained",
    "losses",
    "metrics",
    "need_backend",
    "networks",
    "paths",
    "pixel_cnn",
    "plots",
    "resume",
    "reveal",
    "seed",
    "show",
    "solve",
    "table",
    "tasks",
    "tell",
    "use_devices",
]
