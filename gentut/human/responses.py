"""Read what raters hand back: check the files, apply the rules of the study, return arrays."""

import json
import os
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gentut.human.session import LONGEST_NAME, RESPONSE_FORMAT, SESSIONS, Step
from gentut.human.study import REAL, Study

# A folder, or paths of files, or responses as dicts.
Responses = str | os.PathLike | Iterable[str | os.PathLike | Mapping]

FACES = ("page", "form", "simulation")
FIELDS = ("format", "study", "rater", "session", "face", "simulated", "answers")
ANSWER_FIELDS = ("trial", "answer", "ms", "shown_ms")
LONGEST_MS = 2**53  # whole numbers above are not exact in JavaScript, nor as floats
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # and half characters
LARGEST_FILE = 2_000_000  # bytes; 10,000 answers take less than half of it
# What a wrong file holds can be as long as the file, or nested too deep to be written.
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 100


@dataclass(frozen=True)
class Judgements:
    """Raters in rows, trials in columns; NaN where a rater did not answer.

    ``second`` is 1 where the rater took the second of two answers: "fake" of "real" and "fake", or
    the second image of a pair as the study stores it. ``truth`` says where that was right.
    """

    raters: list[str]
    second: np.ndarray  # (raters, trials): 0 or 1
    early: np.ndarray  # 1 where the trial came in the first half of the session
    ms: np.ndarray  # from the appearance of the image to the answer
    shown_ms: np.ndarray  # measured exposure; NaN where not measured
    truth: np.ndarray  # (trials,): 0 or 1
    simulated: bool  # no person was asked

    @property
    def answered(self) -> np.ndarray:
        """Where there is an answer: bool ``(raters, trials)``."""
        return np.isfinite(self.second)

    @property
    def errors(self) -> np.ndarray:
        """1 for a wrong answer, 0 for a right one: ``(raters, trials)``."""
        return np.where(self.answered, self.second != self.truth, np.nan)


def read_judgements(responses: Responses, study: Study) -> tuple[Judgements, dict[str, str]]:
    """Read responses, and leave out the raters whom the rules of the study leave out.

    Args:
        responses: as for ``read_responses``.
        study: what they must be answers to.

    Returns:
        The judgements that count, and rater -> reason for those who were left out.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: as ``read_responses``, or the rules leave nobody.
    """
    table = judgements(read_responses(responses, study), study)
    reasons = excluded(table, study)
    rows = [row for row, rater in enumerate(table.raters) if rater not in reasons]
    if not rows:
        told = "; ".join(f"{rater}: {reason}" for rater, reason in reasons.items())
        raise ValueError(f"The rules of the study leave no rater: {told}.")
    arrays = {name: getattr(table, name)[rows] for name in ("second", "early", "ms", "shown_ms")}
    return replace(table, raters=[table.raters[row] for row in rows], **arrays), reasons


def read_responses(responses: Responses, study: Study) -> list[dict]:
    """Read and check response files; all of them are right, or an error names each wrong one.

    Args:
        responses: a folder (every .json file in it), or paths of files, or responses as dicts
            such as ``form.response`` and ``simulate`` give.
        study: what they must be answers to.

    Returns:
        The responses as dicts; see ``gentut.human.session.response``.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: no response; a file that is malformed or answers another study; one session or
            one rater in two files (two people of one name: change ``rater`` in one of the files);
            simulated responses beside those of people.
    """
    named = dict(_named(responses))
    if not named:
        raise ValueError("`responses` must hold at least one response file; received none.")
    faults, first_with = [], {}
    for name, found in named.items():
        fault = found if isinstance(found, str) else fault_of(found, study)
        if fault is None:
            for field in ("session", "rater"):
                other = first_with.setdefault((field, found[field]), name)
                if other != name:
                    fault = (
                        f"has the same {field} as {other} ({found[field]!r}) and would count twice"
                    )
                    break
        if fault is not None:
            faults.append(f"{name} {fault}")
    if faults:
        raise ValueError(
            f"`responses` must be right and different files; {len(faults)} of {len(named)} are"
            " not: " + "; ".join(faults) + "."
        )
    simulated = [name for name, found in named.items() if found["simulated"]]
    if 0 < len(simulated) < len(named):
        raise ValueError(
            "`responses` must be all by people or all simulated; these are simulated: "
            f"{', '.join(simulated)}."
        )
    return list(named.values())


def judgements(responses: Sequence[dict], study: Study) -> Judgements:
    """Turn responses that ``read_responses`` has checked into arrays, all raters included."""
    single = study.protocol == "real_or_fake"
    shape = (len(responses), len(study.trials))
    second, early, ms, shown = (np.full(shape, np.nan) for _ in range(4))
    for row, found in enumerate(responses):
        steps = study.steps(found["session"], practice=False)
        began_with = 0 if steps[0].trial < len(study.blocks[0]) else 1
        half = len(study.blocks[began_with])
        for place, (answer, step) in enumerate(zip(found["answers"], steps, strict=False)):
            at = row, step.trial
            if single:
                second[at] = answer["answer"] == "fake"
            else:
                second[at] = study.trials[step.trial].images.index(answer["answer"])
            early[at] = place < half
            ms[at] = answer["ms"]
            shown[at] = np.nan if answer["shown_ms"] is None else answer["shown_ms"]
    truth = [
        study.sources[trial.images[0]] != REAL
        if single
        else [study.sources[image] for image in trial.images].index(REAL)
        for trial in study.trials
    ]
    raters = [found["rater"] for found in responses]
    simulated = responses[0]["simulated"]
    return Judgements(raters, second, early, ms, shown, np.array(truth, int), simulated)


