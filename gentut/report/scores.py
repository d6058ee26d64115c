"""What each score is called, which way is better, how it is written, what it means.

The keys are those of `gentut.evaluate`. The page of a comparison, the page of a run and the
command line all read this one list.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gentut.checks import NUMBER, check_entries
from gentut.report.texts import ENGLISH, Words, named, told

Scores = Mapping[str, object]


class Score(NamedTuple):
    title: str
    better: str  # "lower", "higher" or, where neither way is better, what the number is near to
    form: str
    meaning: str


SCORES = {
    "frechet_distance": Score(
        "Fréchet distance",
        "lower",
        "{:.3g}",
        "How far the set of generated images is from the set of test images: both are described "
        "by a classifier's features, and their means and covariances are compared. "
        "It notices poor images and missing variety alike. Its unit depends on the features, so "
        "compare it only with numbers from the same features.",
    ),
    "frechet_distance_extrapolated": Score(
        "Fréchet distance, n\u00a0→\u00a0∞",
        "lower",
        "{:.3g}",
        "What the Fréchet distance would be with endlessly many images, from a line through its "
        "values at growing numbers: with few images it comes out too large.",
    ),
    "kernel_distance": Score(
        "Kernel distance",
        "lower",
        "{:.3g}",
        "Compares the two sets by a kernel, without assuming a Gaussian. It is unbiased: zero on "
        "average for samples of one distribution, so it can fall below zero.",
    ),
    "inception_score": Score(
        "Inception score",
        "higher",
        "{:.2f}",
        "High when the classifier is sure of the class of each image and all classes occur, at "
        "most the number of classes. It never looks at real images, so it cannot tell good from "
        "merely distinct.",
    ),
    "precision": Score(
        "Precision",
        "higher",
        "{:.2f}",
        "Share of generated images that lie among the real ones. Few, safe images score high, "
        "so do not read it alone.",
    ),
    "recall": Score(
        "Recall",
        "higher",
        "{:.2f}",
        "Share of real images that lie among the generated ones: is all of the variety there?",
    ),
    "density": Score(
        "Density",
        "higher",
        "{:.2f}",
        "As precision, but it counts how many real neighbourhoods hold a generated image, so "
        "that one outlier weighs less. It can exceed 1.",
    ),
    "coverage": Score(
        "Coverage",
        "higher",
        "{:.2f}",
        "Share of real images with a generated image in their near neighbourhood; the steadier "
        "sibling of recall.",
    ),
    "distance_to_training": Score(
        "Distance to training",
        "near 1",
        "{:.2f}",
        "Median distance of a generated image to its nearest training image, divided by the same "
        "for unseen real images. Near 1 is as new as new real images are; well below 1 means "
        "copies, or bland averages; well above 1, unlike the data.",
    ),
    "memorisation_c_t": Score(
        "Memorisation test",
        "near 0",
        "{:.1f}",
        "Whether generated images lie closer to training images than unseen real ones do, in "
        "standard deviations. Below −3 they do: copies, or bland averages, which lie near "
        "everything. Far above 0 is unlike the data.",
    ),
    "memorisation_closer": Score(
        "Closer than unseen",
        "near 0.5",
        "{:.2f}",
        "How often a generated image is nearer to its training neighbour than an unseen real image "
        "is to its own. 1 is copying, 0.5 is like unseen images.",
    ),
    "elbo_test": Score(
        "Test ELBO, nats",
        "higher",
        "{:.1f}",
        "Lower bound on the log-probability of a test image, summed over its pixels.",
    ),
    "importance_weighted_bound": Score(
        "Importance-weighted bound, nats",
        "higher",
        "{:.1f}",
        "A tighter lower bound on the same log-probability, from many draws of the code.",
    ),
    "reconstruction_psnr": Score(
        "Reconstruction PSNR, dB",
        "higher",
        "{:.1f}",
        "How exactly the pixels of test images survive encoding and decoding.",
    ),
    "reconstruction_ssim": Score(
        "Reconstruction SSIM",
        "higher",
        "{:.3f}",
        "How well their local structure survives; 1 is identical.",
    ),
    "reconstruction_perceptual": Score(
        "Reconstruction, perceptual",
        "lower",
        "{:.3g}",
        "How far reconstructions are in the judge's layers; 0 is identical. LPIPS in form, not "
        "in calibration.",
    ),
    "retrieval_1": Score(
        "R@1, training captions",
        "higher",
        "{:.2f}",
        "How often an image–text model finds a picture's own caption among 100. The picture was "
        "made from a caption of the training, in the manner of a set drawn at random.",
    ),
    "retrieval_1_compositions": Score(
        "R@1, new compositions",
        "higher",
        "{:.2f}",
        "The same for captions held out whose words all occur in the training, in other "
        "compositions.",
    ),
    "retrieval_1_unseen": Score(
        "R@1, unseen concepts",
        "higher",
        "{:.2f}",
        "The same for concepts held out.",
    ),
    "text_alignment": Score(
        "Text alignment",
        "higher",
        "{:.2f}",
        "2.5 times the cosine of picture and caption in the image–text model's codes, at least 0: "
        "the form of CLIPScore, with other codes.",
    ),
    "parameters": Score(
        "Parameters", "", "{:,}", "Numbers that are learnt and needed to generate."
    ),
    "images_seen": Score("Images seen", "", "{:,}", "Training images shown, repetitions included."),
    "seconds_train": Score(
        "Training, s", "", "{:.0f}", "Seconds of training. The statistical models need only a few."
    ),
    "seconds_per_1000": Score(
        "1,000 images, s", "lower", "{:.2g}", "Seconds to generate 1,000 images."
    ),
}
COST = ("parameters", "images_seen", "seconds_train", "seconds_per_1000")
REFERENCES = {"real": "Real images", "gaussian": "PCA-Gaussian", "noise": "Noise"}
FAMILIES = {
    "gaussian": ("Gaussian", "The mean image and how images vary around it. No neural network."),
    "mixture": ("Gaussian mixture", "Many such Gaussians, each for some images."),
    "gan": ("GAN", "A generator learns to deceive a discriminator that learns to tell it apart."),
    "wgan": ("WGAN", "A GAN whose critic measures a distance instead of giving a verdict."),
    "vae": (
        "VAE",
        "An encoder squeezes images into small codes, a decoder draws them again. New codes come "
        "from a mixture of Gaussians fitted to those of the training images.",
    ),
    "flow": ("flow", "A network learns the velocity that carries noise to images."),
    "diffusion": ("diffusion", "A network learns the noise in noisy images; take it out by steps."),
    "latent_flow": ("latent flow", "A flow that moves the small codes of a VAE, not pixels."),
    "text_flow": ("text flow", "A latent flow whose images follow a text."),
}


TEXTS = ("family", "data", "features", "resampled", "drawn", "split", "left_out", "model")
KINDS = {**dict.fromkeys(TEXTS, str), "halves": dict}  # all others are numbers


def check_scores(scores: object, needed: Mapping[str, object]) -> None:
    """Raises unless these are scores as `gentut.evaluate` gives them; for what a file holds.

    Args:
        scores: what was read.
        needed: entries that must be there, and their types.
    """
    check_entries(scores, {"n_generated": int, "n_real": int, "features": str, **needed})
    there = {name for name, value in scores.items() if value is not None}
    check_entries(scores, {name: KINDS.get(name, NUMBER) for name in sorted(there)})
    for name, values in (scores.get("halves") or {}).items():
        if not isinstance(values, list) or not all(isinstance(value, NUMBER) for value in values):
            raise ValueError(f"halves of {name} must be a list of numbers; received {values!r}")


def has(scores: Scores, key: str) -> bool:
    """Whether a score was measured."""
    return scores.get(key) is not None


def title(key: str, words: Words = ENGLISH) -> str:
    """What a score is called."""
    return words["scores"].get(key, SCORES[key])[0]


def meanings(keys: Iterable[str], words: Words = ENGLISH) -> dict[str, str]:
    """Titles of scores -> what they mean."""
    return {title(key, words): words["scores"].get(key, SCORES[key])[-1] for key in keys}


def better(key: str, words: Words = ENGLISH) -> str:
    """Which way a score is better, in words; empty for costs."""
    arrows = {"lower": "lower is better\u00a0↓", "higher": "higher is better\u00a0↑"}
    return named(arrows.get(SCORES[key].better, SCORES[key].better), words)


def text(scores: Scores, key: str, reference: str = "") -> str:
    """A score as it is written, or that of a reference ("real", …); a dash if it is not there."""
    full = f"{key}_{reference}" if reference else key
    return _written(key, scores[full]) if has(scores, full) else "–"


def _written(key: str, value: float) -> str:
    form = SCORES[key].form
    return f"{value:,.0f}" if form == "{:.3g}" and abs(value) >= 1000 else form.format(value)


def interval(scores: Scores, key: str) -> tuple[float, float] | None:
    """The ends of a score's interval, where it has one."""
    ends = scores.get(f"{key}_low"), scores.get(f"{key}_high")
    return None if None in ends else ends


