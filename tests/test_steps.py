"""One training step of every family against its closed form, worked out in NumPy.

The networks are so small that a loss is a few lines of NumPy in double precision; its gradient is
a central difference.  Gradient descent at rate 1 then moves every weight by exactly that gradient.
What a step draws at random is recorded where it is drawn.
"""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import special, stats

import gentut
from gentut.models import networks
from gentut.models.distillation import ConsistencyFlow
from gentut.models.losses import ADVERSARIAL
from gentut.models.solvers import solve
from gentut.training.batches import Batches
from gentut.training.optimizers import move_average

pytestmark = pytest.mark.backend
SHAPE, PIXELS, CODES, CLASSES, N = (2, 2, 1), 4, 2, 3, 6
RNG = np.random.default_rng(0)
IMAGES = RNG.random((N, *SHAPE)).astype("float32")
LABELS = np.array([0, 2, 1, 2, 0, 2], "int32")
FLAT = IMAGES.reshape(N, PIXELS).astype("float64")


# ---------------------------------------------------------------- networks, twice


def build(inputs, units, outputs, shape, classes=CLASSES, time=False):
    """Flatten, (beside the time) a dense layer plus the label's term, tanh, a dense layer."""
    x = keras.Input(inputs)
    extra = [keras.Input((1,))] if time else []
    h = layers.Concatenate()([layers.Flatten()(x), *extra]) if time else layers.Flatten()(x)
    h = layers.Dense(units, name="first")(h)
    inputs = [x, *extra]
    if classes:
        inputs.append(keras.Input((), dtype="int32"))
        h = layers.Add()([h, layers.Embedding(classes, units, name="label")(inputs[-1])])
    h = layers.Dense(outputs, name="last")(layers.Activation("tanh")(h))
    network = keras.Model(inputs if len(inputs) > 1 else x, layers.Reshape(shape)(h))
    for i, weight in enumerate(network.weights):  # biases too
        rng = np.random.default_rng([len(shape), i])
        weight.assign(0.5 * rng.normal(size=weight.shape).astype("float32"))
    return network


def hidden(w, x, labels):
    table = w.get("label/embeddings")  # None in a network that takes no labels
    return np.tanh(
        x @ w["first/kernel"] + w["first/bias"] + (0 if table is None else table[labels])
    )


def run(w, x, labels):
    """The same in NumPy: `w` is a dict of the weights."""
    return hidden(w, x, labels) @ w["last/kernel"] + w["last/bias"]


def sigmoid_images(w, latents, labels):
    return special.expit(run(w, latents, labels))


def score_gradient(w, x, labels):
    """∂score/∂x, by hand: tanh' = 1 − tanh²."""
    return ((1 - hidden(w, x, labels) ** 2) * w["last/kernel"][:, 0]) @ w["first/kernel"].T


def values(network):
    """Trainable weights as a dict of float64, by their paths."""
    return {
        v.path: np.array(ops.convert_to_numpy(v), "float64") for v in network.trainable_variables
    }


def gradient(loss, w, eps=1e-6):
    """Central differences of ``loss(w)``, a dict like `w`."""
    found = {}
    for name, value in w.items():
        found[name] = np.zeros(value.shape)
        for place in np.ndindex(value.shape):
            ends = []
            for sign in (1, -1):
                moved = np.array(value)
                moved[place] += sign * eps
                ends.append(loss({**w, name: moved}))
            found[name][place] = (ends[0] - ends[1]) / (2 * eps)
    return found


def descend(loss, w):
    return {name: w[name] - change for name, change in gradient(loss, w).items()}


def assert_weights(network, expected, atol=5e-6):
    found = values(network)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=atol, err_msg=name)


@pytest.fixture
def drawn(monkeypatch):
    """All that `keras.random.normal` and `uniform` give out, as NumPy arrays, in order."""
    record = []
    for kind in ("normal", "uniform"):
        draw = getattr(keras.random, kind)

        def recorded(*args, draw=draw, kind=kind, **options):
            value = draw(*args, **options)
            record.append((kind, np.array(ops.convert_to_numpy(value), "float64")))
            return value

        monkeypatch.setattr(keras.random, kind, recorded)
    return record


