"""Vision tasks as a judge: does training on generated images help on real ones?

    real, test = gentut.data.load("glyphs", "train"), gentut.data.load("glyphs", "test")
    trial = gentut.tasks.Trial("classification", test)
    trial.run(real)["mean"]                                # train on real images, test on real ones
    trial.run((generated, labels))["mean"]                 # train on generated images
    trial.run(gentut.tasks.mixed(real, (generated, labels)))

Detection and segmentation paste the same images into scenes first (``make_scenes``).
"""

from gentut.tasks.augmentation import augment
from gentut.tasks.classification import Classifier
from gentut.tasks.curve import learning_curve, summarise
from gentut.tasks.detection import Detections, Detector
from gentut.tasks.figures import plot_curves, plot_detections, plot_masks
from gentut.tasks.intervals import difference, summary
from gentut.tasks.precision import average_precision
from gentut.tasks.scenes import Scenes, make_scenes
from gentut.tasks.segmentation import Segmenter, intersection_over_union
from gentut.tasks.trial import (
    TASKS,
    Trial,
    classification_accuracy_score,
    gan_test,
    mixed,
    subset,
)

__all__ = [
    "TASKS",
    "Classifier",
    "Detections",
    "Detector",
    "Scenes",
    "Segmenter",
    "Trial",
    "augment",
    "average_precision",
    "classification_accuracy_score",
    "difference",
    "gan_test",
    "intersection_over_union",
    "learning_curve",
    "make_scenes",
    "mixed",
    "plot_curves",
    "plot_detections",
    "plot_masks",
    "subset",
    "summarise",
    "summary",
]
