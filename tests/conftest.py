"""One thread for every process: the tests' arrays are small, and ``make test`` runs two at once.

With a pool of threads in each of them, most of the processor's time goes to threads that wait for
one another: the scores of `test_evaluation` took 94 s instead of 30 s.
"""

import gc
import os

import pytest

for name in (
    "OMP_NUM_THREADS",  # OpenBLAS of NumPy and SciPy, scikit-learn, PyTorch
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(name, "1")
# Set by gentut for users, who import it first; tests import Keras first, by the alphabet.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


@pytest.fixture(scope="module", autouse=True)
def heap():
    """What was made before a file's tests stays: `gc` need not look through it again and again.

    A search through all of Keras takes a third of a second, and the search for a batch size makes
    one for each size that it tries.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Folders that tests decode go here, not into the cache of whoever runs the tests."""
    before = os.environ.get("GENTUT_CACHE")
    os.environ["GENTUT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ["GENTUT_CACHE"]
    if before is not None:
        os.environ["GENTUT_CACHE"] = before


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium for a file's tests, which are skipped where there is none."""
    import tiny  # after the lines above, as it imports Keras

    with tiny.chromium() as connection:
        yield connection


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of small images, not to be changed; some files have one of more images."""
    import tiny

    return tiny.make_photographs(tmp_path_factory.mktemp("photographs"))


@pytest.fixture
def policy():
    """Sets Keras' dtype policy, and puts it back."""
    import keras

    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)
