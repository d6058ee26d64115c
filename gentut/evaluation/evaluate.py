"""Score a trained model against held-out images: one flat dict of numbers with their origin."""

import inspect
import os
import time
from typing import Any

import numpy as np

from gentut import metrics
from gentut.checks import as_float
from gentut.evaluation.entries import merged
from gentut.evaluation.reference import ReferenceSet, check_count
from gentut.evaluation.texts import text_scores
from gentut.training.step import StepModel

PAIRS = 500  # test images that are compared with their reconstructions
# The importance-weighted bound takes 100 passes per image, so that few images must do.
BOUND_IMAGES, BOUND_SAMPLES = 250, 100


def evaluate(
    model: Any,
    data: str | os.PathLike = "glyphs",
    n: int = 10_000,
    seed: int = 0,
    reference: ReferenceSet | None = None,
) -> dict:
    """Score a model against the held-out images of a data set.

    Args:
        model: anything with ``sample(n, labels=None, seed=None)``; what else it can (``elbo``,
            ``log_likelihood``, ``reconstruct``, as ``gentut.VAE`` has them) is scored as well.
        data: what ``gentut.data.load`` takes.
        n: generated images to score, at least 12.  Conditional models draw each
            class as often as it occurs in the training images.
        seed: of the samples and of every random choice.
        reference: a ``ReferenceSet`` that is already there, instead of a new one for ``data``.

    Returns:
        A flat dict of numbers and texts, and ``halves``:

        - ``frechet_distance``, ``frechet_distance_extrapolated`` (for n → ∞), ``kernel_distance``
          (unbiased, so it can be below zero), ``inception_score``, ``precision``, ``recall``,
          ``density``, ``coverage``.  Most also with the ends of a 95 % interval, ``…_low`` and
          ``…_high``, and all but the intervals also for real training images, one PCA-Gaussian
          and noise: ``…_real``, ``…_gaussian``, ``…_noise`` (see ``ReferenceSet.references``).
          ``kernel_distance_sd`` and ``inception_score_sd``: spread over 50 subsets of 1,000 (or
          half of the images) and over 10 splits, as papers publish it.
        - ``memorisation_c_t``, ``memorisation_p_value``: are generated images nearer to training
          images than held-out ones are?  Far below 0: yes (see ``gentut.metrics.memorisation``).
        - ``memorisation_closer``, ``…_low``, ``…_high``: how often a generated image is nearer to
          its training neighbour than a held-out one is to its own; 0.5 is neutral; 95 % interval.
          ``distance_to_training``: median distance to the nearest training image, over that of
          held-out images.
        - ``elbo_test`` (mean over the test images, nats) and ``importance_weighted_bound``: the
          ELBO plus the mean gain over it of 100 importance samples on ``n_bound`` test images.
        - ``reconstruction_psnr`` (dB), ``…_ssim``, ``…_perceptual``: means over
          ``n_reconstructions`` test images.
        - ``retrieval_1``, ``retrieval_5``, ``text_alignment`` and their kin, for a model that takes
          texts and data "emoji": see ``gentut.evaluation.texts.text_scores``.
        - ``drawn``: how many test and training images were taken of how many, at random.
        - ``n_generated``, ``n_real``, ``n_train``, ``n_neighbours`` (of precision to coverage,
          and of memorisation), ``nearest_k``, ``features``, ``split``, ``data``, ``seed``,
          ``parameters``, ``seconds_per_1000`` (to generate), ``seconds_evaluate`` (all of it).
        - ``resampled``: what was drawn for the intervals. Test images of one source, such as the
          letters of one typeface family, are drawn together, see ``gentut.data.sources``.
        - ``halves``: a dict of the scores on the random halves behind each interval. All models
          that are held against one ``ReferenceSet`` see the same halves of test images.
        - ``left_out``: scores that this model or extractor cannot have, and why; "" if none.

    Raises:
        ValueError: ``n`` is too small, or the model makes images of another shape than the data's.
    """
    start = time.perf_counter()
    check_count(n)
    if not callable(getattr(model, "sample", None)):
        raise TypeError(f"`model` must have a method `sample`; received {model!r}.")
    reference = reference or ReferenceSet(data, seed=seed)
    classes = getattr(model, "num_classes", None)
    if classes not in (None, reference.num_classes):
        raise ValueError(
            f"`model` must have the {reference.num_classes} classes of {reference.data!r}, or none;"
            f" it has {classes}."
        )
    labels = None if classes is None else reference.labels(n)
    codes, seconds = _draw(model, n, labels, seed, reference)
    test_labels = None if classes is None else reference.test_labels
    likelihood, no_likelihood = _likelihood(model, reference, test_labels, seed)
    pairs, no_pairs = _reconstructions(model, reference, test_labels)
    texts, no_texts = _texts(model, reference, seed)
    scores = reference.score_features(codes), reference.references(n), likelihood, pairs, texts
    absent = [no_likelihood, no_pairs, no_texts]
    if reference.extractor.num_classes is None:
        absent.append(f"inception score ({reference.extractor.name} knows no classes)")
    return {
        "data": reference.data,
        "seed": seed,
        **merged(*scores),
        "parameters": parameters(model),
        "seconds_per_1000": 1000 * seconds / n,
        "seconds_evaluate": time.perf_counter() - start,
        "left_out": "; ".join(filter(None, absent)),
    }


