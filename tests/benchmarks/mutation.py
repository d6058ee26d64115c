"""Mutation tests: do the unit tests notice an operator turned, a branch negated, a loop left out?

    python tests/benchmarks/mutation.py metrics --most 100 --out ../mutants

Needs `cosmic-ray` and `coverage`.  Works on a copy in `--out`, never on this tree, and goes on
where it stopped when it is called again.  See mutation.md.
"""

import argparse
import gc
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import hypothesis
import scipy.stats
from forks import forked
from mutants import mutants, mutated

# One thread each, as in tests/conftest.py, which comes too late for what is imported here.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
ROOT = Path(__file__).parents[2]
BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
# The test files that the modules of a folder concern.
MODELS = """augment autoregressive clusters devices distillation doctor flow flow_known kernels
    large losses mixtures models paths precision pretrained runs sizes startup steps text_flow"""
METRICS = """image_text metrics_distances metrics_extrapolation metrics_likelihood
    metrics_neighbours metrics_similarity metrics_uncertainty"""
TESTS = {"models": MODELS.split(), "training": MODELS.split(), "metrics": METRICS.split()}
# Imported once, before the forks.  None of it may start threads: a fork would not have them.
IMPORTED = """scipy.linalg sklearn.neighbors sklearn.mixture sklearn.decomposition
    keras matplotlib.pyplot PIL.Image hypothesis.extra.numpy"""


def mapped(out, names):
    """Of each test its seconds and lines; from the last call where its file has not changed."""
    path = out / f"map-{BACKEND}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    for name in names:
        file = f"tests/test_{name}.py"
        digest = hashlib.sha256((out / "tree" / file).read_bytes()).hexdigest()
        if known.get(file, {}).get("digest") != digest:
            words = [file] if BACKEND == "tensorflow" else [file, "-m", "backend"]
            known[file] = forked(out, words, 1800, lines=True) | {"digest": digest}
            seconds = round(sum(known[file]["seconds"].values()))
            print(
                file,
                seconds,
                "s,",
                len(known[file]["lines"]),
                "tests, failed:",
                known[file]["failed"],
            )
            path.write_text(json.dumps(known))
    return {file: known[file] for file in (f"tests/test_{name}.py" for name in names)}


def chosen(mutant, files):
    """The tests for a mutant, and their seconds: those that run its line, quick files first; then
    the others of these files that run its module, since they may see what was made once for all."""
    (first, last), ranked = mutant["lines"], []
    for file in files.values():
        lines = {test: file["lines"][test].get(mutant["module"]) for test in file["lines"]}
        runs = {test for test in lines if lines[test] and test not in file["failed"]}
        sees = {test for test in runs if any(first <= line <= last for line in lines[test])}
        cost, times = sum(file["seconds"][test] for test in sees or runs), file["seconds"]
        ranked += [(not sees, test not in sees, cost, times[test], test) for test in runs]
    ranked.sort()
    if mutant["inside"] or not ranked or not ranked[0][0]:  # else it runs when it is imported
        ranked = [r for r in ranked if not r[0]]
    return [r[-1] for r in ranked], sum(r[-2] for r in ranked)


def tried(out, mutant, files):
    """What became of a mutant: how it ended, the test that noticed it, and the seconds it took."""
    path = out / "tree/gentut" / mutant["module"]
    before = path.read_text(encoding="utf-8")
    if (code := mutated(before, mutant)) is None:
        return {"end": "not valid"}
    changed = zip(before.splitlines(), code.splitlines(), strict=False)
    mutant["change"] = next(pair for pair in changed if pair[0] != pair[1])
    tests, seconds = chosen(mutant, files)
    if not tests:
        return {"end": "survived", "by": "no test runs it"}
    start, kept = time.monotonic(), path.with_suffix(".kept")
    for old in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        old.unlink()  # it could pass for the mutant's: same second, same size
    path.rename(kept)
    try:
        path.write_text(code, encoding="utf-8")
        told = forked(out, ["-x", *tests], 60 + 4 * seconds)
    finally:
        kept.replace(path)
    # A mutant that is only slower, or a busy machine: no kill.
    end = {0: "survived", "out of time": "out of time"}.get(told["code"], "killed")
    by = [*told.get("failed", []), str(told["code"])][0]
    return {"end": end, "by": by, "tests": len(tests), "seconds": time.monotonic() - start}


def report(folder, drawn, of):
    """Print the survivors, and the share of killed with Wilson's 95 % interval, first and now."""
    run = [m for m in drawn if m.get("first", {"end": "not valid"})["end"] != "not valid"]
    for m in [m for m in run if m["now"]["end"] != "killed"]:
        before, after = (line.strip() for line in m["change"])
        print(f"{m['module']}:{m['start'][0]} `{before}` -> `{after}`: {m['now']['by']}")
    for when in ("first", "now") if run else ():
        killed = sum(m[when]["end"] == "killed" for m in run)
        share = scipy.stats.binomtest(killed, len(run)).proportion_ci(method="wilson")
        print(f"{folder}, {when}: {killed} of {len(run)} killed, ", end="")
        print(f"{killed / len(run):.1%} ({share.low:.1%} to {share.high:.1%}), of {of} places")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", choices=TESTS)
    parser.add_argument("--most", type=int, default=60, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600, help="start no mutant after these")
    parser.add_argument("--again", action="store_true", help="survivors against today's tests")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the copy")
    options = parser.parse_args()
    out, start = options.out.resolve(), time.monotonic()
    tree, results = out / "tree", out / f"{options.folder}-{options.seed}.json"
    if not tree.exists():
        for part in ("gentut", "data"):
            shutil.copytree(ROOT / part, tree / part)
    shutil.copy(ROOT / "pyproject.toml", tree)
    shutil.copytree(ROOT / "tests", tree / "tests", dirs_exist_ok=True)
    for kept in (tree / "gentut").rglob("*.kept"):
        kept.replace(kept.with_suffix(".py"))  # the last call was ended within a mutant
    drawn = json.loads(results.read_text()) if results.exists() else []
    if not drawn:
        for path in sorted((tree / "gentut" / options.folder).glob("*.py")):
            drawn += mutants(path, f"{options.folder}/{path.name}")
        random.Random(options.seed).shuffle(drawn)
        # One at each place, or the sums would outweigh the rest: each has six other operators.
        drawn = list({(m["module"], *m["start"]): m for m in drawn}.values())
    for name in IMPORTED.split():
        importlib.import_module(name)
    # Nothing remembered from one mutant to the next, no time spent on the smallest example.
    phases = hypothesis.Phase.explicit, hypothesis.Phase.generate
    hypothesis.settings.register_profile("one", database=None, deadline=None, phases=phases)
    hypothesis.settings.load_profile("one")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # 3 s for each fork
    gc.freeze()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))  # by way of `finally`
    files = mapped(out, TESTS[options.folder])
    for mutant in drawn[: options.most]:
        if options.again:
            wanted = mutant.get("now", {}).get("end") in ("survived", "out of time")
        else:
            wanted = "first" not in mutant
        if wanted and time.monotonic() < start + 60 * options.minutes:
            mutant["now"] = tried(out, mutant, files)
            mutant.setdefault("first", mutant["now"])
            place = mutant["module"], mutant["start"][0], mutant["operator"]
            print(*place, mutant["now"], flush=True)
            results.write_text(json.dumps(drawn, indent=1))
    report(options.folder, drawn[: options.most], len(drawn))


if __name__ == "__main__":
    main()
