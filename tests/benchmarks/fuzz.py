"""Fuzz every parser of bytes from outside: they may refuse, in our own words, and never crash.

    python tests/benchmarks/fuzz.py --seconds 60

Targets: data sets (.npz), image files, config.json and history.csv of a run, checkpoints, response
files and keys of studies, the index of an image folder.  Inputs are whole files that were damaged:
bytes flipped, cut, repeated, exchanged between files, numbers made extreme, words of the formats
put in.  An input that reaches a line of gentut that none before it reached joins the pool (coverage
by `sys.settrace`), as in AFL.  A crash is any exception but ValueError,
TypeError and OSError, a result of another type, or a second without an end.
"""

import argparse
import io
import json
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from kill_harness import Set  # noqa: E402
from tiny import make_photographs, shrink_recipes  # noqa: E402

from gentut import human, runs  # noqa: E402
from gentut.data import folder as folders  # noqa: E402
from gentut.data import named  # noqa: E402
from gentut.human.responses import read_responses  # noqa: E402
from gentut.runs import checkpoint  # noqa: E402

OURS = (ValueError, TypeError, OSError)
PACKAGE = str(Path(runs.__file__).parents[1])
TOKENS = [
    b"\0", b"\xff", b"[", b"{", b'"', b"null", b"NaN", b"-1", b"1e999", b"9" * 20, b"PK\x03\x04",
    b"\x93NUMPY", b"'descr': '|O'", b"IHDR", b"\xff\xd8", b"RIFF", b"\n", b",", b"true",
    b"[" * 2000, b"\\u0000", b"epoch", b"../../x",
]  # fmt: skip
NUMBERS = [0, 1, 127, 128, 255, 2**15, 2**16 - 1, 2**31, 2**32 - 1]


def mutate(content, pool, rng):
    """A damaged copy."""
    data = bytearray(content)
    for _ in range(1 + int(rng.expovariate(0.7))):
        place = rng.randrange(len(data) + 1)
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[place % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place : place + rng.randrange(1, 64)]
        elif kind == 2:
            data = data[:place]
        elif kind == 3:
            data[place:place] = rng.choice(TOKENS)
        elif kind == 4:
            width = rng.choice((1, 2, 4))
            number = rng.choice(NUMBERS) % 256**width
            data[place : place + width] = number.to_bytes(width, rng.choice(("big", "little")))
        elif kind == 5:
            data[place:place] = data[place : place + rng.randrange(1, 200)]
        else:
            other = rng.choice(pool)
            data = data[:place] + other[rng.randrange(len(other) + 1) :]
    return bytes(data[:200_000])


class Coverage:
    """Lines of gentut that ran since the last look and never before."""

    def __init__(self):
        self.known, self.fresh = set(), False

    def trace(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        return self.line

    def line(self, frame, event, argument):
        place = frame.f_code, frame.f_lineno
        if place not in self.known:
            self.known.add(place)
            self.fresh = True
        return self.line

    def run(self, act, argument):
        """Call under the trace; whether a new line was reached, and the exception, or None."""
        self.fresh, error = False, None
        sys.settrace(self.trace)
        try:
            act(argument)
        except Exception as found:
            error = found
        finally:
            sys.settrace(None)
        return self.fresh, error


def npz(**arrays):
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def pictures():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype="uint8"))
    for format, mode in (("PNG", "RGB"), ("PNG", "P"), ("PNG", "RGBA"), ("JPEG", "RGB"),
                         ("JPEG", "CMYK"), ("WEBP", "RGBA")):  # fmt: skip
        content = io.BytesIO()
        noise.convert(mode).save(content, format)
        yield content.getvalue()