def take(record, *kinds):
    """The recorded arrays; they must be of these kinds and no more."""
    assert [kind for kind, _ in record] == list(kinds)
    return [value for _, value in record]


def descent():
    return keras.optimizers.SGD(1.0)


def update(model, images=IMAGES, labels=LABELS, progress=0.0):
    """One step; the losses of this step alone."""
    for metric in model.metrics:
        metric.reset_state()
    labels = None if labels is None else ops.convert_to_tensor(labels)
    logs = model.update(ops.convert_to_tensor(images), labels, ops.convert_to_tensor(progress))
    return {name: float(ops.convert_to_numpy(value)) for name, value in logs.items()}


# ---------------------------------------------------------------- variational autoencoder


def tiny_vae(classes=CLASSES, **settings):
    encoder = build(SHAPE, 3, 2 * CODES, (2 * CODES,), classes)
    decoder = build((CODES,), 3, PIXELS, SHAPE, classes)
    vae = gentut.VAE(encoder, decoder, **settings)
    vae.compile(descent())
    return vae


def posterior(encoder, x=FLAT, labels=LABELS):
    return np.split(run(encoder, x, labels), 2, axis=1)


def log_normal(x, mean, sigma):
    return stats.norm.logpdf(x, mean, sigma).sum(axis=1)


def terms(encoder, decoder, noise, log_sigma=None):
    """log p(x|z), ``(n,)``, and the KL, ``(n, d)``: Kingma & Welling 2014, appendices B and C."""
    mean, log_var = posterior(encoder)
    logits = run(decoder, mean + np.exp(log_var / 2) * noise, LABELS)
    p = special.expit(logits)
    if log_sigma is None:
        log_p = (FLAT * np.log(p) + (1 - FLAT) * np.log(1 - p)).sum(axis=1)
    else:
        log_p = log_normal(FLAT, p, np.exp(log_sigma))
    variance = np.exp(log_var)
    return log_p, -0.5 * (1 + np.log(variance) - mean**2 - variance)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_terms_of_the_bound_are_log_likelihood_and_kl(likelihood):
    vae, noise = tiny_vae(likelihood=likelihood), RNG.normal(size=(N, CODES)).astype("float32")
    sigma = None if likelihood == "bernoulli" else np.log(0.2)
    expected = terms(values(vae.encoder), values(vae.decoder), noise, sigma)
    inputs = map(ops.convert_to_tensor, (IMAGES, LABELS, noise))
    for found, value in zip(vae._terms(*inputs), expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(found), value, rtol=1e-4, atol=1e-6)
    drawn = np.random.default_rng(3).standard_normal((N, CODES))
    log_p, kl = terms(values(vae.encoder), values(vae.decoder), drawn, sigma)
    bound = log_p - kl.sum(axis=1)
    np.testing.assert_allclose(vae.elbo(IMAGES, LABELS, seed=3), bound, rtol=1e-4)
    # With one sample: the same, with log p(z) − log q(z|x) of that sample instead of the KL.
    mean, log_var = posterior(values(vae.encoder))
    np.testing.assert_allclose(vae.encode(IMAGES, LABELS), (mean, log_var), rtol=1e-4, atol=1e-6)
    z = mean + np.exp(log_var / 2) * drawn
    weight = log_p + log_normal(z, 0, 1) - log_normal(z, mean, np.exp(log_var / 2))
    found = vae.log_likelihood(IMAGES, LABELS, samples=1, seed=3)
    np.testing.assert_allclose(found, weight, rtol=1e-4)
    means = special.expit(run(values(vae.decoder), mean, LABELS)).reshape(IMAGES.shape)
    np.testing.assert_allclose(vae.reconstruct(IMAGES, LABELS), means, rtol=1e-4)
    z = np.random.default_rng(3).standard_normal((N, CODES))
    images = special.expit(run(values(vae.decoder), z, LABELS)).reshape(IMAGES.shape)
    np.testing.assert_allclose(vae.sample(N, LABELS, seed=3), images, rtol=1e-4)


