"""Variational autoencoders: Kingma & Welling 2014, and the usual variants."""

import math
import warnings
from typing import Any, Self

import keras
import numpy as np
import sklearn
from keras import ops

from gentut.checks import check_choice, check_positive, check_share
from gentut.models.losses import (
    bernoulli_log_likelihood,
    discretised_logistic_log_likelihood,
    discretised_logistic_mean,
    gaussian_log_likelihood,
    kl_to_standard_normal,
)
from gentut.models.mixtures import draw_components, draw_rows, fit_mixtures, move_to_components
from gentut.models.networks import classes_of, join
from gentut.training.devices import Tensor, mean_over_replicas, per_image
from gentut.training.slices import rows_at_once, take
from gentut.training.step import StepModel, generator_from

LIKELIHOODS = ("bernoulli", "gaussian", "discretised_logistic")


@keras.saving.register_keras_serializable("gentut")
class VAE(StepModel):
    """An encoder q(z|x) and a decoder p(x|z) trained together on the evidence lower bound.

    ELBO(x) = E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)), p(z) = N(0, I); all in nats per image, summed
    over pixels and over latent dimensions (Kingma & Welling 2014, eq. 3 and 10).

    Args:
        encoder: images (and labels) -> ``(n, 2d)``, mean and log variance of q(z|x); or, where a
            latent is a small image, ``(n, rows, columns, 2d)``.
        decoder: latents ``(n, d)`` or ``(n, rows, columns, d)`` (and labels) -> logits
            ``(n, h, w, c)`` of the pixel means.
        beta: weight of the KL in the training loss (Higgins et al. 2017); 1 gives the ELBO.
        likelihood: "bernoulli" (black-or-white pixels), "gaussian" (one learned variance), or
            "discretised_logistic" (256 grey values, one learned scale: the bound is then one on
            the log-probability of grey images).
        kl_warmup: share of the training over which the KL's weight rises from 0 to ``beta``.
        free_bits: nats per latent dimension that cost nothing (Kingma et al. 2016, eq. 15).
    """

    default_batch_size = 128
    finishing = "fitting the prior of the codes"
    arguments = ("encoder", "decoder", "beta", "likelihood", "kl_warmup", "free_bits")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        beta: float = 1.0,
        likelihood: str = "bernoulli",
        kl_warmup: float = 0.0,
        free_bits: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(decoder.output_shape[1:], classes_of(decoder), **kwargs)
        self.latent_shape = tuple(decoder.inputs[0].shape[1:])
        self.latent_dim = math.prod(self.latent_shape)
        given = tuple(encoder.output_shape[1:])
        if given != (*self.latent_shape[:-1], 2 * self.latent_shape[-1]):
            raise ValueError(
                f"`encoder` must give 2·latent_dim = {2 * self.latent_dim} numbers per image, as"
                f" `decoder` takes latents of shape {self.latent_shape}; it gives {given}."
            )
        if encoder.inputs[0].shape[1:] != self.image_shape:
            raise ValueError(
                f"`encoder` must take images of shape {self.image_shape}, what `decoder` makes;"
                f" it takes {tuple(encoder.inputs[0].shape[1:])}."
            )
        if len(encoder.inputs) != len(decoder.inputs):
            raise ValueError(
                "`encoder` and `decoder` must both take labels or both not; received"
                f" {len(encoder.inputs)} and {len(decoder.inputs)} inputs."
            )
        for name, value in (("beta", beta), ("free_bits", free_bits)):
            if not value >= 0 or math.isinf(value):
                raise ValueError(f"`{name}` must be a number ≥ 0; received {value!r}.")
        check_share("kl_warmup", kl_warmup)
        self.encoder, self.decoder, self.beta = encoder, decoder, float(beta)
        self.likelihood = check_choice("likelihood", likelihood, LIKELIHOODS)
        self.kl_warmup, self.free_bits = float(kl_warmup), float(free_bits)
        full = keras.config.floatx()  # losses need all digits, also where layers have 16 bits
        if likelihood == "gaussian":
            self.log_sigma = self.add_weight(
                (), keras.initializers.Constant(math.log(0.2)), dtype=full, name="log_sigma"
            )
        elif likelihood == "discretised_logistic":
            self.log_scale = self.add_weight(
                (), keras.initializers.Constant(math.log(0.1)), dtype=full, name="log_scale"
            )
        self.seed_generator = keras.random.SeedGenerator()
        self.trackers = [keras.metrics.Mean(name=n) for n in ("loss", "reconstruction", "kl")]
        self.prior = None
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return self.trackers

    # ------------------------------------------------------------------ save

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        for name, array in (self.prior or {}).items():
            store[f"prior_{name}"] = array

    def load_own_variables(self, store: Any) -> None:
        prior = {k: np.asarray(store[k]) for k in list(store.keys()) if k.startswith("prior_")}
        super().load_own_variables({k: store[k] for k in store.keys() if k not in prior})  # noqa: SIM118
        self.prior = {k.removeprefix("prior_"): v for k, v in prior.items()} or None

    # ------------------------------------------------------------------ the step

    def _forget(self):
        self.prior = None

    def update(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Take one training step; ``progress`` in [0, 1] sets learning rate and KL weight."""
        self.set_learning_rates(progress, self.optimizer)
        variables = self.trainable_variables
        loss = self._loss(images, labels, progress, training=True)
        total, terms, gradients, _ = self.value_and_gradients(loss, variables)
        self.optimizer.apply(gradients, variables)
        return self._track(total, *terms)

    def measure(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Return what ``update`` returns, without a step."""
        total, terms = self._loss(images, labels, progress, training=False)()
        return self._track(total, *terms)

    def _track(self, *values):
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return {m.name: m.result() for m in self.trackers}

    def _loss(self, images, labels, progress, training):
        """The loss of a batch, as a function without arguments; its noise is drawn here."""
        weight = self.beta
        if self.kl_warmup > 0:
            weight = weight * ops.minimum(progress / self.kl_warmup, 1.0)
        noise = per_image(
            lambda n: keras.random.normal((n, *self.latent_shape), seed=self.seed_generator),
            ops.shape(images)[0],
        )

        def loss():
            log_likelihood, kl = self._terms(images, labels, noise, training)
            # Over all devices: free bits are a limit for the mean of the whole batch.
            reconstruction, kl = -ops.mean(log_likelihood), mean_over_replicas(ops.mean(kl, axis=0))
            paid = ops.sum(ops.maximum(kl, self.free_bits))
            return reconstruction + weight * paid, (reconstruction, ops.sum(kl))

        return loss

    def _terms(self, images, labels, noise, training=False):
        """log p(x|z) of one draw z, ``(n,)``, and the KL of each latent dimension."""
        mean, log_var = self.posterior(images, labels, training)
        latents = mean + ops.exp(log_var / 2) * noise  # the reparameterised sample
        return self._log_likelihood(images, latents, labels, training), kl_to_standard_normal(
            mean, log_var
        )

    def posterior(
        self, images: Tensor, labels: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z|x) as tensors, for use inside a training step."""
        return ops.split(self.encoder(join(images, labels), training=training), 2, axis=-1)

    def _log_likelihood(self, images, latents, labels, training=False):
        logits = self.decoder(join(latents, labels), training=training)
        if self.likelihood == "bernoulli":
            return bernoulli_log_likelihood(images, logits)
        if self.likelihood == "gaussian":
            return gaussian_log_likelihood(images, ops.sigmoid(logits), self.log_sigma)
        return discretised_logistic_log_likelihood(images, self._location(logits), self.log_scale)

    @staticmethod
    def _location(logits):
        """The sigmoid's tangent at 0: like it a grey value, but one that can leave [0, 1]."""
        return 0.5 + logits / 4

    def _pixel_means(self, logits):
        if self.likelihood == "discretised_logistic":
            return discretised_logistic_mean(self._location(logits), self.log_scale)
        return ops.sigmoid(logits)

    # ------------------------------------------------------------------ use

    def call(self, images: Tensor, labels: Tensor | None = None, training: bool = False) -> Tensor:
        """Return the pixel means at the mean of q(z|x), ``(n, h, w, c)``."""
        mean, _ = self.posterior(images, labels, training)
        return self._pixel_means(self.decoder(join(mean, labels), training=training))

    def encode(
        self, images: np.ndarray, labels: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and log variance of q(z|x), each ``(n, *latent_shape)``."""
        return self.batched(lambda x, y: tuple(self.posterior(x, y)), *self.check(images, labels))

    def decode(self, z: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the pixel means of p(x|z): images in [0, 1], ``(n, h, w, c)``."""
        z = np.asarray(z, "float32")
        if z.shape[1:] != self.latent_shape:
            expected = ", ".join(map(str, ("n", *self.latent_shape)))
            raise ValueError(f"`z` must have shape ({expected}); received {z.shape}.")
        return self._decode(z, self.check_labels(labels, len(z)))

    def _decode(self, z, labels, out=None):
        def means(z, labels):
            return self._pixel_means(self.decoder(join(z, labels)))

        return self.batched(means, z, labels, out=out)

    def reconstruct(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Decode the mean of q(z|x): ``(n, h, w, c)`` in [0, 1]."""
        return self.batched(self.call, *self.check(images, labels))

    def elbo(
        self, images: np.ndarray, labels: np.ndarray | None = None, seed: int = 0
    ) -> np.ndarray:
        """Estimate the ELBO of each image by one sample of q(z|x), nats, ``(n,)``; exact KL."""
        images, labels = self.check(images, labels)
        noise = generator_from(seed).standard_normal((len(images), *self.latent_shape))

        def bound(x, y, e):
            log_likelihood, kl = self._terms(x, y, e)
            return log_likelihood - _sum(kl)

        return self.batched(bound, images, labels, noise.astype("float32"))

    def log_likelihood(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        samples: int = 100,
        seed: int | None = None,
    ) -> np.ndarray:
        """Bound log p(x) by importance sampling, nats, ``(n,)`` (Burda et al. 2016, eq. 8).

        log (1/k) Σ p(x|z_i) p(z_i) / q(z_i|x) with k = ``samples`` draws: at least the ELBO on
        average, and closer to log p(x) the larger k.
        """
        check_positive("samples", samples)
        images, labels = self.check(images, labels)
        rng = generator_from(seed)

        def log_weight(x, y, mean, log_var, e):
            z = mean + ops.exp(log_var / 2) * e
            # log p(z) − log q(z|x): the constants of the two normal densities cancel.
            ratio = _sum(log_var + ops.square(e) - ops.square(z)) / 2
            return self._log_likelihood(x, z, y) + ratio

        codes, total = self.encode(images, labels), np.full(len(images), -np.inf)
        for _ in range(samples):
            noise = rng.standard_normal((len(images), *self.latent_shape)).astype("float32")
            found = self.batched(log_weight, images, labels, *codes, noise)
            total = np.logaddexp(total, found)
        return total - math.log(samples)

    def fit_prior(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        components: int = 200,
        limit: int = 60_000,
        seed: int = 0,
    ) -> Self:
        """Fit a Gaussian mixture to encoded images; ``sample`` then draws latents from it.

        q(z) averaged over the data is not N(0, I): where the prior puts mass that no image maps
        to, decoded samples are poor.  A mixture closes these holes (Ghosh et al. 2020,
        "ex-post density estimation").  Conditional models get one mixture per class.  ``fit`` drops
        it: the codes move, and the mixture must be fitted anew.

        Args:
            images, labels: training images (and labels).
            components: Gaussians in all, shared out evenly among the classes.
            limit: use at most so many images, drawn at random; each class keeps its share.
            seed: of the choice of images, of the draw from q(z|x) and of the mixture.

        Returns:
            self.
        """
        check_positive("components", components)
        check_positive("limit", limit)
        images, labels = self.check(images, labels)
        rng, rows = generator_from(seed), np.arange(len(images))
        if len(images) > limit:
            rows = draw_rows(len(images), limit, labels, rng)
        labels, codes = None if labels is None else labels[rows], []
        most = 10 * rows_at_once(self.image_shape)  # all of them need not fit into memory
        for part in (slice(start, start + most) for start in range(0, len(rows), most)):
            few = None if labels is None else labels[part]
            codes.append(self.encode(take(images, rows[part]), few))
        mean, log_var = map(np.concatenate, zip(*codes, strict=True))
        codes = mean + np.exp(log_var / 2) * rng.standard_normal(mean.shape)
        codes = codes.reshape(len(codes), -1)
        with warnings.catch_warnings():  # after k-means, more than 5 rounds gain nothing
            warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
            self.prior = fit_mixtures(
                codes,
                labels,
                self.num_classes,
                components,
                codes_per_dimension=5,
                ridge=lambda own: 1e-3,
                max_iter=5,
                seed=seed,
            )
        return self

    def finish(self, images: np.ndarray, labels: np.ndarray | None = None, seed: int = 0) -> None:
        """Fit the prior, if there is none of these weights yet."""
        if self.prior is None:
            self.fit_prior(images, labels, seed=seed)

    def sample(
        self,
        n: int,
        labels: np.ndarray | None = None,
        seed: int | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw images: NumPy float32 ``(n, h, w, c)`` in [0, 1]; same seed, same images.

        Latents come from N(0, I), or from the mixture after ``fit_prior``.  The images are pixel
        means; no pixel noise is added.

        Args:
            n: number of images.
            labels: ints ``(n,)`` for conditional models; None draws them uniformly.
            seed: of latents and labels; None draws one that ``gentut.seed`` controls.
            out: where they go, slice after slice, and what is returned: float32 ``(n, h, w, c)``,
                or uint8 for pixels rounded to 0…255, such as a memory map for more images than fit
                into memory (``np.lib.format.open_memmap``); or any object that takes
                ``out[start:stop] = images``.  Default a new array.
        """
        check_positive("n", n)
        rng = generator_from(seed)
        labels = self.draw_labels(labels, n, rng)
        noise = rng.standard_normal((n, self.latent_dim))
        if self.prior is not None:
            prior = self.prior
            chosen = draw_components(prior["weights"], prior["groups"], labels, n, rng)
            noise = move_to_components(noise, chosen, prior["means"], prior["scales"])
        z = noise.reshape(n, *self.latent_shape)
        return self._decode(z.astype("float32"), labels, out)


def _sum(x):
    """Over all axes but the first."""
    return ops.sum(x, axis=tuple(range(1, len(x.shape))))
