"""CPU seconds and peak memory of `gentut.metrics`, against torch-fidelity and prdc.

    pip install --no-deps torch-fidelity prdc        # and a CPU build of torch
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 \\
        python tests/benchmarks/bench_metrics.py

Each ratio is ours / theirs in one process on one thread: medians of up to nine runs, taken in
turn for about ten seconds of the peer's time. Prints Markdown tables. Missing peers are left out.
`--memory` measures peak memory only, `--quick` divides the sample counts by ten. KID subsets
are drawn differently, so its results differ by the sampling error.

Ends with 1 and names the row if a ratio, or the memory that a call adds, is more than a fifth above
`USUAL`. The rows of `--quick` have no limit.
"""

import argparse
import importlib
import json
import subprocess
import sys
import time
import warnings
from unittest import mock

import numpy as np

from gentut import metrics

GB = 1e9


MARGIN = 1.2  # runs of one machine differ by a tenth, busy or idle
USUAL = {
    "Fréchet 10,000 × 2048, variances 1/i^0": 0.56,
    "Fréchet 10,000 × 2048, variances 1/i^1": 0.54,
    "Fréchet 10,000 × 2048, variances 1/i^3": 0.75,
    "Fréchet 500 × 2048, variances 1/i^0": 0.025,
    "KID 10,000 × 2048, 100 subsets of 1,000, float32": 1.01,
    "KID 10,000 × 128, 100 subsets of 1,000, float32": 0.95,
    "precision, recall, density, coverage 5,000 × 64": 0.31,
    "GB, Fréchet 50,000 × 2048": 0.19,
    "GB, precision, recall, density, coverage 50,000 × 64": 0.07,
}


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--child", choices=sorted(MEMORY_CASES), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    warnings.simplefilter("ignore", metrics.SmallSampleWarning)
    shrink = 10 if options.quick else 1
    if options.child:
        print(json.dumps(measure_memory(options.child, shrink)))
        return 0
    found = {}
    if not options.memory:
        print("| case | peer, CPU s | ours, CPU s | ours / peer | difference of results |")
        print("|---|---|---|---|---|")
        found |= compare_frechet(shrink) | compare_kernel(shrink) | compare_neighbours(shrink)
        print()
    print("| peak memory in GB | inputs | added by the call | both | process with TensorFlow |")
    print("|---|---|---|---|---|")
    found |= compare_memory(options.quick)
    above = exceeded({} if options.quick else found)
    for line in above:
        print(line, file=sys.stderr)
    return 1 if above else 0


def exceeded(found):
    """One line for each row that lies more than the margin above its usual value."""
    return [
        f"{name}: {value:.3g}, above its limit {MARGIN * USUAL[name]:.3g}"
        for name, value in found.items()
        if not value <= MARGIN * USUAL[name]
    ]


def features(n, d, seed, power=0.0, shift=0.0):
    """float32 features with variances i^(−power), shifted by a share of their deviations."""
    scale = np.arange(1, d + 1, dtype=np.float32) ** (-power / 2)
    noise = np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)
    noise += shift
    noise *= scale
    return noise


