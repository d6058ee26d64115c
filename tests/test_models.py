"""The model families: one train step on every backend, and what `fit`, `sample`, `save` promise."""

import itertools
import types

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import stats
from tiny import fit_eagerly, shrink_recipes

import gentut
from gentut.checks import check_images
from gentut.models import networks
from gentut.models.diff_augment import TRANSFORMS
from gentut.training.gradients import input_gradient
from gentut.training.step import StepModel

pytestmark = pytest.mark.backend
SHAPE = (16, 16, 1)
RNG = np.random.default_rng(0)
IMAGES = RNG.random((64, *SHAPE)).astype("float32")
LABELS = (np.arange(64) % 3).astype("int32")


def small_gan(num_classes=None, **settings):
    gan = gentut.GAN(
        networks.generator(SHAPE, latent_dim=4, num_classes=num_classes, filters=(8, 4)),
        networks.discriminator(SHAPE, num_classes=num_classes, filters=(4, 8)),
        **settings,
    )
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return gan


def small_vae(num_classes=None, **settings):
    sizes = {"latent_dim": 3, "num_classes": num_classes, "units": 16}
    vae = gentut.VAE(
        networks.encoder(SHAPE, filters=(4, 8), **sizes),
        networks.decoder(SHAPE, filters=(8, 4), **sizes),
        **settings,
    )
    vae.compile(keras.optimizers.Adam(1e-3))
    return vae


def weights(model):
    return [np.array(ops.convert_to_numpy(w)) for w in model.trainable_weights]


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "wasserstein", "relativistic"])
def test_fused_step_has_the_gradients_of_both_players_worked_out_apart(name):
    """With transforms; without: test_steps."""
    settings = {"loss": name, "fused": True, "penalties": {"r1": 0.7}, "augment": tuple(TRANSFORMS)}
    gan = small_gan(3, **settings)
    sgd = [keras.optimizers.SGD(1.0) for _ in range(2)]  # a step of rate 1 is the gradient
    gan.compile(*sgd)
    real, y = ops.convert_to_tensor(IMAGES[:16]), ops.convert_to_tensor(LABELS[:16])
    latents = ops.convert_to_tensor(RNG.normal(size=(16, 4)).astype("float32"))
    transform = gan._transform(16)
    gan._latents, gan._transform = lambda n: latents, lambda n: transform
    players = gan.players

    def scores():
        return gan._scores(real, gan._generate(latents, y), y, transform)

    def generator_loss():
        return players.generator(*scores()), ()

    def discriminator_loss():
        penalty = gan._penalty(real, None, None, y, transform)
        return players.discriminator(*scores()) + penalty, ()

    networks_ = (gan.discriminator, gan.generator)
    losses_ = (discriminator_loss, generator_loss)
    expected = [
        [
            np.array(ops.convert_to_numpy(s))
            for s in gan.value_and_gradients(f, n.trainable_variables)[2]
        ]
        for f, n in zip(losses_, networks_, strict=True)
    ]
    before = [weights(n) for n in networks_]
    gan.update(real, y, np.float32(0.0))
    for old, network, gradients in zip(before, networks_, expected, strict=True):
        for a, b, gradient in zip(old, weights(network), gradients, strict=True):
            np.testing.assert_allclose(a - b, gradient, rtol=1e-3, atol=2e-6)


def test_adam_squares_the_summed_gradient_of_a_label_that_occurs_often():
    # By hand: after one step Adam's second moment is (1 − beta_2)·gradient², summed per label.
    gan = small_gan(3)
    variables = gan.discriminator.trainable_variables
    real, y = ops.convert_to_tensor(IMAGES[:16]), ops.convert_to_tensor(LABELS[:16])
    features = keras.Model(
        gan.discriminator.inputs[0],
        next(x for x in gan.discriminator.layers if isinstance(x, layers.Flatten)).output,
    )
    rows = np.array(ops.convert_to_numpy(features(real))) / 16  # d mean / d direction, per image
    optimizer = keras.optimizers.Adam(1e-3, beta_2=0.9)
    optimizer.build(variables)

    def loss():
        return ops.mean(gan.discriminator([real, y])), ()

    gradients = gan.value_and_gradients(loss, variables)[2]
    optimizer.apply(gradients, variables)
    moments = {v.path: np.array(ops.convert_to_numpy(v)) for v in optimizer.variables}
    (found,) = [v for k, v in moments.items() if "embedding" in k and "velocity" in k]
    summed = np.stack([rows[LABELS[:16] == k].sum(axis=0) for k in range(3)])
    np.testing.assert_allclose(found, 0.1 * summed**2, rtol=1e-4, atol=1e-12)