def targets(root):
    """Name -> (function of bytes, whole files to begin with)."""
    shrink_recipes(Set)
    data = make_photographs(root / "photographs", train=8, test=4)
    run = root / "run"
    runs.train("vae", data, run, size=16, channels=1, epochs=2)
    images = np.random.default_rng(0).random((40, 16, 16, 1)).astype("float32")
    study = human.make_study(images, {"model": images[::-1].copy()}, trials=4, practice=0)
    study.save_key(root / "key.json")
    answers = human.simulate(study, accuracy=0.6, raters=1)
    file = root / "file"

    def through(act, name=None):
        def target(content):
            path = file if name is None else root / "victim" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            return act(path)

        return target

    def responses(content):
        path = root / "answer.json"
        path.write_bytes(content)
        read_responses([path], study)

    def index(content):
        # Names of files in a folder, one a line, as a stranger's archive might hold them.
        place = Path(tempfile.mkdtemp(dir=root))
        for line in content.split(b"\n")[:12]:
            try:
                path = place / Path(*Path(line.decode("utf-8", "surrogateescape")).parts)
                if not path.resolve().is_relative_to(place):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x")
            except (OSError, ValueError):
                continue
        for split in ("train", "test"):
            folders.list_files(place, split)

    victim = runs.RunFolder(root / "victim")
    x, y = np.zeros((8, 28, 28), "uint8"), np.zeros(8, "uint8")
    return {
        "npz": (through(lambda path: named.read_npz(path, "mnist", "train")),
                [npz(x_train=x, y_train=y), npz(x_train=x[0]), b"x"]),
        "image": (through(lambda path: folders.read_image(path, 8, 3)), list(pictures())),
        "config": (through(lambda path: victim.read_config(), "config.json"),
                   [(run / "config.json").read_bytes()]),
        "history": (through(lambda path: victim.read_history(), "history.csv"),
                    [(run / "history.csv").read_bytes()]),
        "checkpoint": (through(checkpoint.load),
                       [path.read_bytes() for path in run.glob("checkpoints/*.npz")]),
        "response": (responses, [json.dumps(answer).encode() for answer in answers]),
        "key": (through(human.load_key), [(root / "key.json").read_bytes()]),
        "folder index": (index, [b"cat/1.png\ncat/2.png\ndog/1.jpg", b"a.png\nb.png",
                                 b"train/a/1.png\ntest/a/2.png", "\u732b/\u00e9.webp".encode()]),
    }  # fmt: skip


def fuzz(act, seeds, seconds, rng):
    """Executions, lines reached, and the first input of each kind of crash."""
    pool, coverage, crashes, executions = list(seeds), Coverage(), {}, 0
    deadline = time.monotonic() + seconds
    waiting = list(seeds)
    while time.monotonic() < deadline:
        content = waiting.pop() if waiting else mutate(rng.choice(pool), pool, rng)
        began = time.monotonic()
        fresh, error = coverage.run(act, content)
        executions += 1
        took = time.monotonic() - began
        if error is not None and not isinstance(error, OURS):
            crashes.setdefault(f"{type(error).__name__}: {str(error)[:100]}", content)
        elif took > 5:
            crashes.setdefault(f"took {took:.0f} s", content)
        elif fresh:
            pool.append(content)
    return executions, len(coverage.known), crashes


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--targets", nargs="+", help="default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a JSON file for the counts")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = {}
    with tempfile.TemporaryDirectory() as root:
        for name, (act, seeds) in targets(Path(root)).items():
            if options.targets and name not in options.targets:
                continue
            rng = random.Random(f"{options.seed} {name}")
            executions, lines, crashes = fuzz(act, seeds, options.seconds, rng)
            found[name] = {"executions": executions, "lines": lines, "crashes": len(crashes)}
            print(f"{name}: {executions:,} executions, {lines} lines of gentut, {len(crashes)}"
                  " crashes", flush=True)  # fmt: skip
            for reason, content in crashes.items():
                print(f"  {reason}\n  {content[:200]!r}", flush=True)
    if options.out:
        record = {"targets": found, "seconds_each": options.seconds, "seed": options.seed,
                  "date": time.strftime("%Y-%m-%d", time.gmtime())}  # fmt: skip
        options.out.write_text(json.dumps(record, indent=2) + "\n")
    return int(any(row["crashes"] for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