VAE_STEPS = [
    ({}, 0.0, 1.0),
    ({"classes": None}, 0.0, 1.0),
    ({"beta": 3.0}, 0.0, 3.0),
    ({"beta": 3.0, "kl_warmup": 0.4}, 0.0, 0.0),
    ({"beta": 3.0, "kl_warmup": 0.4}, 0.1, 0.75),
    ({"beta": 3.0, "kl_warmup": 0.4}, 0.7, 3.0),
    ({"beta": 2.0, "free_bits": True}, 0.0, 2.0),
    ({"beta": 0.0, "likelihood": "gaussian"}, 0.0, 0.0),
    ({"beta": 2.0, "likelihood": "gaussian", "kl_warmup": 1.0}, 0.25, 0.5),
]


@pytest.mark.parametrize("settings, progress, weight", VAE_STEPS, ids=str)
def test_vae_step_descends_the_weighted_bound(settings, progress, weight, drawn):
    settings, labels = dict(settings), LABELS if "classes" not in settings else None
    free = 0.0
    if settings.pop("free_bits", False):  # between the KLs of the two latent dimensions
        vae = tiny_vae()
        kl = terms(values(vae.encoder), values(vae.decoder), 0.0)[1].mean(axis=0)
        assert abs(kl[0] - kl[1]) > 0.01
        free = settings["free_bits"] = float(kl.mean())
    vae = tiny_vae(**settings)
    sides = {"e": vae.encoder, "d": vae.decoder}
    start = {(side, k): v for side, network in sides.items() for k, v in values(network).items()}
    if vae.likelihood == "gaussian":
        start["log_sigma"] = np.log(np.array(0.2))
    logs = update(vae, labels=labels, progress=progress)
    (noise,) = take(drawn, "normal")
    assert noise.shape == (N, CODES)

    def parts(w):
        one, two = ({k[1]: v for k, v in w.items() if k[0] == side} for side in "ed")
        log_p, kl = terms(one, two, noise, w.get("log_sigma"))
        return -log_p.mean(), kl.mean(axis=0)

    def loss(w):
        reconstruction, kl = parts(w)
        return reconstruction + weight * np.maximum(kl, free).sum()

    reconstruction, kl = parts(start)
    expected = {"loss": loss(start), "reconstruction": reconstruction, "kl": kl.sum()}
    assert logs == pytest.approx(expected, rel=1e-4)
    after = descend(loss, start)
    for side, network in sides.items():
        assert_weights(network, {k[1]: v for k, v in after.items() if k[0] == side}, 2e-5)
    if "log_sigma" in after:
        found = float(ops.convert_to_numpy(vae.log_sigma))
        assert found == pytest.approx(float(after["log_sigma"]), rel=1e-4)


# ---------------------------------------------------------------- flows


def tiny_velocity(shape, classes):
    size = int(np.prod(shape))
    return build(shape, 4, size, shape, classes and classes + 1, time=True)


def tiny_flow(classes=CLASSES, **settings):
    flow = gentut.Flow(tiny_velocity(SHAPE, classes), **settings)
    flow.compile(descent())
    return flow


def flow_loss(w, x1, labels, x0, t):
    """Lipman et al. 2023, eq. 23, per dimension; the label CLASSES means "none"."""
    v = run(w, np.hstack([(1 - t) * x0 + t * x1, t]), labels)
    return ((v - (x1 - x0)) ** 2).mean()


def test_draws_are_normal_noise_logit_normal_times_and_a_share_of_labels_dropped():
    n, flow = 4000, tiny_flow(drop_labels=0.3)
    labels = np.arange(n) % CLASSES
    draws = flow._draws(ops.zeros((n, *SHAPE)), ops.convert_to_tensor(labels), 1)
    noise, time, found = (ops.convert_to_numpy(x) for x in draws)
    assert noise.shape == (n, *SHAPE) and time.shape == (n, 1) and found.shape == (n,)
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-4
    assert stats.kstest(special.logit(time[:, 0]), "norm").pvalue > 1e-4
    dropped = found == CLASSES
    np.testing.assert_array_equal(found[~dropped], labels[~dropped])
    assert abs(dropped.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / n)
    assert flow._draws(ops.zeros((n, *SHAPE)), None, 1)[2] is None


