"""Kill training runs with SIGKILL, go on with them, and count what was lost.

    python tests/benchmarks/kill_harness.py --families gan vae flow --random 8 --points 8

Every run is tiny (seconds) and is started by the same call again and again, with resume=True,
until it ends; each start but the last is killed: at a random moment, or just before one of the
operations on files in its folder (opening, renaming, removing, making), so that every crash
between two of them can be met.  The end is compared with a run that was never killed: every
array of its last checkpoint (weights, averages, optimizer states, random streams), every array
of model.keras (with the VAE's fitted prior), the history but for its seconds, and the pixels of
the last grid of samples.  Counted are runs that did not end and numbers that differ in any bit.

One process imports TensorFlow and forks for every start; the children alone compute.
"""

import argparse
import csv
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from tiny import make_photographs, shrink_recipes  # noqa: E402

from gentut import runs
from gentut.models import recipes  # noqa: E402
from gentut.runs import record  # noqa: E402

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir"}


class Set:
    """As much of pytest's monkeypatch as `shrink_recipes` needs."""

    setitem = staticmethod(dict.__setitem__)
    setattr = staticmethod(setattr)


def start(family, data, out, epochs, point=None):
    """Fork a process that trains; with `point`, it kills itself before its so-manieth file event.

    Returns: its process id.
    """
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        log = os.open(out.parent / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1), os.dup2(log, 2)
        shrink_recipes(Set)
        # Fifty checkpoints and grids in a second: more places to be killed at.
        record.RECORDING_SHARE = record.CHECKPOINT_SHARE = 1.0
        record.MIDWAY = 0.0
        if point is not None:
            sys.addaudithook(Bomb(out, point))
        config = runs.Config(
            family=family, data=data, size=16, channels=1, conditional=True, epochs=epochs, seed=7
        )
        told = {"say": lambda line: print(line, flush=True)}
        if runs.RunFolder(out).holds_nothing():
            runs.train(config, out, **told)
        else:
            runs.resume(out, **told)
        status = 0
    except BaseException as error:  # told in the log; the parent sees the status
        print(type(error).__name__, error, flush=True)
    finally:
        os._exit(status)


class Bomb:
    """An audit hook that kills the process before its `point`-th operation inside a folder."""

    def __init__(self, folder, point):
        self.folder, self.left = str(folder), point

    def __call__(self, event, arguments):
        if event not in EVENTS or not arguments or not isinstance(arguments[0], str | os.PathLike):
            return
        if not os.fspath(arguments[0]).startswith(self.folder):
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def wait(child, seconds=None):
    """Wait for a process, or kill it after so many seconds; return "ended", "failed", "killed"."""
    if seconds is not None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if os.waitpid(child, os.WNOHANG)[0]:
                return "ended"
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {0: "ended", -signal.SIGKILL: "killed"}.get(status, "failed")


def result(out):
    """Name -> array of everything that must be the same in the end."""
    found = {}
    newest = max((out / "checkpoints").glob("*.npz"))
    with np.load(newest, allow_pickle=False) as file:
        found |= {f"checkpoint {name}": file[name] for name in file.files if name.isdecimal()}
    with zipfile.ZipFile(out / "model.keras") as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(
            lambda name, item: found.update(
                {f"model {name}": item[()]} if isinstance(item, h5py.Dataset) else {}
            )
        )
    with (out / "history.csv").open(newline="") as file:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
    found["history"] = np.frombuffer(json.dumps(rows).encode(), "uint8")
    with Image.open(max((out / "samples").glob("*.png"))) as image:
        found["samples"] = np.asarray(image)
    return found


def differing_bits(one, other):
    """Bits that differ; arrays that only one side has, or of other shapes, count as a whole."""
    bits = 0
    for name in one.keys() | other.keys():
        a, b = (np.ascontiguousarray(side.get(name, np.empty(0))) for side in (one, other))
        if a.dtype != b.dtype or a.shape != b.shape:
            bits += 8 * max(a.nbytes, b.nbytes, 1)
        else:
            bits += int(np.bitwise_count(a.view("uint8") ^ b.view("uint8")).sum()) if a.size else 0
    return bits


