"""What the published recipes share."""

import numpy as np
import tensorflow as tf

IMAGE_SHAPE = (28, 28, 1)
NUM_CLASSES = 10
CHUNK = 500  # images per call outside of training


def in_chunks(function, *arrays):
    """Apply `function` to slices of arrays, so that memory stays small; NumPy in and out."""
    starts = range(0, len(arrays[0]), CHUNK)
    parts = [function(*(a[i : i + CHUNK] for a in arrays)).numpy() for i in starts]
    return np.concatenate(parts)


class Recipe:
    """A published recipe: ``step(images, one_hot)`` trains on one batch and returns a loss.

    `networks` are the two networks, the one that makes images first.  `conditional`: the labels
    count.  `binary`: it trains on images that are thresholded at 0.5.
    """

    conditional = binary = False

    def __init__(self):
        self.networks = self.build()
        self.groups = self.trained_together()
        self.optimizers = [self.optimizer() for _ in self.groups]
        for optimizer, group in zip(self.optimizers, self.groups, strict=True):
            optimizer.build(group)
        self.step = tf.function(self.train)
        self.draw = tf.function(self.decode)

    def trained_together(self):
        """The variables of each optimizer: those of one network each."""
        return [network.trainable_variables for network in self.networks]

    def prepare(self, images):
        """Images in [0, 1] as the networks want them."""
        return images

    def descend(self, tape, loss, player=0):
        """One step of an optimizer down the gradient of `loss`."""
        group = self.groups[player]
        self.optimizers[player].apply(tape.gradient(loss, group), group)

    def sample(self, n, labels=None, seed=0):
        """Images from latents z ~ N(0, I), networks in inference mode; NumPy in [0, 1]."""
        latents = np.random.default_rng(seed).standard_normal((n, self.latent_dim), "float32")
        if self.conditional:
            latents = np.concatenate([latents, one_hot(labels)], axis=1)
        return in_chunks(self.draw, latents)

    def decode(self, latents):
        return self.networks[0](latents, training=False)


def one_hot(labels):
    return np.eye(NUM_CLASSES, dtype="float32")[labels]