@pytest.mark.parametrize("drop_labels", [None, 0.0, 0.5, 1.0])
def test_flow_step_descends_the_distance_to_data_minus_noise(drop_labels, drawn):
    if drop_labels is None:  # an unconditional flow has none to drop
        flow, labels = tiny_flow(None, ema=0.0), None
    else:
        flow, labels = tiny_flow(drop_labels=drop_labels, ema=0.0), LABELS
    start = values(flow.velocity)
    logs = update(flow, labels=labels)
    noise, logits, *shares = take(drawn, "normal", "normal", *["uniform"] * (labels is not None))
    if shares:
        labels = np.where(shares[0] < drop_labels, CLASSES, LABELS)
    data, x0 = 2 * FLAT - 1, noise.reshape(N, PIXELS)

    def loss(w):
        return flow_loss(w, data, labels, x0, special.expit(logits))

    assert logs["loss"] == pytest.approx(loss(start), rel=1e-5)
    expected = descend(loss, start)
    assert_weights(flow.velocity, expected)
    for a, b in zip(flow.ema_velocity.weights, flow.velocity.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))


def tiny_latent_flow(train_vae=True, classes=CLASSES):
    velocity = tiny_velocity((CODES,), classes)
    flow = gentut.LatentFlow(tiny_vae(classes), velocity, train_vae, draws=3, ema=0.0)
    flow.compile(descent())
    return flow


@pytest.mark.parametrize("train_vae", [True, False])
def test_latent_flow_step_is_the_vaes_and_one_on_codes_drawn_from_the_posterior(train_vae, drawn):
    flow, alone = tiny_latent_flow(train_vae), tiny_vae()
    alone.seed_generator.state.assign(flow.vae.seed_generator.state)
    start = values(flow.velocity)
    before = [values(network) for network in (flow.vae.encoder, flow.vae.decoder)]
    logs = update(flow)
    kinds = ["normal"] * train_vae + ["normal", "normal", "normal", "uniform"]
    e, x0, logits, shares = take(drawn, *kinds)[-4:]
    if train_vae:  # the flow's loss leaves no trace in the encoder or decoder
        assert update(alone).items() < logs.items()
        before = [values(network) for network in (alone.encoder, alone.decoder)]
    assert_weights(flow.vae.encoder, before[0], 1e-6)
    assert_weights(flow.vae.decoder, before[1], 1e-6)
    labels = np.tile(LABELS, 3)
    mean, log_var = posterior(values(flow.vae.encoder), np.tile(FLAT, (3, 1)), labels)
    codes = mean + np.exp(log_var / 2) * e
    labels = np.where(shares < 0.1, CLASSES, labels)

    def loss(w):
        return flow_loss(w, codes, labels, x0, special.expit(logits))

    assert logs["flow_loss"] == pytest.approx(loss(start), rel=1e-4)
    assert_weights(flow.velocity, descend(loss, start))


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_solvers_follow_their_formula_on_a_linear_velocity(method):
    a, b, steps, asked = -1.3, 0.7, 5, []
    h = 1 / steps

    def velocity(x, t):
        asked.append(t)
        return a * x + b * t

    x = expected = RNG.normal(size=(4, 3)).astype("float32")
    times = []
    for i in range(steps):
        t = i * h
        times.append(t)
        if method == "euler" or i == steps - 1:
            expected = (1 + h * a) * expected + h * b * t
        else:
            times.append(t + h)
            factor = 1 + h * a + h**2 * a**2 / 2
            expected = factor * expected + h * b * (t + h / 2) + h**2 * a * b * t / 2
    found = solve(velocity, ops.convert_to_tensor(x), steps, method)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(asked, times, atol=1e-12)


