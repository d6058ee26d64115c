"""A GAN without labels that makes its own: groups of its training images.

After Liu et al. 2020, "Diverse image generation via self-conditioned GANs" (arXiv:2006.10728);
their groups come from the discriminator's features and are renewed, ours from the pixels, once,
by spectral clustering (Ng, Jordan and Weiss 2001, "On spectral clustering").
"""

import warnings
from typing import Any

import keras
import numpy as np
import sklearn
from keras import ops

from gentut.checks import check_positive
from gentut.models.components import codes_of, flat_rows
from gentut.models.gan import GAN
from gentut.models.mixtures import draw_in_shares
from gentut.training.step import draw_seed, generator_from

AXES = 32  # principal components in which images are compared
FEWEST = 50  # training images per cluster, at least: few images make fewer clusters
CELLS = 40  # k-means cells per cluster, at most
FEWEST_IN_CELL = 5  # training images per cell, at least: few images make fewer cells
NEIGHBOURS = 5  # nearest cells to which each cell is tied in the graph


@keras.saving.register_keras_serializable("gentut")
class ClusterGAN(GAN):
    """An unconditional GAN whose two players are told to which cluster an image belongs.

    Labels tell a conditional GAN what to draw next, which guards it against leaving out a part of
    the data.  Where there are none, ``fit`` groups the training images and uses the number of the
    group; ``sample`` draws groups as often as they occur.  To its user the model is unconditional:
    it takes no labels.

    The groups: k-means cuts the images into many small cells, cells are tied to their neighbours,
    and spectral clustering cuts that graph where few ties are.  So a group follows the data: a 4
    and a 9 may be near in pixels, but few images lie between them.

    Args:
        generator, discriminator: networks with as many classes as there are to be clusters.
        **settings: see ``GAN``.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, **settings: Any) -> None:
        super().__init__(generator, discriminator, **settings)
        if self.num_classes is None:
            raise ValueError(
                "`generator` must take the number of a cluster beside the latents (build it with"
                " `num_classes`, the number of clusters); it takes latents alone."
            )
        self.num_clusters, self.num_classes = self.num_classes, None
        pixels = int(np.prod(self.image_shape))
        self.axes = self._fixed("axes", (pixels, min(AXES, pixels)))
        self.cells = self._fixed("cells", (CELLS * self.num_clusters, min(AXES, pixels)))
        self.groups = self._fixed("groups", (CELLS * self.num_clusters,), "int32")
        self.shares = self._fixed("shares", (self.num_clusters,))

    def _fixed(self, name, shape, dtype="float32"):
        return self.add_weight(
            shape=shape, dtype=dtype, initializer="zeros", trainable=False, name=name
        )

    def fit(
        self, x: np.ndarray, y: np.ndarray | None = None, *, seed: int | None = None, **options: Any
    ) -> keras.callbacks.History:
        """Train on images; the first call finds the clusters.  See ``GAN.fit``; ``y`` must be None.

        ``sample`` draws clusters as often as they occur in the images of the last call.
        """
        images, _ = super(GAN, self).check(x, y)
        if seed is None:
            seed = draw_seed()
        if not self._fitted():
            self._find_clusters(images, seed)
        found = np.bincount(self.batched(self._nearest, images), minlength=self.num_clusters)
        self.shares.assign(found / len(images))
        return super().fit(images, seed=seed, **options)

    def check(
        self, images: np.ndarray, labels: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return images as float32 and, as int32, the cluster of each: that of its nearest cell."""
        images, _ = super().check(images, labels)
        return images, self.batched(self._nearest, images) if self._fitted() else None

    def sample(
        self,
        n: int,
        labels: np.ndarray | None = None,
        seed: int | None = None,
        latents: np.ndarray | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw images; see ``GAN.sample``.

        ``labels`` must be None: the clusters are drawn, each as often as it occurs in the data.
        """
        check_positive("n", n)
        self.check_labels(labels, n)
        if not self._fitted():
            raise ValueError("`sample` needs the clusters that `fit` finds; call `fit` first.")
        rng = generator_from(seed)
        clusters = draw_in_shares(ops.convert_to_numpy(self.shares).astype("float64"), n, rng)
        if latents is None:
            latents = rng.standard_normal((n, self.latent_dim)).astype("float32")
        return self.batched(self._draw, self.check_latents(latents, n), clusters, out=out)

    def _fitted(self):
        return bool(ops.convert_to_numpy(self.shares).any())

    def _nearest(self, images):
        flat = ops.reshape(images, (ops.shape(images)[0], -1))
        codes = ops.matmul(flat, ops.convert_to_tensor(self.axes))
        cells, groups = ops.convert_to_tensor(self.cells), ops.convert_to_tensor(self.groups)
        # ‖x − c‖² without ‖x‖², which is the same for all cells; unused cells are out of reach.
        distance = ops.sum(cells**2, axis=1) - 2 * ops.matmul(codes, ops.transpose(cells))
        distance = ops.where(groups >= 0, distance, np.inf)
        return ops.take(groups, ops.argmin(distance, axis=1))

    def _find_clusters(self, images, seed):
        random_state = seed % 2**32
        flat = flat_rows(images, random_state)
        count = max(1, min(self.num_clusters, len(images) // FEWEST))
        pca = sklearn.decomposition.PCA(
            min(self.axes.shape[1], *flat.shape), svd_solver="randomized", random_state=random_state
        )
        codes = pca.fit_transform(flat)
        if len(flat) < len(images):
            del flat
            codes = codes_of(pca, images)
        wanted = max(count, min(CELLS * count, len(images) // FEWEST_IN_CELL))
        k_means = sklearn.cluster.MiniBatchKMeans(
            wanted, batch_size=8192, n_init=1, random_state=random_state
        )
        centres = k_means.fit(codes).cluster_centers_
        axes, cells = np.zeros(self.axes.shape), np.zeros(self.cells.shape)
        axes[:, : codes.shape[1]] = pca.components_.T
        # Cells stand where images fall that are not centred first.
        cells[: len(centres), : codes.shape[1]] = centres + pca.mean_ @ pca.components_.T
        groups = np.full(len(cells), -1)
        groups[: len(centres)] = group_cells(centres, count, random_state)
        for variable, value in ((self.axes, axes), (self.cells, cells), (self.groups, groups)):
            variable.assign(value)


def group_cells(centres: np.ndarray, count: int, random_state: int) -> np.ndarray:
    """Cluster the cells by spectral clustering of the graph that ties each to its neighbours.

    Args:
        centres: of the cells, ``(n, d)``.
        count: number of groups.
        random_state: seed of scikit-learn's draws.

    Returns:
        The group of each centre, 0 … count − 1, int ``(n,)``.
    """
    if count == 1 or len(centres) <= count:
        return np.arange(len(centres)) % count
    ties = sklearn.neighbors.kneighbors_graph(centres, min(NEIGHBOURS, len(centres) - 1))
    with warnings.catch_warnings():
        # Parts without any tie between them are groups already, which is what is looked for.
        warnings.filterwarnings("ignore", "Graph is not fully connected")
        return sklearn.cluster.SpectralClustering(
            count, affinity="precomputed", random_state=random_state
        ).fit_predict((ties + ties.T) / 2)
