"""The tasks learn what can be learnt, nothing where there is nothing, and the same twice."""

import re

import numpy as np
import pytest

from gentut import tasks
from gentut.tasks import intervals


def bars(n, seed, size=16, classes=2):
    """Noisy bars at random places: class 0 lies, class 1 stands, class 2 is a cross."""
    rng = np.random.default_rng(seed)
    images, labels = 0.1 * rng.random((n, size, size, 1), "float32"), np.arange(n) % classes
    for image, label in zip(images, labels, strict=True):
        a, b = rng.integers(3, size - 6, 2)
        if label in (0, 2):
            image[a : a + 3, 2:-2] = 1
        if label in (1, 2):
            image[2:-2, b : b + 3] = 1
    return images, labels


@pytest.fixture(scope="module")
def trial():
    return tasks.Trial("classification", bars(200, 1), steps=48, batch_size=16)


@pytest.fixture(scope="module")
def short():
    """So short that little is learnt: for what does not depend on it."""
    return tasks.Trial("classification", bars(40, 1), steps=4, batch_size=16)


def permuted(pair):
    return pair[0], np.random.default_rng(0).permutation(pair[1])


@pytest.mark.backend
def test_a_classifier_learns_and_permuted_labels_leave_it_at_chance(trial):
    learnt = trial.score(bars(80, 0))
    assert learnt["accuracy"] > 0.9 and learnt["log_loss"] < 0.4
    assert learnt["accuracy"] == pytest.approx(np.mean(learnt["accuracy_per_class"]))
    # Labels without a meaning, 200 test images: chance is 0.5, standard error 0.035.
    chance = trial.score(permuted(bars(80, 0)))
    assert 0.3 < chance["accuracy"] < 0.7


@pytest.mark.backend
def test_the_same_seed_gives_the_same_training_again(short):
    """Also after another training in between: nothing of it stays behind."""
    train = bars(40, 0)
    first = short.fit(train, seed=0).probabilities(short.images)
    other = short.fit(permuted(train), seed=1).probabilities(short.images)
    again = short.fit(train, seed=0).probabilities(short.images)
    np.testing.assert_allclose(again, first, atol=1e-4)
    assert np.abs(other - first).max() > 0.1
    fresh = tasks.Classifier((16, 16, 1), 2, steps=4, batch_size=16)
    np.testing.assert_allclose(fresh.fit(*train).probabilities(short.images), first, atol=1e-4)


def test_augmentation_changes_every_batch(short):
    train = bars(8, 0)
    plain = short.fit(train).probabilities(short.images)
    changed = short.fit(train, augment=True).probabilities(short.images)
    assert np.abs(plain - changed).max() > 0.02


def test_a_result_says_what_was_run(trial):
    result = trial.run(lambda seed: bars(20 + 2 * seed, seed), seeds=(3, 5))
    assert (result["task"], result["score"]) == ("classification", "accuracy")
    assert (result["seeds"], result["n_train"], result["n_test"]) == ([3, 5], 30, 200)
    alone = trial.score(bars(30, 5), seed=5)["accuracy"]
    assert result["values"] == [pytest.approx(0.9, abs=0.1), pytest.approx(alone, abs=0.011)]
    assert result["mean"] == np.mean(result["values"])


def test_no_train_image_reaches_the_test_scenes():
    """Test scenes are the same whatever the train set is, and built from the test images."""
    test = bars(30, 1)
    trial = tasks.Trial("detection", test, test_scenes=20, scenes=4, steps=1)
    before = trial.test[0].images.copy()
    trial.fit(bars(30, 0))
    np.testing.assert_array_equal(trial.test[0].images, before)
    again = tasks.make_scenes(*test, 20, seed=tasks.trial.TEST_SEED)
    np.testing.assert_array_equal(again.images, before)
    # Training scenes have other places and backgrounds, too.
    training = tasks.make_scenes(*test, 4, seed=0)
    assert not np.array_equal(training.images, before[:4])


# Numbers ----------------------------------------------------------------------------------------


def test_summaries_have_students_interval():
    """3 values 1, 2, 3: sd 1, t(0.975; 2) = 4.302653, half width 4.302653 / √3 = 2.484138."""
    found = tasks.summary([1, 2, 3])
    assert found["mean"] == 2 and found["sd"] == 1
    assert (found["low"], found["high"]) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-5)
    assert tasks.summary([0.5])["low"] is None
    with pytest.raises(ValueError, match="at least one"):
        tasks.summary([])


def test_resampled_test_sets_hold_whole_sources():
    sources = np.array([7, 3, 7, 7, 5])
    weights, units = intervals.resamples(5, sources)
    assert units == 3 and weights.shape == (intervals.RESAMPLES, 5)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, 0], weights[:, 3])
    assert (weights[:, [0, 1, 4]].sum(axis=1) == 3).all()
    alone, units = intervals.resamples(5)
    assert units == 5 and (alone.sum(axis=1) == 5).all()
    assert np.abs(alone.mean(axis=0) - 1).max() < 0.4  # standard error 0.09
    with pytest.raises(ValueError, match=re.escape("`sources` must have shape (5,); received (4")):
        intervals.resamples(5, np.arange(4))


