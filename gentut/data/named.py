"""The named image sets: where their files are, and proof that their contents are right."""

import dataclasses
import hashlib
import importlib
import math
import os
import struct
from pathlib import Path

import numpy as np

from gentut.data import emoji
from gentut.data.fetch import fetch
from gentut.data.shipped import data_path


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """What a named image set is.

    ``source`` says what several images can have in common, see ``gentut.data.sources``; empty if
    that is unknown.  ``here`` says where the set lies; empty if it must be fetched.
    ``compositions`` counts the images of a third split, of things whose captions say known words
    in a new composition; 0 where there is none.
    """

    name: str
    title: str
    image_shape: tuple
    classes: tuple
    train: int  # images
    test: int
    licence: str
    source: str = ""
    here: str = ""
    compositions: int = 0

    @property
    def splits(self) -> dict[str, int]:
        """How many images each split has."""
        found = {"train": self.train, "test": self.test, "compositions": self.compositions}
        return {split: n for split, n in found.items() if n}

    def __str__(self):
        shape = "x".join(map(str, self.image_shape))
        return (
            f"{self.name}: {self.title}; {shape}; {len(self.classes)} classes;"
            f" {', '.join(f'{n:,} {split}' for split, n in self.splits.items())}; {self.licence};"
            f" {self.here or 'not here, would be downloaded'}"
        )


SETS = {
    "glyphs": ImageSet(
        name="glyphs",
        title="capitals A-J in open typefaces, no family in both splits",
        image_shape=(28, 28, 1),
        classes=tuple("ABCDEFGHIJ"),
        train=16_210,
        test=3_330,
        licence="drawn with open fonts",
        source="typeface family",
    ),
    "emoji": ImageSet(
        name="emoji",
        title="emoji of seven sets with English and Chinese captions, no concept in both splits",
        image_shape=(32, 32, 3),
        classes=(
            *("Smileys & Emotion", "People & Body", "Animals & Nature", "Food & Drink"),
            *("Travel & Places", "Activities", "Objects", "Symbols", "Flags"),
        ),
        train=8_019,
        test=844,
        licence="MIT, Apache 2.0 and CC BY 4.0 (emoji_licences.txt comes along)",
        source="concept",
        compositions=350,
    ),
    "mnist": ImageSet(
        name="mnist",
        title="handwritten digits (LeCun, Cortes, Burges)",
        image_shape=(28, 28, 1),
        classes=tuple("0123456789"),
        train=60_000,
        test=10_000,
        licence="CC BY-SA 3.0",
    ),
    "fashion_mnist": ImageSet(
        name="fashion_mnist",
        title="articles of clothing (Xiao, Rasul, Vollgraf 2017)",
        image_shape=(28, 28, 1),
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        train=60_000,
        test=10_000,
        licence="MIT",
    ),
    "cifar10": ImageSet(
        name="cifar10",
        title="small colour photographs (Krizhevsky 2009)",
        image_shape=(32, 32, 3),
        classes=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
        train=50_000,
        test=10_000,
        licence="no licence stated; cite Krizhevsky 2009",
    ),
}

# MD5 of the contents in the layout of the original files, uncompressed.  MNIST and Fashion-MNIST:
# the IDX files of images and labels (e.g. train-images-idx3-ubyte); torchvision and others print
# the same digests.  CIFAR-10: data_batch_1.bin ... 5.bin and test_batch.bin of the binary version,
# as found after unpacking cifar-10-binary.tar.gz with the MD5 on its author's page.  Emoji, which
# have no such file: images and labels as IDX.
DIGESTS = {
    "glyphs": {
        "train": ("7dc8384d35ebfcfb7cc90f99fe8c8ede", "407775e0dff83f5e1c79352168816a32"),
        "test": ("28a64a190f864abbfd0f67ce26151bbd", "3ed0e74f08104234d8bea5abacdc32a2"),
    },
    "emoji": {
        "train": ("bf042bde97b5e784e94027040ed9fa5c", "28c53405569cc8a5bf10c7ec017f8394"),
        "test": ("55a878577b558db4ea2b49514d9d8341", "faeced6d3bb2ca6dba0afdfc408d25bb"),
        "compositions": ("c6ba7406290fa0d01e87787173d09495", "b403a39754b5f8e571ee21b81c8d2be8"),
    },
    "mnist": {
        "train": ("6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"),
        "test": ("2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"),
    },
    "fashion_mnist": {
        "train": ("f4a8712d7a061bf5bd6d2ca38dc4d50a", "9018921c3c673c538a1fc5bad174d6f9"),
        "test": ("8181f5470baa50b63fa0f6fddb340f0a", "15d484375f8d13e6eb1aabb0c3f46965"),
    },
    "cifar10": {
        "train": (
            "5dd7e06a14cb22eb9f671a540d1b7c25",
            "5ea93a67294ea407fff1d09f752e9692",
            "942cd6a4bcdd0dd3c604fbe906cb4421",
            "ae636b3ba5c66a11e91e8cb52e771fcb",
            "53f37980c15c3d472c316c40844f3f0d",
        ),
        "test": ("803d5f7f4d78ea53de84dbe85f74fb6d",),
    },
}

