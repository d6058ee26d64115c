"""Formulas against published worked examples, closed forms and simulation."""

import numpy as np
import pytest
from scipy import stats

from gentut import human
from gentut.human.power import LARGEST_PANEL, _quantile
from gentut.human.statistics import Resampling, loglinear

# Fleiss (1971), table 1: 30 patients, 6 psychiatrists each; depression, personality disorder,
# schizophrenia, neurosis, other.
PSYCHIATRIC = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
# An example found in many textbooks: 10 subjects, 14 raters, 5 categories; kappa = 0.210.
TEXTBOOK = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_kappa_of_fleiss_1971():
    table = np.array([list(map(int, row)) for row in PSYCHIATRIC.split()])
    # The marginal shares that the paper prints: the table is the right one.
    np.testing.assert_allclose(
        table.sum(axis=0) / 180, [0.144, 0.144, 0.167, 0.306, 0.239], atol=5e-4
    )
    assert human.fleiss_kappa(table) == pytest.approx(0.430, abs=5e-4)
    assert human.fleiss_kappa(TEXTBOOK) == pytest.approx(0.210, abs=5e-4)


def test_kappa_at_its_ends():
    assert human.fleiss_kappa([[5, 0], [0, 5], [5, 0]]) == 1
    # Two raters who always disagree: no agreement, half expected, (0 - 1/2) / (1 - 1/2).
    assert human.fleiss_kappa([[1, 1], [1, 1]]) == -1
    assert np.isnan(human.fleiss_kappa([[3, 0], [3, 0]]))
    with pytest.raises(ValueError, match="same number of raters for each item.*received 2 to 3"):
        human.fleiss_kappa([[1, 1], [1, 2]])
    with pytest.raises(ValueError, match=r"shape \(items, categories\); received shape \(2,\)"):
        human.fleiss_kappa([1, 2])


def test_kappa_of_raters_who_guess_is_zero_on_average():
    rng = np.random.default_rng(0)
    calls = rng.binomial(8, 0.3, size=(200, 40))
    kappas = [human.fleiss_kappa(np.column_stack([8 - row, row])) for row in calls]
    # Negative by about 1 / (items · raters), since chance is worked out from the same table.
    assert np.mean(kappas) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Newcombe (1998), table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_of_newcombe_1998(count, total, low, high):
    share = human.wilson(count, total)
    assert share == pytest.approx((count / total, low, high), abs=5e-5)
    other = human.wilson(total - count, total)  # errors and right answers change places
    assert other == pytest.approx((1 - share.value, 1 - share.high, 1 - share.low))


def test_wilson_refuses_what_is_no_share():
    for count, total in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match=f"`count` must lie in .* received {count}/{total}"):
            human.wilson(count, total)


@pytest.mark.parametrize(
    ("correct", "d_prime"),
    # Hacker & Ratcliff (1979), the table for two alternatives.
    [(0.5, 0.0), (0.6, 0.36), (0.7, 0.74), (0.76, 1.0), (0.8, 1.19), (0.9, 1.81), (0.95, 2.33)],
)
def test_sensitivity_of_a_choice_of_two(correct, d_prime):
    assert human.d_prime_choice(correct) == pytest.approx(d_prime, abs=6e-3)
    assert human.d_prime_choice(1 - correct) == pytest.approx(-human.d_prime_choice(correct))


def test_sensitivity_and_bias_of_single_images():
    # z(0.8413) = 1, z(0.5) = 0, z(0.1587) = -1.
    assert human.d_prime_yes_no(0.8413, 0.1587) == pytest.approx((2, 0), abs=1e-3)
    assert human.d_prime_yes_no(0.5, 0.1587) == pytest.approx((1, 0.5), abs=1e-3)
    assert human.d_prime_yes_no(0.3, 0.3)[0] == 0


def test_both_protocols_measure_one_sensitivity():
    """One rater, d′ = 1.2: images one by one and in pairs, worked out by drawing the looks."""
    rng = np.random.default_rng(0)
    fake, real = rng.normal(0, 1, 200_000), rng.normal(1.2, 1, 200_000)
    single, _ = human.d_prime_yes_no((fake < 0.6).mean(), (real < 0.6).mean())
    assert single == pytest.approx(1.2, abs=0.02)
    assert human.d_prime_choice((real > fake).mean()) == pytest.approx(1.2, abs=0.02)