def test_the_averaged_generator_follows_and_is_the_one_that_samples():
    gan = small_gan(ema=0.99)
    fit_eagerly(gan, IMAGES)
    live, average = weights(gan.generator), [np.array(w) for w in gan.ema_generator.get_weights()]
    assert (live[0] != average[0]).any()
    latents = RNG.normal(size=(4, 4)).astype("float32")
    expected = ops.convert_to_numpy(gan.ema_generator(latents, training=False))
    np.testing.assert_allclose(gan.sample(4, latents=latents), expected, atol=1e-6)


def test_lazy_penalty_is_due_every_k_steps_at_k_times_its_weight():
    gan = small_gan(penalties={"r1": 2.0}, penalty_interval=3)
    real = ops.convert_to_tensor(IMAGES[:8])
    always = small_gan(penalties={"r1": 2.0})
    always.set_weights(gan.get_weights())
    full = float(always._penalty(real, None, None, None, always._transform(0)))
    found = []
    for step in range(4):
        gan.discriminator_optimizer.iterations.assign(step)
        found.append(float(gan._penalty(real, None, None, None, gan._transform(0))))
    assert found == pytest.approx([3 * full, 0, 0, 3 * full], rel=1e-4)


def matrix_with_norm_three(rows, columns):
    """A matrix with singular values 3, 1, 1, …, so that power iteration settles at once."""
    rng = np.random.default_rng(2)
    left = np.linalg.qr(rng.normal(size=(rows, columns)))[0]
    right = np.linalg.qr(rng.normal(size=(columns, columns)))[0]
    return (left * np.r_[3.0, np.ones(columns - 1)] @ right).astype("float32")


def test_spectral_normalisation_divides_by_the_largest_singular_value():
    dense, x = networks.SpectralDense(7), RNG.normal(size=(2, 9)).astype("float32")
    convolution = networks.SpectralConv2D(5, 4, strides=2, padding="same")
    images = RNG.normal(size=(2, 8, 8, 3)).astype("float32")
    for layer, inputs in ((dense, x), (convolution, images)):
        layer.build(inputs.shape)
        shape = tuple(layer.kernel.shape)
        kernel = matrix_with_norm_three(int(np.prod(shape[:-1])), shape[-1]).reshape(shape)
        layer.kernel.assign(kernel)
        for _ in range(20):  # the error falls by 9 a step
            layer(inputs, training=True)
        tensor = ops.convert_to_tensor(inputs)
        expected = (
            ops.matmul(tensor, kernel / 3)
            if layer is dense
            else ops.conv(tensor, ops.convert_to_tensor(kernel / 3), 2, "same")
        )
        np.testing.assert_allclose(
            ops.convert_to_numpy(layer(inputs)), ops.convert_to_numpy(expected), atol=1e-5
        )


def test_one_training_call_is_one_step_of_power_iteration():
    """Miyato et al. 2018, algorithm 1."""
    layer = networks.SpectralDense(3)
    layer.build((None, 5))
    kernel, u = (np.array(ops.convert_to_numpy(v)) for v in (layer.kernel, layer.u))
    left = u @ kernel.T
    left /= np.linalg.norm(left)
    right = left @ kernel
    x = ops.ones((2, 5))
    layer(x)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.u), u)
    layer(x, training=True)
    expected = right / np.linalg.norm(right)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.u), expected, rtol=1e-5)


def test_the_gradient_goes_through_the_division_by_the_norm():
    """A kernel over its norm does not change with its size: along it, no loss has a gradient."""
    gan = gentut.GAN(
        networks.generator(SHAPE, 4, filters=(8, 4)),
        networks.discriminator(SHAPE, filters=(4, 8), spectral_normalization=True),
        loss="hinge",
        penalties={"r1": 0.1},
    )
    gan.compile(*(keras.optimizers.SGD(1.0) for _ in range(2)))
    before = {
        w.path: np.array(ops.convert_to_numpy(w)) for w in gan.discriminator.trainable_weights
    }
    gan.update(ops.convert_to_tensor(IMAGES[:16]), None, np.float32(0))
    kernels = [w for w in gan.discriminator.trainable_weights if "kernel" in w.path]
    assert len(kernels) == 3
    for weight in kernels:
        kernel = before[weight.path]
        gradient = kernel - ops.convert_to_numpy(weight)
        sizes = np.linalg.norm(gradient) * np.linalg.norm(kernel)
        assert sizes > 1e-3 and abs((gradient * kernel).sum()) < 1e-4 * sizes, weight.path


