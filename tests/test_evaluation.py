"""Scores of models whose verdict is known beforehand: copies, noise, shifted pixels."""

import warnings

import numpy as np
import pytest
from scipy import stats
from tiny import fit_eagerly, make_photographs, shrink_recipes

import gentut
from gentut import metrics
from gentut.evaluation import evaluate as evaluation
from gentut.evaluation import reference as reference_module
from gentut.models.pca_mixture import PCAMixture

CROWD = (
    "frechet_distance",
    "kernel_distance",
    "inception_score",
    "precision",
    "recall",
    "density",
    "coverage",
)
OPTIONS = {"size": 16, "channels": 1}


class Replay:
    """A "model" that gives out the images it was made with."""

    def __init__(self, images, num_classes=None):
        self.images, self.num_classes, self.asked = images, num_classes, None

    def sample(self, n, labels=None, seed=None):
        self.asked = labels
        return self.images[:n]

    def count_params(self):
        return self.images.size


class Shifter(Replay):
    """It can also "reconstruct" (every pixel 0.1 towards the middle) and knows its likelihood."""

    def __init__(self, images, gain=2.0):
        super().__init__(images)
        self.gain = gain

    def reconstruct(self, images, labels=None):
        return np.where(images < 0.5, images + 0.1, images - 0.1).astype("float32")

    def elbo(self, images, labels=None, seed=0):
        return -images.sum(axis=(1, 2, 3))

    def log_likelihood(self, images, labels=None, samples=100, seed=None):
        return self.elbo(images) + self.gain


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return make_photographs(tmp_path_factory.mktemp("photographs"), train=60, test=30)


@pytest.fixture(scope="module")
def letters():
    return evaluation.ReferenceSet("glyphs", limit=600)


@pytest.fixture(scope="module")
def reference(photographs):
    """No classifier of ours fits a folder: it is seen by random convolutions."""
    return evaluation.ReferenceSet(photographs, OPTIONS)


def noise(n, shape=(28, 28, 1)):
    return np.random.default_rng(5).random((n, *shape), "float32")


def all_finite(scores):
    numbers = [value for value in scores.values() if not isinstance(value, str | dict)]
    return np.isfinite(np.concatenate([numbers, *scores["halves"].values()])).all()


# Stories with a known verdict -------------------------------------------------------------------


def test_copies_of_training_images_score_well_and_are_found_out(letters):
    scores = letters.score(letters.train[:600])
    assert scores["distance_to_training"] < 1e-3 and scores["memorisation_c_t"] < -10
    assert scores["memorisation_p_value"] < 1e-10
    # Everything else is fooled.
    assert scores["precision"] > 0.8 and scores["frechet_distance"] < 2


def test_noise_is_worse_than_the_gaussian_and_that_worse_than_real_images(letters):
    scores = letters.references(600)
    for name in ("frechet_distance", "kernel_distance"):
        real, gaussian, noisy = (scores[f"{name}_{k}"] for k in ("real", "gaussian", "noise"))
        assert real < 0.1 * gaussian < 0.1 * noisy
    for name in ("recall", "coverage", "inception_score"):
        real, gaussian, noisy = (scores[f"{name}_{k}"] for k in ("real", "gaussian", "noise"))
        assert real > gaussian > noisy
    # Unseen letters look like training letters: without bias nothing is between them.
    assert abs(scores["kernel_distance_real"]) < 0.01


def test_dropped_classes_cost_recall_and_not_precision(letters):
    half = letters.train[letters.train_labels < 5][:600]
    scores, real = letters.score(half), letters.references(600)
    assert scores["precision"] > real["precision_real"] - 0.05
    assert scores["recall"] < real["recall_real"] - 0.2
    assert scores["coverage"] < real["coverage_real"] - 0.2
    assert scores["inception_score"] < 5.1 < real["inception_score_real"]  # five classes are left


def test_references_are_what_their_images_score(letters):
    found, again = letters.references(600), letters.score(letters.train[:600])
    assert {
        f"{name}_{k}"
        for name in (*CROWD, "frechet_distance_extrapolated")
        for k in ("real", "gaussian", "noise")
    } == set(found)
    for name in CROWD:
        assert found[f"{name}_real"] == pytest.approx(again[name], rel=1e-5), name
    assert letters.references(600) is found  # computed once


