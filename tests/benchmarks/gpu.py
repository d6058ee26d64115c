"""Families on a GPU: speed in two precisions, its share of what the chip can do, and quality.

    python tests/benchmarks/gpu.py --minutes 1 5 10 --data mnist glyphs emoji FOLDER
    KERAS_BACKEND=jax python tests/benchmarks/gpu.py        # where TensorFlow is not installed
    python tests/benchmarks/gpu.py --minutes 0.05 --families gan   # on a CPU: only to try it out

Each family is trained class by class, for each time, on each data set, in float32 and in bfloat16,
with the batch size that `gentut.find_batch_size` finds there.  The text flow takes the captions of
emoji in place of classes; its R@1 is that of `gentut.evaluate`.  The table names the device.
Rows are stored in `--log` as soon as they are there; the same command goes on where it stopped.
"""

import argparse
import datetime
import itertools
import sys
from pathlib import Path

import gentut  # before TensorFlow

# isort: split
import flops
import keras
import results

from gentut import metrics, runs
from gentut.cli import doctor
from gentut.evaluation.reference import ReferenceSet
from gentut.evaluation.texts import text_scores
from gentut.models import recipes
from gentut.training import devices
from gentut.training.callbacks import TimeBudget

FAMILIES = ("gan", "vae", "flow", "diffusion", "latent_flow", "text_flow")
DATA = ["mnist", "glyphs", "emoji"]
POLICIES = ("float32", "mixed_bfloat16")
COLUMNS = (
    "data",
    "family",
    "precision",
    "batch",
    "minutes",
    "images/s",
    "share of matrix product",
    "Fréchet distance",
    "real images",
    "coverage",
    "R@1",
    "seed",
)


def matrix_rate(policy):
    """Operations per second of matrix products in the precision that a policy computes in."""
    kind = keras.DTypePolicy(policy).compute_dtype
    return doctor.matmul_rate(1.0, 4096 if devices.device() == "GPU" else 1024, kind)


class Judged:
    """A data set, and what tells how good its generated images are; read once."""

    def __init__(self, name, generated):
        self.name = Path(name).name
        self.judge = ReferenceSet(name, limit=generated)
        self.floor = self.judge.floor()

    def conditions(self, family):
        """What the family takes beside the images, and how many classes; captions have none."""
        if recipes.takes_texts(family):
            return gentut.data.emoji.prompts("train"), None
        return self.judge.train_labels, self.judge.num_classes

    def batch_size(self, family, seconds):
        given, _ = self.conditions(family)
        return gentut.find_batch_size(family, self.judge.train, given, seconds=seconds).size


def measure(judged, family, policy, minutes, batch_size, seed):
    """Train once; a row of numbers."""
    judge = judged.judge
    keras.backend.clear_session()
    rate = matrix_rate(policy)
    gentut.seed(seed)
    given, classes = judged.conditions(family)
    model = gentut.build(family, judge.train.shape[1:], classes)
    clock = TimeBudget(minutes)
    seen = runs.fit(model, judge.train, given, clock=clock, batch_size=batch_size, seed=seed)
    speed = seen / clock.seconds
    model.finish(judge.train, given, seed)
    labels = None if classes is None else judge.labels(len(judge.test))
    codes = judge.extractor(model.sample(len(judge.test), labels=labels, seed=seed))
    shares = metrics.precision_recall_density_coverage(judge.test_features, codes)
    return {
        "images/s": speed,
        "share of matrix product": flops.training_flops(model) * speed / rate,
        "Fréchet distance": metrics.frechet_distance(judge.test_features, codes),
        "real images": judged.floor,
        "coverage": float(shares["coverage"]),
        "R@1": text_scores(model, seed)["retrieval_1"] if classes is None else "",
        "n": len(codes),
    }


def sweep(options, rows, keep):
    """Make the rows that are missing."""
    facts = devices.environment()
    machine = ", ".join(f"{key} {value}" for key, value in facts.items())
    sets, sizes = {}, {}
    for name, family, policy, minutes, seed in itertools.product(
        options.data, options.families, options.policies, options.minutes, options.seeds
    ):
        if recipes.takes_texts(family) and name != "emoji":
            continue
        names = {
            "data": Path(name).name,
            "family": family,
            "precision": policy,
            "minutes": minutes,
            "seed": seed,
            "machine": machine,
        }
        if any(names.items() <= row.items() for row in rows):
            continue
        if name not in sets:
            sets[name] = Judged(name, options.generated)
        keras.config.set_dtype_policy(policy)
        try:
            if (name, family, policy) not in sizes:
                found = options.batch_size or sets[name].batch_size(family, options.probe)
                sizes[name, family, policy] = found
            batch = sizes[name, family, policy]
            row = names | {"batch": batch, "date": datetime.date.today().isoformat()}
            row |= measure(sets[name], family, policy, minutes, batch, seed)
        finally:
            keras.config.set_dtype_policy("float32")
        rows.append(row)
        keep(rows)
        print(*(row[column] for column in COLUMNS), file=sys.stderr)


def table(rows):
    """The rows as Markdown, one table for each machine."""
    lines = ["# Families on a GPU", ""]
    for machine in dict.fromkeys(row["machine"] for row in rows):
        own = [row for row in rows if row["machine"] == machine]
        lines += [f"{machine}; {', '.join(sorted({row['date'] for row in own}))}.", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
        lines += ["| " + " | ".join(cell(row, column) for column in COLUMNS) + " |" for row in own]
        lines.append("")
    lines += [
        "- Share: FLOPs of the mathematics in dense layers, convolutions and attention"
        " (`flops.py`), of the measured rate of square matrix products in the same precision.",
        "- Fréchet distance in the features of the data set's own judge, as many generated images"
        " as test images; real images: that many training images.",
        "- A larger batch keeps the recipe's learning rate.",
        f"- Command: `{results.command(__file__)}`.",
    ]
    return "\n".join(lines) + "\n"


def cell(row, column):
    value = row.get(column, "")
    if column == "share of matrix product":
        return f"{100 * value:.1f} %"
    if column == "images/s":
        return f"{value:,.0f}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", nargs="+", default=["mnist", "glyphs", "emoji"], help="names or folders"
    )
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=list(POLICIES))
    parser.add_argument("--minutes", nargs="+", type=float, default=[1.0, 5.0, 10.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--generated", type=int, default=10_000, help="and test images, at most")
    parser.add_argument("--batch-size", type=int, help="instead of looking for the fastest")
    parser.add_argument("--probe", type=float, default=2.0, help="seconds to try each batch size")
    parser.add_argument("--log", default="runs/gpu.jsonl")
    parser.add_argument("--out", default="runs/gpu.md")
    options = parser.parse_args(arguments)
    if devices.device() != "GPU":
        print("No GPU is here: this only shows that the script works.", file=sys.stderr)
    rows = results.read(options.log)
    sweep(options, rows, lambda rows: results.write_log(options.log, rows))
    results.write(options.out, table(rows))
    print(options.out)


if __name__ == "__main__":
    main()
