"""Precision, recall, density, coverage and memorisation: exact arithmetic, and stories."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gentut import metrics
from gentut.metrics import neighbours

pytestmark = pytest.mark.filterwarnings("ignore::gentut.metrics.SmallSampleWarning")
quick = settings(max_examples=40, deadline=None)
prdc = metrics.precision_recall_density_coverage


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def by_definition(real, generated, k):
    """The four definitions, in Python integers: no rounding, every tie a tie."""
    real, generated = real.tolist(), generated.tolist()

    def squared(x, y):
        return sum((p - q) ** 2 for p, q in zip(x, y, strict=True))

    def radii(points):
        others = [points[:i] + points[i + 1 :] for i in range(len(points))]
        return [
            sorted(squared(x, y) for y in o)[k - 1] for x, o in zip(points, others, strict=True)
        ]

    real_radii, generated_radii = radii(real), radii(generated)
    inside = [[squared(x, y) < r for y in generated] for x, r in zip(real, real_radii, strict=True)]
    reached = [
        any(squared(x, y) < r for y, r in zip(generated, generated_radii, strict=True))
        for x in real
    ]
    n, m = len(real), len(generated)
    return {
        "precision": sum(any(column) for column in zip(*inside, strict=True)) / m,
        "recall": sum(reached) / n,
        "density": sum(map(sum, inside)) / (k * m),
        "coverage": sum(map(any, inside)) / n,
    }


def lattice(rows, d):
    return hnp.arrays(np.int64, (rows, d), elements=st.integers(-2, 2))


@quick
@given(st.data(), st.integers(2, 14), st.integers(2, 14), st.integers(1, 3))
def test_ties_and_duplicates_are_decided_exactly(data, n, m, d):
    real, generated = data.draw(lattice(n, d)), data.draw(lattice(m, d))
    k = data.draw(st.integers(1, min(n, m) - 1))
    expected = pytest.approx(by_definition(real, generated, k), abs=1e-12)
    assert prdc(real, generated, k) == expected
    # The same points around 2^40, where |x|² + |y|² − 2x·y has no correct digit left.
    assert prdc(real + 2**40, generated + 2**40, k) == expected
    # The same points with some 2^20 away: a step is 2^-42 of the largest squared norm.
    real, generated = (np.where(x == 2, 2**20, x) for x in (real, generated))
    assert prdc(real, generated, k) == pytest.approx(by_definition(real, generated, k), abs=1e-12)


def test_samples_that_are_all_one_lie_in_no_ball():
    nothing = {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    assert prdc(np.zeros((4, 2)), np.zeros((5, 2)), 2) == nothing


def test_blocks_change_nothing(monkeypatch):
    real, generated = normal(0, 150, 8), normal(1, 130, 8) * 1.1
    expected = prdc(real, generated, 3)
    monkeypatch.setattr(neighbours, "_BLOCK_PAIRS", 17 * 130)
    assert prdc(real, generated, 3) == expected


@pytest.mark.parametrize("offset", [0, 2**20])
def test_ties_in_many_dimensions(offset):
    # The search multiplies matrices there; corners of a cube have many equal distances.
    corners = np.random.default_rng(0).integers(0, 2, (2, 60, 20))
    corners[1, :20] = corners[0, :20]
    expected = pytest.approx(by_definition(*corners, 3), abs=1e-12)
    assert prdc(*(corners + offset), 3) == expected


def test_one_far_sample_leaves_the_others_alone():
    real, generated = normal(0, 200, 20), normal(1, 150, 20)
    far = np.full((1, 20), 1e6)
    before, after = prdc(real, generated), prdc(real, np.concatenate([generated, far]))
    assert after["precision"] * 151 == pytest.approx(before["precision"] * 150)
    assert after["density"] * 151 == pytest.approx(before["density"] * 150)
    assert after["coverage"] == before["coverage"]


def test_neighbours_closer_than_a_product_can_tell_are_measured():
    # |x|² is 20, so that squared distances below 1e-15 · 20 are all rounding.
    near = np.ones((5, 20))
    near[:, 0] += [5e-9, 4e-9, 3e-9, 1e-9, 2e-9]
    references = np.concatenate([near, -near, normal(0, 30, 20)])
    for k in (1, 2, 3):
        value = metrics.nearest_distances(np.ones((1, 20)), references, k)
        assert value == pytest.approx([k * 1e-9], rel=1e-6)


def test_same_samples_score_exactly_one():
    real = normal(0, 400, 16).astype(np.float32)
    ones = {"precision": 1.0, "recall": 1.0, "density": 1.0, "coverage": 1.0}
    assert prdc(real, real[::-1], 5) == ones


def test_two_samples_of_one_distribution():
    # Naeem et al. 2020, section 3.2: E[density] = 1 and E[coverage] = 1 − 2^−k for n = m → ∞.
    score = prdc(normal(0, 3000, 8), normal(1, 3000, 8), 5)
    assert score["density"] == pytest.approx(1, abs=0.05)
    assert score["coverage"] == pytest.approx(1 - 2**-5, abs=0.015)


def test_collapsed_generator_has_high_precision_and_low_recall():
    real = normal(0, 1000, 4)
    one_mode = 0.05 * normal(1, 1000, 4)
    score = prdc(real, one_mode)
    assert score["precision"] > 0.99
    assert score["recall"] < 0.01
    assert score["coverage"] < 0.3
    one_image = np.repeat(real[:1], 1000, axis=0)
    assert prdc(real, one_image)["recall"] == 0


def test_generator_that_adds_noise_has_low_precision_and_high_recall():
    real = normal(0, 1000, 4)
    score = prdc(real, 4 * normal(1, 1000, 4))
    assert score["precision"] < 0.5
    assert score["recall"] > 0.8


def test_one_outlier_inflates_precision_but_hardly_density():
    # Naeem et al. 2020, figure 2: one real outlier's ball swallows bad samples.
    real = np.concatenate([normal(0, 500, 2), [[100.0, 0.0]]])
    bad = normal(1, 500, 2) + np.array([50.0, 0.0])
    score = prdc(real, bad)
    assert score["precision"] > 0.9
    assert score["density"] < 0.25


@quick
@given(st.integers(0, 2**32 - 1), st.integers(6, 30), st.integers(6, 30))
def test_moving_scaling_and_turning_change_nothing(seed, n, m):
    real, generated = normal(seed, n, 3), normal(seed + 1, m, 3)
    expected = prdc(real, generated, 2)
    turn = np.linalg.qr(normal(seed, 3, 3))[0]
    for transform in (lambda x: x @ turn, lambda x: 1e-30 * x, lambda x: 1e30 * x, lambda x: x + 9):
        assert prdc(transform(real), transform(generated), 2) == expected
    permuted = prdc(np.random.default_rng(seed).permutation(real), generated[::-1], 2)
    assert permuted == expected
    swapped = prdc(generated, real, 2)
    assert (swapped["precision"], swapped["recall"]) == (expected["recall"], expected["precision"])


@pytest.mark.parametrize("k", [0, 3, 5])
def test_nearest_k_out_of_range(k):
    message = f"`nearest_k` must be an integer from 1 to 2, less than .*; received {k}"
    with pytest.raises(ValueError, match=message):
        prdc(normal(0, 3, 2), normal(1, 9, 2), k)


def test_bad_features():
    with pytest.raises(ValueError, match="`generated` must be finite; .* row 4"):
        prdc(normal(0, 9, 2), np.where(np.arange(9)[:, None] == 4, np.inf, normal(1, 9, 2)))
    with pytest.raises(ValueError, match="`generated` must have as many dimensions"):
        prdc(normal(0, 9, 2), normal(1, 9, 3))


def test_nearest_distances():
    queries, references = np.array([[0.0], [10.0]]), np.array([[1.0], [3.0], [-4.0]])
    assert metrics.nearest_distances(queries, references).tolist() == [1, 7]
    assert metrics.nearest_distances(queries, references, k=3).tolist() == [4, 14]
    with pytest.raises(ValueError, match="`k` must be an integer from 1 to 3, the .*; received 4"):
        metrics.nearest_distances(queries, references, k=4)


@quick
@given(st.data(), st.integers(2, 25), st.integers(2, 25))
def test_c_t_is_the_mann_whitney_statistic(data, m, n):
    # Small integers make many ties; scipy corrects for them too.
    train = np.zeros((2, 1))
    heldout = data.draw(hnp.arrays(np.int64, (m, 1), elements=st.integers(0, 6)))
    generated = data.draw(hnp.arrays(np.int64, (n, 1), elements=st.integers(0, 6)))
    result = metrics.memorisation(train, heldout, generated)
    theirs = scipy.stats.mannwhitneyu(
        generated[:, 0],
        heldout[:, 0],
        alternative="less",
        method="asymptotic",
        use_continuity=False,
    )
    assert result["closer"] == pytest.approx(1 - theirs.statistic / (m * n))
    if np.ptp(np.concatenate([heldout, generated])) > 0:
        assert result["p_value"] == pytest.approx(theirs.pvalue, rel=1e-9)
    else:
        assert result["c_t"] == 0


def test_memorisation_stories():
    train, heldout = normal(0, 500, 5), normal(1, 500, 5)
    honest = metrics.memorisation(train, heldout, normal(2, 500, 5))
    copies = metrics.memorisation(train, heldout, train + 0.01 * normal(3, 500, 5))
    exact = metrics.memorisation(train, heldout, train)
    unlike = metrics.memorisation(train, heldout, normal(2, 500, 5) + 3)
    assert abs(honest["c_t"]) < 3 and honest["p_value"] > 0.01
    assert copies["c_t"] < -20 and copies["closer"] > 0.99
    assert exact["c_t"] < -20 and exact["generated_distance"] == 0
    assert unlike["c_t"] > 10 and unlike["p_value"] > 0.999
    assert (
        copies["generated_distance"] < honest["generated_distance"] < unlike["generated_distance"]
    )


def test_c_t_is_standard_normal_without_copying():
    train = normal(0, 300, 3)
    values = [
        metrics.memorisation(train, normal(2 * i + 1, 60, 3), normal(2 * i + 2, 80, 3))["c_t"]
        for i in range(150)
    ]
    assert scipy.stats.kstest(values, "norm").pvalue > 0.01


def test_cells_find_copying_that_mode_proportions_hide():
    # A tight mode, copied but under-represented, and a wide one, honest: over all samples the
    # generated ones lie farther from the training set, within the tight mode far too close.
    def tight(seed, n):
        return 0.01 * normal(seed, n, 3)

    def wide(seed, n):
        return normal(seed, n, 3) + 20

    train = np.concatenate([tight(0, 300), wide(1, 300)])
    heldout = np.concatenate([tight(2, 400), wide(3, 200)])
    generated = np.concatenate([train[:200] + 1e-4, wide(4, 400)])
    globally = metrics.memorisation(train, heldout, generated)
    by_cell = metrics.memorisation(train, heldout, generated, cells=2, seed=1)
    assert globally["c_t"] > 0
    assert by_cell["cells"] == 2
    assert by_cell["c_t"] < -10 and by_cell["p_value"] < 1e-6


def test_cells_use_their_own_training_samples():
    # k-means cells around 0 and 9.6 meet at 4.8. A held-out sample at 4.7 is 0.5 from the other
    # cell's 5.2 but 4.7 from its own cell; generated ones at 2 lie in between.
    train = np.array([0.0] * 10 + [10.0] * 10 + [5.2])[:, None]
    heldout, generated = np.full((20, 1), 4.7), np.full((20, 1), 2.0)
    assert metrics.memorisation(train, heldout, generated)["c_t"] > 3
    by_cell = metrics.memorisation(train, heldout, generated, cells=2, seed=1)
    assert by_cell["c_t"] < -3 and by_cell["cells"] == 1


def test_p_value_of_cells_is_uniform_without_copying():
    modes = np.repeat(30.0 * np.eye(4), 75, axis=0)
    values = []
    for i in range(100):
        train, heldout, generated = (modes + normal(3 * i + part, 300, 4) for part in range(3))
        values.append(metrics.memorisation(train, heldout, generated, cells=6, seed=i)["p_value"])
    assert scipy.stats.kstest(values, "uniform").pvalue > 0.01


def test_the_interval_of_closer_is_delongs_and_covers():
    # By hand: held-out at distances 1, 3; generated at 0, 2 from training samples at 0.
    train, heldout = np.zeros((2, 1)), np.array([[1.0], [3.0]])
    with pytest.warns(UserWarning):
        result = metrics.memorisation(train, heldout, np.array([[0.0], [2.0]]))
    # Shares: held-out 1/2, 1 (variance 1/8 of 2); generated 1, 1/2 (the same): sd = sqrt(1/8).
    assert result["closer"] == 0.75
    assert result["closer_low"] == pytest.approx(0.75 - 1.96 * np.sqrt(1 / 8))
    assert result["closer_high"] == 1.0
    covered = 0
    train = normal(1, 200, 3)
    for i in range(200):  # both from one distribution: the truth is 0.5 to a hair
        drawn = metrics.memorisation(train, normal(2 * i + 5, 150, 3), normal(2 * i + 6, 150, 3))
        covered += drawn["closer_low"] <= 0.5 <= drawn["closer_high"]
    assert 180 <= covered <= 199


def test_memorisation_errors():
    data = normal(0, 20, 2)
    with pytest.raises(ValueError, match="`generated` must have as many dimensions as `train`"):
        metrics.memorisation(data, data, normal(0, 20, 3))
    with pytest.raises(ValueError, match="`cells` must be at most .* distinct .* 20; received 21"):
        metrics.memorisation(data, data, data, cells=21)
    with pytest.raises(ValueError, match="`cells` must leave at least 10"):
        metrics.memorisation(data, data[:9], data, cells=2)


def test_copies_of_a_held_out_sample_add_nothing_if_they_are_one_source():
    rng = np.random.default_rng(0)
    train, heldout, made = (rng.normal(size=(n, 2)) for n in (300, 60, 80))
    own = np.arange(60)
    for cells in (1, 3):
        once = metrics.memorisation(train, heldout, made, cells=cells, sources=own)
        five = metrics.memorisation(
            train, np.repeat(heldout, 5, axis=0), made, cells=cells, sources=np.repeat(own, 5)
        )
        ends = ("closer", "closer_low", "closer_high", "generated_distance")
        assert [five[key] for key in ends] == pytest.approx([once[key] for key in ends])
        assert five["c_t"] == pytest.approx(once["c_t"], abs=0.05)
        naive = metrics.memorisation(train, np.repeat(heldout, 5, axis=0), made, cells=cells)
        width = {
            name: one["closer_high"] - one["closer_low"]
            for name, one in (("once", once), ("naive", naive))
        }
        assert width["naive"] < 0.9 * width["once"]
    # With a source for each sample it is DeLong's interval, and close to the paper's C_T.
    plain = metrics.memorisation(train, heldout, made)
    alone = metrics.memorisation(train, heldout, made, sources=own)
    assert alone["closer_low"] == pytest.approx(plain["closer_low"])
    assert alone["c_t"] == pytest.approx(plain["c_t"])
    copied = metrics.memorisation(train, heldout, train[:80], sources=own)
    assert copied["c_t"] < -8 and copied["p_value"] < 1e-15


@pytest.mark.filterwarnings("ignore::gentut.metrics.SmallSampleWarning")
def test_the_p_value_of_families_is_uniform_only_by_source():
    low = {"by source": 0, "by row": 0}
    for seed in range(150):
        rng = np.random.default_rng(seed)
        train = rng.normal(size=(400, 2))
        heldout = rng.normal(size=(20, 1, 2)) + 0.1 * rng.normal(size=(20, 15, 2))
        heldout = heldout.reshape(-1, 2) / np.sqrt(1.01)
        made = rng.normal(size=(300, 2))
        sources = np.repeat(np.arange(20), 15)
        for name, own in (("by source", sources), ("by row", None)):
            low[name] += metrics.memorisation(train, heldout, made, sources=own)["p_value"] < 0.1
    assert 0.04 <= low["by source"] / 150 <= 0.18
    assert low["by row"] / 150 > 0.2
