"""The numbers of notebook 08: what time, data, sampling steps and the kind of image do to quality.

    taskset -c 0 python tests/benchmarks/trends.py       # letters: 25 minutes on one core
    python tests/benchmarks/trends.py --parts data --minutes 8    # stop in time, then go on
    python tests/benchmarks/trends.py --parts images minutes --photographs FOLDER   # 90 minutes
    python tests/benchmarks/trends.py --table                  # the table again, no run

time    quality of each family against training time, on letters
steps   quality of the flow of part "time" against velocity evaluations per image
data    quality against the number of training images, with and without augmentation, on letters
images  what is new with colour photographs of 32 and 64 pixels (`--photographs FOLDER`)
minutes what 5 and 30 minutes on such photographs give, seen by a judge that tells their ten classes
        (the folder is the CIFAR-10 sample that it was trained on), and a sheet of drawn ones

The machine may be shared, so that no budget is wall time: "data" counts images that pass through
training, the other parts CPU seconds of the process (more cores burn more of them in a second, and
use them less well).
Rows are stored as soon as they are there; the same command goes on where it stopped.
"""

import argparse
import datetime
import json
import sys
import time
from pathlib import Path

import gentut  # before TensorFlow

# isort: split
import numpy as np
from trainings import CpuBudget

from gentut import data, features, metrics, plots, runs
from gentut.evaluation.reference import ReferenceSet
from gentut.files import write_atomically
from gentut.training import devices

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "data/results"  # which the notebooks read, and the wheel brings along
FAMILIES = ("vae", "gan", "flow", "latent_flow")
TIMES = (10, 40, 160)  # CPU seconds
STEPS = {"euler": (1, 2, 4, 8, 16, 64), "heun": (1, 2, 4, 8, 32)}
SIZES = (100, 1000, 16210)  # training images, drawn evenly from the classes
SEEN = 48_000  # images that pass through training in part "data", repetitions counted
EPOCH = 8_000  # of them in an epoch; a smaller training set is repeated to fill it
AUGMENT = ("translation", "cutout")
WAYS = ("gan", "gan augmented")
PHOTOGRAPHS = {32: ("mixture", "gan", "latent_flow"), 64: ("mixture", "gan")}
PHOTOGRAPH_TIME = 30  # CPU seconds
MINUTES = {5: ("mixture", "vae", "flow", "gan", "latent_flow"), 30: ("gan", "latent_flow")}
GENERATED = 2_000


def train(family, images, labels, seed, cpu_seconds=None, seen=None, **settings):
    """A model trained on CPU seconds or on a number of images, and what that took."""
    gentut.seed(seed)
    model = gentut.build(family, images.shape[1:], int(labels.max()) + 1, **settings)
    start = time.process_time()
    if family == "mixture":
        model.fit(images, labels, seed=seed)
        return model, {"images_seen": len(images), "cpu_seconds": time.process_time() - start}
    options = {"seed": seed, "verbose": 0}
    if cpu_seconds is None:
        rows = np.arange(max(EPOCH, len(images))) % len(images)  # a small set fills an epoch too
        model.fit(images[rows], labels[rows], epochs=round(seen / len(rows)), **options)
    else:
        model.fit(images, labels, callbacks=[CpuBudget(cpu_seconds / 60)], **options)
    model.finish(images, labels, seed)
    seen = int(model.optimizer.iterations) * min(model.default_batch_size, len(images))
    return model, {"images_seen": seen, "cpu_seconds": time.process_time() - start}


def scores(model, reference, seed):
    """What is told of a model; the notebook and `gentut.evaluate` say what the keys mean."""
    labels, start = reference.labels(GENERATED), time.process_time()
    drawn = model.sample(GENERATED, labels=labels, seed=seed)
    cpu = 1000 * (time.process_time() - start) / GENERATED
    real, codes = reference.test_features, reference.extractor(drawn)
    distance = metrics.subset_interval(metrics.frechet_distance, real, codes, seed=seed)
    shares = metrics.precision_recall_density_coverage(real, codes)
    return {
        "frechet_distance": distance.value,
        "frechet_distance_low": max(0.0, distance.low),
        "frechet_distance_high": distance.high,
        "frechet_distance_real": reference.floor(),
        "frechet_distance_noise": reference.ceiling(),
        "precision": float(shares["precision"]),
        "recall": float(shares["recall"]),
        "coverage": float(shares["coverage"]),
        **_copying(reference.train_features, reference, codes),
        "n_generated": len(drawn),
        "n_real": len(real),
        "features": reference.extractor.name,
        "cpu_seconds_per_1000": cpu,
    }


def _copying(known, reference, codes):
    found = metrics.memorisation(known, reference.test_features, codes)
    return {
        "distance_to_training": found["generated_distance"] / found["heldout_distance"],
        "memorisation_closer": found["closer"],
    }


