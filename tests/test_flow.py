"""Flows: what `fit`, `sample` and files promise; test_flow_known has known distributions."""

import json
import zipfile

import keras
import numpy as np
import pytest
from keras import layers, ops
from tiny import fit_eagerly

import gentut
from gentut.models import networks
from gentut.models.losses import prediction_loss

pytestmark = pytest.mark.backend
SHAPE = (16, 16, 1)
RNG = np.random.default_rng(0)
IMAGES = RNG.random((64, *SHAPE)).astype("float32")
LABELS = (np.arange(64) % 3).astype("int32")


def small_flow(num_classes=None, **settings):
    flow = gentut.Flow(
        networks.velocity(SHAPE, num_classes, filters=(4, 8), blocks=1, units=8), **settings
    )
    flow.compile(keras.optimizers.Adam(1e-3))
    return flow


def small_vae(num_classes=None):
    sizes = {"latent_dim": 3, "num_classes": num_classes, "units": 16}
    vae = gentut.VAE(
        networks.encoder(SHAPE, filters=(4, 8), **sizes),
        networks.decoder(SHAPE, filters=(8, 4), **sizes),
    )
    vae.compile(keras.optimizers.Adam(1e-3))
    return vae


def small_latent_flow(num_classes=None, **settings):
    velocity = networks.latent_velocity(3, num_classes, units=8, blocks=1)
    flow = gentut.LatentFlow(small_vae(num_classes), velocity, **settings)
    flow.compile(keras.optimizers.Adam(1e-3))
    return flow


def weights(model):
    return [np.array(ops.convert_to_numpy(w)) for w in model.weights]


@pytest.mark.parametrize("small", [small_flow, small_latent_flow])  # with classes: test_models
def test_drawing_repeats_to_the_bit_also_from_a_file(small, tmp_path):
    flow = small()
    fit_eagerly(flow, IMAGES)
    drawn = flow.sample(5, seed=1, steps=4)
    np.testing.assert_array_equal(flow.sample(5, seed=1, steps=4), drawn)
    assert drawn.shape == (5, *SHAPE) and drawn.dtype == np.float32
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert (drawn != flow.sample(5, seed=2, steps=4)).any()
    flow.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(5, seed=1, steps=4), drawn)
    assert int(ops.convert_to_numpy(loaded.optimizer.iterations)) == 2
    for a, b in zip(loaded.optimizer.variables, flow.optimizer.variables, strict=True):
        np.testing.assert_array_equal(*(ops.convert_to_numpy(v) for v in (a, b)))


def test_loss_is_the_mean_square_per_dimension():
    assert float(prediction_loss(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]))) == 2.5


def test_training_learns_a_known_distribution():
    # Every image is one grey level, of a normal with mean 0.6, standard deviation 0.1.
    rng = np.random.default_rng(1)
    grey = np.clip(rng.normal(0.6, 0.1, (2000, 1, 1, 1)), 0, 1).astype("float32")
    images = np.broadcast_to(grey, (2000, 8, 8, 1)).copy()
    velocity_shape = (8, 8, 1)
    x, t = keras.Input(velocity_shape), keras.Input((1,))
    h = layers.Concatenate()([layers.Flatten()(x), t])
    for _ in range(2):
        h = layers.Dense(64, activation="silu")(h)
    gentut.seed(0)
    network = keras.Model([x, t], layers.Reshape(velocity_shape)(layers.Dense(64)(h)))
    flow = gentut.Flow(network, ema=0.99)
    flow.compile(keras.optimizers.Adam(3e-3), constant_share=0.3)
    flow.fit(images, epochs=12, batch_size=50, verbose=0)
    level = flow.sample(1000, seed=0, steps=16).mean(axis=(1, 2, 3))
    assert level.mean() == pytest.approx(0.6, abs=0.03)
    assert level.std() == pytest.approx(0.1, abs=0.03)