@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_guidance_goes_from_no_label_towards_the_label_and_beyond(guidance):
    flow, latent = tiny_flow(), tiny_latent_flow()

    def expected(w, noise):
        def velocity(x, t):
            with_time = np.hstack([x, np.full((N, 1), t)])
            none = run(w, with_time, np.full(N, CLASSES))
            return none + guidance * (run(w, with_time, LABELS) - none)

        x, steps = noise.reshape(N, -1).astype("float64"), 2
        first = velocity(x, 0.0)
        x = x + (first + velocity(x + first / steps, 0.5)) / 2 / steps
        return x + velocity(x, 0.5) / steps

    options = {"seed": 5, "steps": 2, "guidance": guidance}
    points = expected(values(flow.velocity), np.random.default_rng(5).standard_normal(IMAGES.shape))
    images = np.clip((points + 1) / 2, 0, 1).reshape(IMAGES.shape)
    assert ((images > 0) & (images < 1)).mean() > 0.2
    np.testing.assert_allclose(flow.sample(N, LABELS, **options), images, atol=1e-5)
    z = expected(values(latent.velocity), np.random.default_rng(5).standard_normal((N, CODES)))
    images = special.expit(run(values(latent.vae.decoder), z, LABELS)).reshape(IMAGES.shape)
    np.testing.assert_allclose(latent.sample(N, LABELS, **options), images, atol=1e-5)


# ---------------------------------------------------------------- adversarial networks


def tiny_gan(kind=gentut.GAN, classes=CLASSES, **settings):
    generator = build((CODES,), 3, PIXELS, (PIXELS,), classes)
    images = layers.Reshape(SHAPE)(layers.Activation("sigmoid")(generator.output))
    generator = keras.Model(generator.inputs, images)
    discriminator = build(SHAPE, 3, 1, (1,), classes)
    gan = kind(generator, discriminator, **{"ema": 0.0, **settings})
    gan.compile(descent(), descent())
    return gan


def softplus(x):
    return np.logaddexp(0, x)


# (discriminator, generator), from the papers named in `gentut.losses`.
GAMES = {
    "minimax": (
        lambda r, f: -np.log(special.expit(r)).mean() - np.log(1 - special.expit(f)).mean(),
        lambda r, f: np.log(1 - special.expit(f)).mean(),
    ),
    "non_saturating": (
        lambda r, f: -np.log(special.expit(r)).mean() - np.log(1 - special.expit(f)).mean(),
        lambda r, f: -np.log(special.expit(f)).mean(),
    ),
    "least_squares": (
        lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2,
        lambda r, f: ((f - 1) ** 2).mean() / 2,
    ),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
        lambda r, f: -f.mean(),
    ),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "relativistic": (lambda r, f: softplus(f - r).mean(), lambda r, f: softplus(r - f).mean()),
}


def squared_norm(w, x, labels):
    return (score_gradient(w, x, labels) ** 2).sum(axis=1)


def penalty(weights, w, real, fake, between, labels):
    return sum(
        {
            "r1": lambda: squared_norm(w, real, labels).mean() / 2,
            "r2": lambda: squared_norm(w, fake, labels).mean() / 2,
            "gradient_penalty": lambda: (
                (np.sqrt(squared_norm(w, between, labels)) - 1) ** 2
            ).mean(),
        }[name]()
        * weight
        for name, weight in weights.items()
    )


def step_of_players(name, d, g, draws, critic_steps=1, penalties=None, fused=False, factor=1.0):
    """Weights `d` and `g` after one step, and the losses; `draws` in the order of the step."""
    draws, game, penalties = iter(draws), GAMES[name], penalties or {}
    part = N // critic_steps
    for i in range(critic_steps):
        rows = slice(i * part, (i + 1) * part)
        real, y, latents = FLAT[rows], LABELS[rows], next(draws)
        fake = between = sigmoid_images(g, latents, y)
        if "gradient_penalty" in penalties:
            between = real + next(draws).reshape(part, 1) * (fake - real)

        def adversarial(w, real=real, fake=fake, y=y):
            return game[0](run(w, real, y), run(w, fake, y))

        def paid(w, points=(real, fake, between), y=y):
            return factor * penalty(penalties, w, *points, y)

        logs = {"d_loss": adversarial(d), "penalty": paid(d)}
        met, d = d, descend(lambda w, one=adversarial, two=paid: one(w) + two(w), d)
    if not fused:  # new latents, and the discriminator after its steps
        met, latents = d, next(draws)

    def generator_loss(w):
        return game[1](run(met, real, y), run(met, sigmoid_images(w, latents, y), y))

    assert next(draws, None) is None
    return d, descend(generator_loss, g), {**logs, "g_loss": generator_loss(g)}