class LinearVAE:
    """Probabilistic PCA written as a VAE, so that log p(x) and the posterior are exact."""

    def __init__(self):
        rng = np.random.default_rng(4)
        self.sigma = 0.3
        self.map = rng.normal(size=(2, 16)) * 0.2
        self.x = rng.random((6, 4, 4, 1)).astype("float32")

    def log_p(self):
        cov = self.map.T @ self.map + self.sigma**2 * np.eye(16)
        return stats.multivariate_normal(np.zeros(16), cov).logpdf(self.x.reshape(6, 16))

    def model(self, exact):
        precision = np.eye(2) + self.map @ self.map.T / self.sigma**2
        # A diagonal q can be exact only if the columns are orthogonal: make them so.
        self.map = np.linalg.eigh(precision)[1].T @ self.map
        variance = 1 / (1 + (self.map**2).sum(axis=1) / self.sigma**2)
        kernel = (self.map * variance[:, None] / self.sigma**2).T
        encoder = keras.Sequential(
            [keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(4)], name="e"
        )
        shift = np.zeros(2) if exact else np.array([0.5, -0.4])
        bias = np.concatenate([shift, np.log(variance)])
        encoder.layers[-1].set_weights([np.hstack([kernel, np.zeros((16, 2))]), bias])
        decoder = keras.Sequential(
            [keras.Input((2,)), layers.Dense(16, use_bias=False), layers.Reshape((4, 4, 1))]
        )
        decoder.layers[0].set_weights([self.map])
        vae = gentut.VAE(encoder, decoder, likelihood="gaussian")
        vae.log_sigma.assign(np.log(self.sigma))
        # The decoder's logits are the means here: undo the squashing of pixel means.
        vae._log_likelihood = lambda x, z, y, training=False: gentut.losses.gaussian_log_likelihood(
            x, decoder(z), vae.log_sigma
        )
        return vae


def test_elbo_and_bound_equal_the_exact_likelihood_under_the_exact_posterior():
    story = LinearVAE()
    vae = story.model(exact=True)
    np.testing.assert_allclose(
        vae.log_likelihood(story.x, samples=1, seed=0), story.log_p(), rtol=2e-4
    )
    np.testing.assert_allclose(
        vae.log_likelihood(story.x, samples=20, seed=0), story.log_p(), rtol=2e-4
    )


def test_bound_rises_with_more_samples_towards_the_likelihood_under_a_wrong_posterior():
    story = LinearVAE()
    vae = story.model(exact=False)
    elbo = vae.elbo(np.tile(story.x, (40, 1, 1, 1)), seed=0).mean()
    few = vae.log_likelihood(np.tile(story.x, (20, 1, 1, 1)), samples=5, seed=0).mean()
    many = vae.log_likelihood(story.x, samples=400, seed=0).mean()
    exact = story.log_p().mean()
    assert elbo < few - 0.1 < many - 0.1
    assert many == pytest.approx(exact, abs=0.25)


def test_a_vae_of_grey_values_bounds_and_draws_by_its_discretised_logistic(tmp_path):
    vae = small_vae(3, likelihood="discretised_logistic")
    images = np.rint(IMAGES * 60).astype("float32") / 255
    images[0, :4] = 1
    vae.log_scale.assign(-1.7)
    mean, log_var = vae.encode(images, LABELS)
    z = mean + np.exp(log_var / 2) * np.random.default_rng(3).standard_normal(mean.shape)
    location = 0.5 + ops.convert_to_numpy(vae.decoder([z.astype("float32"), LABELS])) / 4
    edges = (images + o / 255 for o in (0.5, -0.5))
    above, below = (stats.logistic.cdf(e, location, np.exp(-1.7)) for e in edges)
    share = np.where(images == 1, 1, above) - np.where(images == 0, 0, below)
    fit = np.log(share).sum(axis=(1, 2, 3))
    kl = gentut.metrics.kl_gaussian(mean, log_var)
    np.testing.assert_allclose(vae.elbo(images, LABELS, seed=3), fit - kl, rtol=1e-3)
    location = 0.5 + ops.convert_to_numpy(vae.decoder([mean, LABELS])) / 4
    grid = stats.logistic.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None] * np.exp(-1.7)
    drawn = (location[:1].ravel() + grid).clip(0, 1).mean(axis=0)
    np.testing.assert_allclose(vae.reconstruct(images, LABELS)[0].ravel(), drawn, atol=1e-4)
    before = vae.elbo(images, LABELS).mean()
    vae.fit(images, LABELS, epochs=3, batch_size=16, verbose=0)
    assert vae.elbo(images, LABELS).mean() > before + 4
    vae.save(tmp_path / "grey.keras")
    again = keras.saving.load_model(tmp_path / "grey.keras")
    np.testing.assert_array_equal(again.sample(3, seed=0), vae.sample(3, seed=0))


