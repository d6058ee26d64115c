"""Files that are written whole or not at all, JSON that is read with suspicion, and locks."""

import json
import os
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

if os.name == "nt":
    import msvcrt
else:
    import fcntl


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
