"""Files of models; where one cannot be read, which versions wrote it and which read it."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

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


def load_model(path: str | os.PathLike) -> StepModel:
    """The gentut model in a ``.keras`` file; a ``ValueError`` if there is none."""
    try:
        return read_keras(path)
    except ValueError as error:
        raise ValueError(
            f"`path` must be a .keras file of a gentut model; received {str(path)!r}, which {error}"
        ) from error


def save_model(model: StepModel, path: str | os.PathLike) -> None:
    """Write a ``.keras`` file so that a reader never meets half of one."""
    path = Path(path)
    temporary = path.with_name("part-" + path.name)  # Keras wants the ending
    try:
        model.save(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno:
            error.filename = str(path)  # a full disk does not say of which file
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _writer(path):
    """The version of Keras that a ``.keras`` file says wrote it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"keras": json.loads(archive.read("metadata.json"))["keras_version"]}
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return {}
