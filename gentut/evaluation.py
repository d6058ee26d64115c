"""Score a trained model against held-out images: one flat dict of numbers with their origin."""

import time

import numpy as np

from gentut import data as image_data
from gentut import features, metrics, presets
from gentut.checks import check_images

NEIGHBOURS = 5  # nearest_k of precision, recall, density and coverage
PRDC_LIMIT = 5_000  # images of each side that they look at
TRAIN_LIMIT = 60_000  # training images among which copies are sought
HALVES = 20  # random halves behind each interval
SUBSETS, SUBSET_SIZE = 50, 1_000  # of the kernel distance
SPLITS = 10  # of the inception score
PAIRS = 500  # reconstructions that are compared
BOUND_IMAGES, BOUND_SAMPLES = 250, 100  # of the importance-weighted bound
RANGES = {  # that an interval cannot leave; the unbiased kernel distance can be below zero
    "frechet_distance": (0, np.inf),
    "kernel_distance": (-np.inf, np.inf),
    "inception_score": (1, np.inf),
    "precision": (0, 1),
    "recall": (0, 1),
    "density": (0, np.inf),
    "coverage": (0, 1),
}
SMALLEST = 12  # images of each side: a half must hold more than the 5 neighbours


class Judge:
    """Held-out images of a data set, seen through one feature extractor.

    Attributes:
        train, test: images ``(n, h, w, c)``; their labels are `train_labels` and `test_labels`,
            their features `train_features` and `test_features`.
        class_names: names of the classes, in the order of the labels.
        extractor: what sees them, see `gentut.features.for_data`.

    Args:
        data: what `gentut.data.load` takes, a name or a folder.
        options: passed to `gentut.data.load`, such as ``{"size": 64}``.
        limit: use at most so many test images, and as many training images as their reference.
        seed: of the choice of images and of all that is drawn later.

    Raises:
        ValueError: fewer than 12 images in a split, or what `gentut.data.load` raises.
    """

    def __init__(self, data="glyphs", options=None, limit=10_000, seed=0):
        options = dict(options or {})
        rng = np.random.default_rng(seed)

        def part(split, most):
            images, labels = image_data.load(data, split, **options)
            if len(images) < SMALLEST:
                raise ValueError(
                    f"`data` must hold at least {SMALLEST} {split} images to judge by; received"
                    f" {str(data)!r}, which holds {len(images)}."
                )
            rows = rng.permutation(len(images))[:most]
            return images[rows], labels[rows]

        self.data, self.seed, self.limit = str(data), seed, limit
        self.train, self.train_labels = part("train", TRAIN_LIMIT)
        self.test, self.test_labels = part("test", limit)
        self.class_names = image_data.class_names(data)
        self.num_classes = len(self.class_names)
        self.extractor = features.for_data(data, self.train.shape[1:], self.num_classes)
        self.train_features = self.extractor(self.train)
        self.test_features = self.extractor(self.test)
        self._references = {}

    def floor(self):
        """Fréchet distance of real training images against the held-out ones."""
        return metrics.frechet_distance(self.test_features, self.train_features[: self.limit])

    def ceiling(self):
        """Fréchet distance of uniform noise against the held-out images."""
        noise = self.extractor(self._noise(min(len(self.test), 2_000)))
        return metrics.frechet_distance(self.test_features, noise)

    def _noise(self, n):
        return np.random.default_rng(self.seed).random((n, *self.test.shape[1:]), "float32")

    def labels(self, n):
        """`n` labels, int32, in the shares of the training images and in random order.

        A model of p(image | class) says nothing of p(class), so that shares other than those of
        the data would be counted as its error.
        """
        places = (np.arange(n) + 0.5) / n * len(self.train_labels)
        labels = np.sort(self.train_labels)[places.astype(int)]
        return np.random.default_rng(self.seed).permutation(labels).astype("int32")

    def references(self, n):
        """Scores of `n` images that no network made: what a score can be held against.

        Returns:
            A flat dict, each score of a crowd (Fréchet distance, precision, …) three times: with
            the suffix ``_real`` for training images (as good as it gets: a distance's floor),
            ``_gaussian`` for samples of one Gaussian over 64 principal components, and ``_noise``
            for uniform noise (a distance's ceiling).
        """
        if n not in self._references:
            gaussian = presets.build("gaussian", self.train.shape[1:])
            gaussian.fit(self.train[: self.limit], seed=self.seed)
            crowds = {
                "real": self.train_features[:n],
                "gaussian": self.extractor(gaussian.sample(n, seed=self.seed)),
                "noise": self.extractor(self._noise(n)),
            }
            self._references[n] = {
                f"{score}_{name}": value
                for name, codes in crowds.items()
                for score, value in self._of_crowd(codes).items()
            }
        return self._references[n]

    def score(self, generated):
        """Scores of generated images ``(n, h, w, c)``, n ≥ 12, against the held-out ones.

        Returns:
            A flat dict; `evaluate` says what its keys mean.
        """
        codes = self.extractor(check_images(generated, self.test.shape[1:], "generated"))
        if len(codes) < SMALLEST:
            raise ValueError(
                f"`generated` must hold at least {SMALLEST} images; received {len(codes)}."
            )
        copying = metrics.memorisation(
            self.train_features, self.test_features[:PRDC_LIMIT], codes[:PRDC_LIMIT]
        )
        return (
            self._of_crowd(codes)
            | self._uncertainty(codes)
            | {
                "memorisation_c_t": copying["c_t"],
                "memorisation_p_value": copying["p_value"],
                "memorisation_closer": copying["closer"],
                "memorisation_closer_low": copying["closer_low"],
                "memorisation_closer_high": copying["closer_high"],
                "distance_to_training": copying["generated_distance"] / copying["heldout_distance"],
                "n_generated": len(generated),
                "n_real": len(self.test),
                "n_train": len(self.train),
                "n_neighbours": min(PRDC_LIMIT, len(generated)),
                "nearest_k": NEIGHBOURS,
                "features": self.extractor.name,
                "split": "test",
            }
        )

    def _of_crowd(self, codes):
        """Scores that compare two crowds of features, or look at one."""
        scores = {
            "frechet_distance": metrics.frechet_distance(self.test_features, codes),
            "kernel_distance": metrics.kernel_distance(self.test_features, codes),
        }
        if min(len(codes), len(self.test)) >= 3 * (codes.shape[1] + 1):
            line = metrics.frechet_distance_extrapolated(self.test_features, codes, seed=self.seed)
            scores["frechet_distance_extrapolated"] = line.value
        if self.extractor.num_classes is not None:
            scores["inception_score"], _ = self._inception_score(codes)
        return scores | self._neighbourhoods(self.test_features, codes)

    def _uncertainty(self, codes):
        """95 % intervals, and the spread over subsets or splits that is usually published."""

        def interval(metric, *arrays):
            return metrics.subset_interval(metric, *arrays, repeats=HALVES, seed=self.seed)

        real = self.test_features
        few = real[:PRDC_LIMIT], codes[:PRDC_LIMIT]
        found = {
            "frechet_distance": interval(metrics.frechet_distance, real, codes),
            "kernel_distance": interval(metrics.kernel_distance, real, codes),
            **interval(self._neighbourhoods, *few),
        }
        if self.extractor.num_classes is not None:
            found["inception_score"] = interval(lambda part: self._inception_score(part)[0], codes)
        scores = {}
        for name, value in found.items():
            low, high = RANGES[name]
            scores[f"{name}_low"] = float(max(low, value.low))
            scores[f"{name}_high"] = float(min(high, value.high))
        size = min(SUBSET_SIZE, len(real) // 2, len(codes) // 2)
        _, scores["kernel_distance_sd"] = metrics.kernel_distance(
            real, codes, subsets=SUBSETS, subset_size=size, seed=self.seed
        )
        if self.extractor.num_classes is not None:
            _, scores["inception_score_sd"] = self._inception_score(codes, SPLITS)
        return scores

    def _neighbourhoods(self, real, codes):
        return metrics.precision_recall_density_coverage(
            real[:PRDC_LIMIT], codes[:PRDC_LIMIT], nearest_k=NEIGHBOURS
        )

    def _inception_score(self, codes, splits=1):
        return metrics.inception_score(
            self.extractor.classify(codes), splits=min(splits, len(codes)), seed=self.seed
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
        model: anything with ``sample(n, labels=None, seed=None)``; what else it can (`elbo`,
            `log_likelihood`, `reconstruct`, as `gentut.VAE` has them) is scored as well.
        data: what `gentut.data.load` takes.
        n: generated images to score, at least 12.  Conditional models draw each
            class as often as it occurs in the training images.
        seed: of the samples and of every random choice.
        judge: a `Judge` that is already there, instead of a new one for `data`.

    Returns:
        A flat dict of numbers and texts:

        - ``frechet_distance``, ``frechet_distance_extrapolated`` (for n → ∞), ``kernel_distance``
          (unbiased, so it can be below zero), ``inception_score``, ``precision``, ``recall``,
          ``density``, ``coverage``.  Most also with the ends of a 95 % interval, ``…_low`` and
          ``…_high``, and all but the intervals also for real training images, one PCA-Gaussian
          and noise: ``…_real``, ``…_gaussian``, ``…_noise`` (see `Judge.references`).
          ``kernel_distance_sd`` and ``inception_score_sd``: spread over 50 subsets of 1,000 (or
          half of the images) and over 10 splits, as papers publish it.
        - ``memorisation_c_t``, ``memorisation_p_value``: are generated images nearer to training
          images than held-out ones are?  Far below 0: yes (see `gentut.metrics.memorisation`).
        - ``memorisation_closer``, ``…_low``, ``…_high``: how often a generated image is nearer to
          its training neighbour than a held-out one is to its own; 0.5 is neutral; 95 % interval.
          ``distance_to_training``: median distance to the nearest training image, over that of
          held-out images.
        - ``elbo_test`` (mean over the test images, nats) and ``importance_weighted_bound``: the
          ELBO plus the mean gain over it of 100 importance samples on ``n_bound`` test images.
        - ``reconstruction_psnr`` (dB), ``…_ssim``, ``…_perceptual``: means over
          ``n_reconstructions`` test images.
        - ``n_generated``, ``n_real``, ``n_train``, ``n_neighbours`` (of precision to coverage,
          and of memorisation), ``nearest_k``, ``features``, ``split``, ``data``, ``seed``,
          ``parameters``, ``seconds_per_1000`` (to generate), ``seconds_evaluate`` (all of it).
        - ``left_out``: scores that this model or judge cannot have, and why; "" if none.

    Raises:
        ValueError: `n` is too small, or the model makes images of another shape than the data's.
    """
    start = time.perf_counter()
    check_count(n)
    if not callable(getattr(model, "sample", None)):
        raise TypeError(f"`model` must have a method `sample`; received {model!r}.")
    judge = judge or Judge(data, seed=seed)
    classes = getattr(model, "num_classes", None)
    if classes not in (None, judge.num_classes):
        raise ValueError(
            f"`model` must have the {judge.num_classes} classes of {judge.data!r}, or none; it has"
            f" {classes}."
        )
    labels = None if classes is None else judge.labels(n)
    began = time.perf_counter()
    generated = model.sample(n, labels=labels, seed=seed)
    seconds = time.perf_counter() - began
    if generated.shape[1:] != judge.test.shape[1:]:
        raise ValueError(
            f"`model` must make images of shape {judge.test.shape[1:]}, those of {judge.data!r};"
            f" it makes {generated.shape[1:]}."
        )
    test_labels = None if classes is None else judge.test_labels
    likelihood, no_likelihood = _likelihood(model, judge.test, test_labels, seed)
    pairs, no_pairs = _reconstructions(model, judge, test_labels)
    absent = [no_likelihood, no_pairs]
    if judge.extractor.num_classes is None:
        absent.append(f"inception score ({judge.extractor.name} knows no classes)")
    return {
        "data": judge.data,
        "seed": seed,
        **judge.score(generated),
        **judge.references(n),
        **likelihood,
        **pairs,
        "parameters": parameters(model),
        "seconds_per_1000": 1000 * seconds / n,
        "seconds_evaluate": time.perf_counter() - start,
        "left_out": "; ".join(filter(None, absent)),
    }


def check_count(n):
    """Raise unless `n` generated images are enough to be scored."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < SMALLEST:
        raise ValueError(f"`n` must be an integer of at least {SMALLEST}; received {n!r}.")


def _likelihood(model, images, labels, seed):
    """ELBO and importance-weighted bound, nats per image; and what is left out."""
    if not hasattr(model, "elbo"):
        return {}, "likelihood bounds (the model has none)"
    bounds = np.asarray(model.elbo(images, labels, seed=seed), "float64")
    scores = _mean("elbo_test", bounds) | {"n_elbo": len(bounds)}
    if not hasattr(model, "log_likelihood"):
        return scores, "importance-weighted bound (the model has none)"
    few = slice(0, BOUND_IMAGES)
    gain = (
        model.log_likelihood(
            images[few], None if labels is None else labels[few], samples=BOUND_SAMPLES, seed=seed
        )
        - bounds[few]
    )
    # The bound of a few images would differ from the ELBO of all by the choice of images alone.
    value = bounds.mean() + gain.mean()
    covariance = np.cov(bounds[few], gain)[0, 1] / len(bounds)
    error = np.sqrt(
        bounds.var(ddof=1) / len(bounds) + gain.var(ddof=1) / len(gain) + 2 * covariance
    )
    return scores | {
        "importance_weighted_bound": float(value),
        "importance_weighted_bound_low": float(value - 1.96 * error),
        "importance_weighted_bound_high": float(value + 1.96 * error),
        "importance_samples": BOUND_SAMPLES,
        "n_bound": len(gain),
    }, ""


def _reconstructions(model, judge, labels):
    """PSNR, SSIM and perceptual distance of test images and their reconstructions."""
    if not hasattr(model, "reconstruct"):
        return {}, "reconstructions (the model makes none)"
    images = judge.test[:PAIRS]
    made = model.reconstruct(images, None if labels is None else labels[:PAIRS])
    scores = {"n_reconstructions": len(images)}
    scores |= _mean("reconstruction_psnr", metrics.psnr(images, made))
    if min(images.shape[1:3]) < 11:
        left_out = "SSIM (its window needs 11 pixels)"
    else:
        scores |= _mean("reconstruction_ssim", metrics.ssim(images, made))
        left_out = ""
    parts = [slice(k, k + 100) for k in range(0, len(images), 100)]  # maps take much memory
    distances = [
        metrics.perceptual_distance(*(judge.extractor.layers(x[part]) for x in (images, made)))
        for part in parts
    ]
    return scores | _mean("reconstruction_perceptual", np.concatenate(distances)), left_out


def _mean(name, values):
    """Mean over images with a 95 % normal interval."""
    mean = float(np.mean(values))
    margin = 1.96 * float(np.std(values, ddof=1)) / np.sqrt(len(values))
    return {name: mean, f"{name}_low": mean - margin, f"{name}_high": mean + margin}


def parameters(model):
    """Numbers that are learnt and needed to generate."""
    if hasattr(model, "velocity"):
        vae = getattr(model, "vae", None)
        return model.velocity.count_params() + (vae.decoder.count_params() if vae else 0)
    for name in ("generator", "decoder"):
        if hasattr(model, name):
            prior = getattr(model, "prior", None) or {}
            return getattr(model, name).count_params() + sum(a.size for a in prior.values())
    return model.count_params()
