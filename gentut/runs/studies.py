"""Studies of trained runs with people: from run folders to a page and a key, then to numbers."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gentut import data as image_data
from gentut import human, plots, runs
from gentut.files import write_atomically, write_json


def make(
    folders: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    *,
    protocol: str = "real_or_fake",
    trials: int = 60,
    practice: int = 4,
    exposure_ms: int | None = None,
    title: str | None = None,
    language: str = "en",
    seed: int = 0,
) -> human.Study:
    """Draw a study of one or several runs against the held-out images of their data.

    A model goes by the name of its run folder. If every run is conditional, real and generated
    images are matched by class.  Nothing is written into the runs: one that is being trained is
    taken as it is now, for ``model.keras`` is always whole.

    Args:
        folders: run folders, all trained on the same data.
        out: a new or empty folder, for ``study.html`` (for raters) and ``key.json`` (not for them).
        protocol, trials, practice, exposure_ms, title, language, seed: as for
            ``gentut.human.make_study``.

    Returns:
        The study.

    Raises:
        ValueError: runs of one name or of different data, data that have changed since the
            training, or a study that cannot be made.
        FileNotFoundError: the data have gone.
    """
    opened = {Path(folder).resolve().name: runs.RunFolder(folder) for folder in folders}
    if len(opened) < len(folders):
        raise ValueError(f"`runs` must have different names; received {', '.join(folders)}.")
    configs = [run.read_config() for run in opened.values()]
    sources = {(config.data, *config.data_options.items()) for config in configs}
    if len(sources) > 1:
        raise ValueError(f"`runs` must be of the same data; received {sorted(map(str, sources))}.")
    out = Path(out)
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"`out` must be a new or empty folder; received {str(out)!r}.")
    for run, config in zip(opened.values(), configs, strict=True):
        runs.load_again(run, config)
    real, labels = image_data.load(configs[0].data, "test", **configs[0].data_options)
    same = {k: v for k, v in configs[0].data_options.items() if k in ("classes", "on_error")}
    num_classes = int(labels.max()) + 1
    matched = all(config.conditional for config in configs)
    turns = math.ceil((trials + practice) / num_classes)  # enough images of each class
    wanted = np.tile(np.arange(num_classes), turns) if matched else None
    generated = {
        name: run.read_model().sample(turns * num_classes, labels=wanted, seed=seed)
        for name, run in opened.items()
    }
    study = human.make_study(
        real,
        generated,
        protocol=protocol,
        trials=trials,
        practice=practice,
        exposure_ms=exposure_ms,
        title=title,
        language=language,
        seed=seed,
        real_labels=labels if matched else None,
        generated_labels=wanted,
        real_sources=image_data.sources(configs[0].data, "test", **same),
        source_kind=image_data.source_kind(configs[0].data),
    )
    out.mkdir(parents=True, exist_ok=True)
    study.save_page(out / "study.html")
    study.save_key(out / "key.json")
    return study


def analyse(
    files: Sequence[str | os.PathLike], key: str | os.PathLike, out: str | os.PathLike | None = None
) -> dict[str, object]:
    """Statistics of response files, and their figures in a folder.

    Args:
        files: response files, or one folder of them.
        key: the key file of the study.
        out: a folder for ``results.json``, ``errors.png`` and, for single images, ``images.png``.

    Returns:
        The dict of ``gentut.human.analyse``.
    """
    responses = files[0] if len(files) == 1 and Path(files[0]).is_dir() else files
    study = human.load_key(key)
    results = human.analyse(responses, study)
    if out is not None:
        out = Path(out)
        out.mkdir(parents=True, exist_ok=True)
        finite = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in results.items()
        }
        write_json(out / "results.json", finite)
        write_atomically(out / "errors.png", plots.png(human.plot_errors(results)))
        if study.protocol == "real_or_fake":
            figure = human.plot_images(responses, study)
            write_atomically(out / "images.png", plots.png(figure))
    return results
