"""Average precision as the COCO benchmark computes it, by its own library ``pycocotools``."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np

from gentut.tasks.scenes import Scenes

INSTALL = "pip install pycocotools"

Detection = tuple[np.ndarray, np.ndarray, np.ndarray]  # boxes, scores and classes in one scene


def average_precision(
    scenes: Scenes, detections: Sequence[Detection], *, weights: np.ndarray | None = None
) -> dict:
    """Measure COCO's average precision of detections.

    A detection is right if its class is, and its box overlaps that of an object not yet found
    by at least a threshold of intersection over union (IoU).  Precision is averaged over 101
    levels of recall, and over classes (Lin et al. 2014; https://cocodataset.org/#detection-eval).

    Args:
        scenes: ``Scenes``: what is there.
        detections: for each scene, ``Detections``: what was found.
        weights: ``(k, n)``, how often each scene counts in each of k resampled test sets.

    Returns:
        dict with "ap50" (threshold 0.5), "ap" (mean over 0.50, 0.55, … 0.95), and
        "ap50_per_class", a list (None for a class that is not in the scenes); with ``weights``
        "draws", AP50 of each of the k.

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
        none = {} if weights is None else {"draws": np.zeros(len(weights))}
        return none | _result(np.zeros((10, 1, scenes.num_classes)), there)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        truth = coco()
        truth.dataset = _dataset(scenes)
        truth.createIndex()
        judged = coco_eval(truth, truth.loadRes(found), "bbox")
        judged.evaluate()
        judged.accumulate()
    # (thresholds, recall levels, classes) for all areas and up to 100 detections in a scene
    drawn = {} if weights is None else {"draws": _resampled(judged, np.asarray(weights))}
    return drawn | _result(judged.eval["precision"][:, :, :, 0, -1], there)


def _resampled(judged, weights):
    """AP50 where scene i counts ``weights[:, i]`` times, from what the library has matched."""
    levels, areas, images = judged.params.recThrs, len(judged.params.areaRng), weights.shape[1]
    found = []
    for k in range(len(judged.params.catIds)):
        start = k * areas * images  # the first of the areas is "all"
        scenes = judged.evalImgs[start : start + images]
        truths = np.array([0 if s is None else len(s["gtIds"]) for s in scenes])
        known = [(i, s) for i, s in enumerate(scenes) if s is not None and len(s["dtScores"])]
        objects = weights @ truths
        if not known:
            found.append(np.where(objects > 0, 0.0, np.nan))
            continue
        sure = np.concatenate([s["dtScores"] for _, s in known])
        right = np.concatenate([s["dtMatches"][0] > 0 for _, s in known])
        scene = np.concatenate([np.full(len(s["dtScores"]), i) for i, s in known])
        order = np.argsort(-sure, kind="mergesort")  # as the library sorts
        counted = weights[:, scene[order]]
        true, every = np.cumsum(counted * right[order], 1), np.cumsum(counted, 1)
        precision = true / np.maximum(every, 1)
        best = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]  # at this recall or more
        best = np.concatenate([best, np.zeros((len(best), 1))], 1)
        recall = true / np.maximum(objects, 1)[:, None]
        places = [np.searchsorted(row, levels) for row in recall]
        means = np.take_along_axis(best, np.array(places), 1).mean(1)
        found.append(np.where(objects > 0, means, np.nan))
    return np.nanmean(found, axis=0)


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
