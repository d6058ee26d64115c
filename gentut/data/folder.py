"""Folders of the user's own images: which files, and of which class and split."""

import gc
import hashlib
import os
import re
import sys
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gentut.files import as_text

SUFFIXES = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".webp"}
# Suffixes of pictures that are not read; a warning counts them.
OTHER_PICTURES = re.compile(
    r"\.(arw|avif|bmp|cr2|cr3|dib|dng|gif|hei[cf]|ico|j2k|jp2|jxl|nef|p[bgnp]m|psd|svg|tga|tiff?)"
)
NO_IMAGES = {"__MACOSX", "@eaDir"}  # leftovers of macOS archives, and thumbnails of Synology
SPLIT_NAMES = {"train": "train", "training": "train", "test": "test", "testing": "test"} | (
    dict.fromkeys(("val", "valid", "validation", "dev"), "val")
)
SPLIT_WORD = re.compile("train(ing)?|test(ing)?|val(id(ation)?)?|dev", re.IGNORECASE)
# Control characters and halves of characters (surrogates), which break a message's line.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
TEST_SHARE = 1 / 6  # share of the test split in a folder without splits
MANY = 5_000  # images of a folder whose contents are kept
SETTLED = 2_000_000_000  # nanoseconds since its last change
NAMED = 3  # files passed over that a message names, at most


_kept = {}  # the newest folder of many images: times of the folders in it, and its contents


class Contents(NamedTuple):
    """What a folder holds."""

    classes: list  # names, in the order of the labels
    files: dict  # split -> (path, label) pairs, str and int, in the order of class and path
    notes: list  # lines that its owner should read


def scan(folder: Path) -> Contents:
    """Return the ``Contents`` of a folder; one walk gives classes and files, so that they agree.

    Of a folder of many images they are kept for as long as no folder in it changes: a command asks
    several times, and 200,000 files take seconds.
    """
    place = os.path.abspath(folder), str(folder)
    times, contents = _kept.get(place, ({}, None))
    if contents is not None and all(_time(path) == before for path, before in times.items()):
        return contents
    began = time.time_ns()
    collecting = gc.isenabled()
    gc.disable()  # it would look through hundreds of thousands of new objects again and again
    try:
        images, passed, folders = _walk(folder)
        contents = _read(folder, images, passed)
    finally:
        if collecting:
            gc.enable()
    times = {path: _time(path) for path in folders}
    _kept.clear()
    # A folder that changed just now may have changed after it was looked into.
    if len(images) > MANY and max(filter(None, times.values()), default=0) < began - SETTLED:
        _kept[place] = times, contents
    return contents


def _time(path):
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _read(folder, images, passed):
    note = ""
    if passed:
        more = f" and {len(passed) - NAMED} more" if len(passed) > NAMED else ""
        note = (
            f"{len(passed)} file{'s' * (len(passed) > 1)} passed over: {', '.join(passed[:NAMED])}"
            f"{more}; PNG, JPEG and WebP are read"
        )
    if not images:
        raise ValueError(
            "`name_or_folder` must hold PNG, JPEG or WebP images;"
            f" received {str(folder)!r}, which holds none{note and f' ({note})'}."
        )
    contents = _arrange(folder, images)
    for name in filter(CONTROL.search, contents.classes):
        raise ValueError(
            "`name_or_folder` must hold sub-folders whose names are text of one line;"
            f" received {str(folder)!r} with {shown(name)}: rename it."
        )
    notes = [*contents.notes, *filter(None, [note])]
    return contents._replace(notes=[f"{shown(str(folder))}: {note}." for note in notes])


def choose_test(keys: Sequence[str]) -> list[bool]:
    """Tell which files are of the test split: those whose hash is in the lowest sixth.

    Where that leaves a split of two or more files empty, the file with the lowest (or highest)
    hash goes over to it.
    """
    # A name that is no text has half characters (surrogates).
    digests = [hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest() for key in keys]
    hashes = [int.from_bytes(digest[:8]) / 2**64 for digest in digests]
    test = [value < TEST_SHARE for value in hashes]
    if len(keys) > 1 and not any(test):
        test[hashes.index(min(hashes))] = True
    if len(keys) > 1 and all(test):
        test[hashes.index(max(hashes))] = False
    return test