def _draw(model, n, labels, seed, reference):
    """Features of ``n`` samples, and the seconds that drawing them took."""
    sink, began = reference.sink(), time.perf_counter()

    def check_shape(shape):
        if tuple(shape) != reference.image_shape:
            raise ValueError(
                f"`model` must make images of shape {reference.image_shape}, those of"
                f" {reference.data!r}; it makes {tuple(shape)}."
            )

    if "out" in inspect.signature(model.sample).parameters:
        check_shape(model.image_shape)
        model.sample(n, labels=labels, seed=seed, out=sink)
    else:  # somebody's own: all of its images at once
        generated = model.sample(n, labels=labels, seed=seed)
        check_shape(np.shape(generated)[1:])
        sink[0:n] = generated
    seconds = time.perf_counter() - began - sink.seconds
    return sink.features(), seconds


def _texts(model, reference, seed):
    """How well images fit their texts, for a model that takes texts; and what is left out."""
    if not hasattr(model, "tokenizer"):
        return {}, ""
    if reference.data != "emoji":
        return {}, "text alignment and retrieval (the image–text model knows emoji only)"
    return text_scores(model, seed), ""


def _pixels(model, reference):
    """The test images: bytes for a model of ours, floats for others."""
    return reference.test_pixels if isinstance(model, StepModel) else reference.test


def _likelihood(model, reference, labels, seed):
    """ELBO and importance-weighted bound, nats per image; and what is left out."""
    images = _pixels(model, reference)
    if not hasattr(model, "elbo"):
        return {}, "likelihood bounds (the model has none)"
    bounds = np.asarray(model.elbo(images, labels, seed=seed), "float64")
    scores = reference.mean(elbo_test=bounds) | {"n_elbo": len(bounds)}
    if not hasattr(model, "log_likelihood"):
        return scores, "importance-weighted bound (the model has none)"
    few = slice(0, BOUND_IMAGES)
    gain = (
        model.log_likelihood(
            images[few], None if labels is None else labels[few], samples=BOUND_SAMPLES, seed=seed
        )
        - bounds[few]
    )
    # The bound of a few images would differ from the ELBO of all by the choice of images alone. So
    # the mean gain of these is added to the ELBO of all: each of them stands for several images.
    bounds += gain.mean()
    bounds[few] += (gain - gain.mean()) * len(bounds) / len(gain)
    bound = reference.mean(importance_weighted_bound=bounds)
    return merged(scores, bound, {"importance_samples": BOUND_SAMPLES, "n_bound": len(gain)}), ""


def _reconstructions(model, reference, labels):
    """PSNR, SSIM and perceptual distance of test images and their reconstructions."""
    if not hasattr(model, "reconstruct"):
        return {}, "reconstructions (the model makes none)"
    images = as_float(reference.test_pixels[:PAIRS])
    made = model.reconstruct(images, None if labels is None else labels[:PAIRS])
    left_out = ""
    found = {"psnr": metrics.psnr, "ssim": metrics.ssim, "perceptual": _perceptual(reference)}
    if min(images.shape[1:3]) < 11:
        left_out = "SSIM (its window needs 11 pixels)"
        del found["ssim"]
    parts = [slice(k, k + 32) for k in range(0, len(images), 32)]  # maps take much memory
    values = {
        f"reconstruction_{name}": np.concatenate([of(images[p], made[p]) for p in parts])
        for name, of in found.items()
    }
    return reference.mean(**values) | {"n_reconstructions": len(images)}, left_out


def _perceptual(reference):
    """The perceptual distance between images and their reconstructions, as the judge sees them."""
    layers = reference.extractor.layers
    return lambda images, made: metrics.perceptual_distance(layers(images), layers(made))


def parameters(model: Any) -> int:
    """Count the numbers that are learnt and needed to generate."""
    if hasattr(model, "velocity"):
        vae = getattr(model, "vae", None)
        return model.velocity.count_params() + (vae.decoder.count_params() if vae else 0)
    for name in ("generator", "decoder"):
        if hasattr(model, name):
            prior = getattr(model, "prior", None) or {}
            return getattr(model, name).count_params() + sum(a.size for a in prior.values())
    return model.count_params()
