"""Files that are written whole or not at all, JSON that is read with suspicion, locks, and arrays
that lie in files.
"""

import json
import mmap
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

if os.name == "nt":
    import msvcrt
else:
    import fcntl

PART = 1 << 26  # bytes of an array that are read at once, and of a memory map that stay resident
AT_ONCE = 512  # rows that are taken of a memory map before it is asked whether that is much
AROUND = 1 << 16  # bytes that Linux maps around one that is read


def as_text(name: str) -> str:
    """Return a file's name with its bytes read as UTF-8, as far as they are.

    Where the locale is C and Python's UTF-8 mode is off, names of files come as bytes, each a half
    character (a surrogate).
    """
    return re.sub("[\udc80-\udcff]+", _decoded, name)


def _decoded(found):
    return found[0].encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def read_json(path: str | os.PathLike) -> dict:
    """The object in a JSON file.

    Raises:
        ValueError: it holds no JSON, or something other than an object.
        OSError: it cannot be read.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError as error:  # brackets in brackets, thousands deep
        raise ValueError(str(error)) from error
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}, not an object")
    return found


def write_json(path: str | os.PathLike, found: Mapping[str, object]) -> Path:
    """Write an object as JSON for people too, one entry a line; see `write_atomically`."""
    return write_atomically(path, json.dumps(found, indent=2) + "\n")


def write_atomically(
    path: str | os.PathLike, content: str | bytes | memoryview, durable: bool = False
) -> Path:
    """Write text (as UTF-8) or bytes so that a reader never meets half of the file.

    `durable`: wait until it is on the disk, where it survives a loss of power too.

    Returns: the path.

    Raises:
        FileNotFoundError: the folder is missing.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"`path` must lie in an existing folder; received {str(path)!r}.")
    if isinstance(content, str):  # the name of a user's folder can hold bytes that are no text
        content = as_text(content).encode("utf-8", "backslashreplace")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        _replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError) and error.errno:  # a full disk does not say of which file
            error.filename = str(path)
        raise
    return path


def parts(array: np.ndarray, most: int = PART) -> Iterator[np.ndarray]:
    """Cut an array along its first axis into views of at most ``most`` bytes, at least a row each.

    Of a memory map, the pages of one part are let go of before the next is read.
    """
    rows = max(1, most * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        let_go(array)


def let_go(array: np.ndarray) -> None:
    """Let go of the pages of a read-only memory map; the system's file cache keeps them.

    Else they count as memory of this process until the map is closed.  Nothing is done to other
    arrays, nor where the system knows no ``madvise`` (Windows).
    """
    if not isinstance(array, np.memmap) or array.mode != "r":
        return
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)


class Reading:
    """Counts the rows that are read of arrays, and lets go of pages of memory maps in time.

    Args:
        *arrays: that are read; those that are no memory maps (or None) do not matter.
    """

    def __init__(self, *arrays: np.ndarray | None) -> None:
        self.maps = [array for array in arrays if isinstance(array, np.memmap)]
        # The system maps the neighbourhood of what is asked for, too.
        self.row = sum(AROUND + array[:1].nbytes for array in self.maps)
        self.read = 0

    def __call__(self, rows: int) -> None:
        """Note that so many rows were read."""
        self.read += rows * self.row
        if self.read > PART:
            self.read = 0
            for array in self.maps:
                let_go(array)


def take(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return ``array[rows]`` in memory; pages of a memory map are let go of in time."""
    if not isinstance(array, np.memmap):
        return array[rows]
    taken, reading = np.empty((len(rows), *array.shape[1:]), array.dtype), Reading(array)
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        taken[start : start + len(part)] = array[part]
        reading(len(part))
    let_go(array)  # many takes of few rows each would hold the whole map in the end
    return taken


def lock(file: IO) -> None:
    """Lock an open file for this process; the system lets go when it ends, however it ends.

    Raises:
        BlockingIOError, PermissionError: another process, or this one elsewhere, holds it.
        OSError: its file system knows no locks.
    """
    if os.name == "nt":
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_at(file: IO, path: Path) -> bool:
    """Tell whether an open file is still the one at ``path``, and not one that was removed."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _replace(source, target):
    """As os.replace; on Windows a virus scanner or a viewer can hold the target for a moment."""
    for wait in (0.05, 0.2, 0.8):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(wait)
    os.replace(source, target)
