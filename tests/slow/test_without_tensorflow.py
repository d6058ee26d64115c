"""gentut where TensorFlow cannot be imported, in a process of its own.

Slow: it imports Keras anew.  Not part of ``pytest tests``; ``.ci/run`` names this file when JAX and
PyTorch are there.
"""

import importlib.util
import os
import subprocess
import sys

import pytest

WITHOUT = """
import importlib.abc, importlib.util, os, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tensorboard"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "tensorflow" else find(name, *rest)
os.environ.pop("KERAS_BACKEND", None)
import gentut, keras
assert keras.backend.backend() in ("jax", "torch") and "tensorflow" not in sys.modules
images, labels = gentut.data.load("glyphs", "test")
model = gentut.load_pretrained("gan-glyphs")
letters = model.sample(4, labels=[0, 1, 2, 3], seed=0)
model.fit(images[:128], labels[:128], epochs=1, batch_size=32, verbose=0)
print(letters.shape, keras.backend.backend())
"""


@pytest.mark.skipif(
    not (importlib.util.find_spec("jax") or importlib.util.find_spec("torch")),
    reason="neither JAX nor PyTorch is installed",
)
@pytest.mark.backend
def test_gentut_works_where_tensorflow_cannot_be_imported(tmp_path):
    environment = os.environ | {"KERAS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("(4, 28, 28, 1) ")
    assert "TensorFlow is not installed: gentut runs on" in done.stderr
