"""A run folder: train a model into it, stop, resume, score it, look at it again.

``model.keras`` the whole model; ``config.json`` what was asked for and how far it came;
``history.csv`` one line per epoch; ``samples/`` grids of the same latents after the epochs;
``samples.gif`` these grids as an animation; ``scores.json`` what ``gentut evaluate`` found;
``report.html`` all of it on one page; ``checkpoints/`` what a stopped run goes on from.
"""

from gentut.runs.config import Config, Settings
from gentut.runs.contents import load_again
from gentut.runs.default import default_family
from gentut.runs.folder import RunFolder
from gentut.runs.record import grid, write_report
from gentut.runs.score import evaluate
from gentut.runs.trainer import fit, resume, train
from gentut.runs.versions import load_model, save_model

__all__ = [
    "Config",
    "RunFolder",
    "Settings",
    "default_family",
    "evaluate",
    "fit",
    "grid",
    "load_again",
    "load_model",
    "resume",
    "save_model",
    "train",
    "write_report",
]
