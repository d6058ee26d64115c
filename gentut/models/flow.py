"""Flow matching: a learned velocity carries noise to images along straight paths.

Lipman et al. 2023 (arXiv:2210.02747); Liu et al. 2023 (rectified flow, arXiv:2209.03003).
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gentut.checks import check_choice, check_positive, check_share
from gentut.models.losses import flow_matching_loss, straight_path
from gentut.models.networks import classes_of, join
from gentut.training.devices import Tensor, per_image
from gentut.training.optimizers import averaged_copy, move_average
from gentut.training.step import StepModel, generator_from

METHODS = ("euler", "heun")


def solve(
    velocity: Callable[[Tensor, float], Tensor], x0: Tensor, steps: int, method: str = "heun"
) -> Tensor:
    """Carry points from time 0 to time 1 along dx/dt = v(x, t), in equal steps.

    Args:
        velocity: function of points ``(n, …)`` and a time in [0, 1] -> velocities ``(n, …)``.
        x0: points at time 0, a tensor ``(n, …)``.
        steps: how many, each of length h = 1 / steps.
        method: "euler", x + h·v, of first order and ``steps`` function evaluations (NFE); or
            "heun", x + h·(v + v')/2 with v' at the end of an Euler step, of second order and
            2·steps − 1 function evaluations: the last step is Euler's, as in Karras et al. (2022,
            algorithm 1), since at t = 1 the network has hardly been trained.

    Returns:
        Points at time 1, ``(n, …)``.
    """
    x = x0
    for i in range(steps):
        v = velocity(x, i / steps)
        if method == "heun" and i < steps - 1:
            v = (v + velocity(x + v / steps, (i + 1) / steps)) / 2
        x = ops.stop_gradient(x + v / steps)
    return x


class Flow(StepModel):
    """What flows of images and flows of latents share: loss, averaged velocity, path from noise.

    A subclass has ``velocity``, a network ``[points, time]`` (and labels) -> velocity, the shape of
    the points; label ``num_classes`` means "no label".  Its ``_images(points, labels)`` turns
    points at time 1 into images.
    """

    default_steps = 8

    def __init__(
        self,
        velocity: keras.Model,
        image_shape: Sequence[int],
        drop_labels: float = 0.1,
        ema: float = 0.999,
        **kwargs: Any,
    ) -> None:
        classes = classes_of(velocity)
        # The last label of the network is "none": it is what guidance compares with.
        super().__init__(image_shape, None if classes is None else classes - 1, **kwargs)
        check_share("drop_labels", drop_labels)
        self.velocity, self.drop_labels, self.ema = velocity, drop_labels, ema
        self.ema_velocity = averaged_copy(velocity, ema)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, points: Tensor, time: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the averaged network's velocity at ``points`` and times ``(n, 1)``."""
        return self.ema_velocity(join([points, time], labels))

    def _draws(self, points, labels, copies):
        """Noise, times and labels (some dropped) of one step."""
        n, shape, seed = ops.shape(points)[0], ops.shape(points)[1:], self.seed_generator

        def normal(*shape):
            return per_image(lambda n: keras.random.normal((n, *shape), seed=seed), n, copies)

        noise = normal(*shape)
        # Logit-normal times (Esser et al. 2024, eq. 19): most of them in the middle of the path,
        # where the velocity is hardest to tell.
        time = ops.sigmoid(normal(1))
        if labels is not None:
            shares = per_image(lambda n: keras.random.uniform((n,), seed=seed), n, copies)
            dropped = ops.reshape(shares < self.drop_labels, (-1, *[1] * (len(labels.shape) - 1)))
            labels = ops.where(dropped, self._none(labels), labels)
        return noise, time, labels

    def _none(self, labels):
        """What stands for "no label", in the shape of ``labels``."""
        return ops.full_like(labels, self.num_classes)

    def _flow_step(self, points, labels, optimizer, copies=1):
        """Take one step of the velocity towards the straight path from noise to ``points``.

        ``copies``: how often the images of the batch stand one after the other among the points.
        """
        noise, time, labels = self._draws(points, labels, copies)
        between, target = straight_path(noise, points, time)

        def loss():
            inputs = [between, time] if labels is None else [between, time, labels]
            return flow_matching_loss(self.velocity(inputs, training=True), target)

        value = self.minimize(loss, self.velocity.trainable_variables, optimizer)
        move_average(self.ema_velocity, self.velocity, self.ema, optimizer.iterations)
        return value

    def _guided(self, points, time, labels, guidance):
        """Velocity; with ``guidance`` w: v(none) + w·(v(label) − v(none)) (Ho & Salimans 2022)."""
        times = ops.full((ops.shape(points)[0], 1), time)
        if labels is None:
            return self.ema_velocity([points, times], training=False)
        with_label = self.ema_velocity([points, times, labels], training=False)
        if guidance == 1:
            return with_label
        none = self.ema_velocity([points, times, self._none(labels)], training=False)
        return none + guidance * (with_label - none)

    def _field(self, labels, guidance):
        """The velocity as a function of points and time alone, which ``solve`` takes."""
        return lambda points, time: self._guided(points, time, labels, guidance)

    def sample(
        self,
        n: int,
        labels: np.ndarray | None = None,
        seed: int | None = None,
        *,
        steps: int | None = None,
        method: str = "heun",
        guidance: float = 1.0,
    ) -> np.ndarray:
        """Draw images: NumPy float32 ``(n, h, w, c)`` in [0, 1]; same seed, same images.

        Args:
            n: number of images.
            labels: ints ``(n,)`` for conditional models; None draws them uniformly.
            seed: of noise and labels.
            steps: equal steps from noise to image; default ``default_steps``.
            method: "euler" or "heun", see ``solve``.
            guidance: weight w of classifier-free guidance; 1 is the plain conditional model,
                more is truer to the label and less diverse.
        """
        check_positive("n", n)
        steps = self.default_steps if steps is None else steps
        check_positive("steps", steps)
        check_choice("method", method, METHODS)
        if not isinstance(guidance, int | float) or not np.isfinite(guidance):
            raise ValueError(f"`guidance` must be a finite number; received {guidance!r}.")
        if guidance != 1 and len(self.velocity.inputs) < 3:
            raise ValueError(
                f"`guidance` needs a conditional model; received {guidance!r} for one without"
                " classes."
            )
        rng = generator_from(seed)
        labels = self.draw_labels(labels, n, rng)
        noise = rng.standard_normal((n, *self.velocity.output_shape[1:])).astype("float32")
        points = self.batched(
            lambda x, y: solve(self._field(y, guidance), x, steps, method), noise, labels
        )
        return self._images(points, labels)


@keras.saving.register_keras_serializable("gentut")
class FlowMatching(Flow):
    """A velocity field that carries Gaussian noise to images (Lipman et al. 2023, eq. 23).

    Training draws an image x₁, noise x₀ and a time t, and fits v(xₜ, t) to x₁ − x₀ at
    xₜ = (1 − t)·x₀ + t·x₁; images are scaled to [−1, 1] inside.  ``sample`` solves
    dx/dt = v(x, t) from t = 0 to 1.

    Args:
        velocity: ``[images, time (n, 1)]`` (and labels) -> ``(n, h, w, c)``, as
            ``gentut.networks.velocity`` builds it.
        drop_labels: share of labels replaced by "none" in training, for guidance.
        ema: decay per step of the averaged velocity that ``sample`` uses; 0 for none.
    """

    arguments = ("velocity", "drop_labels", "ema")

    def __init__(
        self, velocity: keras.Model, drop_labels: float = 0.1, ema: float = 0.999, **kwargs: Any
    ) -> None:
        super().__init__(velocity, velocity.output_shape[1:], drop_labels, ema, **kwargs)
        self.trackers = [keras.metrics.Mean(name="loss")]
        self.built = True

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
        return np.clip((points + 1) / 2, 0, 1)