def test_fitted_prior_is_the_mixture_of_the_codes_and_draws_from_it():
    vae = small_vae(3)
    vae.fit_prior(IMAGES, LABELS, components=3, seed=1)  # one component per class
    mean, log_var = vae.encode(IMAGES, LABELS)
    noise = np.random.default_rng(1).standard_normal(mean.shape)
    codes = mean + np.exp(log_var / 2) * noise
    for k in range(3):
        own = codes[k == LABELS]
        np.testing.assert_allclose(vae.prior["means"][k], own.mean(axis=0), rtol=1e-5, atol=1e-6)
        covariance = vae.prior["scales"][k] @ vae.prior["scales"][k].T
        expected = np.cov(own.T, bias=True) + 1e-3 * np.eye(3)
        np.testing.assert_allclose(covariance, expected, rtol=1e-4, atol=1e-6)
    labels, noise = LABELS[:6], np.random.default_rng(2).standard_normal((6, 3))
    drawn = vae.sample(6, labels, seed=2)
    assert drawn.shape == (6, *SHAPE)
    vae.prior = {**vae.prior, "scales": np.zeros((3, 3, 3))}  # what is left: the means
    means = vae.decode(vae.prior["means"][labels], labels)
    np.testing.assert_allclose(vae.sample(6, labels, seed=2), means, atol=1e-6)
    assert np.abs(drawn - means).max() > 1e-4


# Others without classes: flows in test_flow, the GAN's clusters in test_clusters.
SAVED = [(family, 3) for family in gentut.models.recipes.FAMILIES if family != "text_flow"]
SAVED += [(family, None) for family in ("gaussian", "mixture", "vae")]  # text_flow: slow


@pytest.mark.parametrize("family, num_classes", SAVED)
def test_saved_models_come_back_with_the_same_samples(family, num_classes, tmp_path, monkeypatch):
    assert_comes_back_with_the_same_samples(family, num_classes, tmp_path, monkeypatch)


def assert_comes_back_with_the_same_samples(family, num_classes, tmp_path, monkeypatch):
    recipe = gentut.models.recipes.RECIPES[family]
    settings = {"latent_dim": 5} if "latent_dim" in {**recipe, **recipe["model"]} else {}
    shrink_recipes(monkeypatch)
    model = gentut.build(family, SHAPE, num_classes, **settings)
    labels = LABELS if num_classes else None
    if family == "text_flow":
        labels = [f"a {'red' if label else 'blue'} heart" for label in LABELS]
    fit_eagerly(model, IMAGES, labels, batch_size=64)
    if family == "vae":
        model.fit_prior(IMAGES, labels, components=3)
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    np.testing.assert_array_equal(again.sample(6, seed=3), model.sample(6, seed=3))
    assert again.num_classes == num_classes and again.image_shape == SHAPE
    if model.iterative:
        assert again.default_batch_size == gentut.models.recipes.RECIPES[family]["batch_size"]
        pairs = list(zip(again.optimizer.variables, model.optimizer.variables, strict=True))
        assert len(pairs) > 10 and int(ops.convert_to_numpy(again.optimizer.iterations)) > 0
        for one, other in pairs:
            np.testing.assert_array_equal(*(ops.convert_to_numpy(v) for v in (one, other)))


def test_fit_takes_only_images_and_labels_by_their_place():
    model = gentut.build("vae", SHAPE, num_classes=3)
    with pytest.raises(TypeError, match="positional argument"):
        model.fit(IMAGES, LABELS, 2)


