"""Named image sets and folders of images -> images and labels, as arrays.

    images, labels = gentut.data.load("glyphs", "train")
    images, labels = gentut.data.load("photos/", "test", size=64)

Images are float32 in [0, 1], shape (n, height, width, channels); labels int32, shape (n,).
"""

import os
from pathlib import Path

import numpy as np

from gentut.data import folder as folders
from gentut.data import named
from gentut.data.named import ImageSet, data_path

__all__ = ["ImageSet", "class_names", "data_path", "load", "names"]

SPLITS = ("train", "test")
FOLDER_SIZE, FOLDER_CHANNELS = 32, 3
LARGEST = 2048  # pixels per side: a mistyped size must not ask for the whole memory


def load(name_or_folder, split="train", *, size=None, channels=None, classes=None,
         on_error="raise"):  # fmt: skip
    """Load the images and labels of one split.

    The named sets are "glyphs" (ships with gentut) and "mnist", "fashion_mnist" and "cifar10".
    Those three are read from ``<name>.npz`` in the folder that the environment variable
    GENTUT_DATA names, if it is there; else from the address that GENTUT_MIRROR names
    (``https://…/NAME.npz``, for places where storage hosts are blocked); else through
    `keras.datasets`, which downloads them once.  Such a file is written, on a machine with
    internet, by::

        (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
        np.savez_compressed("cifar10.npz", x_train=x_train, y_train=y_train,
                            x_test=x_test, y_test=y_test)

    Either way the contents must have the digests that are published for the original files.

    A folder holds PNG, JPEG and WebP images, in one sub-folder per class (labels in the
    alphabetical order of the sub-folders) or all directly in it (labels 0).  Images are turned as
    their EXIF orientation says, laid on white if they are transparent, scaled with antialiasing so
    that the shorter side is `size`, and cropped at the centre.  About one image in six is of the
    test split: the hash of its path inside the folder decides, so adding images moves no other
    image (except where a class of two or more images would leave a split empty: then one moves).
    A folder whose only sub-folders are "train" and "test" is taken as split already.  Folders
    behind symbolic links, other files, and names that start with a dot are passed over.

    Args:
        name_or_folder: a name, or the path of a folder.  A name wins over a folder of that name.
        split: "train" or "test".
        size: height and width in pixels; default the set's own, and 32 for a folder.
        channels: 1 for grey, 3 for colour; default the set's own, and 3 for a folder.
        classes: names of the classes to keep, see `class_names`; labels are renumbered in this
            order.  Default all.
        on_error: "raise" an error that lists the unreadable images of a folder, or "skip" them
            with one warning that counts them.

    Returns:
        Images, float32 in [0, 1], shape (n, size, size, channels); labels, int32, shape (n,).

    Raises:
        ValueError: an argument is wrong, a folder holds no image or unreadable ones, or the
            contents of a named set are not the published ones.
        FileNotFoundError: there is no such name or folder, or the set cannot be downloaded.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be 'train' or 'test'; received {split!r}.")
    if size is not None and (
        isinstance(size, bool) or not isinstance(size, int | np.integer) or not 1 <= size <= LARGEST
    ):
        raise ValueError(
            f"`size` must be a positive number of pixels, at most {LARGEST}; received {size!r}."
        )
    if channels not in (None, 1, 3):
        raise ValueError(f"`channels` must be 1 (grey) or 3 (colour); received {channels!r}.")
    if on_error not in ("raise", "skip"):
        raise ValueError(f"`on_error` must be 'raise' or 'skip'; received {on_error!r}.")
    known = class_names(name_or_folder)
    chosen = _chosen(classes, known)
    if is_name(name_or_folder):
        images, labels = named.read(name_or_folder, split)
        if classes is not None:
            rows = np.isin(labels, chosen)
            images, labels = images[rows], labels[rows]
        images = folders.convert(images, size, channels)
    else:
        files = folders.list_files(Path(name_or_folder), split)
        files = [(path, label) for path, label in files if label in chosen]
        images, labels = folders.read(
            files, size or FOLDER_SIZE, channels or FOLDER_CHANNELS, on_error
        )
    renumbered = np.zeros(len(known), "int32")
    renumbered[chosen] = np.arange(len(chosen))
    # In place: at 50,000 colour images a second float copy would cost 600 MB.
    images = images.astype("float32")
    images /= 255
    return images, renumbered[labels]


def class_names(name_or_folder):
    """Names of the classes in the order of their labels, a list of str."""
    if is_name(name_or_folder):
        return list(named.SETS[name_or_folder].classes)
    path = Path(name_or_folder)
    # "" would be the current folder; a name that is too long is an error of the system.
    if not str(name_or_folder) or not os.path.isdir(path):
        received = str(name_or_folder)
        received = received if len(received) < 300 else received[:300] + "…"
        raise FileNotFoundError(
            f"`name_or_folder` must be {', '.join(named.SETS)} or an existing folder;"
            f" received {received!r}."
        )
    return folders.class_names(path)


def names():
    """What can be loaded by name: a list of `ImageSet`, each saying whether it is here."""
    return [named.describe(name) for name in named.SETS]


def is_name(name_or_folder):
    """Whether this is one of the named sets rather than the path of a folder."""
    if not isinstance(name_or_folder, str | os.PathLike):
        raise TypeError(
            f"`name_or_folder` must be a name or a path; received {type(name_or_folder).__name__}."
        )
    return isinstance(name_or_folder, str) and name_or_folder in named.SETS


def _chosen(classes, known):
    """Labels of the classes asked for, in that order."""
    if classes is None:
        return np.arange(len(known))
    if isinstance(classes, str) or not classes or len(set(classes)) < len(classes):
        raise ValueError(f"`classes` must be a list of different names; received {classes!r}.")
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise ValueError(f"`classes` must be among {', '.join(known)}; received {unknown[0]!r}.")
    return np.array([known.index(name) for name in classes])