def interval_text(scores: Scores, key: str, words: Words = ENGLISH) -> str:
    """Such as "1.03 to 1.45"; empty without an interval."""
    ends = interval(scores, key)
    return words["range"].format(*(_written(key, end) for end in ends)) if ends else ""


def with_interval(scores: Scores, key: str, words: Words = ENGLISH, unit: str = "") -> str:
    """A score, its unit and its interval as far as there are any: "1.2 s (1.03 to 1.45)"."""
    value = text(scores, key) + f" {unit}" * bool(unit)
    ends = interval_text(scores, key, words)
    return words["with_range"].format(value, ends) if ends else value


def family_name(family: object, words: Words = ENGLISH) -> str:
    """The name of a family as it is written; one that is not known is written as it is."""
    known = words["families"].get(family, FAMILIES.get(family))
    return known[0] if known else str(family)


def family_meanings(families: Iterable[str], words: Words = ENGLISH) -> dict[str, str]:
    """Names of families -> what they are; without those that are not known."""
    known = [words["families"].get(name, FAMILIES[name]) for name in families if name in FAMILIES]
    return dict(known)


def origin(scores: Scores, words: Words = ENGLISH) -> str:
    """What was scored, against what, seen by whom, and what the intervals draw."""
    counts = {"n": scores["n_generated"], "n_real": scores["n_real"]}
    sentences = [words["origin"].format(**counts, features=told(scores["features"], words))]
    for key, sentence in (("drawn", "origin_real"), ("resampled", "origin_intervals")):
        if has(scores, key):
            sentences.append(words[sentence].format(told(scores[key], words)))
    return words["gap"].join(sentences)


def columns_note(class_names: Sequence[str] | None, words: Words = ENGLISH) -> str:
    """What stands in the columns of a sheet of samples; empty without classes."""
    names = [named(name, words) for name in class_names or ()]
    return words["gap"] + words["columns"].format(words["list"][0].join(names)) if names else ""
