"""The exercises of the notebooks: what each asks for, and how an answer to it is judged."""

from importlib import import_module

import numpy as np

from gentut.notebook.exercises.judge import Exercise, Mistake, Open, Verdict

MODULES = {
    "01": "background",
    "02": "gan",
    "03": "vae",
    "04": "evaluation",
    "05": "vision_tasks",
    "06": "diffusion",
    "07": "text_to_image",
    "08": "trends",
    "09": "faq",
}


def of_notebook(number: str) -> dict[str, Exercise]:
    """Return name -> exercise of a notebook, such as "03"; it has the names "03.1", "03.2", …"""
    if number not in MODULES:
        raise ValueError(f"`number` must be one of {', '.join(MODULES)}; received {number!r}.")
    return import_module(f"gentut.notebook.exercises.{MODULES[number]}").EXERCISES


def verdict(name: str, answer: object, seed: int | None = None) -> Verdict:
    """Judge an answer on fresh random input.

    Args:
        name: notebook and number, such as "03.2".
        answer: a function, number, letter, or what the exercise asks for; ``...``, or a function
            that returns it, is an exercise that is not answered yet.
        seed: of the random input; None draws another one each time.

    Raises:
        ValueError: there is no exercise of that name.
    """
    known = [
        each
        for number in ([name[:2]] if isinstance(name, str) and name[:2] in MODULES else MODULES)
        for each in of_notebook(number)
    ]
    if name not in known:
        raise ValueError(f"`name` must be one of {', '.join(known)}; received {name!r}.")
    exercise = of_notebook(name[:2])[name]
    try:
        if answer is ... or answer is NotImplemented:
            raise Open
        with np.errstate(all="ignore"):  # what comes out is judged, not on the way
            exercise.judge(answer, np.random.default_rng(seed))
    except Open:
        return Verdict(name, None, "not answered yet.")
    except Mistake as mistake:
        return Verdict(name, False, f"not yet: {mistake}")
    return Verdict(name, True, f"right. {exercise.shows}")
