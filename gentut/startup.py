"""What must happen before Keras and its backend are imported."""

import contextlib
import functools
import importlib.util
import json
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path


def _is_command():
    """Whether this process is the command ``gentut`` or ``python -m gentut``, not a program."""
    words = getattr(sys, "argv", None) or [""]
    if words[0] == "-m":  # so until the module to run is found; then its path
        return sys.orig_argv[-len(words)].removeprefix("-m") == "gentut"
    return os.path.splitext(os.path.basename(words[0]))[0] == "gentut"


def _stop(number, frame):
    """End at once: what is being imported could swallow an exception, or tell it at length."""
    with contextlib.suppress(OSError):
        os.write(_terminal, b"gentut: stopped\n")
    os._exit(130)


# As a command, gentut imports itself where a failure and Ctrl-C are told in one line: `cli.main`.
COMMAND = _is_command()
if COMMAND and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    try:
        _terminal = os.dup(2)  # it stays the terminal where the imports' messages are held back
    except OSError:
        _terminal = -1
    signal.signal(signal.SIGINT, _stop)


@contextlib.contextmanager
def ctrl_c_raises() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, for a command that then has things to save."""
    ends_at_once = signal.getsignal(signal.SIGINT) is _stop
    if ends_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ends_at_once:
            signal.signal(signal.SIGINT, _stop)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Hold back what C++ libraries write to the standard error stream while they are loaded.

    TensorFlow prints half a dozen lines there (kernels in use, no GPU found) before any setting
    can stop it; learners take them for faults.  If loading fails, all of it is shown.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):  # None, broken or closed
        sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
            stack.callback(os.close, kept)
            held = stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # no such stream, say under pythonw on Windows, or no room for the file
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)


# TensorFlow reads this once, when it is imported.  On CPUs without AVX-512 it is off by default,
# and convolutions then reach a third of the speed (tests/benchmarks/bench_training.py).
TOO_LATE = "tensorflow" in sys.modules and "TF_ENABLE_ONEDNN_OPTS" not in os.environ
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Its later C++ notes (an optimizer pass skipped) are no faults either; what does go wrong reaches
# Python as an exception.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Our matrices are small: OpenBLAS' threads wait for each other longer than they compute, most of
# all on a machine with other work.  Read when NumPy is imported; a setting of the user's stays.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


BACKENDS = ("tensorflow", "jax", "torch")
# Images have their channels last throughout, and recipes are tuned in 32 bits.
KERAS_SETTINGS = {"image_data_format": "channels_last", "floatx": "float32"}


@functools.cache  # a second import after one that failed can fail in another way
def keras_failure() -> Exception | None:
    """Import Keras and its backend; returns the exception if that fails, else None."""
    try:
        with quiet_start():
            import keras  # noqa: F401
    except Exception as error:  # whatever a library raises that is installed by half
        return error


def keras_settings() -> list[tuple[str, str, str]]:
    """Each setting of Keras that gentut relies on: its name, its value, the value that it needs."""
    import keras

    return [(name, getattr(keras.config, name)(), value) for name, value in KERAS_SETTINGS.items()]


def asked_backend() -> str:
    """The backend that Keras is asked for, in its own order; read here, since it may be none."""
    folder = os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser()
    try:
        stored = json.loads(Path(folder, "keras.json").read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        stored = BACKENDS[0]
    return os.environ.get("KERAS_BACKEND") or str(stored)


def choose_backend() -> None:
    """Where TensorFlow is not installed and nobody asked for it, let Keras run on JAX or PyTorch.

    Keras itself would fail: its default is TensorFlow, which it also writes into ``keras.json``.
    """
    if "KERAS_BACKEND" in os.environ or asked_backend() != BACKENDS[0] or "keras" in sys.modules:
        return
    here = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if here and here[0] != BACKENDS[0]:
        os.environ["KERAS_BACKEND"] = here[0]
        warnings.warn(
            f"TensorFlow is not installed: gentut runs on {here[0]}, as KERAS_BACKEND={here[0]} in"
            " the environment would say without this note.",
            UserWarning,
            stacklevel=2,
        )


class InOneLine(Exception):
    """An error that tells the reader of a notebook all there is to know: it shows no traceback."""

    def _render_traceback_(self) -> list[str]:  # IPython's own name for this
        return [f"{type(self).__name__}: {self}"]


class NoKeras(InOneLine, ImportError):
    """Keras or its backend cannot be imported."""


def start_keras() -> None:
    """Import Keras and its backend, or raise ImportError that says so in one line."""
    choose_backend()
    if error := keras_failure():
        raise NoKeras(
            f"Keras cannot be imported: {type(error).__name__}: {error}; `gentut doctor` looks at"
            " what is installed, and KERAS_BACKEND=tensorflow, jax or torch chooses the backend."
        ) from error
