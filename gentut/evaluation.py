"""Score a trained model against held-out images: one flat dict of numbers with their origin."""

import time

import numpy as np

from gentut import data as image_data
from gentut import features, metrics
from gentut.checks import check_positive

NEIGHBOURS = 5  # nearest_k of precision, recall, density and coverage
PRDC_LIMIT = 5_000  # images of each side that they look at


class Judge:
    """Held-out images of a data set, seen through one feature extractor.

    Args:
        data: what `gentut.data.load` takes, a name or a folder.
        options: passed to `gentut.data.load`, such as ``{"size": 64}``.
        limit: use at most so many images of each split.
        seed: of the choice of images.
    """

    def __init__(self, data="glyphs", options=None, limit=10_000, seed=0):
        options = dict(options or {})
        rng = np.random.default_rng(seed)

        def part(split):
            images, labels = image_data.load(data, split, **options)
            rows = rng.permutation(len(images))[:limit]
            return images[rows], labels[rows]

        self.data, self.seed = str(data), seed
        (self.train, self.train_labels), (self.test, self.test_labels) = part("train"), part("test")
        self.num_classes = int(max(self.train_labels.max(), self.test_labels.max())) + 1
        self.extractor = features.for_data(data, self.train.shape[1:], self.num_classes)
        self.train_features = self.extractor(self.train)
        self.test_features = self.extractor(self.test)

    def floor(self):
        """Fréchet distance of real training images against the held-out ones."""
        return metrics.frechet_distance(self.test_features, self.train_features)

    def ceiling(self):
        """Fréchet distance of uniform noise against the held-out images."""
        shape = (min(len(self.test), 2_000), *self.test.shape[1:])
        noise = np.random.default_rng(self.seed).random(shape, "float32")
        return metrics.frechet_distance(self.test_features, self.extractor(noise))

    def score(self, generated):
        """Scores of generated images ``(n, h, w, c)`` against the held-out ones; a flat dict."""
        codes = self.extractor(generated)
        distance = metrics.subset_interval(
            metrics.frechet_distance, self.test_features, codes, repeats=10, seed=self.seed
        )
        scores = {
            "frechet_distance": distance.value,
            "frechet_distance_low": distance.low,
            "frechet_distance_high": distance.high,
        }
        neighbours = metrics.precision_recall_density_coverage(
            self.test_features[:PRDC_LIMIT], codes[:PRDC_LIMIT], nearest_k=NEIGHBOURS
        )
        copying = metrics.memorisation(
            self.train_features, self.test_features[:PRDC_LIMIT], codes[:PRDC_LIMIT]
        )
        return (
            scores
            | {name: float(v) for name, v in neighbours.items()}
            | {
                "memorisation_c_t": copying["c_t"],
                "distance_to_training": copying["generated_distance"] / copying["heldout_distance"],
                "n_generated": len(generated),
                "n_real": len(self.test),
                "features": self.extractor.name,
                "split": "test",
            }
        )

    def nearest(self, generated, count=8):
        """The `count` training images nearest to each generated one, and their distances.

        Returns images ``(n, count, h, w, c)`` and distances ``(n, count)`` in feature space.
        """
        codes = self.extractor(generated).astype("float64")
        known = self.train_features.astype("float64")
        square = (codes**2).sum(1)[:, None] + (known**2).sum(1) - 2 * codes @ known.T
        rows = np.argsort(square, axis=1)[:, :count]
        distances = np.sqrt(np.maximum(np.take_along_axis(square, rows, axis=1), 0))
        return self.train[rows], distances


def evaluate(model, data="glyphs", n=10_000, seed=0, judge=None):
    """Score a model against the held-out images of a data set.

    Args:
        model: anything with ``sample(n, labels=None, seed=None)``.
        data: what `gentut.data.load` takes.
        n: generated images to score.
        seed: of the samples and of every random choice.
        judge: a `Judge` that is already there, instead of a new one for `data`.

    Returns:
        A flat dict: Fréchet distance with a 95 % interval, precision, recall, density, coverage,
        how near samples lie to training images, and for models that have them the ELBO and the
        error of reconstructions; with sample counts, feature name, split and seconds.
    """
    check_positive("n", n)
    judge = judge or Judge(data, seed=seed)
    labels = None
    if getattr(model, "num_classes", None) is not None:
        labels = (np.arange(n) % model.num_classes).astype("int32")  # equal shares
    start = time.perf_counter()
    generated = model.sample(n, labels=labels, seed=seed)
    seconds = time.perf_counter() - start
    if generated.shape[1:] != judge.test.shape[1:]:
        raise ValueError(
            f"`model` must make images of shape {judge.test.shape[1:]}, those of {judge.data!r};"
            f" it makes {generated.shape[1:]}."
        )
    scores = {"data": judge.data, "seed": seed, **judge.score(generated)}
    scores["frechet_distance_floor"] = judge.floor()
    scores["seconds_per_1000"] = 1000 * seconds / n
    scores["parameters"] = parameters(model)
    if hasattr(model, "elbo"):
        labels = judge.test_labels if model.num_classes is not None else None
        scores["elbo_test"] = float(model.elbo(judge.test, labels, seed=seed).mean())
        pairs = judge.test, model.reconstruct(judge.test, labels)
        scores["reconstruction_psnr"] = float(np.mean(metrics.psnr(*pairs)))
        scores["reconstruction_ssim"] = float(np.mean(metrics.ssim(*pairs)))
    return scores


def parameters(model):
    """Numbers that are learnt and needed to generate."""
    for name in ("generator", "decoder"):
        if hasattr(model, name):
            return getattr(model, name).count_params()
    return model.count_params()
