"""A flow over the codes of a VAE: the principle of latent diffusion (Rombach et al. 2022)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from gentut.checks import check_positive, check_share
from gentut.models.flow_model import FlowModel
from gentut.models.networks import join
from gentut.models.vae import VAE
from gentut.training.devices import Tensor, compile_options, compiled, per_image
from gentut.training.kernels import Adam
from gentut.training.optimizers import Optimizers, recipe_of

MEASURED = 8  # images for the loss of a part that does not learn


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
        vae_first: share of the training in which the VAE learns alone; from there on it stands
            still, and the flow learns codes that stay where they are.  0: both in every step.
        draws: latents drawn per image and step.
        drop_labels, ema: see ``gentut.Flow``.
    """

    default_steps = 16
    arguments = ("vae", "velocity", "train_vae", "vae_first", "draws", "drop_labels", "ema")

    def __init__(
        self,
        vae: VAE,
        velocity: keras.Model,
        train_vae: bool = True,
        vae_first: float = 0.0,
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
        check_share("vae_first", vae_first)
        self.vae, self.train_vae, self.draws = vae, train_vae, draws
        self.vae_first, self.latent_dim = vae_first, vae.latent_dim
        self.tracker = keras.metrics.Mean(name="flow_loss")
        self._decoder = None
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

    def stage(self, progress: float) -> str | None:
        """Return who learns at a share of the training: "vae" or "flow"; None for both."""
        if not (self.train_vae and self.vae_first):
            return None
        return "vae" if progress < self.vae_first else "flow"

    def update(self, images: Tensor, labels: Tensor | None, progress: Tensor) -> dict[str, Tensor]:
        """Take one training step on a batch; ``progress`` in [0, 1] sets the learning rates.

        Where one part learns alone, the loss of the other is measured on a few images.
        """
        first = self.vae_first if self.train_stage else 0.0
        few, logs = slice(MEASURED), {}
        if self.train_stage == "vae":
            logs = self.vae.update(images, self._of_vae(labels), progress / first)
            few_labels = None if labels is None else labels[few]
            value = self._flow_loss(*self._codes(images[few], few_labels), self.draws)()
        else:
            if self.train_stage == "flow":
                logs = self.vae.measure(images[few], self._of_vae(labels, few), progress)
            elif self.train_vae:
                logs = self.vae.update(images, self._of_vae(labels), progress)
            self.set_learning_rates((progress - first) / (1 - first), self.flow_optimizer)
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
        if self._decoder is None:
            self._decoder = compiled(self.vae.decoder)
        return self.vae._pixel_means(self._decoder(join(points, self._of_vae(labels))))

    def reconstruct(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Decode the mean of q(z|x): ``(n, h, w, c)`` in [0, 1]; see ``gentut.VAE``."""
        return self.vae.reconstruct(images, self._of_vae(labels))
