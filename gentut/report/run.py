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
    in_figures,
    page,
    public,
)
from gentut.report.scores import (
    REFERENCES,
    SCORES,
    better,
    columns_note,
    family_name,
    has,
    interval_text,
    meanings,
    origin,
    text,
    title,
)
from gentut.report.tasks import task_blocks
from gentut.report.texts import Words, counted, named, told, words_of


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


def run_report(path: str | os.PathLike, info: RunInfo, language: str | None = None) -> None:
    """Writes the page of a training run: images, curves, scores, settings.

    Args:
        path: the HTML file; its folder must exist.
        info: what to show.
        language: of the page, "en", which is the default, or "zh".

    Raises:
        ValueError: samples of the wrong shape or range, histories of different lengths, or an
            unknown language.
        FileNotFoundError: the folder is missing.
    """
    words = words_of(language)
    data = public(info["data"])
    epochs = max((len(values) for values in info["history"].values()), default=0)
    status = words["trained"].format(epochs=counted(words, "epochs", epochs))
    blocks: list[Block] = [Paragraph(info.get("status") or status, lead=True)]
    pictures = _pictures(info, words)
    if pictures:
        blocks += [Heading(words["images"]), Gallery(pictures)]
    if info.get("scores"):
        blocks += _scores(info["scores"], words)
    blocks += task_blocks(info.get("tasks") or {}, words)
    if epochs == 1:
        losses = {name: _value(values[0], words) for name, values in info["history"].items()}
        blocks += [Heading(words["training"]), Definitions(losses)]
    elif epochs:
        blocks += [
            Heading(words["training"]),
            Picture(
                plots.training_curves(info["history"], x_label=in_figures(words)["epoch"]),
                words["curves_alt"].format(epochs=epochs, names=", ".join(info["history"])),
                words["curves_gan" if "gan" in info["family"] else "curves_note"],
            ),
        ]
    settings = {name: _value(value, words) for name, value in info["config"].items()}
    blocks += [Heading(words["settings"]), Definitions(settings)]
    if info.get("command"):
        blocks.append(Code(info["command"]))
    if info.get("environment"):
        machine = {name: told(value, words) for name, value in info["environment"].items()}
        blocks += [Heading(words["environment"]), Definitions(machine)]
    heading = words["run"].format(family=family_name(info["family"], words), data=data)
    heading = heading[0].upper() + heading[1:]
    write_atomically(path, page(heading, words["run_of"], blocks, words))


def _scores(scores: Mapping[str, object], words: Words) -> list[Block]:
    """What ``gentut.evaluate`` found, beside the same scores of images that no network made."""
    shown = [key for key in SCORES if has(scores, key)]
    rows = [
        [
            Cell(title(key, words), better(key, words)),
            Cell(text(scores, key), interval_text(scores, key, words)),
            *(text(scores, key, name) for name in REFERENCES),
        ]
        for key in shown
    ]
    caption = origin(scores, words) + words["gap"] + words["small"]
    references = [named(name, words) for name in REFERENCES.values()]
    blocks: list[Block] = [
        Heading(words["scores_heading"]),
        Table(caption, [words["score"], words["this_run"], *references], rows),
    ]
    if scores.get("left_out"):
        blocks.append(Paragraph(words["left_out"].format(told(scores["left_out"], words))))
    return [*blocks, Definitions(meanings(shown, words))]


def _pictures(info: RunInfo, words: Words) -> list[Picture | Animation]:
    pictures: list[Picture | Animation] = []
    if info.get("samples") is not None:
        pictures.append(
            Picture(
                plots.tile(info["samples"], info.get("columns")),
                words["samples_alt"].format(len(info["samples"])),
                words["samples_note"] + columns_note(info.get("class_names"), words),
                words["stop"].format(words["samples"]),
            )
        )
    if info.get("animation"):
        pictures.append(
            Animation(
                info["animation"],
                words["animation_alt"],
                words["animation_note"],
                words["stop"].format(words["training"]),
            )
        )
    return pictures


def _value(value: object, words: Words) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        pairs = (f"{name}: {_value(item, words)}" for name, item in value.items())
        return ", ".join(pairs) or words["none"]
    if isinstance(value, list | tuple):
        return ", ".join(_value(item, words) for item in value) or words["none"]
    return words["none"] if value is None else public(value)
