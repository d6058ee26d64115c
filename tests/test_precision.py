"""Networks that compute in 16 bits: losses, images and small slopes keep their digits."""

import keras
import numpy as np
import pytest
from keras import ops

import gentut
from gentut import presets

pytestmark = pytest.mark.backend
IMAGES = np.random.default_rng(0).random((32, 28, 28, 1), "float32")
LABELS = np.arange(32) % 4
NEURAL = tuple(family for family in presets.FAMILIES if family not in ("gaussian", "mixture"))


@pytest.fixture
def policy():
    """Sets the dtype policy, and puts it back."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def first_step(family):
    """Losses of one training step, and images."""
    gentut.seed(0)
    model = gentut.build(family, (28, 28, 1), 4)
    history = model.fit(IMAGES, LABELS, batch_size=32, seed=0, verbose=0).history
    return model, {name: values[0] for name, values in history.items()}


@pytest.mark.parametrize("family", ["gan", "vae", "latent_flow"])
def test_families_train_in_bfloat16_with_the_losses_of_float32(family, policy):
    _, full = first_step(family)
    policy("mixed_bfloat16")
    model, half = first_step(family)
    assert {layer.compute_dtype for layer in model._flatten_layers()} >= {"bfloat16", "float32"}
    assert all(variable.dtype == "float32" for variable in model.trainable_variables)
    assert half.keys() == full.keys()
    for name, value in full.items():  # bfloat16 has 8 binary digits, losses average over pixels
        assert half[name] == pytest.approx(value, rel=0.05, abs=0.02), name
    images = model.sample(3, labels=[0, 1, 2], seed=0)
    assert images.dtype == np.float32 and np.isfinite(images).all()


def test_small_slopes_survive_float16(policy):
    policy("mixed_float16")
    gentut.seed(0)
    model = gentut.build("gan", (28, 28, 1), 4)
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, 1))
    inputs = np.ones((1, 1), "float32")

    def loss(output):
        return ops.sum(ops.cast(output, "float32")) * 1e-8

    variables = layer.trainable_variables
    _, _, (slope,), _ = model.value_and_gradients(lambda: (loss(layer(inputs)), ()), variables)
    assert float(ops.convert_to_numpy(slope)[0, 0]) == pytest.approx(1e-8, rel=0.01)
    value, pull = model.pullback(lambda: ops.cast(layer(inputs), "float32"), variables)
    (slope,) = pull(ops.full_like(value, 1e-8))
    assert float(ops.convert_to_numpy(slope)[0, 0]) == pytest.approx(1e-8, rel=0.01)

    # In float32 nothing is scaled, and without the factor float16 has no such slope.
    plain = keras.Sequential([keras.layers.Input((1,)), layer])
    model._loss_scale = lambda: 1
    _, _, (lost,), _ = model.value_and_gradients(lambda: (loss(plain(inputs)), ()), variables)
    assert float(ops.convert_to_numpy(lost)[0, 0]) == 0


def test_a_gan_trains_in_float16(policy):
    policy("mixed_float16")
    model, losses = first_step("gan")
    assert model._loss_scale() > 1
    assert all(np.isfinite(value) for value in losses.values())
    assert all(np.isfinite(ops.convert_to_numpy(v)).all() for v in model.trainable_variables)
