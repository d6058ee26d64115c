"""Mutation tests: do the unit tests notice an operator turned, a branch negated, a loop left out?

    python tests/benchmarks/mutation.py models --most 60 --out mutants

Needs `pip install cosmic-ray`.  Works on a copy in `--out`, never on this tree, and goes on with
what is left when it is called again.  See mutation.md.
"""

import argparse
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

ROOT = Path(__file__).parents[2]
TURNED = ["Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "Mod_Mul", "FloorDiv_Mul"]
COMPARED = "Eq_NotEq NotEq_Eq Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt Is_IsNot"
OPERATORS = {
    *(f"core/ReplaceBinaryOperator_{pair}" for pair in TURNED),
    *(f"core/ReplaceComparisonOperator_{pair}" for pair in [*COMPARED.split(), "IsNot_Is"]),
    *(f"core/ReplaceUnaryOperator_Delete_{name}" for name in ("USub", "Not")),
    *(f"core/{name}" for name in ("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue")),
    *(f"core/{name}" for name in ("ReplaceAndWithOr", "ReplaceOrWithAnd", "ZeroIterationForLoop")),
}
# The test files that concern a module, quick ones first.
TESTS = {
    "metrics/_checks": "metrics_distances metrics_neighbours metrics_uncertainty",
    "metrics/distances": "metrics_distances",
    "metrics/frechet": "metrics_distances metrics_uncertainty",
    "metrics/likelihood": "metrics_likelihood",
    "metrics/neighbours": "metrics_neighbours",
    "metrics/similarity": "metrics_similarity",
    "metrics/uncertainty": "metrics_uncertainty",
    "models/cluster_gan": "clusters steps",
    "models/diff_augment": "augment steps",
    "models/autoregressive": "autoregressive",
    "models/distillation": "distillation",
    "models/flow": "flow_known flow",
    "models/flow_model": "steps flow_known flow",
    "models/paths": "paths flow_known",
    "models/solvers": "paths steps",
    "models/gan": "steps models",
    "models/losses": "losses steps",
    "models/mixtures": "mixtures",
    "models/networks": "steps models flow",
    "models/pca_mixture": "mixtures models",
    "models/pretrained": "pretrained",
    "models/recipes": "models clusters",
    "models/vae": "steps mixtures models",
    "training/batches": "steps models large",
    "training/callbacks": "models runs",
    "training/devices": "devices steps",
    "training/gradients": "steps models precision",
    "training/kernels": "kernels models",
    "training/optimizers": "steps mixtures models",
    "training/step": "steps models devices",
}


def begin(module, out):
    """A copy of the tree with a session of all mutants of a module."""
    tree = out / module.replace("/", "-")
    session = tree / "session.sqlite"
    if not session.exists():
        for part in ("gentut", "tests", "data", "pyproject.toml"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            tree.mkdir(parents=True, exist_ok=True)
            copy(ROOT / part, tree / part)
        if module.startswith("metrics/"):  # without the seconds that importing Keras takes
            (tree / "gentut/__init__.py").write_text("")
        files = [f"tests/test_{name}.py" for name in TESTS[module].split()]
        files = [name for name in files if (tree / name).exists()]
        # Left out for their time: what repeats other tests in fresh processes or in large.
        words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *files]
        slow = "backends_agree", "three_deterministic", "recipes_fit", "with_tensorflow"
        words += ["-k", " and ".join(f"not {name}" for name in slow)]
        settings = {"module-path": [f"gentut/{module}.py"], "timeout": 600.0,
                    "excluded-modules": [], "test-command": shlex.join(words)}  # fmt: skip
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        lines = ["[cosmic-ray]", *lines, "[cosmic-ray.distributor]", 'name = "local"']
        (tree / "mutation.toml").write_text("\n".join(lines))
        cosmic_ray(tree, "init", "session.sqlite")
    return tree


def cosmic_ray(tree, task, *session):
    paths = [str(tree), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    line = ["nice", "-n", "15", sys.executable, "-m", "cosmic_ray.cli", task, "mutation.toml"]
    subprocess.run([*line, *session], cwd=tree, env=environment, check=True)


def draw(trees, most, seed):
    """Leave pending at most so many mutants of all modules, drawn at random; return how many."""
    found, kept = [], []
    for tree in trees:
        with use_db(tree / "session.sqlite") as db:
            found += [
                (str(tree), item.job_id, item.mutations[0])
                for item in db.work_items
                if item.mutations[0].operator_name in OPERATORS
            ]
    # By place, not by the random name of a job: the same seed draws the same mutants.
    found.sort(key=lambda f: (f[0], f[2].start_pos, f[2].operator_name, f[2].occurrence))
    kept = {job for _, job, _ in random.Random(seed).sample(found, min(most, len(found)))}
    for tree in trees:
        with use_db(tree / "session.sqlite") as db:
            left = [item.job_id for item in db.pending_work_items if item.job_id not in kept]
            db.set_multiple_results(left, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))
    return len(found)


def report(folder, trees, of):
    """Print killed and survivors, with Wilson's 95 % interval of the score."""
    killed = survivors = 0
    for tree in trees:
        with use_db(tree / "session.sqlite") as db:
            mutants = {item.job_id: item.mutations[0] for item in db.work_items}
            for job, result in db.results:
                if result.worker_outcome == WorkerOutcome.SKIPPED:
                    continue
                if result.test_outcome != TestOutcome.SURVIVED:
                    killed += 1
                    continue
                survivors += 1
                mutant = mutants[job]
                print(f"{mutant.module_path}:{mutant.start_pos[0]} {mutant.operator_name[5:]}")
    n, z = max(1, killed + survivors), 1.96
    share = killed / n
    middle, half = share + z**2 / 2 / n, z * (share * (1 - share) / n + z**2 / 4 / n**2) ** 0.5
    low, high = ((middle + sign * half) / (1 + z**2 / n) for sign in (-1, 1))
    print(
        f"{folder}: {killed} of {n} drawn from {of} killed, {share:.0%} ({low:.0%} to {high:.0%})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", choices=sorted({name.split("/")[0] for name in TESTS}))
    parser.add_argument("--most", type=int, default=60, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a folder for the copies")
    options = parser.parse_args()
    modules = [name for name in TESTS if name.startswith(options.folder + "/")]
    trees = [begin(module, options.out.resolve()) for module in modules]
    of = draw(trees, options.most, options.seed)
    for tree in trees:
        with use_db(tree / "session.sqlite") as db:
            if not list(db.pending_work_items):
                continue
        cosmic_ray(tree, "baseline")  # tests that fail without a mutant would kill them all
        cosmic_ray(tree, "exec", "session.sqlite")
    report(options.folder, trees, of)


if __name__ == "__main__":
    main()