def test_intervals_add_the_variance_of_the_test_set():
    """Values 1, 2, 3: variance of the mean 1/3, 2 degrees of freedom.  Means over trainings on two
    resampled test sets 1 and 3: variance 2, 10 degrees.  Together 7/3, by Welch and Satterthwaite
    (7/3)² / ((1/3)²/2 + 2²/10) = 11.9512 degrees, t = 2.179798."""
    found = tasks.summary([1, 2, 3], [[1, 2], [1, 4], [1, 3]], 11)
    half = 2.179798 * (7 / 3) ** 0.5
    assert (found["low"], found["high"]) == pytest.approx((2 - half, 2 + half), abs=1e-4)
    assert found["units"] == 11 and found["draws"][1] == [1, 4]
    with pytest.raises(ValueError, match="`draws` must have 3 rows, as `values`; received 1"):
        tasks.summary([1, 2, 3], [[1, 2]], 11)


def test_intervals_cover_where_trainings_and_families_both_vary():
    """Scores of 3 trainings on 40 families, with an effect of each of them and of each pair: 95 %
    intervals that count both hold the truth as often as they say, those over trainings do not."""
    rng = np.random.default_rng(0)
    weights, units = intervals.resamples(40)
    hits = np.zeros(2)
    for _ in range(400):
        scores = 0.3 * rng.standard_normal((3, 1)) + 2 * rng.standard_normal(40)
        scores = scores + rng.standard_normal((3, 40))
        values, draws = scores.mean(axis=1), scores @ weights.T / 40
        for k, found in enumerate((tasks.summary(values, draws, units), tasks.summary(values))):
            hits[k] += found["low"] <= 0 <= found["high"]
    assert 0.92 <= hits[0] / 400 <= 0.99
    assert hits[1] / 400 < 0.85


@pytest.mark.parametrize(
    "values, verdict",
    [
        ([0.61, 0.72, 0.80], "better"),  # differences 0.11, 0.12, 0.10
        ([0.39, 0.48, 0.61], "worse"),  # −0.11, −0.12, −0.09
        ([0.70, 0.50, 0.75], "not settled"),
    ],
)
def test_differences_are_paired_by_seed(values, verdict):
    baseline = {"values": [0.5, 0.6, 0.7], "seeds": [0, 1, 2]}
    assert tasks.difference({"values": values, "seeds": [0, 1, 2]}, baseline)["verdict"] == verdict
    with pytest.raises(ValueError, match=re.escape("the same seeds; received [1, 0, 2] and [0")):
        tasks.difference({"values": values, "seeds": [1, 0, 2]}, baseline)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: tasks.Trial("captions", bars(4, 0)), "`task` must be one of classification, det"),
        (lambda: tasks.Trial("classification", bars(4, 0)[0]), "`test` must be a pair"),
        (lambda: tasks.Trial("classification", bars(4, 0), steps=0), "`steps` must be a positive"),
        (lambda: tasks.Classifier((16, 16, 1), 1), "`num_classes` must be an integer of at "),
        (
            lambda: tasks.Trial("classification", bars(4, 0)).run(bars(4, 0), seeds=(1, 1)),
            "`seeds` must be one or more different ints; received [1, 1]",
        ),
        (
            lambda: tasks.Trial("classification", bars(4, 0)).fit(bars(4, 0, size=18)),
            "`train` must have shape (n, 16, 16, 1)",
        ),
        (
            lambda: tasks.Trial("classification", bars(4, 0)).fit(bars(6, 0, classes=3)),
            "`labels` must lie in [0, 2)",
        ),
        (
            lambda: tasks.Trial("classification", bars(4, 0)).fit(bars(4, 0), seed=-1),
            "`seed` must be an integer in [0, 2**31); received -1.",
        ),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_an_untrained_network_says_so():
    with pytest.raises(RuntimeError, match="must be trained first"):
        tasks.Classifier((16, 16, 1), 2).predict(bars(2, 0)[0])


@pytest.mark.backend
def test_the_learners_weights_follow_from_the_seed():
    from keras import ops

    for learner in (
        tasks.Classifier((16, 16, 1), 2),
        tasks.Detector((64, 64, 1), 2),
        tasks.Segmenter((64, 64, 1), 2),
    ):
        a, b, c = (
            [ops.convert_to_numpy(w.value) for w in learner.build(seed).trainable_variables]
            for seed in (0, 0, 1)
        )
        kernels = [i for i, w in enumerate(a) if w.ndim > 1]
        assert all(np.array_equal(a[i], b[i]) and not np.array_equal(a[i], c[i]) for i in kernels)
        assert len({w.tobytes() for w in (a[i] for i in kernels)}) == len(kernels)
