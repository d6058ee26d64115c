"""What may reach the terminal beside a command's own lines."""

import contextlib
import faulthandler
import io
import logging
import os
import sys
import warnings
from pathlib import Path


@contextlib.contextmanager
def quiet():
    """Keep what TensorFlow's C++ code prints off the terminal; Python's own stderr stays.

    It prints dozens of lines straight to file descriptor 2, about graphics cards that are not
    there and the like, in the middle of the progress bar.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    python = sys.stderr
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    own = None
    with contextlib.suppress(io.UnsupportedOperation, AttributeError):
        if python.fileno() == 2:
            own = os.fdopen(os.dup(terminal), "w", buffering=1, encoding=python.encoding)
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
def notes_in_one_line():
    """Show each of our warnings once, as a line without code; leave out those of libraries."""

    shown = set()

    def show(message, category, filename, *rest):
        text = " ".join(str(message).split())
        if "gentut" in Path(filename).parts and text not in shown:
            shown.add(text)
            print(f"gentut: note: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for category in (UserWarning, RuntimeWarning):
            warnings.filterwarnings("always", category=category)
        warnings.showwarning = show
        yield
