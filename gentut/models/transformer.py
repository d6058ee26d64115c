"""Attention and the transformer that moves latents, with labels or with words to go by.

Vaswani et al. 2017 ("Attention is all you need"); Peebles & Xie 2023 ("Scalable diffusion models
with transformers"); Esser et al. 2024 (text and image tokens in one attention).
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from gentut.data.tokenizer import PADDING
from gentut.models.networks import FromGaussian, TimeFeatures
from gentut.training.devices import Tensor
from gentut.training.kernels import Embedding

WORD_WIDTH = 64


@keras.saving.register_keras_serializable("gentut")
class Attention(layers.Layer):
    """Multi-head attention: each query gets a weighted mean of what it looks at.

    With queries Q, keys K and values V, each a dense layer of its input, and d numbers per head:
    softmax(Q·Kᵀ / √d)·V (Vaswani et al. 2017, eq. 1), the heads side by side, and a dense layer.

    Args:
        heads: into so many parts the channels are cut; each has weights of its own.
    """

    def __init__(self, heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(
        self, queries_shape: tuple, context_shape: tuple, mask_shape: tuple | None = None
    ) -> None:
        width = queries_shape[-1]
        if width % self.heads:
            raise ValueError(
                f"`heads` must divide the {width} channels of the queries; received {self.heads}."
            )
        self.query, self.key, self.value, self.out = (
            layers.Dense(width, name=name, dtype=self.dtype_policy)
            for name in ("query", "key", "value", "out")
        )
        for layer, shape in (
            (self.query, queries_shape),
            (self.key, context_shape),
            (self.value, context_shape),
            (self.out, queries_shape),
        ):
            layer.build(shape)

    def compute_output_shape(
        self, queries_shape: tuple, context_shape: tuple, mask_shape: tuple | None = None
    ) -> tuple:
        return queries_shape

    def shares(self, queries: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return who looks at what: weights ``(n, heads, queries, context)``, rows sum to 1.

        Args:
            queries: ``(n, q, width)``.
            context: ``(n, k, width)``, what is looked at.
            mask: bool ``(n, k)``, False for what nobody may look at.
        """
        q, k = self._split(self.query(queries)), self._split(self.key(context))
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2)))  # (n, heads, q, k)
        # In 32 bits, also where the layers compute in 16: the mask is a large number.
        scores = ops.cast(scores, "float32") / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = ops.where(mask[:, None, None, :], scores, -1e9)
        return ops.cast(ops.softmax(scores, axis=-1), q.dtype)

    def call(self, queries: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``(n, q, width)``; arguments as for ``shares``."""
        mixed = ops.matmul(
            self.shares(queries, context, mask), self._split(self.value(context))
        )  # (n, heads, q, width / heads)
        merged = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), ops.shape(queries))
        return self.out(merged)

    def _split(self, x):
        parts = ops.reshape(x, (-1, x.shape[1], self.heads, x.shape[2] // self.heads))
        return ops.transpose(parts, (0, 2, 1, 3))  # (n, heads, tokens, width / heads)

    def get_config(self) -> dict:
        return {**super().get_config(), "heads": self.heads}


@keras.saving.register_keras_serializable("gentut")
class Learned(layers.Layer):
    """Add one learned array, the same for all inputs: where a token stands, or a block's own shift.

    Args:
        scale: standard deviation of the array at the start.
    """

    def __init__(self, scale: float = 0.02, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def build(self, shape: tuple) -> None:
        start = keras.initializers.RandomNormal(stddev=self.scale)
        self.array = self.add_weight(shape=shape[1:], initializer=start, name="array")

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + self.array

    def get_config(self) -> dict:
        return {**super().get_config(), "scale": self.scale}


def latent_transformer(
    latent_shape: Sequence[int],
    num_classes: int | None = None,
    vocabulary: int | None = None,
    words: int = 12,
    width: int = 160,
    depth: int = 6,
    heads: int = 4,
) -> keras.Model:
    """Build a transformer: ``[latents, time (n, 1)]`` (and labels or tokens) -> their velocity.

    A patch of 2×2 latents is a token (a single one, where height or width is odd).  In each block
    the image's tokens look at each other and at the words, and pass through two dense layers.
    Time, label and mean word scale and shift what goes in (adaptive layer normalisation, Peebles &
    Xie 2023).  Label or mean word also give each token of the image a start of its own, a first
    guess of the layout: weights that are used once an image, not once a token, cost next to
    nothing, and there is much to learn by heart.

    Args:
        latent_shape: ``(height, width, channels)``.
        num_classes: None, or how many classes labels ``(n,)`` have; one more means "none".
        vocabulary: None, or the number of tokens there are; texts are ints ``(n, words)``, in which
            0 fills up, and only zeros mean "none".
        words: tokens in a text.
        width, depth, heads: channels of a token, blocks, heads of attention.
    """
    rows, columns, _ = latent_shape
    patch = 1 if rows % 2 or columns % 2 else 2
    full = keras.config.floatx()
    latents, time = keras.Input(latent_shape, name="latents"), keras.Input((1,), name="time")
    inputs = [latents, time]
    condition = layers.Dense(width, activation="silu")(TimeFeatures(dtype=full)(time))
    condition = layers.Dense(width)(condition)
    x = layers.Conv2D(width, patch, strides=patch, name="patches")(latents)
    x = Learned(name="places")(layers.Reshape((-1, width))(x))
    given = text = mask = None
    if num_classes is not None:
        inputs.append(keras.Input((), dtype="int32", name="labels"))
        given = Embedding(num_classes + 1, width)(inputs[-1])
        layout = Embedding(num_classes + 1, x.shape[1] * width, name="layout")(inputs[-1])
    if vocabulary is not None:
        inputs.append(keras.Input((words,), dtype="int32", name="tokens"))
        known = ops.not_equal(inputs[-1], PADDING)
        text, given = _text(inputs[-1], known, vocabulary, width, heads)
        layout = layers.Dense(2 * width, activation="silu")(given)
        layout = layers.Dense(x.shape[1] * width, name="layout")(layout)
        image = ops.ones_like(x[:, :, 0], dtype="bool")  # all look at all tokens of the image
        mask = ops.concatenate([image, known], axis=1)
    if given is not None:
        condition = layers.Add()([condition, layers.Dense(width)(given)])
        x = layers.Add(name="start")([x, layers.Reshape(x.shape[1:])(layout)])
    condition = layers.Activation("silu")(condition)
    for i in range(depth):
        x = _block(x, text, mask, condition, heads, f"block_{i}")
    x = layers.LayerNormalization()(x)
    x = layers.Reshape((rows // patch, columns // patch, width))(x)
    x = layers.Conv2DTranspose(
        latent_shape[-1], patch, strides=patch, kernel_initializer="zeros", name="rest", dtype=full
    )(x)
    x = FromGaussian(1.0, name="velocity", dtype=full)(x, latents, time)
    return keras.Model(inputs, x, name="latent_transformer")


def _block(x, text, mask, condition, heads, name):
    """Attention, then two dense layers, each beside a shortcut and steered by the condition."""
    width = x.shape[-1]
    # Zero at the start: each block begins as its shortcuts alone.
    steering = layers.Dense(6 * width, kernel_initializer="zeros", name=f"{name}_steering")
    steering = layers.Reshape((6, width))(steering(condition))
    shift, scale, gate, shift_2, scale_2, gate_2 = (steering[:, i : i + 1] for i in range(6))
    y = layers.LayerNormalization(center=False, scale=False)(x) * (1 + scale) + shift
    context = y if text is None else layers.Concatenate(axis=1)([y, text])
    x = x + gate * Attention(heads, name=f"{name}_attention")(y, context, mask)
    y = layers.LayerNormalization(center=False, scale=False)(x) * (1 + scale_2) + shift_2
    y = layers.Dense(4 * width, activation="gelu")(y)
    return x + gate_2 * layers.Dense(width)(y)


def _text(tokens, known, vocabulary, width, heads):
    """Words that have looked at each other, ``(n, words, width)``, and the mean of the known."""
    # Words have fewer numbers than tokens: there are thousands of them.
    x = layers.Dense(width)(layers.Embedding(vocabulary, WORD_WIDTH, name="words")(tokens))
    x = Learned(name="order")(x)
    y = layers.LayerNormalization()(x)
    x = x + Attention(heads, name="text_attention")(y, y, known)
    x = layers.LayerNormalization()(x)
    weights = ops.cast(known, x.dtype)[:, :, None]
    count = ops.maximum(ops.sum(weights, axis=1), 1.0)
    return x, ops.sum(x * weights, axis=1) / count
