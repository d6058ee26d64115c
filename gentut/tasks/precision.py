"""Average precision as the COCO benchmark computes it, by its own library ``pycocotools``."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np

from gentut.tasks.scenes import Scenes

INSTALL = 'pip install "gentut[tasks]" (or pycocotools by itself)'

Detection = tuple[np.ndarray, np.ndarray, np.ndarray]  # boxes, scores and classes in one scene


def average_precision(scenes: Scenes, detections: Sequence[Detection]) -> dict:
    """Measure COCO's average precision of detections.

    A detection is right if its class is, and its box overlaps that of an object not yet found
    by at least a threshold of intersection over union (IoU).  Precision is averaged over 101
    levels of recall, and over classes (Lin et al. 2014; https://cocodataset.org/#detection-eval).

    Args:
        scenes: ``Scenes``: what is there.
        detections: for each scene, ``Detections``: what was found.

    Returns:
        dict with "ap50" (threshold 0.5), "ap" (mean over 0.50, 0.55, … 0.95), and
        "ap50_per_class", a list (None for a class that is not in the scenes).

    Raises:
        ImportError: pycocotools is not installed.
        ValueError: the lists differ in length, or a class is out of range.
    """
    if len(detections) != len(scenes):
        raise ValueError(
            f"`detections` must have one entry for each of {len(scenes)} scenes; received"
            f" {len(detections)}."
        )
    found = [
        {
            "image_id": i,
            "category_id": int(kind),
            "bbox": [float(v) for v in (box[0], box[1], box[2] - box[0], box[3] - box[1])],
            "score": float(score),
        }
        for i, detection in enumerate(detections)
        for box, score, kind in zip(*detection, strict=True)
    ]
    wrong = [f["category_id"] for f in found if not 0 <= f["category_id"] < scenes.num_classes]
    if wrong:
        raise ValueError(
            f"`detections` must have classes in [0, {scenes.num_classes}); received {wrong[0]}."
        )
    coco, coco_eval = _library()
    there = np.bincount(np.concatenate(scenes.classes), minlength=scenes.num_classes)
    if not found:  # the library fails on an empty list
        return _result(np.zeros((10, 1, scenes.num_classes)), there)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        truth = coco()
        truth.dataset = _dataset(scenes)
        truth.createIndex()
        judged = coco_eval(truth, truth.loadRes(found), "bbox")
        judged.evaluate()
        judged.accumulate()
    # (thresholds, recall levels, classes) for all areas and up to 100 detections in a scene
    return _result(judged.eval["precision"][:, :, :, 0, -1], there)


def _result(precision, there):
    per_class = [float(precision[0, :, k].mean()) if n else None for k, n in enumerate(there)]
    kept = precision[:, :, there > 0]
    return {"ap50": float(kept[0].mean()), "ap": float(kept.mean()), "ap50_per_class": per_class}


def _dataset(scenes):
    """The scenes in COCO's form; boxes are left, top, width, height."""
    objects = [
        (i, int(kind), *map(float, (box[0], box[1], box[2] - box[0], box[3] - box[1])))
        for i, (boxes, kinds) in enumerate(zip(scenes.boxes, scenes.classes, strict=True))
        for box, kind in zip(boxes, kinds, strict=True)
    ]
    return {
        "info": {},
        "images": [{"id": i} for i in range(len(scenes))],
        "categories": [{"id": k, "name": str(k)} for k in range(scenes.num_classes)],
        "annotations": [
            {
                "id": number,
                "image_id": i,
                "category_id": kind,
                "bbox": [x, y, w, h],
                "area": w * h,
                "iscrowd": 0,
            }
            for number, (i, kind, x, y, w, h) in enumerate(objects, start=1)
        ],
    }


def _library():
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise ImportError(
            f"Average precision needs the package pycocotools, which is not here: {INSTALL}."
        ) from error
    return COCO, COCOeval
