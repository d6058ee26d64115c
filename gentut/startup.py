"""What must happen before Keras and its backend are imported."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def quiet_start():
    """Hold back what C++ libraries write to the standard error stream while they are loaded.

    TensorFlow prints half a dozen lines there (kernels in use, no GPU found) before any setting
    can stop it; learners take them for faults.  If loading fails, all of it is shown.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no such stream, say under pythonw on Windows
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# TensorFlow reads this once, when it is imported.  On CPUs without AVX-512 it is off by default,
# and convolutions then reach a third of the speed (tests/benchmarks/bench_training.py).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Its later C++ notes (an optimizer pass skipped) are no faults either; what does go wrong reaches
# Python as an exception.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Our matrices are small: OpenBLAS' threads wait for each other longer than they compute, most of
# all on a machine with other work.  Read when NumPy is imported; a setting of the user's stays.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
with quiet_start():
    import keras  # noqa: F401