def source_of(path: str, folder: Path, class_name: str) -> str:
    """Return the source that the place of an image tells, see ``gentut.data.sources``; or ""."""
    *folders, name = _parts(path, folder)
    inside = folders[folders.index(class_name) + 1 :] if class_name in folders else []
    before, mark, _ = name.partition("__")
    return inside[0] if inside else before * bool(mark)


def keys_of(paths: Sequence[str], folder: Path) -> list[str]:
    """Return the paths of images inside a folder, the same on every system."""
    start, keys = os.path.join(folder, ""), []
    for path in paths:
        if path.startswith(start):  # the long way takes seconds for 200,000 files
            inside = path[len(start) :].replace(os.sep, "/")
            keys.append(_text(inside))
        else:
            keys.append("/".join(_parts(path, folder)))
    return keys


def _walk(folder):
    """Sorted (parts inside the folder, path) pairs of the images; what is passed over, in words;
    and the folders that were looked into.  Paths are texts: 200,000 objects would take 90 MB."""
    images, passed, every, waiting = [], [], [], [os.fspath(folder)]
    while waiting:
        parent = waiting.pop()
        inside = _parts(parent, folder)
        try:
            with os.scandir(parent) as found:
                entries = list(found)
        except OSError:
            passed.append((inside, " (a folder that cannot be opened)"))
            continue
        every.append(parent)
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if _told(entry.is_dir):  # the entry knows it, but for links: the disk is not asked
                if name in NO_IMAGES:
                    pass
                elif entry.is_symlink() or (sys.version_info >= (3, 12) and entry.is_junction()):
                    passed.append(((*inside, _text(name)), " (a link to a folder)"))
                else:
                    waiting.append(entry.path)
                continue
            suffix = name[name.rfind(".") :].lower()  # `os.path.splitext` takes longer
            if suffix in SUFFIXES:
                if _told(entry.is_file):  # a link counts as what it leads to
                    images.append(((*inside, _text(name)), entry.path))
                else:  # opening a pipe would wait for ever
                    passed.append(((*inside, _text(name)), " (a broken link, or no file)"))
            elif OTHER_PICTURES.fullmatch(suffix):
                passed.append(((*inside, _text(name)), ""))
    passed = [shown("/".join(parts) or ".") + why for parts, why in sorted(passed)]
    return sorted(images), passed, every


def _told(question):
    try:
        return question()
    except OSError:  # a link in a circle
        return False


def _arrange(folder, images):
    """``Contents`` of the images below a folder, from their places alone."""
    groups = _by_folder(folder, images)
    splits = {}
    for name in groups:
        splits.setdefault(SPLIT_NAMES.get(name.lower()), []).append(name)
    if set(splits) == {None}:
        _refuse_hidden_splits(folder, groups)
        files = {"train": [], "test": []}
        for label, name in enumerate(sorted(groups)):
            test = choose_test(["/".join(parts) for parts, _ in groups[name]])
            for (_, path), is_test in zip(groups[name], test, strict=True):
                files["test" if is_test else "train"].append((path, label))
        return Contents(_class_names(folder, groups), files, [])

    train, test, note = _chosen_splits(folder, splits)

    def inside(name):
        return [(parts[1:], path) for parts, path in groups[name]]

    if test is None:
        contents = _arrange(folder / train, inside(train))
        return contents._replace(notes=[note, *contents.notes])
    by_split = {
        "train": _by_folder(folder / train, inside(train)),
        "test": _by_folder(folder / test, inside(test)),
    }
    if ("" in by_split["train"]) != ("" in by_split["test"]):
        raise ValueError(
            "`name_or_folder` must hold classes in both splits or in none; received"
            f" {str(folder)!r}, where only one of {train!r} and {test!r} has sub-folders."
        )
    names = sorted(by_split["train"] | by_split["test"])
    files = {
        split: [(path, label) for label, n in enumerate(names) for _, path in by_name.get(n, ())]
        for split, by_name in by_split.items()
    }
    alone = [
        f"{shown(name)} in {train if name in by_split['train'] else test}"
        for name in names
        if not (name in by_split["train"] and name in by_split["test"])
    ]
    more = f" and {len(alone) - NAMED} more" if len(alone) > NAMED else ""
    notes = [note, alone and f"classes in one split only: {', '.join(alone[:NAMED])}{more}"]
    return Contents(_class_names(folder, names), files, list(filter(None, notes)))


