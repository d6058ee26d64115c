"""The models that ship with gentut, where a run folder is asked for: they go by their names."""

import os
from collections.abc import Callable
from pathlib import Path

from gentut import data as image_data
from gentut.models.pretrained import NAMES, load_pretrained
from gentut.runs.config import Config
from gentut.runs.contents import describe
from gentut.runs.folder import RunFolder
from gentut.runs.guard import locked
from gentut.training.devices import environment
from gentut.training.step import StepModel

FOLDER = Path("runs", "pretrained")


def is_shipped(run: str | os.PathLike) -> bool:
    """Whether this is the name of a model that ships; a file or folder of that name wins."""
    return os.fspath(run) in NAMES and not os.path.exists(run)


def read_model(run: str | os.PathLike) -> StepModel:
    """The trained model of a run folder, or the one that ships under this name."""
    return load_pretrained(os.fspath(run)) if is_shipped(run) else RunFolder(run).read_model()


def as_folder(
    run: str | os.PathLike, say: Callable[[str], None] = lambda line: None
) -> str | os.PathLike:
    """Return a run folder as it is; for the name of a model that ships, a run folder of it.

    That one is made as ``runs/pretrained/NAME`` in the working directory, unless this version of
    gentut has made it already.  What is told of the model (its scores, its report) stays there.

    Args:
        run: a path or a name.
        say: called with a line of text if the folder is made.

    Raises:
        ValueError: another process works in that folder, or it is damaged.
    """
    if not is_shipped(run):
        return run
    folder, here = RunFolder(FOLDER / run), environment()
    made = (folder.path / "config.json").is_file()
    if made and folder.read_config().environment.get("gentut") == here["gentut"]:
        return folder.path
    folder.make()
    with locked(folder.path, "run", say):
        model = load_pretrained(os.fspath(run))
        info, images = model.info, image_data.load_bytes(model.info["data"], "train")
        folder.drop_results()
        folder.write_model(model)
        folder.write_config(
            Config(
                family=info["family"],
                data=info["data"],
                conditional=info["num_classes"] is not None,
                epochs=info["epochs"],
                seed=info["seed"],
                seconds=info["training_seconds"],
                status="finished",
                environment=here,
                contents=describe(info["data"], *images),
            )
        )
    say(f"{run} ships with gentut; its run folder is {folder.path}")
    return folder.path
