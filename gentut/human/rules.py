"""Whose answers do not count: rules that are fixed with the study, before anyone answers."""

import reprlib
from dataclasses import asdict, dataclass

from gentut import checks

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Rules:
    """Exclusion rules. They are part of the study: other rules make another study.

    None of them looks at whether answers are right. Leaving out raters because they erred would
    push the error rate down and make every generator look worse than it is.

    Args:
        min_answered: share of the trials that a rater must have answered.
        fastest_ms: an answer sooner than this after the image appeared is no judgement;
            simple reactions to light already take about 200 ms.
        max_fast: share of such answers above which a rater is left out.
        max_same: share of answers on one button above which a rater is left out (who presses
            one key all the time is right half of the time).
        late_ms: with timed exposure, how much longer than planned an image may stay, in
            milliseconds (a frame of a screen takes 17).
        max_late: share of answers with a longer exposure above which a rater is left out.

    Raises:
        ValueError: a share outside [0, 1], or milliseconds that are not positive integers of at
            most a day.
    """

    min_answered: float = 0.9
    fastest_ms: int = 200
    max_fast: float = 0.1
    max_same: float = 0.95
    late_ms: int = 50
    max_late: float = 0.1

    def __post_init__(self):
        for name, value in asdict(self).items():
            (checks.check_positive if name.endswith("_ms") else checks.check_share)(name, value)
            if value > DAY_MS:
                raise ValueError(
                    f"`{name}` must be at most {DAY_MS}, a day; received {reprlib.repr(value)}."
                )

    def sentences(self, timed: bool) -> list[str]:
        """The rules in words, one sentence each; `timed` for a study with limited exposure."""
        rules = [
            f"fewer than {self.min_answered:.0%} of the trials answered",
            f"more than {self.max_fast:.0%} of the answers within {self.fastest_ms} ms",
            f"more than {self.max_same:.0%} of the answers on one button",
        ]
        if timed:
            rules.append(
                f"more than {self.max_late:.0%} of the images shown over {self.late_ms} ms "
                "longer than planned"
            )
        return [f"Left out: raters with {rule}." for rule in rules]