def assert_gan_step(gan, drawn, kinds, labels=LABELS, **settings):
    start = values(gan.discriminator), values(gan.generator)
    found = update(gan, labels=labels)
    d, g, logs = step_of_players(gan.loss_name, *start, take(drawn, *kinds), **settings)
    drawn.clear()
    assert found == pytest.approx({name: logs[name] for name in found}, rel=1e-4, abs=1e-6)
    assert_weights(gan.discriminator, d, 2e-5)
    assert_weights(gan.generator, g, 2e-5)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_players_in_turn_each_descend_their_own_loss(name, drawn):
    assert_gan_step(tiny_gan(loss=name), drawn, ["normal"] * 2)


@pytest.mark.parametrize("fused", [False, True])
def test_players_without_labels_do_the_same(fused, drawn):
    gan = tiny_gan(classes=None, fused=fused, penalties={"r1": 2.0})
    kinds, settings = ["normal"] * (2 - fused), {"fused": fused, "penalties": {"r1": 2.0}}
    assert_gan_step(gan, drawn, kinds, labels=None, **settings)


@pytest.mark.parametrize("name", [k for k, v in ADVERSARIAL.items() if v.gradient_ratio])
def test_fused_players_each_descend_their_own_loss_against_the_other_of_before(name, drawn):
    settings = {"fused": True, "penalties": {"r1": 0.7, "r2": 0.4}}
    assert_gan_step(tiny_gan(loss=name, **settings), drawn, ["normal"], **settings)


@pytest.mark.parametrize("name", ["r1", "r2", "gradient_penalty"])
def test_each_penalty_is_taken_where_its_paper_takes_it(name, drawn):
    settings = {"penalties": {name: 2.0}}
    share = ["uniform"] * (name == "gradient_penalty")
    gan = tiny_gan(loss="wasserstein", **settings)
    assert_gan_step(gan, drawn, ["normal", *share, "normal"], **settings)


def test_every_critic_step_has_its_own_part_of_the_batch_and_its_own_shares(drawn):
    settings = {"critic_steps": 3, "penalties": {"gradient_penalty": 1.5}}
    kinds = ["normal", "uniform"] * 3 + ["normal"]
    assert_gan_step(tiny_gan(loss="wasserstein", **settings), drawn, kinds, **settings)


@pytest.mark.parametrize("fused", [False, True])
def test_a_lazy_penalty_costs_its_interval_when_due_and_nothing_else(fused, drawn):
    settings = {"penalties": {"r1": 0.3}, "fused": fused}
    gan = tiny_gan(penalty_interval=3, **settings)
    for factor in (3, 0, 0, 3):
        assert_gan_step(gan, drawn, ["normal"] * (2 - fused), factor=factor, **settings)


def test_a_gan_draws_from_its_average_and_scores_with_its_discriminator():
    gan, seeded = tiny_gan(), np.random.default_rng(5)
    for variable in gan.ema_generator.weights:
        variable.assign(variable * 1.5)
    average = {k: 1.5 * v for k, v in values(gan.generator).items()}
    latents = seeded.standard_normal((N, CODES))
    images = gan.sample(N, LABELS, seed=5)
    assert images.shape == IMAGES.shape and images.dtype == np.float32
    expected = sigmoid_images(average, latents, LABELS).reshape(IMAGES.shape)
    np.testing.assert_allclose(images, expected, rtol=1e-4)
    labels = seeded.integers(0, CLASSES, N)  # where none are given
    expected = sigmoid_images(average, latents, labels).reshape(IMAGES.shape)
    np.testing.assert_allclose(gan.sample(N, seed=5), expected, rtol=1e-4)
    scores = run(values(gan.discriminator), FLAT, LABELS)[:, 0]
    np.testing.assert_allclose(gan.score(IMAGES, LABELS), scores, rtol=1e-4, atol=1e-6)


