"""The file that one rater hands back: how it is made, and how it is checked before it counts."""

import json
import os
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gentut.human.sequence import SESSIONS
from gentut.human.study import Study

RESPONSE_FORMAT = "gentut-study-response-1"
FACES = ("page", "form", "simulation")
FIELDS = ("format", "study", "rater", "session", "face", "simulated", "answers")
ANSWER_FIELDS = ("trial", "answer", "ms", "shown_ms")
LONGEST_NAME = 60
LONGEST_MS = 2**53  # whole numbers above are not exact in JavaScript, nor as floats
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # and half characters
LARGEST_FILE = 2_000_000  # bytes; 10,000 answers take less than half of it
# What a wrong file holds can be as long as the file, or nested too deep to be written.
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 100


def response(study: Study, rater: str, session: int, face: str, answers: Sequence[dict]) -> dict:
    """One rater's answers in the form of a response file.

    Args:
        study: what was answered.
        rater: a name or code.
        session: fixed the order of the trials and the sides.
        face: "page", "form" or "simulation"; the last one marks the file as simulated.
        answers: in the order of the session, dicts of `trial`; `answer` ("real" or "fake", or the
            id of the image taken for real); `ms` from the appearance to the answer; `shown_ms`,
            how long a timed image was measured to stay, or None.
    """
    return {
        "format": RESPONSE_FORMAT,
        "study": study.id,
        "rater": rater,
        "session": session,
        "face": face,
        "simulated": face == "simulation",
        "answers": list(answers),
    }


def read_responses(
    responses: str | os.PathLike | Iterable[str | os.PathLike | Mapping], study: Study
) -> list[dict]:
    """Reads and checks response files; all of them are right, or an error names each wrong one.

    Args:
        responses: a folder (every .json file in it), or paths of files, or responses as dicts
            such as `form.response` and `simulate` give.
        study: what they must be answers to.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: no response; a file that is malformed or answers another study; one session or
            one rater in two files (two people of one name: change `rater` in one of the files);
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


def fault_of(found: object, study: Study) -> str | None:
    """What is wrong with a response to that study, as the rest of a sentence; None if nothing."""
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


def _answer_fault(answer: Mapping, step, study: Study) -> str | None:
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


def _named(responses):
    """Pairs of a name and a response, or of a name and what is wrong with the file."""
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
