"""Which versions wrote a file and which read it: told where a file cannot be read."""

import json
import os
import zipfile
from collections.abc import Mapping

import keras

from gentut.training.devices import environment
from gentut.training.step import StepModel

NAMES = ("gentut", "keras")


def unreadable(written: object) -> str:
    """What is wrong with a file that cannot be read, as the rest of a sentence.

    ``written``: the ``gentut.training.devices.environment`` of its writer, as far as it is known.
    """
    here = environment()
    written = written if isinstance(written, dict) else {}
    others = [
        name
        for name in NAMES
        if _numbered(written.get(name)) and _numbered(here[name]) and written[name] != here[name]
    ]
    if not others:
        return "is damaged"
    writer, reader = (
        " and ".join(f"{name} {side[name]}" for name in others) for side in (written, here)
    )
    return f"was written by {writer} and cannot be read by {reader}"


def _numbered(version):
    """What runs from its source has no number."""
    return isinstance(version, str) and version[:1].isdecimal()


def read_keras(path: str | os.PathLike, written: Mapping | None = None) -> StepModel:
    """The gentut model in a ``.keras`` file.

    Raises:
        ValueError: there is none; the text is the rest of a sentence that names the file.
    """
    try:
        model = keras.saving.load_model(path)
        if not isinstance(model, StepModel):
            raise ValueError(f"it holds a {type(model).__name__}, not a gentut model")
    except MemoryError:  # no fault of the file
        raise
    except Exception as error:  # a broken archive, HDF5 file or configuration: many types
        reason = " ".join(str(error).split()) or type(error).__name__
        fault = unreadable({**(written or {}), **_writer(path)})
        raise ValueError(f"{fault}: {reason[:200]}") from error
    return model


def _writer(path):
    """The version of Keras that a ``.keras`` file says wrote it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"keras": json.loads(archive.read("metadata.json"))["keras_version"]}
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return {}
