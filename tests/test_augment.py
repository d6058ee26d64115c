"""Transforms of a GAN's images: what each does to known images, and what training sees of it."""

import keras
import numpy as np
import pytest
from keras import ops
from tiny import fit_eagerly

import gentut
from gentut.models import diff_augment, networks
from gentut.training.gradients import input_gradient

pytestmark = pytest.mark.backend
SHAPE = (16, 16, 1)
RNG = np.random.default_rng(0)


def applied(name, images, numbers):
    images, numbers = np.asarray(images, "float32"), np.asarray(numbers, "float32")
    function = diff_augment.TRANSFORMS[name]
    made = function(ops.convert_to_tensor(images), ops.convert_to_tensor(numbers))
    return ops.convert_to_numpy(made)


@pytest.mark.parametrize(
    "number, move", [((0.0, 0.5), (-2, 0)), ((0.99, 0.0), (2, -2)), ((0.5, 0.7), (0, 1))]
)
def test_translation_moves_by_whole_pixels_and_lets_zeros_in(number, move):
    image = np.zeros((1, 16, 16, 3))
    image[0, 8, 8] = (0.2, 0.5, 0.9)
    moved = applied("translation", image, [[*number, 0]])
    expected = np.zeros_like(image)
    expected[0, 8 + move[0], 8 + move[1]] = (0.2, 0.5, 0.9)
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    edge = applied("translation", np.ones((1, 16, 16, 1)), [[0.0, 0.5, 0]])
    assert edge[0, -2:].max() == 0 and edge[0, :-2].min() == 1


@pytest.mark.parametrize("side, most", [(4, 1), (8, 1), (16, 2), (32, 4)])
def test_translation_reaches_an_eighth_of_the_side_and_no_move_is_rarer(side, most):
    count = 2 * most + 1
    images = np.zeros((count, side, side, 1))
    images[:, side // 2, side // 2] = 1
    numbers = (np.arange(count)[:, None] + 0.5) / count
    moved = applied("translation", images, np.repeat(numbers, 3, axis=1))
    places = np.argwhere(moved[..., 0])[:, 1:] - side // 2
    np.testing.assert_array_equal(places, np.repeat(np.arange(-most, most + 1)[:, None], 2, 1))


def test_colour_has_a_neutral_setting_and_three_dials():
    image = RNG.random((1, 16, 16, 3))
    np.testing.assert_allclose(applied("colour", image, [[0.5, 0.5, 0.5]]), image, atol=1e-6)
    brighter = applied("colour", image, [[0.9, 0.5, 0.5]])
    np.testing.assert_allclose(brighter, image + 0.2, atol=1e-6)
    grey = applied("colour", image, [[0.5, 0.0, 0.5]])
    np.testing.assert_allclose(grey, np.repeat(image.mean(-1, keepdims=True), 3, -1), atol=1e-6)
    flat = applied("colour", image, [[0.5, 0.5, 0.0]])
    assert flat.std() == pytest.approx(image.std() / 2, rel=1e-4)


def test_cutout_cuts_a_square_of_half_the_side_out():
    cut = applied("cutout", np.ones((2, 16, 16, 1)), [[0.5, 0.5, 0], [0.0, 0.9, 0]])
    expected = np.ones((16, 16))
    expected[4:12, 4:12] = 0
    np.testing.assert_array_equal(cut[0, :, :, 0], expected)
    assert cut[1, :4, 10:].max() == 0 and cut[1].sum() == 256 - 4 * 6  # it reaches over the edge


def test_a_draw_repeats_itself_reaches_its_share_and_leaves_the_others():
    images = ops.convert_to_tensor(RNG.uniform(0.1, 1, (1000, *SHAPE)).astype("float32"))
    transform = diff_augment.draw(("cutout",), 1000, keras.random.SeedGenerator(0))
    first, second = (ops.convert_to_numpy(transform(images)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    changed = (first != ops.convert_to_numpy(images)).any(axis=(1, 2, 3))
    assert changed.mean() == pytest.approx(diff_augment.SHARE, abs=0.05)
    other = diff_augment.draw(("cutout",), 1000, keras.random.SeedGenerator(1))
    assert (ops.convert_to_numpy(other(images)) != first).any()
    nothing = diff_augment.draw((), 1000, keras.random.SeedGenerator(0))
    assert nothing(images) is images


@pytest.mark.parametrize("name", diff_augment.TRANSFORMS)
def test_the_gradient_flows_through_and_is_that_of_finite_differences(name):
    images = RNG.uniform(0.2, 0.8, (2, 8, 8, 3)).astype("float32")
    weights = ops.convert_to_tensor(RNG.normal(size=images.shape).astype("float32"))
    transform = diff_augment.draw((name,), 2, keras.random.SeedGenerator(3))

    def total(x):
        return ops.sum(transform(x) * weights)

    gradient = ops.convert_to_numpy(ops.stop_gradient(input_gradient(total, images)))
    for place in ((0, 1, 2, 0), (1, 4, 4, 1), (0, 7, 0, 2)):
        step = np.zeros_like(images)
        step[place] = 0.05  # the transforms are linear in the image: any step will do
        ends = [float(total(ops.convert_to_tensor(images + sign * step))) for sign in (1, -1)]
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 0.1, abs=2e-3)


def test_a_gan_keeps_its_transforms_in_its_file_and_its_steps_without_them(tmp_path):
    images = RNG.random((32, *SHAPE)).astype("float32")

    def trained(names):
        gentut.seed(1)
        gan = gentut.GAN(
            networks.generator(SHAPE, latent_dim=4, filters=(4, 4)),
            networks.discriminator(SHAPE, filters=(4, 4)),
            fused=True,
            augment=names,
        )
        gan.compile()
        fit_eagerly(gan, images, epochs=2, batch_size=16)
        return gan

    plain, none, augmented = (trained(names) for names in (None, (), ("colour", "cutout")))
    drawn = [gan.sample(3, seed=0) for gan in (plain, none, augmented)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    augmented.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").augment == ("colour", "cutout")


def test_an_unknown_transform_is_named():
    with pytest.raises(ValueError, match="`augment` must be one of colour, translation, cutout;"):
        gentut.build("gan", SHAPE, augment="mirror")
