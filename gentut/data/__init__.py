"""Named image sets and folders of images -> images and labels, as arrays.

    images, labels = gentut.data.load("glyphs", "train")
    images, labels = gentut.data.load("photos/", "test", size=64)
    images, labels = gentut.data.load_bytes("photos/", "train", size=64)   # need not fit
    families = gentut.data.sources("glyphs", "test")
    texts = gentut.data.captions("emoji", "train", language="en")

Images are float32 in [0, 1], or bytes, shape (n, height, width, channels); labels int32, shape
(n,); sources int32, shape (n,); captions a list of str.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from gentut.checks import as_float, check_int
from gentut.data import cache, caption_file, decode, emoji, named
from gentut.data import folder as folders
from gentut.data.cache import fingerprint
from gentut.data.named import ImageSet
from gentut.data.selection import (
    check_memory,
    check_split,
    chosen_labels,
    contents_of,
    files_of,
    is_name,
    readable,
)
from gentut.data.shipped import data_path

__all__ = [
    "ImageSet",
    "captions",
    "class_names",
    "data_path",
    "emoji",
    "fingerprint",
    "load",
    "load_bytes",
    "names",
    "sources",
]

FOLDER_SIZE, FOLDER_CHANNELS = 32, 3  # of a folder's images, unless the caller says otherwise
LARGEST = 2048  # pixels per side: a mistyped size must not ask for the whole memory


def load(
    name_or_folder: str | os.PathLike,
    split: str = "train",
    *,
    size: int | None = None,
    channels: int | None = None,
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    pad: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Load the images and labels of one split.

    The named sets are "glyphs" and "emoji", which ship with gentut, and "mnist", "fashion_mnist"
    and "cifar10".  Those three are read from ``<name>.npz`` in the folder that the environment
    variable GENTUT_DATA names, if it is there; else from the address that GENTUT_MIRROR names
    (``https://…/NAME.npz``, for places where storage hosts are blocked); else through
    ``keras.datasets``, which downloads them once.  Such a file is written, on a machine with
    internet, by::

        (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
        np.savez_compressed("cifar10.npz", x_train=x_train, y_train=y_train,
                            x_test=x_test, y_test=y_test)

    Either way the contents must have the digests that are published for the original files.

    A folder holds PNG, JPEG and WebP images, in one sub-folder per class (labels in the
    alphabetical order of the sub-folders) or all directly in it (labels 0).  Images are turned as
    their EXIF orientation says, laid on white if they are transparent, scaled with antialiasing so
    that the shorter side is ``size``, and cropped at the centre (or see ``pad``).  About one image
    in six is of the test split: the hash of its path inside the folder decides, so adding images
    moves no other image (except where a class of two or more images would leave a split empty: then
    one moves).

    Sub-folders can be the splits.  Their names may be written in capitals, and those without
    images do not count:

    - "train" (or "training") and "test" ("testing") are the two splits.  Each holds sub-folders,
      which are the classes, or images.  A class may be in one of them only; a warning says so.
    - "val" ("valid", "validation", "dev") is the test split if there is no "test"; else it is of
      neither split.  A warning says which.
    - "train" alone is read as if it were the folder: one image in six is of the test split.  A
      warning says so.
    - Whatever could be meant in two ways is an error that says what to move or to rename: images or
      other sub-folders with images beside splits, "test" or "val" without "train", two folders for
      one split, splits inside a class, and classes whose names look like splits ("seg_train" and
      "seg_test").

    Pictures of other kinds (such as GIF and HEIC), links to folders and folders that cannot be
    opened are passed over, and one warning counts them.  Links to files are read like files.  Other
    files, names that start with a dot, and the folders ``__MACOSX`` and ``@eaDir`` do not count.

    Args:
        name_or_folder: a name, or the path of a folder.  A name wins over a folder of that name.
        split: "train" or "test"; or "compositions" of "emoji", concepts held out whose captions
            say words of the training captions in a new composition ("green heart").
        size: height and width in pixels; default the set's own, and 32 for a folder.
        channels: 1 for grey, 3 for colour; default the set's own, and 3 for a folder.
        classes: names of the classes to keep, see ``class_names``; labels are renumbered in this
            order.  Default all.
        on_error: "raise" an error that lists the unreadable images of a folder, or "skip" them
            with one warning that counts them.
        pad: keep all of a folder's rectangular images, in the middle of a white square, instead of
            cropping them.

    Returns:
        Images, float32 in [0, 1], shape (n, size, size, channels); labels, int32, shape (n,).

    Raises:
        ValueError: an argument is wrong, a folder holds no image or unreadable ones, or the
            contents of a named set are not the published ones.
        MemoryError: the images would need more memory than is free (where the system tells that).
        FileNotFoundError: there is no such name or folder, or the set cannot be downloaded.
    """
    images, labels = _read(name_or_folder, split, size, channels, classes, on_error, pad, 5)
    return as_float(images), labels


