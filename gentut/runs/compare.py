"""All families on one data set and one budget: trained, measured, on one page."""

import dataclasses
import json
import shlex
import shutil
import time
from pathlib import Path

import numpy as np

from gentut import data as image_data
from gentut import report
from gentut.checks import NUMBER, check_choice, check_entries
from gentut.evaluation.evaluate import evaluate
from gentut.evaluation.reference import ReferenceSet, check_count
from gentut.files import write_atomically
from gentut.models import recipes
from gentut.report.compare import compare_report
from gentut.report.scores import check_scores
from gentut.runs import Config, data_options, fit, grid, save_model
from gentut.runs.contents import check_contents, describe, difference
from gentut.runs.guard import NAME as LOCK
from gentut.runs.guard import locked, room
from gentut.runs.versions import read_keras, unreadable
from gentut.training.callbacks import TimeBudget, TrainingDiverged
from gentut.training.devices import environment
from gentut.training.step import seed as set_seed

FAMILIES = ("gaussian", "mixture", "vae", "gan", "flow", "latent_flow")
DEFAULTS = {
    "data": "glyphs", "families": FAMILIES, "minutes": 0.75, "n": 5_000, "seed": 0, "size": None,
    "channels": None, "skip_unreadable": False, "need": None,
}  # fmt: skip
STATE = "compare.json"  # settings and the scores so far; it also marks the folder as ours


@dataclasses.dataclass
class State:
    """What ``compare.json`` holds."""

    settings: dict
    results: list  # scores of the families that are finished
    contents: dict = dataclasses.field(default_factory=dict)  # see `gentut.runs.contents`
    environment: dict = dataclasses.field(default_factory=dict)  # of the newest start


def compare(data=None, out="runs/compare", *, families=None, minutes=None, n=None, seed=None,
            size=None, channels=None, skip_unreadable=None, need=None, resume=False,
            progress=False, say=lambda line: None):  # fmt: skip
    """Train each family for the same time, score it on held-out images, write one page.

    Args:
        data: what `gentut.data.load` takes, default "glyphs"; with two classes or more, the
            models are class-conditional.
        out: folder for ``report.html``, one ``FAMILY.keras`` each and ``compare.json`` (settings
            and scores); made if missing.  An earlier comparison in it is replaced.
        families: different ones of `gentut.models.recipes.FAMILIES`; default `FAMILIES` of
            this module.
        minutes: training time of each, default 0.75; the statistical models take what they need.
        n: generated images to score, default 5,000.
        seed: of everything, default 0.
        size, channels, skip_unreadable: for a folder of images, see `gentut.runs.train`.
        need: a key of `gentut.report.NEEDS`, for which the page recommends a family; see
            `gentut.choose`.
        resume: go on with a comparison that was stopped, with the settings it was begun with; the
            families that it has finished are kept.  Only `data` can be new: the place where the
            same images are now.
        progress: show a progress bar on the terminal.
        say: called with a line of text at each stage.

    Returns:
        One dict of scores per family, and "finished" or "interrupted" (by Ctrl-C; what is
        finished is on the page).

    Raises:
        ValueError, TypeError, FileNotFoundError: an argument, the data or the folder is not what
            it must be, or another process works in it; nothing is left behind or changed.
        TrainingDiverged: a loss became NaN; the families before are on the page.
        OSError: the disk is full; the families before are on the page, if it had room.
    """
    asked = {
        "data": None if data is None else str(data), "families": families and list(families),
        "minutes": minutes, "n": n, "seed": seed, "size": size, "channels": channels,
        "skip_unreadable": skip_unreadable, "need": need,
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value is not None}
    folder = Path(out)
    if resume:
        settings = taken_up(folder, asked).settings
    else:
        settings = {**DEFAULTS, **asked}
        _refuse_foreign(folder)
        _check(settings)
    options = data_options(*(settings[k] for k in ("size", "channels", "skip_unreadable")))
    say(f"{settings['data']}: reading the images and their features")
    reference = ReferenceSet(settings["data"], options, seed=settings["seed"])
    # All training images, in the order of the files: a judge has shuffled ones, and not always all.
    train = image_data.load(settings["data"], "train", **options)
    contents = describe(settings["data"], *train)
    existed = folder.is_dir()
    with room("comparison", folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, "out", say):
            # Read only now: a process that has just ended may have left more.
            state = taken_up(folder, asked, contents) if resume else State(settings, [])
            if resume and not state.contents:
                seen = f"{folder} does not say what images it was begun with"
                say(f"{seen}: {settings['data']} was not checked")
            if not resume:
                _refuse_foreign(folder)
                (folder / "report.html").unlink(missing_ok=True)  # it was of an earlier comparison
            state.contents, state.environment = contents, environment()
            _write_state(folder, state)
            return _go_on(folder, state, reference, train, existed, progress, say)


