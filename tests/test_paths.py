"""Paths, predictions and solvers against closed forms: on Gaussian data all of them are known."""

import numpy as np
import pytest
from keras import ops

import gentut
from gentut import paths
from gentut.models.solvers import divergence, solve

pytestmark = pytest.mark.backend
RNG = np.random.default_rng(0)
PATHS = pytest.mark.parametrize("path", ["straight", "cosine"])
MEAN, SPREAD = 0.3, 0.5
TIMES = np.array([[0.05], [0.3], [0.6], [0.95]])


def arrays(*tensors):
    return [np.array(ops.convert_to_numpy(x), "float64") for x in tensors]


def shares(path, t):
    """α, σ and their derivatives: by hand."""
    if path == "straight":
        return t, 1 - t, np.ones_like(t), -np.ones_like(t)
    angle = np.pi * t / 2
    return np.sin(angle), np.cos(angle), np.pi / 2 * np.cos(angle), -np.pi / 2 * np.sin(angle)


def exact(path, x, t, mean=MEAN, spread=SPREAD):
    """E[x₁ | xₜ], E[x₀ | xₜ] and the velocity for data N(mean, spread²)."""
    a, s, a1, s1 = shares(path, t)
    off = (x - a * mean) / ((a * spread) ** 2 + s**2)
    found = {"image": mean + a * spread**2 * off, "noise": s * off}
    return {**found, "velocity": a1 * found["image"] + s1 * found["noise"]}


def velocity_of(path, mean=MEAN, spread=SPREAD):
    """The exact velocity as a function that `solve` takes."""

    def velocity(x, t):
        a, s, a1, s1 = (float(part) for part in shares(path, np.float64(t)))
        variance = (a * spread) ** 2 + s**2
        factor = (a1 * a * spread**2 + s1 * s) / variance
        return a1 * mean + factor * (x - a * mean)

    return velocity


@PATHS
def test_paths_go_from_noise_to_image_at_the_rate_of_their_derivatives(path):
    t = np.linspace(0.01, 0.99, 9, dtype="float32")
    found = arrays(*(part(t) for part in paths.PATHS[path]))
    np.testing.assert_allclose(found, shares(path, t.astype("float64")), atol=1e-6)
    step = 1e-3
    for value, rate in zip(paths.PATHS[path][:2], found[2:], strict=True):
        ahead, behind = arrays(value(t + step), value(t - step))
        np.testing.assert_allclose((ahead - behind) / (2 * step), rate, atol=2e-3)
    noise, images = RNG.normal(size=(2, 4, 3)).astype("float32")
    for t, end in ((0.0, noise), (1.0, images)):
        np.testing.assert_allclose(
            *arrays(paths.interpolate(noise, images, t, path), end), atol=1e-6
        )


@PATHS
def test_the_cosine_path_alone_keeps_variance_one(path):
    alpha, sigma, *_ = shares(path, TIMES)
    assert np.allclose(alpha**2 + sigma**2, 1) == (path == "cosine")


@PATHS
@pytest.mark.parametrize("given", paths.PREDICTIONS)
@pytest.mark.parametrize("wanted", paths.PREDICTIONS)
def test_predictions_for_gaussian_data_turn_into_each_other(path, given, wanted):
    x = RNG.normal(size=(4, 3))
    truth = exact(path, x, TIMES)
    tensors = (ops.convert_to_tensor(v.astype("float32")) for v in (truth[given], x, TIMES))
    (found,) = arrays(paths.convert(*tensors, given, wanted, path))
    np.testing.assert_allclose(found, truth[wanted], atol=2e-4)


@PATHS
@pytest.mark.parametrize("prediction", paths.PREDICTIONS)
def test_targets_are_on_average_what_is_exact_and_leave_what_the_preconditioning_says(
    path, prediction
):
    n, spread = 200_000, 0.6
    noise, images = RNG.normal(size=(2, n, 1))
    images = spread * images
    for t in (0.1, 0.5, 0.9):
        time = np.float32(t)
        (x,) = arrays(paths.interpolate(noise, images, time, path))
        (goal,) = arrays(paths.target(noise, images, time, path, prediction))
        factor, rest = arrays(*paths.gaussian_terms(x, time, spread, path, prediction))
        a, s, _, _ = shares(path, np.float64(t))
        one = exact(path, np.ones(1), np.float64(t), 0.0, spread)[prediction]
        assert float(factor) == pytest.approx(float(one[0]), rel=1e-4, abs=1e-5)
        left = (goal - factor * x) / rest
        assert abs((left * x).mean()) < 5 * x.std() / np.sqrt(n)
        assert left.var() == pytest.approx(1, abs=5 * np.sqrt(2 / n))
        # What is left to be learned is the same for every prediction.
        np.testing.assert_allclose(
            left, (s * images / spread - a * spread * noise) / x_scale(a, s, spread), atol=1e-3
        )


def x_scale(a, s, spread):
    return np.sqrt((a * spread) ** 2 + s**2)


@PATHS
def test_what_the_solvers_promise_of_their_order(path):
    # x₁ = mean + spread·x₀ is the exact map: probability keeps its rank order.
    x0 = RNG.normal(size=(500, 1))
    truth, start = MEAN + 0.2 * x0, ops.convert_to_tensor(x0.astype("float32"))

    def error(method, steps):
        (end,) = arrays(solve(velocity_of(path, MEAN, 0.2), start, steps, method, path=path))
        return np.sqrt(((end - truth) ** 2).mean())

    steps = np.array([8, 16, 32])
    for method, order in (("euler", 1), ("heun", 2), ("rk4", 4), ("ddim", 1)):
        errors = [error(method, int(n)) for n in steps]
        slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
        assert -slope == pytest.approx(order, rel=0.15), (method, errors)


