"""A GAN without labels that makes its own: the clusters of its training images.

After Liu et al. 2020, "Diverse image generation via self-conditioned GANs" (arXiv:2006.10728);
their clusters come from the discriminator's features and are renewed, ours from the pixels, once.
"""

import keras
import numpy as np
from keras import ops
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA

from gentut.checks import check_positive
from gentut.gan import GAN
from gentut.training import draw_seed, generator_from

AXES = 32  # principal components in which images are compared
FEWEST = 50  # training images per cluster


@keras.saving.register_keras_serializable("gentut")
class ClusterGAN(GAN):
    """An unconditional GAN whose two players are told to which cluster an image belongs.

    Labels tell a conditional GAN what to draw next, which guards it against leaving out a part of
    the data.  Where there are none, `fit` groups the training images by k-means and uses the
    number of the group; `sample` draws groups as often as they occur.  To its user the model is
    unconditional: it takes no labels.

    Args:
        generator, discriminator: networks with as many classes as there are to be clusters.
        **settings: see `GAN`.
    """

    def __init__(self, generator, discriminator, **settings):
        super().__init__(generator, discriminator, **settings)
        if self.num_classes is None:
            raise ValueError(
                "`generator` must take the number of a cluster beside the latents (build it with"
                " `num_classes`, the number of clusters); it takes latents alone."
            )
        self.num_clusters, self.num_classes = self.num_classes, None
        pixels = int(np.prod(self.image_shape))
        self.centres = self.add_weight(
            shape=(self.num_clusters, pixels), initializer="zeros", trainable=False, name="centres"
        )
        self.shares = self.add_weight(
            shape=(self.num_clusters,), initializer="zeros", trainable=False, name="shares"
        )

    def fit(self, x, y=None, *, seed=None, **options):
        """Train on images; the first call finds the clusters.  See `GAN.fit`; `y` must be None."""
        images, _ = super(GAN, self).check(x, y)
        if seed is None:
            seed = draw_seed()
        if not self._fitted():
            self._find_clusters(images, seed)
        return super().fit(images, seed=seed, **options)

    def check(self, images, labels=None):
        """Images as float32, and the cluster of each, its nearest centre, as int32."""
        images, _ = super().check(images, labels)
        return images, self.batched(self._nearest, images) if self._fitted() else None

    def sample(self, n, labels=None, seed=None, latents=None):
        """Draw images; see `GAN.sample`.  `labels` must be None; clusters come in their shares."""
        check_positive("n", n)
        self.check_labels(labels, n)
        if not self._fitted():
            raise ValueError("`sample` needs the clusters that `fit` finds; call `fit` first.")
        rng = generator_from(seed)
        shares = ops.convert_to_numpy(self.shares).astype("float64")
        clusters = rng.choice(self.num_clusters, n, p=shares / shares.sum()).astype("int32")
        if latents is None:
            latents = rng.standard_normal((n, self.latent_dim)).astype("float32")
        return self.batched(self._draw, self.check_latents(latents, n), clusters)

    def _fitted(self):
        return bool(ops.convert_to_numpy(self.shares).any())

    def _nearest(self, images):
        flat = ops.reshape(images, (ops.shape(images)[0], -1))
        centres = ops.convert_to_tensor(self.centres)
        # ‖x − c‖² without ‖x‖², which is the same for all centres; unused centres are out of reach.
        distance = ops.sum(centres**2, axis=1) - 2 * ops.matmul(flat, ops.transpose(centres))
        distance = ops.where(ops.convert_to_tensor(self.shares) > 0, distance, np.inf)
        return ops.cast(ops.argmin(distance, axis=1), "int32")

    def _find_clusters(self, images, seed):
        flat = images.reshape(len(images), -1)
        count = max(1, min(self.num_clusters, len(images) // FEWEST))
        axes = min(AXES, *flat.shape)
        codes = PCA(axes, svd_solver="randomized", random_state=seed % 2**32).fit_transform(flat)
        groups = MiniBatchKMeans(
            count, batch_size=4096, n_init=3, random_state=seed % 2**32
        ).fit_predict(codes)
        centres, shares = np.zeros(self.centres.shape), np.zeros(self.num_clusters)
        for group in range(count):
            own = flat[groups == group]
            if len(own):
                centres[group], shares[group] = own.mean(axis=0), len(own) / len(flat)
        self.centres.assign(centres)
        self.shares.assign(shares)
        # Now by the nearest centre, as every later call assigns them.
        nearest = self.batched(self._nearest, images)
        self.shares.assign(np.bincount(nearest, minlength=self.num_clusters) / len(flat))
