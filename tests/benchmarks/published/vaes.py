"""keras.io's VAE and TensorFlow's CVAE tutorial."""

import keras
import tensorflow as tf
from keras import layers

from published.base import Recipe, in_chunks


class TwoDimensionalVAE(Recipe):
    """What the two published VAEs share: 2 latent dimensions, chosen there so that they can be
    drawn, a Bernoulli likelihood, and one optimizer."""

    latent_dim = 2

    def __init__(self, *shape):
        super().__init__(*shape)
        self.exact_bound = tf.function(self.bound)

    def trained_together(self):
        return [[v for network in self.networks for v in network.trainable_variables]]

    def train(self, images, one_hot):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.training_bound(images))
        self.descend(tape, loss)
        return loss

    def training_bound(self, images):
        return self.bound(images)

    def terms(self, images):
        """log p(x|z), z, mean and log variance of q(z|x), for one draw z per image."""
        decoder, encoder = self.networks
        mean, log_var = tf.split(encoder(images, training=True), 2, axis=1)
        latents = mean + tf.exp(log_var / 2) * tf.random.normal(tf.shape(mean))
        logits = decoder(latents, training=True)
        errors = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
        return -tf.reduce_sum(errors, axis=(1, 2, 3)), latents, mean, log_var

    def bound(self, images):
        """ELBO per image with the KL in closed form, one draw; nats, ``(n,)``."""
        log_likelihood, _, mean, log_var = self.terms(images)
        return log_likelihood - tf.reduce_sum(tf.exp(log_var) + mean**2 - 1 - log_var, axis=1) / 2

    def elbo(self, images):
        """`bound` of many images, NumPy ``(n,)``."""
        return in_chunks(self.exact_bound, images)

    def decode(self, latents):
        return tf.sigmoid(super().decode(latents))

    def build_decoder(self, units, filters):
        """Dense + ReLU, transposed convolutions 3×3 (stride 2, ReLU), one of stride 1 to logits."""
        size = self.rows * self.columns * units
        network = keras.Sequential([keras.Input((2,)), layers.Dense(size, activation="relu")])
        network.add(layers.Reshape((self.rows, self.columns, units)))
        for width in filters:
            network.add(layers.Conv2DTranspose(width, 3, 2, padding="same", activation="relu"))
        network.add(layers.Conv2DTranspose(self.channels, 3, padding="same"))
        return network


class KerasVAE(TwoDimensionalVAE):
    """keras.io's "Variational AutoEncoder", on MNIST.

    Encoder: convolutions 3×3, stride 2, padding "same", with 32 and 64 filters; dense 16; ReLU
    after each; dense 2 for the mean, dense 2 for the log variance.
    Decoder: dense 7·7·64; transposed convolutions 3×3, stride 2, with 64 and 32 filters; ReLU after
    each; transposed convolution 3×3 with 1 filter.  Padding "same".
    Grey images in [0, 1].  Cross-entropy summed over pixels plus KL in closed form.  Adam, rate
    1e-3, betas 0.9 and 0.999.  Batch 128.
    Samples: z ~ N(0, I); the page shows a regular grid of z in [−1, 1]², which is no random draw.
    """

    page = "https://keras.io/examples/generative/vae/"
    batch_size = 128

    def build(self):
        x = images = keras.Input(self.image_shape)
        for filters in (32, 64):
            x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(x)
        x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
        mean, log_var = (layers.Dense(self.latent_dim)(x) for _ in range(2))
        encoder = keras.Model(images, layers.Concatenate()([mean, log_var]))
        return self.build_decoder(64, (64, 32)), encoder

    def optimizer(self):
        return keras.optimizers.Adam(1e-3)


class CVAE(TwoDimensionalVAE):
    """TensorFlow's "Convolutional Variational Autoencoder" tutorial.

    Encoder: convolutions 3×3, stride 2, padding "valid", with 32 and 64 filters and ReLU; dense 4
    for mean and log variance.  Decoder: dense 7·7·32; transposed convolutions 3×3, stride 2, with
    64 and 32 filters; ReLU after each; transposed convolution 3×3 with 1 filter; padding "same".
    Images binarised once: 1 where the grey value is above 0.5.  ELBO with the KL estimated from the
    one draw z.  Adam, rate 1e-4, betas 0.9 and 0.999.  Batch 32.
    Samples: pixel means (sigmoid of the logits) for z ~ N(0, I).
    """

    page = "https://www.tensorflow.org/tutorials/generative/cvae"
    batch_size = 32
    binary = True

    def build(self):
        encoder = keras.Sequential([keras.Input(self.image_shape)])
        for filters in (32, 64):
            encoder.add(layers.Conv2D(filters, 3, 2, activation="relu"))
        encoder.add(layers.Flatten())
        encoder.add(layers.Dense(2 * self.latent_dim))
        return self.build_decoder(32, (64, 32)), encoder

    def optimizer(self):
        return keras.optimizers.Adam(1e-4)

    def training_bound(self, images):
        log_likelihood, z, mean, log_var = self.terms(images)
        # log q(z|x) − log p(z) of the one draw; the constants cancel.
        kl = (z**2 - (z - mean) ** 2 * tf.exp(-log_var) - log_var) / 2
        return log_likelihood - tf.reduce_sum(kl, axis=1)