def _by_folder(folder, images):
    """Images by the sub-folder that holds them; under "" if they lie directly in ``folder``."""
    groups = {}
    for parts, path in images:
        groups.setdefault(parts[0] if len(parts) > 1 else "", []).append((parts, path))
    if "" in groups and len(groups) > 1:
        raise ValueError(
            "`name_or_folder` must hold images or sub-folders with images, not both; received"
            f" {str(folder)!r} with {groups[''][0][0][0]!r} beside the sub-folder"
            f" {min(filter(None, groups))!r}."
        )
    return groups


def _chosen_splits(folder, splits):
    """The sub-folder of each split, and what to tell; ``splits``: sub-folders by their kind."""

    def refuse(expected, received):
        raise ValueError(
            f"`name_or_folder` must hold {expected}; received {str(folder)!r} with {received}."
        )

    kind = next(kind for kind in ("train", "test", "val") if kind in splits)
    first = splits[kind][0]
    if None in splits:
        refuse(
            "splits or classes, not both",
            f"the split {first!r} beside {splits[None][0]!r}: move the classes into the splits,"
            " move away what is neither, or rename what is no split",
        )
    if kind != "train":
        refuse(
            "training images where it holds splits",
            f"{first!r} and no 'train': add that, or pass {str(folder / first)!r} itself",
        )
    held_out = "test" if "test" in splits else "val"
    for names in (splits["train"], splits.get(held_out, ())):
        if len(names) > 1:
            refuse("one folder for a split", f"{names[0]!r} and {names[1]!r}: put them into one")
    test = splits.get(held_out, [None])[0]
    if test is None:
        note = (
            f"no test images beside {first!r}: about one in six of its images is of the test split"
        )
    elif held_out == "val":
        note = f"{test!r} is taken as the test split"
    else:
        left_out = ", ".join(map(repr, splits.get("val", ())))
        note = left_out and f"{left_out} is left out of both splits"
    return first, test, note


def _refuse_hidden_splits(folder, groups):
    """Raise where classes look like splits: images to test with would be trained with."""
    by_rest = {}
    for name in sorted(groups):
        other = by_rest.setdefault(SPLIT_WORD.sub("*", name, 1).lower(), name)
        if other.lower() != name.lower() and SPLIT_WORD.search(name):
            raise ValueError(
                "`name_or_folder` must hold splits of the names 'train' and 'test'; received"
                f" {str(folder)!r} with {other!r} and {name!r}: rename them."
            )
    for name, images in groups.items():
        below = {parts[1].lower() for parts, _ in images if len(parts) > 2}
        if {"train", "test"} <= {"test" if k == "val" else k for k in map(SPLIT_NAMES.get, below)}:
            raise ValueError(
                "`name_or_folder` must hold splits above the classes; received"
                f" {str(folder)!r} with splits inside {name!r}: move them up, or pass"
                f" {str(folder / name)!r} itself."
            )


def _class_names(folder, names):
    """Sorted sub-folders; or, if the images lie in the folder itself, its name."""
    return sorted(filter(None, names)) or [unicodedata.normalize("NFC", folder.resolve().name)]


def _parts(path, folder):
    """The parts of a path inside a folder, the same on every system (macOS splits accents)."""
    inside = os.path.relpath(path, folder)
    if inside == ".":
        return ()
    return tuple(map(_text, Path(inside).parts))


def _text(name):
    if name.isascii():  # as it should be already, and most are
        return name
    return unicodedata.normalize("NFC", as_text(name))


def shown(name: str) -> str:
    """Return a name for a message of one line."""
    name = as_text(name)
    name = name if len(name) <= 150 else f"{name[:70]}…{name[-70:]}"
    return repr(name) if CONTROL.search(name) else name
