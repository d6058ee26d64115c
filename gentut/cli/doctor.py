"""What this machine has, what gentut will use of it, and what is set up wrongly.

It must also run where Keras, or anything else, cannot be imported: so all that is imported late.
"""

import os
import platform
import shutil
import sys
import time
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

from gentut.checks import check_seconds
from gentut.startup import BACKENDS, asked_backend, keras_failure, keras_settings

# Minutes of each notebook in full mode: those that a clock fixes, which are the same on every
# machine, and those that two cores of the speed `REFERENCE` need for the rest.
NOTEBOOKS = {
    "01_background": (0.0, 4.0),
    "02_gan": (3.0, 2.8),
    "03_vae": (1.8, 3.8),
    "04_evaluation": (0.0, 3.5),
    "05_vision_tasks": (0.0, 6.9),
    "06_diffusion": (0.0, 6.5),
    "07_text_to_image": (3.8, 6.0),
    "08_trends": (0.5, 4.5),
    "09_faq": (0.1, 5.0),
}
# Float32 operations a second of a matrix product, as measured for tests/benchmarks/mnist.md.
REFERENCE = 450e9
# What Colab has, as .github/constraints-colab.txt says.
COLAB = {"tensorflow": "2.20", "keras": "3.13", "numpy": "2.1"}
# The first version whose decoders have no known fault, by its release notes of 2026-10-16.
PILLOW_MENDED = 13
# Bytes.  A training needs 2 GB for a data set and TensorFlow, and other programs need some too.
LEAST_MEMORY, LEAST_DISK = 4e9, 1e9


class Finding(NamedTuple):
    """One line: what was looked at, what was found, and what to do if that is not in order."""

    name: str
    value: str
    advice: str = ""


def doctor(seconds: float = 1.0) -> list[Finding]:
    """Look at the machine and the installation; takes a few seconds and changes nothing.

    Args:
        seconds: for measuring the rate of matrix products, > 0.

    Returns:
        A list of ``Finding``; those with advice are not in order.
    """
    check_seconds("seconds", seconds)
    fault = import_fault()
    findings = [*_versions(), *_machine(fault), *_environment()]
    if fault:
        return [*findings, *_keras(), Finding("import gentut", "impossible", fault)]
    return [*findings, *_keras(), *_in_use(), *_times(matmul_rate(seconds))]


def import_fault() -> str:
    """What keeps gentut from being imported here, in one line; "" where nothing does."""
    try:
        if error := keras_failure():
            raise error
        from gentut.models import pretrained  # noqa: F401  (all it needs)
    except Exception as error:  # whatever a library raises that is installed by half
        text = " ".join(str(error).split())
        return text if isinstance(error, ImportError) else f"{type(error).__name__}: {text}"
    return ""


def matmul_rate(seconds: float = 1.0, size: int = 1536, dtype: str = "float32") -> float:
    """Operations per second of products of two square matrices, the best of many."""
    import keras
    import numpy as np

    rng = np.random.default_rng(0)
    matrix = keras.ops.convert_to_tensor(rng.standard_normal((size, size)).astype("float32"))
    matrix = keras.ops.cast(matrix, dtype)
    best, deadline = np.inf, time.perf_counter() + seconds
    keras.ops.convert_to_numpy(keras.ops.matmul(matrix, matrix)[0, 0])  # warms up
    while time.perf_counter() < deadline or best == np.inf:
        start = time.perf_counter()
        keras.ops.convert_to_numpy(keras.ops.matmul(matrix, matrix)[0, 0])  # waits for the result
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def minutes(name: str, rate: float) -> float:
    """Expected minutes of a notebook where matrix products run at ``rate`` operations a second."""
    by_clock, rest = NOTEBOOKS[name]
    return by_clock + rest * REFERENCE / rate