def test_loglinear_shares_are_never_0_or_1():
    assert loglinear(0, 9) == 0.05 and loglinear(9, 9) == 0.95 and loglinear(5, 10) == 0.5


# Resampling --------------------------------------------------------------------------------


def panel(seed, raters, trials, between, within):
    """Errors of raters whose rates differ, about images that differ; the true mean is 0.4."""
    rng = np.random.default_rng(seed)
    rate = 0.4 + between * rng.uniform(-1, 1, (raters, 1)) + within * rng.uniform(-1, 1, trials)
    return (rng.random((raters, trials)) < rate).astype(float)


@pytest.mark.parametrize(
    ("raters", "crossed", "within"), [(4, False, 0.0), (15, False, 0.0), (12, True, 0.3)]
)
def test_resampled_intervals_cover_and_wilson_does_not(raters, crossed, within):
    trials, studies = 30, 150
    covered = naive = 0
    for seed in range(studies):
        errors = panel(seed, raters, trials, 0.25, within)
        resampling = Resampling(errors.shape, np.zeros(trials), 0.95, 300, seed)
        low, high = resampling.interval(resampling.sums(errors, crossed) / errors.size)
        covered += low <= 0.4 <= high
        low, high = human.wilson(errors.sum(), errors.size)[1:]
        naive += low <= 0.4 <= high
    assert covered >= stats.binom(studies, 0.95).ppf(0.001)
    assert naive < 0.85 * studies


def test_resampling_needs_four_raters_and_keeps_strata():
    assert all(np.isnan(Resampling((3, 5), np.zeros(5), 0.95, 50, 0).interval(np.zeros(50))))
    strata = np.array(["real", "fake", "real", "fake", "fake"])
    resampling = Resampling((4, 5), strata, 0.95, 200, 0)
    fakes = resampling.sums(np.tile(strata == "fake", (4, 1)), crossed=True)
    assert (fakes == 12).all()  # three fakes and four raters in every resample
    assert len(np.unique(resampling.sums(np.eye(4, 5), crossed=True))) > 3


def test_a_resample_sums_the_rows_and_the_columns_it_drew():
    resampling = Resampling((2, 3), np.zeros(3), 0.95, 2, 0)
    resampling.draws = np.array([[2, 0], [1, 1]])  # how often each rater was drawn, twice
    resampling.trial_draws = np.array([[1, 1, 1], [0, 3, 0]])
    values = np.array([[1, 2, 3], [10, 20, 30]])
    assert resampling.sums(values).tolist() == [12, 66]
    assert resampling.sums(values, crossed=True).tolist() == [12, 66]
    resampling.trial_draws = np.array([[0, 0, 3], [2, 1, 0]])
    assert resampling.sums(values, crossed=True).tolist() == [18, 44]


def test_every_resample_draws_as_many_raters_and_trials_as_there_are():
    resampling = Resampling((5, 6), np.array([0, 0, 1, 1, 1, 1]), 0.95, 40, 0)
    assert resampling.draws.shape == (40, 5) and set(resampling.draws.sum(axis=1)) == {5}
    assert set(resampling.trial_draws[:, :2].sum(axis=1)) == {2}
    assert set(resampling.trial_draws[:, 2:].sum(axis=1)) == {4}


@pytest.mark.parametrize(
    ("raters", "confidence", "tail"),
    # Φ(t √(n / (n − 1))) with the printed quantiles t = 2.3646, 3.1824 and 1.7291.
    [(8, 0.95, 0.005738), (4, 0.95, 0.000119), (20, 0.9, 0.038024)],
)
def test_the_expanded_percentiles_of_hesterberg_2015(raters, confidence, tail):
    resampling = Resampling((raters, 1), np.zeros(1), confidence, 1, 0)
    even = np.linspace(0, 1, 1001)  # of these numbers, the quantile at x is x
    assert resampling.interval(even) == pytest.approx((tail, 1 - tail), abs=5e-6)
    # A resample without any answer has no share, and counts for nothing.
    assert resampling.interval(np.append(even, np.nan)) == resampling.interval(even)