def test_the_average_of_the_generator_follows_from_the_first_step():
    gan = tiny_gan(ema=0.1)
    average = values(gan.generator)
    for step in (1, 2, 3):
        update(gan)
        decay = min(0.1, step / (step + 12))
        live = values(gan.generator)
        average = {k: decay * v + (1 - decay) * live[k] for k, v in average.items()}
        found = gan.ema_generator.weights
        for variable, value in zip(found, average.values(), strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(variable), value, rtol=1e-5, atol=1e-6)


def test_the_average_leaves_whole_numbers_alone():
    class Counts(layers.Layer):
        def __init__(self, value):
            super().__init__()
            self.count = self.add_weight(
                shape=(),
                dtype="int32",
                initializer=keras.initializers.Constant(value),
                trainable=False,
            )
            self.level = self.add_weight(shape=(), initializer=keras.initializers.Constant(value))

    average, live = Counts(0), Counts(8)
    move_average(average, live, 0.75, 1000)
    assert [float(ops.convert_to_numpy(v)) for v in (average.count, average.level)] == [0, 2]


def test_players_of_a_cluster_gan_are_told_the_clusters_of_the_images():
    gan = tiny_gan(gentut.ClusterGAN)
    seen = []
    gan.update = lambda images, labels, progress: seen.append((images, labels)) or {"loss": 0}
    gan.run_eagerly, gan.steps_per_execution = True, 1
    levels = np.repeat([0.1, 0.5, 0.9], [80, 60, 60])
    noise = RNG.uniform(-0.05, 0.05, (200, *SHAPE))
    images = (levels[:, None, None, None] + noise).astype("float32")
    gan.fit(images, batch_size=200, seed=1, verbose=0)
    ((batch, labels),) = seen
    order = Batches(images, None, 200, 1, 1).order
    np.testing.assert_array_equal(ops.convert_to_numpy(batch), images[order])
    pairs = set(zip(ops.convert_to_numpy(labels).tolist(), levels[order].tolist(), strict=True))
    assert len(pairs) == len({label for label, _ in pairs}) == 3


# ---------------------------------------------------------------- what all steps share


@pytest.mark.parametrize("make", [tiny_vae, tiny_flow, tiny_gan, tiny_latent_flow])
def test_rates_stay_and_then_fall_linearly_to_two_per_cent(make):
    model, rates = make(), [0.08, 0.02] if make in (tiny_gan, tiny_latent_flow) else [0.08]
    schedule = [(1.0, 0.9, 1), (0.6, 0.5, 1), (0.6, 0.7, 0.75), (0.6, 0.9, 0.25), (0.6, 1, 0.02)]
    for constant_share, progress, share in schedule:
        optimizers = list(map(keras.optimizers.SGD, rates))
        if make is tiny_latent_flow:
            model.vae.compile(optimizers.pop(), constant_share=constant_share)
        model.compile(*optimizers, constant_share=constant_share)
        update(model, progress=float(progress))
        members = getattr(model.optimizer, "members", [model.optimizer])
        found = [float(ops.convert_to_numpy(member.learning_rate)) for member in members]
        assert found == pytest.approx([share * rate for rate in rates], rel=1e-5)


FITTED = {
    "fused": lambda: tiny_gan(
        fused=True, penalties={"r1": 1.0}, penalty_interval=2, augment="translation", ema=0.9
    ),
    "critic": lambda: tiny_gan(
        loss="wasserstein", critic_steps=2, penalties={"gradient_penalty": 1.0}
    ),
    "latent flow": tiny_latent_flow,
}


