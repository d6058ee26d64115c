"""Average precision, intersection over union, the detector's code: values worked out by hand."""

import builtins
import re

import numpy as np
import pytest
from keras import ops

from gentut import tasks
from gentut.tasks import detection, precision, segmentation

pytest.importorskip("pycocotools")


def scenes_of(*objects, num_classes=2):
    """`Scenes` with the objects ``(class, left, top, right, bottom)`` of each scene."""
    boxes = [np.array([o[1:] for o in scene], "float32").reshape(-1, 4) for scene in objects]
    classes = [np.array([o[0] for o in scene], "int32") for scene in objects]
    shape = (len(objects), 64, 64)
    return tasks.Scenes(
        np.zeros((*shape, 1), "float32"), boxes, classes, np.zeros(shape, int), [], num_classes
    )


def detections_of(*found):
    """`Detections` from ``(class, score, left, top, right, bottom)``."""
    return [
        tasks.Detections(
            np.array([f[2:] for f in scene], "float32").reshape(-1, 4),
            np.array([f[1] for f in scene], "float32"),
            np.array([f[0] for f in scene], "int32"),
        )
        for scene in found
    ]


SQUARE, FAR = (10, 10, 20, 20), (40, 40, 50, 50)


def test_perfect_detections_have_precision_one():
    scenes = scenes_of([(0, *SQUARE), (1, *FAR)], [(1, *SQUARE)])
    found = detections_of([(0, 0.9, *SQUARE), (1, 0.8, *FAR)], [(1, 0.3, *SQUARE)])
    result = tasks.average_precision(scenes, found)
    assert (result["ap50"], result["ap"]) == pytest.approx((1, 1))
    assert result["ap50_per_class"] == pytest.approx([1, 1])


@pytest.mark.parametrize(
    "found, ap50, ap",
    [
        ([], 0, 0),
        # Right, wrong, right: precision 1 up to recall 1/2 (51 of 101 levels), then 2/3 (50).
        ([(0, 0.9, *SQUARE), (0, 0.8, 0, 0, 5, 5), (0, 0.7, *FAR)], 0.834983, 0.834983),
        # One of two objects: precision 1 up to recall 1/2, then nothing.
        ([(0, 0.9, *SQUARE)], 51 / 101, 51 / 101),
        # The same object twice: the second is wrong, and the other object is missed.
        ([(0, 0.9, *SQUARE), (0, 0.8, *SQUARE)], 51 / 101, 51 / 101),
        # Wrong class.
        ([(1, 0.9, *SQUARE), (1, 0.9, *FAR)], 0, 0),
        # Boxes of 10 × 10 shifted by 2: IoU 80/120 = 0.667, right at 0.50 … 0.65, 4 of 10.
        ([(0, 0.9, 12, 10, 22, 20), (0, 0.8, 42, 40, 52, 50)], 1, 0.4),
        # Shifted by 4: IoU 60/140 = 0.43.
        ([(0, 0.9, 14, 10, 24, 20), (0, 0.8, 44, 40, 54, 50)], 0, 0),
    ],
)
def test_average_precision_of_known_cases(found, ap50, ap):
    scenes = scenes_of([(0, *SQUARE), (0, *FAR)])
    result = tasks.average_precision(scenes, detections_of(found))
    assert result["ap50"] == pytest.approx(ap50, abs=1e-6)
    assert result["ap"] == pytest.approx(ap, abs=1e-6)
    assert result["ap50_per_class"] == [pytest.approx(ap50, abs=1e-6), None]


def test_average_precision_of_resampled_scenes():
    """A scene that counts once is itself, one that counts twice is two of it, one that counts
    zero times is not there."""
    scenes = [[(0, *SQUARE), (1, *FAR)], [(0, *FAR)], [], [(0, *SQUARE), (0, *FAR)]]
    found = [
        [(0, 0.9, *SQUARE), (0, 0.3, 0, 0, 5, 5), (1, 0.4, *FAR)],
        [(0, 0.8, *SQUARE), (0, 0.2, *FAR)],
        [(0, 0.5, *SQUARE)],
        [(0, 0.6, *SQUARE), (1, 0.7, *FAR)],
    ]
    weights = np.array([[1, 1, 1, 1], [2, 1, 0, 1], [0, 0, 1, 3]])

    def counted(row):
        rows = np.repeat(np.arange(4), row)
        return tasks.average_precision(
            scenes_of(*(scenes[i] for i in rows)), detections_of(*(found[i] for i in rows))
        )["ap50"]

    drawn = tasks.average_precision(scenes_of(*scenes), detections_of(*found), weights=weights)
    assert drawn["draws"] == pytest.approx([counted(row) for row in weights])
    assert drawn["draws"][0] == pytest.approx(drawn["ap50"]) and len(set(drawn["draws"])) == 3
    nothing = tasks.average_precision(scenes_of(*scenes), detections_of(*[[]] * 4), weights=weights)
    assert nothing["draws"].tolist() == [0, 0, 0]


def test_average_precision_names_what_is_wrong(monkeypatch):
    scenes = scenes_of([(0, *SQUARE)])
    with pytest.raises(ValueError, match="one entry for each of 1 scenes; received 2"):
        tasks.average_precision(scenes, detections_of([], []))
    with pytest.raises(ValueError, match=re.escape("classes in [0, 2); received 7")):
        tasks.average_precision(scenes, detections_of([(7, 0.5, *SQUARE)]))
    found = builtins.__import__

    def without(name, *rest):
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="needs the package pycocotools"):
        precision._library()