def test_floor_and_ceiling_enclose_what_models_can_score(letters):
    floor, ceiling = letters.floor(), letters.ceiling()
    blurred = letters.train[:600] * 0.5 + 0.25
    assert floor < letters.score(blurred)["frechet_distance"] < ceiling


def test_every_interval_holds_its_value_and_stays_in_range(letters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.SmallSampleWarning)
        several = [letters.score(letters.train[::7][:n]) for n in (300, 20)]
    for scores in several:
        for name in CROWD:
            low, value, high = (scores[f"{name}{end}"] for end in ("_low", "", "_high"))
            assert low <= value <= high and low < high, name
        for name in ("precision", "recall", "coverage"):
            assert scores[f"{name}_low"] >= 0 and scores[f"{name}_high"] <= 1
        assert scores["frechet_distance_low"] >= 0 and scores["kernel_distance_sd"] > 0
    assert several[1]["precision_high"] == 1  # its value ± 1.96 standard errors reaches beyond


def test_generated_images_may_come_sorted_by_class(letters, monkeypatch):
    """Only 200 are compared with their neighbours: of the first 200, all would be A to D."""
    monkeypatch.setattr(reference_module, "PRDC_LIMIT", 200)
    order = np.argsort(letters.train_labels[:600], kind="stable")
    scores = letters.score(letters.train[:600][order])
    assert scores["coverage"] > 0.8 and scores["recall"] > 0.7
    assert scores["coverage_low"] > 0.6
    assert scores["n_neighbours"] == 200


# Likelihoods and reconstructions ----------------------------------------------------------------


def test_likelihood_and_reconstruction_scores_worked_out_by_hand(reference):
    scores = evaluation.evaluate(Shifter(noise(60, (16, 16, 1))), n=60, reference=reference)
    bounds = -reference.test.sum(axis=(1, 2, 3), dtype="float64")
    assert scores["elbo_test"] == pytest.approx(bounds.mean(), rel=1e-5)
    # All images gain two nats, so that their choice adds no uncertainty.
    assert scores["importance_weighted_bound"] == pytest.approx(bounds.mean() + 2, rel=1e-5)
    margin = stats.t(59).ppf(0.975) * bounds.std(ddof=1) / np.sqrt(60)
    for name, mean in (
        ("elbo_test", bounds.mean()),
        ("importance_weighted_bound", bounds.mean() + 2),
    ):
        assert scores[f"{name}_low"] == pytest.approx(mean - margin, rel=1e-3)
        assert scores[f"{name}_high"] == pytest.approx(mean + margin, rel=1e-3)
    assert scores["reconstruction_psnr"] == pytest.approx(20, abs=1e-3)  # −10 log10 0.1²
    assert 0 < scores["reconstruction_ssim"] < 1
    assert scores["reconstruction_perceptual"] > 0
    assert (scores["n_elbo"], scores["n_bound"], scores["importance_samples"]) == (60, 60, 100)
    assert scores["n_reconstructions"] == 60


def test_the_bound_of_a_few_images_stands_beside_the_elbo_of_all(letters):
    """600 test images, 250 of them with the bound: their own level must not show."""
    scores = evaluation.evaluate(Shifter(letters.train, gain=5.0), n=50, reference=letters)
    assert scores["n_elbo"] == 600 and scores["n_bound"] == 250
    assert scores["importance_weighted_bound"] - scores["elbo_test"] == pytest.approx(5, abs=1e-3)
    assert scores["left_out"] == ""


def test_the_interval_of_the_bound_covers():
    """Simulated, ELBO and gain correlated: 95 % intervals hold the true mean 95 times in 100."""
    rng = np.random.default_rng(1)
    reference = object.__new__(evaluation.ReferenceSet)
    reference.test_pixels, reference.test_sources = np.zeros((1000, 1, 1, 1), "float32"), None
    reference.seed, hits = 0, 0
    for _ in range(800):
        bounds = rng.normal(-100, 30, 1000)
        total = bounds + 3 + (bounds + 100) + rng.normal(0, 2, 1000)

        class Model:
            elbo = staticmethod(lambda x, y, seed, b=bounds: b)
            log_likelihood = staticmethod(lambda x, y, samples, seed, t=total: t[: len(x)])

        scores, _ = evaluation._likelihood(Model(), reference, None, 0)
        ends = (scores[f"importance_weighted_bound_{end}"] for end in ("low", "high"))
        hits += next(ends) <= -97 <= next(ends)
    assert 0.927 <= hits / 800 <= 0.973  # three standard errors


