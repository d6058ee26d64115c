"""The parts with TensorFlow kernels of their own do what the Keras classes they stand for do."""

import keras
import numpy as np
import pytest
from keras import ops

from gentut.training import gradients, kernels


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class Gradients(gradients.Differentiable, keras.Model):
    """Something that can ask for gradients."""


def gradients_of(function, variables, inputs):
    model = Gradients()
    model.optimizer = keras.optimizers.SGD()
    loss, _, of_variables, of_inputs = model.value_and_gradients(
        lambda *x: (function(*x), ()), variables, inputs
    )
    return [np.asarray(ops.convert_to_numpy(s)) for s in (loss, *of_variables, *of_inputs)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-8},
        {"weight_decay": 0.1},
        {"clipnorm": 0.5},
        {"amsgrad": True},
    ],
    ids=["plain", "of the GAN", "decay", "clipped", "amsgrad"],
)
def test_adam_moves_as_keras_adam(rng, options):
    start = rng.standard_normal((5, 3)).astype("float32")
    moved = []
    gradients = rng.standard_normal((6, 5, 3)).astype("float32")
    for kind in (keras.optimizers.Adam, kernels.Adam):
        variable = keras.Variable(start)
        optimizer = kind(learning_rate=0.05, **options)
        optimizer.build([variable])
        for gradient in gradients:
            optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        moved.append([ops.convert_to_numpy(v) for v in (variable, *optimizer.variables)])
    assert np.abs(moved[0][0] - start).max() > 0.1
    for keras_value, value in zip(*moved, strict=True):
        np.testing.assert_allclose(value, keras_value, rtol=2e-5, atol=2e-6)


def test_adams_first_step_is_the_rate_against_the_sign_of_the_gradient():
    """Kingma & Ba 2015, section 2.1: both moments are exact after the bias correction."""
    variable = keras.Variable([1.0, 1.0, 1.0])
    optimizer = kernels.Adam(learning_rate=0.25)
    optimizer.build([variable])
    optimizer.apply([ops.convert_to_tensor([3.0, -0.01, 0.0])], [variable])
    np.testing.assert_allclose(ops.convert_to_numpy(variable), [0.75, 1.25, 1.0], rtol=1e-4)


@pytest.mark.parametrize("shape", [(6, 4), (6, 5, 4), (6, 5, 3, 4)])
def test_batch_normalisation_is_that_of_keras(rng, shape):
    images = rng.normal(2.0, 3.0, shape).astype("float32")
    weight = rng.standard_normal(shape).astype("float32")
    found = []
    for kind in (keras.layers.BatchNormalization, kernels.BatchNormalization):
        layer = kind(momentum=0.4)
        layer.build(shape)
        layer.gamma.assign([0.5, 1.0, 2.0, -1.0])
        layer.beta.assign([0.0, 1.0, 2.0, 3.0])
        results = gradients_of(
            lambda x, layer=layer: ops.sum(layer(x, training=True) * weight),
            [layer.gamma, layer.beta],
            [images],
        )
        averages = [layer.moving_mean, layer.moving_variance]
        assert np.abs(ops.convert_to_numpy(averages[0])).max() > 0.1  # they have moved
        results += [ops.convert_to_numpy(v) for v in (*averages, layer(images), *averages)]
        found.append(results)
    for keras_value, value in zip(*found, strict=True):
        np.testing.assert_allclose(value, keras_value, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="they are TensorFlow's")
def test_the_kernels_are_taken_where_they_can_be(rng, monkeypatch):
    """What they compute is what Keras computes, so that only this shows who did it."""

    def work(*args, **options):
        raise RuntimeError("this is done by Keras")

    def step(**options):
        variable, optimizer = keras.Variable(np.ones(3, "float32")), kernels.Adam(**options)
        optimizer.build([variable])
        optimizer.apply([ops.ones(3)], [variable])

    def normalise(axis, training=True):
        images = rng.standard_normal((6, 5, 3, 4)).astype("float32")
        kernels.BatchNormalization(axis=axis)(images, training=training)

    monkeypatch.setattr(keras.optimizers.Adam, "update_step", work)
    monkeypatch.setattr(keras.layers.BatchNormalization, "call", work)
    step()
    normalise(-1), normalise(3)
    cannot = (lambda: step(amsgrad=True), lambda: normalise(1), lambda: normalise(-1, False))
    for other in cannot:
        with pytest.raises(RuntimeError, match="done by Keras"):
            other()


@pytest.mark.parametrize("options", [{"center": False}, {"scale": False}, {"axis": 1}])
def test_what_the_kernel_cannot_is_left_to_keras(rng, options):
    images = rng.normal(2.0, 3.0, (6, 5, 3, 4)).astype("float32")
    kinds = keras.layers.BatchNormalization, kernels.BatchNormalization
    expected, value = (kind(**options)(images, training=True) for kind in kinds)
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (value, expected)), rtol=1e-5, atol=1e-5)


def test_batch_normalisation_works_on_a_keras_without_renorm(rng):
    """Keras 3.13, which Colab has, knows no `renorm`; .ci/run tests all of gentut there."""
    layer = kernels.BatchNormalization()
    images = rng.standard_normal((4, 2, 2, 3)).astype("float32")
    layer.build(images.shape)
    vars(layer).pop("renorm", None)
    output = ops.convert_to_numpy(layer(images, training=True))
    np.testing.assert_allclose(output.mean(axis=(0, 1, 2)), np.zeros(3), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
def test_batch_normalisation_keeps_its_type(rng, dtype):
    layer = kernels.BatchNormalization(dtype=dtype)
    output = layer(rng.standard_normal((4, 2, 2, 3)), training=True)
    assert keras.backend.standardize_dtype(output.dtype) == layer.compute_dtype


def test_embedding_looks_rows_up_and_adds_the_gradients_of_repeated_labels(rng):
    layer = kernels.Embedding(4, 3)
    labels = np.array([2, 0, 2, 2])
    layer.build()
    table = rng.standard_normal((4, 3)).astype("float32")
    layer.embeddings.assign(table)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(labels)), table[labels], rtol=1e-6)
    _, gradient = gradients_of(lambda: ops.sum(layer(labels)), [layer.embeddings], [])
    np.testing.assert_allclose(gradient, [[1] * 3, [0] * 3, [3] * 3, [0] * 3], rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_batch_normalisation_is_over_the_devices_while_a_step_is_built(count, monkeypatch):
    monkeypatch.setattr(kernels, "replica", lambda: (0, count))
    own, asked = (keras.layers.BatchNormalization(synchronized=value) for value in (False, True))
    with kernels.common_statistics([keras.layers.Dense(1), own, asked]):
        assert (own.synchronized, asked.synchronized) == (count > 1, True)
    assert (own.synchronized, asked.synchronized) == (False, True)


@pytest.mark.parametrize("count", [1, 4])
def test_each_device_has_its_share_of_a_gradient(count, monkeypatch):
    monkeypatch.setattr(gradients, "replica", lambda: (0, count))
    assert gradients._shared([8.0, -2.0]) == [8.0 / count, -2.0 / count]