def excluded(table: Judgements, study: Study) -> dict[str, str]:
    """Map each rater who is left out to the first of the study's rules that does it."""
    rules = study.rules
    reasons = {}
    for row, rater in enumerate(table.raters):
        there = table.answered[row]
        share = there.mean()
        fast = (table.ms[row, there] < rules.fastest_ms).mean()
        # In pairs, too: a session swaps the sides of all pairs or of none.
        second = table.second[row, there].mean()
        same = max(second, 1 - second)
        late = 0.0
        if study.exposure_ms is not None:
            late = (table.shown_ms[row, there] > study.exposure_ms + rules.late_ms).mean()
        if share < rules.min_answered:
            reasons[rater] = f"answered {share:.0%} of the trials"
        elif fast > rules.max_fast:
            reasons[rater] = f"gave {fast:.0%} of the answers within {rules.fastest_ms} ms"
        elif same > rules.max_same:
            reasons[rater] = f"gave {same:.0%} of the answers on one button"
        elif late > rules.max_late:
            reasons[rater] = f"saw {late:.0%} of the images over {rules.late_ms} ms too long"
    return reasons


def fault_of(found: object, study: Study) -> str | None:
    """Say what is wrong with a response, as the rest of a sentence; None if nothing is."""
    fault = _fields_fault(found, FIELDS)
    if fault:
        return fault
    if found["format"] != RESPONSE_FORMAT:
        return f"has the format {SHORT.repr(found['format'])}, not {RESPONSE_FORMAT!r}"
    if found["study"] != study.id:
        return f"answers another study ({SHORT.repr(found['study'])}, not {study.id!r})"
    rater, session, answers = found["rater"], found["session"], found["answers"]
    if not isinstance(rater, str) or not 0 < len(rater.strip()) <= LONGEST_NAME:
        return f"has the rater {SHORT.repr(rater)}, not a name of 1 to {LONGEST_NAME} characters"
    if CONTROL.search(rater):
        return f"has the rater {rater!r}, a name with characters that are no text"
    if type(session) is not int or not 0 < session < SESSIONS:
        return f"has the session {SHORT.repr(session)}, not an integer in [1, {SESSIONS})"
    if found["face"] not in FACES:
        return f"has the face {SHORT.repr(found['face'])}, not one of {', '.join(FACES)}"
    if found["simulated"] is not (found["face"] == "simulation"):
        return f"has simulated={SHORT.repr(found['simulated'])} with the face {found['face']!r}"
    steps = study.steps(session, practice=False)
    if not isinstance(answers, list) or not 0 < len(answers) <= len(steps):
        return f"has no list of 1 to {len(steps)} answers"
    for number, (answer, step) in enumerate(zip(answers, steps, strict=False), 1):
        fault = _fields_fault(answer, ANSWER_FIELDS) or _answer_fault(answer, step, study)
        if fault:
            return f"is wrong in answer {number}, which {fault}"
    return None


def _answer_fault(answer: Mapping, step: Step, study: Study) -> str | None:
    if type(answer["trial"]) is not int or answer["trial"] != step.trial:
        return f"is to trial {SHORT.repr(answer['trial'])} where the session has trial {step.trial}"
    choices = ("real", "fake") if study.protocol == "real_or_fake" else step.images
    if answer["answer"] not in choices:
        return f"is {SHORT.repr(answer['answer'])}, not one of {', '.join(choices)}"
    for field in ("ms", "shown_ms"):
        time = answer[field]
        if field == "shown_ms" and time is None:
            continue
        if type(time) is not int or not 0 <= time < LONGEST_MS:
            return f"has {field}={SHORT.repr(time)}, not a number of milliseconds"
    return None


def _fields_fault(found: object, fields: Sequence[str]) -> str | None:
    if not isinstance(found, Mapping):
        return f"is no JSON object but {type(found).__name__}"
    missing = [field for field in fields if field not in found]
    extra = [str(field) for field in found if field not in fields]
    if missing or extra:
        besides = " ".join(", ".join(extra).split())[:100]
        return f"lacks {', '.join(missing) or 'nothing'} and has besides {besides or '-'}"
    return None


def _named(responses: Responses) -> Iterator[tuple[str, object]]:
    """Yield pairs of a name and a response, or of a name and what is wrong with the file."""
    if isinstance(responses, str | os.PathLike):
        folder = Path(responses)
        if not folder.is_dir():
            raise FileNotFoundError(
                f"`responses` must be an existing folder, or a list of files; received"
                f" {str(responses)!r}."
            )
        responses = sorted(folder.glob("*.json"))
    elif isinstance(responses, Mapping):
        raise TypeError("`responses` must be a list of responses; received a single one.")
    seen = {}
    for place, item in enumerate(responses):
        if isinstance(item, Mapping):
            yield f"responses[{place}]", item
            continue
        path = Path(item)
        # Two folders may hold files of one name; the number keeps them apart.
        seen[path.name] = seen.get(path.name, 0) + 1
        name = path.name if seen[path.name] == 1 else f"{path.name} ({seen[path.name]})"
        yield name, _read(path)


def _read(path: Path) -> object:
    if not path.is_file():
        raise FileNotFoundError(f"`responses` must be existing files; received {str(path)!r}.")
    if path.stat().st_size > LARGEST_FILE:
        return f"has more than {LARGEST_FILE:,} bytes"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):  # also what is not UTF-8
        return "is no JSON file"
    # A text would pass for a fault; here it is one more thing that is no object.
    return "is no JSON object but str" if isinstance(found, str) else found
