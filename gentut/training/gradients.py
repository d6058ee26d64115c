"""Gradients of losses: how TensorFlow, JAX and PyTorch are asked to differentiate."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from gentut.training.devices import BACKEND, Tensor, replica

if BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "jax":
    import jax
else:
    import torch

LOSS_SCALE = 1024.0  # factor of the loss where layers compute in float16


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return d sum(function(x)) / dx, the shape of ``x``; can be differentiated again."""
    x = ops.convert_to_tensor(x)
    if BACKEND == "jax":
        return jax.grad(lambda x: ops.sum(function(x)))(x)
    if BACKEND == "torch":
        x = x.detach().requires_grad_()
        return _torch_gradients(ops.sum(function(x)), [x], create_graph=True)[0]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(function(x))
    return tape.gradient(y, x, unconnected_gradients="zero")


class Differentiable:
    """What a train step is written with; part of ``gentut.training.step.StepModel``."""

    def value_and_gradients(
        self, function: Callable, variables: Sequence[keras.Variable], inputs: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Any, list[Tensor], list[Tensor]]:
        """Return value and gradients of ``function(*inputs) -> (loss, extra)``.

        Args:
            function: of tensors like ``inputs``; ``extra`` is any nest of tensors.
            variables: that the loss depends on.
            inputs: tensors that gradients are wanted for as well.

        Returns:
            ``loss, extra, d loss/d variables, d loss/d inputs``.
        """
        scale = self._loss_scale()
        if scale == 1:
            return self._gradients(function, variables, inputs)

        def scaled(*inputs):
            loss, extra = function(*inputs)
            # Of a loss that is a sum over pixels, the gradients are large enough by themselves.
            factor = scale / ops.maximum(1.0, ops.abs(ops.stop_gradient(loss)))
            return loss * factor, (loss, factor, extra)

        _, (loss, factor, extra), *gradients = self._gradients(scaled, variables, inputs)
        return loss, extra, *(_unscaled(part, factor) for part in gradients)

    def _loss_scale(self):
        """What gradients are multiplied with on their way through layers that compute in float16.

        Below 6e-8 float16 has only zero.  A factor keeps small gradients alive, and is taken out
        of the results; where one overflows nevertheless, all become zero (Micikevicius et al.
        2018, section 3.2).  bfloat16 needs none.
        """
        half = any(layer.compute_dtype == "float16" for layer in self._flatten_layers())
        return LOSS_SCALE if half else 1

    def _gradients(self, function, variables, inputs):
        inputs = [ops.convert_to_tensor(x) for x in inputs]
        if BACKEND == "jax":
            pure, others = self._pure(function, variables)
            (loss, (extra, updated)), gradients = jax.value_and_grad(
                lambda v, i, o: _with_aux(pure(v, i, o)), argnums=(0, 1), has_aux=True
            )([v.value for v in variables], inputs, [v.value for v in others])
            _assign(others, updated)
            return loss, extra, *gradients
        if BACKEND == "torch":
            inputs = [x.detach().requires_grad_() for x in inputs]
            loss, extra = function(*inputs)
            gradients = _torch_gradients(loss, [v.value for v in variables] + inputs)
        else:
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                loss, extra = function(*inputs)
            gradients = tape.gradient(
                loss, [v.value for v in variables] + inputs, unconnected_gradients="zero"
            )
            gradients = _dense(gradients)
            return loss, extra, _shared(gradients[: len(variables)]), gradients[len(variables) :]
        return loss, extra, gradients[: len(variables)], gradients[len(variables) :]

    def pullback(
        self, function: Callable[[], Tensor], variables: Sequence[keras.Variable]
    ) -> tuple[Tensor, Callable[[Tensor], list[Tensor]]]:
        """Return ``function()``, and a function from d loss/d value to d loss/d variables."""
        value, pull = self._pull(function, variables)
        scale = self._loss_scale()
        if scale == 1:
            return value, pull
        return value, lambda gradient: _unscaled(pull(gradient * scale), scale)

    def _pull(self, function, variables):
        if BACKEND == "jax":
            pure, others = self._pure(function, variables)
            value, pull, updated = jax.vjp(
                lambda v: pure(v, (), [o.value for o in others]),
                [v.value for v in variables],
                has_aux=True,
            )
            _assign(others, updated)
            return value, lambda gradient: pull(gradient)[0]
        if BACKEND == "torch":
            value = function()
            weights = [v.value for v in variables]
            return value.detach(), lambda gradient: _torch_gradients(value, weights, gradient)
        with tf.GradientTape() as tape:
            value = function()
        weights = [v.value for v in variables]
        return value, lambda gradient: _shared(
            _dense(tape.gradient(value, weights, gradient, unconnected_gradients="zero"))
        )

    def minimize(
        self,
        loss_fn: Callable[[], Tensor],
        variables: Sequence[keras.Variable],
        optimizer: keras.optimizers.Optimizer,
    ) -> Tensor:
        """Take one optimizer step on ``variables`` down the gradient of ``loss_fn()``.

        Returns:
            The loss.
        """
        loss, _, gradients, _ = self.value_and_gradients(lambda: (loss_fn(), ()), variables)
        optimizer.apply(gradients, variables)
        return loss

    def _pure(self, function, variables):
        # JAX needs a pure function: every variable goes in, seeds and averages come out.
        # Optimizers too: their step count decides whether a lazy penalty is due.
        every = {id(v): v for v in [*self.variables, *self.optimizer.variables]}
        ids = {id(v) for v in variables}
        others = [v for key, v in every.items() if key not in ids]

        def pure(values, inputs, other_values):
            pairs = [*zip(variables, values, strict=True), *zip(others, other_values, strict=True)]
            with keras.StatelessScope(pairs) as scope:
                value = function(*inputs)
            return value, [scope.get_current_value(v) for v in others]

        return pure, others


def _unscaled(gradients, scale):
    gradients = [ops.cast(gradient, "float32") for gradient in gradients]
    finite = True
    for gradient in gradients:
        finite = ops.logical_and(finite, ops.all(ops.isfinite(gradient)))
    return [ops.where(finite, gradient / scale, 0) for gradient in gradients]


def _torch_gradients(value, inputs, weights=None, **options):
    # Zeros where `value` does not depend on an input, which TensorFlow and JAX give as well.
    if not value.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    return torch.autograd.grad(
        value, inputs, weights, allow_unused=True, materialize_grads=True, **options
    )


def _dense(gradients):
    # TensorFlow gives an embedding's gradient as rows, one per lookup.  Adam would square repeated
    # rows one by one instead of their sum, unlike JAX and PyTorch.
    return [tf.convert_to_tensor(gradient) for gradient in gradients]


def _shared(gradients):
    # Each device has the mean over its own images, and Keras' optimizers add up what devices have.
    count = replica()[1]
    return gradients if count == 1 else [gradient / count for gradient in gradients]


def _with_aux(result):
    (loss, extra), updated = result
    return loss, (extra, updated)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
