"""Held-out images that generated ones are scored against: scores, intervals and references."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gentut import data as image_data
from gentut import metrics
from gentut.checks import as_float, check_int, check_pixels
from gentut.evaluation import features
from gentut.evaluation.entries import ends
from gentut.models.pca_mixture import PCAMixture
from gentut.training.slices import take

NEIGHBOURS = 5  # nearest_k of precision, recall, density and coverage
PRDC_LIMIT = 5_000  # real and generated images, at most, of which they and memorisation are told
AT_ONCE = 256  # images that features are taken of at once
TRAIN_LIMIT = 60_000  # training images, at most, among which copies are sought
HALVES = 20  # random halves of the images, or of their sources, behind each interval
SHARES = ("coverage",)  # with the interval of a share; others cover without (calibration.md)
SUBSETS, SUBSET_SIZE = 50, 1_000  # for the spread of the kernel distance, as papers publish it
SPLITS = 10  # for the spread of the inception score
GAUSSIAN_NUMBERS = 1 << 25  # grey values, at most, that the PCA-Gaussian is fitted to: 134 MB
SMALLEST = 12  # real or generated images: each half of them must hold more than 5 neighbours


class ReferenceSet:
    """Held-out images of a data set, seen through one feature extractor.

    Attributes:
        train, test: images, float32 ``(n, h, w, c)``, a new array at each call; their labels are
            ``train_labels`` and ``test_labels``, their features ``train_features`` and
            ``test_features``.
        test_pixels: the test images as bytes.
        drawn: how many images of how many these are, and the seed they were drawn with, in words.
        test_sources: the source of each test image, see ``gentut.data.sources``; None if unknown,
            or if there are fewer than 4.
        resampled: what is drawn for an interval, in words.
        class_names: names of the classes, in the order of the labels.
        extractor: what sees them, see ``gentut.features.for_data``.

    Args:
        data: what ``gentut.data.load`` takes, a name or a folder.
        options: passed to ``gentut.data.load``, such as ``{"size": 64}``.
        limit: use at most so many test images, and as many training images as their reference.
            Copies are sought among 60,000 training images, at most.
        seed: of the choice of images and of all that is drawn later.
        say: see ``gentut.data.load_bytes``.

    Raises:
        ValueError: fewer than 12 images in a split, or what ``gentut.data.load`` raises.
    """

    def __init__(
        self,
        data: str | os.PathLike = "glyphs",
        options: Mapping[str, Any] | None = None,
        limit: int = 10_000,
        seed: int = 0,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        options = dict(options or {})
        rng = np.random.default_rng(seed)
        counts = []

        def part(split, most):
            images, labels = image_data.load_bytes(data, split, **options, say=say)
            if len(images) < SMALLEST:
                raise ValueError(
                    f"`data` must hold at least {SMALLEST} {split} images to judge by; received"
                    f" {str(data)!r}, which holds {len(images)}."
                )
            rows = rng.permutation(len(images))[:most]
            counts.append(f"{len(rows):,} of {len(images):,} {split} images")
            return images, labels[rows], rows

        self.data, self.seed, self.limit = str(data), seed, limit
        # The training images stay in their file: features of all, pixels of few are needed.
        self._train, self.train_labels, self._train_rows = part("train", TRAIN_LIMIT)
        images, self.test_labels, rows = part("test", limit)
        self.test_pixels = take(images, rows)
        self.drawn = f"{' and '.join(counts)}, drawn with seed {seed}"
        same = {key: options[key] for key in ("classes", "on_error") if key in options}
        sources = image_data.sources(data, "test", **same)
        count = 0 if sources is None else len(np.unique(sources[rows]))
        self.test_sources = sources[rows] if count >= 4 else None
        self.resampled = (
            "test and generated images one by one"
            if self.test_sources is None
            else f"test images by {image_data.source_kind(data)} ({count}), generated one by one"
        )
        self.class_names = image_data.class_names(data)
        self.num_classes = len(self.class_names)
        self.image_shape = self.test_pixels.shape[1:]
        self.extractor = features.for_data(data, self.image_shape, self.num_classes)
        sink = self.sink("images")
        for start in range(0, len(self._train_rows), AT_ONCE):
            sink[start:] = self.train_pixels(slice(start, start + AT_ONCE))
        self.train_features = sink.features()
        self.test_features = self.extractor(self.test_pixels)
        self._references = {}

    @property
    def train(self) -> np.ndarray:
        return as_float(self.train_pixels())

    @property
    def test(self) -> np.ndarray:
        return as_float(self.test_pixels)

    def train_pixels(self, rows: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Return some of the training images as bytes, ``(…, h, w, c)`` for rows of any shape."""
        rows = self._train_rows[rows]
        return take(self._train, rows.ravel()).reshape(*rows.shape, *self.image_shape)

    def floor(self) -> float:
        """Return the Fréchet distance of real training images against the held-out ones."""
        return metrics.frechet_distance(self.test_features, self.train_features[: self.limit])

    def ceiling(self) -> float:
        """Return the Fréchet distance of uniform noise against the held-out images."""
        noise = self._noise_features(min(len(self.test_pixels), 2_000))
        return metrics.frechet_distance(self.test_features, noise)

    def _noise_features(self, n):
        rng, sink = np.random.default_rng(self.seed), self.sink()
        for start in range(0, n, AT_ONCE):
            sink[start:] = rng.random((min(AT_ONCE, n - start), *self.image_shape), "float32")
        return sink.features()

    def sink(self, name: str = "generated") -> features.FeatureSink:
        """Return what takes images, slice after slice, and keeps the features to be scored."""
        return features.FeatureSink(self.extractor, self.image_shape, name)

    def labels(self, n: int) -> np.ndarray:
        """Draw ``n`` labels, int32, in the shares of the training images and in random order.

        A model of p(image | class) says nothing of p(class), so that shares other than those of
        the data would be counted as its error.
        """
        places = (np.arange(n) + 0.5) / n * len(self.train_labels)
        labels = np.sort(self.train_labels)[places.astype(int)]
        return np.random.default_rng(self.seed).permutation(labels).astype("int32")

    def references(self, n: int) -> dict[str, float]:
        """Score ``n`` images that no network made: what a score can be held against.

        Returns:
            A flat dict, each score of a set of images (Fréchet distance, precision, …) three times:
            with the suffix ``_real`` for training images (as good as it gets: a distance's floor),
            ``_gaussian`` for samples of one Gaussian over 64 principal components, and ``_noise``
            for uniform noise (a distance's ceiling).
        """
        if n not in self._references:
            gaussian, sink = PCAMixture(self.image_shape, latent_dim=64), self.sink()
            most = GAUSSIAN_NUMBERS // self.test_pixels[0].size
            gaussian.fit(self.train_pixels(slice(min(self.limit, most))), seed=self.seed)
            gaussian.sample(n, seed=self.seed, out=sink)
            sets = {
                "real": self.train_features[:n],
                "gaussian": sink.features(),
                "noise": self._noise_features(n),
            }
            self._references[n] = {
                f"{score}_{name}": value
                for name, codes in sets.items()
                for score, value in self._scores_of_set(codes).items()
            }
        return self._references[n]

    def score(self, generated: np.ndarray) -> dict:
        """Score generated images ``(n, h, w, c)``, n ≥ 12, against the held-out ones.

        Returns:
            A flat dict; ``evaluate`` says what its keys mean.
        """
        return self.score_features(
            self.extractor(check_pixels(generated, self.image_shape, "generated"))
        )

    def score_features(self, codes: np.ndarray) -> dict:
        """Score generated images by their features, see ``score`` and ``sink``."""
        n = len(codes)
        if len(codes) < SMALLEST:
            raise ValueError(
                f"`generated` must hold at least {SMALLEST} images; received {len(codes)}."
            )
        if len(codes) > PRDC_LIMIT:  # they can come sorted by class
            codes = np.random.default_rng(self.seed).permutation(codes)
        copying = metrics.memorisation(
            self.train_features,
            self.test_features[:PRDC_LIMIT],
            codes[:PRDC_LIMIT],
            sources=self._sources(PRDC_LIMIT),
        )
        scores = self._scores_of_set(codes)
        return (
            scores
            | self._uncertainty(codes, scores)
            | {
                "memorisation_c_t": copying["c_t"],
                "memorisation_p_value": copying["p_value"],
                "memorisation_closer": copying["closer"],
                "memorisation_closer_low": copying["closer_low"],
                "memorisation_closer_high": copying["closer_high"],
                "distance_to_training": _ratio(**copying),
                "n_generated": n,
                "n_real": len(self.test_pixels),
                "n_train": len(self.train_features),
                "n_neighbours": min(PRDC_LIMIT, n),
                "nearest_k": NEIGHBOURS,
                "features": self.extractor.name,
                "resampled": self.resampled,
                "drawn": self.drawn,
                "split": "test",
            }
        )

    def _scores_of_set(self, codes):
        """Return the scores of a set of images, from its features ``(n, d)``."""
        scores = {
            "frechet_distance": metrics.frechet_distance(self.test_features, codes),
            "kernel_distance": metrics.kernel_distance(self.test_features, codes),
        }
        if min(len(codes), len(self.test_features)) >= 3 * (codes.shape[1] + 1):
            line = metrics.frechet_distance_extrapolated(self.test_features, codes, seed=self.seed)
            scores["frechet_distance_extrapolated"] = line.value
        if self.extractor.num_classes is not None:
            scores["inception_score"], _ = self._inception_score(codes)
        return scores | self._neighbourhoods(self.test_features, codes)

    def _sources(self, most=None):
        return None if self.test_sources is None else self.test_sources[:most]

    def halves(
        self, metric: Callable[..., Mapping[str, float]], *arrays: np.ndarray, images: int = 0
    ) -> dict[str, list[float]]:
        """Score halves of test images and of generated ones, the same test images for every model.

        Args:
            metric: of the arrays, returns a dict of floats.
            *arrays: the first ``images`` of them have a row for each test image, in their order and
                from the first one on, and are drawn together; others one for each generated image.
            images: number of arrays that belong to test images.

        Returns:
            For each score its values on the halves, see ``gentut.metrics.halves``.
        """
        real, rest = arrays[:images], arrays[images:]
        sources = [None] * len(rest)
        if real:
            places = np.arange(len(real[0]))
            rest, sources = (places, *rest), [self._sources(len(places)), *sources]

        def of_rows(*parts):
            own = [array[parts[0]] for array in real]
            return metric(*own, *parts[bool(real) :])

        return metrics.halves(of_rows, *rest, repeats=HALVES, sources=sources, seed=self.seed)

    def mean(self, **values: np.ndarray) -> dict:
        """Return means over test images, their intervals and halves.

        Args:
            **values: for each score one for each test image, from the first one on; alike in
                number.
        """

        def means(*parts):
            return {name: float(np.mean(part)) for name, part in zip(values, parts, strict=True)}

        arrays = [np.asarray(array, "float64") for array in values.values()]
        scores = means(*arrays) | {"halves": self.halves(means, *arrays, images=len(arrays))}
        for name, array in zip(values, arrays, strict=True):
            scores |= ends(name, metrics.mean_interval(array, self._sources(len(array))))
        return scores

    def _uncertainty(self, codes, values):
        """95 % intervals, and the spread over subsets or splits that is usually published."""
        real = self.test_features

        def distances(real, codes):
            return {
                "frechet_distance": metrics.frechet_distance(real, codes),
                "kernel_distance": metrics.kernel_distance(real, codes),
            }

        def inception(codes):
            return {"inception_score": self._inception_score(codes)[0]}

        few = real[:PRDC_LIMIT], codes[:PRDC_LIMIT]
        drawn = self.halves(distances, real, codes, images=1)
        drawn |= self.halves(self._neighbourhoods, *few, images=1)
        if self.extractor.num_classes is not None:
            drawn |= self.halves(inception, codes)
        scores = {"halves": drawn}
        for name, found in drawn.items():
            interval = metrics.interval_of(values[name], found, share=name in SHARES)
            scores |= ends(name, interval)
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

    def nearest(self, generated: np.ndarray, count: int = 8) -> tuple[np.ndarray, np.ndarray]:
        """Find the ``count`` training images nearest to each generated one in feature space.

        Returns:
            Images ``(n, count, h, w, c)`` and their distances ``(n, count)``.
        """
        codes = self.extractor(generated).astype("float64")
        known = self.train_features.astype("float64")
        square = (codes**2).sum(1)[:, None] + (known**2).sum(1) - 2 * codes @ known.T
        rows = np.argsort(square, axis=1)[:, :count]
        distances = np.sqrt(np.maximum(np.take_along_axis(square, rows, axis=1), 0))
        return as_float(self.train_pixels(rows)), distances


def _ratio(generated_distance, heldout_distance, **others):
    """None where half of the held-out images are in the training set, too: nothing to divide by."""
    return generated_distance / heldout_distance if heldout_distance else None


def check_count(n: int) -> None:
    """Raise unless ``n`` generated images are enough to be scored."""
    check_int("n", n, SMALLEST)
