"""Flow matching: known velocities, known distributions, guidance, and what `sample` promises."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from tiny import fit_eagerly

import gentut
from gentut.models import networks
from gentut.models.losses import prediction_loss
from gentut.models.solvers import solve

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


BOTH = pytest.mark.parametrize("small", [small_flow, small_latent_flow])


def weights(model):
    return [np.array(ops.convert_to_numpy(w)) for w in model.weights]


@BOTH
@pytest.mark.parametrize("num_classes", [None, 3])
def test_drawing_repeats_to_the_bit_also_from_a_file(small, num_classes, tmp_path):
    flow = small(num_classes)
    fit_eagerly(flow, IMAGES, LABELS if num_classes else None)
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


class GaussianVelocity(layers.Layer):
    """The exact velocity of the straight path to data N(mean, scale²), worked out by hand.

    xₜ is normal with variance (1−t)² + t²s²; E[x₁ − x₀ | xₜ] follows by regression.
    """

    def __init__(self, mean, scale):
        super().__init__()
        self.mean, self.scale = mean, scale

    def call(self, inputs):
        x, t = inputs[0], ops.reshape(inputs[1], (-1, 1, 1, 1))
        variance = (1 - t) ** 2 + t**2 * self.scale**2
        return self.mean + (t * self.scale**2 - (1 - t)) / variance * (x - t * self.mean)


def exact_flow(mean, scale):
    images, time = keras.Input(SHAPE), keras.Input((1,))
    velocity = keras.Model([images, time], GaussianVelocity(mean, scale)([images, time]))
    flow = gentut.Flow.__new__(gentut.Flow)
    keras.Model.__init__(flow)
    flow.image_shape, flow.num_classes, flow.ema_velocity = SHAPE, None, velocity
    flow.path_name, flow.prediction = "straight", "velocity"
    return flow


def test_the_exact_velocity_carries_noise_to_the_data_and_heun_is_of_second_order():
    # The exact map of the flow is x₁ = mean + scale · x₀: probability keeps its rank order.
    flow, noise = exact_flow(0.3, 0.2), RNG.normal(size=(8, *SHAPE)).astype("float32")
    truth = 0.3 + 0.2 * noise

    def error(steps, method):
        end = solve(flow._field(None, 1.0), ops.convert_to_tensor(noise), steps, method)
        return np.abs(ops.convert_to_numpy(end) - truth).mean()

    for method, factor in (("euler", 2.0), ("heun", 4.0)):
        coarse, fine = error(16, method), error(32, method)
        assert coarse / fine == pytest.approx(factor, rel=0.25), method
    assert error(64, "heun") < 2e-3


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
        ({"method": "rk4"}, "`method` must be one of euler, heun, ddim, ddpm; received 'rk4'"),
        ({"guidance": float("nan")}, "`guidance` must be a finite number; received nan"),
        ({"guidance": 2.0}, "`guidance` needs a conditional model; received 2.0"),
        ({"n": 0}, "`n` must be a positive integer; received 0"),
    ],
)
def test_bad_drawing_is_refused(options, text):
    with pytest.raises(ValueError, match=text):
        small_flow().sample(**{"n": 2, **options})


@pytest.mark.parametrize("name, value", [("drop_labels", 1.5), ("ema", 1.0)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must lie in"):
        small_flow(**{name: value})


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="latent_dim = 3; it moves points of shape"):
        gentut.LatentFlow(small_vae(), networks.latent_velocity(4, units=8, blocks=1))
    with pytest.raises(ValueError, match="`velocity` must have the classes of `vae`, 3"):
        gentut.LatentFlow(small_vae(3), networks.latent_velocity(3, units=8, blocks=1))
    with pytest.raises(TypeError, match="`vae` must be a gentut.VAE; received int"):
        gentut.LatentFlow(3, networks.latent_velocity(3, units=8, blocks=1))
