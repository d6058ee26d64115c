"""Pictures of 28 to 256 pixels: what a step of each family costs on one CPU core, and in memory.

    python tests/benchmarks/sizes.py --log sizes.jsonl --table sizes.md
    python tests/benchmarks/sizes.py --families gan --sides 64 128      # some cells, a minute

Each cell is a process of its own with one thread: it builds the recipe, trains it on random bytes
until `--seconds` of CPU have passed after the first step, and draws 16 images.  What is counted is
the time of the CPU, so that other programs disturb little; peak memory is the largest resident set
that the system saw, Python and Keras (0.6 GB) included.  A cell takes about 20 seconds of an idle
core; cells that are in `--log` are not measured again.
"""

import argparse
import datetime
import json
import time
from pathlib import Path

import large
import numpy as np

FAMILIES = ("gan", "vae", "latent_flow", "flow")
SIDES = (28, 32, 64, 96, 128, 256)
IMAGES, DRAWN = 512, 16
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"
)


def channels_of(side):
    """28 pixels are those of grey letters and digits; larger pictures are in colour."""
    return 1 if side == 28 else 3


def cell(family, side, seconds):
    """What one recipe costs; called in a process of its own."""
    import gentut  # before TensorFlow: it sets the kernels

    # isort: split
    import keras

    gentut.seed(0)
    shape = (side, side, channels_of(side))
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, *shape), dtype="uint8")
    model, ends = gentut.build(family, shape), []
    model.steps_per_execution = 1  # else a call holds eight

    def note(batch, logs=None):
        ends.append(time.process_time())
        model.stop_training = ends[-1] - ends[0] >= seconds

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    began = time.process_time()
    middle, epochs = 10**6 // 2, 10**6  # where a model of several stages is in its last
    options = {"epochs": epochs, "initial_epoch": middle, "seed": 0, "verbose": 0}
    model.fit(images, callbacks=[callback], **options)
    step = (ends[-1] - ends[0]) / (len(ends) - 1)
    model.finish(images)
    model.sample(DRAWN, seed=0)  # builds its graph
    before = time.process_time()
    model.sample(DRAWN, seed=1)
    return {
        "batch": model.default_batch_size,
        "weights": sum(int(np.prod(v.shape)) for v in model.trainable_variables),
        "first": ends[0] - began,
        "step": step,
        "rate": model.default_batch_size / step,
        "draw": 1000 * (time.process_time() - before) / DRAWN,
    }


def table(rows):
    """The rows as Markdown."""
    lines = [
        "| family | pixels | weights | images in a step | s per step | images/s | peak, GB | s to"
        " draw 1,000 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        side = row["side"]
        lines.append(
            f"| {row['family']} | {side}×{side}×{channels_of(side)} | {row['weights'] / 1e6:.1f} M"
            f" | {row['batch']} | {row['step']:.2f} | {row['rate']:,.0f} | {row['peak']:.2f} |"
            f" {row['draw']:,.0f} |"
        )
    return "\n".join(lines)


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--families", nargs="+", default=FAMILIES)
    options.add_argument("--sides", type=int, nargs="+", default=SIDES)
    options.add_argument("--seconds", type=float, default=5.0, help="of CPU for each cell's steps")
    options.add_argument("--log", type=Path, default=Path("sizes.jsonl"))
    options.add_argument("--table", type=Path)
    options.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.cell:
        print(json.dumps(cell(given.cell[0], int(given.cell[1]), given.seconds)))
        return
    rows = []
    if given.log.is_file():
        rows = [json.loads(line) for line in given.log.read_text("utf-8").splitlines()]
    known = {(row["family"], row["side"]): row for row in rows}
    for family in given.families:
        for side in given.sides:
            if (family, side) in known:
                continue
            line = [__file__, "--cell", family, str(side), "--seconds", str(given.seconds)]
            row = {"family": family, "side": side, **large.measured(line, **ONE_THREAD)}
            row["date"] = str(datetime.date.today())
            known[family, side] = row
            large.keep(row, given.log)
    asked = [known[family, side] for family in given.families for side in given.sides]
    large.publish(table(asked), given.table)


if __name__ == "__main__":
    main()