@PATHS
def test_ddim_is_exact_for_one_image_and_on_the_straight_path_the_same_as_euler(path):
    start = ops.convert_to_tensor(RNG.normal(size=(20, 2)).astype("float32"))
    for steps in (1, 3):
        (end,) = arrays(solve(velocity_of(path, 0.7, 0.0), start, steps, "ddim", path=path))
        np.testing.assert_allclose(end, 0.7, atol=1e-5)
    ends = arrays(*(solve(velocity_of(path), start, 5, m, path=path) for m in ("ddim", "euler")))
    assert np.allclose(*ends, atol=1e-5) == (path == "straight")


def test_a_ddim_step_by_an_angle_shrinks_data_of_variance_one_by_its_cosine():
    start = ops.convert_to_tensor(RNG.normal(size=(20, 2)).astype("float32"))
    ends = arrays(solve(velocity_of("cosine", 0.0, 1.0), start, 3, "ddim", path="cosine"), start)
    # x̂₁ = α·x and x̂₀ = σ·x, so α'·x̂₁ + σ'·x̂₀ = cos(angle' − angle)·x.
    np.testing.assert_allclose(ends[0], np.cos(np.pi / 6) ** 3 * ends[1], atol=1e-5)


@PATHS
def test_ddpm_ends_at_the_variance_of_its_recursion_which_goes_to_that_of_the_data(path):
    def variance(steps):
        """Of the exact ancestral step on N(0, spread²) data, from step to step."""
        v = 1.0
        for i in range(steps):
            a, s, _, _ = shares(path, np.float64(i / steps))
            b, r, _, _ = shares(path, np.float64((i + 1) / steps))
            gain = a * SPREAD**2 / ((a * SPREAD) ** 2 + s**2)  # E[x₁ | xₜ] = gain · xₜ
            between = 1 - (a * r / (b * s)) ** 2  # of σ(after)²: fresh noise
            carried = a / b * (r / s) ** 2 + b * between * gain
            v = carried**2 * v + between * r**2
        return v

    start, found = RNG.normal(size=(40_000, 1)).astype("float32"), {}
    for steps in (5, 40):
        rng = np.random.default_rng(steps)
        end = solve(
            velocity_of(path, 0.0), ops.convert_to_tensor(start), steps, "ddpm", path=path, rng=rng
        )
        found[steps] = arrays(end)[0].var()
        assert found[steps] == pytest.approx(variance(steps), rel=5 * np.sqrt(2 / len(start)))
    assert abs(variance(40) - SPREAD**2) < 0.3 * abs(variance(5) - SPREAD**2)
    assert variance(4000) == pytest.approx(SPREAD**2, rel=0.01)


@PATHS
def test_added_noise_is_that_of_the_path(path):
    n, now, back = 100_000, 0.7, 0.3
    images = SPREAD * RNG.normal(size=(n, 1)).astype("float32")
    noise, fresh = RNG.normal(size=(2, n, 1)).astype("float32")
    points = paths.interpolate(noise, images, now, path)
    (found,) = arrays(paths.renoise(points, now, back, path, fresh))
    a, s, _, _ = shares(path, np.float64(back))
    assert found.std() == pytest.approx(x_scale(a, s, SPREAD), rel=0.02)
    assert (found * images).mean() == pytest.approx(a * SPREAD**2, abs=0.01)


def test_the_way_back_undoes_the_way_there():
    start = ops.convert_to_tensor(RNG.normal(size=(20, 2)).astype("float32"))
    there = solve(velocity_of("cosine"), start, 200, "heun")
    back = solve(velocity_of("cosine"), there, 200, "heun", start=1.0, end=0.0)
    np.testing.assert_allclose(*arrays(back, start), atol=1e-3)


def test_divergence_is_the_trace_and_random_probes_have_it_as_their_mean():
    matrix = RNG.normal(size=(4, 4)).astype("float32")
    points = ops.convert_to_tensor(RNG.normal(size=(3, 2, 2)).astype("float32"))

    def velocity(x):  # vᵢ = Σⱼ mᵢⱼ xⱼ²
        squares = ops.square(ops.reshape(x, (-1, 4)))
        return ops.reshape(ops.matmul(squares, ops.transpose(matrix)), (-1, 2, 2))

    truth = arrays(points)[0].reshape(3, 4) @ (2 * np.diag(matrix))
    units = np.broadcast_to(np.eye(4, dtype="float32")[:, None], (4, 3, 4)).reshape(4, 3, 2, 2)
    (found,) = arrays(divergence(velocity, points, ops.convert_to_tensor(units)))
    np.testing.assert_allclose(found, truth, rtol=1e-4, atol=1e-5)
    count = 4000
    signs = RNG.choice([-1.0, 1.0], (count, 3, 2, 2)).astype("float32")
    (found,) = arrays(divergence(velocity, points, ops.convert_to_tensor(signs)) / count)
    np.testing.assert_allclose(found, truth, atol=0.5)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"steps": 0}, "`steps` must be a positive integer; received 0"),
        (
            {"method": "leapfrog"},
            "`method` must be one of euler, heun, rk4, ddim, ddpm; received 'leapfrog'",
        ),
        ({"path": "bent"}, "`path` must be one of straight, cosine; received 'bent'"),
        ({"method": "ddpm"}, "`method` ddpm needs `rng`, a NumPy generator, and goes from noise"),
        (
            {"method": "ddpm", "rng": RNG, "start": 1.0, "end": 0.0},
            "goes from noise to images only; received rng=.*start=1.0, end=0.0",
        ),
    ],
)
def test_a_solver_says_what_it_cannot_do(options, text):
    with pytest.raises(ValueError, match=text):
        gentut.solve(lambda x, t: x, np.zeros((2, 2), "float32"), **{"steps": 2, **options})
