"""Folders of the user's own images: which files, which split, and how they are read."""

import hashlib
import os
import unicodedata
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
TEST_SHARE = 1 / 6
FORMATS = ("PNG", "JPEG", "WEBP")
LISTED = 10  # unreadable files named in a message


def class_names(folder):
    """Sub-folders that hold images, sorted; or, if there are none, the name of the folder."""
    return _classes(folder) or [folder.resolve().name]


def list_files(folder, split):
    """The (path, label) pairs of one split, in the order of class and path."""
    presplit = len(_roots(folder)) == 2
    root = folder / split if presplit else folder
    files = []
    for label, name in enumerate(_classes(folder) or ["."]):
        paths = _walk(root / name) if (root / name).is_dir() else []
        if not presplit:
            test = choose_test([_key(path, folder) for path in paths])
            paths = [p for p, is_test in zip(paths, test, strict=True)
                     if is_test == (split == "test")]  # fmt: skip
        files += [(path, label) for path in paths]
    if not files:
        raise ValueError(
            f"`split` must be one that has images; received {split!r}, which is empty in"
            f" {str(folder)!r}."
        )
    return files


def choose_test(keys):
    """Which files are of the test split: those whose hash is in the lowest sixth.

    Where that leaves a split of two or more files empty, the file with the lowest (or highest)
    hash goes over to it.
    """
    hashes = [int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64 for key in keys]
    test = [value < TEST_SHARE for value in hashes]
    if len(keys) > 1 and not any(test):
        test[hashes.index(min(hashes))] = True
    if len(keys) > 1 and all(test):
        test[hashes.index(max(hashes))] = False
    return test


def read(files, size, channels, on_error):
    """Images, uint8 (n, size, size, channels), and labels, int32 (n,), of (path, label) pairs."""

    def decode(entry):
        try:
            return read_image(entry[0], size, channels)
        except Exception as error:  # decoders raise many types on broken files
            return f"{entry[0]} ({type(error).__name__}: {error})"

    # Pillow decodes outside Python's global lock, so threads are enough.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        results = list(pool.map(decode, files))
    broken = [result for result in results if isinstance(result, str)]
    good = [i for i, result in enumerate(results) if not isinstance(result, str)]
    if broken:
        more = f" and {len(broken) - LISTED} more" if len(broken) > LISTED else ""
        listed = "; ".join(broken[:LISTED]) + more
        if on_error == "raise" or not good:
            hint = " Remove them, or pass on_error='skip'." if good else ""
            raise ValueError(
                f"{len(broken)} of {len(files)} images cannot be read: {listed}.{hint}"
            )
        warnings.warn(
            f"Skipped {len(broken)} of {len(files)} images: {listed}.", UserWarning, stacklevel=3
        )
    images = np.stack([results[i] for i in good])
    return images, np.array([files[i][1] for i in good], "int32")


def read_image(path, size, channels):
    """One file as uint8 (size, size, channels)."""
    # Pillow knows forty formats, by content and not by name; decoders that are not needed are
    # not offered to files from outside.
    with Image.open(path, formats=FORMATS) as image:
        pixels, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS
        if limit and pixels > limit:  # a few kilobytes can unfold to gigabytes
            raise ValueError(f"{pixels:,} pixels; at most {limit:,} are read")
        # JPEG: let the decoder itself reduce, but never below twice the size that is kept.
        scale = 2 * size / min(image.size)
        image.draft(None, (int(image.width * scale) + 1, int(image.height * scale) + 1))
        image = ImageOps.exif_transpose(image)
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        # Cropped before it is scaled, so that no filter mixes in what is cut off.
        image = to_8_bit(image.crop((left, top, left + side, top + side)), channels)
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(size, size, channels)


def to_8_bit(image, channels):
    """A Pillow image of any mode as grey "L" or "RGB"; transparent pixels become white."""
    if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip
        values = np.asarray(image, dtype="float64")
        image = Image.fromarray(np.clip(values / 257 + 0.5, 0, 255).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("L" if channels == 1 else "RGB")


def convert(images, size, channels):
    """uint8 (n, h, w, c) images resized to `size` (antialiased) and to 1 or 3 channels."""
    _, height, width, own_channels = images.shape
    size, channels = size or height, channels or own_channels
    if (height, width, own_channels) == (size, size, channels):
        return images
    result = np.empty((len(images), size, size, channels), "uint8")
    for i, pixels in enumerate(images):
        image = Image.fromarray(pixels[..., 0] if own_channels == 1 else pixels)
        image = to_8_bit(image, channels)
        if image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.LANCZOS)
        result[i] = np.asarray(image).reshape(size, size, channels)
    return result


def _classes(folder):
    """Sorted names of the sub-folders that hold images; empty if the images lie in `folder`."""
    children = [child for root in _roots(folder) for child in _children(root)]
    names = {child.name for child in children if _is_folder(child) and _walk(child)}
    loose = sorted(child.name for child in children if _is_image(child))
    if names and loose:
        raise ValueError(
            "`name_or_folder` must hold images or sub-folders with images, not both; received"
            f" {str(folder)!r} with {loose[0]!r} beside the sub-folder {min(names)!r}."
        )
    if not names and not loose:
        raise ValueError(
            "`name_or_folder` must hold PNG, JPEG or WebP images;"
            f" received {str(folder)!r}, which holds none."
        )
    return sorted(names)


def _roots(folder):
    """The folders whose children are classes: `folder`, or its "train" and "test"."""
    folders = [child for child in _children(folder) if _is_folder(child)]
    return folders if {child.name for child in folders} == {"train", "test"} else [folder]


def _children(folder):
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_folder(path):
    return path.is_dir() and not path.is_symlink()


def _is_image(path):
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def _walk(folder):
    """All image files below a folder, sorted; links to folders are not followed."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(parent, name) for name in files if not name.startswith("."))
        found += [path for path in paths if _is_image(path)]
    return sorted(found)


def _key(path, folder):
    """The path inside the folder, the same on every system (macOS decomposes accents)."""
    return unicodedata.normalize("NFC", path.relative_to(folder).as_posix())
