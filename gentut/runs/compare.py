"""All families on one data set and one budget: trained, measured, on one page."""

import dataclasses
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gentut import data as image_data
from gentut import report
from gentut.checks import as_float
from gentut.evaluation.evaluate import evaluate
from gentut.evaluation.reference import ReferenceSet
from gentut.files import write_json
from gentut.models import recipes
from gentut.report.compare import compare_report
from gentut.report.texts import told, words_of
from gentut.runs import fit, grid, save_model
from gentut.runs.comparison import STATE, Comparison, State, command, refuse_foreign, taken_up
from gentut.runs.contents import describe
from gentut.runs.guard import locked, room
from gentut.runs.versions import read_keras
from gentut.training.callbacks import TimeBudget, TrainingDiverged
from gentut.training.devices import environment
from gentut.training.step import seed as set_seed


def compare(
    settings: Comparison,
    out: str | os.PathLike = "runs/compare",
    *,
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[list[dict], str]:
    """Train each family for the same time, score it on held-out images, write one page.

    Args:
        settings: what to compare, and on what.
        out: folder for ``report.html``, one ``FAMILY.keras`` each and ``compare.json`` (settings
            and scores); made if missing.  An earlier comparison in it is replaced.
        progress: show a progress bar on the terminal.
        say: called with a line of text at each stage.

    Returns:
        One dict of scores per family, and "finished" or "interrupted" (by Ctrl-C; what is
        finished is on the page).

    Raises:
        ValueError, FileNotFoundError: the data or the folder is not what it must be, or another
            process works in it; nothing is left behind or changed.
        TrainingDiverged: a loss became NaN; the families before are on the page.
        OSError: the disk is full; the families before are on the page, if it had room.
    """
    refuse_foreign(Path(out))
    return _compare(Path(out), settings, None, progress, say)


def resume(
    out: str | os.PathLike = "runs/compare",
    *,
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
    **settings: object,
) -> tuple[list[dict], str]:
    """Go on with a comparison that was stopped; the families that it has finished are kept.

    Args:
        out: its folder.
        progress, say: see `compare`.
        **settings: fields of `Comparison`.  New can be only `data`, the place where the same images
            are now, and `language`; any other must be what the comparison was begun with.

    Returns, raises: see `compare`.
    """
    begun = taken_up(Path(out), settings).settings
    return _compare(Path(out), begun, settings, progress, say)


def _compare(folder, settings, asked, progress, say):
    """Begin a comparison, or go on with one that is `asked` to have some settings."""
    say(f"{settings.data}: reading the images and their features")
    reference = ReferenceSet(settings.data, settings.data_options, seed=settings.seed, say=say)
    # All training images, in the order of the files: a reference set has shuffled ones, and not
    # always all.
    train = image_data.load_bytes(settings.data, "train", **settings.data_options, say=say)
    contents = describe(settings.data, *train)
    existed = folder.is_dir()
    with room("comparison", folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, "out", say):
            if asked is None:
                state = State(settings, [])
                refuse_foreign(folder)
                (folder / "report.html").unlink(missing_ok=True)  # it was of an earlier comparison
            else:  # read only now: a process that has just ended may have left more
                state = taken_up(folder, asked, contents)
                if not state.contents:
                    seen = f"{folder} does not say what images it was begun with"
                    say(f"{seen}: {settings.data} was not checked")
            state.contents, state.environment = contents, environment()
            write_json(folder / STATE, dataclasses.asdict(state))
            return _go_on(folder, state, reference, train, existed, progress, say)


def _go_on(folder, state, reference, train, existed, progress, say):
    """Train and score the families that are left, in a folder that is locked; see `compare`."""
    settings, results = state.settings, state.results
    models, fault = {}, None
    try:
        for family in settings.families[len(results) :]:
            models[family], scores = _one_family(family, reference, train, settings, progress, say)
            save_model(models[family], folder / f"{family}.keras")
            results.append(scores)
            write_json(folder / STATE, dataclasses.asdict(state))
    except (KeyboardInterrupt, TrainingDiverged, OSError) as error:
        fault = error
    except BaseException:
        if not results and not existed:
            shutil.rmtree(folder)
        raise
    if results:
        try:
            _write_page(folder, settings, results, models, reference, stopped=bool(fault))
        except OSError:
            if not isinstance(fault, OSError):  # else the first fault says it
                raise
    elif not existed:
        shutil.rmtree(folder)
    if fault and not (results and isinstance(fault, KeyboardInterrupt)):
        raise fault
    return results, "interrupted" if fault else "finished"


def _classes(reference):
    """Number of classes of the models; None if the data has only one."""
    return reference.num_classes if reference.num_classes > 1 else None


def _one_family(family, reference, train, settings, progress, say):
    """A trained model of a family, and its scores with what the training took."""
    seed, num_classes = settings.seed, _classes(reference)
    images, labels = train
    labels = None if num_classes is None else labels
    say(f"{family}: training")
    set_seed(seed)
    model = recipes.build(family, images.shape[1:], num_classes)
    clock = TimeBudget(settings.minutes)
    start = time.perf_counter()
    seen = fit(model, images, labels, clock=clock, seed=seed, progress=progress)
    seconds = clock.seconds or time.perf_counter() - start  # the clock leaves out graph building
    start = time.perf_counter()
    model.finish(images, labels, seed)
    seconds += time.perf_counter() - start
    say(f"{family}: scoring {settings.n:,} samples")
    scores = evaluate(model, n=settings.n, seed=seed, reference=reference)
    return model, {"family": family, **scores, "seconds_train": seconds, "images_seen": seen}


def _write_page(folder, settings, results, models, reference, stopped):
    words = words_of(settings.language)
    num_classes = _classes(reference)
    labels, columns = grid(num_classes)
    drawn_labels = None if num_classes is None else np.array(labels)
    samples, neighbours = {"real": _real(reference, labels)}, {}
    for row in results:
        family = row["family"]
        model = models.get(family) or _reload(folder, family)
        samples[family] = model.sample(len(labels), labels=drawn_labels, seed=settings.seed + 1)
        drawn = samples[family][:6]
        neighbours[family] = (drawn, *reference.nearest(drawn, count=5))
    machine = environment()
    names = reference.class_names
    context = {
        "data": reference.data,
        "budget": 60 * settings.minutes,
        "samples": settings.n,
        "seeds": [settings.seed],
        "features": reference.extractor.name,
        "feature_accuracy": reference.extractor.test_accuracy,
        "interval": words["interval"].format(resampled=told(reference.resampled, words)),
        "hardware": machine.pop("device"),
        "versions": machine,
        "command": command(settings),
        "class_names": None if num_classes is None else [names[k] for k in labels[:columns]],
        "status": words["stopped"].format(n=len(results), total=len(settings.families))
        if stopped
        else None,
        "recommendation": settings.need
        and report.recommend(results, settings.need, settings.language),
    }
    page = folder / "report.html"
    compare_report(page, results, samples, neighbours, context, settings.language)


def _reload(folder, family):
    try:
        return read_keras(folder / f"{family}.keras")
    except ValueError as error:
        raise ValueError(
            f"`out` must be a whole comparison; received {str(folder)!r}, whose {family}.keras"
            f" {error}"
        ) from error


def _real(reference, labels):
    """Held-out images of these classes; where a class has too few, the same ones again."""
    chosen, taken = [], dict.fromkeys(labels, 0)
    for label in labels:
        own = np.flatnonzero((reference.test_labels == label) | (label is None))
        pixels = reference.test_pixels.__getitem__
        if not len(own):  # a small folder can have no test image of a class
            own, pixels = np.flatnonzero(reference.train_labels == label), reference.train_pixels
        chosen.append(pixels(own[taken[label] % len(own)]))
        taken[label] += 1
    return as_float(np.stack(chosen))
