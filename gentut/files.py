"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_atomically(path, content, durable=False):
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
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError) and error.errno:  # a full disk does not say of which file
            error.filename = str(path)
        raise
    return path
