"""Checked responses as arrays, with the raters that the rules of the study leave out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gentut.human.study import REAL, Study


@dataclass(frozen=True)
class Judgements:
    """Raters in rows, trials in columns; NaN where a rater did not answer.

    `second` is 1 where the rater took the second of two answers: "fake" of "real" and "fake", or
    the second image of a pair as the study stores it. `truth` says where that was right.
    """

    raters: list[str]
    second: np.ndarray  # (raters, trials): 0 or 1
    early: np.ndarray  # 1 where the trial came in the first half of the session
    ms: np.ndarray  # from the appearance of the image to the answer
    shown_ms: np.ndarray  # measured exposure; NaN where not measured
    truth: np.ndarray  # (trials,): 0 or 1

    @property
    def answered(self) -> np.ndarray:
        return np.isfinite(self.second)

    @property
    def errors(self) -> np.ndarray:
        """1 for a wrong answer, 0 for a right one."""
        return np.where(self.answered, self.second != self.truth, np.nan)

    def keep(self, rows: np.ndarray) -> "Judgements":
        names = [name for name, kept in zip(self.raters, rows, strict=True) if kept]
        fields = ("second", "early", "ms", "shown_ms")
        return Judgements(names, *(getattr(self, name)[rows] for name in fields), self.truth)


def judgements(responses: Sequence[dict], study: Study) -> Judgements:
    """Arrays from responses that `read_responses` has checked."""
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
        else trial.images.index(next(i for i in trial.images if study.sources[i] == REAL))
        for trial in study.trials
    ]
    raters = [found["rater"] for found in responses]
    return Judgements(raters, second, early, ms, shown, np.array(truth, int))


def excluded(table: Judgements, study: Study) -> dict[str, str]:
    """Rater -> the first of the study's rules that leaves the rater out."""
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
