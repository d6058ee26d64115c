"""Runs that are killed or starved in processes of their own lose nothing.

Slow: the harness starts a process for every attempt; ``test_resume.py`` stops runs inside its own.
Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import kill_harness
import pytest


def alone(call):
    """What a function of the harness returns in a process of its own.

    One that has computed with TensorFlow cannot be forked.
    """
    code = f"import kill_harness, json; print(json.dumps(kill_harness.{call}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(kill_harness.__file__).parent,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the harness forks: TensorFlow")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the harness forks")
def test_killed_runs_lose_nothing_and_differ_in_no_bit():
    counts = alone("torture(['gan'], 1, 1, epochs=3, kills=2, seed=3)")
    assert counts["runs"] == 2 and counts["kills"] >= 1
    assert counts["lost_runs"] == counts["differing_bits"] == 0
    assert counts["compared_bits"] > 1e6


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the harness forks: TensorFlow")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is taken away by prlimit")
def test_a_run_that_runs_out_of_memory_goes_on():
    ends = alone("starve('vae')")
    assert ends == {"starved": "failed", "resumed": "ended", "differing_bits": 0}