def test_copies_of_an_image_as_one_source_add_no_information():
    """Three copies of each of six images, with the same answers, are six images."""
    errors = panel(3, 8, 6, 0.1, 0.4)
    alone = Resampling((8, 6), np.zeros(6), 0.95, 500, 1, sources=np.arange(6))
    copied = Resampling((8, 18), np.zeros(18), 0.95, 500, 1, sources=np.repeat(np.arange(6), 3))
    shares = alone.sums(errors, crossed=True) / 48
    tripled = copied.sums(np.repeat(errors, 3, axis=1), crossed=True) / 144
    np.testing.assert_allclose(tripled, shares)
    assert copied.interval(tripled, crossed=True) == pytest.approx(
        alone.interval(shares, crossed=True)
    )
    # Taken one by one they would seem to be worth more.
    one_by_one = Resampling((8, 18), np.zeros(18), 0.95, 500, 1)
    naive = one_by_one.sums(np.repeat(errors, 3, axis=1), crossed=True) / 144
    assert naive.std() < 0.8 * shares.std()


def test_a_source_is_drawn_beside_all_models_at_once_and_strata_keep_their_share():
    strata, sources = np.repeat([0, 1, 2], 6), np.array([*range(6), *range(6), *[-1] * 6])
    resampling = Resampling((5, 18), strata, 0.95, 300, 0, sources)
    drawn = resampling.trial_draws
    np.testing.assert_allclose(drawn[:, :6], drawn[:, 6:12])
    for stratum in range(3):
        np.testing.assert_allclose(drawn[:, strata == stratum].sum(axis=1), 6)
    assert np.abs(np.corrcoef(drawn[:, :12].T, drawn[:, 12:].T)[:12, 12:]).max() < 0.3
    assert resampling.sources == 6 and resampling.fewest() == 5
    few = Resampling((5, 6), np.zeros(6), 0.95, 300, 0, np.array([0, 0, 1, 1, 2, 2]))
    assert all(np.isnan(few.interval(np.linspace(0, 1, 300), crossed=True)))
    assert all(np.isfinite(few.interval(np.linspace(0, 1, 300))))


def test_intervals_by_source_cover_and_those_by_image_do_not():
    """Raters are many and alike; images differ by their source: 10 sources of 12 images."""
    raters, studies, sources = 30, 150, np.repeat(np.arange(10), 12)
    covered = {"source": 0, "image": 0}
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        rate = 0.4 + 0.35 * rng.uniform(-1, 1, 10)[sources]
        errors = (rng.random((raters, 120)) < rate).astype(float)
        for unit, of in (("source", sources), ("image", None)):
            resampling = Resampling(errors.shape, np.zeros(120), 0.95, 300, seed, of)
            shares = resampling.sums(errors, crossed=True) / errors.size
            low, high = resampling.interval(shares, crossed=True)
            covered[unit] += low <= 0.4 <= high
    assert covered["source"] >= stats.binom(studies, 0.95).ppf(0.001)
    assert covered["image"] < 0.8 * studies


# Power -------------------------------------------------------------------------------------


def test_power_in_closed_form():
    # Six judgements: only 0 or 6 errors have p <= 0.05 (2 / 64). With errors of 10 %:
    assert human.power(0.1, 6, 1, spread=0) == pytest.approx(0.9**6 + 0.1**6)
    # Five can never be significant (2 / 32 > 0.05).
    assert human.power(0.1, 5, 1, spread=0) == 0
    # At chance the power is the level of the test: 2 · P(X <= 39 of 100) = 0.0352.
    assert human.power(0.5, 100, 1, spread=0) == pytest.approx(0.0352, abs=5e-5)
    assert human.power(0.4, 20, 10, spread=0) == human.power(0.4, 200, 1, spread=0.3)


def test_power_at_the_edge_of_significance():
    """Both tails count, and a result whose p equals the level is significant."""
    exact = {"spread": 0, "significance": 2 / 64}  # p of 0 or 6 errors among 6
    assert human.power(0.1, 6, 1, **exact) == pytest.approx(0.9**6 + 0.1**6)
    assert human.power(0.1, 6, 1, spread=0, significance=0.99 * 2 / 64) == 0
    # The level is 5 %: of 17, four or fewer have p = 0.0490; of 53, 19 or fewer have p = 0.0534.
    for n, k in ((17, 4), (53, 18)):
        both = stats.binom.cdf(k, n, 0.3) + stats.binom.cdf(k, n, 0.7)
        assert human.power(0.3, n, 1, spread=0) == pytest.approx(both)
    # The same level here; at 5.5 % 194 would do.
    assert human.needed_raters(0.4, 1, spread=0) == 199