def compare_frechet(shrink):
    fid = load_peer("torch_fidelity.metric_fid")
    if fid is None:
        return {}
    import torch

    def peer(real, generated):
        one, two = map(fid.fid_features_to_statistics, map(torch.from_numpy, (real, generated)))
        return fid.fid_statistics_to_metric(one, two, False)["frechet_inception_distance"]

    ratios = {}
    for n, power in ((10_000, 0.0), (10_000, 1.0), (10_000, 3.0), (500, 0.0)):
        n = max(n // shrink, 100)
        pair = features(n, 2048, 0, power), features(n, 2048, 1, power, shift=0.1)
        name = f"Fréchet {n:,} × 2048, variances 1/i^{power:g}"
        ratios |= compare(
            name, lambda pair=pair: metrics.frechet_distance(*pair), lambda pair=pair: peer(*pair)
        )
    return ratios


def compare_kernel(shrink):
    kid = load_peer("torch_fidelity.metric_kid")
    if kid is None:
        return {}
    import torch

    def peer(real, generated, subsets):
        settings = {
            "kid_subsets": subsets,
            "kid_subset_size": 1000,
            "kid_kernel": "poly",
            "kid_kernel_poly_degree": 3,
            "kid_kernel_poly_gamma": None,
            "kid_kernel_poly_coef0": 1,
            "rng_seed": 0,
            "verbose": False,
        }
        pair = torch.from_numpy(real), torch.from_numpy(generated)
        return kid.kid_features_to_metric(*pair, **settings)["kernel_inception_distance_mean"]

    subsets, ratios = max(100 // shrink, 5), {}
    for d in (2048, 128):
        pair = features(10_000, d, 0), features(10_000, d, 1, shift=0.2)
        ratios |= compare(
            f"KID 10,000 × {d}, {subsets} subsets of 1,000, float32",
            lambda pair=pair: metrics.kernel_distance(*pair, subsets=subsets)[0],
            lambda pair=pair: peer(*pair, subsets),
        )
    return ratios


def compare_neighbours(shrink):
    prdc = load_peer("prdc")
    if prdc is None:
        return {}
    n = 5000 // shrink
    pair = features(n, 64, 0), 1.02 * features(n, 64, 1)

    def peer():
        with mock.patch("builtins.print"):
            return prdc.compute_prdc(*pair, nearest_k=5)["density"]

    return compare(
        f"precision, recall, density, coverage {n:,} × 64",
        lambda: metrics.precision_recall_density_coverage(*pair)["density"],
        peer,
    )


def compare(name, ours, peer):
    """Print a row, and return its ratio by its name."""
    seconds = {ours: [], peer: []}
    values = {}
    while sum(seconds[peer]) < 10 and len(seconds[peer]) < 9:
        for function in (peer, ours):
            start = time.process_time()
            values[function] = function()
            seconds[function].append(time.process_time() - start)
    mine, theirs = np.median(seconds[ours]), np.median(seconds[peer])
    difference = values[ours] - values[peer]
    print(
        f"| {name} | {theirs:.2f} | {mine:.2f} | {mine / theirs:.2f} "
        f"({theirs / mine:.1f} times faster) | {difference:.1e} of {values[peer]:.4g} |",
        flush=True,
    )
    return {name: mine / theirs}


def load_peer(name):
    """Imports a peer's arithmetic. torch-fidelity asks for torchvision, which that never uses."""
    unused = ["torchvision", "torchvision.datasets", "torchvision.transforms"]
    unused += ["torchvision.transforms.functional"]
    absent = [module for module in unused if module not in sys.modules]
    sys.modules.update({module: mock.MagicMock() for module in absent})
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(f"<!-- {name} left out: {error} -->")
        return None
    finally:
        for module in absent:
            del sys.modules[module]


MEMORY_CASES = {
    "Fréchet 50,000 × 2048": (2048, metrics.frechet_distance),
    "precision, recall, density, coverage 50,000 × 64": (
        64,
        metrics.precision_recall_density_coverage,
    ),
}


def compare_memory(quick):
    """Print a row for each case, measured in a process of its own; return the GB added."""
    added = {}
    for case in MEMORY_CASES:
        command = [sys.executable, __file__, "--child", case] + ["--quick"] * quick
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        inputs, more, peak, seconds = json.loads(done.stdout)
        print(
            f"| {case}, float32, {seconds:.0f} CPU s | {inputs:.2f} | {more:.2f} | "
            f"{inputs + more:.2f} | {peak:.2f} |"
        )
        added[f"GB, {case}"] = more
    return added


def measure_memory(case, shrink):
    """GB of the inputs, GB that the call adds, GB of the process, and CPU seconds."""
    dimensions, metric = MEMORY_CASES[case]
    pair = [features(50_000 // shrink, dimensions, seed) for seed in (0, 1)]
    before = memory("VmRSS")
    start = time.process_time()
    metric(*pair)
    seconds = time.process_time() - start
    peak = memory("VmHWM")
    return sum(array.nbytes for array in pair) / GB, peak - before, peak, seconds


def memory(field):
    """GB that Linux reports: not getrusage, whose peak a child inherits from its parent."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 / GB for line in file if line.startswith(field))


if __name__ == "__main__":
    sys.exit(main())
