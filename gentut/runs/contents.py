"""What a run was trained on, so that other images in the same place are noticed."""

import os
from collections.abc import Callable, Mapping

import numpy as np

from gentut import data as image_data
from gentut.models import recipes
from gentut.runs.config import Config
from gentut.runs.folder import RunFolder
from gentut.training.step import StepModel

LISTED = 5  # classes named in a message, at most


def describe(data: str, images: np.ndarray, labels: np.ndarray) -> dict[str, object]:
    """What the training images are: a dict of "classes", "images" (how many) and "sha256"."""
    classes, digest = image_data.class_names(data), image_data.fingerprint(images, labels)
    return {"classes": classes, "images": len(images), "sha256": digest}


def difference(before: Mapping, now: Mapping) -> str:
    """What changed between two such dicts, in words; "" if nothing did.

    A single class can be named after the folder, which may have been moved.
    """
    old, new = before["classes"], now["classes"]
    if len(old) != len(new):
        return f"number of classes from {len(old)} to {len(new)}"
    if len(old) > 1 and old != new:
        gone = [name for name in old if name not in new][:LISTED]
        come = [name for name in new if name not in old][:LISTED]
        return f"classes renamed from {', '.join(gone)} to {', '.join(come)}"
    if before["images"] != now["images"]:
        return f"number of images from {before['images']:,} to {now['images']:,}"
    same = before["sha256"] == now["sha256"]
    return "" if same else f"the same number of images, {now['images']:,}, with other contents"


def locate(run: RunFolder, config: Config, data: str | os.PathLike | None = None) -> str:
    """Where the images of a run are: where they were, or ``data``, if they were moved.

    Raises:
        FileNotFoundError: they are not there.
        ValueError: ``data`` cannot be the same images.
    """
    where = config.data if data is None else str(data)
    named = image_data.is_name(where) or image_data.is_name(config.data)
    if named and where != config.data and not config.contents:
        raise ValueError(
            f"`data` must stay what the run was begun with, {config.data!r}; received {where!r}."
        )
    if image_data.is_name(where):
        return where
    where = os.path.abspath(where)
    if not os.path.isdir(where):
        advice = (
            f", where {run.path} found its images. If they were moved, --data (of train --resume,"
            " evaluate or tasks) says where they are now."
            if data is None
            else "."
        )
        raise FileNotFoundError(f"`data` must be an existing folder; received {where!r}{advice}")
    return where


def check_same(
    run: RunFolder,
    config: Config,
    found: Mapping,
    model: StepModel | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Raise unless these are the contents that a run was trained on.

    Runs of older versions did not note them; that they could not be checked is told to ``say``.
    """
    number = len(found["classes"])
    if config.contents:
        change = difference(config.contents, found)
    elif config.conditional and model is not None and model.num_classes != number:
        change = f"number of classes from {model.num_classes} to {number}"
    else:
        change = ""
        say(f"{run.path} does not say what images it was trained on: {config.data} was not checked")
    if change:
        raise ValueError(
            f"`data` must hold what the run {str(run.path)!r} was trained on; received"
            f" {config.data!r}, which has changed: {change}."
        )


def load_again(
    run: RunFolder,
    config: Config,
    model: StepModel | None = None,
    data: str | os.PathLike | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[np.ndarray, np.ndarray, dict]:
    """The training images, labels and contents of a run, checked to be what it was trained on.

    They are bytes, see ``gentut.data.load_bytes``.  ``config.data`` becomes the place where they
    were found.
    """
    config.data = locate(run, config, data)
    images, labels = image_data.load_bytes(config.data, "train", **config.data_options, say=say)
    found = describe(config.data, images, labels)
    check_same(run, config, found, model, say)
    return images, labels, found


def used_labels(
    config: Config, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray | None, int | None]:
    """The labels (or texts) that a run trains with and the number of classes, None if it has none.

    Raises:
        ValueError: too few images, in all or of a class, or too few classes.
    """
    if len(images) < 2:
        raise ValueError(
            f"`data` must hold at least 2 training images; received {config.data!r}, which holds"
            f" {len(images)}."
        )
    if recipes.takes_texts(config.family):
        if config.conditional:
            raise ValueError(
                "`conditional` must be left out for a model of texts, which takes captions instead"
                " of classes."
            )
        return _texts(config), None
    if not config.conditional:
        return None, None
    names = image_data.class_names(config.data)
    if len(names) < 2:
        raise ValueError(
            f"`conditional` needs data with at least 2 classes; received {config.data!r}, which has"
            f" {len(names)}."
        )
    counts = np.bincount(labels, minlength=len(names))
    if counts.min() < 2:
        raise ValueError(
            "`conditional` needs at least 2 training images of each class; received"
            f" {config.data!r}, which has {counts.min()} of class {names[counts.argmin()]!r}."
        )
    return labels, len(names)


def _texts(config):
    """The captions of the training images; of emoji several for each."""
    kept = {k: v for k, v in config.data_options.items() if k in ("classes", "on_error")}
    if config.data == "emoji":
        return image_data.emoji.prompts("train", classes=kept.get("classes"))
    return image_data.captions(config.data, "train", **kept)
