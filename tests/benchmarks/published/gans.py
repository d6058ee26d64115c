"""TensorFlow's DCGAN tutorial, keras.io's WGAN-GP and keras.io's conditional GAN."""

import keras
import tensorflow as tf
from keras import layers

from published.base import Recipe


def leaky(slope):
    return layers.LeakyReLU(negative_slope=slope)


def cross_entropy(scores, target):
    """Mean of −log sigmoid(score) for target 1, of −log(1 − sigmoid(score)) for target 0."""
    return tf.reduce_mean(tf.nn.softplus(-scores if target else scores))


class DCGAN(Recipe):
    """TensorFlow's "Deep Convolutional Generative Adversarial Network" tutorial.

    Generator, from z ~ N(0, I) in 100 dimensions: dense 7·7·256; transposed convolutions 5×5 with
    128 filters (stride 1), 64 (stride 2) and 1 (stride 2, tanh); no biases; batch normalisation
    (momentum 0.99) and LeakyReLU (gradient 0.3, Keras' default) after all but the last.
    Discriminator: convolutions 5×5, stride 2, with 64 and 128 filters, each followed by LeakyReLU
    0.3 and dropout 0.3; dense 1.  Padding "same".
    Images in [−1, 1].  Cross-entropy for both, the generator's non-saturating; both gradients from
    one pass.  Adam, rate 1e-4, betas 0.9 and 0.999, for each.  Batch 256.
    Samples: batch normalisation with its moving averages, which are young after a short training.
    """

    page = "https://www.tensorflow.org/tutorials/generative/dcgan"
    batch_size, latent_dim = 256, 100

    def build(self):
        generator = keras.Sequential([keras.Input((self.latent_dim,))])
        generator.add(layers.Dense(self.rows * self.columns * 256, use_bias=False))
        generator.add(layers.BatchNormalization())
        generator.add(leaky(0.3))
        generator.add(layers.Reshape((self.rows, self.columns, 256)))
        for filters, stride in ((128, 1), (64, 2), (self.channels, 2)):
            generator.add(
                layers.Conv2DTranspose(filters, 5, stride, padding="same", use_bias=False)
            )
            if filters > self.channels:
                generator.add(layers.BatchNormalization())
                generator.add(leaky(0.3))
        generator.add(layers.Activation("tanh"))
        critic = keras.Sequential([keras.Input(self.image_shape)])
        for filters in (64, 128):
            critic.add(layers.Conv2D(filters, 5, 2, padding="same"))
            critic.add(leaky(0.3))
            critic.add(layers.Dropout(0.3))
        critic.add(layers.Flatten())
        critic.add(layers.Dense(1))
        return generator, critic

    def optimizer(self):
        return keras.optimizers.Adam(1e-4)

    def prepare(self, images):
        return images * 2 - 1

    def train(self, images, one_hot):
        generator, critic = self.networks
        with tf.GradientTape(persistent=True) as tape:
            fake = generator(tf.random.normal((self.batch_size, self.latent_dim)), training=True)
            real_scores, fake_scores = critic(images, training=True), critic(fake, training=True)
            generator_loss = cross_entropy(fake_scores, 1)
            critic_loss = cross_entropy(real_scores, 1) + cross_entropy(fake_scores, 0)
        # Recorded before either step: neither player sees the other's new weights.
        self.descend(tape, generator_loss, 0)
        self.descend(tape, critic_loss, 1)
        return critic_loss

    def decode(self, latents):
        return super().decode(latents) / 2 + 0.5


