"""What reaches the terminal beside a command's own lines, and that printing never fails."""

import codecs
import contextlib
import faulthandler
import io
import logging
import os
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path

# What stands for a character that a terminal does not have.
LOOK_ALIKE = {"×": "x", "↓": "v", "↑": "^", "…": "~", "≥": ">=", "≤": "<=", "–": "-", "—": "-"}


def look_alike(error: UnicodeEncodeError) -> tuple[str | bytes, int]:
    """For ``codecs``: a character that an encoding lacks, by what it has (é as e), or escaped."""
    character, end = error.object[error.start], error.start + 1
    if "\udc80" <= character <= "\udcff":  # a byte of a file's name that is no text: as it was
        return bytes([ord(character) - 0xDC00]), end
    parts = unicodedata.normalize("NFKD", character)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    if not plain.isascii():
        plain = character.encode("ascii", "backslashreplace").decode("ascii")
    return LOOK_ALIKE.get(character, plain), end


codecs.register_error("gentut.look_alike", look_alike)


def open_streams() -> None:
    """Make both output streams such that printing cannot fail for want of a character or stream."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        # There is none, or it is closed: by the shell, or under pythonw on Windows.
        if stream is None or getattr(stream, "closed", False):
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="gentut.look_alike")


def tell(line: str) -> None:
    """Print a line beside the results; that nobody reads on must not end the work."""
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr)


def close_streams() -> None:
    """Write what is left, or drop it where nobody reads on, so that Python's exit cannot fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Steady(io.TextIOWrapper):
    """Text that nobody reads any more is dropped; it must not end a training in its middle."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what TensorFlow's C++ code prints off the terminal; Python's own stderr stays.

    It prints dozens of lines straight to file descriptor 2, about graphics cards that are not
    there and the like, in the middle of the progress bar.
    """
    try:
        terminal = os.dup(2)
    except OSError:
        terminal = None
    if terminal is None or os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    python = sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    own = None
    with contextlib.suppress(OSError, ValueError, AttributeError):  # captured: no descriptor
        if python.fileno() == 2:
            own = Steady(
                os.fdopen(os.dup(terminal), "wb"),
                encoding=python.encoding,
                errors=python.errors,
                line_buffering=True,
            )
    try:
        if own is not None:
            sys.stderr = own
            faulthandler.enable(own)  # a crash in C++ is still told
        yield
    finally:
        if own is not None:
            faulthandler.disable()
            sys.stderr = python
            own.close()
        os.dup2(terminal, 2)
        os.close(terminal)


@contextlib.contextmanager
def notes_in_one_line() -> Iterator[None]:
    """Show each of our warnings once, as a line without code; leave out those of libraries."""

    shown = set()

    def show(message, category, filename, *rest):
        text = " ".join(str(message).split())
        if "gentut" in Path(filename).parts and text not in shown:
            shown.add(text)
            tell(f"gentut: note: {text}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for category in (UserWarning, RuntimeWarning):
            warnings.filterwarnings("always", category=category)
        warnings.showwarning = show
        yield
