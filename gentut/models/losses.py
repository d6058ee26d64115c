"""Adversarial losses, penalties on gradients, likelihoods and KL: pure functions of tensors.

Every adversarial loss takes ``(real_scores, fake_scores)``, so that the relativistic loss is
no special case.  Scores are raw (any real number): a high score means "looks real".
Everything here is written with ``keras.ops`` and runs on each Keras backend.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from gentut.training.devices import Tensor


def minimax_discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return −E[log D(x)] − E[log(1 − D(G(z)))], D = sigmoid(score) (Goodfellow 2014, eq. 1)."""
    return ops.mean(ops.softplus(-real_scores)) + ops.mean(ops.softplus(fake_scores))


def minimax_generator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return E[log(1 − D(G(z)))]: the generator's side of the game as first written (eq. 1).

    Its gradient vanishes where the discriminator wins, hence ``non_saturating``.
    """
    return -ops.mean(ops.softplus(fake_scores))


def non_saturating_generator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return −E[log D(G(z))] (Goodfellow et al. 2014, section 3).

    The same fixed point as ``minimax_generator_loss``, with a stronger gradient.
    """
    return ops.mean(ops.softplus(-fake_scores))


def least_squares_discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return ½E[(s(x) − 1)²] + ½E[s(G(z))²] (Mao et al. 2017, eq. 9 with a=0, b=c=1)."""
    return (ops.mean(ops.square(real_scores - 1)) + ops.mean(ops.square(fake_scores))) / 2


def least_squares_generator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return ½E[(s(G(z)) − 1)²] (Mao et al. 2017, eq. 9)."""
    return ops.mean(ops.square(fake_scores - 1)) / 2


def hinge_discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return E[max(0, 1 − s(x))] + E[max(0, 1 + s(G(z)))].

    Lim & Ye 2017; Miyato et al. 2018, eq. 16.
    """
    return ops.mean(ops.relu(1 - real_scores)) + ops.mean(ops.relu(1 + fake_scores))


def wasserstein_discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return E[s(G(z))] − E[s(x)] (Arjovsky et al. 2017, eq. 2, with its sign turned: a loss)."""
    return ops.mean(fake_scores) - ops.mean(real_scores)


def wasserstein_generator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return −E[s(G(z))]; also the generator's hinge loss (Miyato et al. 2018, eq. 17)."""
    return -ops.mean(fake_scores)


def relativistic_discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return E[softplus(s(G(z)) − s(x))] over pairs of one real and one generated image.

    Jolicoeur-Martineau 2018; Huang 2024, eq. 2.
    """
    return ops.mean(ops.softplus(fake_scores - real_scores))


def relativistic_generator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return E[softplus(s(x) − s(G(z)))] over pairs of one real and one generated image."""
    return ops.mean(ops.softplus(real_scores - fake_scores))


def _opposite(real_scores, fake_scores):
    return -ops.ones_like(fake_scores)


def _non_saturating_ratio(real_scores, fake_scores):
    # sigmoid'(…): generator −σ(−s)/n, discriminator σ(s)/n.  Past ±40 float32 has lost σ anyway.
    return -ops.exp(ops.clip(-fake_scores, -40, 40))


def _relativistic_ratio(real_scores, fake_scores):
    return -ops.exp(ops.clip(real_scores - fake_scores, -40, 40))


class AdversarialLoss(NamedTuple):
    """The two sides of one game.

    ``gradient_ratio(real_scores, fake_scores)`` is (∂generator loss/∂s) / (∂discriminator loss/∂s)
    for each fake score s.  It lets one backward pass serve both players; None where the
    discriminator's gradient can be exactly zero, so that no such ratio exists.
    """

    discriminator: Callable
    generator: Callable
    gradient_ratio: Callable | None = None


ADVERSARIAL = {
    "minimax": AdversarialLoss(minimax_discriminator_loss, minimax_generator_loss, _opposite),
    "non_saturating": AdversarialLoss(
        minimax_discriminator_loss, non_saturating_generator_loss, _non_saturating_ratio
    ),
    "least_squares": AdversarialLoss(
        least_squares_discriminator_loss, least_squares_generator_loss
    ),
    "hinge": AdversarialLoss(hinge_discriminator_loss, wasserstein_generator_loss),
    "wasserstein": AdversarialLoss(
        wasserstein_discriminator_loss, wasserstein_generator_loss, _opposite
    ),
    "relativistic": AdversarialLoss(
        relativistic_discriminator_loss, relativistic_generator_loss, _relativistic_ratio
    ),
}


