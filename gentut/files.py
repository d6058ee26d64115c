"""Files that are written whole or not at all, and JSON that is read with suspicion."""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path


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
        content = content.encode("utf-8", "backslashreplace")
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
