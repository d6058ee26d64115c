"""Floating-point operations of a training step, counted from layer shapes; and what the machine
can do.

Counted is what the mathematics needs in dense layers, convolutions and attention, a multiplication
and an addition as two, kernels whole also where they reach over the edge.  Everything else
(normalisation, activations, embeddings, the optimizer) counts as nothing, so a share of the
machine's rate is an under-estimate.  The same idea as "model FLOPs utilization" of Chowdhery et
al. 2022, appendix B.
"""

import math
from typing import NamedTuple

from keras import layers

from gentut import GAN, VAE, Flow, LatentFlow
from gentut.cli import doctor
from gentut.models.transformer import Attention, Learned

UNCOUNTED = layers.BatchNormalization, layers.LayerNormalization, layers.Embedding, Learned
SIDE = 2048  # of the square matrices whose product is the yardstick


class Cost(NamedTuple):
    """FLOPs per image of one pass through a network, and of its first and last counted layer."""

    forward: int
    first: int
    last: int

    def backward(self, weights=True, inputs=False):
        """Of a backward pass: as much as forward for the gradients of the weights, and as much for
        those of each layer's inputs, but for the first layer's if nobody asks for them."""
        return weights * self.forward + self.forward - (not inputs) * self.first

    def penalty(self):
        """Of a penalty on the input gradient: forward, back to the input, and the gradient of both.

        The activations are piecewise linear, so the second derivative goes through the backward
        pass alone, once for weights and once for incoming gradients.  The value of the score is not
        needed, and what comes in at the top is constant: hence twice less the last layer.
        """
        return 4 * self.forward - 2 * self.last


def layer_flops(layer):
    """FLOPs per image of one layer forward.

    Raises:
        TypeError: for a layer with weights that is of no known kind.
    """
    if isinstance(layer, layers.Conv2DTranspose):
        return 2 * math.prod(layer.kernel.shape) * math.prod(layer.input.shape[1:3])
    if isinstance(layer, layers.Conv2D):
        return 2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    if isinstance(layer, layers.Dense):
        return 2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
    if isinstance(layer, Attention):
        (queries, width), (context, _) = (x.shape[1:] for x in layer.input[:2])
        return 4 * width * (width * (queries + context) + queries * context)
    if layer.trainable_weights and not isinstance(layer, UNCOUNTED):
        raise TypeError(f"`layer` must be of a kind that is counted; received {layer!r}.")
    return 0


def network_cost(network):
    """The `Cost` of a network whose layers form one chain (labels may join it)."""
    counts = [count for count in map(layer_flops, network.layers) if count]
    return Cost(sum(counts), counts[0], counts[-1])


def training_flops(model):
    """FLOPs of a training step per image of the batch, for a GAN, a VAE or a flow.

    Of a training whose parts learn one after the other: the mean over its steps.

    Raises:
        TypeError: for another model.
    """
    if isinstance(model, VAE):
        encoder, decoder = network_cost(model.encoder), network_cost(model.decoder)
        return (
            encoder.forward + encoder.backward() + decoder.forward + decoder.backward(inputs=True)
        )
    if isinstance(model, Flow | LatentFlow):
        moved = network_cost(model.velocity)  # no chain, so its first layer is counted whole
        once = moved.forward + moved.backward(inputs=True)
        if isinstance(model, Flow):
            return once
        coded = network_cost(model.vae.encoder).forward + model.draws * once
        if not model.train_vae:
            return coded
        alone, share = training_flops(model.vae), model.vae_first
        return share * alone + (1 - share) * coded if share else alone + coded
    if not isinstance(model, GAN):
        raise TypeError(f"`model` must be a GAN, a VAE or a flow; received {type(model).__name__}.")
    made, judged = network_cost(model.generator), network_cost(model.discriminator)
    # Each real image meets one generated one.
    discriminator = (
        made.forward
        + 2 * (judged.forward + judged.backward())
        + len(model.penalties) * judged.penalty() / model.penalty_interval
    )
    if model.fused:
        return discriminator + judged.first + made.backward()
    # The generator's turn comes once in so many parts of the batch.  Only a relativistic loss
    # looks at real images too.
    scored = 2 if model.loss_name == "relativistic" else 1
    generator = made.forward + made.backward() + scored * judged.forward
    generator += judged.backward(weights=False, inputs=True)
    return discriminator + generator / model.critic_steps


def published_flops(recipe):
    """FLOPs of a training step of a published recipe per image of the batch."""
    from published import DCGAN, gans, vaes  # TensorFlow, which is not wherever ours train

    made, judged = map(network_cost, recipe.networks)
    if isinstance(recipe, vaes.TwoDimensionalVAE):  # the decoder and the encoder
        return made.forward + made.backward(inputs=True) + judged.forward + judged.backward()
    fake = made.forward + judged.forward
    critic = fake + judged.forward + 2 * judged.backward()
    generator = made.backward() + judged.backward(weights=False, inputs=True)
    if isinstance(recipe, DCGAN):  # both gradients from one pass
        return critic + generator
    if isinstance(recipe, gans.WGANGP):
        return recipe.critic_steps * (critic + judged.penalty()) + fake + generator
    return critic + fake + generator


def matmul_rate():
    """FLOPs per second of float32 products of two 2048×2048 matrices: the best in a second."""
    return doctor.matmul_rate(1.0, SIDE)