def test_answers_of_one_rater_count_less():
    # ρ = 0.1² / 0.24 = 1/24; 12 raters of 25 trials: 300 / (1 + 24/24) = 150 independent answers.
    assert human.power(0.4, 12, 25, spread=0.1) == human.power(0.4, 150, 1, spread=0)
    assert human.power(0.4, 12, 25) == human.power(0.4, 12, 25, spread=0.1)  # the default


def test_power_agrees_with_simulated_studies():
    """Raters who differ: the t test over raters finds what the formula promises."""
    rng = np.random.default_rng(0)
    error, spread, raters, trials = 0.42, 0.12, 12, 40
    size = error * (1 - error) / spread**2 - 1
    rates = rng.beta(error * size, (1 - error) * size, (4000, raters))
    own = rng.binomial(trials, rates) / trials
    found = (stats.ttest_1samp(own, 0.5, axis=1).pvalue < 0.05).mean()
    assert human.power(error, raters, trials, spread=spread) == pytest.approx(found, abs=0.06)
    # Taking the answers for independent would promise much more.
    assert human.power(error, raters, trials, spread=0) > found + 0.2


def test_more_raters_help_and_more_trials_only_up_to_a_point():
    powers = [human.power(0.4, raters, 30) for raters in (5, 10, 20, 40)]
    assert powers == sorted(powers) and powers[-1] > 0.95
    assert human.power(0.45, 10, 10_000) < 0.5  # ten people remain ten people


def test_needed_raters_is_the_first_number_that_suffices():
    needed = human.needed_raters(0.4, 60)
    assert human.power(0.4, needed, 60) >= 0.8
    assert max(human.power(0.4, n, 60) for n in range(1, needed)) < 0.8
    assert human.needed_raters(0.45, 60) > needed
    assert human.needed_raters(0.4, 60, spread=0.2) > needed
    assert human.needed_raters(0.1, 60, spread=0) == 1
    # Six raters have exactly this power, five have none.
    least = human.power(0.1, 6, 1, spread=0)
    assert human.needed_raters(0.1, 1, target=least, spread=0) == 6
    assert human.needed_raters(0.1, 1, target=least + 1e-9, spread=0) > 6
    with pytest.raises(ValueError, match="`error` must differ enough from 0.5 .* 10,000 raters"):
        human.needed_raters(0.5, 10)
    for target in (0, 1):
        with pytest.raises(ValueError, match=rf"`target` must lie in \(0, 1\); received {target}"):
            human.needed_raters(0.4, 10, target=target)


def test_needed_raters_looks_up_to_the_largest_panel_and_no_further():
    options = {"trials": 7, "spread": 0}  # the power of 10,000 is above that of all smaller panels
    target = human.power(0.495, LARGEST_PANEL, **options)
    assert human.needed_raters(0.495, target=target, **options) == LARGEST_PANEL == 10_000
    with pytest.raises(ValueError, match="`error` must differ enough"):
        human.needed_raters(0.495, target=target + 1e-9, **options)


def test_simulated_accuracies_have_the_stated_mean_and_spread():
    ranks = (np.arange(2000) + 0.5) / 2000
    drawn = [_quantile(rank, 0.8, 0.1) for rank in ranks]
    assert (np.mean(drawn), np.std(drawn)) == pytest.approx((0.8, 0.1), abs=2e-4)
    assert drawn == sorted(drawn) and _quantile(0.3, 0.8, 0) == 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"error": 0}, r"`error` must lie in \(0, 1\); received 0"),
        (
            {"spread": 0.5},
            r"`spread` must lie in \[0, 0.49\) for an error .* received 0.5",
        ),
        ({"error": 0.5, "spread": 0.5}, r"`spread` must lie in \[0, 0.5\) .* received 0.5"),
        ({"error": 1}, r"`error` must lie in \(0, 1\); received 1"),
        ({"significance": 1}, r"`significance` must lie in \(0, 1\)"),
        ({"significance": 0}, r"`significance` must lie in \(0, 1\)"),
        ({"raters": 0}, "`raters` must be a positive integer; received 0"),
        ({"trials": 2.5}, "`trials` must be a positive integer; received 2.5"),
    ],
)
def test_power_refuses_what_makes_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        human.power(**{"error": 0.4, "raters": 10, "trials": 20} | arguments)
