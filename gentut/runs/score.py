"""Score the models of run folders, and merge the scores into their reports."""

import contextlib
import os
from collections.abc import Callable, Sequence

from gentut import data as image_data
from gentut.evaluation.evaluate import evaluate as evaluate_model
from gentut.evaluation.reference import ReferenceSet, check_count
from gentut.report.texts import words_of
from gentut.runs.contents import check_same, describe, locate
from gentut.runs.folder import RunFolder
from gentut.runs.guard import locked
from gentut.runs.record import write_report


def evaluate(
    paths: Sequence[str | os.PathLike],
    n: int = 10_000,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
    data: str | os.PathLike | None = None,
    language: str | None = None,
) -> dict[str, dict]:
    """Score trained runs on held-out images; write ``scores.json`` and the reports anew.

    Args:
        paths: run folders.
        n: generated images to score.
        seed: of the samples and of every random choice.
        say: called with a line of text at each stage.
        data: where the images of these runs are now, if they were moved.
        language: of the reports, "en" or "zh"; default that of each run.

    Returns:
        Path -> the dict of `gentut.evaluate`, with "model", the SHA-256 of the ``model.keras``
        that was scored.

    Raises:
        ValueError, FileNotFoundError: a folder is no run, damaged, or in use by another process,
            or its data have gone or are others than it was trained on; then nothing is written.
    """
    check_count(n)
    words_of(language)  # raises where there is none
    names = {os.path.realpath(path): str(path) for path in reversed(paths)}  # each folder once
    runs = {name: RunFolder(name) for name in reversed(names.values())}
    loaded, contents, references, scores = {}, {}, {}, {}
    with contextlib.ExitStack() as locks:
        for name, run in runs.items():  # all of them before the first long computation
            run.need_config()
            locks.enter_context(locked(run.path, "run", say))
            run.read_history(), run.read_grids()
            config, model = run.read_config(), run.read_model()
            config.data = locate(run, config, data)
            config.language = language or config.language
            key = config.data, *config.data_options.items()
            if key not in contents:
                images = image_data.load_bytes(config.data, "train", **config.data_options, say=say)
                contents[key] = describe(config.data, *images)
            check_same(run, config, contents[key], model, say)
            loaded[name] = config, model, key
        for name, (config, model, key) in loaded.items():
            if key not in references:
                say(f"{config.data}: features of the held-out images")
                options = config.data_options
                references[key] = ReferenceSet(config.data, options, seed=seed, say=say)
                say(f"{config.data}: judged by {references[key].drawn}")
            say(f"{name}: scoring {n:,} samples")
            found = evaluate_model(model, n=n, seed=seed, reference=references[key])
            scores[name] = found | {"model": runs[name].model_id()}
            runs[name].write_scores(scores[name])
            write_report(runs[name], model, config)
    return scores
