"""One plain dict per recipe: notebooks, command line and benchmarks all build from these.

They suit images of 28×28 to 256×256 and two CPU cores (``LARGE``: what differs for large images);
``tests/benchmarks`` measures them.
"""

from collections.abc import Sequence
from typing import Any

import keras

from gentut.checks import check_choice, check_image_shape, check_positive
from gentut.models import networks, spatial
from gentut.models.cluster_gan import ClusterGAN
from gentut.models.flow import Flow
from gentut.models.gan import GAN
from gentut.models.latent_flow import LatentFlow
from gentut.models.pca_mixture import PCAMixture
from gentut.models.text import TextFlow
from gentut.models.transformer import latent_transformer
from gentut.models.vae import VAE
from gentut.training.kernels import Adam
from gentut.training.step import StepModel

RECIPES = {
    "gaussian": {"model": {"components": 0, "latent_dim": 64}},
    "mixture": {"model": {"components": 50, "latent_dim": 64}},
    "gan": {
        "batch_size": 64,
        "clusters": 50,  # without labels: groups of images stand in for classes
        "latent_dim": 32,
        "generator": {"filters": (64, 32)},
        "discriminator": {"filters": (24, 48, 96)},
        "model": {
            "loss": "non_saturating",
            "penalties": {"r1": 0.15},
            "penalty_interval": 16,
            "ema": 0.9995,
            "fused": True,
        },
        "optimizer": {"learning_rate": 2e-3, "beta_1": 0.0, "beta_2": 0.95, "epsilon": 1e-8},
        "generator_optimizer": {"learning_rate": 1.2e-3},  # where the generator's differs
        "constant_share": 0.6,
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
        "constant_share": 0.5,
    },
    "vae": {
        "batch_size": 96,
        "latent_dim": 20,
        "encoder": {"filters": (16, 32), "units": 256},
        "decoder": {"filters": (48, 16), "units": 256},
        "model": {"likelihood": "bernoulli"},
        "optimizer": {"learning_rate": 2.5e-3, "beta_2": 0.99, "weight_decay": 0.1},
        "constant_share": 0.5,
    },
    "flow": {
        "batch_size": 64,
        "velocity": {"filters": (32, 64), "blocks": 1},
        "model": {"ema": 0.999},
        "optimizer": {"learning_rate": 2e-3},
        "constant_share": 0.4,
    },
    "diffusion": {
        "batch_size": 64,
        "velocity": {"filters": (32, 64), "blocks": 1},
        "model": {"path": "cosine", "prediction": "noise", "ema": 0.999},
        "optimizer": {"learning_rate": 2e-3},
        "constant_share": 0.4,
    },
    "latent_flow": {
        "batch_size": 64,
        "latent_dim": 32,
        "encoder": {"filters": (32, 64), "units": 192},
        "decoder": {"filters": (64, 32), "units": 192},
        "latent_velocity": {"units": 256, "blocks": 3},
        "vae": {"likelihood": "bernoulli", "beta": 0.2},
        "model": {"ema": 0.999},
        "optimizer": {"learning_rate": 2e-3},
        "constant_share": 0.4,
    },
}
# Colour needs a latent that keeps places, and a network that moves a grid of them.
SPATIAL = {
    "batch_size": 64,
    "latent_channels": 4,
    "spatial_encoder": {"filters": (32, 64)},
    "spatial_decoder": {"filters": (64, 48, 24)},
    "latent_transformer": {"width": 128, "depth": 6, "heads": 4},
    "vae": {"likelihood": "gaussian", "beta": 0.1},
    # Both clipped: without it a training of an hour ended in NaN.
    "vae_optimizer": {"learning_rate": 2e-3, "beta_2": 0.99, "global_clipnorm": 1.0},
    "model": {"ema": 0.9995, "vae_first": 0.15, "draws": 1},
    # Muon (Jordan et al. 2024) for the blocks, Adam for what is no matrix or is used once an image.
    "optimizer": {
        "learning_rate": 3e-3,
        "adam_beta_2": 0.99,
        "weight_decay": 0.01,
        "exclude_layers": ["layout", "steering", "words"],
    },
    "constant_share": 0.4,
}
RECIPES["text_flow"] = {**SPATIAL, "vocabulary": 6_001, "words": 12}
# In place of the recipes above, for images of three channels.
COLOUR = {
    # Of held-back emoji, after 300 seconds: a VAE that learns for 15 % of them leaves its pictures
    # blurred, and a transformer of 128 channels takes 1.6 times as long for a step.
    "latent_flow": {
        **SPATIAL,
        "latent_transformer": {"width": 96, "depth": 6, "heads": 4},
        "model": {**SPATIAL["model"], "vae_first": 0.3},
    },
    # The discretised logistic gives held-back emoji 3.1 bits a value less, and draws worse.
    "vae": {**RECIPES["vae"], "latent_dim": 64, "model": {"likelihood": "gaussian"}},
}
FAMILIES = tuple(RECIPES)
ENDS = ("encoder", "decoder")