def zero_centered_gradient_penalty(gradients: Tensor) -> Tensor:
    """Return ½E[‖∇ₓ s(x)‖²], the R1 and R2 penalty (Mescheder et al. 2018, eq. 9).

    R1 takes it at real images x, R2 at generated ones.

    Args:
        gradients: of the scores with respect to the images, ``(n, h, w, c)``.
    """
    return ops.mean(ops.sum(ops.square(gradients), axis=(1, 2, 3))) / 2


def gradient_penalty(gradients: Tensor) -> Tensor:
    """Return E[(‖∇ₓ s(x)‖ − 1)²] (Gulrajani et al. 2017, eq. 3).

    The small constant keeps the derivative of the square root finite at zero gradient.

    Args:
        gradients: of the scores with respect to the images, ``(n, h, w, c)``.
    """
    norms = ops.sqrt(ops.sum(ops.square(gradients), axis=(1, 2, 3)) + 1e-12)
    return ops.mean(ops.square(norms - 1))


def bernoulli_log_likelihood(images: Tensor, logits: Tensor) -> Tensor:
    """Return log p(x|z) = Σ x log p + (1 − x) log(1 − p), p = sigmoid(logits).

    A probability only for images of zeros and ones.  With grey values in between it is the
    negative cross-entropy that Kingma & Welling (2014, appendix C.1) train on.

    Args:
        images: x, in [0, 1], ``(n, h, w, c)``.
        logits: of the pixel means, ``(n, h, w, c)``.

    Returns:
        Nats per image, ``(n,)``.
    """
    return ops.sum(images * logits - ops.softplus(logits), axis=(1, 2, 3))


def gaussian_log_likelihood(images: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """Return log N(x; mean, sigma²), summed over pixels.

    Args:
        images, mean: x and its mean, ``(n, h, w, c)``.
        log_sigma: log of the standard deviation of every pixel, a scalar.

    Returns:
        Nats per image, ``(n,)``.
    """
    squares = ops.square(images - mean) * ops.exp(-2 * log_sigma)
    return -ops.sum(squares / 2 + log_sigma + math.log(2 * math.pi) / 2, axis=(1, 2, 3))


def discretised_logistic_log_likelihood(
    images: Tensor, location: Tensor, log_scale: Tensor
) -> Tensor:
    """Return log P(x|z) of 256 grey values, summed over pixels.

    Each value owns an interval of width δ = 1/255 around it under the logistic density, 0 and 1
    also all that lies beyond: P(x) = σ((x + δ/2 − m)/s) − σ((x − δ/2 − m)/s) for 0 < x < 1
    (Salimans et al. 2017, eq. 2).  The 256 probabilities of a pixel add up to 1.

    Args:
        images: x, multiples of 1/255 in [0, 1], ``(n, h, w, c)``.
        location: m, any real number, ``(n, h, w, c)``.
        log_scale: log s of every pixel, a scalar.

    Returns:
        Nats per image, ``(n,)``.
    """
    half, inverse = 0.5 / 255, ops.exp(-log_scale)
    above, below = (images + half - location) * inverse, (images - half - location) * inverse
    not_white = ops.cast(images < 1 - half, images.dtype)
    not_black = ops.cast(images > half, images.dtype)
    # σ(a) − σ(b) = σ(a)·σ(−b)·(1 − exp(b − a)), and a − b is the same for every pixel.
    width = ops.log(-ops.expm1(-2 * half * inverse))
    terms = -not_white * ops.softplus(-above) - not_black * ops.softplus(below)
    return ops.sum(terms + not_white * not_black * width, axis=(1, 2, 3))


def discretised_logistic_mean(location: Tensor, log_scale: Tensor) -> Tensor:
    """Return E[min(max(x, 0), 1)] = s·(softplus(m/s) − softplus((m − 1)/s)) of a logistic x."""
    scale = ops.exp(log_scale)
    return scale * (ops.softplus(location / scale) - ops.softplus((location - 1) / scale))


def kl_to_standard_normal(mean: Tensor, log_var: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_var)) ‖ N(0, I)) per latent dimension, ``(n, d)``, in nats.

    Kingma & Welling (2014), appendix B; sum over the last axis for the KL of an image.
    """
    return (ops.exp(log_var) + ops.square(mean) - 1 - log_var) / 2


def prediction_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Return E[‖prediction − target‖²] per dimension.

    Of velocities it is the loss of flow matching (Lipman et al. 2023, eq. 23), of noise the simple
    loss of diffusion (Ho et al. 2020, eq. 14).
    """
    return ops.mean(ops.square(prediction - target))
