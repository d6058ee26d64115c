"""When do generated images help a network to see?  Learning curves of three vision tasks.

    python tests/benchmarks/tasks_sweep.py            # everything, about 45 minutes of one core
    python tests/benchmarks/tasks_sweep.py --tasks classification --sizes 10 --seeds 0
    python tests/benchmarks/tasks_sweep.py --minutes 8     # stop in time; call again to go on
    python tests/benchmarks/tasks_sweep.py --table         # the table again, no run

For each number of real letters of each class and each seed, real letters are drawn anew, and a
VAE and a GAN are trained on THEM ALONE, both on the same number of images.  Each then draws 1,000
letters of each class.  Networks are trained on real letters, on generated ones, or on half and
half, with or without ordinary augmentation, and tested on letters of other typefaces.  Like is
compared with like: plain with plain real letters, augmented with augmented real letters.
The pretrained GAN of the package has seen all 16,210 train letters: it is shown as an upper bound
that is not to be had in practice, where those letters would be real data.

Rows are stored as soon as they are there (`--log`); the same command goes on where it stopped.
Drawn letters lie in `--cache`; both have to go when the code of the models changes.
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

from gentut import data, metrics, tasks
from gentut.evaluation import features
from gentut.tasks import curve
from gentut.training import devices

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "data/results"  # which the notebooks read, and the wheel brings along
FAMILIES = ("vae", "gan")
SEEN = 40_000  # images that a neural generator is trained on, repetitions counted
EPOCH = 8_000  # of them in one epoch; a smaller train set is repeated to fill it
DRAWN = 1_000  # generated images of each class
STEPS = {"classification": 320, "detection": 400, "segmentation": 400}
SCENES = 4_000  # train scenes, for detection and segmentation
SIZES = {"classification": (10, 1000), "detection": (10,), "segmentation": (10,)}
SEEDS = (0, 1, 2)
AUGMENTED = ", augmented"
SEEN_ALL = "real + pretrained"
WAYS = {
    "classification": (
        *("real", "vae", "gan", "real + vae", "real + gan"),
        *(way + AUGMENTED for way in ("real", "real + vae", "real + gan", SEEN_ALL)),
    ),
    "detection": ("real", "real + gan", SEEN_ALL),
    "segmentation": ("real", "real + gan", SEEN_ALL),
}
QUALITY = """\
Trained on so many real letters of each class; means over seeds. Label error: our judge takes the
letter for another one. Copies: nearer to a train letter than 95 % of test letters are (5 % if
nothing is copied)."""
NOTE = """\
{steps} steps each; {done} of {planned} planned trainings are there. Mean ± half the 95 % interval
over trainings and test {unit}s (how many seeds). ▲ better and ▼ worse than real letters of the same
line of the table above, plain with plain and augmented with augmented, where the 95 % interval of
the difference, paired by seed and by test {unit}, excludes zero."""


def baseline(way):
    """Real letters, augmented if the way is."""
    return "real" + AUGMENTED if way.endswith(AUGMENTED) else "real"


def title(way):
    """How the table names a way to train."""
    way = way.replace("pretrained", "pretrained GAN (has seen all)")
    return f"{way} alone" if way in FAMILIES else way


class Letters:
    """Real letters, and those of generators that were trained on so many of them."""

    def __init__(self, cache):
        self.real = data.load("glyphs", "train")
        self.test = data.load("glyphs", "test")
        self.families = data.sources("glyphs", "test")
        self.cache = Path(cache)
        self.cache.mkdir(parents=True, exist_ok=True)
        self.labels = np.repeat(np.arange(10, dtype="int32"), DRAWN)

    def subset(self, per_class, seed):
        return tasks.subset(*self.real, per_class, seed)

    def generated(self, family, per_class, seed):
        """Images and labels of a generator that knows only `subset(per_class, seed)`."""
        path = self.cache / f"{family}-{per_class}-{seed}.npz"
        if not path.is_file():
            images = draw(family, *self.subset(per_class, seed), self.labels, seed)
            temporary = path.with_suffix(".part.npz")
            np.savez_compressed(temporary, images=np.round(images * 255).astype("uint8"))
            temporary.replace(path)
        with np.load(path, allow_pickle=False) as stored:
            return stored["images"].astype("float32") / 255, self.labels

    def ways(self, names):
        """Name -> function of per_class and seed: what to train on, and whether to augment."""

        def way(name):
            base = name.removesuffix(AUGMENTED)
            family = base.removeprefix("real + ")

            def make(per_class, seed):
                if base == "real":
                    train = self.subset(per_class, seed)
                elif base == family:
                    train = self.generated(family, per_class, seed)
                else:
                    drawn = self.generated(family, per_class, seed)
                    train = tasks.mixed(self.subset(per_class, seed), drawn)
                return train, base != name

            return make

        return {name: way(name) for name in names}


def draw(family, images, labels, wanted, seed):
    """Train a family on these images alone (the pretrained one not at all) and draw from it."""
    if family == "pretrained":
        return gentut.load_pretrained("gan-glyphs").sample(len(wanted), labels=wanted, seed=seed)
    gentut.seed(seed)
    model = gentut.build(family, images.shape[1:], num_classes=10)
    rows = np.arange(max(EPOCH, len(labels))) % len(labels)
    model.fit(images[rows], labels[rows], epochs=round(SEEN / len(rows)), seed=seed, verbose=0)
    if family == "vae":
        model.fit_prior(images, labels, seed=seed)
    return model.sample(len(wanted), labels=wanted, seed=seed)


def measure(letters, judge, family, per_class, seed, known):
    """Why it helps or not: wrong labels, lost variety, copies.  A row of numbers.

    label_error: share of drawn letters that our judge (trained on all real train letters, so a good
    referee, and not part of the experiment) takes for another letter than asked.  coverage and
    precision: against the test letters, in the judge's features.  copies: share of drawn letters
    that lie nearer to a train letter than 95 % of test letters do; 5 % if nothing is copied.
    """
    images, labels = letters.generated(family, per_class, seed)
    rows = np.random.default_rng(seed).permutation(len(labels))[: len(known)]
    found = judge(images[rows])
    train = judge(letters.subset(per_class, seed)[0])
    near = np.quantile(metrics.nearest_distances(known, train), 0.05)
    shares = metrics.precision_recall_density_coverage(known, found)
    return {
        "family": family,
        "per_class": per_class,
        "seed": seed,
        "label_error": float(np.mean(judge.classify(found).argmax(-1) != labels[rows])),
        "coverage": float(shares["coverage"]),
        "precision": float(shares["precision"]),
        "copies": float(np.mean(metrics.nearest_distances(found, train) < near)),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", nargs="+", choices=tasks.TASKS, default=list(tasks.TASKS))
    parser.add_argument("--sizes", nargs="+", type=int, help="real images of each class")
    parser.add_argument("--seeds", nargs="+", type=int, help="default 0 1 2")
    parser.add_argument(
        "--ways",
        nargs="+",
        metavar="WAY",
        choices=sorted({way for ways in WAYS.values() for way in ways}),
        help="rows of the table; default the task's",
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after them")
    parser.add_argument("--log", default=RESULTS / "tasks_sweep.json")
    parser.add_argument("--out", default=HERE / "tasks_sweep.md")
    parser.add_argument("--cache", default="runs/tasks_sweep", help="folder of drawn letters")
    parser.add_argument("--table", action="store_true", help="no run, only the table")
    options = parser.parse_args(arguments)
    stored = read(options.log)
    if not options.table:
        try:
            sweep(options, stored, time.perf_counter() + 60 * options.minutes)
        except TimeoutError:
            print("stopped in time; the same command goes on", file=sys.stderr)
    Path(options.out).write_text(markdown(stored), encoding="utf-8")


def sweep(options, stored, end):
    """Make the rows that are missing."""
    letters, judge = Letters(options.cache), features.load("glyphs")
    environment = devices.environment()
    stored["machine"] = ", ".join(f"{k} {v}" for k, v in environment.items())
    known = None

    def keep(row, name="rows"):
        stored[name].append(row)
        stored["date"] = datetime.date.today().isoformat()
        write(options.log, stored)
        told = [v for k, v in row.items() if k != "draws"]
        print(" ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in told), flush=True)
        if time.perf_counter() > end:
            raise TimeoutError

    for task in options.tasks:
        ways = letters.ways([way for way in WAYS[task] if way in (options.ways or WAYS[task])])
        sizes = options.sizes or SIZES[task]
        same = {"sources": letters.families, "scenes": SCENES, "steps": STEPS[task]}
        trial = tasks.Trial(task, letters.test, **same)
        for seed in options.seeds or SEEDS:
            for size in sizes:
                tasks.learning_curve(trial, ways, [size], [seed], stored["rows"], keep)
                if task != "classification":
                    continue
                for family in (*FAMILIES, "pretrained"):
                    made = {(q["family"], q["per_class"], q["seed"]) for q in stored["quality"]}
                    if (family, size, seed) not in made:
                        known = judge(letters.test[0]) if known is None else known
                        row = measure(letters, judge, family, size, seed, known)
                        keep(row, "quality")


def read(path):
    """The stored results, or an empty store."""
    path = Path(path)
    if not path.is_file():
        return {"machine": "", "date": "", "rows": [], "quality": []}
    return json.loads(path.read_text(encoding="utf-8"))


def write(path, stored):
    """One row a line, so that versions can be compared; whole or not at all."""
    parts = [f'"{k}": {json.dumps(stored[k])}' for k in ("machine", "date")]
    for name in ("rows", "quality"):
        lines = ",\n  ".join(json.dumps(row) for row in stored[name])
        parts.append(f'"{name}": [\n  {lines}\n]')
    temporary = Path(path).with_suffix(".part")
    temporary.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    temporary.replace(path)


def markdown(stored):
    """The results as tables, with what a reader must know."""
    lines = ["# When do generated images help? Learning curves of three vision tasks", ""]
    lines += ["Made by `python tests/benchmarks/tasks_sweep.py`, which also says what is what."]
    lines += [f"Date: {stored['date']}. Machine: {stored['machine']}. Not edited by hand.", ""]
    summaries = curve.summarise(stored["rows"], baseline)
    for task in tasks.TASKS:
        own = {(w, s): v for (t, w, s), v in summaries.items() if t == task}
        if not own:
            continue
        rows = [r for r in stored["rows"] if r["task"] == task]
        sizes = sorted({size for _, size in own})
        lines += [f"## {task.capitalize()}: {rows[0]['score']} on letters of unseen typefaces", ""]
        lines += ["| trained on | " + " | ".join(f"{s:,} real of each class" for s in sizes) + " |"]
        lines += ["|---" + "|---:" * len(sizes) + "|"]
        for way in (w for w in WAYS[task] if any(w == o for o, _ in own)):
            cells = [cell(own.get((way, size))) for size in sizes]
            lines.append(f"| {title(way)} | " + " | ".join(cells) + " |")
        planned = len(WAYS[task]) * len(SIZES[task]) * len(SEEDS)
        unit = rows[0]["resampled"].removesuffix("s")
        note = NOTE.format(steps=STEPS[task], done=len(rows), planned=planned, unit=unit)
        lines += ["", note, ""]
    lines += ["## The generated letters", "", QUALITY, ""]
    keys = ("label_error", "coverage", "precision", "copies")
    lines += ["| family | real of each class | " + " | ".join(keys).replace("_", " ") + " |"]
    lines += ["|---|---:" + "|---:" * len(keys) + "|"]
    groups = {}
    for row in stored["quality"]:
        groups.setdefault((row["family"], row["per_class"]), []).append(row)
    for (family, size), rows in sorted(groups.items(), key=lambda g: (order(g[0][0]), g[0][1])):
        means = [f"{np.mean([row[k] for row in rows]):.3f}" for k in keys]
        lines.append(f"| {family} | {size:,} | " + " | ".join(means) + " |")
    return "\n".join(lines) + "\n"


def order(family):
    return (*FAMILIES, "pretrained").index(family)


def cell(summary):
    """Mean ± half the interval of one way at one size."""
    if summary is None:
        return "—"
    text = f"{summary['mean']:.3f}"
    if summary["low"] is not None:
        text += f" ± {(summary['high'] - summary['low']) / 2:.3f}"
    verdict = summary["difference"] and summary["difference"]["verdict"]
    return f"{text} ({len(summary['seeds'])})" + {"better": " ▲", "worse": " ▼"}.get(verdict, "")


if __name__ == "__main__":
    main()
