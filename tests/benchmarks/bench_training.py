"""Train our recipes and five published ones on the same machine for the same time, and compare.

    python tests/benchmarks/bench_training.py --data mnist --seconds 60 300 --seeds 0 1 2 \\
        --log bench.jsonl --out bench.md
    python tests/benchmarks/bench_training.py --table bench.jsonl      # the table again, no run
    python tests/benchmarks/bench_training.py --throughput --seconds 20

The data set comes from the folder in `GENTUT_DATA`, or is downloaded.  A published recipe has
constant rates, so that one run serves all budgets.  Ours follow a schedule over the budget: one
run for each.  With `--log`, a row is stored as soon as it is there; the same command goes on where
it was stopped, and does again what other code did.  Every run has a process of its own.  Leave the
machine alone while it runs.
"""

import argparse
import concurrent.futures
import datetime
import functools
import hashlib
import inspect
import itertools
import multiprocessing
import sys
import tempfile
from pathlib import Path

import gentut  # before TensorFlow: it sets the kernels that both sides use

# isort: split
import flops
import keras
import numpy as np
import orphans
import published
import results
import trainings

from gentut import data, plots
from gentut.models import recipes
from gentut.training import devices

SETS = ("mnist", "fashion_mnist", "glyphs", "emoji")
NAMES = (*results.REFERENCES, *trainings.TRAINED, *published.RECIPES)
# What training and sampling run through: every family, and the families that have more.
SHARED_CODE = [
    "models/diff_augment",
    "models/networks",
    "models/losses",
    "models/mixtures",
    "training/batches",
    "training/callbacks",
    "training/devices",
    "training/gradients",
    "training/kernels",
    "training/optimizers",
    "training/step",
]
FLOW = ["models/flow", "models/flow_model", "models/paths", "models/solvers"]
OWN_CODE = {
    "gaussian": ["models/pca_mixture"],
    "mixture": ["models/pca_mixture"],
    "gan": ["models/gan", "models/cluster_gan"],
    "wgan": ["models/gan", "models/cluster_gan"],
    "vae": ["models/vae"],
    "flow": FLOW,
    "diffusion": FLOW,
    "latent_flow": [
        *FLOW,
        *("models/latent_flow", "models/vae", "models/spatial", "models/transformer"),
    ],
}


def code_digest(name):
    """Eight hexadecimal digits that change with the code of a recipe or the weights of a reference.

    A change of one family leaves the rows of the others in the log as they are.
    """
    text = b"".join(
        file.read_bytes() for file in sorted(data.data_path("weights").glob("features-*.npz"))
    )
    if name in published.RECIPES:
        files = sorted(Path(published.__file__).parent.glob("*.py"))
    elif name in ("real", "noise"):
        files = []
    else:
        family = trainings.TRAINED[name].family if name in trainings.TRAINED else name
        family = family.removesuffix("-conditional")
        package = Path(gentut.__file__).parent
        files = [package / f"{module}.py" for module in SHARED_CODE + OWN_CODE[family]]
        own = [recipes.RECIPES[family], *filter(None, [recipes.COLOUR.get(family)])]
        text += repr(own).encode() + inspect.getsource(recipes.build).encode()
    return hashlib.sha256(b"".join([*(f.read_bytes() for f in files), text])).hexdigest()[:8]


def plan(names, seeds, marks):
    """All runs as (name, seed, marks): seed by seed, so that a stopped benchmark has whole sets."""
    for seed, name in itertools.product(seeds, names):
        if name in results.REFERENCES:
            yield name, seed, [0]
        elif name in published.RECIPES:
            yield name, seed, marks
        else:
            yield from ((name, seed, [mark]) for mark in marks)


def start(bench, name, seed, marks):
    """The rows of one run, as they come."""
    if name in results.REFERENCES:
        return trainings.run_reference(bench, name, seed)
    if name in published.RECIPES:
        return trainings.run_published(bench, name, marks, seed)
    return trainings.run_ours(bench, name, marks[0], seed)


def benchmark(bench, names, seeds, marks, rows, keep, grids=None):
    """Run what `rows` lacks; `keep(rows)` is called whenever rows are added to it."""
    environment = devices.environment()
    machine = ", ".join(f"{key} {value}" for key, value in environment.items())
    for name, seed, due in plan(names, seeds, marks):
        code = code_digest(name)
        due = [m for m in due if not results.is_done(rows, bench.name, name, seed, m, code)]
        if not due:
            continue
        keras.backend.clear_session()
        common = {
            "data": bench.name,
            "clock": bench.clock.__name__,
            "run": name,
            "seed": seed,
            "mark": due[-1],
            "code": code,
            "seconds": 0.0,
            "images_per_second": None,
            "parameters": [],
            "elbo": None,
            "page": None,
            "machine": machine,
            "matmul_rate": flops.matmul_rate(),
            "date": datetime.date.today().isoformat(),
            "command": results.command(__file__),
        }
        fresh = []
        for facts, images in start(bench, name, seed, due):
            fresh.append(common | facts | bench.score(images))
            print(progress_line(fresh[-1]), file=sys.stderr, flush=True)
            if grids:
                save_grid(Path(grids), fresh[-1], images)
            if name in published.RECIPES:  # every mark is a result of its own
                rows += fresh
                keep(rows)
                fresh = []
        rows += fresh  # the rows of one of ours come together, or the run is not done
        keep(rows)


