"""Which backend runs where nobody chose one; slow/test_without_tensorflow.py goes without."""

import os
import sys

import keras
import pytest

from gentut import startup
from gentut.training import kernels


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
        with kernels.without_failing_remapper([layer]):
            assert (options().get("remapping") is False) is off
        assert options() == before
