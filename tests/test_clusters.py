"""A GAN that labels its images itself: the groups are right, and nobody outside sees them."""

import keras
import numpy as np
import pytest
from keras import ops
from tiny import fit_eagerly

import gentut
from gentut.models import networks
from gentut.models.cluster_gan import group_cells

pytestmark = pytest.mark.backend
SHAPE = (16, 16, 1)


def three_kinds(n=600):
    """Images of three obvious kinds in shares 3 : 2 : 1, and their kind."""
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], [n // 2, n // 3, n // 6])
    images = rng.uniform(0, 0.1, (n, *SHAPE)).astype("float32")
    for kind in range(3):
        images[kinds == kind, 5 * kind : 5 * kind + 5] += 0.8
    order = rng.permutation(n)
    return images[order], kinds[order]


def small(clusters=3):
    gan = gentut.ClusterGAN(
        networks.generator(SHAPE, latent_dim=4, num_classes=clusters, filters=(8, 4)),
        networks.discriminator(SHAPE, num_classes=clusters, filters=(4, 8)),
    )
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return gan


def test_the_clusters_are_the_kinds_and_their_shares():
    images, kinds = three_kinds()
    gan = small()
    fit_eagerly(gan, images, batch_size=300, seed=1)
    _, clusters = gan.check(images)
    pairs = set(zip(clusters.tolist(), kinds.tolist(), strict=True))
    assert len(pairs) == 3  # one cluster for each kind, and the other way round
    shares = ops.convert_to_numpy(gan.shares)
    np.testing.assert_allclose(np.sort(shares), [1 / 6, 1 / 3, 1 / 2], atol=1e-6)
    before = ops.convert_to_numpy(gan.cells).copy()
    fit_eagerly(gan, images[::-1], batch_size=300, seed=2)
    np.testing.assert_array_equal(ops.convert_to_numpy(gan.cells), before)  # found once
    fit_eagerly(gan, images[kinds > 0], batch_size=300, seed=3)
    shares = ops.convert_to_numpy(gan.shares)  # but counted in what was trained on last
    np.testing.assert_allclose(np.sort(shares), [0, 1 / 3, 2 / 3], atol=1e-6)


def test_the_cells_follow_from_the_seed():
    images, _ = three_kinds()

    def cells(seed):
        gan = small()
        gan._find_clusters(images, seed)
        return ops.convert_to_numpy(gan.cells)

    first = cells(1)
    np.testing.assert_array_equal(cells(1 + 2**32), first)  # scikit-learn takes 32 bits
    assert np.abs(cells(3) - first).max() > 1e-3


def test_groups_follow_the_data_where_distance_does_not():
    """Two interleaved moons: their ends are nearer to the other moon than to their own ends."""
    t = np.linspace(0, np.pi, 400)
    moons = [np.stack([np.cos(t), np.sin(t)], 1), np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1)]
    groups = group_cells(np.concatenate(moons), 2, 0)
    assert set(groups[:400]) != set(groups[400:]) and len(set(groups[:400])) == 1
    assert len(set(groups[400:])) == 1
    np.testing.assert_array_equal(group_cells(np.zeros((5, 2)), 1, 0), 0)
    few = group_cells(np.arange(8.0).reshape(4, 2), 2, 0)  # fewer than a cell has neighbours
    assert few.shape == (4,) and set(few) <= {0, 1}


def test_it_is_unconditional_to_its_user_and_survives_saving(tmp_path):
    images, _ = three_kinds()
    gan = gentut.build("gan", SHAPE)
    assert isinstance(gan, gentut.ClusterGAN) and gan.num_classes is None
    gan.fit(images, batch_size=50, verbose=0, seed=1)
    assert (ops.convert_to_numpy(gan.shares) > 0).sum() <= 600 // 50
    drawn = gan.sample(7, seed=3)
    np.testing.assert_array_equal(drawn, gan.sample(7, seed=3))
    assert gan.score(images[:5]).shape == (5,)
    gan.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(7, seed=3), drawn)
    with pytest.raises(ValueError, match="`labels` must be None for an unconditional model"):
        gan.fit(images, np.zeros(len(images), int), verbose=0)
    with pytest.raises(ValueError, match="`labels` must be None for an unconditional model"):
        gan.sample(2, labels=[0, 1])
    with pytest.raises(ValueError, match=r"`latents` must have shape \(2, 32\); received \(2, 3\)"):
        gan.sample(2, latents=np.zeros((2, 3)))


def test_plain_gans_are_there_on_request_and_misuse_is_refused():
    assert type(gentut.build("gan", SHAPE, clusters=None)) is gentut.GAN
    assert type(gentut.build("gan", SHAPE, num_classes=10)) is gentut.GAN
    with pytest.raises(ValueError, match="`clusters` must be a positive integer; received 0"):
        gentut.build("gan", SHAPE, clusters=0)
    with pytest.raises(ValueError, match="`sample` needs the clusters that `fit` finds"):
        small().sample(2)
    with pytest.raises(ValueError, match="`generator` must take the number of a cluster"):
        gentut.ClusterGAN(
            networks.generator(SHAPE, latent_dim=4), networks.discriminator(SHAPE, filters=(4, 8))
        )
