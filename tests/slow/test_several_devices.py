"""Every family on several devices, and two processes that train together and outlive a kill.

Real and slow: each test starts processes that import a backend and trace their steps anew.  Not
part of ``pytest tests``; ``.ci/run`` names this file on TensorFlow and on JAX.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny

from gentut.training import devices

HERE = Path(__file__).parents[1]
BACKEND = keras.backend.backend()

# On TensorFlow tracing takes so long that two families are left to the command:
# python tests/several_devices.py 2 wgan latent_flow
CASES = {
    "tensorflow": [(2, ("gan", "vae", "flow"))],
    "jax": [(2, ("gan", "vae", "flow")), (2, ("wgan", "latent_flow")), (4, ("gan",))],
    "torch": [],
}


def run(*words, **environment):
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE,
        env=os.environ | environment,
    )


def assert_devices_agree(count, families):
    process = run("several_devices.py", count, *families)
    out, error = process.communicate(timeout=500)
    assert process.returncode == 0, error[-2000:]
    apart = {
        name: float(value)
        for name, value in map(str.split, out.strip().splitlines()[-len(families) :])
    }
    assert set(apart) == set(families)
    # In float64. Seen: at most 4e-16 for every family, on TensorFlow and on JAX.
    assert max(apart.values()) < 1e-12, apart


@pytest.mark.parametrize(("count", "families"), CASES[BACKEND])
def test_several_devices_end_with_the_weights_of_one(count, families):
    assert_devices_agree(count, families)


class Training:
    """Two processes that train together over loopback."""

    def __init__(self, out, *words):
        with socket.socket() as probe:  # a port that is free now
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        common = {
            devices.HOSTS: f"{address},127.0.0.1",
            devices.PROCESSES: "2",
            "KERAS_BACKEND": "jax",
        }
        words = ("-m", "gentut", "train", *words, "--out", out)
        self.processes = [
            run(*words, KERAS_DISTRIBUTION_PROCESS_ID=str(i), **common) for i in range(2)
        ]

    def wait(self, which=(0, 1)):
        """Exit codes and what was said."""
        said = [self.processes[i].communicate(timeout=300) for i in which]
        return [self.processes[i].returncode for i in which], said


def weights(out):
    """Those of the newest checkpoint."""
    with np.load(max((out / "checkpoints").glob("*.npz")), allow_pickle=False) as file:
        return [
            file[name].astype("float64") for name in sorted(set(file.files) - {"state", "model"})
        ]


def alike(one, other):
    """Largest difference, relative to the largest value of each variable."""
    pairs = list(zip(one, other, strict=True))
    return max(np.abs(a - b).max() / max(1, np.abs(a).max()) for a, b in pairs if a.size)


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX trains on several hosts")
def test_two_processes_train_together_and_outlive_a_kill(tmp_path):
    photographs = tiny.make_photographs(tmp_path / "photographs", train=160)
    words = ["vae", "--data", photographs, "--conditional"]

    alone = [*words, "--epochs", 4, "--out", tmp_path / "single"]
    single = run("-m", "gentut", "train", *alone, KERAS_BACKEND="jax")
    assert single.wait(300) == 0
    pair = Training(tmp_path / "pair", *words, "--epochs", "4")
    codes, said = pair.wait()
    assert codes == [0, 0], said
    assert "report.html" in said[0][0] and "report.html" not in said[1][0]
    assert alike(weights(tmp_path / "single"), weights(tmp_path / "pair")) < 1e-5
    left = {path.name for path in (tmp_path / "single").iterdir()}
    assert {path.name for path in (tmp_path / "pair").iterdir()} == left

    # The second is killed in the middle: the first says so and goes; together they go on.
    killed = Training(tmp_path / "killed", *words, "--epochs", "40")
    checkpoints = tmp_path / "killed" / "checkpoints"
    while not any(checkpoints.glob("*.npz")):
        assert killed.processes[0].poll() is None, killed.wait()
    killed.processes[1].kill()
    (code,), ((_, error),) = killed.wait([0])
    assert code == 2, error[-3000:]
    assert "gentut: the other processes of this training cannot be reached" in error
    assert "Traceback" not in error
    killed.wait([1])
    codes, said = Training(tmp_path / "killed", "--epochs", "40", "--resume").wait()
    assert codes == [0, 0], said
    assert (
        json.loads((tmp_path / "killed" / "config.json").read_text(encoding="utf-8"))["status"]
        == "finished"
    )
