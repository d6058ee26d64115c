"""gentut: learn image generation by running it.  See README.md and the notebooks."""

from gentut import startup

if not startup.COMMAND:
    startup.start_keras()
    from gentut import (
        callbacks,
        classical,
        data,
        features,
        human,
        losses,
        metrics,
        networks,
        plots,
        tasks,
    )
    from gentut.batchsize import find_batch_size
    from gentut.choosing import choose
    from gentut.clusters import ClusterGAN
    from gentut.course import about, budget, show
    from gentut.devices import use_devices
    from gentut.evaluation import evaluate
    from gentut.flow import FlowMatching, LatentFlow
    from gentut.gan import GAN
    from gentut.presets import build
    from gentut.pretrained import load_pretrained
    from gentut.runs import resume
    from gentut.training import seed
    from gentut.vae import VAE

__all__ = [
    "ClusterGAN",
    "GAN",
    "FlowMatching",
    "LatentFlow",
    "VAE",
    "about",
    "budget",
    "build",
    "callbacks",
    "choose",
    "classical",
    "data",
    "evaluate",
    "features",
    "find_batch_size",
    "human",
    "load_pretrained",
    "losses",
    "metrics",
    "networks",
    "plots",
    "resume",
    "seed",
    "show",
    "tasks",
    "use_devices",
]
