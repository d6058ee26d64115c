"""One train step for three backends.

A model family writes ``update(images, labels, progress)`` once, in terms of ``minimize``,
``value_and_gradients`` and ``pullback`` (see ``gradients``).  ``progress`` runs from 0 to 1 over
the training, by epochs or by the clock; rates, KL warm-up and the like follow it.
"""

import contextlib
import functools
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from gentut.checks import check_int, check_labels, check_pixels, check_positive
from gentut.training.batches import Batches, ResumedEpochCallbacks, feed
from gentut.training.devices import (
    BACKEND,
    Tensor,
    compile_options,
    device_count,
    process,
)
from gentut.training.gradients import Differentiable
from gentut.training.kernels import (
    Adam,
    common_statistics,
    pixels_to_float,
    without_failing_remapper,
)
from gentut.training.optimizers import (
    check_callbacks,
    initial_learning_rate,
    learning_rate_scale,
    recipe_of,
)
from gentut.training.slices import Slices

if BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "torch":
    import torch


def seed(number: int) -> None:
    """Make everything that follows repeatable to the bit on the same machine and backend.

    Seeds Python, NumPy and the backend, from which layers and models draw their own seeds, and
    asks TensorFlow for deterministic kernels.

    Args:
        number: int in [0, 2**32).
    """
    keras.utils.set_random_seed(check_int("number", number, 0, 2**32 - 1))
    if BACKEND == "tensorflow":
        tf.config.experimental.enable_op_determinism()
    elif BACKEND == "torch":
        torch.use_deterministic_algorithms(True, warn_only=True)


def draw_seed() -> int:
    """Draw a fresh seed, which ``gentut.seed`` controls."""
    return int(ops.convert_to_numpy(keras.random.SeedGenerator().state)[0])


def generator_from(seed: int | None) -> np.random.Generator:
    """Return a NumPy random generator; ``seed`` None draws one that ``gentut.seed`` controls."""
    return np.random.default_rng(draw_seed() if seed is None else check_int("seed", seed))