def test_a_given_vae_is_left_as_it_is():
    vae = small_vae(3)
    before = weights(vae)
    flow = gentut.LatentFlow(vae, networks.latent_velocity(3, 3, units=8, blocks=1), False)
    flow.compile(keras.optimizers.Adam(1e-3))
    fit_eagerly(flow, IMAGES, LABELS)
    for a, b in zip(before, weights(vae), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_given_vae_can_still_be_trained_by_its_owner():
    vae = small_vae(3)
    gentut.LatentFlow(vae, networks.latent_velocity(3, 3, units=8, blocks=1), train_vae=False)
    before = [np.array(ops.convert_to_numpy(w)) for w in vae.trainable_weights]
    assert vae.trainable and len(before) > 8
    fit_eagerly(vae, IMAGES, LABELS)
    for old, weight in zip(before, vae.trainable_weights, strict=True):
        assert (old != ops.convert_to_numpy(weight)).any(), weight.path


@pytest.mark.parametrize("train_vae", [True, False])
def test_only_a_flow_that_trains_its_vae_drops_the_prior(train_vae):
    flow = small_latent_flow(train_vae=train_vae)
    flow.vae.fit_prior(IMAGES, components=1)
    fit_eagerly(flow, IMAGES)
    assert (flow.vae.prior is None) == train_vae


@pytest.mark.parametrize(
    "options, text",
    [
        ({"steps": 0}, "`steps` must be a positive integer; received 0"),
        (
            {"method": "leapfrog"},
            "`method` must be one of euler, heun, rk4, ddim, ddpm; received 'leapfrog'",
        ),
        ({"guidance": float("nan")}, "`guidance` must be a finite number; received nan"),
        ({"guidance": 2.0}, "`guidance` needs a conditional model; received 2.0"),
        ({"n": 0}, "`n` must be a positive integer; received 0"),
    ],
)
def test_bad_drawing_is_refused(options, text):
    with pytest.raises(ValueError, match=text):
        small_flow().sample(**{"n": 2, **options})


def test_a_network_preconditioned_for_another_path_is_refused():
    network = networks.velocity(SHAPE, filters=(4, 8), blocks=1, units=8)
    with pytest.raises(ValueError, match="built with path='cosine', prediction='noise'; received"):
        gentut.Flow(network, "cosine", "noise")


KINDS = [("straight", "velocity"), ("cosine", "noise"), ("cosine", "image")]


@pytest.mark.parametrize("path, prediction", KINDS)  # the others: slow/test_products.py
def test_an_untrained_network_is_the_flow_of_a_normal_whatever_it_predicts(path, prediction):
    kind = {"path": path, "prediction": prediction}
    network = networks.velocity(SHAPE, filters=(4, 8), blocks=1, units=8, **kind)
    drawn = gentut.Flow(network, **kind).sample(4, seed=0, steps=32)
    noise = np.random.default_rng(0).standard_normal((4, *SHAPE))
    np.testing.assert_allclose(drawn, np.clip(0.5 + 0.3 * noise, 0, 1), atol=5e-3)


def test_models_saved_under_the_name_of_before_come_back(tmp_path):
    flow = small_flow(3)
    flow.save(tmp_path / "new.keras")
    new, old = (
        zipfile.ZipFile(tmp_path / f"{a}.keras", m) for a, m in (("new", "r"), ("old", "w"))
    )
    with new, old:
        for name in new.namelist():
            content = new.read(name)
            if name == "config.json":
                config = json.loads(content)
                config |= {"class_name": "FlowMatching", "registered_name": "gentut>FlowMatching"}
                for added in ("path", "prediction"):
                    del config["config"][added]
                content = json.dumps(config)
            old.writestr(name, content)
    loaded = keras.saving.load_model(tmp_path / "old.keras")
    np.testing.assert_array_equal(loaded.sample(2, seed=0), flow.sample(2, seed=0))


@pytest.mark.parametrize("name, value", [("drop_labels", 1.5), ("ema", 1.0)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must lie in"):
        small_flow(**{name: value})


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"latent_shape = \(3,\); it moves points of shape"):
        gentut.LatentFlow(small_vae(), networks.latent_velocity(4, units=8, blocks=1))
    with pytest.raises(ValueError, match="`velocity` must have the classes of `vae`, 3"):
        gentut.LatentFlow(small_vae(3), networks.latent_velocity(3, units=8, blocks=1))
    with pytest.raises(TypeError, match="`vae` must be a gentut.VAE; received int"):
        gentut.LatentFlow(3, networks.latent_velocity(3, units=8, blocks=1))
