"""All of a training in one file, from which it goes on as if it had never stopped.

A checkpoint is one ``.npz`` file without pickled objects: every variable of the model (weights,
averages, optimizer states, states of the random streams, running means of the losses), its
architecture, and in ``state`` the history up to here.  So history and weights cannot disagree.
"""

import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
from keras import ops

from gentut.files import write_atomically
from gentut.runs.versions import unreadable
from gentut.training.callbacks import TrainingDiverged
from gentut.training.step import StepModel

FORMAT = "gentut-checkpoint-1"
KEPT = 2  # the newest, and the one before in case it turns out to be damaged


@dataclasses.dataclass
class Position:
    """How far a training came: whole epochs are the rows of history, then steps of the next."""

    rows: list
    step: int = 0
    seconds: float = 0.0


def variables(model: StepModel) -> list[keras.Variable]:
    """Every variable that a step reads or writes, in an order fixed by the architecture."""
    every = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return list({id(v): v for v in every}.values())


def require_finite(model: StepModel) -> None:
    """Raise ``TrainingDiverged`` if a variable holds NaN or infinity."""
    for variable in variables(model):
        array = _array(variable)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise TrainingDiverged(
                f"`{variable.path}` must stay finite; it holds NaN or infinity. Try a smaller"
                " learning rate or a stronger penalty."
            )


def save(folder: Path, model: StepModel, position: Position) -> Path:
    """Write a checkpoint, then drop all but the newest two; return its path.

    Raises:
        TrainingDiverged: a variable is not finite; the checkpoints before stay.
    """
    require_finite(model)
    arrays = {f"{i:05d}": _array(v) for i, v in enumerate(variables(model))}
    state = {"format": FORMAT, **dataclasses.asdict(position)}
    arrays["state"] = np.array(json.dumps(state))
    arrays["model"] = np.array(json.dumps(keras.saving.serialize_keras_object(model)))
    content = io.BytesIO()
    np.savez(content, **arrays)
    folder.mkdir(exist_ok=True)
    path = write_atomically(folder / _name(position), content.getbuffer(), durable=True)
    for old in _files(folder)[KEPT:]:
        old.unlink()
    return path


def load(path: Path) -> tuple[StepModel, Position]:
    """The model and the ``Position`` of a checkpoint.

    Raises:
        ValueError: the file is damaged or no checkpoint.
    """
    try:
        with np.load(path, allow_pickle=False) as file:  # each array is checked against its CRC
            arrays = {name: file[name] for name in file.files}
        state = json.loads(str(arrays.pop("state")))
        if state.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        position = Position(**state)
        plan = json.loads(str(arrays.pop("model")))
        if not str(plan["registered_name"]).startswith("gentut>"):
            raise ValueError(f"it holds a {plan['registered_name']!r}, not a gentut model")
        model = keras.saving.deserialize_keras_object(plan, safe_mode=True)
        if not isinstance(model, StepModel):
            raise ValueError(f"it holds a {type(model).__name__}, not a gentut model")
        for variable, (_, array) in zip(variables(model), sorted(arrays.items()), strict=True):
            if tuple(variable.shape) != array.shape:
                raise ValueError(f"`{variable.path}` has the shape {array.shape}")
            variable.assign(array)
    except (OSError, MemoryError):  # no fault of the file
        raise
    except Exception as error:  # broken archives and configurations raise many types
        reason = " ".join(str(error).split())
        raise ValueError(f"{type(error).__name__}: {reason[:200]}") from error
    return model, position


def load_newest(
    folder: Path, say: Callable[[str], None] = lambda line: None, written: Mapping | None = None
) -> tuple[StepModel, Position] | None:
    """Model and ``Position`` of the newest whole checkpoint, or None if there is none.

    A damaged one is told to ``say`` and stays, see ``drop_beyond``.

    Args:
        folder: of the checkpoints.
        say: called with a line of text.
        written: the ``gentut.training.devices.environment`` of who wrote them.

    Raises:
        ValueError: these versions of gentut and Keras can read none of them.
    """
    fault = unreadable(written)
    told = ""
    for path in _files(folder):
        try:
            return load(path)
        except ValueError as error:
            told = f"{path} {fault} ({error})"
            say(f"{told}: left out")
    if told and fault != "is damaged":
        raise ValueError(
            f"`out` must be a run whose checkpoints can be read; received {str(folder.parent)!r},"
            f" where {told}."
        )
    return None


def drop_beyond(folder: Path, position: Position) -> None:
    """Remove checkpoints of steps that will be made again: a damaged one would push out others."""
    for path in _files(folder):
        if path.name > _name(position):
            path.unlink()


def _name(position):
    return f"{len(position.rows):06d}-{position.step:07d}.npz"


def _files(folder):
    """Newest first."""
    return sorted(folder.glob("*.npz"), reverse=True)


def _array(variable):
    array = np.asarray(ops.convert_to_numpy(variable))
    # NumPy has no bfloat16 of its own; float32 holds every value of it.
    return array.astype("float32") if array.dtype.name == "bfloat16" else array
