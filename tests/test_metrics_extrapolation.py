"""The line behind the extrapolated Fréchet distance, and the smallest sets with an interval."""

import numpy as np
import pytest
import scipy.stats

from gentut import metrics

pytestmark = pytest.mark.filterwarnings("ignore::gentut.metrics.SmallSampleWarning")


def test_the_line_and_its_error_are_those_of_a_regression():
    rng = np.random.default_rng(0)
    real, generated = rng.standard_normal((2, 120, 3))
    line = metrics.frechet_distance_extrapolated(real, generated, points=6)
    theirs = scipy.stats.linregress(1 / line.sizes, line.distances)
    found = line.value, line.slope, line.standard_error
    expected = theirs.intercept, theirs.slope, theirs.intercept_stderr
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("interval", [metrics.bootstrap, metrics.subset_interval])
def test_four_rows_have_an_interval(interval):
    assert interval(np.mean, np.arange(4.0), repeats=5).value == 1.5