# What differs for larger images, by how often they halve: 3 times from 40 pixels on (64), 4 times
# from 80 on (96, 128), 5 times from 160 on (256).  Channels go where the grids are coarse, so that
# twice the side costs about twice the time, not four times.  R1 grows with the number of pixels,
# over which the gradient of one and the same picture is spread.
_GAN = {
    3: {
        "latent_dim": 64,
        "generator": {"filters": (128, 64, 32)},
        "discriminator": {"filters": (24, 48, 96, 128)},
    },
    4: {
        "latent_dim": 64,
        "generator": {"filters": (128, 64, 32, 16)},
        "discriminator": {"filters": (16, 32, 64, 128)},
    },
    5: {
        "latent_dim": 64,
        "generator": {"filters": (128, 64, 32, 16, 8)},
        "discriminator": {"filters": (8, 16, 32, 64, 128)},
    },
}
_FLOW = {
    4: {"batch_size": 32, "velocity": {"filters": (16, 32, 64)}},
    5: {"batch_size": 16, "velocity": {"filters": (8, 16, 32, 64)}},
}
_WIDE = {"latent_channels": 8, "latent_transformer": {"width": 128}}
_SPATIAL = {
    3: _WIDE,
    4: {
        **_WIDE,
        "batch_size": 32,
        "halvings": 3,  # to a grid of 16×16 for 128×128
        "spatial_encoder": {"filters": (32, 64)},
        "spatial_decoder": {"filters": (64, 48, 24, 16)},
    },
    5: {
        **_WIDE,
        "batch_size": 16,
        "latent_channels": 16,
        "halvings": 4,
        "spatial_encoder": {"filters": (16, 32, 64)},
        "spatial_decoder": {"filters": (64, 64, 32, 16, 8)},
    },
}
LARGE = {
    "gan": {
        3: _GAN[3] | {"model": {"penalties": {"r1": 0.6}}},
        4: _GAN[4] | {"batch_size": 32, "model": {"penalties": {"r1": 2.4}}},
        5: _GAN[5] | {"batch_size": 16, "model": {"penalties": {"r1": 10.0}}},
    },
    "wgan": {
        3: _GAN[3],
        4: _GAN[4] | {"batch_size": 5 * 32},
        5: _GAN[5] | {"batch_size": 5 * 16},
    },
    "vae": {
        3: {
            "latent_dim": 64,
            "encoder": {"filters": (16, 32, 64)},
            "decoder": {"filters": (96, 48, 16)},
        },
        4: {
            "batch_size": 48,
            "latent_dim": 64,
            "encoder": {"filters": (16, 32, 64)},
            "decoder": {"filters": (96, 64, 32, 16)},
        },
        5: {
            "batch_size": 24,
            "latent_dim": 64,
            "encoder": {"filters": (8, 16, 32, 64)},
            "decoder": {"filters": (96, 64, 32, 16, 8)},
        },
    },
    "flow": _FLOW,
    "diffusion": _FLOW,
    "latent_flow": _SPATIAL,
    "text_flow": _SPATIAL,
}


def recipe_of(family: str, image_shape: Sequence[int]) -> dict:
    """Return the recipe of a family for images of a shape."""
    (_, _, channels), halvings = check_image_shape(image_shape)
    # One vector cannot tell of so many places, in grey neither.
    grid = family == "latent_flow" and halvings > 2
    recipe = COLOUR.get(family, RECIPES[family]) if channels == 3 or grid else RECIPES[family]
    return _changed(recipe, LARGE.get(family, {}).get(min(halvings, 5), {}))