class StepModel(Differentiable, Slices, keras.Model):
    """A model whose subclass writes ``update(images, labels, progress) -> logs``.

    ``image_shape`` is ``(height, width, channels)``; ``num_classes`` None means unconditional.
    """

    iterative = True  # trained in steps; False where `fit` fits all at once
    finishing = ""  # what `finish` does, for a message while it works
    default_batch_size = 64
    arguments = ()  # of the constructor, by the attributes that hold them: saved with the model
    parts = 1  # into so many smaller batches a step cuts its batch, one after the other
    train_stage = None  # what `update` trains: see `stage`
    _built_for = None  # steps in one call, and stage, of the train function that was built last

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int | None = None,
        default_batch_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if default_batch_size is not None:  # set by the recipe, and read back from a file
            self.default_batch_size = default_batch_size
        self.image_shape = tuple(image_shape)
        self.num_classes = num_classes

    # ------------------------------------------------------------------ compile, save

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | None = None,
        constant_share: float = 1.0,
        **options: Any,
    ) -> None:
        """Set the optimizer.

        Args:
            optimizer: default Adam with a learning rate of 1e-3.
            constant_share: of the training with a constant rate, which then falls linearly to 2 %.
            **options: passed to ``keras.Model.compile``.
        """
        optimizer = optimizer or Adam(1e-3)
        super().compile(optimizer=optimizer, **{**compile_options(), **options})
        self.optimizer.build(self.trainable_variables)
        self._set_schedule(constant_share, self.optimizer)

    def get_compile_config(self) -> dict | None:
        if not self.compiled:  # the statistical models are fitted, not compiled
            return None
        return {
            "optimizer": recipe_of(self.optimizer, *self.learning_rates),
            "constant_share": self.constant_share,
        }

    def get_config(self) -> dict:
        """Return the constructor's ``arguments``; networks and models come with their own."""
        names = (*self.arguments, "default_batch_size", "name")
        return {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in names}

    @classmethod
    def from_config(cls, config: dict) -> Self:
        return cls(**keras.saving.deserialize_keras_object(config))

    def compile_from_config(self, config: dict) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    def _set_schedule(self, constant_share, *optimizers):
        """Let the rates that optimizers have now be the first of ``set_learning_rates``."""
        self.constant_share = constant_share
        self.learning_rates = [initial_learning_rate(optimizer) for optimizer in optimizers]

    def set_learning_rates(self, progress: Tensor, *optimizers: keras.optimizers.Optimizer) -> None:
        """Set the rates of optimizers for a training of which the share ``progress`` is done."""
        scale = learning_rate_scale(progress, self.constant_share)
        for optimizer, learning_rate in zip(optimizers, self.learning_rates, strict=True):
            optimizer.learning_rate.assign(learning_rate * scale)

    # ------------------------------------------------------------------ data in

    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray | None = None,
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        initial_epoch: int = 0,
        initial_step: int = 0,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> keras.callbacks.History:
        """Train on arrays, in memory or in files.

        Args:
            x: images ``(n, height, width, channels)``, float in [0, 1] or uint8 in 0…255; of a
                memory map (``np.load(path, mmap_mode="r")``) each step reads its own rows.  Bytes
                and the floats that they stand for give the same weights, to the bit.
            y: labels, int, ``(n,)``; for conditional models only, and then required.
            epochs: passes over the data; default 1, or as many as fit in the ``TimeBudget``
                among the callbacks.
            batch_size: images per step; default the recipe's.
            initial_epoch: epochs already done, when training goes on.
            initial_step: steps already done of the epoch after them.
            callbacks: Keras callbacks, but none that sets the learning rate: the step does that.
            seed: of the order of the images; default drawn so that ``gentut.seed`` controls it.
            **options: passed to ``keras.Model.fit`` (``verbose``, …).

        Returns:
            The Keras history.

        Raises:
            ValueError: images, labels or an option that this model does not take.
        """
        images, labels = self.check(x, y)
        batch_size = self.default_batch_size if batch_size is None else batch_size
        check_positive("batch_size", batch_size)
        callbacks = check_callbacks(callbacks)
        clock = next((c for c in callbacks if hasattr(c, "share")), None)
        if epochs is None:
            epochs = 1 if clock is None else 1_000_000
        check_positive("epochs", epochs)
        check_int("initial_epoch", initial_epoch)
        check_int("initial_step", initial_step)
        if seed is None:
            seed = draw_seed()
        for name, value in (("images", len(images)), ("batch_size", batch_size)):
            if value < self.parts:
                raise ValueError(
                    f"`{name}` must be at least {self.parts}, one for each of the critic's steps"
                    f" (`critic_steps`); received {value}."
                )
        batch_size = min(batch_size, len(images))
        place = self._place(batch_size)
        data = Batches(images, labels, batch_size, epochs, seed, initial_epoch, clock, place=place)
        if initial_step >= len(data):
            raise ValueError(
                f"`initial_step` must lie in [0, {len(data)}), the steps of an epoch; received"
                f" {initial_step}."
            )
        begin = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: data.begin(epoch),
            on_train_batch_begin=lambda step, logs: self._enter(data.progress(step), clock),
        )
        verbose = options.get("verbose", "auto")
        callbacks = ResumedEpochCallbacks(
            [begin, *callbacks],
            initial_step,
            model=self,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=epochs,
            steps=len(data),
        )
        train = functools.partial(super().fit, callbacks=callbacks, shuffle=False, **options)
        self._forget()
        self.train_stage = self.stage(data.progress(initial_step))
        with self._at_most(len(data)), without_failing_remapper(self._flatten_layers()):
            if initial_step:
                data.skip, callbacks.last = initial_step, False
                train(feed(data), epochs=initial_epoch + 1, initial_epoch=initial_epoch)
                data.skip, callbacks.skip, callbacks.last = 0, 0, True
                initial_epoch += 1
                if self.stop_training or initial_epoch >= epochs:
                    callbacks.on_train_end()
                    return self.history
            return train(feed(data), epochs=epochs, initial_epoch=initial_epoch)

    def stage(self, progress: float) -> str | None:
        """Return what ``update`` trains at a share of the training, if that is not the same always.

        Each stage has a train function of its own, which knows it as ``train_stage``.
        """
        return None

    def _enter(self, progress, clock):
        """Go on to another stage of the training, if it is time."""
        stage = self.stage(progress)
        if stage == self.train_stage:
            return
        if clock is not None:
            clock.pause()  # the next call builds a graph
        self.train_stage = stage
        self._build_train_function()

    def _build_train_function(self):
        """Build it anew for this stage and number of steps, unless the last can be used again."""
        if self._built_for != (self.steps_per_execution, self.train_stage):
            self._built_for = self.steps_per_execution, self.train_stage
            self.make_train_function(force=True)

    def _forget(self):
        """Drop what was fitted to the weights so far; called before they are trained."""

    def finish(self, images: np.ndarray, labels: np.ndarray | None = None, seed: int = 0) -> None:
        """Fit what a model needs after its training, on the training images; by default nothing."""

    @contextlib.contextmanager
    def _at_most(self, steps):
        """For one ``fit``: a call holds no more steps than an epoch has."""
        compiled = self.steps_per_execution or 1
        self.steps_per_execution = min(compiled, steps)
        self._build_train_function()
        try:
            yield
        finally:
            self.steps_per_execution = compiled

    def _place(self, batch_size):
        """Where in the batch the images of this process stand, in the order of its devices."""
        devices, (index, processes) = device_count(), process()
        if devices == 1:
            return None
        if batch_size % (devices * self.parts):
            parts = f" and of the {self.parts} steps of the critic" * (self.parts > 1)
            raise ValueError(
                f"`batch_size` must be a multiple of the {devices} devices{parts}; received"
                f" {batch_size}."
            )
        rows = np.arange(batch_size)
        if BACKEND == "tensorflow":  # each device cuts its own share into the critic's batches
            return rows.reshape(self.parts, devices, -1).swapaxes(0, 1).ravel()
        return rows.reshape(processes, -1)[index]

    def check(
        self, images: np.ndarray, labels: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return images and int32 labels (or None) that fit this model, or say why not.

        Images are float32, or uint8 as they came: see ``gentut.checks.check_pixels``.
        """
        images = check_pixels(images, self.image_shape)
        return images, self.check_labels(labels, len(images))

    def check_labels(self, labels: np.ndarray | None, n: int) -> np.ndarray | None:
        """Return int32 labels ``(n,)`` for a conditional model, None for an unconditional one."""
        if self.num_classes is None:
            if labels is not None:
                raise ValueError(
                    "`labels` must be None for an unconditional model (built without"
                    f" `num_classes`); received labels of shape {np.shape(labels)}."
                )
            return None
        if labels is None:
            raise ValueError(
                f"`labels` must be given for a conditional model: ints in [0, {self.num_classes});"
                " received None."
            )
        return check_labels(labels, n, self.num_classes)

    def draw_labels(
        self, labels: np.ndarray | None, n: int, rng: np.random.Generator
    ) -> np.ndarray | None:
        """Return the labels of ``n`` images to be drawn; None draws them uniformly."""
        if labels is None and self.num_classes is not None:
            labels = rng.integers(0, self.num_classes, n)
        return self.check_labels(labels, n)

    # ------------------------------------------------------------------ the step

    def train_step(self, *args: Any) -> Any:
        if BACKEND != "jax":
            return self._update(args[0])
        state, batch = args
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        pairs = [
            p
            for group, values in zip(groups, state, strict=True)
            for p in zip(group, values, strict=True)
        ]
        with keras.StatelessScope(pairs) as scope:
            logs = self._update(batch)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)

    def _update(self, batch):
        images = pixels_to_float(batch["images"])
        with common_statistics(self._flatten_layers()):
            return self.update(images, batch.get("labels"), batch["progress"][0])