def even(images, labels, count):
    """`count` images, as many of each class: the first of each, in the order of the data."""
    place = np.zeros(len(labels), int)  # how many of its class stand before it
    for label in np.unique(labels):
        own = labels == label
        place[own] = np.arange(own.sum())
    rows = np.sort(np.argsort(place, kind="stable")[:count])
    return images[rows], labels[rows]


def jobs(parts, seed, cache, photographs):
    """Every row that is wanted: what it is called, and a function that makes its numbers."""
    references = {}

    def judge(name, **options):
        key = (str(name), *options.items())
        if key not in references:
            references[key] = ReferenceSet(name, options, limit=GENERATED, seed=seed)
        return references[key]

    def judge_of_objects():
        """The photographs, seen by the classifier that knows their classes."""
        if "objects" not in references:
            referee = ReferenceSet(photographs, limit=GENERATED, seed=seed)
            referee.extractor = features.load("cifar10_sample")
            referee.train_features = referee.extractor(referee.train)
            referee.test_features = referee.extractor(referee.test)
            references["objects"] = referee
        return references["objects"]

    def of_time(family, seconds):
        model, cost = train(family, *data.load("glyphs", "train"), seed, cpu_seconds=seconds)
        if (family, seconds) == ("flow", TIMES[-1]):
            runs.save_model(model, cache / f"flow-{seed}.keras")
        return cost | scores(model, judge("glyphs"), seed)

    def of_steps(method, steps):
        model = runs.load_model(cache / f"flow-{seed}.keras")
        model.sample = _with(model.sample, steps=steps, method=method)
        # Heun's last step is one of Euler's.
        looks = 2 * steps - 1 if method == "heun" else steps
        return {"evaluations": looks} | scores(model, judge("glyphs"), seed)

    def of_data(way, size):
        images, labels = even(*data.load("glyphs", "train"), size)
        settings = {"augment": AUGMENT} if way.endswith("augmented") else {}
        model, cost = train(way.split()[0], images, labels, seed, seen=SEEN, **settings)
        referee = judge("glyphs")
        found = cost | scores(model, referee, seed)
        # Copies are sought among the images that the model knows.
        drawn = model.sample(GENERATED, labels=referee.labels(GENERATED), seed=seed)
        return found | _copying(referee.extractor(images), referee, referee.extractor(drawn))

    def of_images(family, size):
        options = {"size": size}
        images, labels = data.load(photographs, "train", **options)
        model, cost = train(family, images, labels, seed, cpu_seconds=PHOTOGRAPH_TIME)
        return cost | scores(model, judge(photographs, **options), seed)

    def of_minutes(family, minutes):
        images, labels = data.load(photographs, "train")
        model, cost = train(family, images, labels, seed, cpu_seconds=60 * minutes)
        referee = judge_of_objects()
        wanted = referee.labels(GENERATED)
        drawn = model.sample(GENERATED, labels=wanted, seed=seed)
        np.save(cache / f"photographs-{family}-{minutes}-{seed}.npy", first_of_each(drawn, wanted))
        told = referee.extractor.probabilities(drawn).argmax(-1) == wanted
        real = referee.extractor.probabilities(referee.test).argmax(-1) == referee.test_labels
        return (
            cost
            | scores(model, referee, seed)
            | {"told": float(told.mean()), "told_real": float(real.mean())}
        )

    minutes = [(f, m) for m, families in MINUTES.items() for f in families]
    every = {
        "time": [(of_time, {"family": f, "budget": t}) for t in reversed(TIMES) for f in FAMILIES],
        "steps": [(of_steps, {"method": m, "steps": s}) for m in STEPS for s in STEPS[m]],
        "data": [(of_data, {"way": w, "size": n}) for n in SIZES for w in WAYS],
        "images": [
            (of_images, {"family": f, "size": n}) for n, fs in PHOTOGRAPHS.items() for f in fs
        ],
        "minutes": [(of_minutes, {"family": f, "minutes": m}) for f, m in minutes],
    }
    for part in parts:
        if part in ("images", "minutes") and not photographs:
            continue
        for function, names in every[part]:
            yield {"part": part, **names, "seed": seed}, function, tuple(names.values())


def first_of_each(images, labels):
    """The first image of each class."""
    return images[np.unique(labels, return_index=True)[1]]


def sheet(cache, photographs, seed):
    """A figure of the first photograph and the first drawn picture of each class, or None."""
    images, labels = data.load(photographs, "test")
    rows = {"test photographs": first_of_each(images, labels)}
    for minutes, families in MINUTES.items():
        for family in families:
            file = cache / f"photographs-{family}-{minutes}-{seed}.npy"
            if not file.is_file():
                return None
            after = "" if family == "mixture" else f", {minutes} min"
            name = family.upper() if family in ("gan", "vae") else family.replace("_", " ")
            rows[name + after] = np.load(file)
    return plots.comparison(rows, titles=data.class_names(photographs))


def _with(sample, **fixed):
    return lambda n, labels=None, seed=None: sample(n, labels, seed, **fixed)


