"""Samplers, likelihood, inversion, inpainting: on a normal distribution, where all is known."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import linalg, stats

import gentut
from gentut.models.solvers import METHODS

pytestmark = pytest.mark.backend


class GaussianPrediction(layers.Layer):
    """What is exact for points of a multivariate normal, by regression on xₜ, worked out by hand.

    E[x₁ | xₜ] = m + αΣM⁻¹(xₜ − αm) and E[x₀ | xₜ] = σM⁻¹(xₜ − αm), M = α²Σ + σ²I.
    """

    def __init__(self, mean, covariance, path, prediction):
        super().__init__()
        self.given = {"mean": mean, "covariance": covariance, "path": path}
        self.given["prediction"] = self.prediction = prediction
        self.mean, self.path_name = mean, path
        values, self.vectors = np.linalg.eigh(covariance)
        self.variances = values.astype("float32")

    def call(self, inputs):
        x, t = ops.reshape(inputs[0], (-1, len(self.mean))), inputs[1]
        if self.path_name == "straight":
            a, s, a1, s1 = t, 1 - t, 1.0, -1.0
        else:
            quarter = np.pi / 2
            a, s = ops.sin(quarter * t), ops.cos(quarter * t)
            a1, s1 = quarter * s, -quarter * a
        turn = ops.convert_to_tensor(self.vectors.astype("float32"))
        mean = ops.convert_to_tensor(self.mean.astype("float32"))
        whitened = ops.matmul(x - a * mean, turn) / (a**2 * self.variances + s**2)
        image = mean + ops.matmul(a * self.variances * whitened, ops.transpose(turn))
        noise = ops.matmul(s * whitened, ops.transpose(turn))
        found = {"image": image, "noise": noise, "velocity": a1 * image + s1 * noise}
        return ops.reshape(found[self.prediction], ops.shape(inputs[0]))

    def get_config(self):
        return self.given


COVARIANCE = np.array([[0.05, 0.03], [0.03, 0.04]])
MEAN = np.array([0.1, -0.2])


def exact_flow(path="straight", prediction="velocity", mean=MEAN, covariance=COVARIANCE):
    """A flow of images of 1 × 2 pixels, scaled to [−1, 1] normal of this mean and covariance."""
    images, time = keras.Input((1, 2, 1)), keras.Input((1,))
    known = GaussianPrediction(mean, covariance, path, prediction)
    network = keras.Model([images, time], known([images, time]))
    return gentut.Flow(network, path, prediction, ema=0)


def kinds(*pairs):
    """Some kinds of network; the others: slow/test_products.py."""
    return pytest.mark.parametrize(("path", "prediction"), pairs)


@kinds(("straight", "velocity"), ("cosine", "noise"), ("straight", "image"))
def test_every_sampler_draws_a_known_normal_from_every_kind_of_network(path, prediction):
    assert_samplers_draw_the_normal(path, prediction)


def assert_samplers_draw_the_normal(path, prediction):
    n, flow = 500, exact_flow(path, prediction)
    noise = np.random.default_rng(1).standard_normal((n, 2))
    # The exact map: the mean, and the square root of the covariance.
    truth = np.clip(MEAN + noise @ linalg.sqrtm(COVARIANCE), -1, 1)
    for method in METHODS:
        points = 2 * flow.sample(n, seed=1, steps=32, method=method).reshape(n, 2) - 1
        if method == "ddpm":  # its few steps fall short of the spread: see test_paths
            ratio = np.cov(points.T) / COVARIANCE
            assert ((ratio > 0.6) & (ratio < 1.1)).all()
            assert np.abs(points.mean(axis=0) - MEAN).max() < 4 * np.sqrt(0.05 / n)
        else:
            far = {"euler": 0.12, "ddim": 0.12, "heun": 0.03, "rk4": 2e-3}[method]
            np.testing.assert_allclose(points, truth, atol=far)
        again = flow.sample(10, seed=1, steps=4, method=method)
        np.testing.assert_array_equal(flow.sample(10, seed=1, steps=4, method=method), again)
        assert (flow.sample(10, seed=2, steps=4, method=method) != again).all()


@kinds(("straight", "velocity"), ("cosine", "velocity"))
def test_log_likelihood_is_that_of_the_normal_and_images_go_back_to_their_noise(path, prediction):
    assert_likelihood_is_that_of_the_normal(path, prediction)


def assert_likelihood_is_that_of_the_normal(path, prediction):
    flow = exact_flow(path, prediction)
    images = np.random.default_rng(0).uniform(0.3, 0.7, (10, 1, 2, 1))
    points = 2 * images.reshape(-1, 2) - 1
    truth = stats.multivariate_normal(MEAN, COVARIANCE).logpdf(points) + 2 * np.log(2)
    found = flow.log_likelihood(images, divergence="exact")
    # Near an end of the path, noise and images tell the velocity less exactly.
    np.testing.assert_allclose(found, truth, atol=1e-3 if prediction == "velocity" else 3e-3)
    many = flow.log_likelihood(images, steps=10, probes=400, seed=0)
    np.testing.assert_allclose(many, truth, atol=0.2)
    noise = flow.invert(images, steps=30, method="rk4")
    exact = MEAN + noise.reshape(-1, 2) @ linalg.sqrtm(COVARIANCE)
    np.testing.assert_allclose(exact, points, atol=2e-3)
    np.testing.assert_allclose(flow.decode(noise, steps=30, method="rk4"), images, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "images"),
    [({"divergence": "exact"}, 500), ({}, 500), ({"probes": 400}, 10), ({"probes": 5000}, 1)],
)
def test_a_gradient_holds_at_most_some_thousand_points(options, images, monkeypatch):
    flow = exact_flow()
    monkeypatch.setattr(flow, "batched", lambda function, *arrays, batch_size: batch_size)
    assert flow.log_likelihood(np.full((1, 1, 2, 1), 0.5), **options) == images


def test_dequantised_images_can_be_compared_with_probabilities_of_grey_values():
    # A normal so wide that a grey value has nearly its density times 1/256 as its probability.
    flow = exact_flow(mean=np.zeros(2), covariance=np.diag([0.02, 0.02]))
    rng = np.random.default_rng(0)
    values = rng.integers(100, 156, (10, 1, 2, 1))
    several = np.tile(values, (5, 1, 1, 1))
    points = (several + rng.random(several.shape)) / 256
    scores = flow.log_likelihood(points, steps=10, divergence="exact").reshape(5, 10)
    edges = stats.norm(0, np.sqrt(0.02)).cdf(2 * np.stack([values, values + 1]) / 256 - 1)
    truth = np.log(edges[1] - edges[0]).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(np.mean(scores, axis=0) - 2 * np.log(256), truth, atol=0.05)


def test_filled_in_pixels_have_their_distribution_given_the_others():
    assert_filling_in_keeps_the_distribution("cosine", "noise")


def assert_filling_in_keeps_the_distribution(path, prediction):
    n, known = 500, 0.4
    images = np.full((n, 1, 2, 1), (known + 1) / 2, "float32")
    images[:, :, 1] = 0.9  # hidden: what stands there does not matter
    mask = np.array([[False, True]])
    flow = exact_flow(path, prediction)
    ratio, off = COVARIANCE[0, 1] / COVARIANCE[0, 0], {}
    for repeats in (1, 6):
        found = flow.inpaint(images, mask, seed=0, steps=25, repeats=repeats)
        np.testing.assert_array_equal(found[:, :, 0], images[:, :, 0])
        hidden = 2 * found[:, 0, 1, 0] - 1
        off[repeats] = abs(hidden.mean() - (MEAN[1] + ratio * (known - MEAN[0])))
    # Repeated steps make the filled in part agree with the known one.
    assert off[6] < 0.04 < off[1]
    # The steps are those of "ddpm", and few of them fall short of the spread.
    assert 0.4 < hidden.var() / (COVARIANCE[1, 1] - ratio * COVARIANCE[0, 1]) < 1.1
    same = flow.inpaint(images[:5], np.broadcast_to(mask[..., None], (5, 1, 2, 1)), seed=3, steps=3)
    np.testing.assert_array_equal(same, flow.inpaint(images[:5], mask.astype(int), seed=3, steps=3))


@pytest.mark.parametrize("path", ["straight", "cosine"])
def test_varied_images_keep_as_much_of_themselves_as_the_path_says(path):
    flow = exact_flow(path, mean=np.zeros(2), covariance=np.diag([0.04, 0.04]))
    noise = np.random.default_rng(0).standard_normal((500, 1, 2, 1))
    images = np.clip(0.5 + 0.1 * noise, 0, 1)
    for strength in (0.3, 0.6):
        t = 1 - strength
        a, s = (t, 1 - t) if path == "straight" else (np.sin(np.pi / 2 * t), np.cos(np.pi / 2 * t))
        varied = flow.vary(images, strength=strength, seed=1, steps=10, method="rk4")
        found = np.corrcoef(images.ravel(), varied.ravel())[0, 1]
        # The flow scales xₜ to the data's spread, which keeps its correlation with the image.
        assert found == pytest.approx(a * 0.2 / np.hypot(a * 0.2, s), abs=0.07)
        assert (2 * varied - 1).std() == pytest.approx(0.2, rel=0.1)
        assert (2 * varied - 1).mean() == pytest.approx(0, abs=0.02)


REFUSED = [
    (lambda f, x: f.vary(x, strength=0.0), "`strength` must lie above 0; received 0"),
    (lambda f, x: f.vary(x, strength=1.2), "`strength` must lie in [0, 1]; received 1.2"),
    (lambda f, x: f.inpaint(x, np.zeros((3, 2))), "`mask` must be True or False, of shape (1, 2)"),
    (lambda f, x: f.inpaint(x, np.full((1, 2), 0.5)), "received shape (1, 2), dtype float64"),
    (lambda f, x: f.inpaint(x, np.ones((1, 2)), repeats=0), "`repeats` must be a positive integer"),
    (lambda f, x: f.invert(x, method="ddpm"), "`method` ddpm needs `rng`"),
    (lambda f, x: f.decode(x[:, :, :1]), "shape (n, 1, 2, 1); received (4, 1, 1, 1)"),
    (lambda f, x: f.log_likelihood(x, divergence="trace"), "must be one of exact, hutchinson; rec"),
    (lambda f, x: f.log_likelihood(x, probes=0), "`probes` must be a positive integer"),
    (lambda f, x: gentut.Flow(f.velocity, "bent"), "`path` must be one of straight, cosine"),
    (
        lambda f, x: gentut.Flow(f.velocity, prediction="score"),
        "one of velocity, noise, image",
    ),
]


@pytest.mark.parametrize(("call", "text"), REFUSED, ids=[text[:30] for _, text in REFUSED])
def test_what_a_flow_refuses(call, text):
    with pytest.raises(ValueError) as error:
        call(exact_flow(), np.full((4, 1, 2, 1), 0.5, "float32"))
    assert text in str(error.value)
