"""What the published recipes share."""

import numpy as np
import tensorflow as tf

CHUNK = 500  # images per call outside of training


def in_chunks(function, *arrays):
    """Apply `function` to slices of arrays, so that memory stays small; NumPy in and out."""
    starts = range(0, len(arrays[0]), CHUNK)
    parts = [function(*(a[i : i + CHUNK] for a in arrays)).numpy() for i in starts]
    return np.concatenate(parts)


class Recipe:
    """A published recipe: ``step(images, one_hot)`` trains on one batch and returns a loss.

    `networks` are the two networks, the one that makes images first.  `conditional`: the labels
    count.  `binary`: it trains on images that are thresholded at 0.5.  Each was published for
    28×28 grey images of ten classes.  On others only what must change does: the first grid, a
    quarter of the image's rows and columns, and the channels at the end.
    """

    conditional = binary = False

    def __init__(self, image_shape=(28, 28, 1), num_classes=10):
        self.image_shape, self.num_classes = image_shape, num_classes
        self.rows, self.columns, self.channels = (
            image_shape[0] // 4,
            image_shape[1] // 4,
            image_shape[2],
        )
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
            latents = np.concatenate([latents, one_hot(labels, self.num_classes)], axis=1)
        return in_chunks(self.draw, latents)

    def decode(self, latents):
        return self.networks[0](latents, training=False)


def one_hot(labels, num_classes):
    return np.eye(num_classes, dtype="float32")[labels]