def test_a_seed_is_what_numpy_takes():
    gentut.seed(2**32 - 1)
    for number in (-1, 2**32, 2**33 - 1):
        with pytest.raises(ValueError, match=f"`number` must be .*; received {number}"):
            gentut.seed(number)


def test_same_seed_gives_the_same_weights_to_the_bit(monkeypatch):
    shrink_recipes(monkeypatch)
    assert_same_seed_gives_the_same_weights("gan")  # slow/test_products: a latent flow


def assert_same_seed_gives_the_same_weights(family):
    def run():
        gentut.seed(5)
        model = gentut.build(family, SHAPE, **({"clusters": None} if family == "gan" else {}))
        model.fit(IMAGES, epochs=2, batch_size=16, verbose=0)
        return weights(model), model.sample(3)

    (first, samples), (second, again) = run(), run()
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    np.testing.assert_array_equal(samples, again)


# Each shape once; slow/test_products.py has every family at every shape.
SHAPES = {"gan": (48, 64, 3), "vae": (64, 64, 3), "flow": (28, 28, 1), "latent_flow": (32, 32, 3)}


@pytest.mark.parametrize("family, shape", SHAPES.items())
def test_recipes_fit_the_image_shapes_they_promise(family, shape):
    model = gentut.build(family, shape, 2)
    options = {"steps": 1, "method": "euler"} if "flow" in family else {}
    assert model.sample(2, seed=0, **options).shape == (2, *shape)


def test_gaussian_baseline_recovers_mean_and_covariance():
    rng = np.random.default_rng(3)
    cov = np.array([[0.02, 0.01], [0.01, 0.03]])
    low = rng.multivariate_normal([0.5, 0.4], cov, 4000)
    basis = np.linalg.qr(rng.normal(size=(256, 2)))[0]
    images = np.clip(0.5 + 0.3 * (low - low.mean(0)) @ basis.T, 0, 1).reshape(-1, *SHAPE)
    model = gentut.build("gaussian", SHAPE, latent_dim=2).fit(images.astype("float32"))
    drawn = (model.sample(20_000, seed=0).reshape(-1, 256) - 0.5) @ basis / 0.3
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(low.T), atol=2e-3)


BAD = [
    (lambda: small_gan().fit(IMAGES, LABELS), "`labels` must be None for an unconditional model"),
    (lambda: small_gan(3).fit(IMAGES), "`labels` must be given for a conditional model"),
    (
        lambda: small_gan(2).fit(IMAGES, LABELS),
        "`labels` must lie in [0, 2); received values from 0",
    ),
    (
        lambda: small_gan().fit((IMAGES * 255).astype("int16")),
        "or uint8 with values in 0…255; received dtype int16",
    ),
    (lambda: small_gan().fit(IMAGES * 2), "`images` must lie in [0, 1]"),
    (lambda: small_gan().fit(IMAGES * np.nan), "without NaN"),
    (lambda: small_gan().fit(IMAGES[:, :8]), "received shape (64, 8, 16, 1)"),
    (lambda: small_gan().fit(IMAGES, epochs=0), "`epochs` must be a positive integer; received 0"),
    (
        lambda: small_gan(critic_steps=5).fit(IMAGES[:4]),
        "`images` must be at least 5, one for each of the critic's steps (`critic_steps`);"
        " received 4.",
    ),
    (
        lambda: small_gan(critic_steps=5).fit(IMAGES, batch_size=3),
        "`batch_size` must be at least 5, one for each of the critic's steps (`critic_steps`);"
        " received 3.",
    ),
    (lambda: small_gan(loss="wgan"), "`loss` must be one of minimax, non_saturating"),
    (lambda: small_gan(penalties={"r3": 1}), "`penalties` must be one of r1, r2, gradient_penalty"),
    (lambda: small_gan(loss="hinge", fused=True), "`fused` needs critic_steps=1 and a loss among"),
    (lambda: small_gan().sample(0), "`n` must be a positive integer; received 0"),
    (lambda: small_vae(likelihood="poisson"), "`likelihood` must be one of bernoulli, gaussian"),
    (lambda: small_vae(beta=-1), "`beta` must be a number ≥ 0; received -1"),
    (lambda: small_vae().decode(np.zeros((2, 9))), "`z` must have shape (n, 3); received (2, 9)"),
    (lambda: gentut.build("transformer", SHAPE), "`family` must be one of gaussian, mixture, gan"),
    (lambda: gentut.build("gan", (30, 31, 1)), "`image_shape` must have a height and width"),
    (lambda: gentut.build("gan", (32, 32, 4)), "with 1 or 3 channels; received (32, 32, 4)"),
    *(
        (lambda m=m: gentut.callbacks.TimeBudget(minutes=m), "`minutes` must be a positive number")
        for m in (-1, 0, float("inf"))
    ),
]


