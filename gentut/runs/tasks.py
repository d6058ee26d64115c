"""Vision tasks on the samples of a trained run: do they help to see what the run never saw?"""

import inspect
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gentut import data as image_data
from gentut import runs, tasks
from gentut.checks import check_choice, check_positive
from gentut.report.tasks import REAL
from gentut.report.texts import words_of
from gentut.runs.guard import locked
from gentut.training.slices import take

MOST = 20_000  # images of a train set, if the user does not say how many
AUGMENTED, GENERATED, BOTH = "real, augmented", "generated", "real + generated"


def run_task(
    folder: str | os.PathLike,
    task: str,
    *,
    n: int | None = None,
    seeds: int = 3,
    say: Callable[[str], None] = lambda line: None,
    data: str | os.PathLike | None = None,
    language: str | None = None,
    **options: object,
) -> dict[str, object]:
    """Train on real, on generated and on both kinds of images; test on held-out real ones.

    All train sets have the same number of images but the mixture, which holds both, half and
    half; all trainings take the same steps.  The results go into ``tasks.json`` and the report of
    the run folder.

    Args:
        folder: a run folder with a class-conditional model.
        task: one of ``gentut.tasks.TASKS``.
        n: real train images, and generated ones; default all that the run was trained on, at
            most 20,000.  With fewer, mind that the generator has seen more.
        seeds: trainings of each kind.
        say: called with a line of text at each stage.
        data: where the images of the run are now, if they were moved.
        language: of the report, "en" or "zh"; default that of the run.
        **options: of ``gentut.tasks.Trial``.

    Returns:
        dict: "task", "score", "data", "n", "n_seen" (images that the generator was trained on),
        "model" (the SHA-256 of its ``model.keras``), "results" (train set -> dict of ``Trial.run``,
        with "difference", the dict of ``gentut.tasks.difference`` to real images), and for
        classification "gan_test".

    Raises:
        ValueError: a wrong argument, a model without classes, a folder that is damaged or in use
            by another process, or other data than it was trained on.
        FileNotFoundError: no such run, or its data have gone.
        ImportError: detection without pycocotools.
    """
    check_choice("task", task, tasks.TASKS)
    check_positive("seeds", seeds)
    words_of(language)  # raises where there is none
    run = runs.RunFolder(folder)
    run.need_config()
    with locked(run.path, "run", say):
        return _try_out(run, task, n, seeds, say, data, language, options)


def _try_out(run, task, n, seeds, say, place, language, options):
    """What ``run_task`` returns and raises, in a folder that is locked."""
    config, model = run.read_config(), run.read_model()
    config.language = language or config.language
    if model.num_classes is None:
        raise ValueError(
            "`run` must hold a class-conditional model, whose images have labels (train it with"
            f" --conditional); received {str(run.path)!r}."
        )
    before = run.read_tasks()
    *real, _ = runs.load_again(run, config, model, place, say)
    test = image_data.load_bytes(config.data, "test", **config.data_options, say=say)
    n_seen = len(real[1])
    n = min(n_seen, MOST) if n is None else n
    check_positive("n", n)
    if n > n_seen:
        raise ValueError(f"`n` must be at most the {n_seen} train images; received {n}.")
    rows = np.random.default_rng(0).permutation(n_seen)[:n]
    real = take(real[0], rows), real[1][rows]
    say(f"{task}: drawing {n:,} images")
    # Bytes, as the real ones are.
    pixels = np.empty((n, *model.image_shape), "uint8")
    into = {"out": pixels} if "out" in inspect.signature(model.sample).parameters else {}
    generated = model.sample(n, labels=real[1], seed=0, **into), real[1]
    if task == "detection":
        tasks.precision._library()  # rather now than after the first training
    options["num_classes"] = model.num_classes
    same = {k: v for k, v in config.data_options.items() if k in ("classes", "on_error")}
    families = image_data.sources(config.data, "test", **same)
    trial = tasks.Trial(task, test, sources=families, **options)
    plan = {
        REAL: (real, False),
        AUGMENTED: (real, True),
        GENERATED: (generated, False),
        BOTH: (lambda seed: tasks.mixed(real, generated), False),  # made when it is needed
    }
    results = {}
    for name, (train, augment) in plan.items():
        say(f"{task}: training on {name} images, {seeds} seeds")
        results[name] = trial.run(train, augment=augment, seeds=range(seeds))
        results[name]["difference"] = tasks.difference(results[name], results[REAL])
    found = {
        "task": task,
        "score": trial.score_name,
        "data": Path(config.data).name,
        "n": n,
        "n_seen": n_seen,
        "model": run.model_id(),
        "results": results,
    }
    if task == "classification":
        say(f"{task}: training on real images, testing on generated ones")
        found["gan_test"] = tasks.gan_test(real, generated, seeds=range(seeds), **options)
    run.write_tasks(before | {task: found})
    runs.write_report(run, model, config)
    return found
