"""All families on one data set and one budget: trained, measured, on one page."""

import time
from pathlib import Path

import numpy as np

from gentut import data as image_data
from gentut import presets, report
from gentut.callbacks import Progress, TimeBudget
from gentut.checks import check_choice
from gentut.evaluation import Judge, evaluate
from gentut.runs import data_options, save_model
from gentut.training import device
from gentut.training import seed as set_seed

FAMILIES = ("gaussian", "mixture", "vae", "gan")


def compare(data="glyphs", out="runs/compare", *, families=FAMILIES, minutes=1.0, n=5_000, seed=0,
            size=None, channels=None, say=lambda line: None):  # fmt: skip
    """Train each family for the same time, score it on held-out images, write one page.

    Args:
        data: what `gentut.data.load` takes; labels are used (class-conditional models).
        out: folder for ``report.html`` and one ``FAMILY.keras`` each; made if missing.
        families: keys of `gentut.presets.RECIPES`.
        minutes: training time of each; the statistical models take what they need.
        n: generated images to score.
        seed: of everything.
        size, channels: for a folder of images.
        say: called with a line of text at each stage.

    Returns:
        One dict of scores per family.
    """
    for family in families:
        check_choice("families", family, presets.FAMILIES)
    TimeBudget(minutes)  # refuses a bad budget before any work
    options = data_options({"size": size, "channels": channels})
    images, labels = image_data.load(data, "train", **options)
    judge = Judge(data, options, seed=seed)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    floor, ceiling = judge.floor(), judge.ceiling()
    first = {c: np.flatnonzero(judge.test_labels == c) for c in range(judge.num_classes)}
    columns = min(judge.num_classes, 10)
    strip = np.tile(np.arange(columns), 4)
    real = np.stack([judge.test[first[c][i // columns]] for i, c in enumerate(strip)])
    rows, samples, neighbours, results = [], {"real": real}, {}, []
    for family in families:
        say(f"{family}: training")
        set_seed(seed)
        model = presets.build(family, images.shape[1:], judge.num_classes)
        clock = TimeBudget(minutes)
        start = time.perf_counter()
        if family in ("gaussian", "mixture"):
            model.fit(images, labels, seed=seed)
            seconds, seen = time.perf_counter() - start, len(images)
        else:
            model.fit(
                images,
                labels,
                callbacks=[clock, Progress(clock, model.default_batch_size)],
                seed=seed,
                verbose=0,
            )
            seconds = clock.seconds
            seen = int(model.optimizer.iterations) * model.default_batch_size
        if hasattr(model, "fit_prior"):
            start = time.perf_counter()
            model.fit_prior(images, labels, seed=seed)
            seconds += time.perf_counter() - start
        save_model(model, folder / f"{family}.keras")
        say(f"{family}: scoring {n:,} samples")
        scores = evaluate(model, data, n, seed, judge)
        results.append({"family": family, **scores, "seconds_train": seconds, "images_seen": seen})
        rows.append({
            "family": family,
            "frechet": scores["frechet_distance"],
            "frechet_interval": (scores["frechet_distance_low"], scores["frechet_distance_high"]),
            **{k: scores[k] for k in ("precision", "recall", "density", "coverage", "parameters",
                                      "seconds_per_1000")},
            "memorisation": scores["distance_to_training"],
            "seconds_train": seconds,
            "images_seen": seen,
        })  # fmt: skip
        samples[family] = model.sample(len(strip), labels=strip, seed=seed + 1)
        drawn = samples[family][:6]
        neighbours[family] = (drawn, *judge.nearest(drawn, count=5))
    environment = report.environment(device())
    context = {
        "data": judge.data,
        "budget": 60 * minutes,
        "samples": n,
        "seeds": [seed],
        "features": judge.extractor.name,
        "feature_accuracy": judge.extractor.test_accuracy,
        "real_floor": floor,
        "noise_floor": ceiling,
        "interval": "95 % from subsets of real and generated images; one training seed",
        "hardware": environment.pop("device"),
        "versions": environment,
        "command": f"gentut compare --data {Path(judge.data).name} --minutes {minutes:g}"
        f" --seed {seed}",
        "class_names": class_names(data, judge.num_classes),
    }
    report.compare_report(folder / "report.html", rows, samples, neighbours, context)
    return results


def class_names(data, num_classes):
    """Names of the classes if the data set has them, else their numbers."""
    if hasattr(image_data, "class_names"):
        return image_data.class_names(data)
    return [str(i) for i in range(num_classes)]