@pytest.mark.parametrize("call, message", BAD, ids=[m[:40] for _, m in BAD])
def test_bad_input_gets_an_error_that_names_argument_expectation_and_value(call, message):
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert message in str(error.value)


def test_batch_normalisation_in_a_penalised_discriminator_is_refused():
    d = keras.Sequential(
        [keras.Input(SHAPE), layers.BatchNormalization(), layers.Flatten(), layers.Dense(1)]
    )
    with pytest.raises(ValueError, match="must not use batch normalisation"):
        gentut.GAN(networks.generator(SHAPE, 4, filters=(8, 4)), d, penalties={"r1": 1.0})


class Line(StepModel):
    """Fits one number to the pixels: a step that costs nothing to trace."""

    def __init__(self):
        super().__init__(SHAPE)
        self.level = self.add_weight(shape=())
        self.built = True  # JAX would call it to build it otherwise

    def update(self, images, labels, progress):
        self.set_learning_rates(progress, self.optimizer)

        def loss():
            return ops.mean((images - self.level) ** 2)

        return {"loss": self.minimize(loss, self.trainable_variables, self.optimizer)}


def line(rate=1e-3, **options):
    model = Line()
    model.compile(keras.optimizers.Adam(rate), **options)
    return model


def test_time_budget_stops_on_time_and_rates_follow_the_clock(monkeypatch):
    ticks = itertools.count()  # 20 ms at each look at the clock, however busy the machine
    clock_face = types.SimpleNamespace(perf_counter=lambda: 0.02 * next(ticks))
    monkeypatch.setattr(gentut.callbacks, "time", clock_face)
    model = line(constant_share=0.5)
    clock = gentut.callbacks.TimeBudget(minutes=2 / 60)
    model.fit(IMAGES, batch_size=8, callbacks=[clock], verbose=0)
    assert 2.0 <= clock.seconds < 2.3  # the last call of the step, with a look for each batch
    assert float(model.optimizer.learning_rate) < 2e-4  # near 2 % of 1e-3 at the end


def test_epochs_are_one_or_as_many_as_fit_in_the_budget(monkeypatch):
    asked = []
    monkeypatch.setattr(keras.Model, "fit", lambda *_, epochs, **__: asked.append(epochs))
    line().fit(IMAGES)
    line().fit(IMAGES, callbacks=[gentut.callbacks.TimeBudget(minutes=1)])
    assert asked[0] == 1 and asked[1] >= 10**6
    line().fit(IMAGES, epochs=3, callbacks=[gentut.callbacks.TimeBudget(minutes=1)])
    assert asked[2] == 3


@pytest.mark.parametrize("initial_epoch", [0, 1])
def test_schedules_count_epochs_from_the_first(initial_epoch):
    model, rates = line(constant_share=0.5), []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    model.fit(
        IMAGES, batch_size=4, epochs=4, initial_epoch=initial_epoch, callbacks=[look], verbose=0
    )
    steps = len(IMAGES) // 4
    # Progress at the last step of each epoch; constant up to one half, then linearly to 2 %.
    progress = (np.arange(1, 5) * steps - 1) / (4 * steps)
    expected = 1e-3 * np.clip((1 - progress) / 0.5, 0.02, 1)
    np.testing.assert_allclose(rates, expected[initial_epoch:], rtol=1e-5)


SETTERS = [
    keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
    keras.callbacks.ReduceLROnPlateau("loss"),
]


@pytest.mark.parametrize(
    "family, callback",
    [*((family, SETTERS[0]) for family in ("gan", "vae", "latent_flow")), ("flow", SETTERS[1])],
)
def test_callbacks_that_set_the_rate_are_refused(family, callback, monkeypatch):
    shrink_recipes(monkeypatch)
    with pytest.raises(ValueError) as error:
        gentut.build(family, SHAPE).fit(IMAGES, callbacks=[callback])
    assert str(error.value) == (
        "`callbacks` must leave the learning rate alone, which each step sets: give `compile` an"
        f" optimizer with the rate, and `constant_share`; received a {type(callback).__name__}."
    )


