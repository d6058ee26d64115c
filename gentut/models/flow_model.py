"""What flows of images and flows of latents share: the step, guidance, the way from noise."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gentut.checks import check_choice, check_positive, check_share
from gentut.models import paths
from gentut.models.losses import prediction_loss
from gentut.models.networks import FromGaussian, classes_of
from gentut.models.solvers import METHODS, ODE_METHODS, Noise, solve
from gentut.training import slices
from gentut.training.devices import Tensor, compiled, per_image
from gentut.training.optimizers import averaged_copy, move_average
from gentut.training.step import StepModel, generator_from

END = 1e-3  # nearer to time 0 a noise, nearer to 1 an image says too little of the velocity


class FlowModel(StepModel):
    """A network trained along a path from noise to points, and its average that draws.

    A subclass has ``velocity``, a network ``[points, time]`` (and labels) -> its ``prediction``,
    the shape of the points; label ``num_classes`` means "no label".  Its ``_images(points,
    labels)`` turns a slice of points at time 1 into images.
    """

    default_steps, default_method, methods = 8, "heun", METHODS

    def __init__(
        self,
        velocity: keras.Model,
        image_shape: Sequence[int],
        drop_labels: float = 0.1,
        ema: float = 0.999,
        path: str = "straight",
        prediction: str = "velocity",
        **kwargs: Any,
    ) -> None:
        classes = classes_of(velocity)
        # The last label of the network is "none": it is what guidance compares with.
        super().__init__(image_shape, None if classes is None else classes - 1, **kwargs)
        check_share("drop_labels", drop_labels)
        # Keras' own `path` of a model is its place among others.
        self.path_name = check_choice("path", path, paths.PATHS)
        self.prediction = check_choice("prediction", prediction, paths.PREDICTIONS)
        for layer in velocity.layers:
            if isinstance(layer, FromGaussian) and (layer.path_name, layer.prediction) != (
                path,
                prediction,
            ):
                raise ValueError(
                    f"`velocity` must be built with path={path!r}, prediction={prediction!r};"
                    f" received one with {layer.path_name!r}, {layer.prediction!r}."
                )
        self.velocity, self.drop_labels, self.ema = velocity, drop_labels, ema
        self.ema_velocity = averaged_copy(velocity, ema)
        self.seed_generator = keras.random.SeedGenerator()
        self._compiled = None

    def call(self, points: Tensor, time: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the averaged network's prediction at ``points`` and times ``(n, 1)``."""
        return self.ema_velocity(_inputs(points, time, labels), training=False)

    def _averaged(self, points, times, labels):
        """The same as one compiled function: drawing asks for it again and again."""
        if self._compiled is None:
            self._compiled = compiled(self.ema_velocity)
        return self._compiled(_inputs(points, times, labels))

    # ------------------------------------------------------------------ the step

    def _draws(self, points, labels, copies):
        """Noise, times and labels (some dropped) of one step."""
        n, shape, seed = ops.shape(points)[0], ops.shape(points)[1:], self.seed_generator

        def normal(*shape):
            return per_image(lambda n: keras.random.normal((n, *shape), seed=seed), n, copies)

        def uniform(*shape):
            return per_image(lambda n: keras.random.uniform((n, *shape), seed=seed), n, copies)

        noise = normal(*shape)
        # Logit-normal times (Esser et al. 2024, eq. 19): most of them in the middle of the path,
        # where the velocity is hardest to tell.
        time = ops.sigmoid(normal(1)) if self.prediction == "velocity" else uniform(1)
        if labels is not None:
            dropped = uniform() < self.drop_labels
            dropped = ops.reshape(dropped, (-1, *[1] * (len(labels.shape) - 1)))
            labels = ops.where(dropped, self._none(labels), labels)
        return noise, time, labels

    def _none(self, labels):
        """What stands for "no label", in the shape of ``labels``."""
        return ops.full_like(labels, self.num_classes)

    def _flow_step(self, points, labels, optimizer, copies=1):
        """Take one step of the network towards its target on the path from noise to ``points``.

        ``copies``: how often the images of the batch stand one after the other among the points.
        """
        loss = self._flow_loss(points, labels, copies)
        value = self.minimize(loss, self.velocity.trainable_variables, optimizer)
        move_average(self.ema_velocity, self.velocity, self.ema, optimizer.iterations)
        return value

    def _flow_loss(self, points, labels, copies=1):
        """The loss of a batch, as a function without arguments; its noise is drawn here."""
        noise, time, labels = self._draws(points, labels, copies)
        between = paths.interpolate(noise, points, time, self.path_name)
        target = paths.target(noise, points, time, self.path_name, self.prediction)

        def loss():
            found = self.velocity(_inputs(between, time, labels), training=True)
            return prediction_loss(found, target)

        return loss

    # ------------------------------------------------------------------ from noise to points

    def _guided(self, points, time, labels, guidance):
        """Velocity; with ``guidance`` w: v(none) + w·(v(label) − v(none)) (Ho & Salimans 2022).

        Of predictions or of velocities, it is the same: they are linear in each other.
        """
        times = self._inside(ops.full((ops.shape(points)[0], 1), time))
        if guidance == 1:
            found = self._averaged(points, times, labels)
        else:  # both in one batch: for a single image that takes little longer than one of them
            twice = ((points, points), (times, times), (labels, self._none(labels)))
            both = self._averaged(*(ops.concatenate(pair) for pair in twice))
            found, none = ops.split(both, 2)
            found = none + guidance * (found - none)
        return paths.convert(found, points, times, self.prediction, "velocity", self.path_name)

    def _inside(self, times):
        """Times away from the end where the prediction says nothing of the velocity."""
        least, most = {"noise": (END, 1.0), "image": (0.0, 1 - END)}.get(self.prediction, (0, 1))
        return ops.clip(times, least, most)

    def _field(self, labels, guidance):
        """The velocity as a function of points and time alone, which ``solve`` takes."""
        return lambda points, time: self._guided(points, time, labels, guidance)

    def _options(self, steps, method, guidance):
        """Checked options of drawing, with steps and method filled in."""
        steps = self.default_steps if steps is None else steps
        method = self.default_method if method is None else method
        check_positive("steps", steps)
        check_choice("method", method, self.methods)
        if not isinstance(guidance, int | float) or not np.isfinite(guidance):
            raise ValueError(f"`guidance` must be a finite number; received {guidance!r}.")
        if guidance != 1 and len(self.velocity.inputs) < 3:
            raise ValueError(
                f"`guidance` needs a conditional model; received {guidance!r} for one without"
                " classes."
            )
        return steps, method, guidance

    def _draw(self, points, labels, rng, options, start=0.0, out=None):
        """Images, from points at time ``start``."""
        steps, method, guidance = options

        def carried(x, y):
            field = self._field(y, guidance)
            x = solve(field, x, steps, method, path=self.path_name, rng=rng, start=start)
            return self._images(x, y)

        return self.batched(carried, points, labels, batch_size=self._rows(guidance), out=out)

    def _rows(self, guidance):
        """How many images are drawn at once; with guidance each has two points in the network."""
        rows = slices.rows_at_once(self.image_shape)
        return rows if guidance == 1 else max(1, rows // 2)

    def sample(
        self,
        n: int,
        labels: np.ndarray | None = None,
        seed: int | None = None,
        *,
        steps: int | None = None,
        method: str | None = None,
        guidance: float = 1.0,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw images: NumPy float32 ``(n, h, w, c)`` in [0, 1]; same seed, same images.

        Args:
            n: number of images.
            labels: ints ``(n,)`` for conditional models; None draws them uniformly.
            seed: of noise and labels; None draws one that ``gentut.seed`` controls.
            steps: equal steps from noise to image; default ``default_steps``.
            method: "euler", "heun" (default), "rk4", "ddim" or "ddpm", see ``gentut.solve``;
                "ddpm" draws fresh noise in each step and wants some hundred of them.
            guidance: weight w of classifier-free guidance; 1 is the plain conditional model,
                more is truer to the label and less diverse.
            out: where they go, see ``gentut.VAE.sample``.
        """
        check_positive("n", n)
        options = self._options(steps, method, guidance)
        rng = generator_from(seed)
        labels = self.draw_labels(labels, n, rng)
        # Noise that is drawn on the way comes after all of this.
        fresh = options[1] not in ODE_METHODS
        noise = Noise(rng, n, self.velocity.output_shape[1:], go_on=fresh)
        return self._draw(noise, labels, rng, options, out=out)

    def decode(
        self,
        noise: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        steps: int | None = None,
        method: str | None = None,
        guidance: float = 1.0,
        seed: int | None = None,
    ) -> np.ndarray:
        """Turn given noise into images, ``(n, h, w, c)`` in [0, 1].

        Args:
            noise: points at time 0, ``(n, …)``, such as ``Flow.invert`` gives.
            labels: ints ``(n,)``, for conditional models, and then required.
            steps, method, guidance: see ``sample``.
            seed: of the fresh noise of "ddpm".
        """
        noise, shape = np.asarray(noise, "float32"), self.velocity.output_shape[1:]
        if noise.shape[1:] != shape or len(noise) == 0:
            raise ValueError(
                f"`noise` must have shape (n, {', '.join(map(str, shape))}); received"
                f" {noise.shape}."
            )
        labels = self.check_labels(labels, len(noise))
        options = self._options(steps, method, guidance)
        return self._draw(noise, labels, generator_from(seed), options)


def _inputs(points, time, labels):
    return [points, time] if labels is None else [points, time, labels]