class WGANGP(Recipe):
    """keras.io's "WGAN-GP overriding `Model.train_step`"; there on Fashion-MNIST, here on MNIST.

    Generator, from z ~ N(0, I) in 128 dimensions: dense 4·4·256, then three times
    nearest-neighbour upsampling ×2 and convolution 3×3 with 128, 64 and 1 filters; no biases; batch
    normalisation (momentum 0.99) after each, then LeakyReLU 0.2 or, at the end, tanh; cropped from
    32×32 to 28×28.
    Critic: images padded with zeros to 32×32; convolutions 5×5, stride 2, with 64, 128, 256 and 512
    filters and LeakyReLU 0.2; dropout 0.3 after the second and third, 0.2 before the dense 1.
    Padding "same".  Images in [−1, 1].  Wasserstein loss with gradient penalty, weight 10, norm
    without epsilon, dropout active in it.  Three critic steps on the same batch of real images,
    then one generator step.  Adam, rate 2e-4, betas 0.5 and 0.9, for each.  Batch 512.
    The point between a real and a generated image is drawn uniformly, as in the paper; older
    versions of the page draw the share from N(0, 1).
    """

    page = "https://keras.io/examples/generative/wgan_gp/"
    batch_size, latent_dim = 512, 128
    critic_steps, penalty_weight = 3, 10.0

    def build(self):
        generator = keras.Sequential([keras.Input((self.latent_dim,))])
        generator.add(layers.Dense(4 * 4 * 256, use_bias=False))
        generator.add(layers.BatchNormalization())
        generator.add(leaky(0.2))
        generator.add(layers.Reshape((4, 4, 256)))
        for filters in (128, 64, self.channels):
            generator.add(layers.UpSampling2D(2))
            generator.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
            generator.add(layers.BatchNormalization())
            last = filters == self.channels
            generator.add(layers.Activation("tanh") if last else leaky(0.2))
        rim = (32 - self.image_shape[0]) // 2
        generator.add(layers.Cropping2D(rim))
        critic = keras.Sequential([keras.Input(self.image_shape), layers.ZeroPadding2D(rim)])
        for filters in (64, 128, 256, 512):
            critic.add(layers.Conv2D(filters, 5, 2, padding="same"))
            critic.add(leaky(0.2))
            if filters in (128, 256):
                critic.add(layers.Dropout(0.3))
        critic.add(layers.Flatten())
        critic.add(layers.Dropout(0.2))
        critic.add(layers.Dense(1))
        return generator, critic

    def optimizer(self):
        return keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.9)

    def prepare(self, images):
        return images * 2 - 1

    def train(self, images, one_hot):
        generator, critic = self.networks
        for _ in range(self.critic_steps):
            fake = generator(self.latents(), training=True)
            with tf.GradientTape() as tape:
                real_scores, fake_scores = (
                    critic(images, training=True),
                    critic(fake, training=True),
                )
                loss = tf.reduce_mean(fake_scores) - tf.reduce_mean(real_scores)
                loss += self.penalty_weight * self.penalty(images, fake)
            self.descend(tape, loss, 1)
        with tf.GradientTape() as tape:
            fake = generator(self.latents(), training=True)
            generator_loss = -tf.reduce_mean(critic(fake, training=True))
        self.descend(tape, generator_loss, 0)
        return loss

    def latents(self):
        return tf.random.normal((self.batch_size, self.latent_dim))

    def penalty(self, real, fake):
        between = real + tf.random.uniform((self.batch_size, 1, 1, 1)) * (fake - real)
        with tf.GradientTape() as tape:
            tape.watch(between)
            scores = self.networks[1](between, training=True)
        norms = tf.sqrt(tf.reduce_sum(tape.gradient(scores, between) ** 2, axis=(1, 2, 3)))
        return tf.reduce_mean((norms - 1) ** 2)

    def decode(self, latents):
        return super().decode(latents) / 2 + 0.5


class ConditionalGAN(Recipe):
    """keras.io's "Conditional GAN", on MNIST.

    Generator, from z ~ N(0, I) in 128 dimensions beside the one-hot label: dense 7·7·138; two
    transposed convolutions 4×4, stride 2, with 128 filters; LeakyReLU 0.2 after each; convolution
    7×7 with 1 filter and sigmoid.  Discriminator: the image and ten planes of the one-hot label;
    convolutions 3×3, stride 2, with 64 and 128 filters and LeakyReLU 0.2; global maximum; dense 1.
    Padding "same"; no normalisation, no dropout.  Images in [0, 1].  Cross-entropy, for the
    discriminator the mean over both halves; high scores mean "generated".  The discriminator steps
    first; both times the labels of the real batch.  Adam, rate 3e-4, betas 0.9 and 0.999, for each.
    Batch 64.
    """

    page = "https://keras.io/examples/generative/conditional_gan/"
    batch_size, latent_dim = 64, 128
    conditional = True

    def build(self):
        width = self.latent_dim + self.num_classes
        units = self.rows * self.columns * width
        generator = keras.Sequential([keras.Input((width,)), layers.Dense(units)])
        generator.add(leaky(0.2))
        generator.add(layers.Reshape((self.rows, self.columns, width)))
        for _ in range(2):
            generator.add(layers.Conv2DTranspose(128, 4, 2, padding="same"))
            generator.add(leaky(0.2))
        generator.add(layers.Conv2D(self.channels, 7, padding="same", activation="sigmoid"))
        *sides, channels = self.image_shape
        critic = keras.Sequential([keras.Input((*sides, channels + self.num_classes))])
        for filters in (64, 128):
            critic.add(layers.Conv2D(filters, 3, 2, padding="same"))
            critic.add(leaky(0.2))
        critic.add(layers.GlobalMaxPooling2D())
        critic.add(layers.Dense(1))
        return generator, critic

    def optimizer(self):
        return keras.optimizers.Adam(3e-4)

    def train(self, images, one_hot):
        generator, critic = self.networks
        planes = tf.broadcast_to(one_hot[:, None, None], (*images.shape[:3], self.num_classes))

        def judge(x):
            return critic(tf.concat([x, planes], axis=-1), training=True)

        fake = generator(self.latents(one_hot), training=True)
        with tf.GradientTape() as tape:
            loss = (cross_entropy(judge(fake), 1) + cross_entropy(judge(images), 0)) / 2
        self.descend(tape, loss, 1)
        with tf.GradientTape() as tape:
            fake = generator(self.latents(one_hot), training=True)
            generator_loss = cross_entropy(judge(fake), 0)
        self.descend(tape, generator_loss, 0)
        return loss

    def latents(self, one_hot):
        noise = tf.random.normal((self.batch_size, self.latent_dim))
        return tf.concat([noise, one_hot], axis=1)