@pytest.mark.parametrize("family", ["gan", "vae", "flow", "latent_flow"])
def test_schedules_are_refused(family, monkeypatch):
    shrink_recipes(monkeypatch)
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 100)
    with pytest.raises(ValueError, match="`optimizer` must have a number as its learning rate"):
        gentut.build(family, SHAPE).compile(keras.optimizers.Adam(schedule))


class Heard(keras.callbacks.Callback):
    """The numbers of the steps that begin and end calls."""

    def __init__(self):
        super().__init__()
        self.begun, self.ended = [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.begun.append(batch)

    def on_train_batch_end(self, batch, logs=None):
        self.ended.append(batch)


@pytest.mark.filterwarnings("error:Your input ran out of data")
def test_short_fits_change_nothing_for_long_ones():
    model = line()
    compiled = model.steps_per_execution
    made = 0
    for steps in (3, 16, 5, 3, 20):
        heard = Heard()
        model.fit(IMAGES[: 2 * steps], batch_size=2, callbacks=[heard], verbose=0)
        made += steps
        assert int(ops.convert_to_numpy(model.optimizer.iterations)) == made
        call = min(compiled, steps)
        assert heard.begun == list(range(0, steps, call))
        assert heard.ended == [min(first + call, steps) - 1 for first in heard.begun]
        assert model.steps_per_execution == compiled


def test_callbacks_hear_the_right_steps_of_an_epoch_that_is_taken_up():
    call = 4 if keras.backend.backend() != "torch" else 1  # PyTorch takes no more
    model, heard = line(steps_per_execution=call), Heard()
    model.fit(IMAGES[:22], batch_size=2, epochs=2, initial_step=5, callbacks=[heard], verbose=0)
    assert heard.begun == [*range(5, 11, call), *range(0, 11, call)]
    assert heard.ended == [min(first + call, 11) - 1 for first in heard.begun]


@pytest.mark.parametrize("verbose, printed", [(0, ""), (2, "loss: ")])
def test_fit_prints_what_it_is_asked_to(verbose, printed, capsys):
    line(steps_per_execution=1).fit(IMAGES[:4], batch_size=2, verbose=verbose)
    text = capsys.readouterr().out
    assert printed in text if printed else text == ""


@pytest.mark.parametrize("epochs, stopped", [(1, False), (3, True)])
def test_an_epoch_that_is_taken_up_can_be_the_last(epochs, stopped):
    model, ended = line(steps_per_execution=1), []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", stopped),
        on_train_end=lambda logs: ended.append(int(ops.convert_to_numpy(made))),
    )
    made = model.optimizer.iterations
    history = model.fit(
        IMAGES[:22], batch_size=2, epochs=epochs, initial_step=5, callbacks=[watch], verbose=0
    )
    assert history.epoch == [0] and len(history.history["loss"]) == 1
    assert ended == [6]  # of eleven steps the last six


def test_gradients_of_what_is_not_used_are_zeros():
    gan = small_gan()
    used, unused = (keras.Variable(np.full(3, value, "float32")) for value in (2.0, 5.0))
    x = ops.ones(3)

    def loss(x):
        return ops.sum(used * used), ()

    _, _, gradients, (of_input,) = gan.value_and_gradients(loss, [used, unused], [x])
    _, pull = gan.pullback(lambda: used * 3.0, [used, unused])
    pulled = pull(ops.ones(3))
    nothing = gan.value_and_gradients(lambda: (ops.sum(x), ()), [used])[2][0]
    flat = input_gradient(lambda x: ops.ones(3), x)
    found = [*gradients, of_input, *pulled, nothing, flat]
    for gradient, expected in zip(found, [4, 0, 0, 3, 0, 0, 0], strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(gradient), [expected] * 3)


def test_training_drops_a_prior_and_a_refused_fit_keeps_it():
    vae = small_vae()
    vae.fit_prior(IMAGES, components=1)
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        vae.fit(IMAGES, batch_size=0)
    assert vae.prior is not None
    stale = vae.sample(4, seed=0)
    fit_eagerly(vae, IMAGES)
    assert vae.prior is None and (vae.sample(4, seed=0) != stale).any()


