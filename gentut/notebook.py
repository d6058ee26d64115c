"""What the notebooks need around the models: budgets of long cells, figures, a footer."""

import os
from typing import TypeVar

from gentut import plots
from gentut.training.devices import environment

QUICK = "GENTUT_QUICK"
Value = TypeVar("Value")


def is_quick() -> bool:
    """Tell whether notebooks run in quick mode: ``GENTUT_QUICK`` is "1" in the environment."""
    value = os.environ.get(QUICK, "0")
    if value not in ("", "0", "1"):
        raise ValueError(f"`{QUICK}` must be 0 or 1; received {value!r}.")
    return value == "1"


def budget(full: Value, quick: Value) -> Value:
    """Return ``full`` for a reader, ``quick`` where ``GENTUT_QUICK=1`` asks for speed (the tests).

    Args:
        full, quick: any two values of one type, such as epochs, minutes or sample counts.
    """
    if isinstance(full, bool) or isinstance(quick, bool) or type(full) is not type(quick):
        raise TypeError(f"`full` and `quick` must be of one type; received {full!r} and {quick!r}.")
    return quick if is_quick() else full


def about() -> str:
    """Return one line with what a notebook ran on: versions, kind of machine, no names or paths."""
    facts = environment()
    return ", ".join(f"{name} {value}" for name, value in facts.items() if name != "backend")


def show(figure: plots.Figure, alt: str, dpi: int = 100) -> None:
    """Show a figure in a notebook with a text for those who cannot see it.

    Args:
        figure: a matplotlib figure, such as the functions of ``gentut.plots`` return.
        alt: what the figure shows, in one or two sentences (the "alt" text of the image).
        dpi: dots per inch; 100 keeps a stored notebook small.
    """
    from IPython.display import Image, display  # only notebooks need IPython

    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"`alt` must describe the figure in words; received {alt!r}.")
    display(Image(data=plots.png(figure, dpi=dpi), format="png", alt=alt))
