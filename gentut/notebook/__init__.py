"""What the notebooks need around the models: budgets, claims, checks of exercises, figures, tables,
a footer.
"""

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from gentut import plots
from gentut.notebook import exercises
from gentut.startup import InOneLine
from gentut.training.devices import BACKEND, environment

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


def claim(holds: bool, sentence: str) -> None:
    """Print a sentence on the results of this very run, after it was found to hold.

    In quick mode, where models hardly train, a sentence that does not hold is printed as such. So
    this is for results of an experiment; a formula is checked by ``assert``, which always counts.

    Args:
        holds: a comparison of numbers that were measured above.
        sentence: what it shows, with those numbers in it.

    Raises:
        AssertionError: the sentence does not hold, and this is not quick mode.
    """
    if not isinstance(holds, bool | np.bool):
        raise TypeError(f"`holds` must be True or False; received {type(holds).__name__}.")
    if holds:
        print(f"✓ {sentence}")
    elif is_quick():
        print(f"✗ not in this quick run: {sentence}")
    else:
        raise AssertionError(f"This run does not show it: {sentence}")


def check(name: str, answer: object) -> exercises.Verdict:
    """Print whether an answer to an exercise is right, or what is wrong with it.

    Functions are tried on fresh random input each time.

    Args:
        name: notebook and number of the exercise, such as "03.2".
        answer: what the exercise asks for; ``...`` stands for "not answered yet".

    Returns:
        The verdict, which is true for a right answer only.

    Raises:
        ValueError: there is no exercise of that name.
    """
    verdict = exercises.verdict(name, answer)
    print(verdict)
    return verdict


def reveal(
    guess: Mapping[str, object],
    truth: Callable[[], Mapping[str, float]],
    unit: str,
    log: bool = False,
) -> None:
    """Show what the reader guessed beside what is true; before the guess, nothing of it.

    Args:
        guess: name -> number; ``...`` stands for a guess that is still to be typed.
        truth: computes the same names -> numbers of this run; called once all guesses are there,
            and in quick mode always, so that the tests run it.
        unit: what the numbers are, for the axis.
        log: logarithmic axis.
    """
    typed = not any(value is ... for value in guess.values())
    true = {name: float(v) for name, v in truth().items()} if typed or is_quick() else {}
    if not typed:
        print("○ Your guess first: type numbers in place of the `...`, and run the cell again.")
        return
    numbers = {name: float(value) for name, value in guess.items()}
    said = "; ".join(f"{name}: guessed {numbers[name]:.3g}, here {true[name]:.3g}" for name in true)
    show(plots.guesses(numbers, true, unit, log), alt=said)


def tell(text: str) -> None:
    """Show Markdown, such as an f-string with the numbers of this run.

    Args:
        text: the Markdown.
    """
    from IPython.display import Markdown, display  # only notebooks need IPython

    display(Markdown(text))


def table(rows: Sequence[Mapping[str, object]]) -> None:
    """Show rows as a table; numbers that are not whole get three significant digits.

    Args:
        rows: one mapping per row, all with the same keys, which head the columns.
    """
    if not rows:
        raise ValueError("`rows` must hold at least one row; received none.")

    def text(value):
        return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)

    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[text(value) for value in row.values()] for row in rows]
    tell("\n".join("| " + " | ".join(line) + " |" for line in lines))


class WrongBackend(InOneLine, RuntimeError):
    """A notebook needs another Keras backend than the one that runs."""


def need_backend(name: str, why: str) -> None:
    """Go on only where Keras runs on this backend; else one line says what to do.

    Args:
        name: "tensorflow", "jax" or "torch".
        why: the reason, such as "it explains TensorFlow's tape".

    Raises:
        WrongBackend: Keras runs on another one.
    """
    if name != BACKEND:
        raise WrongBackend(
            f"This notebook needs Keras to run on {name}, since {why}; it runs on {BACKEND}."
            f" Install {name} if it is missing, set KERAS_BACKEND={name} in the environment, and"
            " start Jupyter again."
        )


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
    from IPython.display import display  # only notebooks need IPython

    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"`alt` must describe the figure in words; received {alt!r}.")
    picture = base64.b64encode(plots.png(figure, dpi=dpi)).decode("ascii")
    # Not `IPython.display.Image`: that of Colab's IPython 7 knows no alternative text.
    display(
        {"image/png": picture, "text/plain": alt},
        metadata={"image/png": {"alt": alt}},
        raw=True,
    )
