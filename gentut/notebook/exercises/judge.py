"""How answers are judged: on fresh random input, with a hint of its own for each common mistake.

No right answer is stored.  Letters are compared by their hash, numbers with another computation,
functions with another way of computing the same on inputs that nobody has seen before.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

CASES = 5  # inputs that a function is tried on
Judge = Callable[[Any, np.random.Generator], None]


class Mistake(Exception):
    """The answer is wrong; the text is the hint for the reader."""


class Open(Exception):
    """The exercise is not answered yet."""


@dataclass(frozen=True)
class Exercise:
    """What an exercise asks for.

    Attributes:
        judge: called with the answer and a generator; returns if the answer is right, and else
            raises ``Mistake`` with the hint.
        shows: what is worth knowing once it is solved; one sentence.
    """

    judge: Judge
    shows: str


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer; true only if it is right."""

    name: str
    right: bool | None  # None: not answered yet
    text: str

    def __bool__(self) -> bool:
        return self.right is True

    def __str__(self) -> str:
        mark = {True: "✓", False: "✗", None: "○"}[self.right]
        return f"{mark} {self.name} {self.text}"

    def _ipython_display_(self) -> None:
        """Nothing below the cell: ``gentut.check`` has printed it."""


# The kinds of exercises ----------------------------------------------------------------------


def digest(name: str, answer: str) -> str:
    """Return the salted hash of a right letter, under which it is stored."""
    return hashlib.sha256(f"gentut exercise {name}: {answer}".encode()).hexdigest()[:12]


def letters(answer: object, options: str) -> str:
    """Return the letters of an answer such as "b", "B)", "a, c" or ["c", "a"], sorted."""
    wants = f"expected one or more of the letters {', '.join(options)}"
    parts = [answer] if isinstance(answer, str) else answer
    if not isinstance(parts, list | tuple | set) or not all(isinstance(p, str) for p in parts):
        raise Mistake(f"{wants}, as a text; received {described(answer)}.")
    found = re.sub(r"[\s,;.()'\"]|and", "", " ".join(parts).lower())
    if not found or set(found) - set(options):
        raise Mistake(f"{wants}; received {answer!r}.")
    return "".join(sorted(set(found)))


def choice(name: str, options: str, right: str, hints: Mapping[str, str], shows: str) -> Exercise:
    """An exercise whose answer is a letter, or several of them.

    Args:
        name: of the exercise, which salts the hashes.
        options: the letters, such as "abcd".
        right: ``digest(name, letters)`` of the right answer.
        hints: the same of wrong answers -> hint; "" holds the hint for any other.
        shows: see ``Exercise``.
    """

    def judge(answer, rng):
        found = digest(name, letters(answer, options))
        if found != right:
            raise Mistake(hints.get(found) or hints[""])

    return Exercise(judge, shows)


def matching(name: str, options: str, rows: Mapping[str, tuple[str, str]], shows: str) -> Exercise:
    """An exercise whose answer is a dict: a letter for each of several questions.

    Args:
        name, options, shows: as for ``choice``.
        rows: question -> ``digest(name + question, letter)`` of the right letter, and the hint for
            every other letter.
    """

    def judge(answer, rng):
        if not isinstance(answer, dict) or set(answer) != set(rows):
            came = sorted(map(str, answer)) if isinstance(answer, dict) else described(answer)
            raise Mistake(f"expected a dict with the keys {', '.join(rows)}; received {came}.")
        if any(letter is ... for letter in answer.values()):
            raise Open
        found = {key: letters(answer[key], options) for key in rows}
        wrong = [key for key, (right, _) in rows.items() if digest(name + key, found[key]) != right]
        if wrong:
            count = f"{len(rows) - len(wrong)} of {len(rows)} are right. "
            raise Mistake(count + f"“{wrong[0]}”: {rows[wrong[0]][1]}")

    return Exercise(judge, shows)


def number(
    truth: Callable[[], float],
    mistakes: Mapping[str, Callable[[], float]],
    otherwise: str,
    shows: str,
    tolerance: float = 0.01,
) -> Exercise:
    """An exercise whose answer is one number.

    Args:
        truth: computes it, in another way than the reader would.
        mistakes: hint -> computes the number that the mistake gives.
        otherwise: the hint for any other number.
        shows: see ``Exercise``.
        tolerance: how far from the truth an answer may be, as a share of it.
    """

    def judge(answer, rng):
        wants = "expected a number"
        value = as_array(answer, wants)
        if value.size != 1 or value.dtype.kind not in "iuf":
            raise Mistake(f"{wants}; received {described(answer)}.")
        value = float(value.reshape(()))
        if not np.isfinite(value):
            raise Mistake(f"{wants} that is finite; received {value}.")
        if near(value, float(truth()), tolerance):
            return
        for hint, wrong in mistakes.items():
            if near(value, float(wrong()), tolerance):
                raise Mistake(hint)
        raise Mistake(otherwise)

    return Exercise(judge, shows)