def _go_on(folder, state, reference, train, existed, progress, say):
    """Train and score the families that are left, in a folder that is locked; see `compare`."""
    settings, results = state.settings, state.results
    models, fault = {}, None
    try:
        for family in settings["families"][len(results) :]:
            models[family], scores = _one_family(family, reference, train, settings, progress, say)
            save_model(models[family], folder / f"{family}.keras")
            results.append(scores)
            _write_state(folder, state)
    except (KeyboardInterrupt, TrainingDiverged, OSError) as error:
        fault = error
    except BaseException:
        if not results and not existed:
            shutil.rmtree(folder)
        raise
    if results:
        stopped = f"Stopped after {len(results)} of {len(settings['families'])} families."
        try:
            _write_page(folder, settings, results, models, reference, fault and stopped)
        except OSError:
            if not isinstance(fault, OSError):  # else the first fault says it
                raise
    elif not existed:
        shutil.rmtree(folder)
    if fault and not (results and isinstance(fault, KeyboardInterrupt)):
        raise fault
    return results, "interrupted" if fault else "finished"


def _check(settings):
    """Raise unless these are settings of a comparison."""
    families = settings["families"]
    if not families or len(set(families)) < len(families):
        raise ValueError(f"`families` must be different families; received {families}.")
    shared = ("data", "minutes", "size", "channels", "skip_unreadable", "seed")
    for family in families:
        Config(family, **{name: settings[name] for name in shared})
    check_count(settings["n"])
    if settings["need"] is not None:
        check_choice("need", settings["need"], report.NEEDS)


def _classes(reference):
    """Number of classes of the models; None if the data has only one."""
    return reference.num_classes if reference.num_classes > 1 else None


def _one_family(family, reference, train, settings, progress, say):
    """A trained model of a family, and its scores with what the training took."""
    seed, num_classes = settings["seed"], _classes(reference)
    images, labels = train
    labels = None if num_classes is None else labels
    say(f"{family}: training")
    set_seed(seed)
    model = recipes.build(family, images.shape[1:], num_classes)
    clock = TimeBudget(settings["minutes"])
    start = time.perf_counter()
    seen = fit(model, images, labels, clock=clock, seed=seed, progress=progress)
    seconds = clock.seconds or time.perf_counter() - start  # the clock leaves out graph building
    start = time.perf_counter()
    model.finish(images, labels, seed)
    seconds += time.perf_counter() - start
    say(f"{family}: scoring {settings['n']:,} samples")
    scores = evaluate(model, n=settings["n"], seed=seed, reference=reference)
    return model, {"family": family, **scores, "seconds_train": seconds, "images_seen": seen}


def _write_page(folder, settings, results, models, reference, status):
    num_classes = _classes(reference)
    labels, columns = grid(num_classes)
    drawn_labels = None if num_classes is None else np.array(labels)
    samples, neighbours = {"real": _real(reference, labels)}, {}
    for row in results:
        family = row["family"]
        model = models.get(family) or _reload(folder, family)
        samples[family] = model.sample(len(labels), labels=drawn_labels, seed=settings["seed"] + 1)
        drawn = samples[family][:6]
        neighbours[family] = (drawn, *reference.nearest(drawn, count=5))
    machine = environment()
    names = reference.class_names
    context = {
        "data": reference.data,
        "budget": 60 * settings["minutes"],
        "samples": settings["n"],
        "seeds": [settings["seed"]],
        "features": reference.extractor.name,
        "feature_accuracy": reference.extractor.test_accuracy,
        "interval": "95 %, from random halves of real and generated images; one training seed",
        "hardware": machine.pop("device"),
        "versions": machine,
        "command": command(settings),
        "class_names": None if num_classes is None else [names[k] for k in labels[:columns]],
        "status": status,
        "recommendation": settings["need"] and report.recommend(results, settings["need"]),
    }
    compare_report(folder / "report.html", results, samples, neighbours, context)


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
        own = reference.test if label is None else reference.test[reference.test_labels == label]
        if not len(own):  # a small folder can have no test image of a class
            own = reference.train[reference.train_labels == label]
        chosen.append(own[taken[label] % len(own)])
        taken[label] += 1
    return np.stack(chosen)