def test_what_a_model_or_a_judge_cannot_is_said_and_left_out(reference):
    scores = evaluation.evaluate(Replay(noise(40, (16, 16, 1))), n=40, reference=reference)
    assert scores["left_out"] == (
        "likelihood bounds (the model has none); reconstructions (the model makes none); "
        "inception score (random-conv 16×16 (seed 0) knows no classes)"
    )
    absent = ("elbo_test", "importance_weighted_bound", "reconstruction_psnr", "inception_score")
    assert not set(absent) & set(scores)


# Counts, names, seeds ---------------------------------------------------------------------------


def test_scores_say_where_they_come_from(reference, photographs):
    model = Replay(reference.train, num_classes=2)
    scores = evaluation.evaluate(model, n=40, seed=3, reference=reference)
    expected = {
        "data": str(photographs),
        "split": "test",
        "seed": 3,
        "n_generated": 40,
        "n_real": 60,
        "n_train": 120,
        "nearest_k": 5,
        "features": "random-conv 16×16 (seed 0)",
        "parameters": 120 * 256,
    }
    assert {name: scores[name] for name in expected} == expected
    assert scores["seconds_per_1000"] > 0 and scores["seconds_evaluate"] > 0
    np.testing.assert_array_equal(np.bincount(model.asked), [20, 20])  # equal shares
    halves = scores.pop("halves")
    assert all(isinstance(value, int | float | str) for value in scores.values())
    assert scores["resampled"] == "test and generated images one by one"
    assert {f"{name}_low" for name in halves} < set(scores)
    assert {len(values) for values in halves.values()} == {reference_module.HALVES}


def test_labels_come_in_the_shares_of_the_training_images(photographs):
    reference = evaluation.ReferenceSet(photographs, options={"size": 16, "channels": 1})
    reference.train_labels = np.repeat([0, 1], [90, 30])
    labels = reference.labels(400)
    np.testing.assert_array_equal(np.bincount(labels), [300, 100])
    assert labels.dtype == "int32"
    assert 0.6 < np.mean(labels[:100] == 0) < 0.9  # mixed, not sorted: a part stands for the whole


def test_the_same_seed_gives_the_same_scores(photographs):
    def scores(seed):
        images = noise(50, (16, 16, 1))
        found = gentut.evaluate(
            Replay(images), n=50, reference=evaluation.ReferenceSet(photographs, OPTIONS, seed=seed)
        )
        return {k: v for k, v in found.items() if not k.startswith("seconds")}

    assert scores(1) == scores(1) != scores(2)


def test_nearest_gives_the_nearest_training_images(reference):
    images, distances = reference.nearest(reference.test[:3], count=4)
    codes = reference.extractor(reference.test[:3])
    for i in range(3):
        every = np.linalg.norm(reference.train_features - codes[i], axis=1)
        np.testing.assert_allclose(distances[i], np.sort(every)[:4], rtol=1e-4)
        np.testing.assert_array_equal(images[i, 0], reference.train[every.argmin()])


@pytest.mark.backend
def test_a_trained_vae_is_scored_from_end_to_end(photographs, reference, monkeypatch):
    shrink_recipes(monkeypatch)
    images, labels = gentut.data.load(photographs, "train", **OPTIONS)
    vae = gentut.build("vae", (16, 16, 1), num_classes=2)
    fit_eagerly(vae, images, labels, epochs=2)
    decoder = vae.decoder.count_params()
    assert evaluation.parameters(vae) == decoder
    vae.fit_prior(images, labels, components=2)
    # Two Gaussians over four latents: weight, mean, scale and class of each.
    assert evaluation.parameters(vae) == decoder + 2 * (1 + 4 + 16 + 1)
    scores = gentut.evaluate(vae, n=30, reference=reference)
    gap = scores["importance_weighted_bound"] - scores["elbo_test"]
    assert -0.1 < gap < 10  # near 0 in so few steps; the noise of one draw can be on either side
    assert all_finite(scores)


