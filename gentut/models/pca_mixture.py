"""The statistical baseline: one Gaussian, or a mixture of them, in the space of a PCA.

Explicit densities fitted in closed form or by expectation–maximisation (scikit-learn), with
the face of the networks: ``fit``, ``sample``, ``save``.  Saved as arrays, never pickled.
"""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from sklearn.decomposition import PCA

from gentut.checks import check_positive
from gentut.models.mixtures import draw_components, fit_mixtures, move_to_components
from gentut.training.step import StepModel, generator_from

ARRAYS = ("mean", "axes", "weights", "means", "scales", "groups")


@keras.saving.register_keras_serializable("gentut")
class PCAMixture(StepModel):
    """Gaussian mixture over the first principal components; one component is a PCA-Gaussian.

    Args:
        image_shape: ``(height, width, channels)``.
        num_classes: None, or one mixture per class over common principal components.
        components: Gaussians in all, shared out evenly among the classes; 0 means one per group.
        latent_dim: principal components kept; what lies outside them is left out of samples.
    """

    iterative = False
    arguments = ("image_shape", "num_classes", "components", "latent_dim")

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int | None = None,
        components: int = 0,
        latent_dim: int = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, num_classes, **kwargs)
        check_positive("latent_dim", latent_dim)
        self.components, self.latent_dim = components, latent_dim
        self.arrays = None
        self.built = True

    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray | None = None,
        *,
        seed: int = 0,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        **options: Any,
    ) -> Self:
        """Fit to images ``(n, h, w, c)`` (and labels).  Nothing to iterate: no epochs, no clock.

        Args:
            x, y: images in [0, 1], and int labels ``(n,)`` for a conditional model.
            seed: of the mixture's starting point.
            callbacks, **options: of other families' ``fit``; without a meaning here, and accepted
                so that all families are trained by the same call.

        Returns:
            self.
        """
        images, labels = self.check(x, y)
        flat = images.reshape(len(images), -1)
        count = min(self.latent_dim, *flat.shape)
        pca = PCA(count, svd_solver="randomized", random_state=seed).fit(flat)
        codes = pca.transform(flat).astype("float64")
        mixtures = fit_mixtures(
            codes,
            labels,
            self.num_classes,
            self.components,
            codes_per_dimension=2,
            # In the units of the data: a thousandth of the mean variance.
            ridge=lambda own: 1e-3 * float(own.var(axis=0).mean()),
            max_iter=60,
            seed=seed,
        )
        self.arrays = {
            "mean": pca.mean_.astype("float32"),
            "axes": pca.components_.astype("float32"),
            "weights": mixtures["weights"],
            "means": mixtures["means"].astype("float32"),
            "scales": mixtures["scales"].astype("float32"),
            "groups": mixtures["groups"],
        }
        return self

    def count_params(self) -> int:
        """Count the numbers that the fitted model holds."""
        return 0 if self.arrays is None else sum(a.size for a in self.arrays.values())

    def sample(
        self, n: int, labels: np.ndarray | None = None, seed: int | None = None
    ) -> np.ndarray:
        """Draw images: NumPy float32 ``(n, h, w, c)``, clipped to [0, 1]; same seed, same draw."""
        check_positive("n", n)
        if self.arrays is None:
            raise ValueError("`sample` needs a fitted model; call `fit` first.")
        rng = generator_from(seed)
        labels = self.draw_labels(labels, n, rng)
        a = self.arrays
        chosen = draw_components(a["weights"], a["groups"], labels, n, rng)
        noise = rng.standard_normal((n, a["means"].shape[1])).astype("float32")
        codes = move_to_components(noise, chosen, a["means"], a["scales"])
        images = codes @ a["axes"] + a["mean"]
        return np.clip(images, 0, 1).reshape(n, *self.image_shape).astype("float32")

    def save_own_variables(self, store: Any) -> None:
        for name, array in (self.arrays or {}).items():
            store[name] = array

    def load_own_variables(self, store: Any) -> None:
        if "mean" in store.keys():  # noqa: SIM118  (a Keras store, not a dict)
            self.arrays = {name: np.asarray(store[name]) for name in ARRAYS}
