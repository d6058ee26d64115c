"""Files of images -> arrays of bytes, all of one size."""

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageOps

from gentut.data.folder import shown

FORMATS = ("PNG", "JPEG", "WEBP")
LISTED = 10  # unreadable files that a message names, at most
AT_ONCE = 512  # files that are decoded before the first of them is handed on


def read(
    files: Sequence[tuple[str, int]], size: int, channels: int, on_error: str, pad: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Read (path, label) pairs.

    Args:
        files: the pairs.
        size, channels, pad: of every image, see ``read_image``.
        on_error: "raise" or "skip", see ``gentut.data.load``.

    Returns:
        Images, uint8 ``(n, size, size, channels)``, and labels, int32 ``(n,)``.
    """
    images, good, broken = np.empty((len(files), size, size, channels), "uint8"), [], []
    for row, found in enumerate(decoded([path for path, _ in files], size, channels, pad)):
        if isinstance(found, str):
            broken.append(found)
        else:
            images[len(good)] = found
            good.append(row)
    tell_of_broken(broken, len(files), on_error)
    return images[: len(good)], np.array([files[row][1] for row in good], "int32")


def decoded(
    paths: Sequence[str], size: int, channels: int, pad: bool
) -> Iterator[np.ndarray | str]:
    """Read files in parallel; give them in order: images, or what is wrong with one in words."""

    def decode(path):
        try:
            return read_image(path, size, channels, pad)
        except Exception as error:  # decoders raise many types on broken files
            reason = " ".join(str(error).split())[:200]
            return f"{shown(str(path))} ({type(error).__name__}: {reason})"

    # Pillow decodes outside Python's global lock, so threads are enough.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(paths), AT_ONCE):
            yield from pool.map(decode, paths[start : start + AT_ONCE])


def tell_of_broken(broken: Sequence[str], total: int, on_error: str) -> None:
    """Raise or warn, as ``on_error`` says, where some of ``total`` images cannot be read."""
    if not broken:
        return
    more = f" and {len(broken) - LISTED} more" if len(broken) > LISTED else ""
    listed = "; ".join(broken[:LISTED]) + more
    if on_error == "raise" or len(broken) == total:
        hint = " Remove them, or pass on_error='skip'." if len(broken) < total else ""
        raise ValueError(f"{len(broken)} of {total} images cannot be read: {listed}.{hint}")
    warnings.warn(f"Skipped {len(broken)} of {total} images: {listed}.", UserWarning, stacklevel=5)


def read_image(path: str | os.PathLike, size: int, channels: int, pad: bool = False) -> np.ndarray:
    """Read one file as uint8 ``(size, size, channels)``; ``pad`` it with white, or crop it."""
    # Pillow knows forty formats, by content and not by name; decoders that are not needed are
    # not offered to files from outside.
    with Image.open(path, formats=FORMATS) as image:
        pixels, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS
        if limit and pixels > limit:  # a few kilobytes can unfold to gigabytes
            raise ValueError(f"{pixels:,} pixels; at most {limit:,} are read")
        # JPEG: let the decoder itself reduce, but never below twice the size that is kept.
        scale = 2 * size / (max if pad else min)(image.size)
        image.draft(None, (int(image.width * scale) + 1, int(image.height * scale) + 1))
        image = to_square(ImageOps.exif_transpose(image), size, channels, pad)
    return np.asarray(image).reshape(size, size, channels)


def to_square(image: Image.Image, size: int, channels: int, pad: bool = False) -> Image.Image:
    """Return a Pillow image as a square of ``size`` pixels, grey "L" or "RGB".

    Cropped at the centre so that the shorter side fits; or, with ``pad``, whole, in the middle of a
    white square.
    """
    if pad:
        longest = max(image.size)
        inner = tuple(max(1, round(side * size / longest)) for side in image.size)
        image = to_8_bit(image, channels).resize(inner, Image.Resampling.LANCZOS)
        square = Image.new(image.mode, (size, size), "white")
        square.paste(image, tuple((size - side) // 2 for side in inner))
        return square
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # Cropped before it is scaled, so that no filter mixes in what is cut off.
    image = to_8_bit(image.crop((left, top, left + side, top + side)), channels)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def to_8_bit(image: Image.Image, channels: int) -> Image.Image:
    """Return a Pillow image of any mode as grey "L" or "RGB"; transparent pixels become white."""
    if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip
        values = np.asarray(image, dtype="float64")
        image = Image.fromarray(np.clip(values / 257 + 0.5, 0, 255).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("L" if channels == 1 else "RGB")


def convert(images: np.ndarray, size: int | None, channels: int | None) -> np.ndarray:
    """Resize uint8 images ``(n, h, w, c)`` to ``size`` (antialiased) and to 1 or 3 channels."""
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