def test_rounding_of_a_resize_is_cut_off():
    images = np.array([-9e-6, 0.5, 1.000001, 1], "float32").reshape(1, 2, 2, 1)
    expected = np.array([0, 0.5, 1, 1], "float32").reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(check_images(images), expected)
    np.testing.assert_array_equal(gentut.plots.images.check_images("images", images), expected)
    inside = np.full((1, 2, 2, 1), 0.5, "float32")
    assert check_images(inside) is inside
    inside[0, 0] = 1.00002
    with pytest.raises(ValueError, match=r"must lie in .* received values from 0\.5 to 1\.00002\."):
        check_images(inside)


def test_a_loss_that_is_no_finite_number_ends_the_training():
    callback = gentut.callbacks.StopOnNaN()
    callback.on_train_batch_end(2, None)
    callback.on_train_batch_end(2, {"d_loss": 1.0, "g_loss": -3.0})
    for value in ("nan", "inf"):
        with pytest.raises(gentut.callbacks.TrainingDiverged) as error:
            callback.on_train_batch_end(3, {"d_loss": 1.0, "g_loss": float(value)})
        assert str(error.value).startswith(
            f"`g_loss` must stay finite; received {value} at batch 3. Try a smaller learning rate"
        )


@pytest.mark.parametrize("clock", [None, types.SimpleNamespace(share=lambda: 0.4)])
def test_progress_tells_the_share_the_speed_and_the_losses(clock, monkeypatch):
    seconds = iter([5.0, 5.6, 7.0])
    face = types.SimpleNamespace(perf_counter=lambda: next(seconds))
    monkeypatch.setattr(gentut.callbacks, "time", face)
    progress = gentut.callbacks.Progress(clock, batch_size=1000)
    progress.set_params({"steps": 4, "epochs": 2})
    progress.on_train_begin()
    told = []
    for epoch, batch in ((0, 0), (0, 1), (1, 0)):  # the first is not timed: it builds the graph
        progress.on_epoch_begin(epoch)
        progress.on_train_batch_end(batch, {"loss": 1.23456, "kl": 20.0})
        told.append((progress.bar.n, progress.bar.postfix))
    progress.on_train_end()
    losses = "loss 1.23, kl 20"
    shares = [0.25, 0.625] if clock is None else [0.4, 0.4]  # steps 2 and 5 of 8
    speeds = ["1,667", "2,000"]  # 1 step in 0.6 seconds, 4 in two
    expected = [(n, f"{s} images/s, {losses}") for n, s in zip(shares, speeds, strict=True)]
    assert told == [(0, None), *expected]


def test_the_clock_counts_training_after_the_first_call_and_stands_still_between_epochs(
    monkeypatch,
):
    face = types.SimpleNamespace(now=0.0)
    face.perf_counter = lambda: face.now
    monkeypatch.setattr(gentut.callbacks, "time", face)
    clock, model = gentut.callbacks.TimeBudget(minutes=0.5), types.SimpleNamespace()
    model.stop_training = False
    clock.set_model(model)
    clock.on_train_begin()
    clock.on_epoch_begin(0)
    shares = []
    for now, call in [
        (10, lambda: clock.on_train_batch_end(0)),  # the graph is built: counts from here
        (16, lambda: clock.on_train_batch_end(1)),
        (19, lambda: clock.on_epoch_end(0)),
        (50, lambda: clock.on_epoch_begin(1)),
        (62, lambda: clock.on_train_batch_end(0)),
    ]:
        face.now = now
        call()
        shares.append(clock.share())
    assert shares == pytest.approx([0, 0.2, 0.3, 0.3, 0.7]) and not model.stop_training
    face.now = 71
    clock.on_train_batch_end(1)
    assert model.stop_training and clock.share() == 1
    face.now = 90
    assert clock.share() == 1


def test_an_encoder_and_a_decoder_that_do_not_fit_are_told():
    def encoder(latent_dim, shape=SHAPE, num_classes=None):
        return networks.encoder(shape, latent_dim, num_classes, filters=(4,), units=4)

    decoder = networks.decoder(SHAPE, 3, filters=(4,), units=4)
    gentut.VAE(encoder(3), decoder)
    for wrong, message in (
        (encoder(2), r"must give 2·latent_dim = 6 numbers .* of shape \(3,\); it gives \(4,\)\."),
        (encoder(3, (20, 20, 1)), r"must take images of shape .*; it takes \(20, 20, 1\)\."),
        (encoder(3, num_classes=4), "must both take labels or both not; received 2 and 1 inputs"),
    ):
        with pytest.raises(ValueError, match=message):
            gentut.VAE(wrong, decoder)
