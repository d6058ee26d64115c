"""One process per folder, a full disk in one line, and Ctrl-C that waits for the end of a step."""

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from gentut.files import is_at, lock

NAME = ".lock"


@contextlib.contextmanager
def locked(
    folder: Path, argument: str = "out", say: Callable[[str], None] = lambda line: None
) -> Iterator[None]:
    """Hold a folder for this process alone.

    The system lets go of the lock when its holder dies, however it dies; the number of the dead
    process, which it could not wipe out, is told to ``say``.

    Raises:
        ValueError: another process (or this one, elsewhere) holds it, or it cannot be written to.
    """
    path = folder / NAME
    file = _hold(path, folder, argument, say)
    try:
        dead = file.read().strip()
        if dead:
            say(f"process {dead} died while it held {folder}; this one takes over")
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
    finally:
        if os.name == "nt":  # an open file cannot be removed there
            file.seek(0)
            file.truncate()
            file.close()
        else:  # removed while it is held, so that nobody waits for a file that has gone
            path.unlink(missing_ok=True)
            file.close()


def _hold(path, folder, argument, say):
    """The lock's file, open and locked."""
    while True:
        try:
            # "a+" makes the file where it is missing and spoils nothing where it is not.
            file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise ValueError(
                f"`{argument}` must be a folder that can be written to; received {str(folder)!r}:"
                f" {error.strerror}."
            ) from error
        file.seek(0)
        try:
            lock(file)
        except (BlockingIOError, PermissionError):
            holder = "" if os.name == "nt" else file.read().strip()
            file.close()
            raise ValueError(
                f"`{argument}` must be a folder that no other process works in; received"
                f" {str(folder)!r}, in use by process {holder or 'unknown'}."
            ) from None
        except OSError as error:  # a network drive without locks
            say(f"{folder} cannot be locked ({error.strerror}): start nothing else in it")
            return file
        # Its holder may have removed it between our opening and locking it.
        if os.name == "nt" or is_at(file, path):
            return file
        file.close()


@contextlib.contextmanager
def room(what: str, folder: Path) -> Iterator[None]:
    """Tell a full disk in one line that names the folder and the way on; ``what``: "run", …"""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(
            f"`out` must have room for the {what}; received {str(folder)!r}: {error.strerror}. Free"
            " some, then --resume goes on from what is saved."
        ) from error


class CtrlC:
    """While it is entered: Ctrl-C sets ``pressed``; a second one raises ``KeyboardInterrupt``.

    A step that is broken off in its middle would leave a model that no uninterrupted run has.
    """

    def __init__(self) -> None:
        self.pressed, self.pressed_twice, self._before = False, False, None

    def __enter__(self) -> "CtrlC":
        ours = threading.current_thread() is threading.main_thread()
        # Whoever has set another handler, or made the process deaf, means it.
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _press(self, number, frame):
        if self.pressed:
            self.pressed_twice = True
            raise KeyboardInterrupt
        self.pressed = True