def load_bytes(
    name_or_folder: str | os.PathLike,
    split: str = "train",
    *,
    size: int | None = None,
    channels: int | None = None,
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    pad: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Load what ``load`` does as bytes, and a folder's from a file, so that it need not fit.

    A folder is decoded once, in parallel, into a file in the cache, which later calls read without
    decoding for as long as the files in the folder keep their names, sizes and times.  The cache
    is the folder that the environment variable GENTUT_CACHE names, default
    ``~/.cache/gentut/images`` or its like; "off" is for none: everything is then decoded into
    memory.  ``gentut data --clear`` empties it.

    Args:
        name_or_folder, split, size, channels, classes, on_error, pad: see ``load``.
        say: called with a line of text before something is written: where, and how large it is.

    Returns:
        Images, uint8 ``(n, size, size, channels)``, a folder's as a read-only memory map; labels,
        int32, shape (n,).

    Raises:
        ValueError, MemoryError, FileNotFoundError: see ``load``.
        OSError: the cache cannot be written, or has no room.
    """
    keep = cache.place() is not None and not is_name(name_or_folder)
    return _read(
        name_or_folder, split, size, channels, classes, on_error, pad, 1, say if keep else None
    )


def sources(
    name_or_folder: str | os.PathLike,
    split: str = "train",
    *,
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
) -> np.ndarray | None:
    """Tell which images of a split come from one source, and so are not independent.

    Twenty letters of one typeface family say less than twenty letters of twenty families. A score's
    interval therefore draws sources, not images (``gentut.metrics.subset_interval``).

    Of "glyphs" the source is the typeface family; of "emoji" the concept, which keeps its number in
    all splits (its row in ``gentut.data.emoji.index()["concepts"]``).  In a folder it is the
    sub-folder inside the class (``cats/ada/1.png`` and ``dogs/ada/7.png`` are both of ``ada``);
    else what stands before a double underscore in the file name (``cats/ada__1.png``).  There, an
    image that tells no source is one of its own.  A folder without splits is split by image,
    whatever the sources.

    Args:
        name_or_folder, split, classes, on_error: as for ``load``, so that the rows are the same.

    Returns:
        int32, shape (n,), equal for images of one source; None if no image has a known one.

    Raises:
        ValueError, TypeError, FileNotFoundError: as ``load``.
    """
    check_split(name_or_folder, split, on_error)
    if is_name(name_or_folder):
        known = named.SETS[name_or_folder].classes
        chosen = chosen_labels(classes, known)
        found = named.read_sources(name_or_folder, split)
        if found is None:
            return None
        found = found[np.isin(named.read(name_or_folder, split)[1], chosen)]
        if found.dtype.kind == "i":
            return found
    else:
        contents, root = contents_of(name_or_folder), Path(name_or_folder)
        chosen = chosen_labels(classes, contents.classes)
        files = files_of(name_or_folder, contents, split, chosen, classes)
        found = np.array([folders.source_of(p, root, contents.classes[k]) for p, k in files])
        if not found.any():
            return None
        found = found[readable(files, on_error)]
        own = [f"/{row}" for row in range(len(found))]  # no name holds a slash
        found = np.where(found == "", own, found)
    return np.unique(found, return_inverse=True)[1].astype("int32")


def captions(
    name_or_folder: str | os.PathLike,
    split: str = "train",
    *,
    language: str = "en",
    keywords: bool = False,
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
) -> list[str]:
    """Return the text that describes each image of a split.

    Those of "emoji" are the names and key words of Unicode's CLDR.  A folder's stand in
    ``captions.csv`` inside it: UTF-8, the columns ``file`` (the path inside the folder, with "/")
    and ``text``, and a line for every image of every split.

    Args:
        name_or_folder, split, classes, on_error: as for ``load``, so that the rows are the same.
        language: "en" or "zh" (Chinese); a folder's texts are as they were written.
        keywords: whether the key words follow the name, "red heart, emotion, heart, love, red";
            a folder has none.

    Returns:
        n texts.

    Raises:
        ValueError, TypeError, FileNotFoundError: as ``load``; a named set has no captions; a folder
            has no ``captions.csv``, or one with faults, which are named by their lines.
    """
    check_split(name_or_folder, split, on_error)
    if language not in emoji.LANGUAGES:
        raise ValueError(f"`language` must be 'en' or 'zh'; received {language!r}.")
    if is_name(name_or_folder):
        if name_or_folder != "emoji":
            raise ValueError(
                "`name_or_folder` must be emoji or a folder with captions.csv; received"
                f" {name_or_folder!r}, which has no captions."
            )
        chosen = chosen_labels(classes, named.SETS["emoji"].classes)
        texts = emoji.read_texts(split, language, keywords)
        return [texts[row] for row in np.flatnonzero(np.isin(emoji.read_labels(split), chosen))]
    contents, root = contents_of(name_or_folder), Path(name_or_folder)
    chosen = chosen_labels(classes, contents.classes)
    files = files_of(name_or_folder, contents, split, chosen, classes)
    paths = [path for part in contents.files.values() for path, _ in part]
    images = dict(zip(paths, folders.keys_of(paths, root), strict=True))
    texts = caption_file.read(root, set(images.values()))
    return [texts[images[files[row][0]]] for row in readable(files, on_error)]


def source_kind(name_or_folder: str | os.PathLike) -> str:
    """Return what ``sources`` goes by, such as "typeface family"; "source" for a folder."""
    return named.SETS[name_or_folder].source if is_name(name_or_folder) else "source"


def image_shape(
    name_or_folder: str | os.PathLike, size: int | None = None, channels: int | None = None
) -> tuple[int, int, int]:
    """Return the shape of the images that ``load`` gives, without reading any."""
    own = (FOLDER_SIZE, FOLDER_SIZE, FOLDER_CHANNELS)
    if is_name(name_or_folder):
        own = named.SETS[name_or_folder].image_shape
    return (size or own[0], size or own[1], channels or own[2])


def count(name_or_folder: str | os.PathLike, split: str = "train") -> int:
    """Return how many images a split holds, without reading any."""
    if is_name(name_or_folder):
        return getattr(named.SETS[name_or_folder], split)
    return len(contents_of(name_or_folder).files[split])


def class_names(name_or_folder: str | os.PathLike) -> list[str]:
    """Return the names of the classes in the order of their labels."""
    if is_name(name_or_folder):
        return list(named.SETS[name_or_folder].classes)
    return contents_of(name_or_folder).classes


def names() -> list[ImageSet]:
    """List what can be loaded by name, each ``ImageSet`` saying whether it is here."""
    return [named.describe(name) for name in named.SETS]


def _read(name_or_folder, split, size, channels, classes, on_error, pad, share, say=None):
    """Bytes and labels; ``share``: bytes of memory for each of them; ``say`` for the cache."""
    check_split(name_or_folder, split, on_error)
    if size is not None:
        check_int("size", size, least=1, most=LARGEST, why=" pixels")
    if channels not in (None, 1, 3):
        raise ValueError(f"`channels` must be 1 (grey) or 3 (colour); received {channels!r}.")
    by_name = is_name(name_or_folder)
    contents = None if by_name else contents_of(name_or_folder)
    known = named.SETS[name_or_folder].classes if by_name else contents.classes
    chosen = chosen_labels(classes, known)
    if by_name:
        images, labels = named.read(name_or_folder, split)
        if classes is not None:
            rows = np.isin(labels, chosen)
            images, labels = images[rows], labels[rows]
        check_memory(len(images), size or images.shape[1], channels or images.shape[3], share)
        images = decode.convert(images, size, channels)
    else:
        for note in contents.notes:
            warnings.warn(note, UserWarning, stacklevel=3)
        files = files_of(name_or_folder, contents, split, chosen, classes)
        size, channels = size or FOLDER_SIZE, channels or FOLDER_CHANNELS
        if say is None:
            check_memory(len(files), size, channels, share)
            images, labels = decode.read(files, size, channels, on_error, pad)
        else:
            told = split if classes is None else f"{split} ({', '.join(classes)})"
            images, labels = cache.read(
                Path(name_or_folder), told, files, size, channels, pad, on_error, say
            )
    renumbered = np.zeros(len(known), "int32")
    renumbered[chosen] = np.arange(len(chosen))
    return images, renumbered[labels]
