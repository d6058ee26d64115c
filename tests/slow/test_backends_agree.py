"""Three steps of three models, the same on every backend that is installed.

Slow: one process for each backend.  Not part of ``pytest tests``; ``.ci/run`` names this file
when JAX and PyTorch are there.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

BACKEND_RUN = """
import sys, numpy as np, keras
sys.path.insert(0, sys.argv[2])
import test_models as t
r1 = {"penalties": {"r1": 1.0}}
models = {
    "gan": t.small_gan(3, **r1),
    "vae": t.small_vae(3),
    "fused": t.small_gan(3, fused=True, penalty_interval=2, **r1),
}
def normal(shape, seed=None, dtype=None):  # the same noise on every backend
    noise = np.random.default_rng(7).normal(size=tuple(int(s) for s in shape))
    return keras.ops.convert_to_tensor(noise.astype("float32"))
keras.random.normal = normal
eager = {"run_eagerly": True, "steps_per_execution": 1}
options = {} if keras.backend.backend() == "jax" else eager
out = {}
for name, model in models.items():
    rng = np.random.default_rng(0)
    for w in model.weights:
        if w.dtype == "float32" and "seed" not in w.path and "moving" not in w.path:
            w.assign(rng.normal(size=w.shape).astype("float32") * 0.1)
    adams = [keras.optimizers.Adam(1e-3, epsilon=1e-3) for _ in range(1 if name == "vae" else 2)]
    model.compile(*adams, **options)
    rows = slice(0, 48)  # three batches
    history = model.fit(
        t.IMAGES[rows], t.LABELS[rows], epochs=1, batch_size=16, seed=1, verbose=0
    ).history
    for i, w in enumerate(t.weights(model)):
        out[f"{name}_{i}"] = w
    for k, v in history.items():
        out[f"{name}_{k}"] = np.array(v)
np.savez(sys.argv[1], **out)
"""


def test_three_deterministic_steps_agree_across_the_installed_backends(tmp_path):
    modules = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
    installed = [name for name, module in modules.items() if find_spec(module)]
    if len(installed) < 2:
        pytest.skip(f"needs two Keras backends; only {installed} installed")
    results = {}
    here = Path(__file__).parents[1]
    for name in installed:
        path = tmp_path / f"{name}.npz"
        env = {**os.environ, "KERAS_BACKEND": name}
        run = subprocess.run(
            [sys.executable, "-c", BACKEND_RUN, path, here], env=env, capture_output=True, text=True
        )
        assert run.returncode == 0, f"{name}: {run.stderr[-2000:]}"
        results[name] = np.load(path)
    first = results[installed[0]]
    for name in installed[1:]:
        assert set(first.files) == set(results[name].files)
        for key in first.files:
            np.testing.assert_allclose(
                results[name][key], first[key], atol=1e-5, rtol=1e-5, err_msg=f"{name} {key}"
            )