def _versions():
    python = platform.python_version()
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("Python", python, "" if fits else "gentut is tested on 3.11 to 3.13")
    try:
        from packaging.requirements import Requirement

        needed = [Requirement(text) for text in requires("gentut") or ()]
    except ImportError as error:  # also of gentut's own entry
        needed = []
        name = "gentut" if isinstance(error, PackageNotFoundError) else "packaging"
        yield Finding(name, "not installed", "pip install -e . in the folder of the course")
    wanted = {each.name: each.specifier for each in needed if each.marker is None}
    for name in sorted(wanted.keys() | {asked_backend()} & {*wanted, *BACKENDS}):
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Finding(name, "not installed", f"pip install '{name}{wanted.get(name, '')}'")
            continue
        bounds = wanted.get(name)
        wrong = bounds is not None and not bounds.contains(found, prereleases=True)
        note = f"Colab has {COLAB[name]}" if name in COLAB else ""
        yield Finding(
            name,
            f"{found}{f' ({note})' if note else ''}",
            f"pip install '{name}{bounds}': outside the bounds" if wrong else "",
        )
        if name == "pillow" and int(found.partition(".")[0]) < PILLOW_MENDED:
            yield Finding(
                "images from others",
                "open none",
                f"Pillow before {PILLOW_MENDED} has known faults in its JPEG decoder: pip install"
                f" 'pillow>={PILLOW_MENDED}', and start Python again",
            )


def _machine(fault):
    name = asked_backend()
    known = name in BACKENDS
    advice = f'KERAS_BACKEND, or "backend" in keras.json, must be {", ".join(BACKENDS)}'
    yield Finding("backend", name, "" if known else advice)
    if not fault:
        from gentut.training.devices import device

        yield Finding("device", device())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    few = "one core: trainings take twice as long as the notebooks say" if cores == 1 else ""
    yield Finding("CPU cores", f"{cores or 'unknown'} ({platform.machine()})", few)
    total, free = _memory()
    if total is None:
        yield Finding("memory", "unknown")
    else:
        low = f"at least {LEAST_MEMORY / 1e9:.0f} GB should be free: close other programs"
        text = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free"
        yield Finding("memory", text, low if free < LEAST_MEMORY else "")
    try:
        disk = shutil.disk_usage(".").free
    except OSError as error:
        yield Finding("disk", "unknown", f"this folder cannot be looked at: {error.strerror}")
    else:
        text = f"{disk / 1e9:.1f} GB free here"
        yield Finding("disk", text, "runs need room: free some" if disk < LEAST_DISK else "")


def _memory():
    """Bytes of memory, and those that a new program can have; None where nobody knows."""
    try:
        from gentut.data.memory import total_and_free
    except Exception:  # whatever a library raises that is installed by half
        return None, None
    return total_and_free()


def _environment():
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads == "1" and (os.cpu_count() or 1) > 1:
        yield Finding("OMP_NUM_THREADS", "1", "unset it: one core does all the work")
    mirror = os.environ.get("GENTUT_MIRROR")
    if mirror:
        wrong = not mirror.startswith("https://")
        yield Finding("GENTUT_MIRROR", mirror, "it must begin with https://" if wrong else "")
    quick = os.environ.get("GENTUT_QUICK", "0")
    if quick not in ("", "0"):
        advice = "" if quick == "1" else "it must be 0 or 1"
        yield Finding(
            "GENTUT_QUICK", f"{quick}: notebooks run in a minute, images are poor", advice
        )


def _keras():
    """What Keras is set to, where it can be imported, even if gentut refuses it."""
    if keras_failure():
        return
    for name, value, needed in keras_settings():
        advice = f"set it to {needed} in keras.json (in ~/.keras, or where KERAS_HOME points)"
        yield Finding(name, value, "" if value == needed else advice)


def _in_use():
    from gentut import data
    from gentut.training import devices

    if state := devices.onednn():
        advice = "unset TF_ENABLE_ONEDNN_OPTS: convolutions are up to three times slower without"
        yield Finding("oneDNN", state, advice if state == "off" else "")
    folder = os.environ.get("GENTUT_DATA")
    if folder and not os.path.isdir(folder):
        yield Finding("GENTUT_DATA", folder, "it must name a folder that exists; or unset it")
    else:
        here = [entry.name for entry in data.names() if entry.here]
        yield Finding("data sets here", ", ".join(here))


def _times(rate):
    share = rate / REFERENCE
    slow = "a tenth of the reference: another program may be busy" if share < 0.1 else ""
    yield Finding(
        "matrix product", f"{rate / 1e9:,.0f} GFLOP/s, {share:.2g} × two reference cores", slow
    )
    for name in NOTEBOOKS:
        yield Finding(f"notebook {name}", f"about {minutes(name, rate):.0f} min")
