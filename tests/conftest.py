"""One thread for every process: the tests' arrays are small, and ``make test`` runs two at once.

With a pool of threads in each of them, most of the processor's time goes to threads that wait for
one another: the scores of `test_evaluation` took 94 s instead of 30 s.
"""

import os

for name in (
    "OMP_NUM_THREADS",  # OpenBLAS of NumPy and SciPy, scikit-learn, PyTorch
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(name, "1")
