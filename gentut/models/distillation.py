"""Few steps: a network that goes from any point of a flow's path to its end at once.

Consistency distillation (Song et al. 2023, arXiv:2303.01469).
"""

import math
from typing import Any, Self

import keras
from keras import ops

from gentut.checks import check_positive
from gentut.models import paths
from gentut.models.flow import Flow
from gentut.models.flow_model import FlowModel
from gentut.models.solvers import standard_normal
from gentut.training.devices import Tensor, per_image
from gentut.training.optimizers import move_average


@keras.saving.register_keras_serializable("gentut")
class ConsistencyFlow(FlowModel):
    """A flow distilled to one or two steps; ``ConsistencyFlow.of(flow)`` makes one to train.

    f(xₜ, t), the image that the network's prediction tells of, shall be the same all along a path
    of the teacher: training draws xₜ, lets the teacher take one step of Euler's method to t', and
    moves f(xₜ, t) towards f⁻(xₜ', t') of the averaged network (Song et al. 2023, algorithm 2).  At
    t = 1 f is xₜ itself, so that the end of the path is handed back step by step to its beginning.
    The distance is the pseudo-Huber one, √(‖a − b‖² + c²) − c with c = 0.00054·√d (Song & Dhariwal
    2024, eq. 7).

    Args:
        velocity: the network that learns, see ``gentut.Flow``.
        teacher: a trained network of the same inputs, path and prediction; it stays as it is.
        grid: steps of the teacher's path.
        path, prediction, drop_labels, ema: see ``gentut.Flow``.
    """

    default_steps, default_method, methods = 1, "consistency", ("consistency",)
    arguments = ("velocity", "teacher", "grid", "prediction", "drop_labels", "ema")

    def __init__(
        self,
        velocity: keras.Model,
        teacher: keras.Model,
        grid: int = 16,
        path: str = "straight",
        prediction: str = "velocity",
        drop_labels: float = 0.1,
        ema: float = 0.99,
        **kwargs: Any,
    ) -> None:
        shape = velocity.output_shape[1:]
        super().__init__(velocity, shape, drop_labels, ema, path, prediction, **kwargs)
        check_positive("grid", grid)
        self.teacher, self.grid = teacher, grid
        teacher.trainable = False
        self.tracker = keras.metrics.Mean(name="loss")
        self.built = True

    def get_config(self) -> dict:
        return {**super().get_config(), "path": self.path_name}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self.tracker]

    @classmethod
    def of(cls, flow: Flow, **settings: Any) -> Self:
        """Return the student of a trained ``Flow``, with its weights; to be compiled and fitted.

        Args:
            flow: the teacher; its averaged network is copied.
            **settings: of the constructor, such as ``grid``.
        """
        copies = []
        for _ in range(2):
            copies.append(keras.models.clone_model(flow.velocity))
            copies[-1].set_weights(flow.ema_velocity.get_weights())
        kind = {"path": flow.path_name, "prediction": flow.prediction}
        return cls(*copies, **{**kind, "drop_labels": flow.drop_labels, **settings})

    def update(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Take one training step on a batch; ``progress`` in [0, 1] sets the learning rate."""
        self.set_learning_rates(progress, self.optimizer)
        points = 2 * images - 1
        noise, _, labels = self._draws(points, labels, 1)
        place = per_image(
            lambda n: keras.random.randint((n, 1), 0, self.grid, seed=self.seed_generator),
            ops.shape(points)[0],
        )
        now = ops.cast(place, "float32") / self.grid
        after = now + 1 / self.grid
        here = paths.interpolate(noise, points, now, self.path_name)
        v = self._tells(self.teacher, here, now, labels, "velocity")
        there = here + ops.reshape(after - now, (-1, 1, 1, 1)) * v
        goal = ops.stop_gradient(self._tells(self.ema_velocity, there, after, labels, "image"))
        c = 0.00054 * math.sqrt(math.prod(self.image_shape))

        def loss():
            found = self._tells(self.velocity, here, now, labels, "image", training=True)
            squares = ops.sum(ops.square(found - goal), axis=(1, 2, 3))
            return ops.mean(ops.sqrt(squares + c**2) - c)

        value = self.minimize(loss, self.velocity.trainable_variables, self.optimizer)
        move_average(self.ema_velocity, self.velocity, self.ema, self.optimizer.iterations)
        self.tracker.update_state(value)
        return {"loss": self.tracker.result()}

    def _tells(self, network, points, time, labels, wanted, training=False):
        """What a network's prediction says of the image or the velocity; times ``(n, 1)``."""
        time = self._inside(time)
        inputs = [points, time] if labels is None else [points, time, labels]
        found = network(inputs, training=training)
        return paths.convert(found, points, time, self.prediction, wanted, self.path_name)

    def _draw(self, points, labels, rng, options, start=0.0, out=None):
        """Images: at each time the end at once, and back to the next time with fresh noise.

        Song et al. (2023, algorithm 1), with times in equal steps.
        """
        steps, _, guidance = options

        def carried(x, y):
            for i in range(steps):
                time = start + (1 - start) * i / steps
                if i:
                    fresh = standard_normal(rng, tuple(x.shape))
                    x = paths.interpolate(fresh, x, time, self.path_name)
                v = self._guided(x, time, y, guidance)
                x = ops.stop_gradient(
                    paths.convert(v, x, time, "velocity", "image", self.path_name)
                )
            return self._images(x, y)

        return self.batched(carried, points, labels, batch_size=self._rows(guidance), out=out)

    def _images(self, points, labels):
        return ops.clip((points + 1) / 2, 0, 1)
