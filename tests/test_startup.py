"""Which backend runs where nobody chose one; and gentut without TensorFlow."""

import importlib.util
import os
import subprocess
import sys

import keras
import pytest

from gentut import startup
from gentut.training import devices


def chosen(monkeypatch, installed, asked=None, keras_json="tensorflow"):
    """KERAS_BACKEND after `choose_backend` where these backends are installed."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(startup.importlib.util, "find_spec", lambda name: name in installed)
    monkeypatch.setattr(startup, "asked_backend", lambda: asked or keras_json)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if asked:
        monkeypatch.setenv("KERAS_BACKEND", asked)
    startup.choose_backend()
    return os.environ.pop("KERAS_BACKEND", None)


def test_without_tensorflow_keras_runs_on_what_is_there_and_a_note_says_so(monkeypatch):
    for installed, backend in ((["jax", "torch"], "jax"), (["torch"], "torch")):
        with pytest.warns(UserWarning, match=f"TensorFlow is not installed: .* runs on {backend}"):
            assert chosen(monkeypatch, installed) == backend


def test_who_chose_a_backend_or_has_tensorflow_keeps_it(monkeypatch, recwarn):
    assert chosen(monkeypatch, ["tensorflow", "jax"]) is None
    assert chosen(monkeypatch, ["jax"], asked="torch") == "torch"
    assert chosen(monkeypatch, ["jax"], asked="tensorflow") == "tensorflow"  # which then fails
    assert chosen(monkeypatch, ["jax"], keras_json="torch") is None
    assert chosen(monkeypatch, []) is None
    assert not recwarn.list


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


TRAINS = """
import gentut
images, labels = gentut.data.load("glyphs", "train")
for family in ("gan", "vae"):
    model = gentut.build(family, images.shape[1:], num_classes=10)
    model.fit(images[:64], labels[:64], epochs=1, batch_size=32, verbose=0)
    model.sample(4, seed=0)
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own noise")
@pytest.mark.backend
def test_a_training_prints_nothing_of_its_own(tmp_path):
    """Not even what TensorFlow 2.20 prints past its log level, where its remapper fails."""
    names = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")  # as a learner has them
    environment = {k: v for k, v in os.environ.items() if k not in names}
    done = subprocess.run(
        [sys.executable, "-c", TRAINS], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own pass")
@pytest.mark.backend
def test_the_remapper_is_off_only_where_it_fails(monkeypatch):
    import tensorflow as tf

    options = tf.config.optimizer.get_experimental_options
    before = options()
    for version, layer, off in (
        ("2.20.0", keras.layers.LeakyReLU(), True),
        ("2.20.0", keras.layers.ReLU(), False),
        ("2.21.0", keras.layers.LeakyReLU(), False),
    ):
        monkeypatch.setattr(tf, "__version__", version)
        with devices.without_failing_remapper([layer]):
            assert (options().get("remapping") is False) is off
        assert options() == before