def command(settings):
    """The command line that repeats a comparison, or a choice."""
    families, minutes, need = (settings[name] for name in ("families", "minutes", "need"))
    words = ["gentut", "choose" if need else "compare", "--data", Path(settings["data"]).name]
    words += ["--need", need, "--families", *families] if need else ["--families", *families]
    minutes *= len(clocked(families)) if need else 1
    words += ["--minutes", f"{minutes:g}", "-n", str(settings["n"])]
    for name in ("size", "channels"):
        if settings[name] is not None:
            words += [f"--{name}", str(settings[name])]
    words += ["--skip-unreadable"] * settings["skip_unreadable"]
    return shlex.join([*words, "--seed", str(settings["seed"])])


def clocked(families):
    """Those that train by the clock; the statistical ones take the seconds that they need."""
    return [family for family in families if recipes.is_iterative(family)] or list(families)


def _write_state(folder, state):
    write_atomically(folder / STATE, json.dumps(dataclasses.asdict(state), indent=2) + "\n")


def _refuse_foreign(folder):
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`out` must be a folder; received {str(folder)!r}, which is a file.")
    others = folder.is_dir() and any(path.name != LOCK for path in folder.iterdir())
    if others and not (folder / STATE).is_file():
        raise ValueError(
            "`out` must be new, empty, or the folder of an earlier comparison; received"
            f" {str(folder)!r}, which holds other files."
        )


def taken_up(folder, asked, contents=None):
    """The `State` of a comparison that goes on.

    Args:
        folder: where it is.
        asked: settings that must be those it was begun with.
        contents: what the data hold now, see `gentut.runs.contents`; None not to compare them.
    """
    path = folder / STATE
    if not path.is_file():
        raise FileNotFoundError(
            f"`out` must be the folder of a comparison that was stopped; received {str(folder)!r},"
            f" which holds no {STATE}."
        )
    found = {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        state = _checked_state(found)
    except (ValueError, TypeError, RecursionError) as error:
        written = found.get("environment") if isinstance(found, dict) else None
        raise ValueError(
            f"`out` must be a whole comparison; received {str(folder)!r}, whose {STATE}"
            f" {unreadable(written)}: {error}"
        ) from error
    if state.contents:  # by which the same images are known, wherever they are
        state.settings["data"] = asked.get("data", state.settings["data"])
    for name, value in asked.items():
        if value != state.settings[name]:
            raise ValueError(
                f"`{name}` must stay what the comparison was begun with, {state.settings[name]!r};"
                f" received {value!r}. Leave it out with --resume."
            )
    change = contents and state.contents and difference(state.contents, contents)
    if change:
        raise ValueError(
            f"`data` must hold what the comparison {str(folder)!r} was begun with; received"
            f" {state.settings['data']!r}, which has changed: {change}."
        )
    return state


def _checked_state(found):
    """The `State` in what a file holds, each entry of the type that it must have."""
    check_entries(found, {"settings": dict, "results": list})
    odd = set(found) - {field.name for field in dataclasses.fields(State)}
    odd |= set(found["settings"]) ^ set(DEFAULTS)
    if odd:
        raise ValueError(f"it holds an unknown entry, or lacks one: {min(odd)!r}")
    check_entries(found["settings"], {"families": list, "minutes": NUMBER})
    _check(found["settings"])
    needed = ("frechet_distance", "frechet_distance_real", "frechet_distance_noise")
    for scores in found["results"]:
        check_scores(scores, {"family": str, **dict.fromkeys(needed, NUMBER)})
    finished = [scores["family"] for scores in found["results"]]
    if finished != found["settings"]["families"][: len(finished)]:
        raise ValueError("settings and results do not belong together")
    state = State(**found)
    check_entries(dataclasses.asdict(state), {"contents": dict, "environment": dict})
    if state.contents:
        check_contents(state.contents)
    return state