def _changed(recipe, changes):
    """A recipe with other entries, also inside its parts."""
    parts = {
        name: {**recipe[name], **value} if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return {**recipe, **parts}


def takes_texts(family: str) -> bool:
    """Tell whether a family trains on texts instead of labels."""
    return "vocabulary" in RECIPES[family]


def is_iterative(family: str) -> bool:
    """Tell whether a family trains in steps, with a batch size; the others fit all at once."""
    return "batch_size" in RECIPES[family]


def build(
    family: str, image_shape: Sequence[int], num_classes: int | None = None, **changes: Any
) -> StepModel:
    """Build the tested recipe of a family, compiled and ready to ``fit``.

    Args:
        family: a key of ``RECIPES``.
        image_shape: ``(height, width, channels)``; both sides halve evenly to 12 or less.
        num_classes: None, or the number of classes of a class-conditional model.
        **changes: replace entries of the recipe's "model" part, such as ``beta=4.0`` for the VAE
            or ``loss="hinge", fused=False`` for the GAN; ``latent_dim`` is taken too.  The latent
            flow takes ``vae=…``, a trained ``VAE`` whose codes it learns, and then trains none.
            ``clusters=None`` gives an unconditional GAN that is told no groups (``ClusterGAN``).
    """
    check_choice("family", family, FAMILIES)
    if num_classes is not None:
        check_positive("num_classes", num_classes)
    image_shape, _ = check_image_shape(image_shape)
    recipe = recipe_of(family, image_shape)
    settings = {**recipe["model"], **changes}
    if family in ("gaussian", "mixture"):
        return PCAMixture(image_shape, num_classes, **settings)
    if "latent_dim" in recipe:
        latent_dim = settings.pop("latent_dim", recipe["latent_dim"])
        check_positive("latent_dim", latent_dim)

    def network(role, *shape, **extra):
        return getattr(networks, role)(*shape, num_classes=num_classes, **extra, **recipe[role])

    def adam(**differences):
        return Adam(**{**recipe["optimizer"], **differences})

    def vae(**settings):
        parts = (network(role, image_shape, latent_dim=latent_dim) for role in ENDS)
        model = VAE(*parts, **settings)
        model.compile(adam(), constant_share=recipe["constant_share"])
        return model

    if family == "vae":
        model = vae(**settings)
    elif family in ("flow", "diffusion"):
        path = {name: settings[name] for name in ("path", "prediction") if name in settings}
        model = Flow(network("velocity", image_shape, **path), **settings)
        model.compile(adam(), constant_share=recipe["constant_share"])
    elif "latent_channels" in recipe:
        model = _spatial_flow(recipe, image_shape, num_classes, settings)
    elif family == "latent_flow":
        trained = settings.pop("vae", None)
        if trained is not None:
            latent_dim = trained.latent_dim
        model = LatentFlow(
            vae(**recipe["vae"]) if trained is None else trained,
            network("latent_velocity", latent_dim),
            train_vae=trained is None,
            **settings,
        )
        model.compile(adam(), constant_share=recipe["constant_share"])
    else:
        clusters = settings.pop("clusters", recipe.get("clusters"))
        kind = GAN
        if num_classes is None and clusters is not None:
            check_positive("clusters", clusters)
            kind, num_classes = ClusterGAN, clusters
        model = kind(
            network("generator", image_shape, latent_dim=latent_dim),
            network("discriminator", image_shape),
            **settings,
        )
        of_generator = adam(**recipe.get("generator_optimizer", {}))
        model.compile(of_generator, adam(), constant_share=recipe["constant_share"])
    model.default_batch_size = recipe["batch_size"]
    return model


def _spatial_flow(recipe, image_shape, num_classes, settings):
    """A flow of texts or of labels over a VAE's grid of latents."""
    vae = settings.pop("vae", None)
    train_vae = vae is None
    if train_vae:
        channels = settings.pop("latent_channels", recipe["latent_channels"])
        check_positive("latent_channels", channels)
        halvings = recipe.get("halvings")
        ends = (
            getattr(spatial, f"spatial_{end}")(
                image_shape, channels, halvings=halvings, **recipe[f"spatial_{end}"]
            )
            for end in ENDS
        )
        vae = VAE(*ends, **recipe["vae"])
        vae.compile(Adam(**recipe["vae_optimizer"]), constant_share=recipe["constant_share"])
    condition = {"num_classes": num_classes}
    if "vocabulary" in recipe:
        if num_classes is not None:
            raise ValueError(
                f"`num_classes` must be None for a model of texts; received {num_classes!r}."
            )
        condition = {"vocabulary": recipe["vocabulary"], "words": recipe["words"]}
    network = latent_transformer(vae.latent_shape, **condition, **recipe["latent_transformer"])
    kind = TextFlow if "vocabulary" in recipe else LatentFlow
    model = kind(vae, network, train_vae=train_vae, **settings)
    optimizer = keras.optimizers.Muon(**recipe["optimizer"])
    model.compile(optimizer, constant_share=recipe["constant_share"])
    return model
