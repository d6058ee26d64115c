"""Scenes, augmentation and train sets: what is pasted is what the boxes and masks say."""

import re

import numpy as np
import pytest

from gentut import tasks

RNG = np.random.default_rng(0)


def bars(n=12, size=20, classes=2):
    """White rectangles on black, three widths of each class: class 0 lies, class 1 stands."""
    images, labels = np.zeros((n, size, size, 1), "float32"), np.arange(n) % classes
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        a, b = slice(3, size - 3), slice(size // 2 - 2, size // 2 + i // classes % 3)
        image[(b, a) if label == 0 else (a, b)] = 1
    return images, labels


@pytest.fixture(scope="module")
def scenes():
    return tasks.make_scenes(*bars(), 30, seed=3)


def test_boxes_are_those_of_the_masks(scenes):
    """Objects of one class do not touch, so connected components of a mask are its objects."""
    from scipy import ndimage

    for mask, boxes, classes in zip(scenes.masks, scenes.boxes, scenes.classes, strict=True):
        found = []
        for k in range(scenes.num_classes):
            parts, _ = ndimage.label(mask == k + 1, structure=np.ones((3, 3)))
            for rows, columns in ndimage.find_objects(parts):
                found.append((k, columns.start, rows.start, columns.stop, rows.stop))
        assert sorted(found) == sorted(
            (k, *map(int, box)) for k, box in zip(classes, boxes, strict=True)
        )


def test_lying_and_standing_bars_have_lying_and_standing_boxes(scenes):
    for boxes, classes in zip(scenes.boxes, scenes.classes, strict=True):
        wide = boxes[:, 2] - boxes[:, 0] > boxes[:, 3] - boxes[:, 1]
        np.testing.assert_array_equal(wide, classes == 0)


def test_objects_stand_out_from_the_background(scenes):
    """Ink is darker or brighter than anything the texture can be: 0.3…0.7 and a faint grating."""
    for image, mask in zip(scenes.images, scenes.masks, strict=True):
        assert np.abs(image[mask == 0] - 0.5).mean() < 0.2
    inside = np.concatenate([i[m > 0] for i, m in zip(scenes.images, scenes.masks, strict=True)])
    assert np.mean(np.abs(inside - 0.5) > 0.25) > 0.8


def test_scenes_follow_from_the_seed_and_their_number_alone(scenes):
    again = tasks.make_scenes(*bars(), 10, seed=3)
    np.testing.assert_array_equal(again.images, scenes.images[:10])
    np.testing.assert_array_equal(again.masks, scenes.masks[:10])
    np.testing.assert_array_equal(
        np.concatenate(again.sources), np.concatenate(scenes.sources[:10])
    )
    other = tasks.make_scenes(*bars(), 10, seed=4)
    assert not np.array_equal(other.images, again.images)


def test_the_first_of_some_scenes(scenes):
    few = scenes.first(3)
    assert len(few) == len(few.boxes) == len(few.classes) == len(few.masks) == len(few.sources) == 3
    np.testing.assert_array_equal(few.images, scenes.images[:3])
    assert few.num_classes == scenes.num_classes


def test_scenes_of_other_images_are_twins(scenes):
    """Same places, classes and background; only the objects differ."""
    images, labels = bars()
    fainter = tasks.make_scenes(images * 0.5, labels, 30, seed=3)
    for name in ("boxes", "classes"):
        for a, b in zip(getattr(scenes, name), getattr(fainter, name), strict=True):
            np.testing.assert_array_equal(a, b)
    ground = scenes.masks == 0
    np.testing.assert_allclose(fainter.images[ground], scenes.images[ground], atol=0.3)
    assert not np.array_equal(fainter.images[~ground], scenes.images[~ground])


def test_every_object_comes_from_its_class_and_from_the_given_set(scenes):
    """`sources` are rows of the given set, and repainting from them gives the scenes again."""
    images, labels = bars()
    for rows, classes in zip(scenes.sources, scenes.classes, strict=True):
        np.testing.assert_array_equal(labels[rows], classes)
    used = np.unique(np.concatenate(scenes.sources))
    changed = images.copy()
    changed[np.setdiff1d(np.arange(len(images)), used)] = 0.5  # what is not used does not matter
    np.testing.assert_array_equal(
        tasks.make_scenes(changed, labels, 30, seed=3).images, scenes.images
    )
    changed[used[0]] = 0.7
    assert not np.array_equal(tasks.make_scenes(changed, labels, 30, seed=3).images, scenes.images)


def test_photographs_keep_their_frame():
    images = np.full((2, 8, 16, 3), 0.9, "float32")  # wider than high
    scenes = tasks.make_scenes(images, np.array([0, 1]), 5, objects=(1, 1), object_size=(32, 32))
    for image, mask, boxes in zip(scenes.images, scenes.masks, scenes.boxes, strict=True):
        left, top, right, bottom = boxes[0].astype(int)
        assert (right - left, bottom - top) == (32, 16)
        assert (mask[top:bottom, left:right] > 0).all() and (mask > 0).sum() == 32 * 16
        assert abs(image[top:bottom, left:right].mean() - 0.9) < 0.01


def test_blank_images_are_not_pasted():
    images, labels = bars()
    images[::4] = 0
    scenes = tasks.make_scenes(images, labels, 20)
    assert not np.isin(np.concatenate(scenes.sources), np.arange(0, 12, 4)).any()
    assert all((box[2:] > box[:2]).all() for boxes in scenes.boxes for box in boxes)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"size": 60}, "`size` must be a multiple of 16, at least 64; received 60."),
        (
            {"objects": (3, 1)},
            "`objects` must be two ints, 1 ≤ least ≤ greatest ≤ 100",
        ),
        ({"object_size": (8, 99)}, "`object_size` must be two ints"),
        ({"n": 0}, "`n` must be a positive integer; received 0."),
        ({"matte": "glass"}, "`matte` must be one of ink, frame; received 'glass'."),
        ({"labels": np.zeros(12, int), "num_classes": 2}, "received none of class 1."),
        ({"images": np.zeros((12, 8, 8, 1))}, "not blank; received none of class 0."),
        ({"images": np.ones((12, 8, 8, 3)), "matte": "ink"}, "received 3 channels."),
        ({"images": np.ones((12, 8, 8, 1)) * 2}, "`images` must lie in [0, 1]"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    images, labels = bars()
    with pytest.raises(ValueError, match=re.escape(message)):
        tasks.make_scenes(**({"images": images, "labels": labels, "n": 2} | change))


# Augmentation -----------------------------------------------------------------------------------


def test_augmentation_moves_a_dot_by_at_most_what_it_says():
    """A dot off the centre: turned, scaled, slanted and shifted, within the sum of the limits."""
    images = np.zeros((200, 28, 28, 1), "float32")
    images[:, 13:15, 20:22] = 1  # its middle is 7 columns right of the centre
    moved = tasks.augment(images, np.random.default_rng(0))
    weight = moved / moved.sum(axis=(1, 2, 3), keepdims=True)
    rows, columns = ((weight[..., 0] * grid).sum((1, 2)) - 13.5 for grid in np.mgrid[:28, :28])
    assert np.abs(columns - 7).max() < 2 + 7 * 0.13 + 0.5 and columns.std() > 0.7
    assert np.abs(rows).max() < 2 * 1.13 + 7 * (0.18 + 0.18) * 1.13 and rows.std() > 0.7
    assert abs(columns.mean() - 7) < 0.4 and abs(rows.mean()) < 0.4
    np.testing.assert_array_equal(moved, tasks.augment(images, np.random.default_rng(0)))


def test_augmentation_without_limits_changes_nothing(monkeypatch):
    from gentut.tasks import augmentation

    for name in ("ROTATION", "SHEAR", "SCALE", "SHIFT"):
        monkeypatch.setattr(augmentation, name, 0.0)
    images = RNG.random((5, 9, 7, 3), dtype="float32")
    np.testing.assert_allclose(augmentation.augment(images, RNG), images, atol=1e-6)


def test_augmentation_agrees_with_scipy(monkeypatch):
    """One image, one known map: SciPy's own affine transform is the truth."""
    from scipy import ndimage

    from gentut.tasks import augmentation

    for name in ("SHEAR", "SCALE", "SHIFT"):
        monkeypatch.setattr(augmentation, name, 0.0)
    image = RNG.random((11, 11), dtype="float32")
    rng = np.random.default_rng(5)
    turn = np.radians(np.random.default_rng(5).uniform(-10, 10))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    offset = np.array([5, 5]) - matrix @ (5, 5)
    true = ndimage.affine_transform(image, matrix, offset, order=1, mode="nearest")
    np.testing.assert_allclose(
        augmentation.augment(image[None, ..., None], rng)[0, ..., 0], true, atol=1e-5
    )


# Train sets -------------------------------------------------------------------------------------


def test_subsets_are_balanced_and_nested():
    labels = np.repeat(np.arange(3), 20)
    images = (np.arange(60) / 60).astype("float32").reshape(-1, 1, 1, 1)
    small, few = tasks.subset(images, labels, 4, seed=1)
    large, more = tasks.subset(images, labels, 9, seed=1)
    assert np.bincount(few).tolist() == [4] * 3 and np.bincount(more).tolist() == [9] * 3
    assert set(small.ravel()) <= set(large.ravel())
    assert set(tasks.subset(images, labels, 4, seed=2)[0].ravel()) != set(small.ravel())
    with pytest.raises(ValueError, match="at most the 20 images of class 0; received 21"):
        tasks.subset(images, labels, 21)


def test_mixed_sets_are_half_and_half():
    real = np.zeros((3, 2, 2, 1), "float32"), np.arange(3)
    generated = np.ones((9, 2, 2, 1), "float32"), np.arange(9) % 3
    images, labels = tasks.mixed(real, generated)
    assert images.shape == (18, 2, 2, 1) and images.mean() == 0.5
    assert labels.tolist() == 6 * [0, 1, 2]
    with pytest.raises(ValueError, match=r"`generated` must have shape \(n, 2, 2, 1\)"):
        tasks.mixed(real, (np.ones((9, 3, 3, 1)), generated[1]))
    with pytest.raises(ValueError, match="`real` must be a pair"):
        tasks.mixed(real[0], generated)
