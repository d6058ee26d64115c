"""What the notebooks need around the models: a budget for each long cell, a footer of versions."""

import os

from gentut import report
from gentut.training import device

QUICK = "GENTUT_QUICK"


def is_quick():
    """Whether notebooks run in quick mode: the environment variable `GENTUT_QUICK` is "1"."""
    value = os.environ.get(QUICK, "0")
    if value not in ("", "0", "1"):
        raise ValueError(f"`{QUICK}` must be 0 or 1; received {value!r}.")
    return value == "1"


def budget(full, quick):
    """`full` for a reader, `quick` where `GENTUT_QUICK=1` asks for a fast pass (the tests).

    Args:
        full, quick: any two values of one type, such as epochs, minutes or sample counts.
    """
    if isinstance(full, bool) or isinstance(quick, bool) or type(full) is not type(quick):
        raise TypeError(f"`full` and `quick` must be of one type; received {full!r} and {quick!r}.")
    return quick if is_quick() else full


def about():
    """One line with what a notebook ran on: versions and kind of machine, no names or paths."""
    facts = report.environment(device())
    return ", ".join(f"{name} {value}" for name, value in facts.items() if name != "backend")