@pytest.mark.parametrize("make", FITTED.values(), ids=FITTED)
def test_a_compiled_fit_takes_the_steps_of_update(make):
    gentut.seed(3)
    fitted = make()
    gentut.seed(3)
    stepped = make()
    fitted.fit(IMAGES, LABELS, batch_size=2, seed=4, verbose=0)
    batches = Batches(IMAGES, LABELS, 2, 1, 4)
    for i in range(3):
        batch = batches[i]
        update(stepped, batch["images"], batch["labels"], batch["progress"][0])
    for a, b in zip(fitted.weights, stepped.weights, strict=True):
        a, b = (ops.convert_to_numpy(w) for w in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", ["value_and_gradients", "pullback"])
def test_what_a_network_averages_moves_while_gradients_are_taken(way):
    """A tenth of the way to this batch's mean, by the momentum of 0.9."""
    gentut.seed(0)
    shape, latents = (16, 16, 1), np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    generator = networks.generator(shape, latent_dim=4, filters=(4, 4))
    gan = gentut.GAN(generator, networks.discriminator(shape, filters=(4, 4)), ema=0.0)
    gan.compile(descent(), descent())
    layer = next(x for x in generator.layers if isinstance(x, layers.BatchNormalization))
    seen = ops.convert_to_numpy(keras.Model(generator.input, layer.input)(latents))
    take = getattr(gan, way)
    if way == "pullback":
        take(lambda: generator(latents, training=True), generator.trainable_variables)
    else:
        loss = lambda: (ops.sum(generator(latents, training=True)), ())  # noqa: E731
        take(loss, generator.trainable_variables)
    found = ops.convert_to_numpy(layer.moving_mean)
    np.testing.assert_allclose(found, 0.1 * seen.reshape(-1, len(found)).mean(0), atol=1e-6)
    assert np.abs(found).max() > 1e-3


class Watches(layers.Layer):
    """Passes on its input and notes whether it is being trained."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, x, training=False):
        self.seen.append(bool(training))
        return x


def watched(network):
    """A network with a `Watches` behind it, and what that sees."""
    watch = Watches()
    network = keras.Model(network.inputs, watch(network.output))
    watch.seen.clear()
    return network, watch.seen


def test_networks_are_told_when_they_are_trained():
    gan, vae, flow = tiny_gan(), tiny_vae(), tiny_flow()
    generator, drawing = watched(gan.generator)
    discriminator, scoring = watched(gan.discriminator)
    gan = gentut.GAN(generator, discriminator, penalties={"r1": 1.0})
    gan.compile(descent(), descent())
    drawing.clear()
    update(gan)
    # Players: critic's scores, penalty, generator's scores.
    assert (drawing, scoring) == ([True, True], [True, False, True])
    scoring.clear()
    gan.score(IMAGES, LABELS)
    assert scoring == [False]
    encoder, encoding = watched(vae.encoder)
    decoder, decoding = watched(vae.decoder)
    vae = gentut.VAE(encoder, decoder)
    vae.compile(descent())
    update(vae)
    vae.elbo(IMAGES, LABELS)
    assert encoding == decoding == [True, False]
    velocity, moving = watched(flow.velocity)
    flow = gentut.Flow(velocity)
    flow.compile(descent())
    moving.clear()
    update(flow)
    assert moving == [True]
    (student, learning), (teacher, teaching) = (watched(tiny_flow().velocity) for _ in "ab")
    student = ConsistencyFlow(student, teacher)
    student.compile(descent())
    averaging = student.ema_velocity.layers[-1].seen
    for seen in (learning, teaching, averaging):
        seen.clear()
    update(student)
    assert (learning, teaching, averaging) == ([True], [False], [False])


def test_batches_that_go_on_in_an_epoch_are_its_rest():
    """Ten images in threes: three steps an epoch, of two epochs; one image of each is left out."""
    labels = np.arange(10)
    options = {"batch_size": 3, "epochs": 2, "seed": 5}
    whole = Batches(labels / 10, labels, **options)
    rest = Batches(labels / 10, labels, **options, skip=2)
    assert (len(whole), len(rest)) == (3, 1)
    np.testing.assert_array_equal(rest[0]["labels"], whole[2]["labels"])
    taken = {}
    for epoch in (0, 1):
        whole.begin(epoch)
        batches = [whole[step] for step in range(3)]
        for step, batch in enumerate(batches):
            np.testing.assert_allclose(batch["progress"], [(3 * epoch + step) / 6] * 3, rtol=1e-6)
            np.testing.assert_array_equal(batch["images"], batch["labels"] / 10)
        taken[epoch] = [int(k) for batch in batches for k in batch["labels"]]
        assert len(set(taken[epoch])) == 9
    assert taken[0] != taken[1]
    second = Batches(labels / 10, labels, **options, epoch=1, place=np.array([0, 2]))
    assert list(second[1]["labels"]) == [taken[1][3], taken[1][5]]
