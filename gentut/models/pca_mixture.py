"""The statistical baseline: one Gaussian, or a mixture of them, in the space of a PCA.

Explicit densities fitted in closed form or by expectation–maximisation (scikit-learn), with
the face of the networks: ``fit``, ``sample``, ``save``.  Saved as arrays, never pickled.
"""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
import sklearn

from gentut.checks import check_positive
from gentut.models.components import codes_of, flat_rows
from gentut.models.mixtures import draw_components, draw_rows, fit_mixtures, move_to_components
from gentut.training.slices import check_out, put
from gentut.training.step import StepModel, generator_from

LIMIT = 60_000  # images that a mixture is fitted to, at most
DRAWN = 1 << 24  # numbers of images that are drawn at once
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
            x, y: images in [0, 1] or bytes, see ``StepModel.fit``, and int labels ``(n,)`` for a
                conditional model.  Of large sets the components are fitted to a part, see
                ``gentut.models.components.flat_rows``, and the mixture to 60,000 images.
            seed: of the mixture's starting point, and of what is drawn of large sets.
            callbacks, **options: of other families' ``fit``; without a meaning here, and accepted
                so that all families are trained by the same call.

        Returns:
            self.
        """
        images, labels = self.check(x, y)
        flat = flat_rows(images, seed)
        count = min(self.latent_dim, *flat.shape)
        part = len(flat) < len(images)
        own = part or images.dtype == "uint8"  # made for this alone: it may be centred in place
        pca = sklearn.decomposition.PCA(
            count, copy=not own, svd_solver="randomized", random_state=seed
        ).fit(flat)
        if own:
            del flat
        codes = codes_of(pca, images) if part else pca.transform(flat_rows(images, seed))
        codes = codes.astype("float64")
        if len(codes) > LIMIT:
            rows = draw_rows(len(codes), LIMIT, labels, np.random.default_rng(seed))
            codes, labels = codes[rows], None if labels is None else labels[rows]
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
        self,
        n: int,
        labels: np.ndarray | None = None,
        seed: int | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw images: NumPy float32 ``(n, h, w, c)``, clipped to [0, 1]; same seed, same draw.

        ``out``: where they go, see ``gentut.VAE.sample``.
        """
        check_positive("n", n)
        if self.arrays is None:
            raise ValueError("`sample` needs a fitted model; call `fit` first.")
        rng = generator_from(seed)
        labels = self.draw_labels(labels, n, rng)
        a = self.arrays
        chosen = draw_components(a["weights"], a["groups"], labels, n, rng)
        noise = rng.standard_normal((n, a["means"].shape[1])).astype("float32")
        codes = move_to_components(noise, chosen, a["means"], a["scales"])
        out = np.empty((n, *self.image_shape), "float32") if out is None else out
        check_out(out, n, self.image_shape)
        most = max(1, DRAWN // a["mean"].size)
        for start in range(0, n, most):
            rows = slice(start, min(start + most, n))
            images = np.clip(codes[rows] @ a["axes"] + a["mean"], 0, 1)
            put(out, rows, images.reshape(-1, *self.image_shape))
        return out

    def save_own_variables(self, store: Any) -> None:
        for name, array in (self.arrays or {}).items():
            store[name] = array

    def load_own_variables(self, store: Any) -> None:
        if "mean" in store.keys():  # noqa: SIM118  (a Keras store, not a dict)
            self.arrays = {name: np.asarray(store[name]) for name in ARRAYS}
