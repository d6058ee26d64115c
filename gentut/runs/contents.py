"""What a run was trained on, so that other images in the same place are noticed."""

import hashlib
import os

import numpy as np

from gentut import data as image_data
from gentut.checks import check_entries

PART = 1_000  # images that are hashed at once
LISTED = 5  # classes named in a message


def describe(data, images, labels):
    """What the training images are: a dict of "classes", "images" (how many) and "sha256"."""
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(labels, "<i4"))
    for start in range(0, len(images), PART):
        part = 255 * images[start : start + PART]
        digest.update(np.rint(part, out=part).astype("uint8"))  # the pixels as they were read
    classes = image_data.class_names(data)
    return {"classes": classes, "images": len(images), "sha256": digest.hexdigest()}


def check_contents(contents):
    """Raise unless this is such a dict; for what a file holds."""
    check_entries(contents, {"classes": list, "images": int, "sha256": str})
    for name in contents["classes"]:
        check_entries({"class": name}, {"class": str})


def difference(before, now):
    """What changed between two such dicts, in words; "" if nothing did.

    A single class can be named after the folder, which may have been moved.
    """
    old, new = before["classes"], now["classes"]
    if len(old) != len(new):
        return f"number of classes from {len(old)} to {len(new)}"
    if len(old) > 1 and old != new:
        gone, come = ([name for name in ours if name not in theirs][:LISTED]
                      for ours, theirs in ((old, new), (new, old)))  # fmt: skip
        return f"classes renamed from {', '.join(gone)} to {', '.join(come)}"
    if before["images"] != now["images"]:
        return f"number of images from {before['images']:,} to {now['images']:,}"
    same = before["sha256"] == now["sha256"]
    return "" if same else f"the same number of images, {now['images']:,}, with other contents"


def locate(run, config, data=None):
    """Where the images of a run are: where they were, or `data`, if they were moved.

    Raises:
        FileNotFoundError: they are not there.
        ValueError: `data` cannot be the same images.
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
            " evaluate or tasks) says where they are now." if data is None else "."
        )  # fmt: skip
        raise FileNotFoundError(f"`data` must be an existing folder; received {where!r}{advice}")
    return where


def check_same(run, config, found, model=None, say=lambda line: None):
    """Raise unless these are the contents that a run was trained on.

    Runs of older versions did not note them; that they could not be checked is told to `say`.
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


def load_again(run, config, model=None, data=None, say=lambda line: None):
    """The training images, labels and contents of a run, checked to be what it was trained on.

    `config.data` becomes the place where they were found.
    """
    config.data = locate(run, config, data)
    images, labels = image_data.load(config.data, "train", **config.data_options)
    found = describe(config.data, images, labels)
    check_same(run, config, found, model, say)
    return images, labels, found