def torture(families, random_runs, point_runs, epochs=4, kills=2, seed=0, say=print):
    """Kill and resume; returns a dict of counts.

    Args:
        families: of `gentut.models.recipes`.
        random_runs: runs of each family that are killed at random moments.
        point_runs: runs of each family that are killed before operations on files.
        epochs: of each run.
        kills: starts of a run that are killed before it may end.
        seed: of the moments.
    """
    rng = random.Random(seed)
    counts = {"runs": 0, "kills": 0, "lost_runs": 0, "differing_bits": 0, "compared_bits": 0}
    moments = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data = make_photographs(folder / "photographs", train=150)  # 18 steps an epoch
        for family in families:
            whole = folder / f"{family}-whole" / "run"
            whole.parent.mkdir()
            began = time.monotonic()
            assert wait(start(family, data, whole, epochs)) == "ended", _log(whole)
            length, expected = time.monotonic() - began, result(whole)
            for number in range(random_runs + point_runs):
                out = folder / f"{family}-{number}" / "run"
                out.parent.mkdir()
                for _ in range(kills):
                    if number < random_runs:
                        ended = wait(start(family, data, out, epochs), rng.uniform(0, length))
                    else:
                        ended = wait(start(family, data, out, epochs, rng.randrange(60)))
                    counts["kills"] += ended == "killed"
                    moments[_moment(out)] = moments.get(_moment(out), 0) + (ended == "killed")
                    if ended == "ended":
                        break
                counts["runs"] += 1
                if wait(start(family, data, out, epochs), 120) != "ended":
                    counts["lost_runs"] += 1
                    say(f"{family} {number}: lost. {_log(out)}")
                    continue
                found = result(out)
                bits = differing_bits(expected, found)
                counts["differing_bits"] += bits
                counts["compared_bits"] += 8 * sum(a.nbytes for a in expected.values())
                if bits:
                    names = [n for n, a in expected.items() if not np.array_equal(a, found.get(n))]
                    say(f"{family} {number}: {bits} bits differ, in {names[:8]}. {_log(out)}")
            say(f"{family}: {length:.1f} s a run; so far {counts}")
    return counts | {"killed_when": moments}


def starve(family, epochs=4):
    """Take all memory from a run after its first checkpoint, and go on; how it ended."""
    import resource  # not on Windows

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data = make_photographs(folder / "photographs", train=150)
        whole, out = folder / "whole" / "run", folder / "starved" / "run"
        for path in (whole, out):
            path.parent.mkdir()
        assert wait(start(family, data, whole, epochs)) == "ended", _log(whole)
        child = start(family, data, out, epochs)
        while not any((out / "checkpoints").glob("*.npz")):
            time.sleep(0.001)
        resource.prlimit(child, resource.RLIMIT_AS, (2**20, 2**20))  # less than it has: no more
        starved = wait(child)
        resumed = wait(start(family, data, out, epochs))
        bits = differing_bits(result(whole), result(out))
    return {"starved": starved, "resumed": resumed, "differing_bits": bits}


def _moment(out):
    """What a killed run had on the disk."""
    if not (out / "config.json").is_file():
        return "nothing yet"
    names = sorted(path.stem for path in (out / "checkpoints").glob("*.npz"))
    if not names:
        return "in the first steps"
    if json.loads((out / "config.json").read_text(encoding="utf-8"))["status"] == "finished":
        return "after the training"
    return "in the middle of an epoch" if int(names[-1].split("-")[1]) else "around the end of one"


def _log(out):
    path = out.parent / "log"
    return path.read_text(encoding="utf-8")[-2000:] if path.is_file() else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--families", nargs="+", default=["gan", "vae", "flow"])
    parser.add_argument("--random", type=int, default=8, help="runs of each family")
    parser.add_argument("--points", type=int, default=8, help="runs of each family")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--kills", type=int, default=2, help="in each run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a JSON file for the counts")
    options = parser.parse_args()
    unknown = set(options.families) - set(recipes.FAMILIES)
    if unknown:
        parser.error(f"--families must be among {recipes.FAMILIES}; received {unknown}")
    began = time.time()
    counts = torture(
        options.families,
        options.random,
        options.points,
        options.epochs,
        options.kills,
        options.seed,
    )
    counts |= {
        "families": options.families,
        "command": "python tests/benchmarks/kill_harness.py " + " ".join(sys.argv[1:]),
        "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "minutes": round((time.time() - began) / 60, 1),
    }
    text = json.dumps(counts, indent=2) + "\n"
    print(text)
    if options.out:
        options.out.write_text(text)
    return int(counts["lost_runs"] > 0 or counts["differing_bits"] > 0)


if __name__ == "__main__":
    sys.exit(main())
