"""Trials: train on one image set, test on another, over several seeds, with intervals.

Every trial takes a train set and a test set, pairs ``(images, labels)``.  Whether the images are
real, generated or mixed makes no difference to the code, and that is the point.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gentut.checks import (
    as_float,
    check_choice,
    check_labels,
    check_pixels,
    check_positive,
    check_seed,
)
from gentut.tasks.classification import Classifier
from gentut.tasks.detection import Detector
from gentut.tasks.intervals import resamples, summary
from gentut.tasks.learner import Learner
from gentut.tasks.scenes import make_scenes
from gentut.tasks.segmentation import Segmenter

LEARNERS = {"classification": Classifier, "detection": Detector, "segmentation": Segmenter}
TASKS = tuple(LEARNERS)
SCORE = {"classification": "accuracy", "detection": "ap50", "segmentation": "object_iou"}
TEST_SEED = 1_000_000  # seed of the test scenes, which are the same for every training

LabelledImages = tuple[np.ndarray, np.ndarray]  # images ``(n, h, w, c)`` and labels ``(n,)``


class Trial:
    """One task on one test set: try any train sets on it and compare what comes out.

    The network is compiled once.  For detection and segmentation, the objects of the train set
    are pasted into training scenes (other ones for each seed) and those of the test set into test
    scenes that stay the same.

    A score depends on the training and on the test set, and its interval counts both (see
    ``summary``): it resamples the sources of the test images where they are known, else the test
    images, and for detection and segmentation the test scenes.

    Args:
        task: "classification", "detection" or "segmentation".
        test: ``(images, labels)`` that no train set may share, such as unseen typefaces.
        sources: of each test image, int ``(n,)`` as ``gentut.data.sources`` returns it; None if the
            images are independent.  Scenes mix images of several sources and do not need it.
        num_classes: default one more than the largest test label.
        scenes: how many training scenes.
        test_scenes: how many test scenes.
        layout: options of ``make_scenes``: size, objects, object_size, matte.
        **options: of the ``Classifier``, ``Detector`` or ``Segmenter``, such as ``steps``.

    Raises:
        ValueError: an argument is not as described.
    """

    def __init__(
        self,
        task: str,
        test: LabelledImages,
        *,
        sources: np.ndarray | None = None,
        num_classes: int | None = None,
        scenes: int = 800,
        test_scenes: int = 400,
        layout: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.task = check_choice("task", task, TASKS)
        self.images, self.labels = check_set("test", test, num_classes)
        self.num_classes = num_classes or int(self.labels.max()) + 1
        check_positive("scenes", scenes)
        self.scenes, self.layout = scenes, dict(layout or {}, num_classes=self.num_classes)
        self.score_name = SCORE[task]
        if task == "classification":
            self.test, self.n_test = (self.images, self.labels), len(self.images)
            shape, self.unit = self.images.shape[1:], "images" if sources is None else "sources"
        else:
            shape, self.unit, sources = None, "scenes", None
            check_positive("test_scenes", test_scenes)
            scenes = make_scenes(
                self.images, self.labels, test_scenes, seed=TEST_SEED, **self.layout
            )
            self.test, self.n_test, shape = (scenes,), test_scenes, scenes.images.shape[1:]
        self.weights, self.units = resamples(self.n_test, sources)
        self.learner = LEARNERS[task](shape, self.num_classes, **options)

    def fit(self, train: LabelledImages, *, augment: bool = False, seed: int = 0) -> Learner:
        """Train the learner from scratch on ``(images, labels)`` and return it.

        It is the trial's own learner: the next ``fit`` trains it anew.
        """
        check_seed(seed)
        shape = self.images.shape[1:]
        images, labels = check_set("train", train, self.num_classes, shape)
        if self.task == "classification":
            return self.learner.fit(images, labels, augment=augment, seed=seed)
        scenes = make_scenes(images, labels, self.scenes, augment=augment, seed=seed, **self.layout)
        return self.learner.fit(scenes, seed=seed)

    def score(self, train: LabelledImages, *, augment: bool = False, seed: int = 0) -> dict:
        """Return all scores of one training on the test set, as the learner's ``score`` does.

        "draws" holds how ``score_name`` comes out on resampled test sets, a list; they are the
        same test sets for every training.
        """
        learner = self.fit(train, augment=augment, seed=seed)
        found = learner.score(*self.test, weights=self.weights)
        return found | {"draws": np.round(found["draws"], 5).tolist()}

    def run(
        self,
        train: LabelledImages | Callable[[int], LabelledImages],
        *,
        augment: bool = False,
        seeds: Iterable[int] = (0, 1, 2),
    ) -> dict:
        """Train once for each seed.

        Args:
            train: ``(images, labels)``, or a function from a seed to such a pair, where each
                seed is to have a train set of its own.
            augment: ordinary augmentation of the train images.
            seeds: of weights, order and scenes.

        Returns:
            dict: "task", "score" (the name of what is measured), "values" (one for each seed),
            "mean", "sd", "low", "high" (95 % interval of the mean, see ``summary``), "resampled",
            "draws", "units" (what was resampled for the interval, each training's scores on the
            resampled test sets, and how many test sources, images or scenes there are), "seeds",
            "n_train", "n_test" (test images or scenes), "augment".
        """
        seeds = check_seeds(seeds)
        values, draws, counts = [], [], []
        for seed in seeds:
            own = train(seed) if callable(train) else train
            found = self.score(own, augment=augment, seed=seed)
            values.append(found[self.score_name])
            draws.append(found["draws"])
            counts.append(len(own[1]))
        return {
            "task": self.task,
            "score": self.score_name,
            **summary(values, draws, self.units),
            "resampled": f"trainings and test {self.unit}",
            "seeds": seeds,
            "n_train": max(counts),
            "n_test": self.n_test,
            "augment": augment,
        }


def classification_accuracy_score(
    generated: LabelledImages, test: LabelledImages, **options: Any
) -> dict:
    """Train on generated images, test on real ones (Ravuri & Vinyals, NeurIPS 2019).

    It falls when the generator leaves variety out, draws badly, or draws another class than
    asked.  Compare it with a train set of as many real images.

    Args:
        generated, test: ``(images, labels)``.
        **options: ``seeds`` and ``augment`` of ``Trial.run``, and what ``Trial`` takes.

    Returns:
        The dict of ``Trial.run``.
    """
    return _once(generated, test, options)


def gan_test(real: LabelledImages, generated: LabelledImages, **options: Any) -> dict:
    """Train on real images, test on generated ones (Shmelkov, Schmid & Alahari, ECCV 2018).

    It falls when images are bad or of another class than asked; lost variety does *not*
    lower it.  Compare it with the accuracy on real test images.

    Args:
        real, generated: ``(images, labels)``.
        **options: ``seeds`` and ``augment`` of ``Trial.run``, and what ``Trial`` takes.

    Returns:
        The dict of ``Trial.run``.
    """
    return _once(real, generated, options)


def _once(train, test, options):
    run = {name: options.pop(name) for name in ("seeds", "augment") if name in options}
    return Trial("classification", test, **options).run(train, **run)


def subset(images: np.ndarray, labels: np.ndarray, per_class: int, seed: int = 0) -> LabelledImages:
    """Draw so many images of each class; with one seed, small sets are in large ones.

    Returns:
        Images, labels.

    Raises:
        ValueError: a class has fewer images.
    """
    check_positive("per_class", per_class)
    images, labels = check_set("images", (images, labels))
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(int(labels.max()) + 1):
        own = rng.permutation(np.flatnonzero(labels == k))
        if len(own) < per_class:
            raise ValueError(
                f"`per_class` must be at most the {len(own)} images of class {k}; received"
                f" {per_class}."
            )
        rows.append(own[:per_class])
    rows = np.concatenate(rows)
    return images[rows], labels[rows]


def mixed(real: LabelledImages, generated: LabelledImages) -> LabelledImages:
    """Mix real and generated images in equal shares: the smaller set is repeated to fill its half.

    Args:
        real, generated: ``(images, labels)``.

    Returns:
        Images, labels: first the real half.
    """
    real = check_set("real", real)
    generated = check_set("generated", generated, image_shape=real[0].shape[1:])
    n = max(len(real[1]), len(generated[1]))
    rows = [np.arange(n) % len(part[1]) for part in (real, generated)]
    if real[0].dtype != generated[0].dtype:
        real, generated = ((as_float(part[0]), part[1]) for part in (real, generated))
    return tuple(np.concatenate([real[i][rows[0]], generated[i][rows[1]]]) for i in (0, 1))


def check_set(
    name: str,
    pair: LabelledImages,
    num_classes: int | None = None,
    image_shape: Sequence[int] | None = None,
) -> LabelledImages:
    """Return ``(images, labels)``, float32 or bytes and int32, or raise naming what is wrong."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"`{name}` must be a pair (images, labels); received {type(pair)}.")
    images = check_pixels(pair[0], image_shape, name)
    most = num_classes or int(np.max(pair[1], initial=0)) + 1
    return images, check_labels(pair[1], len(images), most)


def check_seeds(seeds: Iterable[int]) -> list[int]:
    """Return different seeds as a list of ints, or raise."""
    seeds = list(seeds)
    for seed in seeds:
        check_seed(seed)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be one or more different ints; received {seeds}.")
    return [int(seed) for seed in seeds]
