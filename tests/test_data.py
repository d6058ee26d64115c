"""Named image sets, their proof of contents, folders of images, and the rules of the builder."""

import hashlib
import importlib.util
import io
import os
import re
import sys
import tempfile
import tracemalloc
import unicodedata
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gentut import data
from gentut.data import decode, named, selection, shipped
from gentut.data import folder as folders
from gentut.data import memory as memories

ROOT = Path(__file__).parents[1]


def shared_folder():
    """Folder with mnist.npz and cifar10_sample/, or None."""
    candidates = [os.environ.get("GENTUT_DATA"), ROOT.parent / "shared" / "data"]
    for candidate in filter(None, candidates):
        if (Path(candidate) / "mnist.npz").is_file():
            return Path(candidate)
    return None


SHARED = shared_folder()
needs_shared = pytest.mark.skipif(
    SHARED is None, reason="no folder with mnist.npz: set GENTUT_DATA to one"
)


# --- glyphs ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def glyphs():
    with np.load(data.data_path("glyphs.npz"), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_glyphs_file_is_the_one_the_datasheet_describes():
    path = data.data_path("glyphs.npz")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest in (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert path.stat().st_size <= 8_000_000


def test_glyphs_hold_each_face_once_per_letter(glyphs):
    faces = {}
    for split in ("train", "test"):
        counts = np.bincount(glyphs[f"y_{split}"])
        assert len(counts) == 10 and len(set(counts)) == 1
        faces[split] = counts[0]
        per_family = Counter(glyphs[f"family_{split}"].tolist())
        assert all(count % 10 == 0 for count in per_family.values())
    assert sum(faces.values()) >= 1500
    assert 0.15 <= faces["test"] / sum(faces.values()) <= 0.20


def test_glyphs_share_no_family_between_the_splits(glyphs):
    train, test = (set(glyphs[f"family_{split}"].tolist()) for split in ("train", "test"))
    assert not train & test

    # Nor under another name: these words name one design in several packages each.
    for word in ("roboto", "plex", "liberation", "computer", "noto", "gillius", "fira"):
        sides = [{n for n in names if word in n.lower().split()} for names in (train, test)]
        assert any(sides) and not all(sides), (word, sides)


def test_no_test_image_set_is_a_training_face_again(glyphs):
    """Of one letter with much ink, no test image is a pixel-for-pixel copy of a training image."""
    train, test = (glyphs[f"x_{s}"][glyphs[f"y_{s}"] == 6] for s in ("train", "test"))
    copies = {image.tobytes() for image in train} & {image.tobytes() for image in test}
    assert not copies


def test_glyphs_fill_a_box_of_20_pixels_in_the_middle(glyphs):
    for image in glyphs["x_train"][:500].astype(float):
        rows, columns = (np.flatnonzero(image.max(axis)) for axis in (1, 0))
        # Area averaging may smear a letter into one more pixel on each side.
        assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 22
        for used in (rows, columns):
            assert abs(used[0] + used[-1] - 27) <= 2
        assert image.max() >= 128


def test_labels_of_glyphs_are_right_by_nearest_neighbour(glyphs):
    """1-NN knows nothing of labels or families; a shifted or shuffled label array gives 10 %."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(glyphs["x_test"]))[:300]
    train = glyphs["x_train"].reshape(-1, 784)[:6000].astype("float32")
    test = glyphs["x_test"].reshape(-1, 784)[rows].astype("float32")
    nearest = ((train**2).sum(1)[None] - 2 * test @ train.T).argmin(1)
    assert (glyphs["y_train"][nearest] == glyphs["y_test"][rows]).mean() > 0.85


def test_load_glyphs_gives_unit_float_images_and_int_labels(glyphs):
    images, labels = data.load("glyphs", "test")
    assert images.dtype == np.float32 and images.shape == (*glyphs["x_test"].shape, 1)
    assert images.min() == 0.0 and images.max() == 1.0
    assert labels.dtype == np.int32 and labels.shape == (len(images),)
    np.testing.assert_array_equal(np.rint(images[..., 0] * 255), glyphs["x_test"])


def test_an_installed_package_finds_its_data_beside_its_code(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "gentut"
    (package / "_data" / "weights").mkdir(parents=True)
    (package / "_data" / "weights" / "a.txt").write_text("a")
    monkeypatch.setattr(shipped, "__file__", str(package / "data" / "shipped.py"))
    assert data.data_path("weights/a.txt").read_text(encoding="utf-8") == "a"
    with pytest.raises(FileNotFoundError, match="'data/weights/b.txt' is missing"):
        data.data_path("weights/b.txt")


# --- named sets -----------------------------------------------------------------------------


@needs_shared
def test_mnist_is_the_published_one(monkeypatch):
    monkeypatch.setenv("GENTUT_DATA", str(SHARED))
    images, labels = data.load("mnist", "test")
    assert images.shape == (10_000, 28, 28, 1)
    # Printed in many places: the first ten test labels and the pixel mean of the test images.
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert images.mean() == pytest.approx(0.1325, abs=1e-4)
    (entry,) = [entry for entry in data.names() if entry.name == "mnist"]
    assert entry.here == "in GENTUT_DATA" and (entry.train, entry.test) == (60_000, 10_000)


@pytest.fixture
def tiny(monkeypatch):
    """Shrink every named set to 4 training and 2 test images; returns arrays that then pass."""
    rng = np.random.default_rng(1)

    def shrink(name, shape):
        arrays = {}
        for split, n in (("train", 4), ("test", 2)):
            arrays[f"x_{split}"] = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
            arrays[f"y_{split}"] = np.arange(n, dtype=np.uint8)
        info = named.SETS[name]
        small = named.dataclasses.replace(info, train=4, test=2)
        monkeypatch.setitem(named.SETS, name, small)
        digests = {
            split: named.original_digests(
                name, arrays[f"x_{split}"].reshape(-1, *info.image_shape), arrays[f"y_{split}"]
            )
            for split in ("train", "test")
        }
        monkeypatch.setitem(named.DIGESTS, name, digests)
        return arrays

    return shrink


def test_digests_are_of_the_original_file_layouts():
    """Files written byte by byte from the format descriptions of their authors."""
    images = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
    idx3 = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(12))
    idx1 = bytes([0, 0, 8, 1, 0, 0, 0, 2]) + bytes([7, 9])
    found = named.original_digests("mnist", images[..., None], np.array([7, 9], np.uint8))
    assert found == (hashlib.md5(idx3).hexdigest(), hashlib.md5(idx1).hexdigest())

    # One CIFAR record: label, reds, greens, blues.  Pixels here: (1, 2, 3) and (4, 5, 6).
    images = np.array([[[[1, 2, 3], [4, 5, 6]]]], np.uint8)
    found = named.original_digests("cifar10", images, np.array([8], np.uint8))
    assert found == (hashlib.md5(bytes([8, 1, 4, 2, 5, 3, 6])).hexdigest(),)


@pytest.mark.parametrize(
    "name, shape", [("mnist", (28, 28)), ("fashion_mnist", (28, 28)), ("cifar10", (32, 32, 3))]
)
def test_a_file_in_the_data_folder_is_read(name, shape, tiny, tmp_path, monkeypatch):
    arrays = tiny(name, shape)
    arrays["y_test"] = arrays["y_test"][:, None]  # as keras.datasets.cifar10 has them
    np.savez(tmp_path / f"{name}.npz", **arrays)
    monkeypatch.setenv("GENTUT_DATA", str(tmp_path))
    images, labels = data.load(name, "test")
    assert images.shape == (2, *named.SETS[name].image_shape)
    np.testing.assert_array_equal(np.rint(images * 255).reshape(2, *shape), arrays["x_test"])
    assert labels.tolist() == [0, 1]


def change_pixel(arrays):
    arrays["x_train"][3, 27, 27] ^= 1


def swap_labels(arrays):
    arrays["y_train"] = arrays["y_train"][::-1]


def drop_an_image(arrays):
    arrays["x_train"] = arrays["x_train"][:3]


def make_float(arrays):
    arrays["x_train"] = arrays["x_train"] / 255


def drop_labels(arrays):
    del arrays["y_train"]


@pytest.mark.parametrize(
    "harm, message",
    [
        (change_pixel, "have been altered"),
        (swap_labels, "have been altered"),
        (drop_an_image, r"must hold integers of shape \(4, 28, 28, 1\); received uint8 of shape"),
        (make_float, r"must hold integers of shape \(4, 28, 28, 1\); received float64"),
        (drop_labels, "no .npz file with x_train and y_train"),
    ],
)
def test_altered_contents_are_refused_by_name(harm, message, tiny, tmp_path, monkeypatch):
    arrays = tiny("mnist", (28, 28))
    harm(arrays)
    np.savez_compressed(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setenv("GENTUT_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=message) as error:
        data.load("mnist")
    assert str(tmp_path / "mnist.npz") in str(error.value)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_truncated_files_are_refused_by_name(kept, tiny, tmp_path, monkeypatch):
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, **tiny("mnist", (28, 28)))
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])
    monkeypatch.setenv("GENTUT_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="is damaged") as error:
        data.load("mnist")
    assert str(path) in str(error.value)


def test_pickles_are_not_opened(tmp_path, monkeypatch):
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "cifar10.npz", x_train=objects, y_train=objects)
    monkeypatch.setenv("GENTUT_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        data.load("cifar10")


def test_without_a_file_keras_is_asked_and_checked_too(tiny, tmp_path, monkeypatch):
    import keras

    arrays = tiny("fashion_mnist", (28, 28))
    train, test = (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    monkeypatch.setenv("GENTUT_DATA", str(tmp_path))  # a folder without this set
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: (train, test))
    np.testing.assert_array_equal(data.load("fashion_mnist", "train")[1], [0, 1, 2, 3])
    arrays["x_test"][0, 0, 0] ^= 1
    with pytest.raises(ValueError, match="what keras.datasets delivered is not fashion_mnist"):
        data.load("fashion_mnist", "test")


def test_a_failed_download_says_what_to_do(monkeypatch):
    import keras

    def fail():
        raise Exception("URL fetch failure on https://example.org: no route\nto host")

    monkeypatch.delenv("GENTUT_DATA", raising=False)
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    expected = r"'cifar10' .* could not be downloaded \(URL .* no route\)\. Put cifar10\.npz into"
    with pytest.raises(FileNotFoundError, match=expected):
        data.load("cifar10")


@pytest.mark.parametrize(
    "entry, told",
    [
        ("MNIST.npz", True),
        ("mnist (1).npz", True),
        ("Fashion-MNIST.npz", True),  # it may be meant: the reader decides
        ("fashion_mnist.npz", False),
        ("cifar10.npz", False),
    ],
)
def test_a_file_of_nearly_the_right_name_is_told(entry, told, tmp_path, monkeypatch):
    import keras

    def fail():
        raise Exception("no route")

    monkeypatch.setenv("GENTUT_DATA", str(tmp_path))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    (tmp_path / entry).touch()
    with pytest.raises(FileNotFoundError, match="'mnist' is not on this machine") as error:
        data.load("mnist")
    hint = f"GENTUT_DATA, '{tmp_path}', holds '{entry}', but the file must be 'mnist.npz'."
    assert str(error.value).endswith(hint) is told
    monkeypatch.setenv("GENTUT_MIRROR", "https://127.0.0.1:1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(named, "fetch", lambda *_: (_ for _ in ()).throw(OSError("no route")))
    with pytest.raises(FileNotFoundError, match="from GENTUT_MIRROR, .* .no route") as error:
        data.load("mnist")
    assert str(error.value).endswith(hint) is told


def test_names_say_whether_a_set_is_here(tmp_path, monkeypatch):
    monkeypatch.setenv("GENTUT_DATA", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "cifar10.npz").touch()
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    (tmp_path / "keras" / "datasets" / "mnist.npz").touch()
    here = {entry.name: entry.here for entry in data.names()}
    assert here == {
        "glyphs": "ships with gentut",
        "emoji": "ships with gentut",
        "mnist": "in the cache of Keras",
        "fashion_mnist": "",
        "cifar10": "in GENTUT_DATA",
    }
    lines = [str(entry) for entry in data.names()]
    assert "28x28x1; 10 classes; 60,000 train, 10,000 test; MIT; not here" in lines[3]


def test_the_listed_numbers_of_glyphs_are_those_of_the_file(glyphs):
    entry = named.SETS["glyphs"]
    assert (entry.train, entry.test) == (len(glyphs["x_train"]), len(glyphs["x_test"]))


def test_classes_select_and_renumber():
    images, labels = data.load("glyphs", "test", classes=["C", "A"])
    every, every_label = data.load("glyphs", "test")
    np.testing.assert_array_equal(images[labels == 0], every[every_label == 2])
    np.testing.assert_array_equal(images[labels == 1], every[every_label == 0])
    assert set(labels) == {0, 1}


def test_named_sets_can_be_resized_and_coloured():
    images, _ = data.load("glyphs", "test", size=14, channels=3)
    plain, _ = data.load("glyphs", "test")
    assert images.shape[1:] == (14, 14, 3)
    np.testing.assert_array_equal(images[..., 0], images[..., 2])
    # Antialiasing keeps the mean, up to rounding and what the filter's overshoot clips.
    np.testing.assert_allclose(images.mean((1, 2, 3)), plain.mean((1, 2, 3)), atol=0.02)


@pytest.mark.parametrize(
    "arguments, options, error, message",
    [
        (("glyfs",), {}, FileNotFoundError, "glyphs, emoji, .* existing folder; received 'glyfs'"),
        ((3,), {}, TypeError, "`name_or_folder` must be a name or a path; received int"),
        (("glyphs", "valid"), {}, ValueError, "`split` must be 'train' or 'test'; .* 'valid'"),
        (
            ("glyphs",),
            {"size": 0},
            ValueError,
            "`size` must be an integer from 1 to 2048 pixels; received 0",
        ),
        (("glyphs",), {"channels": 4}, ValueError, "`channels` must be 1 .* received 4"),
        (("glyphs",), {"classes": ["A", "Z"]}, ValueError, "`classes` must be among A, .* 'Z'"),
        (("glyphs",), {"classes": "AB"}, ValueError, "`classes` must be a list .* 'AB'"),
        (("glyphs",), {"classes": 3}, ValueError, "`classes` must be a list .* received 3"),
        (("glyphs",), {"classes": [["A"]]}, ValueError, "`classes` must be a list .*'A'"),
        (("glyphs",), {"on_error": "ignore"}, ValueError, "`on_error` must be .* 'ignore'"),
    ],
)
def test_wrong_arguments_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        data.load(*arguments, **options)


def test_a_data_folder_that_is_none_is_named(monkeypatch):
    monkeypatch.setenv("GENTUT_DATA", "/no/such/place")
    with pytest.raises(FileNotFoundError, match="GENTUT_DATA must name a folder; .*such/place"):
        data.load("mnist")


# --- folders of images ----------------------------------------------------------------------


def save(path, image=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or Image.new("RGB", (8, 8), "red")).save(path, **options)
    return path


def load_all(folder, **options):
    """Both splits, because which one an image falls into depends on its path."""
    parts = [data.load(folder, split, **options) for split in ("train", "test")]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def read_one(path, size=4, channels=3):
    return decode.read_image(path, size, channels) / 255


@needs_shared
def test_a_folder_of_real_photographs():
    sample = SHARED / "cifar10_sample"
    images, labels = data.load(sample, "train")
    test_images, test_labels = data.load(str(sample), "test")
    assert data.class_names(sample)[:3] == ["airplane", "automobile", "bird"]
    assert len(images) + len(test_images) == 2000
    assert 0.13 < len(test_images) / 2000 < 0.20  # 1/6, within four standard deviations
    assert images.shape[1:] == (32, 32, 3) and images.dtype == np.float32
    # Same size and no scaling: exactly the pixels of the file.
    files = folders.scan(sample).files["test"]
    np.testing.assert_array_equal(
        np.rint(test_images[7] * 255), np.asarray(Image.open(files[7][0]).convert("RGB"))
    )
    assert Counter(test_labels.tolist()) == Counter(label for _, label in files)


def gradient(mode):
    """A 6x6 image that is dark on the left and light on the right, in a given Pillow mode."""
    values = np.tile(np.linspace(0, 255, 6).astype(np.uint8), (6, 1))
    image = Image.fromarray(values)
    if mode == "I;16":
        return Image.fromarray(values.astype(np.uint16) * 257)
    return image.convert(mode)


PNG = [(mode, "png") for mode in ("L", "RGB", "RGBA", "LA", "P", "1", "I;16")]
OTHERS = [("L", "jpg"), ("RGB", "jpeg"), ("CMYK", "jpg"), ("RGB", "webp"), ("RGBA", "webp")]


@pytest.mark.parametrize("mode, suffix", [*PNG, *OTHERS, ("RGB", "PNG")])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_and_format_gives_the_same_picture(mode, suffix, channels, tmp_path):
    lossy = suffix in ("jpg", "jpeg", "webp")
    options = {"quality": 100} if lossy else {}
    path = save(tmp_path / f"a.{suffix}", gradient(mode), **options)
    found = read_one(path, 6, channels)
    assert found.shape == (6, 6, channels)
    expected = np.tile(np.linspace(0, 1, 6), (6, 1))
    if mode == "1":  # dithered: only the trend is left
        assert found[:, 0].mean() < 0.2 and found[:, 5].mean() > 0.8
    else:
        np.testing.assert_allclose(found, np.stack([expected] * channels, -1), atol=0.03)


def test_16_bit_values_are_scaled_not_clipped(tmp_path):
    values = np.array([[0, 257], [128 * 257, 65535]], np.uint16)
    path = save(tmp_path / "a.png", Image.fromarray(values))
    assert decode.read_image(path, 2, 1)[..., 0].tolist() == [[0, 1], [128, 255]]


def test_transparent_pixels_become_white(tmp_path):
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    path = save(tmp_path / "p.png", palette, transparency=0)
    assert (read_one(path) == 1).all()
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 51))  # alpha 0.2 of black on white: 0.8
    assert read_one(save(tmp_path / "h.png", half)) == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize(
    "orientation, corner", [(1, (0, 0)), (2, (0, 7)), (3, (7, 7)), (6, (0, 7)), (8, (7, 0))]
)
def test_exif_orientation_is_applied(orientation, corner, tmp_path):
    """The white corner pixel, top left as stored, moves where the EXIF standard says."""
    image = Image.new("L", (8, 8))
    image.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", image, exif=exif)
    found = read_one(path, 8, 1)[..., 0]
    assert np.unravel_index(found.argmax(), (8, 8)) == corner


def test_large_images_are_averaged_and_cropped_at_the_centre(tmp_path):
    # A fine checkerboard is grey from afar; nearest-neighbour sampling would show black or white.
    board = np.indices((64, 64)).sum(0) % 2 * 255
    path = save(tmp_path / "board.png", Image.fromarray(board.astype(np.uint8)))
    assert read_one(path, 8, 1) == pytest.approx(0.5, abs=0.02)
    # A wide image with a green middle square: the red sides are cut off.
    wide = Image.new("RGB", (90, 30), "red")
    wide.paste((0, 255, 0), (30, 0, 60, 30))
    np.testing.assert_array_equal(
        read_one(save(tmp_path / "wide.png", wide), 5), np.tile([0.0, 1.0, 0.0], (5, 5, 1))
    )


def test_jpegs_reduced_by_the_decoder_look_the_same(tmp_path):
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    big = coarse.resize((900, 600), Image.Resampling.BICUBIC)
    jpeg = read_one(save(tmp_path / "a.jpg", big, quality=98), 24)
    png = read_one(save(tmp_path / "a.png", big), 24)
    assert abs(jpeg - png).mean() < 0.01


def test_sub_folders_are_classes_in_alphabetical_order(tmp_path):
    for name, colour in (("dog", "blue"), ("cat", "red"), ("ant", "lime")):
        for i in range(4):
            save(tmp_path / name / "deep" / f"{i}.png", Image.new("RGB", (9, 5), colour))
    (tmp_path / "empty").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    save(tmp_path / ".cache" / "x.png")
    (tmp_path / "cat" / "._0.png").write_bytes(b"macOS leaves these behind")
    assert data.class_names(tmp_path) == ["ant", "cat", "dog"]
    images, labels = load_all(tmp_path, size=4)
    assert Counter(labels.tolist()) == {0: 4, 1: 4, 2: 4}
    for label, colour in enumerate([(0, 1, 0), (1, 0, 0), (0, 0, 1)]):
        assert (images[labels == label] == colour).all()
    chosen, chosen_labels = load_all(tmp_path, size=4, classes=["dog", "ant"])
    assert (chosen[chosen_labels == 0] == (0, 0, 1)).all() and len(chosen) == 8


def test_a_flat_folder_has_one_class(tmp_path):
    for i in range(3):
        save(tmp_path / "mine" / f"{i}.webp")
    images, labels = load_all(tmp_path / "mine")
    assert images.shape == (3, 32, 32, 3) and labels.tolist() == [0, 0, 0]
    assert data.class_names(tmp_path / "mine") == ["mine"]
    assert data.load(tmp_path / "mine", channels=1)[0].shape[1:] == (32, 32, 1)


def test_train_and_test_folders_are_kept(tmp_path):
    for split, names in (("train", ("a", "b")), ("test", ("b",))):
        for name in names:
            save(tmp_path / split / name / "0.png")
    assert data.class_names(tmp_path) == ["a", "b"]
    for split, labels in (("train", [0, 1]), ("test", [1])):
        with pytest.warns(UserWarning) as caught:
            assert data.load(tmp_path, split)[1].tolist() == labels
        assert said(caught) == [f"{tmp_path}: classes in one split only: a in train."]
    expected = "'test', which is empty in '.*' for the classes 'a'"
    with pytest.raises(ValueError, match=expected), warnings.catch_warnings(action="ignore"):
        data.load(tmp_path, "test", classes=["a"])


def said(caught):
    return [str(warning.message) for warning in caught]


def fill(folder, *places):
    """Files at these places; a name that ends in "/" is an empty folder."""
    for place in places:
        if place.endswith("/"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        elif Path(place).suffix in (".png", ".jpg", ".webp"):
            save(folder / place)
        else:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text("no image")
    return folder


def split_of(folder):
    """Split -> class -> names of files, and the notes, as `load` sees them."""
    contents = folders.scan(folder)
    found = {
        split: [f"{contents.classes[label]}/{Path(path).name}" for path, label in entries]
        for split, entries in contents.files.items()
    }
    return found, [note.removeprefix(f"{folder}: ") for note in contents.notes]


CLASSES = ("train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/4.png")
AS_WRITTEN = {"train": ["a/1.png", "b/2.png"], "test": ["a/3.png", "b/4.png"]}


@pytest.mark.parametrize(
    "beside",
    [
        ("empty/",),
        ("__MACOSX/train/a/._1.png", "__MACOSX/1.png"),
        ("annotations/1.xml", "annotations/all.json", "README.txt", "test.csv", "Thumbs.db"),
        ("train/a/.ipynb_checkpoints/1-checkpoint.png", "train/c/", "val/"),
        ("train/a/@eaDir/1.jpg", "@eaDir/a/1.jpg"),
    ],
)
def test_folders_without_images_change_no_split(beside, tmp_path):
    fill(tmp_path, *CLASSES, *beside)
    assert split_of(tmp_path) == (AS_WRITTEN, [])
    assert data.class_names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING", "training"])
@pytest.mark.parametrize("test", ["test", "TEST", "Testing"])
def test_splits_go_by_the_names_that_they_have_in_the_wild(train, test, tmp_path):
    fill(tmp_path, *(p.replace("train", train).replace("test", test) for p in CLASSES))
    assert split_of(tmp_path) == (AS_WRITTEN, [])


@pytest.mark.parametrize("name", ["val", "Valid", "validation", "dev"])
def test_validation_images_are_the_test_split_or_in_none(name, tmp_path):
    one = fill(tmp_path / "one", *(place.replace("test", name) for place in CLASSES))
    assert split_of(one) == (AS_WRITTEN, [f"'{name}' is taken as the test split."])
    both = fill(tmp_path / "both", *CLASSES, f"{name}/a/5.png")
    assert split_of(both) == (AS_WRITTEN, [f"'{name}' is left out of both splits."])


def test_a_train_folder_alone_is_read_as_the_folder(tmp_path):
    note = "no test images beside 'Train': about one in six of its images is of the test split."
    places = [f"{name}/{i}.png" for name in "ab" for i in range(6)]
    plain = fill(tmp_path / "plain", *places)
    alone = fill(tmp_path / "alone", *(f"Train/{place}" for place in places), "test/", "x/y.txt")
    found, notes = split_of(alone)
    assert (found, notes) == (split_of(plain)[0], [note])
    assert min(map(len, found.values())) >= 2
    # Kaggle's archives often hold the folder once more.
    flat = fill(tmp_path / "flat", *(f"train/train/{i}.png" for i in range(6)))
    assert data.class_names(flat) == ["train"] and len(split_of(flat)[1]) == 2


def test_splits_can_hold_images_without_classes(tmp_path):
    fill(tmp_path / "mine", "train/1.png", "train/2.png", "test/3.png")
    expected = {"train": ["mine/1.png", "mine/2.png"], "test": ["mine/3.png"]}
    assert split_of(tmp_path / "mine") == (expected, [])


@pytest.mark.parametrize(
    "places, message",
    [
        (
            ("train/1.png", "test/2.png", "cat/3.png"),
            "splits or classes, not both; received 'FOLDER' with the split 'train' beside 'cat':"
            " move"
            " the classes into the splits, move away what is neither, or rename what is no split.",
        ),
        (
            ("bus/1.png", "car/2.png", "test/3.png"),
            "splits or classes, not both; received 'FOLDER' with the split 'test' beside 'bus':"
            " move"
            " the classes into the splits, move away what is neither, or rename what is no split.",
        ),
        (
            ("test/a/1.png",),
            "training images where it holds splits; received 'FOLDER' with 'test' and no"
            " 'train': add"
            " that, or pass 'FOLDER/test' itself.",
        ),
        (
            ("val/a/1.png", "test/a/1.png", "train/a/1.txt"),
            "training images where it holds splits; received 'FOLDER' with 'test' and no"
            " 'train': add"
            " that, or pass 'FOLDER/test' itself.",
        ),
        (
            ("train/1.png", "training/2.png", "test/3.png"),
            "one folder for a split; received 'FOLDER' with 'train' and 'training': put them into"
            " one.",
        ),
        (
            ("train/1.png", "dev/2.png", "valid/3.png"),
            "one folder for a split; received 'FOLDER' with 'dev' and 'valid': put them into one.",
        ),
        (
            ("train/a/1.png", "test/2.png"),
            "classes in both splits or in none; received 'FOLDER', where only one of 'train' and"
            " 'test' has sub-folders.",
        ),
        (
            ("train/a/1.png", "test/a/2.png", "3.png"),
            "images or sub-folders with images, not both; received 'FOLDER' with '3.png' beside the"
            " sub-folder 'test'.",
        ),
        (
            ("train/a/1.png", "train/2.png", "test/a/3.png"),
            "images or sub-folders with images, not both; received 'FOLDER/train' with '2.png'"
            " beside"
            " the sub-folder 'a'.",
        ),
        (
            ("seg_train/a/1.png", "seg_test/a/2.png", "seg_pred/3.png"),
            "splits of the names 'train' and 'test'; received 'FOLDER' with 'seg_test' and"
            " 'seg_train': rename them.",
        ),
        (
            ("training_set/1.png", "test_set/2.png"),
            "splits of the names 'train' and 'test'; received 'FOLDER' with 'test_set' and"
            " 'training_set': rename them.",
        ),
        (
            ("train2017/1.png", "Val2017/2.png"),
            "splits of the names 'train' and 'test'; received 'FOLDER' with 'Val2017' and"
            " 'train2017': rename them.",
        ),
        (
            ("photos/train/a/1.png", "photos/val/a/2.png"),
            "splits above the classes; received 'FOLDER' with splits inside 'photos': move them up,"
            " or pass 'FOLDER/photos' itself.",
        ),
        (
            ("cat/train/1.png", "cat/test/2.png", "dog/train/3.png"),
            "splits above the classes; received 'FOLDER' with splits inside 'cat': move them up, or"
            " pass 'FOLDER/cat' itself.",
        ),
        (
            ("a\nb/1.png", "c/2.png"),
            "sub-folders whose names are text of one line; received 'FOLDER' with 'a\\nb':"
            " rename it.",
        ),
        (
            ("a.bmp", "b/c.HEIC"),
            "PNG, JPEG or WebP images; received 'FOLDER', which holds none (2 files passed over:"
            " a.bmp, b/c.HEIC; PNG, JPEG and WebP are read).",
        ),
    ],
)
def test_what_could_be_meant_in_two_ways_is_refused(places, message, tmp_path):
    fill(tmp_path, *places)
    for act in (data.class_names, data.load):
        with pytest.raises(ValueError) as error:
            act(tmp_path)
        assert str(error.value) == "`name_or_folder` must hold " + message.replace(
            "FOLDER", str(tmp_path)
        )


@pytest.mark.parametrize(
    "names", [("bus", "steam_train"), ("Device", "device"), ("valley", "dev0")]
)
def test_classes_may_be_called_nearly_like_a_split(names, tmp_path):
    if len({name.lower() for name in names}) == 1 and sys.platform != "linux":
        pytest.skip("this disk may not tell capitals apart")
    fill(tmp_path, *(f"{name}/{i}.png" for name in names for i in range(2)))
    assert data.class_names(tmp_path) == sorted(names)


TOPS = ("train", "Test", "val", "a", "b", "seg_train", "e\u0301", "\u00e9", "__MACOSX", ".x")
odd_folders = st.lists(
    st.tuples(
        st.sampled_from(TOPS),
        st.sampled_from(("", *TOPS)),
        st.sampled_from(("1.png", "2.JPG", "3.jfif", "4.gif", "5.txt")),
    ).map(lambda parts: "/".join(filter(None, parts))),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)  # a busy disk is no fault
@given(odd_folders)
def test_classes_and_labels_agree_in_every_folder(places):
    """Either all of it is refused in one line, or classes, labels and splits fit together."""
    with tempfile.TemporaryDirectory() as folder:
        for place in places:
            Path(folder, place).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, place).touch()
        try:
            contents = folders.scan(Path(folder))
        except ValueError as error:
            assert "\n" not in str(error)
            with pytest.raises(ValueError, match=re.escape(str(error))):
                data.class_names(folder)
            return
        assert data.class_names(folder) == contents.classes == sorted(set(contents.classes))
        both = contents.files["train"] + contents.files["test"]
        assert {label for _, label in both} == set(range(len(contents.classes)))
        paths = [path for path, _ in both]
        assert len(set(paths)) == len(paths)
        # A train folder alone gives both splits, and a note says so.
        alone = any("no test images beside" in note for note in contents.notes)
        for split, other in (("train", "test"), ("test", "train")):
            tops = {
                os.path.relpath(p, folder).split(os.sep)[0].lower()
                for p, _ in contents.files[split]
            }
            assert alone or contents.files[other] == [] or tops != {other}
        for path, label in both:
            names = [unicodedata.normalize("NFC", part) for part in Path(path).parts[:-1]]
            assert contents.classes[label] in names


def test_accents_make_one_class_on_every_system(tmp_path):
    fill(tmp_path, "train/\u00e9/1.png", "test/e\u0301/2.png")  # the second as macOS writes it
    assert split_of(tmp_path) == ({"train": ["\u00e9/1.png"], "test": ["\u00e9/2.png"]}, [])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_that_are_no_text(tmp_path):
    odd = os.fsdecode(b"caf\xe9")
    for i in range(4):
        save(tmp_path / "a" / f"{odd}{i}.png")
    assert len(load_all(tmp_path)[0]) == 4
    (tmp_path / "a").rename(tmp_path / odd)
    with pytest.raises(
        ValueError, match=r"text of one line; received .* with 'caf\\udce9': rename"
    ):
        data.load(tmp_path)


def test_files_that_are_passed_over_are_counted_once(tmp_path):
    fill(
        tmp_path,
        *(f"cat/{i}.png" for i in range(4)),
        "cat/captions.csv",
        "cat/Thumbs.db",
        ".DS_Store",
        "README",
        "notes.txt",
        "cat/labels.json",
        "cat/1.xml",
    )
    with warnings.catch_warnings(action="error"):
        load_all(tmp_path)
    fill(tmp_path, "cat/a.bmp", "cat/B.GIF", "c.tiff")
    with pytest.warns(UserWarning) as caught:
        data.load(tmp_path)
    text = f"{tmp_path}: 3 files passed over: c.tiff, cat/B.GIF, cat/a.bmp; PNG, JPEG and WebP are"
    assert said(caught) == [f"{text} read."]
    (tmp_path / "cat" / "line\nbreak.heic").touch()
    (tmp_path / "cat" / ("x" * 240 + ".svg")).touch()
    assert folders.scan(tmp_path).notes == [
        f"{tmp_path}: 5 files passed over: c.tiff, cat/B.GIF, cat/a.bmp and 2 more; PNG, JPEG and"
        " WebP are read."
    ]
    (tmp_path / "c.tiff").unlink()
    (tmp_path / "cat" / "B.GIF").unlink()
    (note,) = folders.scan(tmp_path).notes
    assert "cat/a.bmp, 'cat/line\\nbreak.heic', cat/xxx" in note and len(note) < 400


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "pjpeg", "JFIF"])
def test_jpegs_have_many_suffixes(suffix, tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.{suffix}", format="JPEG")
    assert len(load_all(tmp_path)[0]) == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_links_to_files_are_read_and_those_to_nothing_told(tmp_path):
    fill(tmp_path / "in", "cat/1.png", "cat/2.png")
    save(tmp_path / "out" / "x.png")
    (tmp_path / "in" / "cat" / "link.png").symlink_to(tmp_path / "out" / "x.png")
    (tmp_path / "in" / "cat" / "self.png").symlink_to("self.png")
    (tmp_path / "in" / "cat" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "in" / "cat" / "more").symlink_to(tmp_path / "out")
    os.mkfifo(tmp_path / "in" / "cat" / "pipe.png")  # opening it would wait for ever
    found, (note,) = split_of(tmp_path / "in")
    assert sorted(found["train"] + found["test"]) == ["cat/1.png", "cat/2.png", "cat/link.png"]
    assert note == (
        "4 files passed over: cat/gone.png (a broken link, or no file), cat/more (a link to a"
        " folder), cat/pipe.png (a broken link, or no file) and 1 more; PNG, JPEG and WebP are"
        " read."
    )


def test_a_folder_that_cannot_be_opened_is_told(tmp_path, monkeypatch):
    fill(tmp_path, "cat/1.png", "cat/2.png", "secret/3.png")
    scandir = os.scandir

    def refusing(path):  # as the system does, but for root too
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert data.class_names(tmp_path) == ["cat"]
    assert folders.scan(tmp_path).notes == [
        f"{tmp_path}: 1 file passed over: secret (a folder that cannot be opened); PNG, JPEG and"
        " WebP are read."
    ]
    with pytest.raises(ValueError, match=r"holds none \(1 file passed over: \. \(a folder that"):
        data.load(tmp_path / "secret")


# --- memory ---------------------------------------------------------------------------------


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    fill(tmp_path, *(f"train/{i}.png" for i in range(3)), "test/1.png")
    asked = []
    monkeypatch.setattr(decode, "read_image", lambda *image: asked.append(image))
    monkeypatch.setattr(decode, "to_8_bit", lambda *image: asked.append(image))
    monkeypatch.setattr(selection, "total_and_free", lambda: (64e9, 31_457_279))
    with pytest.raises(MemoryError) as error:  # 3 x 1448 x 1448 x 1 values, of 1 + 4 bytes
        data.load(tmp_path, size=1449, channels=1)
    assert str(error.value) == (
        "`size` must be so small that the images fit into memory; received 1449, at which 3 images"
        " of 1 channel need 0.0315 GB where 0.0315 GB are free: lower `size`, take fewer"
        " `classes`, or"
        " grey images (channels=1)."
    )
    monkeypatch.setattr(selection, "total_and_free", lambda: (64e9, 7.9e9))
    message = "received 2048, at which 3,330 images of 3 channels need 210 GB where 7.9 GB are"
    with pytest.raises(MemoryError, match=message):
        data.load("glyphs", "test", size=2048, channels=3)
    assert asked == []
    assert data.load("glyphs", "test", classes=["A"])[0].shape == (333, 28, 28, 1)


@pytest.mark.parametrize(
    "free, fits", [(5 * 2 * 16 * 16 * 3, True), (5 * 2 * 16 * 16 * 3 - 1, False), (None, True)]
)
def test_the_estimate_is_that_of_the_peak(free, fits, tmp_path, monkeypatch):
    fill(tmp_path, "train/1.png", "train/2.png", "test/3.png")
    monkeypatch.setattr(selection, "total_and_free", lambda: (None, free))
    if fits:
        assert data.load(tmp_path, size=16)[0].shape == (2, 16, 16, 3)
    else:
        with pytest.raises(MemoryError, match="2 images of 3 channels"):
            data.load(tmp_path, size=16)


def test_the_memory_estimate_is_what_loading_takes(tmp_path):
    """tracemalloc counts what NumPy allocates: at most the estimate, and most of it."""
    fill(tmp_path, *(f"train/{i}.png" for i in range(40)), "test/1.png")
    tracemalloc.start()
    images, _ = data.load(tmp_path, size=128)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert images.size == 40 * 128 * 128 * 3
    assert 0.98 <= peak / (5 * images.size) <= 1.1


def test_memory_is_that_of_the_smallest_control_group(tmp_path, monkeypatch):
    meminfo, own = tmp_path / "meminfo", tmp_path / "own"
    meminfo.write_text("MemTotal:  8000 kB\nMemFree: 1 kB\nMemAvailable:  5000 kB\n")
    for name, value in (("MEMINFO", meminfo), ("OWN_GROUPS", own), ("GROUPS", tmp_path)):
        monkeypatch.setattr(memories, name, str(value))
    assert memories.total_and_free() == (8_192_000, 5_120_000)  # no control groups

    def group(place, limit, used, cache, version="2"):
        names = {
            "2": ("memory.max", "memory.current"),
            "1": ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        }[version]
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        texts = (limit, used, f"anon 5\ninactive_file {cache}")
        for name, text in zip((*names, "memory.stat"), texts, strict=True):
            (tmp_path / place / name).write_text(f"{text}\n")

    own.write_text("0::/jobs/mine\n")
    group("jobs/mine", "max", 100, 0)
    assert memories.total_and_free() == (8_192_000, 5_120_000)
    group("jobs", 6_000_000, 4_000_000, 1_000_000)  # a limit of the parent binds too
    assert memories.total_and_free() == (6_000_000, 3_000_000)
    group(".", 4_000_000, 3_500_000, 0)  # what a container sees as the top
    assert memories.total_and_free() == (4_000_000, 500_000)
    own.write_text("5:cpu:/\n4:memory:/docker/ab\n0::/\n")
    group("memory/docker/ab", 2_000_000, 3_000_000, 0, "1")
    assert memories.total_and_free() == (2_000_000, 0)
    meminfo.unlink()
    assert memories.total_and_free() == (None, None)


def test_folders_that_cannot_be_meant_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must hold PNG, JPEG or WebP images; .* holds none"):
        data.load(tmp_path)
    save(tmp_path / "loose.png")
    with pytest.raises(ValueError, match="`split` must be one that has images; received 'te"):
        data.load(tmp_path, "test")  # one image cannot be in both splits
    save(tmp_path / "cat" / "0.png")
    with pytest.raises(ValueError, match="not both; received .* 'loose.png' beside .* 'cat'"):
        data.load(tmp_path)


def test_links_to_folders_are_not_followed(tmp_path):
    for i in range(4):
        save(tmp_path / "cat" / f"{i}.png")
    (tmp_path / "cat" / "loop").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "cat")
    assert data.class_names(tmp_path) == ["cat"]
    with pytest.warns(UserWarning, match=r"2 files .*: again \(a link to a folder\), cat/loop \("):
        assert len(load_all(tmp_path)[0]) == 4


def broken_folder(folder):
    """Six good images, and five that fail in five ways."""
    for i in range(12):
        save(folder / f"{i}.png")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for suffix in ("png", "jpg"):
        path = save(folder / f"short.{suffix}", Image.fromarray(noise))
        path.write_bytes(path.read_bytes()[:2000])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("<html>404 not found</html>")
    buffer = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(buffer, "PNG")  # 12 kB that unfold to 100 megapixels
    (folder / "bomb.png").write_bytes(buffer.getvalue())
    return {"short.png", "short.jpg", "empty.png", "text.jpg", "bomb.png"}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_unreadable_files_are_listed_in_one_error(tmp_path):
    names = broken_folder(tmp_path)
    listed = set()
    for split in ("train", "test"):
        part = {Path(path).name for path, _ in folders.scan(tmp_path).files[split]} & names
        if part:
            with pytest.raises(ValueError, match=rf"^{len(part)} of \d+ images cannot") as error:
                data.load(tmp_path, split)
            listed |= {name for name in names if name in str(error.value)}
    assert listed == names


def test_unreadable_files_are_skipped_with_one_counted_warning(tmp_path):
    names = broken_folder(tmp_path)
    total = 0
    for split in ("train", "test"):
        bad = [p for p, _ in folders.scan(tmp_path).files[split] if Path(p).name in names]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            images, labels = data.load(tmp_path, split, on_error="skip")
        ours = [w for w in caught if w.category is UserWarning]
        assert len(ours) == bool(bad)
        if bad:
            assert re.match(rf"Skipped {len(bad)} of \d+ images", str(ours[0].message))
        assert len(images) == len(labels)
        total += len(images)
    assert total == 12


def test_the_list_of_unreadable_files_is_one_line(tmp_path):
    (tmp_path / ("long" * 50 + ".png")).touch()
    (tmp_path / "a\nb.png").touch()
    files = [(path, 0) for path in sorted(tmp_path.iterdir())]
    with pytest.raises(ValueError, match="^2 of 2 images cannot be read: ") as error:
        decode.read(files, 8, 3, "raise")
    assert "\n" not in str(error.value) and len(str(error.value)) < 1000
    assert r"a\nb.png' (UnidentifiedImageError: cannot identify" in str(error.value)


def test_only_unreadable_files_are_an_error_even_when_skipping(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.png").write_text("no image")
    with pytest.raises(ValueError, match="images cannot be read"):
        data.load(tmp_path, on_error="skip")


def test_the_split_is_the_documented_hash():
    """Digits of `printf cat/N.png | sha256sum`; below 2aaa.. (a sixth of ffff..) is test."""
    keys = ["cat/5.png", "cat/6.png", "cat/7.png", "cat/8.png"]  # 2da9, cf5b, 2572, 04de
    assert folders.choose_test(keys) == [False, False, True, True]


paths = st.sets(st.text("abc/é0", min_size=1, max_size=8), min_size=2, max_size=30)


@given(paths, paths)
def test_adding_files_moves_no_other(old, new):
    old, both = sorted(old), sorted(old | new)
    before = dict(zip(old, folders.choose_test(old), strict=True))
    after = dict(zip(both, folders.choose_test(both), strict=True))
    moved = [key for key in old if before[key] != after[key]]
    # Only a file that had been moved to fill an empty split goes back.
    assert len(moved) <= 1
    assert any(before.values()) and not all(before.values())


def test_about_a_sixth_is_for_testing():
    share = np.mean(folders.choose_test([f"class/{i}.jpg" for i in range(6000)]))
    assert share == pytest.approx(1 / 6, abs=0.02)  # four standard deviations


# --- the builder ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def builder():
    path = ROOT / "data" / "make_glyphs.py"
    spec = importlib.util.spec_from_file_location("make_glyphs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_builder_reduces_to_20_of_28_pixels_by_area(builder):
    tall = builder.reduce(Image.new("L", (100, 200), 255)).astype(float) / 255
    assert tall.shape == (28, 28)
    assert tall.sum() == pytest.approx(20 * 10, rel=0.02)
    assert tall[4:24, 9:19].min() > 0.98 and tall[:4].max() == tall[24:].max() == 0
    wide = builder.reduce(Image.new("L", (300, 30), 255)).astype(float) / 255
    assert wide.sum() == pytest.approx(20 * 2, rel=0.02)


@pytest.mark.parametrize(
    "family, design",
    [
        ("Roboto Slab", "roboto"),
        ("TeX Gyre Heros", "heros"),
        ("IBM Plex Mono", "plex"),
        ("GFS Didot", "didot"),
        ("QTBasker", "basker"),
        ("Go", "go"),
        ("CMU Serif", "cmu serif"),
    ],
)
def test_builder_finds_the_design_in_a_family_name(family, design, builder):
    assert builder.design(family) == design


def test_builder_keeps_one_of_each_near_duplicate(builder):
    rng = np.random.default_rng(0)
    faces = rng.integers(40, 200, (3, 7840)).astype(np.uint8)
    near = faces + np.uint8(builder.DUPLICATE * 255 - 1)  # every pixel a little lighter
    far = faces + np.uint8(builder.DUPLICATE * 255 + 1)
    both = np.concatenate([faces, near])
    assert builder.drop_duplicates(builder.squared_distances(both, both)).tolist() == [0, 1, 2]
    both = np.concatenate([faces, far])
    assert len(builder.drop_duplicates(builder.squared_distances(both, both))) == 6


def test_builder_keeps_lookalikes_on_one_side(builder):
    """Families a and b have a face in common, b and c another: one group.  d looks like none."""
    rng = np.random.default_rng(0)
    shared, other, alone = rng.integers(40, 200, (3, 7840)).astype(np.uint8)
    faces = np.stack([shared, shared + np.uint8(5), other, other + np.uint8(5), alone])
    families = np.array(["a", "b", "b", "c", "d"])
    groups = builder.group_lookalikes(families, builder.squared_distances(faces, faces))
    assert len(set(groups[:4])) == 1 and groups[4] != groups[0]


def test_builder_writes_the_same_bytes_for_the_same_arrays(builder):
    arrays = {"x": np.arange(5), "family": np.array(["a", "bc"])}
    content = builder.npz_bytes(arrays)
    assert content == builder.npz_bytes({name: array.copy() for name, array in arrays.items()})
    entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(io.BytesIO(content), allow_pickle=False) as back:
        assert back["family"].tolist() == ["a", "bc"]


def test_what_looks_odd_but_is_right_is_read(tmp_path):
    """Animated, CMYK, 16-bit, a name in Japanese of 200 bytes: no reason to refuse."""
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "animated.webp", save_all=True, append_images=frames[1:])
    Image.new("CMYK", (20, 20)).save(tmp_path / "cmyk.jpg")
    Image.fromarray(np.full((20, 20), 40_000, "uint16")).save(tmp_path / "deep.png")
    Image.new("L", (20, 20)).save(tmp_path / ("猫" * 60 + ".png"))
    count = sum(len(data.load(tmp_path, split)[0]) for split in ("train", "test"))
    assert count == 4


# --- sources --------------------------------------------------------------------------------------


def test_sources_of_glyphs_are_the_families(glyphs):
    found = data.sources("glyphs", "test")
    assert found.dtype == np.int32 and found.shape == (3330,)
    families = glyphs["family_test"]
    assert len(set(found)) == len(set(zip(found, families, strict=True))) == len(set(families))
    few = data.sources("glyphs", "test", classes=["C", "A"])
    rows = np.isin(glyphs["y_test"], [0, 2])
    assert (
        len({*zip(few, families[rows], strict=True)}) == len(set(families[rows])) == len(set(few))
    )
    assert data.source_kind("glyphs") == "typeface family"


def test_sources_of_a_folder_are_told_by_sub_folders_or_names(tmp_path):
    names = ["cat/ada/1.png", "cat/ada/2.png", "cat/bob__1.png", "cat/x.png"]
    names += ["dog/y.png", "dog/bob__9.png", "dog/ada/old/7.png"]
    for split in ("train", "test"):
        for name in names:
            path = tmp_path / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 8)).save(path)
    found = data.sources(tmp_path, "test")
    images, labels = data.load(tmp_path, "test", size=8)
    assert len(found) == len(images) == 7
    ada, bob, x, y = found[0], found[2], found[3], found[labels == 1][-1]
    assert found.tolist() == [ada, ada, bob, x, ada, bob, y] and len({ada, bob, x, y}) == 4
    assert data.sources(tmp_path, "test", classes=["dog"]).shape == (3,)


def test_sources_follow_what_is_skipped_and_are_none_where_nothing_tells(tmp_path):
    for name in ("a/u__1.png", "a/u__2.png", "a/v__1.png", "a/v__2.png", "b/v__3.png"):
        for split in ("train", "test"):
            path = tmp_path / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 8)).save(path)
    (tmp_path / "train/a/u__1.png").write_bytes(b"broken")
    with pytest.warns(UserWarning, match="Skipped 1 of 5"):
        _, labels = data.load(tmp_path, on_error="skip")
    found = data.sources(tmp_path, on_error="skip")
    assert len(found) == len(labels) == 4 and found.tolist() == [0, 1, 1, 1]
    assert data.sources(tmp_path, classes=["b"]).tolist() == [0]
    for path in tmp_path.rglob("*.png"):
        path.rename(path.with_name(path.name.replace("__", "-")))
    assert data.sources(tmp_path) is None
    with pytest.raises(ValueError, match="`split` must be 'train' or 'test'; received 'val'"):
        data.sources(tmp_path, "val")