# Bad input --------------------------------------------------------------------------------------

BAD = [
    (
        lambda reference: evaluation.evaluate(Replay(reference.train), n=5, reference=reference),
        "`n` must be an integer of at least 12; received 5.",
    ),
    (
        lambda reference: evaluation.evaluate(Replay(reference.train), n=True, reference=reference),
        "`n` must be an integer of at least 12; received True.",
    ),
    (
        lambda reference: evaluation.evaluate(Replay(noise(40)), n=40, reference=reference),
        "`model` must make images of shape (16, 16, 1), those of ",
    ),
    (
        lambda reference: evaluation.evaluate(
            Replay(reference.train, num_classes=10), n=40, reference=reference
        ),
        "`model` must have the 2 classes of ",
    ),
    (
        lambda reference: reference.score(noise(40)),
        "`generated` must have shape (n, 16, 16, 1), the model's image shape; received",
    ),
    (
        lambda reference: reference.score(reference.train[:3]),
        "`generated` must hold at least 12 images; received 3.",
    ),
    (lambda reference: reference.score(reference.train * 2), "`generated` must lie in [0, 1]"),
    (lambda reference: evaluation.ReferenceSet("nowhere"), "`name_or_folder` must be glyphs"),
]


@pytest.mark.parametrize("call, message", BAD, ids=[message[:40] for _, message in BAD])
def test_bad_input_is_named(call, message, reference):
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        call(reference)
    assert str(error.value).startswith(message)


def test_too_few_held_out_images_are_no_judge(tmp_path):
    few = make_photographs(tmp_path / "few", train=20, test=2)
    with pytest.raises(ValueError, match="at least 12 test images to judge by; .* which holds 4"):
        evaluation.ReferenceSet(few, OPTIONS)


@pytest.mark.filterwarnings("ignore:.*only 20 samples")
def test_the_gaussian_of_the_references_is_that_of_the_recipe(photographs, monkeypatch):
    made = []

    def kept(*arguments, **options):
        made.append(PCAMixture(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(reference_module, "PCAMixture", kept)
    evaluation.ReferenceSet(photographs, OPTIONS).references(20)
    recipe = gentut.build("gaussian", (16, 16, 1)).get_config()
    assert {**made[0].get_config(), "name": ""} == {**recipe, "name": ""}


def test_the_smallest_sets_are_scored_with_a_warning(tmp_path):
    small = evaluation.ReferenceSet(make_photographs(tmp_path / "small", train=6, test=6), OPTIONS)
    with pytest.warns(metrics.SmallSampleWarning):
        scores = evaluation.evaluate(Replay(small.train), n=12, reference=small)
    assert all_finite(scores)


# Sources ------------------------------------------------------------------------------------------


def test_the_letters_of_a_family_are_drawn_together(letters):
    families = gentut.data.sources("glyphs", "test")
    images, _ = gentut.data.load("glyphs", "test")
    places = {}
    for image, family in zip(images, families, strict=True):
        places.setdefault(image.tobytes(), set()).add(family)  # an I can look the same in several
    for image, family in zip(letters.test, letters.test_sources, strict=True):
        assert family in places[image.tobytes()]
    count = len(set(letters.test_sources))
    assert letters.resampled == (f"test images by typeface family ({count}), generated one by one")
    # The mean of a value that all letters of a family share is known as families are, not letters.
    by_family = np.random.default_rng(0).normal(size=families.max() + 1)[letters.test_sources]
    found = letters.mean(elbo_test=by_family)
    expected = metrics.mean_interval(by_family, letters.test_sources)
    assert (found["elbo_test_low"], found["elbo_test_high"]) == (expected.low, expected.high)
    assert expected.standard_error > 1.2 * metrics.mean_interval(by_family).standard_error
    spread = np.std(found["halves"]["elbo_test"], ddof=1)
    assert spread == pytest.approx(expected.standard_error, rel=0.5)


def test_two_models_see_the_same_halves_of_the_test_images(letters):
    def metric(real, generated):
        return {"real": float(real.mean()), "generated": float(generated.mean())}

    first, second = (
        letters.halves(metric, letters.test_features, letters.train_features[rows], images=1)
        for rows in (slice(0, 50), slice(50, 90))
    )
    assert first["real"] == second["real"] and first["generated"] != second["generated"]
