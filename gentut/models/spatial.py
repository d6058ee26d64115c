"""Encoder and decoder of a VAE whose latent is a small image, not one vector.

A vector forgets where things are, and learns anew for each place what an edge looks like.  A grid
of latents keeps the places: each tells of its own part of the image (Rombach et al. 2022).
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from gentut.checks import check_image_shape, check_int

LOG_VARIANCES = -10.0, 4.0  # beyond them exp() could overflow in a long training


def _full():
    return keras.config.floatx()


def _residual(x):
    y = layers.Conv2D(x.shape[-1], 3, padding="same", activation="silu")(x)
    y = layers.Conv2D(x.shape[-1], 3, padding="same")(y)
    return layers.Activation("silu")(layers.Add()([x, y]))


def _checked(halvings, most):
    return most if halvings is None else check_int("halvings", halvings, 1, most)


def spatial_encoder(
    image_shape: Sequence[int],
    latent_channels: int = 8,
    filters: Sequence[int] = (32, 64),
    halvings: int | None = None,
) -> keras.Model:
    """Build an encoder: images -> ``(n, h, w, 2·latent_channels)``, means beside log variances.

    The means are normalised over batch and places, so that each channel has mean 0 and variance 1
    whatever the weight of the KL: what learns to make latents finds them all of one size.
    ``filters`` are the channels after each halving; ``halvings`` how many of them there are, by
    default down to a grid of 4 to 8 rows.
    """
    image_shape, most = check_image_shape(image_shape)
    halvings = _checked(halvings, most)
    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(2.0, -1.0)(images)
    for i in range(halvings):
        x = layers.Conv2D(
            filters[min(i, len(filters) - 1)], 4, 2, padding="same", activation="silu"
        )(x)
    x = _residual(x)
    mean, log_var = (
        layers.Conv2D(latent_channels, 3, padding="same", name=name, dtype=_full())(x)
        for name in ("mean", "log_var")
    )
    log_var = ops.clip(log_var, *LOG_VARIANCES)
    mean = layers.BatchNormalization(center=False, scale=False, momentum=0.99, dtype=_full())(mean)
    both = layers.Concatenate(dtype=_full())([mean, log_var])
    return keras.Model(images, both, name="encoder")


def spatial_decoder(
    image_shape: Sequence[int],
    latent_channels: int = 8,
    filters: Sequence[int] = (96, 48, 24),
    halvings: int | None = None,
) -> keras.Model:
    """Build a decoder: latents ``(n, h, w, latent_channels)`` -> logits of the pixel means.

    ``filters`` begin at the grid of the latents; ``halvings`` are those of the encoder.
    """
    (height, width, channels), most = check_image_shape(image_shape)
    doublings = _checked(halvings, most)
    latents = keras.Input((height >> doublings, width >> doublings, latent_channels))
    x = layers.Conv2D(filters[0], 3, padding="same", activation="silu")(latents)
    x = _residual(x)
    for i in range(doublings):
        here = filters[min(i + 1, len(filters) - 1)]
        x = layers.Conv2DTranspose(here, 4, 2, padding="same", activation="silu")(x)
    logits = layers.Conv2D(channels, 3, padding="same", name="logits", dtype=_full())(x)
    return keras.Model(latents, logits, name="decoder")
