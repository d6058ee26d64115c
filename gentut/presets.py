"""One plain dict per recipe: notebooks, command line and benchmarks all build from these.

The sizes suit 28×28 to 64×64 images and two CPU cores; `tests/benchmarks` measures them.
"""

import keras

from gentut import networks
from gentut.checks import check_choice, check_positive
from gentut.classical import PCAMixture
from gentut.gan import GAN
from gentut.vae import VAE

RECIPES = {
    "gaussian": {"model": {"components": 0, "latent_dim": 64}},
    "mixture": {"model": {"components": 50, "latent_dim": 64}},
    "gan": {
        "batch_size": 64,
        "latent_dim": 32,
        "generator": {"filters": (64, 32)},
        "discriminator": {"filters": (24, 48, 96)},
        "model": {
            "loss": "non_saturating",
            "penalties": {"r1": 0.3},
            "penalty_interval": 16,
            "ema": 0.997,
            "fused": True,
        },
        "optimizer": {"learning_rate": 2e-3, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-8},
        "hold": 0.5,
    },
    "wgan": {
        "batch_size": 5 * 64,
        "latent_dim": 64,
        "generator": {"filters": (64, 32)},
        "discriminator": {"filters": (32, 64, 128)},
        "model": {
            "loss": "wasserstein",
            "penalties": {"gradient_penalty": 10.0},
            "critic_steps": 5,
            "ema": 0.999,
        },
        "optimizer": {"learning_rate": 5e-4, "beta_1": 0.0, "beta_2": 0.9},
        "hold": 0.5,
    },
    "vae": {
        "batch_size": 64,
        "latent_dim": 16,
        "encoder": {"filters": (32, 64), "units": 256},
        "decoder": {"filters": (64, 32), "units": 256},
        "model": {"likelihood": "bernoulli"},
        "optimizer": {"learning_rate": 2e-3},
        "hold": 0.4,
    },
}
FAMILIES = tuple(RECIPES)


def build(family, image_shape, num_classes=None, **changes):
    """The tested recipe of a family, compiled and ready to `fit`.

    Args:
        family: a key of `RECIPES`.
        image_shape: ``(height, width, channels)``; height and width halve evenly down to 4…8.
        num_classes: None, or the number of classes of a class-conditional model.
        **changes: replace entries of the recipe's "model" part, such as ``beta=4.0`` for the VAE
            or ``loss="hinge", fused=False`` for the GAN; `latent_dim` is taken too.
    """
    check_choice("family", family, FAMILIES)
    if num_classes is not None:
        check_positive("num_classes", num_classes)
    recipe = RECIPES[family]
    image_shape, _ = networks.check_image_shape(image_shape)
    settings = {**recipe["model"], **changes}
    if family in ("gaussian", "mixture"):
        return PCAMixture(image_shape, num_classes, **settings)
    latent_dim = settings.pop("latent_dim", recipe["latent_dim"])
    check_positive("latent_dim", latent_dim)

    def network(role, **extra):
        return getattr(networks, role)(
            image_shape, num_classes=num_classes, **extra, **recipe[role]
        )

    def adam():
        return keras.optimizers.Adam(**recipe["optimizer"])

    if family == "vae":
        model = VAE(
            network("encoder", latent_dim=latent_dim),
            network("decoder", latent_dim=latent_dim),
            **settings,
        )
        model.compile(adam(), hold=recipe["hold"])
    else:
        model = GAN(
            network("generator", latent_dim=latent_dim), network("discriminator"), **settings
        )
        model.compile(adam(), adam(), hold=recipe["hold"])
    model.default_batch_size = recipe["batch_size"]
    return model