SHIPPED = ("glyphs", "emoji")

# What keras.datasets leaves behind, below its cache folder.
KERAS_CACHE = {
    "mnist": "mnist.npz",
    "fashion_mnist": "fashion-mnist/t10k-images-idx3-ubyte.gz",  # fetched last
    "cifar10": "cifar-10-batches-py-target/cifar-10-batches-py/test_batch",
}


def describe(name: str) -> ImageSet:
    """Return the ``ImageSet`` of a name, with ``here`` filled in."""
    here = ""
    if name in SHIPPED:
        here = "ships with gentut"
    elif local_file(name):
        here = "in GENTUT_DATA"
    elif (cache() / KERAS_CACHE[name]).exists():
        here = "in the cache of Keras"
    return dataclasses.replace(SETS[name], here=here)


def read(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read uint8 images ``(n, h, w, c)`` and labels ``(n,)`` of a named set, contents proven."""
    if name == "emoji":
        source = f"'{data_path('emoji.webp')}'"
        return check_contents(name, split, *emoji.read_images(split), source)
    path = data_path("glyphs.npz") if name == "glyphs" else local_file(name)
    if path:
        source = f"'{path}'"
        images, labels = read_npz(path, name, split)
    elif os.environ.get("GENTUT_MIRROR"):
        path = from_mirror(name, os.environ["GENTUT_MIRROR"])
        source = f"what GENTUT_MIRROR delivered, '{path}'"
        try:
            return check_contents(name, split, *read_npz(path, name, split), source)
        except ValueError:
            path.unlink(missing_ok=True)  # or the wrong file would be found again
            raise
    else:
        source = "what keras.datasets delivered"
        images, labels = download(name, split)
    return check_contents(name, split, images, labels, source)


def read_sources(name: str, split: str) -> np.ndarray | None:
    """Read the names or numbers of the sources of a named set, ``(n,)``; None if unknown."""
    if not SETS[name].source:
        return None
    if name == "emoji":
        return emoji.read_concepts(split)
    with np.load(data_path("glyphs.npz"), allow_pickle=False) as arrays:
        return arrays[f"family_{split}"]


def read_npz(path: Path, name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read one split as it lies in an ``.npz`` file, its contents not yet proven."""
    most = most_bytes(name)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for entry in arrays.zip.infolist():
                if entry.file_size > most:  # a few kilobytes can unfold to gigabytes
                    raise ValueError(f"{entry.filename} unfolds to {entry.file_size:,} bytes")
            return arrays[f"x_{split}"], arrays[f"y_{split}"]
    except MemoryError:
        raise
    except Exception as error:  # NumPy and zipfile raise many types on broken files
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(
            f"'{path}' is damaged or is no .npz file with x_{split} and y_{split}: {reason}"
        ) from error


def from_mirror(name: str, mirror: str) -> Path:
    """Return the path of ``NAME.npz`` from a mirror, downloaded once into the cache of Keras."""
    if not mirror.startswith("https://"):
        raise ValueError(f"GENTUT_MIRROR must begin with https://; received {mirror!r}.")
    address = f"{mirror.rstrip('/')}/{name}.npz"
    try:
        return fetch(address, cache() / f"gentut-mirror-{name}.npz", most_bytes(name))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise FileNotFoundError(
            f"'{name}' could not be downloaded from GENTUT_MIRROR, {address} ({reason})."
            f"{similar_file(name)}"
        ) from error


def cache() -> Path:
    """Return the folder where Keras keeps downloaded data sets."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"


def most_bytes(name: str) -> int:
    """Return more bytes than any honest array of this set takes: int64, and a header."""
    info = SETS[name]
    return 8 * max(info.train, info.test) * math.prod(info.image_shape) + 10_000


def local_file(name: str) -> Path | None:
    """Return the file of a named set in the folder GENTUT_DATA, or None."""
    folder = os.environ.get("GENTUT_DATA")
    if not folder:
        return None
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"GENTUT_DATA must name a folder; received {folder!r}.")
    path = Path(folder) / f"{name}.npz"
    return path if path.is_file() else None


def similar_file(name: str) -> str:
    """Tell in a sentence what GENTUT_DATA holds under nearly the right name; "" for nothing."""

    def plain(text):
        return "".join(filter(str.isalnum, text.lower()))

    folder, others = os.environ.get("GENTUT_DATA"), {f"{other}.npz" for other in SETS}
    found = sorted(os.listdir(folder)) if folder else []
    found = [entry for entry in found if plain(name) in plain(entry) and entry not in others]
    if not found:
        return ""
    return f" GENTUT_DATA, {folder!r}, holds {found[0]!r}, but the file must be {name + '.npz'!r}."


def download(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Load images and labels through ``keras.datasets``, from its cache or the internet."""
    datasets = importlib.import_module("keras").datasets  # slow to import, and rarely needed
    try:
        train, test = getattr(datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception when a download fails
        reason = str(error).partition("\n")[0]
        raise FileNotFoundError(
            f"'{name}' is not on this machine and could not be downloaded ({reason}). Put"
            f" {name}.npz into a folder and let the environment variable GENTUT_DATA name it; how"
            f" to make that file: help(gentut.data.load).{similar_file(name)}"
        ) from error
    return train if split == "train" else test


def check_contents(
    name: str, split: str, images: np.ndarray, labels: np.ndarray, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return images as ``(n, h, w, c)`` and labels as ``(n,)`` if they are the published ones.

    Raises:
        ValueError: shape, type or digest differ; the message names ``source``.
    """
    info = SETS[name]
    n = info.splits[split]
    labels = labels.reshape(-1) if labels.shape in ((n,), (n, 1)) else labels
    shape = (n, *info.image_shape)
    if images.shape == shape[:3] and shape[3] == 1:
        images = images[..., None]
    for array, expected, key in ((images, shape, "x"), (labels, (n,), "y")):
        if array.shape != expected or array.dtype.kind not in "iu":
            raise ValueError(
                f"{source} is not {name}: {key}_{split} must hold integers of shape {expected};"
                f" received {array.dtype} of shape {array.shape}."
            )
    images, labels = images.astype("uint8", copy=False), labels.astype("uint8", copy=False)
    received = original_digests(name, images, labels)
    if received != DIGESTS[name][split]:
        raise ValueError(
            f"{source} is not {name}: the contents of its {split} split have been altered (MD5"
            f" {' '.join(received)}; published {' '.join(DIGESTS[name][split])})."
        )
    return images, labels


def original_digests(name: str, images: np.ndarray, labels: np.ndarray) -> tuple[str, ...]:
    """Return the MD5 of uint8 arrays written as the files in which their authors published them."""
    if name == "cifar10":
        # A record is a label byte, then all red, all green and all blue pixels: 10,000 a file.
        pixels = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        records = np.concatenate([labels[:, None], pixels], axis=1)
        return tuple(_md5(records[i : i + 10_000]) for i in range(0, len(records), 10_000))
    images = images[..., 0] if images.shape[-1] == 1 else images
    return tuple(_md5(_idx_header(array), array) for array in (images, labels))


def _idx_header(array):
    """The IDX format: two zero bytes, 8 for unsigned bytes, the rank, and the big-endian shape."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)


def _md5(*parts):
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(np.ascontiguousarray(part) if isinstance(part, np.ndarray) else part)
    return digest.hexdigest()
