"""The page of one training run."""

import os
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import numpy as np

from gentut import plots
from gentut.files import write_atomically
from gentut.report.page import (
    Animation,
    Block,
    Cell,
    Code,
    Definitions,
    Gallery,
    Heading,
    Paragraph,
    Picture,
    Table,
    page,
    public,
)
from gentut.report.scores import (
    REFERENCES,
    SCORES,
    better,
    family_name,
    has,
    interval_text,
    origin,
    text,
)
from gentut.report.tasks import task_blocks


class RunInfo(TypedDict):
    """What a run folder holds. Leave out what is not there."""

    family: str
    data: str  # a data set's name, or a folder, of which only the last part is shown
    config: Mapping[str, object]
    history: Mapping[str, Sequence[float]]  # name -> one number per epoch
    status: NotRequired[str]  # a sentence: how far it came, or why it stopped
    samples: NotRequired[np.ndarray]  # (n, h, w, c) in [0, 1], row by row
    columns: NotRequired[int]  # samples in a row
    class_names: NotRequired[Sequence[str] | None]  # of the columns, for a conditional model
    animation: NotRequired[bytes]  # the GIF of fixed latents
    scores: NotRequired[Mapping[str, object]]  # from gentut.evaluate
    tasks: NotRequired[Mapping[str, Mapping]]  # task -> what gentut.runs.tasks found
    environment: NotRequired[Mapping[str, str]]  # see gentut.training.devices.environment
    command: NotRequired[str]


def run_report(path: str | os.PathLike, info: RunInfo) -> None:
    """Writes the page of a training run: images, curves, scores, settings.

    Args:
        path: the HTML file; its folder must exist.
        info: what to show.

    Raises:
        ValueError: samples of the wrong shape or range, or histories of different lengths.
        FileNotFoundError: the folder is missing.
    """
    data = public(info["data"])
    epochs = max((len(values) for values in info["history"].values()), default=0)
    status = info.get("status") or f"Trained for {epochs} epoch{'s' * (epochs != 1)}."
    blocks: list[Block] = [Paragraph(status, lead=True)]
    pictures = _pictures(info)
    if pictures:
        blocks += [Heading("Images"), Gallery(pictures)]
    if info.get("scores"):
        blocks += _scores(info["scores"])
    blocks += task_blocks(info.get("tasks") or {})
    if epochs == 1:
        losses = {name: _value(values[0]) for name, values in info["history"].items()}
        blocks += [Heading("Training"), Definitions(losses)]
    elif epochs:
        names = ", ".join(info["history"])
        blocks += [
            Heading("Training"),
            Picture(
                plots.training_curves(info["history"]),
                f"Curves over {epochs} epochs: {names}",
                "One point per epoch. A GAN's losses do not fall as it gets better: they show a "
                "balance of two players. Judge it by its images and scores."
                if "gan" in info["family"]
                else "One point per epoch.",
            ),
        ]
    settings = {name: _value(value) for name, value in info["config"].items()}
    blocks += [Heading("Settings"), Definitions(settings)]
    if info.get("command"):
        blocks.append(Code(info["command"]))
    if info.get("environment"):
        blocks += [Heading("Environment"), Definitions(info["environment"])]
    title = f"{family_name(info['family'])} on {data}"
    write_atomically(path, page(title[0].upper() + title[1:], "A training run of gentut.", blocks))


def _scores(scores: Mapping[str, object]) -> list[Block]:
    """What ``gentut.evaluate`` found, beside the same scores of images that no network made."""
    shown = [key for key in SCORES if has(scores, key)]
    rows = [
        [
            Cell(SCORES[key].title, better(key)),
            Cell(text(scores, key), interval_text(scores, key)),
            *(text(scores, key, name) for name in REFERENCES),
        ]
        for key in shown
    ]
    caption = f"{origin(scores)} Smaller numbers: the 95 % interval."
    blocks: list[Block] = [
        Heading("Scores"),
        Table(caption, ["Score", "This run", *REFERENCES.values()], rows),
    ]
    if scores.get("left_out"):
        blocks.append(Paragraph(f"Left out: {scores['left_out']}."))
    return [*blocks, Definitions({SCORES[key].title: SCORES[key].meaning for key in shown})]


def _pictures(info: RunInfo) -> list[Picture | Animation]:
    pictures: list[Picture | Animation] = []
    names = info.get("class_names")
    columns = f" Columns, left to right: {', '.join(names)}." if names else ""
    if info.get("samples") is not None:
        pictures.append(
            Picture(
                plots.tile(info["samples"], info.get("columns")),
                f"{len(info['samples'])} generated images",
                f"Drawn at random, not chosen.{columns}",
                "Samples.",
            )
        )
    if info.get("animation"):
        pictures.append(
            Animation(
                info["animation"],
                "Animation of generated images through training",
                "The same latent codes through the epochs; the last frame rests.",
                "Training.",
            )
        )
    return pictures


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_value(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    return "none" if value is None else public(value)