PARTS = ("time", "steps", "data", "images", "minutes")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--photographs", help="folder of colour photographs, in class folders")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after them")
    parser.add_argument("--log", default=RESULTS / "trends.json")
    parser.add_argument("--out", default=HERE / "trends.md")
    parser.add_argument("--cache", default="runs/trends", help="folder of trained models")
    parser.add_argument("--table", action="store_true", help="no run, only the table")
    options = parser.parse_args(arguments)
    path, end = Path(options.log), time.perf_counter() + 60 * options.minutes
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": []}
    cache = Path(options.cache)
    cache.mkdir(parents=True, exist_ok=True)
    for seed in () if options.table else options.seeds:
        for names, function, values in jobs(options.parts, seed, cache, options.photographs):
            if any(names.items() <= row.items() for row in stored["rows"]):
                continue
            if time.perf_counter() > end:
                print("stopped in time; the same command goes on", file=sys.stderr)
                break
            row = names | function(*values)
            machine = devices.environment()
            row |= {
                "machine": ", ".join(f"{k} {v}" for k, v in machine.items()),
                "date": datetime.date.today().isoformat(),
            }
            stored["rows"].append(row)
            write_atomically(path, json.dumps(stored, indent=1) + "\n")
            print(*names.values(), f"{row['frechet_distance']:.3g}", f"{row['coverage']:.2f}")
    figure = options.photographs and sheet(cache, options.photographs, options.seeds[0])
    if figure:
        write_atomically(RESULTS / "photographs.png", plots.png(figure, dpi=100))
    write_atomically(Path(options.out), markdown(stored))


TITLES = {
    "time": "Training time: letters, class-conditional, CPU seconds of training",
    "steps": f"Sampling steps of the flow that was trained for {TIMES[-1]} CPU seconds",
    "data": f"Number of training letters; {SEEN:,} images pass through each training",
    "images": f"Colour photographs, class-conditional, {PHOTOGRAPH_TIME} CPU seconds of training",
    "minutes": "Colour photographs of 32×32, class-conditional, minutes of one core",
}
COLUMNS = {
    "time": ("family", "budget", "images_seen"),
    "steps": ("method", "steps", "evaluations"),
    "data": ("way", "size", "memorisation_closer"),
    "images": ("family", "size", "images_seen"),
    "minutes": ("family", "minutes", "images_seen", "told", "memorisation_closer"),
}
SHOWN = (
    "frechet_distance",
    "coverage",
    "precision",
    "distance_to_training",
    "cpu_seconds_per_1000",
)


def markdown(stored):
    """The stored rows as tables, and how they came about."""
    lines = ["# Time, steps, data and kinds of images", ""]
    for part in PARTS:
        rows = [row for row in stored["rows"] if row["part"] == part]
        if not rows:
            continue
        columns = (*COLUMNS[part], *SHOWN, "seed")
        lines += [f"## {TITLES[part]}", "", "| " + " | ".join(c.replace("_", " ") for c in columns)]
        lines[-1] += " |"
        lines.append("|---" * len(columns) + "|")
        for row in rows:
            lines.append("| " + " | ".join(_cell(row, column) for column in columns) + " |")
        first = rows[0]
        lines += [
            "",
            f"Real images score {first['frechet_distance_real']:.3g}, noise "
            f"{first['frechet_distance_noise']:.3g}; {first['n_generated']:,} generated "
            f"images against {first['n_real']:,} test images, seen by: {first['features']}."
            + (
                f" Told of real test images: {first['told_real']:.2f}." if part == "minutes" else ""
            ),
            "",
        ]
    lines += [
        "- In brackets: 95 % intervals, from random halves of the images; another training seed"
        " would change more. Fréchet distance: lower is better. Coverage, precision: higher.",
        "- memorisation closer: how often a drawn image is nearer to a training image than a test"
        " image is; 0.5 is neutral. told: how often the classifier sees in a drawn photograph the"
        f" class that was asked for. Augmented: {' and '.join(AUGMENT)}.",
        "- 64-pixel photographs are the 32-pixel ones, enlarged: larger, not richer.",
        "- Each training had one core; budgets are its CPU seconds, or images. No GPU was there.",
        *(
            f"- {fact.capitalize()}: {of_rows(stored['rows'], fact)}."
            for fact in ("machine", "date")
        ),
        "- Command: `taskset -c 0 python tests/benchmarks/trends.py --photographs FOLDER`,"
        " photographs: 32×32 CIFAR-10 sample, one folder per class.",
    ]
    return "\n".join(lines) + "\n"


def of_rows(rows, fact):
    """What the rows say of where and when they were made, each answer once."""
    return "; ".join(sorted({row[fact] for row in rows})) or "none yet"


def _cell(row, column):
    value = row[column]
    if column == "frechet_distance":
        return f"{value:.3g} ({row[f'{column}_low']:.3g} to {row[f'{column}_high']:.3g})"
    if column == "images_seen":
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
