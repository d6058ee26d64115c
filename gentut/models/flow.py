"""Flows and diffusion: one network, trained along a path, carries noise to images.

Straight path and velocity: flow matching (Lipman et al. 2023, arXiv:2210.02747; Liu et al. 2023,
arXiv:2209.03003).  Cosine path and noise: diffusion (Ho et al. 2020, arXiv:2006.11239).
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from gentut.checks import as_float, check_choice, check_positive, check_share
from gentut.models import paths
from gentut.models.flow_model import FlowModel
from gentut.models.solvers import divergence, solve, standard_normal
from gentut.training.devices import Tensor
from gentut.training.step import generator_from

DIVERGENCES = ("exact", "hutchinson")


@keras.saving.register_keras_serializable("gentut")
class Flow(FlowModel):
    """A path from Gaussian noise to images, and a network that knows the way along it.

    Training draws an image x₁, noise x₀ and a time t, and fits the network at xₜ = α(t)·x₁ +
    σ(t)·x₀ to the velocity, the noise or the image; images are scaled to [−1, 1] inside.  The loss
    is the plain mean square, with no weight but that of the times drawn: logit-normal ones for
    velocities (Esser et al. 2024), uniform ones for noise and images, which for noise is the simple
    loss of Ho et al. (2020, eq. 14).

    Straight path and velocity make flow matching (Lipman et al. 2023, eq. 23), cosine path and
    noise a diffusion model.  All samplers work with all of them.

    Args:
        velocity: ``[images, time (n, 1)]`` (and labels) -> ``(n, h, w, c)``, as
            ``gentut.networks.velocity`` builds it, for the same path and prediction.
        path: "straight" or "cosine", see ``gentut.paths``.
        prediction: what the network gives out, "velocity", "noise" or "image".
        drop_labels: share of labels replaced by "none" in training, for guidance.
        ema: decay per step of the averaged network that ``sample`` uses; 0 for none.
    """

    arguments = ("velocity", "prediction", "drop_labels", "ema")

    def __init__(
        self,
        velocity: keras.Model,
        path: str = "straight",
        prediction: str = "velocity",
        drop_labels: float = 0.1,
        ema: float = 0.999,
        **kwargs: Any,
    ) -> None:
        shape = velocity.output_shape[1:]
        super().__init__(velocity, shape, drop_labels, ema, path, prediction, **kwargs)
        self.trackers = [keras.metrics.Mean(name="loss")]
        self.built = True

    def get_config(self) -> dict:
        return {**super().get_config(), "path": self.path_name}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return self.trackers

    def update(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Take one training step on a batch; ``progress`` in [0, 1] sets the learning rate."""
        self.set_learning_rates(progress, self.optimizer)
        value = self._flow_step(2 * images - 1, labels, self.optimizer)
        self.trackers[0].update_state(value)
        return {"loss": self.trackers[0].result()}

    def _images(self, points, labels):
        return ops.clip((points + 1) / 2, 0, 1)

    # ------------------------------------------------------------------ from images

    def vary(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        strength: float = 0.6,
        seed: int | None = None,
        steps: int | None = None,
        method: str | None = None,
        guidance: float = 1.0,
    ) -> np.ndarray:
        """Add noise to images and remove it again: others of the same outline.

        SDEdit (Meng et al. 2022, arXiv:2108.01073): start on the path at time 1 − strength.

        Args:
            images: float ``(n, h, w, c)`` in [0, 1].
            labels: what they are to become, ints ``(n,)``, for conditional models.
            strength: in (0, 1]: near 0 the images stay, at 1 only noise is left of them.
            seed: of the noise.
            steps, method, guidance: see ``sample``; the steps of the part that is walked.

        Returns:
            Images ``(n, h, w, c)`` in [0, 1].
        """
        images, labels = self.check(images, labels)
        images = as_float(images)
        check_share("strength", strength)
        if strength == 0:
            raise ValueError("`strength` must lie above 0; received 0.")
        options = self._options(steps, method, guidance)
        rng, start = generator_from(seed), 1.0 - strength
        noise = rng.standard_normal(images.shape).astype("float32")
        points = paths.interpolate(noise, 2 * images - 1, start, self.path_name)
        return self._draw(ops.convert_to_numpy(points), labels, rng, options, start)

    def inpaint(
        self,
        images: np.ndarray,
        mask: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        seed: int | None = None,
        steps: int = 50,
        repeats: int = 5,
        guidance: float = 1.0,
    ) -> np.ndarray:
        """Fill in the masked pixels so that they fit the others, which stay as they are.

        RePaint (Lugmayr et al. 2022, arXiv:2201.09865, algorithm 1): each step is one of "ddpm",
        after which the known pixels are put on the path with noise of their own.  To make both
        sides agree, noise is added again and the step repeated.

        Args:
            images: float ``(n, h, w, c)`` in [0, 1]; what stands under the mask does not matter.
            mask: True (or 1) where pixels are to be filled in, ``(h, w)`` or as ``images``.
            labels: ints ``(n,)``, for conditional models.
            seed: of the noise.
            steps: from noise to image.
            repeats: of each step; steps · repeats function evaluations (NFE).
            guidance: see ``sample``.

        Returns:
            Images ``(n, h, w, c)`` in [0, 1].
        """
        images, labels = self.check(images, labels)
        images = as_float(images)
        check_positive("repeats", repeats)
        steps, _, guidance = self._options(steps, "ddpm", guidance)
        mask = self._check_mask(mask, images)
        hidden = np.broadcast_to(mask[..., None] if mask.ndim == 2 else mask, images.shape)
        rng = generator_from(seed)

        def filled(known, hidden, labels):
            field, shape = self._field(labels, guidance), tuple(known.shape)
            known, x = 2 * known - 1, standard_normal(rng, shape)
            for i in range(steps):
                now, after = i / steps, (i + 1) / steps
                for last in [False] * (repeats - 1) + [True]:
                    noise, other = standard_normal(rng, shape), standard_normal(rng, shape)
                    x = paths.denoise(x, field(x, now), now, after, self.path_name, noise)
                    on_path = paths.interpolate(other, known, after, self.path_name)
                    x = ops.stop_gradient(ops.where(hidden, x, on_path))
                    if not last:
                        again = standard_normal(rng, shape)
                        x = paths.renoise(x, after, now, self.path_name, again)
            return self._images(x, labels)

        drawn = self.batched(filled, images, hidden, labels, batch_size=self._rows(guidance))
        return np.where(hidden, drawn, images)

    def _check_mask(self, mask, images):
        mask = np.asarray(mask)
        fits = mask.shape in (self.image_shape[:2], images.shape)
        if not fits or not np.isin(mask, (0, 1)).all():
            raise ValueError(
                f"`mask` must be True or False, of shape {self.image_shape[:2]} or {images.shape};"
                f" received shape {mask.shape}, dtype {mask.dtype}."
            )
        return mask.astype(bool)

    def invert(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        steps: int = 50,
        method: str = "heun",
    ) -> np.ndarray:
        """Carry images back to the noise that ``decode`` makes them of, ``(n, h, w, c)``.

        The same ODE from time 1 to 0 (DDIM inversion, where ``method`` is "ddim"); exact as the
        steps grow many.

        Args:
            images: float ``(n, h, w, c)`` in [0, 1].
            labels: ints ``(n,)``, for conditional models.
            steps: see ``gentut.solve`` for their function evaluations (NFE).
            method: "euler", "heun", "rk4" or "ddim".
        """
        images, labels = self.check(images, labels)
        steps, method, _ = self._options(steps, method, 1)

        def back(x, y):
            field = self._field(y, 1)
            return solve(field, 2 * x - 1, steps, method, path=self.path_name, start=1.0, end=0.0)

        return self.batched(back, images, labels)

    def log_likelihood(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        steps: int = 25,
        divergence: str = "hutchinson",
        probes: int = 1,
        seed: int | None = None,
    ) -> np.ndarray:
        """Return log p(x) of continuous images, nats, ``(n,)``.

        log p₁(x₁) = log N(x₀; 0, I) − ∫₀¹ div v(xₜ, t) dt along the path back from x₁ to x₀: the
        instantaneous change of variables (Chen et al. 2018, theorem 1; Grathwohl et al. 2019).
        It is a density over pixels in [0, 1]: that of the points in [−1, 1] inside, with d·log 2
        added for d numbers per image.

        Grey values are steps of 1/255, and a density can grow without limit on them.  To compare
        with the probability of 256 grey values (``gentut.VAE`` with "discretised_logistic"), score
        (255·x + u) / 256 with u uniform in [0, 1), and subtract d·log 256: in the mean over u that
        is a lower bound on the log-probability (Theis et al. 2016, eq. 3).

        Args:
            images: float ``(n, h, w, c)`` in [0, 1].
            labels: ints ``(n,)``, for conditional models.
            steps: of the classical Runge–Kutta method, 4 function evaluations (NFE) each; they are
                short near t = 1, where the path bends towards data of small variance.
            divergence: "exact", the trace of the Jacobian, d gradients at each evaluation: for
                small images; or "hutchinson", an unbiased estimate of it.
            probes: random signs for "hutchinson", the same along the whole path; more of them,
                less scatter.
            seed: of the probes.
        """
        images, labels = self.check(images, labels)
        check_positive("steps", steps)
        check_positive("probes", probes)
        check_choice("divergence", divergence, DIVERGENCES)
        d, exact = math.prod(self.image_shape), divergence == "exact"
        rng = generator_from(seed)

        def integrated(x, y):
            n = len(x)
            count = d if exact else probes
            signs = np.eye(d)[:, None] if exact else rng.choice([-1.0, 1.0], (count, n, d))
            signs = np.broadcast_to(signs, (count, n, d)).reshape(count, *x.shape)
            start = ops.concatenate([ops.reshape(2 * x - 1, (n, d)), ops.zeros((n, 1))], axis=1)
            field = _with_divergence(self, y, ops.convert_to_tensor(signs.astype("float32")), exact)
            end = solve(field, start, steps, "rk4", start=1.0, end=0.0)
            x0, change = end[:, :d], end[:, d]
            log_normal = -ops.sum(ops.square(x0), axis=1) / 2 - d / 2 * math.log(2 * math.pi)
            return log_normal + change + d * math.log(2)

        rows = max(1, 4000 // (d if exact else probes))  # points at once in a gradient
        return self.batched(integrated, images, labels, batch_size=min(rows, 500))


def _with_divergence(flow, labels, probes, exact):
    """The rate of ``[points, integral]``, ``(n, d + 1)``, along s: v·dt/ds and div v·dt/ds.

    t = 1 − (1 − s)²: equal steps of s are short steps of t near 1.
    """
    repeated = None if labels is None else ops.tile(labels, (len(probes),))
    shape = tuple(probes.shape[2:])

    def field(state, s):
        time, rate = 1 - (1 - s) ** 2, 2 * (1 - s)
        points = ops.reshape(state[:, :-1], (-1, *shape))
        v = flow._guided(points, time, labels, 1)
        trace = divergence(lambda x: flow._guided(x, time, repeated, 1), points, probes)
        trace = trace if exact else trace / len(probes)
        v = ops.reshape(v, state[:, :-1].shape)
        return rate * ops.concatenate([v, trace[:, None]], axis=1)

    return field


# Models saved before ``Flow`` had this name.
keras.saving.get_custom_objects()["gentut>FlowMatching"] = Flow
