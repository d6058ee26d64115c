"""Folders are decoded once: what is cached, when it is not good any more, and who may write it."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import BARE

from gentut import data
from gentut.data import cache, decode
from gentut.data import folder as folders


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("GENTUT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def photos(tmp_path):
    return fill(tmp_path / "photos", 6)


@pytest.fixture
def counted(monkeypatch):
    """The files that are decoded, in a list that grows."""
    seen, real = [], decode.read_image

    def read_image(path, *options):
        seen.append(Path(path).name)
        return real(path, *options)

    monkeypatch.setattr(decode, "read_image", read_image)
    return seen


def fill(folder, count, size=(12, 10)):
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("cats", "dogs"):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (*size, 3), dtype="uint8")
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")
    return folder


def files(place, suffix="*"):
    return sorted(path.suffix for path in place.glob(suffix))


def test_bytes_are_those_of_load_and_lie_in_a_file(photos, place):
    lines = []
    images, labels = data.load_bytes(photos, size=8, say=lines.append)
    floats, same = data.load(photos, size=8)
    assert isinstance(images, np.memmap) and not images.flags.writeable
    np.testing.assert_array_equal(images, np.rint(255 * floats).astype("uint8"))
    np.testing.assert_array_equal(labels, same)
    (line,) = lines  # 12 images of 8 x 8 x 3
    assert line.startswith(f"{photos}: decoding 12 train images into {place}/photos-8x8x3-")
    assert "(0.1 MB; gentut data --clear removes it)" in line
    assert files(place) == [".json", ".npy"]


def test_what_is_decoded_is_not_decoded_again(photos, counted, place):
    first = data.load_bytes(photos, size=8)[0]
    assert len(counted) == 12
    told = []
    again = data.load_bytes(photos, size=8, say=told.append)[0]
    np.testing.assert_array_equal(first, again)
    assert len(counted) == 12 and told == []
    data.load_bytes(photos, "test", size=8)
    data.load_bytes(photos, size=9)
    data.load_bytes(photos, size=8, pad=True)
    assert len(counted) == 48 and files(place, "*.npy") == [".npy"] * 4


@pytest.mark.parametrize("change", ["touch", "new", "gone", "renamed"])
def test_a_folder_that_changes_is_decoded_anew_and_what_it_was_is_dropped(photos, place, change):
    data.load_bytes(photos, size=8)
    old = set(place.iterdir())
    one = photos / "train" / "cats" / "0.png"
    if change == "touch":
        os.utime(one, ns=(0, 0))
    elif change == "new":
        Image.new("RGB", (9, 9), "red").save(one.with_name("new.png"))
    elif change == "gone":
        one.unlink()
    else:
        one.rename(one.with_name("other.png"))
    images, _ = data.load_bytes(photos, size=8)
    np.testing.assert_array_equal(images, np.rint(255 * data.load(photos, size=8)[0]))
    assert files(place) == [".json", ".npy"] and not old & set(place.iterdir())


def test_classes_and_their_labels(photos):
    images, labels = data.load_bytes(photos, size=8, classes=["dogs"])
    floats, same = data.load(photos, size=8, classes=["dogs"])
    np.testing.assert_array_equal(images, np.rint(255 * floats))
    np.testing.assert_array_equal(labels, same)
    assert set(labels) == {0}


def test_off_decodes_into_memory(photos, place, monkeypatch, counted):
    monkeypatch.setenv("GENTUT_CACHE", "off")
    for _ in range(2):
        images, _ = data.load_bytes(photos, size=8)
        assert images.dtype == np.uint8 and not isinstance(images, np.memmap)
    assert len(counted) == 24 and not place.exists()


def test_named_sets_come_as_bytes_and_are_not_cached(place):
    images, labels = data.load_bytes("glyphs", "test")
    floats, same = data.load("glyphs", "test")
    assert images.dtype == np.uint8 and not place.exists()
    np.testing.assert_array_equal(images.astype("float32") / np.float32(255), floats)
    np.testing.assert_array_equal(labels, same)


@pytest.mark.parametrize("change", ["new", "gone", "renamed", "new class", "in an empty folder"])
def test_the_contents_of_a_large_folder_are_kept_until_it_changes(photos, monkeypatch, change):
    monkeypatch.setattr(folders, "MANY", 3)
    (photos / "train" / "empty").mkdir()
    for path in (photos, *photos.rglob("*")):
        os.utime(path, (1, 1))
    before = folders.scan(photos)
    assert folders.scan(photos) is before
    one = photos / "train" / "cats" / "0.png"
    if change == "new":
        shutil.copy(one, one.with_name("new.png"))
    elif change == "gone":
        one.unlink()
    elif change == "renamed":
        one.rename(one.with_name("other.png"))
    elif change == "new class":
        shutil.copytree(one.parent, photos / "train" / "birds")
    else:
        shutil.copy(one, photos / "train" / "empty" / "0.png")
    now = folders.scan(photos)
    assert now != before
    assert folders.scan(photos) is not now  # it changed just now, and may have gone on changing


# ------------------------------------------------------------------ unreadable files


def test_unreadable_images_are_told_as_without_a_cache(photos, counted):
    (photos / "train" / "cats" / "1.png").write_bytes(b"no picture")
    message = r"1 of 12 images cannot be read: .*1\.png \(UnidentifiedImageError"
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            data.load_bytes(photos, size=8)
    assert len(counted) == 13  # the second time, only the one that could not be read
    with pytest.warns(UserWarning, match="Skipped 1 of 12 images") as told:
        images, labels = data.load_bytes(photos, size=8, on_error="skip")
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="Skipped 1 of 12 images"):
        floats, same = data.load(photos, size=8, on_error="skip")
    np.testing.assert_array_equal(images, np.rint(255 * floats))
    np.testing.assert_array_equal(labels, same)
    assert len(images) == 11 and labels.tolist() == [0] * 5 + [1] * 6


def test_a_disk_that_was_away_for_a_moment_leaves_no_gap(photos, monkeypatch):
    real = decode.read_image

    def away(path, *options):
        if Path(path).name == "1.png":
            raise OSError("the network drive is away")
        return real(path, *options)

    monkeypatch.setattr(decode, "read_image", away)
    with pytest.raises(ValueError, match="2 of 12 images cannot be read.*network drive"):
        data.load_bytes(photos, size=8)
    monkeypatch.setattr(decode, "read_image", real)
    assert len(data.load_bytes(photos, size=8)[0]) == 12


def test_nothing_that_can_be_read(photos):
    for path in (photos / "train").rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="12 of 12 images cannot be read"):
        data.load_bytes(photos, size=8, on_error="skip")


# ------------------------------------------------------------------ stops, locks, faults


class Killed(BaseException):
    """Nothing in between may catch it."""


def test_who_is_killed_goes_on_where_it_was(photos, place, monkeypatch, counted):
    monkeypatch.setattr(cache, "AT_ONCE", 5)
    (photos / "train" / "cats" / "1.png").write_bytes(b"no picture")
    real, steps = cache.write_json, []

    def write_json(path, found):
        real(path, found)
        steps.append(path)
        if len(steps) == 2:
            raise Killed

    monkeypatch.setattr(cache, "write_json", write_json)
    with pytest.raises(Killed):
        data.load_bytes(photos, size=8, on_error="skip")
    assert len(counted) == 10
    (part,) = place.glob("*.part")
    with open(part, "ab") as file:  # a slice that was written, but not noted
        file.write(b"half a slice")
    monkeypatch.setattr(cache, "write_json", real)
    lines = []
    with pytest.warns(UserWarning, match="Skipped 1 of 12"):
        images, _ = data.load_bytes(photos, size=8, on_error="skip", say=lines.append)
    assert "decoding 12 train images, 10 of them already, into" in lines[0]
    assert len(counted) == 12
    with pytest.warns(UserWarning, match="Skipped 1 of 12"):
        floats, _ = data.load(photos, size=8, on_error="skip")
    np.testing.assert_array_equal(images, np.rint(255 * floats))
    assert files(place) == [".json", ".npy"]


@pytest.mark.parametrize("harm", ["shorter", "no index", "half an index", "other kind", "empty"])
def test_damaged_cache_files_are_made_again(photos, place, harm):
    expected = np.array(data.load_bytes(photos, size=8)[0])
    (images,), (index,) = place.glob("*.npy"), place.glob("*.json")
    if harm == "shorter":
        images.write_bytes(images.read_bytes()[:-1])
    elif harm == "no index":
        index.unlink()
    elif harm == "half an index":
        index.write_text(index.read_text()[:40])
    elif harm == "other kind":
        np.save(images, expected.astype("float32"))
    else:
        images.write_bytes(b"")
    np.testing.assert_array_equal(data.load_bytes(photos, size=8)[0], expected)


def _load(folder, queue):
    lines = []
    images, _ = data.load_bytes(folder, size=8, say=lines.append)
    queue.put((int(images.sum(dtype="int64")), lines))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the patched decoder is handed on by fork")
def test_two_processes_decode_once(photos, place, monkeypatch):
    """The second waits for the first, says so, and reads what the first wrote."""
    real = decode.read_image

    def slow(path, *options):
        time.sleep(0.1)
        return real(path, *options)

    monkeypatch.setattr(decode, "read_image", slow)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    both = [context.Process(target=_load, args=(photos, queue)) for _ in range(2)]
    for process in both:
        process.start()
    (first, lines), (second, others) = queue.get(timeout=60), queue.get(timeout=60)
    for process in both:
        process.join()
    assert first == second
    texts = sorted(lines + others, key=len)
    assert len(texts) == 2 and "another process is decoding" in texts[0]
    assert "decoding 12 train images" in texts[1]
    assert files(place) == [".json", ".npy"]


def test_a_process_that_is_killed_leaves_no_lock_behind(photos, place, tmp_path):
    code = (
        f"{BARE}import time; from gentut import data; from gentut.data import decode\n"
        "real = decode.read_image\n"
        "def slow(*image):\n    print('at work', flush=True); time.sleep(60)\n"
        "decode.read_image = slow\n"
        f"data.load_bytes({str(photos)!r}, size=8)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    assert cache.clear() == (0, 0)  # what is being written stays
    assert files(place, "*.part") == [".part"]
    child.kill()
    child.wait()
    assert len(data.load_bytes(photos, size=8)[0]) == 12
    assert files(place) == [".json", ".npy"]


def test_no_room_is_said_before_anything_is_decoded(photos, place, monkeypatch, counted):
    usage = type("Usage", (), {"free": 2_000})
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(
        OSError, match=r"must have room for 0\.1 MB of images; 0\.1 MB are free: free"
    ):
        data.load_bytes(photos, size=8)
    assert counted == [] and not place.exists()


def test_a_place_that_cannot_be_written_is_named(photos, place, counted):
    place.write_text("a file")
    with pytest.raises(
        OSError, match=r"the cache .*cache' must be a folder that can be written to"
    ):
        data.load_bytes(photos, size=8)
    assert counted == []


# ------------------------------------------------------------------ what is there, and clearing


def test_entries_and_clear(photos, place):
    assert cache.entries() == [] and cache.clear() == (0, 0)
    data.load_bytes(photos, size=8)
    data.load_bytes(photos, "test", size=8)
    (place / "notes.txt").write_text("not ours")
    sizes = [size for _, size in cache.entries()]
    assert sorted(told for told, _ in cache.entries()) == [
        f"{photos}, test, 8x8x3",
        f"{photos}, train, 8x8x3",
    ]
    assert sizes == [128 + 12 * 8 * 8 * 3] * 2
    count, total = cache.clear()
    assert count == 2 and sum(sizes) < total < sum(sizes) + 2_000
    assert [path.name for path in place.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("system", "platform", "variables", "expected"),
    [
        ("posix", "linux", {"GENTUT_CACHE": "/x/y"}, "/x/y"),
        ("posix", "linux", {"XDG_CACHE_HOME": "/x"}, "/x/gentut/images"),
        ("posix", "linux", {"HOME": "/h"}, "/h/.cache/gentut/images"),
        ("posix", "darwin", {"HOME": "/h"}, "/h/Library/Caches/gentut/images"),
        ("nt", "win32", {"LOCALAPPDATA": "/l"}, "/l/gentut/images"),
        ("posix", "linux", {"GENTUT_CACHE": "OFF"}, None),
    ],
)
def test_the_place_follows_the_system(monkeypatch, system, platform, variables, expected):
    for name in ("GENTUT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    fake = type("os", (), {"name": system, "environ": os.environ})
    monkeypatch.setattr(cache, "os", fake)
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert cache.place() == (None if expected is None else Path(expected))


# ------------------------------------------------------------------ fingerprints


def test_a_fingerprint_is_of_the_pixels_however_they_are_held(photos, place, monkeypatch):
    images, labels = data.load_bytes(photos, size=8)
    floats, _ = data.load(photos, size=8)
    found = {data.fingerprint(x, labels) for x in (images, np.array(images), floats)}
    assert len(found) == 1
    assert data.fingerprint(images[1:], labels[1:]) not in found
    assert data.fingerprint(images, labels[::-1]) not in found
    assert data.fingerprint(images[::-1], labels) not in found
    changed = np.array(images)
    changed[3, 4, 5, 0] ^= 1
    assert data.fingerprint(changed, labels) not in found


def test_the_fingerprint_of_a_cache_file_is_not_computed_again(photos, monkeypatch):
    images, labels = data.load_bytes(photos, size=8)
    expected = data.fingerprint(np.array(images), labels)
    monkeypatch.setattr(cache, "_digest", None)
    assert data.fingerprint(images, labels) == expected


# ------------------------------------------------------------------ rectangles


@pytest.mark.parametrize("shape", [(40, 20), (20, 40), (30, 30), (33, 7)])
def test_crop_keeps_the_middle_and_pad_keeps_all(tmp_path, shape):
    """A picture of three bands along its longer side: red, green, blue."""
    pixels = np.zeros((*shape, 3), "uint8")
    axis = int(shape[1] > shape[0])
    for channel, band in enumerate(np.array_split(np.arange(shape[axis]), 3)):
        rows = (slice(None),) * axis + (band,)
        pixels[(*rows, ..., channel)] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    size = 24
    cropped = decode.read_image(tmp_path / "a.png", size, 3)
    padded = decode.read_image(tmp_path / "a.png", size, 3, True)
    assert cropped.shape == padded.shape == (size, size, 3)
    line = padded[:, size // 2] if axis == 0 else padded[size // 2]
    assert line[0].argmax() == 0 and line[size // 2].argmax() == 1 and line[-1].argmax() == 2
    narrow = size * min(shape) / max(shape)
    across = padded[size // 2] if axis == 0 else padded[:, size // 2]
    assert abs((across != 255).any(axis=1).sum() - narrow) <= 1
    if min(shape) < max(shape):
        assert (across[0] == 255).all() and (across[-1] == 255).all()
        assert not (cropped == 255).all(axis=2).any()
    else:
        np.testing.assert_array_equal(cropped, padded)
