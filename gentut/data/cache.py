"""Folders of images, decoded once: files of bytes that later commands read without decoding.

A cached split is two files, ``NAME.npy`` with the images and ``NAME.json``, its index.  The name
ends with a digest of the paths, sizes and times of the files and of how they are decoded, so that
a folder that changes is decoded anew.  While it is decoded, ``NAME.part`` holds the images so far,
and ``NAME.part.json`` says how many: who is killed goes on there.
"""

import contextlib
import hashlib
import io
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import PIL

from gentut.checks import check_entries, parts
from gentut.data.decode import AT_ONCE, decoded, tell_of_broken
from gentut.data.folder import keys_of, shown
from gentut.files import is_at, lock, read_json, write_json

VARIABLE = "GENTUT_CACHE"  # of the environment: a folder, or "off"
FORMAT = 1
EVERY = 20.0  # seconds between two lines that tell how far it is
KINDS = {"folder": str, "split": str, "images": int, "unreadable": list, "sha256": str}


def place() -> Path | None:
    """Return the folder of the cache, made or not; None if GENTUT_CACHE says "off"."""
    told = os.environ.get(VARIABLE, "")
    if told.lower() == "off":
        return None
    if told:
        return Path(told)
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "gentut" / "images"


def read(
    folder: Path,
    split: str,
    files: Sequence[tuple[str, int]],
    size: int,
    channels: int,
    pad: bool,
    on_error: str,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels of a folder's split from the cache, which is filled if need be.

    Args:
        folder: that was scanned.
        split: which files are meant, for messages and to drop what is superseded.
        files: (path, label) pairs.
        size, channels, pad: of every image, see ``gentut.data.decode.read_image``.
        on_error: "raise" or "skip", see ``gentut.data.load``.
        say: called with a line of text before something is written, and while it takes long.

    Returns:
        Images, a read-only memory map of uint8 ``(n, size, size, channels)``; labels, int32.

    Raises:
        ValueError: images cannot be read, see ``gentut.data.load``.
        OSError: the cache cannot be written.
    """
    names = keys_of([path for path, _ in files], folder)
    path = place() / _name(folder, names, files, size, channels, pad)
    options = size, channels, pad
    index = _in_order(path, files, names, options)
    if index is None:
        with _writable(path, len(files) * size**2 * channels):
            path.parent.mkdir(parents=True, exist_ok=True)
            with _held(path.with_suffix(".lock"), say):
                index = _in_order(path, files, names, options)  # of a process that was faster
                if index is None:
                    index = _build(path, folder, split, files, names, options, say)
                    _drop_superseded(path, index)
    broken = {name for name, _ in index["unreadable"]}
    tell_of_broken([text for _, text in index["unreadable"]], len(files), on_error)
    labels = [label for (_, label), name in zip(files, names, strict=True) if name not in broken]
    return np.load(path, mmap_mode="r", allow_pickle=False), np.array(labels, "int32")


def fingerprint(images: np.ndarray, labels: np.ndarray) -> str:
    """Return the SHA-256 of images, as bytes or as the floats that they stand for, and labels.

    Of a whole cache file it stands in the index, so that the images need not be read.
    """
    labels = np.ascontiguousarray(labels, "<i4")
    return _noted(images, labels) or _digest(images, labels)


def entries() -> list[tuple[str, int]]:
    """Return the cached splits: what each is of, in words, and its bytes."""
    found, cache = [], place()
    for path in sorted(cache.glob("*.npy")) if cache and cache.is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            index = read_json(path.with_suffix(".json"))
            told = f"{index.get('folder')}, {index.get('split')}, {path.stem.split('-')[-2]}"
            found.append((told, path.stat().st_size))
    return found


def clear() -> tuple[int, int]:
    """Remove what is in the cache, but for what another process is writing.

    Returns:
        How many files of images were removed, and their bytes.
    """
    count = total = 0
    cache = place()
    if cache is None or not cache.is_dir():
        return 0, 0
    for path in cache.glob("*.lock"):
        with contextlib.suppress(OSError), _held(path, wait=False):
            pass  # held by nobody: the file goes, and with it the sign that somebody writes
    for path in sorted(cache.iterdir()):
        stem, ours = path.name.partition(".")[0], path.suffix in (".npy", ".json", ".part")
        if not ours or path.with_name(f"{stem}.lock").exists():
            continue
        size, images = path.stat().st_size, path.suffix != ".json"
        with contextlib.suppress(PermissionError):  # mapped by a process, on Windows
            path.unlink()
            count, total = count + images, total + size
    return count, total


# ------------------------------------------------------------------ names and indexes


def _name(folder, names, files, size, channels, pad):
    """The name of a cache file: readable, and different for different contents."""
    digest = hashlib.sha256(repr((FORMAT, PIL.__version__, size, channels, pad)).encode())
    for name, (path, _) in zip(names, files, strict=True):
        found = os.stat(path)
        line = f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogatepass"))
    words = re.sub(r"[^A-Za-z0-9_]+", "_", folder.resolve().name)[:40] or "images"
    shape = f"{size}x{size}x{channels}{'padded' * pad}"
    return f"{words}-{shape}-{digest.hexdigest()[:20]}.npy"


def _index(path):
    """What is noted of a cache file; None if there is none, or no whole one."""
    try:
        index = read_json(path.with_suffix(".json"))
        check_entries(index, KINDS)
        if index["images"]:  # NumPy checks that the file is as long as its head says
            images = np.load(path, mmap_mode="r", allow_pickle=False)
            if images.dtype != np.uint8 or len(images) != index["images"]:
                return None
        return index
    except (OSError, ValueError, EOFError):
        return None


def _in_order(path, files, names, options):
    """The index, unless something can be read now that could not be when it was decoded."""
    index = _index(path)
    if index and index["unreadable"]:
        broken = {name for name, _ in index["unreadable"][:AT_ONCE]}
        paths = [path for (path, _), name in zip(files, names, strict=True) if name in broken]
        if any(not isinstance(found, str) for found in decoded(paths, *options)):
            return None
    return index


def _digest(images, labels):
    digest = hashlib.sha256(repr(images.shape).encode() + labels.tobytes())
    for part in parts(images):
        if part.dtype != np.uint8:
            part = np.rint(255 * part).astype("uint8")  # the pixels as they were read
        digest.update(np.ascontiguousarray(part))
    return digest.hexdigest()


def _noted(images, labels):
    """The digest in the index of the cache file that ``images`` are the whole of, or None."""
    if not isinstance(images, np.memmap) or images.filename is None or place() is None:
        return None
    path = Path(images.filename)
    whole = images.flags.c_contiguous and images.nbytes + images.offset == path.stat().st_size
    if not whole or path.parent.resolve() != place().resolve():
        return None
    index = _index(path)
    same = index and index.get("labels") == hashlib.sha256(labels).hexdigest()
    return index["sha256"] if same else None


def _drop_superseded(path, index):
    """Remove what was cached of the same split before its files changed."""
    kind = path.stem.split("-")[-2]
    for other in path.parent.glob("*.npy"):
        with contextlib.suppress(OSError, ValueError):
            found = read_json(other.with_suffix(".json"))
            same = all(found.get(key) == index[key] for key in ("folder", "split"))
            if other != path and same and other.stem.split("-")[-2] == kind:
                other.unlink()
                other.with_suffix(".json").unlink()


# ------------------------------------------------------------------ decoding


def _build(path, folder, split, files, names, options, say):
    """Decode all files into ``path``, or go on with it; the index."""
    size, channels, _ = options
    part, note = path.with_suffix(".part"), path.with_suffix(".part.json")
    head = _head((len(files), size, size, channels))
    row_bytes = size**2 * channels
    done, row, broken = _taken_up(note, part, len(head), row_bytes)
    begun = f", {done:,} of them already," if done else ""
    say(
        f"{shown(str(folder))}: decoding {len(files):,} {split} images{begun} into {path}"
        f" ({_size(len(files) * row_bytes)}; gentut data --clear removes it)"
    )
    told = time.monotonic()
    with open(part, "r+b" if done else "w+b") as file:
        file.write(head)
        file.seek(len(head) + row * row_bytes)
        file.truncate()
        paths = [path for path, _ in files]
        while done < len(files):
            some = slice(done, done + AT_ONCE)
            for name, found in zip(names[some], decoded(paths[some], *options), strict=True):
                if isinstance(found, str):
                    broken.append([name, found])
                else:
                    file.write(found.tobytes())
                    row += 1
            done = min(done + AT_ONCE, len(files))
            file.flush()
            os.fsync(file.fileno())  # before the note says that it is there
            write_json(note, {"files": done, "images": row, "unreadable": broken})
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                say(f"decoded {done:,} of {len(files):,}")
        file.seek(0)
        file.write(_head((row, size, size, channels)))
        file.flush()
        os.fsync(file.fileno())
    broken_names = {name for name, _ in broken}
    pairs = zip(files, names, strict=True)
    labels = np.array([label for (_, label), name in pairs if name not in broken_names], "<i4")
    index = {
        "folder": os.path.abspath(folder),
        "split": split,
        "images": row,
        "unreadable": broken,
        "labels": hashlib.sha256(labels).hexdigest(),
        "sha256": _digest(np.load(part, mmap_mode="r", allow_pickle=False), labels) if row else "",
    }
    os.replace(part, path)
    write_json(path.with_suffix(".json"), index)
    note.unlink(missing_ok=True)
    return index


def _head(shape):
    """The head of a ``.npy`` file of bytes; of the same length for every number of images."""
    head = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, about)
    return head.getvalue()


def _taken_up(note, part, head, row_bytes):
    """Files done, images written and what could not be read, of a process that was killed."""
    with contextlib.suppress(OSError, ValueError):
        found = read_json(note)
        check_entries(found, {"files": int, "images": int, "unreadable": list})
        if part.stat().st_size >= head + found["images"] * row_bytes:
            return found["files"], found["images"], found["unreadable"]
    return 0, 0, []


@contextlib.contextmanager
def _held(path, say=None, wait=True):
    """Hold a cache file for this process alone; wait for another one that writes it."""
    told = False
    while True:
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
        try:
            lock(file)
        except (BlockingIOError, PermissionError):
            file.close()
            if not wait:
                raise
            if not told:
                say("another process is decoding these images: waiting for it")
                told = True
            time.sleep(0.2)
            continue
        except OSError:  # a file system without locks
            break
        if os.name == "nt" or is_at(file, path):
            break
        file.close()  # its holder removed it between our opening and locking it
    try:
        yield
    finally:
        if os.name == "nt":
            file.close()
            with contextlib.suppress(OSError):
                path.unlink()
        else:  # removed while it is held, so that nobody waits for a file that has gone
            path.unlink(missing_ok=True)
            file.close()


@contextlib.contextmanager
def _writable(path, needed):
    """Say in one line what is in the way of the cache, and the ways around it."""
    advice = (
        f"let the environment variable {VARIABLE} name another folder, or be 'off' (--no-cache) to"
        " decode into memory"
    )
    try:
        known = next(folder for folder in path.parents if folder.is_dir())
        so_far = path.with_suffix(".part")
        free = shutil.disk_usage(known).free
        free += so_far.stat().st_size if so_far.is_file() else 0
        if needed > free:
            raise OSError(
                f"the cache {str(path.parent)!r} must have room for {_size(needed)} of images;"
                f" {_size(free)} are free: free some, {advice}."
            )
        yield
    except OSError as error:
        if not error.errno:
            raise
        raise OSError(
            f"the cache {str(path.parent)!r} must be a folder that can be written to: "
            f"{error.strerror}; {advice}."
        ) from error


def _size(count):
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{max(count / 1e6, 0.1):.3g} MB"