def function(
    inputs: Callable[[np.random.Generator], tuple],
    truth: Callable,
    mistakes: Mapping[str, Callable],
    otherwise: str,
    shows: str,
    returns: str,
    tolerance: float = 1e-4,
) -> Exercise:
    """An exercise whose answer is a function of numbers and arrays.

    Args:
        inputs: draws the arguments of one call.
        truth: computes the result from them, in another way than the reader would.
        mistakes: hint -> a function with that mistake in it; who returns the same has made it.
        otherwise: the hint for any other result: a special case to try by hand.
        shows: see ``Exercise``.
        returns: what the function must return, in words: "one number for each image".
        tolerance: the largest error allowed, as a share of the largest result.
    """

    def judge(answer, rng):
        cases = [inputs(rng) for _ in range(CASES)]
        got = [outcome(answer, case, returns) for case in cases]

        def agrees(other):
            return all(
                near(g, o, tolerance)
                for g, o in zip(got, (other(*copies(case)) for case in cases), strict=True)
            )

        if agrees(truth):
            return
        for hint, wrong in mistakes.items():
            if agrees(wrong):
                raise Mistake(hint)
        for g, case in zip(got, cases, strict=True):
            check_form(g, truth(*copies(case)), returns)
        raise Mistake(otherwise)

    return Exercise(judge, shows)


# What they are made of -----------------------------------------------------------------------


def call(answer: object, arguments: Iterable, returns: str) -> Any:
    """Call the reader's function with copies of the arguments; return what it returns.

    Raises:
        Open: it returns ``...`` or ``NotImplemented``, or raises ``NotImplementedError``.
        Mistake: it is no function, raises, or returns nothing.
    """
    wants = f"expected a function that returns {returns}"
    if not callable(answer):
        raise Mistake(f"{wants}; received {described(answer)}.")
    arguments = copies(arguments)
    given = ", ".join(described(each) for each in arguments)
    try:
        result = answer(*arguments)
    except NotImplementedError:
        raise Open from None
    except Exception as error:
        words = str(error).partition("\n")[0]
        raise Mistake(
            f"{wants}; called with {given} it raised {type(error).__name__}: {words}"
        ) from error
    if result is ... or result is NotImplemented:
        raise Open
    if result is None:
        raise Mistake(f"{wants}; it returned None. Is there a `return`?")
    return result


def outcome(answer: object, arguments: Iterable, returns: str) -> Any:
    """Return what ``call`` returns as an array; a tuple of results becomes one of arrays."""
    result = call(answer, arguments, returns)
    wants = f"expected a function that returns {returns}"
    if isinstance(result, tuple):
        return tuple(as_array(each, wants) for each in result)
    return as_array(result, wants)


def check_form(got: Any, like: Any, returns: str) -> None:
    """Raise ``Mistake`` unless a result has the form of another one and its numbers are finite."""
    wants = f"expected a function that returns {returns}"
    if isinstance(like, tuple):
        got = _parts(got)
        if not isinstance(got, tuple) or len(got) != len(like):
            raise Mistake(f"{wants}, {len(like)} values; it returned {described(got)}.")
        for one, other in zip(got, like, strict=True):
            check_form(one, other, returns)
        return
    like = np.asarray(like)
    if isinstance(got, tuple) or got.shape != like.shape:
        form = f"an array of shape {like.shape}" if like.shape else "a single number"
        raise Mistake(f"{wants}, here {form}; it returned {described(got)}.")
    if got.dtype.kind == "U" != like.dtype.kind:
        raise Mistake(f"{wants}; it returned text.")
    if got.dtype.kind in "fc" and not np.isfinite(got).all():
        raise Mistake(f"{wants}; it returned NaN or infinity for ordinary numbers.")


def _parts(got: Any) -> Any:
    """Return an array as the tuple of its rows: who returns a list of two has returned two."""
    return tuple(got) if isinstance(got, np.ndarray) and got.shape else got


def near(got: Any, expected: Any, tolerance: float) -> bool:
    """Tell whether two results agree: texts and shapes exactly, numbers up to the tolerance.

    The tolerance is a share of the largest number expected.
    """
    if isinstance(expected, tuple):
        got = _parts(got)
        return (
            isinstance(got, tuple)
            and len(got) == len(expected)
            and all(near(g, e, tolerance) for g, e in zip(got, expected, strict=True))
        )
    if isinstance(got, tuple):
        return False
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        return False
    if not (np.issubdtype(got.dtype, np.number) and np.issubdtype(expected.dtype, np.number)):
        return bool((got == expected).all())
    size = np.abs(expected[np.isfinite(expected)]).max(initial=1e-9)
    return np.allclose(got, expected, rtol=0, atol=tolerance * size, equal_nan=True)


def as_array(value: object, wants: str) -> np.ndarray:
    """Return numbers, lists and tensors as an array; anything else is a ``Mistake``."""
    try:
        array = np.asarray(value)
    except Exception:  # whatever a reader's object raises
        array = np.asarray(None)
    if array.dtype.kind not in "biufU":
        raise Mistake(f"{wants}; received {described(value)}.")
    return array


def copies(arguments: Iterable) -> tuple:
    """Return arguments whose arrays and lists a function may change without harm."""
    return tuple(a.copy() if isinstance(a, np.ndarray | list) else a for a in arguments)


def described(value: object) -> str:
    """Name a value for a message: its kind, its shape, never a page of numbers."""
    if value is None:
        return "None"
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    if isinstance(value, bool | int | str | np.integer):
        return repr(value.item() if isinstance(value, np.integer) else value)[:60]
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}" if value.shape else described(value.item())
    if isinstance(value, tuple | list | dict | set):
        return f"a {type(value).__name__} of {len(value)}"
    return "a function" if callable(value) else f"something of type {type(value).__name__}"
