"""Generative adversarial networks: Goodfellow et al. 2014 and the losses and penalties since."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from gentut.checks import check_choice, check_positive
from gentut.models import diff_augment as augmentation
from gentut.models.diff_augment import check_transforms
from gentut.models.losses import ADVERSARIAL, gradient_penalty, zero_centered_gradient_penalty
from gentut.models.networks import classes_of, join
from gentut.training.devices import Tensor, compile_options, per_image
from gentut.training.gradients import input_gradient
from gentut.training.kernels import Adam
from gentut.training.optimizers import Optimizers, averaged_copy, move_average, recipe_of
from gentut.training.step import StepModel, generator_from

PENALTIES = ("r1", "r2", "gradient_penalty")


@keras.saving.register_keras_serializable("gentut")
class GAN(StepModel):
    """A generator and a discriminator trained against each other.

    Args:
        generator: latents ``(n, d)`` (and labels ``(n,)``) -> images in [0, 1], ``(n, h, w, c)``.
        discriminator: images (and labels) -> scores ``(n, 1)``.
        loss: a key of ``gentut.losses.ADVERSARIAL``.
        penalties: weights by name: "r1" (gradients at real images) and "r2" (at generated ones,
            Mescheder et al. 2018), "gradient_penalty" (between them, Gulrajani et al. 2017).
        penalty_interval: compute penalties every so many steps, times that number (lazy
            regularisation, Karras et al. 2020, appendix B).
        critic_steps: discriminator steps per generator step; a batch is shared out among them.
        ema: decay per step of the averaged generator that ``sample`` uses; 0 for none.
        augment: names of ``gentut.models.diff_augment.TRANSFORMS`` (or one): the discriminator then
            sees images transformed at random (Zhao et al. 2020), for training sets of few images.
        fused: one pass through the discriminator serves both players (Shen et al. 2021).  The
            generator then meets the discriminator of before this step instead of after it;
            otherwise the gradients are those of the plain step.  Needs critic_steps=1, a
            discriminator without batch statistics, and a loss with a gradient ratio.
    """

    arguments = (
        "generator",
        "discriminator",
        "penalties",
        "penalty_interval",
        "critic_steps",
        "ema",
        "fused",
        "augment",
    )

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: str = "non_saturating",
        penalties: Mapping[str, float] | None = None,
        penalty_interval: int = 1,
        critic_steps: int = 1,
        ema: float = 0.999,
        fused: bool = False,
        augment: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        conditional = len(generator.inputs) == 2
        if conditional != (len(discriminator.inputs) == 2):
            raise ValueError(
                "`generator` and `discriminator` must both take labels or both not; received"
                f" {len(generator.inputs)} and {len(discriminator.inputs)} inputs."
            )
        super().__init__(generator.output_shape[1:], classes_of(generator), **kwargs)
        if discriminator.inputs[0].shape[1:] != self.image_shape:
            raise ValueError(
                f"`discriminator` must take images of shape {self.image_shape}, what `generator`"
                f" makes; it takes {tuple(discriminator.inputs[0].shape[1:])}."
            )
        self.generator, self.discriminator = generator, discriminator
        self.loss_name = check_choice("loss", loss, ADVERSARIAL)
        self.players = ADVERSARIAL[loss]
        self.penalties = {
            check_choice("penalties", name, PENALTIES): float(weight)
            for name, weight in dict(penalties or {}).items()
            if weight
        }
        for name, value in (("penalty_interval", penalty_interval), ("critic_steps", critic_steps)):
            check_positive(name, value)
        batch_statistics = [
            layer.name
            for layer in discriminator._flatten_layers()
            if isinstance(layer, layers.BatchNormalization)
        ]
        if batch_statistics and (self.penalties or fused):
            raise ValueError(
                "`discriminator` must not use batch normalisation together with `penalties` or"
                f" `fused`: both need scores of one image each; received {batch_statistics[0]!r}."
            )
        if fused and (critic_steps > 1 or self.players.gradient_ratio is None):
            able = [name for name, players in ADVERSARIAL.items() if players.gradient_ratio]
            raise ValueError(
                f"`fused` needs critic_steps=1 and a loss among {able}; received"
                f" critic_steps={critic_steps}, loss={loss!r}."
            )
        self.penalty_interval, self.critic_steps = penalty_interval, critic_steps
        self.parts = critic_steps
        self.ema, self.fused, self.augment = ema, fused, check_transforms(augment)
        self.latent_dim = generator.inputs[0].shape[-1]
        self.ema_generator = averaged_copy(generator, ema)
        self.seed_generator = keras.random.SeedGenerator()
        self.trackers = [keras.metrics.Mean(name=n) for n in ("d_loss", "g_loss", "penalty")]
        self.built = True

    def call(self, latents: Tensor, labels: Tensor | None = None, training: bool = False) -> Tensor:
        """Return images of the averaged generator."""
        return self.ema_generator(join(latents, labels), training=training)

    # ------------------------------------------------------------------ compile, save

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        constant_share: float = 1.0,
        **options: Any,
    ) -> None:
        """Set the optimizers.

        Args:
            generator_optimizer, discriminator_optimizer: default Adam with a learning rate of 2e-4
                and β₁ = 0.5 (Radford et al. 2016).
            constant_share: of the training with constant rates, which then fall linearly to 2 %.
            **options: passed to ``keras.Model.compile``.
        """
        keras.Model.compile(self, **{**compile_options(), **options})
        adam = {"learning_rate": 2e-4, "beta_1": 0.5}  # Radford et al. 2016
        self.generator_optimizer = generator_optimizer or Adam(**adam)
        self.discriminator_optimizer = discriminator_optimizer or Adam(**adam)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.optimizer = Optimizers(self.generator_optimizer, self.discriminator_optimizer)
        self._set_schedule(constant_share, *self.optimizer.members)

    def get_compile_config(self) -> dict:
        recipes = list(map(recipe_of, self.optimizer.members, self.learning_rates))
        return {
            "generator_optimizer": recipes[0],
            "discriminator_optimizer": recipes[1],
            "constant_share": self.constant_share,
        }

    def get_config(self) -> dict:
        return {**super().get_config(), "loss": self.loss_name}  # Keras has its own ``loss``

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return self.trackers if self.penalties else self.trackers[:2]

    # ------------------------------------------------------------------ the step

    def update(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Take one training step on a batch; ``progress`` in [0, 1] sets the learning rates."""
        self.set_learning_rates(progress, *self.optimizer.members)
        if self.fused:
            losses = self._step_together(images, labels)
        else:
            losses = self._step_in_turn(images, labels)
        for tracker, value in zip(self.trackers, losses, strict=True):
            tracker.update_state(value)
        move_average(
            self.ema_generator, self.generator, self.ema, self.generator_optimizer.iterations
        )
        return {m.name: m.result() for m in self.metrics}

    def _step_in_turn(self, images, labels):
        """Discriminator first, then the generator against the better discriminator."""
        n = images.shape[0] or ops.shape(images)[0]
        part = n // self.critic_steps
        for i in range(self.critic_steps):
            real = images[i * part : (i + 1) * part]
            y = None if labels is None else labels[i * part : (i + 1) * part]
            latents = self._latents(part)
            fake = ops.stop_gradient(self._generate(latents, y))
            between = self._interpolate(real, fake)
            d_loss, penalty = self._step_discriminator(real, fake, between, y)
        latents, transform = self._latents(part), self._transform(part)

        def generator_loss():
            scores = self._scores(real, self._generate(latents, y), y, transform)
            return self.players.generator(ops.stop_gradient(scores[0]), scores[1])

        g_loss = self.minimize(
            generator_loss, self.generator.trainable_variables, self.generator_optimizer
        )
        return d_loss, g_loss, penalty

    def _step_discriminator(self, real, fake, between, labels):
        transform = self._transform(ops.shape(real)[0])

        def loss():
            scores = self._scores(real, fake, labels, transform)
            adversarial = self.players.discriminator(*scores)
            penalty = self._penalty(real, fake, between, labels, transform)
            return adversarial + penalty, (adversarial, penalty)

        variables = self.discriminator.trainable_variables
        _, losses, gradients, _ = self.value_and_gradients(loss, variables)
        self.discriminator_optimizer.apply(gradients, variables)
        return losses

    def _step_together(self, images, labels):
        """Both players from one pass through the discriminator.

        Each image is scored alone, so the gradient of the discriminator's loss at a generated
        image, times a known number per image, is the gradient of the generator's loss there.
        """
        n = images.shape[0] or ops.shape(images)[0]
        latents, transform = self._latents(n), self._transform(n)
        g_variables = self.generator.trainable_variables
        d_variables = self.discriminator.trainable_variables
        fake, pull = self.pullback(lambda: self._generate(latents, labels), g_variables)
        between = self._interpolate(images, fake)

        def loss(fake):
            scores = self._scores(images, fake, labels, transform)
            adversarial = self.players.discriminator(*scores)
            # Penalties shape the discriminator only: no gradient to the generator.
            penalty = self._penalty(images, ops.stop_gradient(fake), between, labels, transform)
            return adversarial + penalty, (adversarial, penalty, *scores)

        _, extra, d_gradients, (gradient,) = self.value_and_gradients(loss, d_variables, [fake])
        adversarial, penalty, *scores = extra
        scores = [ops.stop_gradient(s) for s in scores]
        ratio = ops.reshape(self.players.gradient_ratio(*scores), (-1, 1, 1, 1))
        g_gradients = pull(gradient * ratio)
        self.discriminator_optimizer.apply(d_gradients, d_variables)
        self.generator_optimizer.apply(g_gradients, g_variables)
        return adversarial, self.players.generator(*scores), penalty

    def _penalty(self, real, fake, between, labels, transform):
        if not self.penalties:
            return ops.zeros(())

        def gradients(images):
            return input_gradient(
                lambda x: self.discriminator(join(transform(x), labels), training=False), images
            )

        def total():
            terms = {
                "r1": lambda: zero_centered_gradient_penalty(gradients(real)),
                "r2": lambda: zero_centered_gradient_penalty(gradients(fake)),
                "gradient_penalty": lambda: gradient_penalty(gradients(between)),
            }
            return sum(weight * terms[name]() for name, weight in self.penalties.items())

        if self.penalty_interval == 1:
            return total()
        step = ops.convert_to_tensor(self.discriminator_optimizer.iterations)
        due = ops.equal(ops.mod(step, self.penalty_interval), 0)
        return ops.cond(due, lambda: total() * self.penalty_interval, lambda: ops.zeros(()))

    def _interpolate(self, real, fake):
        """Points on the lines from real to generated images, one uniform share per image."""
        if "gradient_penalty" not in self.penalties:
            return None
        n = ops.shape(real)[0]
        seed = self.seed_generator
        share = per_image(lambda n: keras.random.uniform((n, 1, 1, 1), seed=seed), n)
        return real + share * (ops.stop_gradient(fake) - real)

    def _transform(self, n):
        """What the discriminator sees of ``n`` images: a function, with its random draws made."""
        return augmentation.draw(self.augment, n, self.seed_generator)

    def _latents(self, n):
        shape, seed = (self.latent_dim,), self.seed_generator
        return per_image(lambda n: keras.random.normal((n, *shape), seed=seed), n)

    def _generate(self, latents, labels):
        return self.generator(join(latents, labels), training=True)

    def _scores(self, real, fake, labels, transform):
        """Scores of real and of generated images, from one pass over both."""
        both = None if labels is None else ops.concatenate([labels, labels])
        images = ops.concatenate([transform(real), transform(fake)])
        return ops.split(self.discriminator(join(images, both), training=True), 2)

    # ------------------------------------------------------------------ use

    def sample(
        self,
        n: int,
        labels: np.ndarray | None = None,
        seed: int | None = None,
        latents: np.ndarray | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw images: NumPy float32 ``(n, h, w, c)`` in [0, 1]; same seed, same images.

        Args:
            n: number of images.
            labels: ints ``(n,)`` for conditional models; None draws them uniformly.
            seed: of latents and labels; None draws one that ``gentut.seed`` controls.
            latents: ``(n, latent_dim)`` instead of drawn ones.
            out: where they go, see ``gentut.VAE.sample``.
        """
        check_positive("n", n)
        rng = generator_from(seed)
        if latents is None:
            latents = rng.standard_normal((n, self.latent_dim)).astype("float32")
        latents = self.check_latents(latents, n)
        return self.batched(self._draw, latents, self.draw_labels(labels, n, rng), out=out)

    def check_latents(self, latents: np.ndarray, n: int) -> np.ndarray:
        """Return ``latents`` if they are ``n`` of this model's, or say why not."""
        if np.shape(latents) != (n, self.latent_dim):
            raise ValueError(
                f"`latents` must have shape ({n}, {self.latent_dim}); received {np.shape(latents)}."
            )
        return latents

    def _draw(self, latents, labels):
        return self.ema_generator(join(latents, labels), training=False)

    def score(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the discriminator's scores, ``(n,)``: high means "looks real" to it."""
        images, labels = self.check(images, labels)
        return self.batched(
            lambda x, y: self.discriminator(join(x, y), training=False)[:, 0], images, labels
        )
