"""Text to image: a flow over a VAE's codes that goes by the words of a caption.

The principle of latent diffusion (Rombach et al. 2022) with a transformer (Peebles & Xie 2023;
Esser et al. 2024), at a size that a laptop trains in ten minutes.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gentut.data.tokenizer import Tokenizer, check_texts, most_frequent
from gentut.models.latent_flow import LatentFlow
from gentut.models.vae import VAE
from gentut.training.devices import Tensor, per_image

EXAMPLES = 200


@keras.saving.register_keras_serializable("gentut")
class TextFlow(LatentFlow):
    """A latent flow that takes texts where others take labels.

    Args:
        vae: a compiled, unconditional ``gentut.VAE``, see ``LatentFlow``.
        velocity: ``[latents, time (n, 1), tokens (n, words)]`` -> their velocity, as
            ``gentut.models.transformer.latent_transformer`` builds it.
        vocabulary: the words and characters that are known; None takes the most frequent of the
            texts of the first ``fit``, as many as ``velocity`` has room for.
        examples: texts of which ``sample`` takes some where it is given none; None takes 200 of
            the first ``fit``, spread evenly.
        **options: passed to ``LatentFlow``.
    """

    default_steps = 8
    arguments = (*LatentFlow.arguments, "vocabulary", "examples")

    def __init__(
        self,
        vae: VAE,
        velocity: keras.Model,
        vocabulary: Sequence[str] | None = None,
        examples: Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(vae, velocity, **options)
        self.num_classes = None  # texts are no classes
        self.room = velocity.get_layer("words").input_dim - 1  # token 0 fills up
        self.vocabulary = None if vocabulary is None else list(vocabulary)
        self.examples = None if examples is None else list(examples)

    @property
    def tokenizer(self) -> Tokenizer:
        """What turns texts into tokens; there is none before the first ``fit``."""
        if self.vocabulary is None:
            raise ValueError(
                "`vocabulary` must be known: give it to TextFlow, or `fit` the model first;"
                " received None."
            )
        return Tokenizer(self.vocabulary, self.velocity.inputs[2].shape[1])

    def fit(
        self,
        x: np.ndarray,
        y: Sequence[str] | Sequence[Sequence[str]] | None = None,
        **options: Any,
    ) -> keras.callbacks.History:
        """Train on images and their texts; see ``gentut.VAE`` for the options.

        Args:
            x: images, float in [0, 1], ``(n, height, width, channels)``.
            y: n texts; or n lists of texts, of which each step takes one at random (in other
                languages, with and without key words).
            **options: ``epochs``, ``batch_size``, ``callbacks``, ``seed``, … of ``StepModel.fit``.
        """
        if self.vocabulary is None:
            captions = _captions(y, len(x))
            self.vocabulary = most_frequent((t for own in captions for t in own), self.room)
            rows = np.linspace(0, len(captions) - 1, min(EXAMPLES, len(captions))).astype(int)
            self.examples = [captions[row][0] for row in rows]
        return super().fit(x, y, **options)

    def check_labels(self, labels: Any, n: int) -> np.ndarray:
        """Return tokens, int32 ``(n, captions, words)``, of n texts or n lists of texts."""
        captions = _captions(labels, n)
        most = max(map(len, captions))
        every = [own[i % len(own)] for own in captions for i in range(most)]
        return self.tokenizer(every).reshape(n, most, -1)

    def update(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Take one training step; of the captions of an image ``(n, captions, words)`` one."""
        count = labels.shape[1]
        draws = per_image(
            lambda n: keras.random.uniform((n,), seed=self.seed_generator), ops.shape(images)[0]
        )
        chosen = ops.one_hot(ops.cast(draws * count, "int32"), count, dtype="int32")
        return super().update(images, ops.sum(labels * chosen[:, :, None], axis=1), progress)

    def _none(self, labels):
        return ops.zeros_like(labels)

    def draw_labels(self, labels: Any, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return tokens of n texts, as ``check_labels``; None draws them from ``examples``."""
        if labels is None:
            if not self.examples:
                raise ValueError("`texts` must be given to a model that was not trained; got None.")
            labels = [self.examples[row] for row in rng.integers(0, len(self.examples), n)]
        return self.check_labels(labels, n)

    def _draw(self, points, labels, *args, **options):
        return super()._draw(
            points, labels[:, 0], *args, **options
        )  # the first of several captions

    def sample(
        self,
        n: int | None = None,
        labels: None = None,
        seed: int | None = None,
        *,
        texts: Sequence[str] | None = None,
        guidance: float = 3.0,
        **options: Any,
    ) -> np.ndarray:
        """Draw images: NumPy float32 ``(n, h, w, c)`` in [0, 1]; same seed, same images.

        Words that the vocabulary lacks are left out, with a warning that names them.

        Args:
            n: number of images; default one for each text.
            labels: not for this model; texts stand in their place.
            seed: of the noise, and of the choice of texts.
            texts: n texts; None draws them from ``examples``, texts of the training.
            guidance: weight of classifier-free guidance, see ``gentut.Flow.sample``; 1 for none.
            **options: ``steps``, ``method`` and ``out``, see ``gentut.Flow.sample``.
        """
        if labels is not None:
            raise ValueError(
                "`labels` must be None, for this model goes by `texts`; received some."
            )
        if texts is not None:
            texts = check_texts(texts)
            if n not in (None, len(texts)):
                raise ValueError(f"`n` must be the number of texts, {len(texts)}; received {n!r}.")
            n, unknown = len(texts), self.tokenizer.unknown(texts)
            if unknown:
                more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
                warnings.warn(
                    f"left out, as this model does not know them: {', '.join(unknown[:10])}{more}",
                    stacklevel=2,
                )
        return super().sample(n, texts, seed, guidance=guidance, **options)


def _captions(texts, n):
    """Lists of texts, one for each of n images; a single text is a list of one."""
    if texts is None or isinstance(texts, str) or len(texts) != n:
        received = "None" if texts is None else f"{type(texts).__name__} of {len(texts)}"
        raise ValueError(f"`texts` must be {n} texts, one for each image; received {received}.")
    captions = [list(own) if isinstance(own, list | tuple) else [own] for own in texts]
    if not all(captions):
        raise ValueError("`texts` must hold a text for each image; received an empty list.")
    check_texts([text for own in captions for text in own])
    return captions