def each_in_its_own_process(options, log, marks):
    """Start Python anew for every run: none inherits the memory and threads of another."""
    for name, seed, due in plan(options.recipes, options.seeds, marks):
        code, rows = code_digest(name), results.read(log)
        if all(results.is_done(rows, options.data, name, seed, mark, code) for mark in due):
            continue
        fresh = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, fresh, orphans.end_with_parent) as pool:
            pool.submit(run_alone, options, name, seed, due, log).result()


def run_alone(options, name, seed, due, log):
    rows, bench = results.read(log), trainings.Bench(options.data, clock=options.clock)
    keep = functools.partial(results.write_log, log)
    benchmark(bench, [name], [seed], due, rows, keep, options.grids)


def progress_line(row):
    distance = row["frechet_distance"]
    parts = [
        f"{row['recipe']}, seed {row['seed']}, {row['seconds']:.1f} s",
        f"{row['images_per_second'] or 0:,.0f} images/s",
        "not finite" if distance is None else f"distance {results.digits(distance)}",
    ]
    return ": ".join([parts[0], ", ".join(parts[1:])])


def save_grid(folder, row, images):
    """The first hundred images of a row."""
    if not np.isfinite(images).all():
        return
    folder.mkdir(parents=True, exist_ok=True)
    title = f"{row['recipe']}, {row['mark']} s, seed {row['seed']}"
    name = title.replace(", ", "-").replace(" ", "-")
    figure = plots.image_grid(images[:100], columns=10, title=title)
    figure.savefig(folder / f"{name}.png", dpi=100)


def throughput(bench, seconds, seed, names):
    """Images per second of training, and the share of the matrix-product rate."""
    lines = [
        "| recipe | images/s | MFLOP/image | GFLOP/s | matrix product, GFLOP/s | share |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in names:
        keras.backend.clear_session()
        before = flops.matmul_rate()
        if name in published.RECIPES:
            *_, (recipe, _, _, rate) = trainings.train_published(bench, name, [seconds], seed)
            count = flops.published_flops(recipe)
        else:
            model, _, rate = trainings.fit(bench, trainings.TRAINED[name], seconds, seed)
            count = flops.training_flops(model)
        product = (before + flops.matmul_rate()) / 2
        lines.append(
            f"| {name} | {rate:,.0f} | {count / 1e6:.2f} | {count * rate / 1e9:.1f} |"
            f" {product / 1e9:.1f} | {100 * count * rate / product:.0f} % |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    facts = devices.environment()
    lines += [
        "",
        f"- {seconds:g} seconds of training each on {bench.name}, seed {seed}. FLOPs of dense"
        " layers and convolutions, forward and backward, as the mathematics needs them. Matrix"
        " product: best in a second of float32 2048×2048, before and after, averaged.",
        f"- {', '.join(f'{key} {value}' for key, value in facts.items())};"
        f" {datetime.date.today().isoformat()}. Command: `{results.command(__file__)}`",
    ]
    return "\n".join(lines) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=SETS, default="mnist")
    parser.add_argument(
        "--seconds",
        "--marks",
        type=float,
        nargs="+",
        default=[60],
        dest="marks",
        metavar="S",
        help="training budgets",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--recipes",
        nargs="+",
        choices=NAMES,
        default=list(NAMES),
        metavar="NAME",
        help=", ".join(NAMES),
    )
    parser.add_argument(
        "--clock",
        choices=trainings.CLOCKS,
        default="wall",
        help="what the seconds are: of the wall, or of all cores' work (default wall)",
    )
    parser.add_argument("--out", metavar="FILE", help="write the table there too")
    parser.add_argument("--log", metavar="FILE", help="JSON lines, to go on from")
    parser.add_argument("--table", metavar="FILE", help="only make the table of a log")
    parser.add_argument("--grids", metavar="DIR", help="save a picture of samples for each row")
    parser.add_argument("--throughput", action="store_true", help="only measure the speed")
    options = parser.parse_args(arguments)
    if min(options.marks) <= 0:
        parser.error(f"--seconds must be positive; received {min(options.marks):g}")
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if not (on_tensorflow or options.throughput):  # the published are
        parser.error(f"KERAS_BACKEND must be tensorflow; received {keras.backend.backend()}")
    marks = [int(m) if m == int(m) else m for m in sorted(set(options.marks))]
    if options.table:
        if not Path(options.table).exists():
            parser.error(f"--table must be a log; there is no {options.table}")
        text = results.table(results.read(options.table))
    elif options.throughput:
        # The published recipes are there on TensorFlow alone.
        able = [*trainings.TRAINED, *(published.RECIPES if on_tensorflow else ())]
        names = [name for name in options.recipes if name in able]
        text = throughput(trainings.Bench(options.data), marks[0], options.seeds[0], names)
    else:
        with tempfile.TemporaryDirectory() as folder:
            log = options.log or Path(folder) / "log.jsonl"
            each_in_its_own_process(options, log, marks)
            rows = results.read(log)
        text = results.table(rows)
    print(text)
    if options.out:
        results.write(options.out, text)


if __name__ == "__main__":
    main()
