"""Learning rates over a training, several optimizers as one, and averaged weights."""

from collections.abc import Iterable

import keras
from keras import ops

from gentut.training.devices import Tensor

SETTING_RATES = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau


def value_of(variable: keras.Variable) -> float:
    """Return the number in a variable, also in one that several devices hold."""
    return float(ops.convert_to_numpy(variable))


def initial_learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Return the learning rate of an optimizer, from which the step lets it fall."""
    if not isinstance(optimizer.learning_rate, keras.Variable):
        raise ValueError(
            "`optimizer` must have a number as its learning rate, which falls after"
            " `constant_share` of the training; received a schedule, in"
            f" {type(optimizer).__name__}."
        )
    return value_of(optimizer.learning_rate)


def check_callbacks(
    callbacks: Iterable[keras.callbacks.Callback] | None,
) -> list[keras.callbacks.Callback]:
    """Return callbacks as a list, or raise if one sets the learning rate, as every step does."""
    callbacks = list(callbacks or [])
    for callback in callbacks:
        if isinstance(callback, SETTING_RATES):
            raise ValueError(
                "`callbacks` must leave the learning rate alone, which each step sets: give"
                " `compile` an optimizer with the rate, and `constant_share`; received a"
                f" {type(callback).__name__}."
            )
    return callbacks


def learning_rate_scale(progress: Tensor, constant_share: float, floor: float = 0.02) -> Tensor:
    """Return the factor of the learning rates: 1, then linearly down to ``floor`` at the end.

    Args:
        progress: share of the training that is done, in [0, 1].
        constant_share: of the training in which the factor is 1.
        floor: the factor at the end.
    """
    if constant_share >= 1:
        return ops.ones_like(progress)
    return ops.clip((1 - progress) / (1 - constant_share), floor, 1)


def averaged_copy(network: keras.Model, ema: float) -> keras.Model:
    """Return a copy of a network for ``move_average``; it is not trained.

    Raises:
        ValueError: ``ema``, the decay per step, is not in [0, 1).
    """
    if not 0 <= ema < 1:
        raise ValueError(f"`ema` must lie in [0, 1); received {ema!r}.")
    average = keras.models.clone_model(network)
    average.set_weights(network.get_weights())
    average.trainable = False
    return average


def move_average(average: keras.Model, network: keras.Model, decay: float, step: Tensor) -> None:
    """Move the weights of ``average`` towards those of ``network``.

    The average reaches back over ``decay``'s 1 / (1 − decay) steps, but never over more than a
    twelfth of the run so far: an average that grows with the run (Karras et al. 2024, "Analyzing
    and improving the training dynamics of diffusion models", section 3.1).
    """
    step = ops.cast(step, "float32")
    decay = ops.minimum(decay, step / (step + 12.0))
    for old, new in zip(average.weights, network.weights, strict=True):
        if keras.backend.is_float_dtype(new.dtype):
            old.assign(new + ops.cast(decay, new.dtype) * (old - new))


class Optimizers:
    """Several built optimizers that the Keras trainer sees as one."""

    built = True

    def __init__(self, *members: keras.optimizers.Optimizer) -> None:
        self.members = members

    @property
    def variables(self) -> list[keras.Variable]:
        return [v for optimizer in self.members for v in optimizer.variables]

    @property
    def iterations(self) -> keras.Variable:
        return self.members[0].iterations

    @property
    def learning_rate(self) -> keras.Variable:
        return self.members[0].learning_rate


def recipe_of(optimizer: keras.optimizers.Optimizer, learning_rate: float) -> dict:
    """Return an optimizer's config with the rate it began with, not with where its decay stands."""
    config = keras.saving.serialize_keras_object(optimizer)
    config["config"]["learning_rate"] = learning_rate
    return config