@pytest.mark.parametrize(
    "predicted, iou, mean, objects",
    [
        ([[0, 0, 1], [2, 2, 1]], [1, 1, 1], 1, 1),
        # One pixel of class 1 taken for background: 2/3, 1/2, 1.
        ([[0, 0, 0], [2, 2, 1]], [2 / 3, 1 / 2, 1], 13 / 18, 3 / 4),
        # All background: 2/6, nothing else right.
        ([[0, 0, 0], [0, 0, 0]], [1 / 3, 0, 0], 1 / 9, 0),
    ],
)
def test_intersection_over_union_of_known_masks(predicted, iou, mean, objects):
    true = np.array([[[0, 0, 1], [2, 2, 1]]])
    found = tasks.intersection_over_union(true, np.array([predicted]), 2)
    assert found["iou"] == pytest.approx(iou)
    assert found["mean_iou"] == pytest.approx(mean)
    assert found["object_iou"] == pytest.approx(objects)


def test_the_pixel_loss_by_hand():
    """Four pixels, two of class 2 and 1.  Weighted alike and summed it is plain cross-entropy."""
    true = np.array([[[0, 2], [0, 1]]])
    logits = np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype("float32")
    chance = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    background, objects = chance[..., 0], chance[..., 1:]
    whether = -np.log(np.where(true == 0, background, 1 - background))
    kind = objects / objects.sum(-1, keepdims=True)
    which = -np.log([kind[0, 0, 1, 1], kind[0, 1, 1, 0]])
    loss = float(
        segmentation.pixel_loss(ops.convert_to_tensor(true), ops.convert_to_tensor(logits))
    )
    assert loss == pytest.approx(segmentation.WHETHER * whether.mean() + which.mean(), rel=1e-5)
    plain = -np.log(np.take_along_axis(chance, true[..., None], -1)).sum()
    assert whether.sum() + which.sum() == pytest.approx(plain, rel=1e-5)


def test_intersection_over_union_of_resampled_scenes():
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(3, size=(2, 5, 4, 4))
    true[1:] = np.minimum(true[1:], 1)  # class 2 is in the first scene alone
    predicted[1:] = np.minimum(predicted[1:], 1)
    weights = np.array([[1, 1, 1, 1, 1], [0, 3, 0, 2, 0]])
    found = tasks.intersection_over_union(true, predicted, 2, weights=weights)
    rows = [np.repeat(np.arange(5), row) for row in weights]
    assert found["draws"] == pytest.approx(
        [tasks.intersection_over_union(true[r], predicted[r], 2)["object_iou"] for r in rows]
    )
    nothing = np.zeros_like(true)
    drawn = tasks.intersection_over_union(nothing, nothing, 2, weights=weights)["draws"]
    assert np.isnan(drawn).all()


def test_a_class_in_neither_mask_does_not_count():
    mask = np.array([[[0, 1]]])
    assert tasks.intersection_over_union(mask, mask, 3)["iou"] == [1.0, 1.0, None, None]
    with pytest.raises(ValueError, match=re.escape("`predicted` must hold integers in [0, 2)")):
        tasks.intersection_over_union(mask, mask + 1, 1)
    with pytest.raises(ValueError, match="must be masks of one shape"):
        tasks.intersection_over_union(mask, mask[0], 1)


# The detector's code ----------------------------------------------------------------------------

OBJECTS = ([(0, 8, 12, 29, 30), (1, 40, 33, 60, 60)], [(1, 0, 0, 20, 24)], [])


def outputs_from(targets):
    """What a perfect network would put out: the targets, heat as logits."""
    heat = np.clip(targets[..., :-5], 1e-4, 1 - 1e-4)
    return np.concatenate([np.log(heat / (1 - heat)), targets[..., -5:-1]], -1)


def test_decoding_what_was_encoded_gives_the_boxes_back():
    scenes = scenes_of(*OBJECTS)
    targets = detection.encode(scenes)
    assert targets.shape == (3, 16, 16, 7) and targets[..., -1].sum() == 3
    for boxes, classes, found in zip(
        scenes.boxes, scenes.classes, detection.decode(outputs_from(targets)), strict=True
    ):
        sure = found.scores > 0.5
        order = np.argsort(found.classes[sure])
        np.testing.assert_array_equal(found.classes[sure][order], classes)
        np.testing.assert_allclose(found.boxes[sure][order], boxes, atol=1e-4)
        assert (np.diff(found.scores) <= 0).all()


def test_the_centre_loss_by_hand():
    """Two cells, one class, one object in the left one of 3 × 2 cells at offset (0.5, 0.25)."""
    true = np.array([[[[1, 3, 2, 0.5, 0.25, 1], [0.5, 0, 0, 0, 0, 0]]]], "float32")
    p, q = 0.8, 0.3
    guess = [[np.log(p / (1 - p)), 2, 2, 0.5, 0.5], [np.log(q / (1 - q)), 9, 9, 9, 9]]
    predicted = np.array([[guess]], "float32")
    focal = -(0.2**2) * np.log(0.8) - 0.5**4 * 0.3**2 * np.log(0.7)
    loss = detection.centre_loss(ops.convert_to_tensor(true), ops.convert_to_tensor(predicted))
    assert float(loss) == pytest.approx(focal + 0.1 * 1 + 0.25, abs=1e-6)


def test_the_perfect_output_has_less_loss_than_any_shift_of_it():
    targets = detection.encode(scenes_of(*OBJECTS))
    perfect = outputs_from(targets)
    best = float(detection.centre_loss(ops.convert_to_tensor(targets), perfect))
    assert best < 0.2
    for axis in (1, 2):
        moved = np.roll(perfect, 1, axis)
        assert float(detection.centre_loss(ops.convert_to_tensor(targets), moved)) > 10 * best
