"""Networks that compute in 16 bits: losses, images and small gradients keep their digits."""

import keras
import numpy as np
import pytest
from keras import ops
from tiny import build_told, fit_eagerly, shrink_recipes

import gentut

pytestmark = pytest.mark.backend
IMAGES = np.random.default_rng(0).random((32, 28, 28, 1), "float32")
LABELS = np.arange(32) % 4


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_recipes(monkeypatch)


def first_step(family):
    """A model after one training step, and the losses of that."""
    gentut.seed(0)
    model, labels = build_told(family, (28, 28, 1), LABELS)
    history = fit_eagerly(model, IMAGES, labels, seed=0).history
    return model, {name: values[0] for name, values in history.items()}


@pytest.mark.parametrize("family", ["gan", "vae", "latent_flow"])  # text_flow: slow
def test_families_train_in_bfloat16_with_the_losses_of_float32(family, policy):
    assert_losses_are_those_of_float32(family, policy)


def assert_losses_are_those_of_float32(family, policy):
    _, full = first_step(family)
    policy("mixed_bfloat16")
    model, half = first_step(family)
    assert {layer.compute_dtype for layer in model._flatten_layers()} >= {"bfloat16", "float32"}
    assert all(variable.dtype == "float32" for variable in model.trainable_variables)
    assert half.keys() == full.keys()
    for name, value in full.items():  # bfloat16 has 8 binary digits, losses average over pixels
        assert half[name] == pytest.approx(value, rel=0.05, abs=0.02), name
    told = {"texts": ["word0"] * 3} if family == "text_flow" else {"labels": [0, 1, 2]}
    images = model.sample(3, seed=0, **told)
    assert images.dtype == np.float32 and np.isfinite(images).all()


def test_small_gradients_survive_float16(policy):
    policy("mixed_float16")
    gentut.seed(0)
    model = gentut.build("gan", (28, 28, 1), 4)
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, 1))
    inputs = np.ones((1, 1), "float32")

    def loss(output):
        return ops.sum(ops.cast(output, "float32")) * 1e-8

    variables = layer.trainable_variables
    _, _, (gradient,), _ = model.value_and_gradients(lambda: (loss(layer(inputs)), ()), variables)
    assert float(ops.convert_to_numpy(gradient)[0, 0]) == pytest.approx(1e-8, rel=0.01)
    value, pull = model.pullback(lambda: ops.cast(layer(inputs), "float32"), variables)
    (gradient,) = pull(ops.full_like(value, 1e-8))
    assert float(ops.convert_to_numpy(gradient)[0, 0]) == pytest.approx(1e-8, rel=0.01)

    # In float32 nothing is scaled, and without the factor float16 has no such gradient.
    plain = keras.Sequential([keras.layers.Input((1,)), layer])
    model._loss_scale = lambda: 1
    _, _, (lost,), _ = model.value_and_gradients(lambda: (loss(plain(inputs)), ()), variables)
    assert float(ops.convert_to_numpy(lost)[0, 0]) == 0


def test_a_gan_trains_in_float16(policy):
    _, full = first_step("gan")
    policy("mixed_float16")
    model, losses = first_step("gan")
    assert model._loss_scale() == 1024
    assert losses == pytest.approx(full, rel=0.01, abs=0.005)
    assert all(np.isfinite(ops.convert_to_numpy(v)).all() for v in model.trainable_variables)


def rewarded(layer, gain, constant=0.0):
    """A loss ``gain·(sum of outputs − constant)`` of a layer of ones, fed with one."""

    def loss():
        output = ops.cast(layer(np.ones((1, 1), "float32")), "float32")
        return gain * (ops.sum(output) - constant), ()

    return loss


def test_large_gradients_do_not_overflow_float16_and_no_infinity_reaches_a_weight(policy):
    policy("mixed_float16")
    model = gentut.build("vae", (16, 16, 1))
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    layer.build((None, 1))
    weights = layer.trainable_variables
    # 500 · 1024 is more than float16 holds; the loss itself, 500, says so.
    _, _, (gradient,), _ = model.value_and_gradients(rewarded(layer, 500.0), weights)
    assert float(ops.convert_to_numpy(gradient)[0, 0]) == pytest.approx(500, rel=1e-3)
    # A loss near zero does not say so: better no step than an infinite one.
    _, _, (gradient,), _ = model.value_and_gradients(rewarded(layer, 500.0, 1.0), weights)
    assert float(ops.convert_to_numpy(gradient)[0, 0]) == 0


def test_a_step_in_float16_moves_weights_as_far_as_in_float32(policy):
    assert_float16_moves_as_far("vae", policy)  # slow/test_products: a latent flow


def assert_float16_moves_as_far(family, policy):
    moves = []
    for name in ("float32", "mixed_float16"):
        policy(name)
        gentut.seed(0)
        model = gentut.build(family, (16, 16, 1))
        model.compile(keras.optimizers.SGD(1e-3))
        network = model.decoder if family == "vae" else model.velocity
        before = network.get_weights()
        fit_eagerly(model, IMAGES[:, 6:22, 6:22], seed=0)
        moves.append(
            np.concatenate(
                [(a - b).ravel() for a, b in zip(network.get_weights(), before, strict=True)]
            )
        )
    assert np.linalg.norm(moves[1]) == pytest.approx(np.linalg.norm(moves[0]), rel=0.05)


# With float32 all families are saved and loaded in test_models.  Here each policy once;
# slow/test_products.py has every family under every policy.
CASES = [
    ("mixture", "bfloat16"),
    ("gan", "mixed_bfloat16"),
    ("wgan", "float16"),
    ("vae", "mixed_float16"),
]
if keras.backend.backend() != "tensorflow":
    CASES = [(family, "mixed_float16") for family in ("gan", "vae", "latent_flow")]


@pytest.mark.parametrize("family, name", CASES)
def test_a_family_comes_back_under_a_policy_and_trains_on(family, name, policy, tmp_path):
    assert_comes_back(family, name, policy, tmp_path)


def assert_comes_back(family, name, policy, tmp_path):
    policy(name)
    gentut.seed(0)
    images = IMAGES[:, 6:22, 6:22]
    if "clusters" in family:
        labels, model = None, gentut.build("gan", (16, 16, 1))
    else:
        model, labels = build_told(family, (16, 16, 1), LABELS)
    assert type(model).__name__ == "ClusterGAN" or labels is not None
    statistical = family in ("gaussian", "mixture")
    fit_eagerly(model, images, labels)
    model.save(tmp_path / "model.keras")
    policy("float32")  # a file knows its own
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.sample(4, seed=1), model.sample(4, seed=1))
    if statistical:
        return
    for one, other in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(*(ops.convert_to_numpy(v) for v in (one, other)))
    before = int(ops.convert_to_numpy(again.optimizer.iterations))
    fit_eagerly(again, images, labels)
    assert int(ops.convert_to_numpy(again.optimizer.iterations)) == 2 * before > 0
