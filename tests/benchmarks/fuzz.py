"""Fuzz every parser of bytes from outside: they may refuse, in our own words, and never crash.

    pip install atheris                      # Linux; coverage-guided, on libFuzzer
    python tests/benchmarks/fuzz.py --seconds 60

Targets: data sets (.npz), image files, config.json and history.csv of a run, checkpoints, response
files and keys of studies, the index of an image folder.  Inputs begin with whole files and the
words of their formats; atheris keeps those that reach new branches of gentut and changes them
further.  A crash is any exception but ValueError, TypeError and OSError, or five seconds without
an end; the input that caused it is kept in the folder of --crashes.
"""

import argparse
import contextlib
import io
import json
import os
import re
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import atheris
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["gentut"]):
    from gentut import human, runs
    from gentut.data import decode, named
    from gentut.data import folder as folders
    from gentut.human.responses import judgements, read_responses
    from gentut.runs import checkpoint
from kill_harness import Set  # noqa: E402  (they import gentut, so after the instrumentation)
from tiny import make_photographs, shrink_recipes  # noqa: E402

OURS = (ValueError, TypeError, OSError)
WORDS = [
    "\\x00",
    "\\xff",
    "[",
    "{",
    "null",
    "NaN",
    "-1",
    "1e999",
    "9999999999999999999",
    "PK\\x03\\x04",
    "\\x93NUMPY",
    "'descr': '|O'",
    "IHDR",
    "\\xff\\xd8",
    "RIFF",
    "true",
    "[[[[[[[[",
    "\\\\u0000",
    "epoch",
    "../../x",
    "1" + "0" * 400,
]


def npz(**arrays):
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def pictures():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype="uint8"))
    for format, mode in (
        ("PNG", "RGB"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGBA"),
    ):
        content = io.BytesIO()
        noise.convert(mode).save(content, format)
        yield content.getvalue()


def targets(root):
    """Name -> (function of bytes, whole files to begin with)."""
    shrink_recipes(Set)
    data = make_photographs(root / "photographs", train=8, test=4)
    run = root / "run"
    runs.train(runs.Config(family="vae", data=data, size=16, channels=1, epochs=2), run)
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
        judgements(read_responses([path], study), study)

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
        contents = folders.scan(place)
        for entries in contents.files.values():
            assert all(Path(path).is_file() and contents.classes[label] for path, label in entries)

    victim = runs.RunFolder(root / "victim")
    x, y = np.zeros((8, 28, 28), "uint8"), np.zeros(8, "uint8")
    return {
        "npz": (
            through(lambda path: named.read_npz(path, "mnist", "train")),
            [npz(x_train=x, y_train=y), npz(x_train=x[0]), b"x"],
        ),
        "image": (through(lambda path: decode.read([(path, 0)], 8, 3, "raise")), list(pictures())),
        "config": (
            through(lambda path: victim.read_config(), "config.json"),
            [(run / "config.json").read_bytes()],
        ),
        "history": (
            through(lambda path: victim.read_history(), "history.csv"),
            [(run / "history.csv").read_bytes()],
        ),
        "checkpoint": (
            through(checkpoint.load),
            [path.read_bytes() for path in run.glob("checkpoints/*.npz")],
        ),
        "response": (responses, [json.dumps(answer).encode() for answer in answers]),
        "key": (through(human.load_key), [(root / "key.json").read_bytes()]),
        "folder index": (
            index,
            [
                b"cat/1.png\ncat/2.png\ndog/1.jpg",
                b"a.png\nb.png",
                b"train/a/1.png\ntest/a/2.png",
                b"Training/1.jpe\nval/2.jfif\n__MACOSX/._1.jpg",
                "\u732b/\u00e9.webp".encode(),
            ],
        ),
    }


def fuzz(act, seeds, seconds, seed, crashes):
    """Executions and branches of one target, and whether it ended well; in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        corpus, log = Path(place) / "corpus", Path(place) / "log"
        corpus.mkdir()
        for number, content in enumerate(seeds):
            (corpus / str(number)).write_bytes(content)
        (Path(place) / "words").write_text("".join(f'"{word}"\n' for word in WORDS))
        child = os.fork()
        if not child:  # atheris ends its process
            with open(log, "wb") as file:
                os.dup2(file.fileno(), 2)
            words = [
                "fuzz",
                f"-max_total_time={seconds}",
                f"-seed={seed + 1}",
                "-timeout=5",
                "-max_len=200000",
                "-print_final_stats=1",
                f"-dict={place}/words",
                f"-artifact_prefix={crashes}/",
                str(corpus),
            ]
            try:
                atheris.Setup(words, lambda content: refuses(act, content))
                atheris.Fuzz()
            finally:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        text = log.read_text(errors="replace")
    counted = re.search(r"stat::number_of_executed_units:\s+(\d+)", text)
    branches = re.findall(r"\bcov: (\d+)", text)
    return {
        "executions": int(counted[1]) if counted else 0,
        "branches": int(branches[-1]) if branches else 0,
        "crashed": status != 0,
    }, text


def refuses(act, content):
    """Let a target take or refuse an input in our own words; everything else is a crash."""
    with contextlib.suppress(OURS):
        act(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--targets", nargs="+", help="default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--crashes", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--out", type=Path, help="a JSON file for the counts")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    options.crashes.mkdir(parents=True, exist_ok=True)
    found = {}
    with tempfile.TemporaryDirectory() as root:
        for name, (act, seeds) in targets(Path(root)).items():
            if options.targets and name not in options.targets:
                continue
            row, text = fuzz(act, seeds, options.seconds, options.seed, options.crashes)
            found[name] = row
            print(
                f"{name}: {row['executions']:,} executions, {row['branches']} branches"
                f"{', CRASHED' if row['crashed'] else ''}",
                flush=True,
            )
            if row["crashed"]:
                print(text[-3000:], flush=True)
    if options.out:
        record = {
            "targets": found,
            "seconds_each": options.seconds,
            "seed": options.seed,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
        }
        options.out.write_text(json.dumps(record, indent=2) + "\n")
    return int(any(row["crashed"] for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
