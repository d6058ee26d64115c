"""A flow over the codes of a VAE: the principle of latent diffusion (Rombach et al. 2022)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from gentut.checks import check_positive
from gentut.models.flow_model import FlowModel
from gentut.models.vae import VAE
from gentut.training.devices import Tensor, compile_options, per_image
from gentut.training.kernels import Adam
from gentut.training.optimizers import Optimizers, recipe_of


@keras.saving.register_keras_serializable("gentut")
class LatentFlow(FlowModel):
    """A flow in the latent space of a VAE: the principle of latent diffusion (Rombach et al. 2022).

    The flow learns the distribution of the codes q(z|x) of all images, and so takes the place of
    the prior N(0, I), which puts mass where no image is encoded.

    Args:
        vae: a compiled ``gentut.VAE``; shared, not copied: if it is trained on elsewhere, the flow
            must be trained again.
        velocity: ``[latents, time (n, 1)]`` (and labels) -> their velocity, of the VAE's
            ``latent_shape``, as ``gentut.networks.latent_velocity`` builds it.  It may have classes
            where the VAE has none.
        train_vae: train the VAE in the same steps; False for a VAE that is trained already.
        vae_every: the VAE trains on one in so many images of a batch: more than 1 where it needs
            fewer images than the flow.
        draws: latents drawn per image and step.
        drop_labels, ema: see ``gentut.Flow``.
    """

    default_steps = 16
    arguments = ("vae", "velocity", "train_vae", "vae_every", "draws", "drop_labels", "ema")

    def __init__(
        self,
        vae: VAE,
        velocity: keras.Model,
        train_vae: bool = True,
        vae_every: int = 1,
        draws: int = 4,
        drop_labels: float = 0.1,
        ema: float = 0.999,
        **kwargs: Any,
    ) -> None:
        if not isinstance(vae, VAE):
            raise TypeError(f"`vae` must be a gentut.VAE; received {type(vae).__name__}.")
        super().__init__(velocity, vae.image_shape, drop_labels, ema, **kwargs)
        if velocity.output_shape[1:] != vae.latent_shape:
            raise ValueError(
                f"`velocity` must move points of the VAE's latent_shape = {vae.latent_shape}; it"
                f" moves points of shape {velocity.output_shape[1:]}."
            )
        if vae.num_classes not in (None, self.num_classes):
            raise ValueError(
                f"`velocity` must have the classes of `vae`, {vae.num_classes}; it has"
                f" {self.num_classes}."
            )
        check_positive("draws", draws)
        check_positive("vae_every", vae_every)
        self.vae, self.train_vae, self.draws = vae, train_vae, draws
        self.vae_every, self.latent_dim = vae_every, vae.latent_dim
        self.tracker = keras.metrics.Mean(name="flow_loss")
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [*self.vae.trackers, self.tracker] if self.train_vae else [self.tracker]

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | None = None,
        constant_share: float = 1.0,
        **options: Any,
    ) -> None:
        """Set the optimizer of the velocity; that of the VAE is the VAE's own."""
        keras.Model.compile(self, **{**compile_options(), **options})
        self.flow_optimizer = optimizer or Adam(1e-3)
        self.flow_optimizer.build(self.velocity.trainable_variables)
        self.optimizer = Optimizers(
            self.flow_optimizer, *([self.vae.optimizer] if self.train_vae else [])
        )
        self._set_schedule(constant_share, self.flow_optimizer)

    def get_compile_config(self) -> dict:
        return {
            "optimizer": recipe_of(self.flow_optimizer, *self.learning_rates),
            "constant_share": self.constant_share,
        }

    def _forget(self):
        if self.train_vae:
            self.vae._forget()

    def update(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Take one training step on a batch; ``progress`` in [0, 1] sets the learning rates."""
        logs = {}
        if self.train_vae:
            few = slice(None, None, self.vae_every)
            logs = self.vae.update(images[few], self._of_vae(labels, few), progress)
        self.set_learning_rates(progress, self.flow_optimizer)
        codes, labels = self._codes(images, labels)
        value = self._flow_step(codes, labels, self.flow_optimizer, self.draws)
        self.tracker.update_state(value)
        return {**logs, "flow_loss": self.tracker.result()}

    def _codes(self, images, labels):
        """Draw codes from q(z|x), with their labels; no gradient flows back to the encoder.

        Several draws per image: a step of the small flow costs little beside one of the VAE.
        """

        def repeated(x):
            return ops.tile(x, (self.draws, *[1] * (len(x.shape) - 1)))

        mean, log_var = (
            repeated(ops.stop_gradient(part))
            for part in self.vae.posterior(images, self._of_vae(labels))
        )
        noise = per_image(
            lambda n: keras.random.normal((n, *self.vae.latent_shape), seed=self.seed_generator),
            ops.shape(mean)[0],
            self.draws,
        )
        labels = None if labels is None else repeated(labels)
        return mean + ops.exp(log_var / 2) * noise, labels

    def _of_vae(self, labels, rows=slice(None)):
        """Labels of some rows, if the VAE has classes at all."""
        return None if self.vae.num_classes is None else labels[rows]

    def _images(self, points, labels):
        return self.vae.pixel_means(points, self._of_vae(labels))

    def reconstruct(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Decode the mean of q(z|x): ``(n, h, w, c)`` in [0, 1]; see ``gentut.VAE``."""
        return self.vae.reconstruct(images, self._of_vae(labels))
