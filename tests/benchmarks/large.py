"""A folder of photographs that need not fit into memory: time and peak memory at three sizes.

    python tests/benchmarks/large.py --n 2000 20000 200000 --work FOLDER

The photographs are made here: 64×64 JPEGs of soft shapes with noise, 1,000 different ones, under as
many names as are asked for (hard links, so that they take no room), none in both splits.  Each
stage is a process of its own, as it is for a user: what it does is printed as JSON, its peak memory
is the maximum resident set that the system counted for it.  `--work` needs 12 kB for each image,
for the cache.  The table goes to `--table`; rows that are in `--log` are not measured again.
"""

import argparse
import datetime
import json
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIDE, CLASSES = 64, 4
DIFFERENT = {"train": 900, "test": 100}
STEPS, GENERATED = 100, 2_000
FAMILIES = ("mixture", "vae")  # one that is fitted at once, one that trains in steps


def make_folder(folder, n):
    """JPEGs in one sub-folder per class, both splits; links to the same thousand files."""
    if folder.is_dir():
        return
    rng, first = np.random.default_rng(0), folder.with_name("different")
    first.mkdir(parents=True, exist_ok=True)
    places = np.linspace(-1, 1, SIDE)
    for i in range(sum(DIFFERENT.values())):
        y, x = (
            places[:, None, None] - rng.normal(0, 0.4),
            places[None, :, None] - rng.normal(0, 0.4),
        )
        wave = np.sin(rng.normal(0, 4, 3) * x + rng.normal(0, 4, 3) * y + rng.uniform(0, 6, 3))
        pixels = 128 + 90 * wave + rng.normal(0, 12, (SIDE, SIDE, 3))
        image = Image.fromarray(np.clip(pixels, 0, 255).astype("uint8"))
        image.save(first / f"{i}.jpg", quality=90)
    for split, count in (("train", n), ("test", max(1_000, n // 10))):
        for k in range(CLASSES):
            (folder / split / f"class{k}").mkdir(parents=True)
        for i in range(count):
            target = folder / split / f"class{i % CLASSES}" / f"{i:06d}.jpg"
            number = i % DIFFERENT[split] + DIFFERENT["train"] * (split == "test")
            os.link(first / f"{number}.jpg", target)


def load(folder, run):
    """Decode both splits; without Keras."""
    from gentut import data

    for split in ("train", "test"):
        data.load_bytes(folder, split, size=SIDE)
    return {}


def fit(images, labels, began):
    """A VAE, the family whose step is the shortest, for a number of steps after the first."""
    import keras

    import gentut

    gentut.seed(0)
    model, seen, first = gentut.build("vae", images.shape[1:], CLASSES), [], []

    def watch():  # a call of the graph makes several steps
        while not int(keras.ops.convert_to_numpy(model.optimizer.iterations)):
            time.sleep(0.01)
        first.append(time.time())

    threading.Thread(target=watch, daemon=True).start()

    def note(batch, logs=None):
        steps = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
        seen.append((time.time(), time.process_time(), steps))
        model.stop_training = steps - seen[0][2] >= STEPS

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    model.fit(images, labels, epochs=10**6, seed=0, callbacks=[callback], verbose=0)
    wall, cpu, steps = (after - before for before, after in zip(seen[0], seen[-1], strict=True))
    count = model.default_batch_size * steps
    return {
        "to first step": first[0] - began,
        "to first call": seen[0][0] - began,
        "images/s": count / wall,
        "CPU ms/image": 1000 * cpu / count,
    }


def second_start(folder, run):
    """What `gentut train --data FOLDER` does up to its first step, once the folder is decoded."""
    began = float(os.environ["BEGAN"])  # with the process, so that importing Keras counts
    from gentut import data
    from gentut.runs.contents import describe

    images, labels = data.load_bytes(folder, "train", size=SIDE)
    describe(str(folder), images, labels)
    read = time.time() - began
    return {"to images": read, **fit(images, labels, began)}


def in_memory(folder, run):
    """The same steps from arrays of floats in memory."""
    from gentut import data

    images, labels = data.load_bytes(folder, "train", size=SIDE)
    most = 20_000  # float32, 0.98 GB
    images = np.array(images[:most]).astype("float32") / np.float32(255)
    return fit(images, labels[:most], time.time())


def command(*words):
    from gentut.cli import main

    if code := main(words):
        raise SystemExit(code)


def these(folder):
    return "--data", str(folder), "--size", str(SIDE)


def train(folder, run):
    """The command, with checkpoints, pictures and the prior that is fitted at the end."""
    command("train", "vae", "--conditional", *these(folder), "--minutes", "0.2", "--out", str(run))
    return {}


def evaluate(folder, run):
    command("evaluate", str(run), "-n", str(GENERATED))
    return {}


def compare(folder, run):
    words = ["--families", *FAMILIES, "--minutes", "0.2", "-n", str(GENERATED)]
    command("compare", *these(folder), *words, "--out", f"{run}-compare")
    return {}


def choose(folder, run):
    words = ["--families", *FAMILIES, "--minutes", "0.4", "-n", str(GENERATED)]
    command("choose", *these(folder), *words, "--out", f"{run}-choose")
    return {}


def tasks(folder, run):
    """Classification by the run that `train` left, whose images are compared with as many real."""
    command("tasks", str(run), "-n", str(GENERATED), "--seeds", "1", "--steps", "50")
    return {}


STAGES = {
    "load": load,
    "second start": second_start,
    "train": train,
    "in memory": in_memory,
    "evaluate": evaluate,
    "compare": compare,
    "choose": choose,
    "tasks": tasks,
}


def measure(stage, folder, run):
    """Run one stage as a process of its own, see `measured`."""
    line = [__file__, "--stage", stage, "--folder", str(folder), "--run", str(run)]
    return {"stage": stage, **measured(line)}


def measured(line, **environment):
    """Run a script as a process of its own: seconds, peak memory in GB, and what it printed."""
    start = time.time()
    environment = os.environ | environment | {"BEGAN": str(start)}
    process = subprocess.Popen([sys.executable, *line], stdout=subprocess.PIPE, env=environment)
    text = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{shlex.join(line)} ended with {status}")
    peak = usage.ru_maxrss * (1024 if sys.platform != "darwin" else 1)
    return {
        "seconds": time.time() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": peak / 1e9,
        **json.loads(text.splitlines()[-1]),
    }


def table(rows):
    """The rows as Markdown."""
    lines = [
        "| images | stage | s | CPU s | peak, GB | s to first step | images/s | CPU ms/image |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        forms = {"to first step": "{:.1f}", "images/s": "{:,.0f}", "CPU ms/image": "{:.2f}"}
        more = (form.format(row[key]) if key in row else "" for key, form in forms.items())
        lines.append(
            f"| {row['n']:,} | {row['stage']} | {row['seconds']:.1f} | {row['cpu']:.1f} |"
            f" {row['peak']:.2f} | {' | '.join(more)} |"
        )
    return "\n".join(lines)


def keep(row, log):
    """Append a measured row to the log, so that it is not measured again, and print it."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def publish(rows, path):
    """Print a table with the command that made it, and write it to a file if there is one."""
    text = f"{rows}\n\nCommand: `{shlex.join(['python', *sys.argv])}`\n"
    if path:
        path.write_text(text, encoding="utf-8")
    print(text)


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--n", type=int, nargs="+", default=[2_000, 20_000, 200_000])
    options.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    options.add_argument("--work", type=Path, help="an empty folder with room")
    options.add_argument("--log", type=Path, default=Path("large.jsonl"))
    options.add_argument("--table", type=Path)
    for name in ("stage", "folder", "run"):
        options.add_argument(f"--{name}", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.stage:
        print(json.dumps(STAGES[given.stage](Path(given.folder), Path(given.run))))
        return
    work = given.work.resolve()
    os.environ["GENTUT_CACHE"] = str(work / "cache")
    rows = []
    if given.log.is_file():
        rows = [json.loads(line) for line in given.log.read_text("utf-8").splitlines()]
    for n in given.n:
        folder, run = work / f"photographs-{n}", work / f"run-{n}"
        make_folder(folder, n)
        for stage in given.stages:
            if any((row["n"], row["stage"]) == (n, stage) for row in rows):
                continue
            row = {"n": n, **measure(stage, folder, run), "date": str(datetime.date.today())}
            rows.append(row)
            keep(row, given.log)
    publish(table(rows), given.table)


if __name__ == "__main__":
    main()
