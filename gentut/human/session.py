"""What one rater goes through: the questions, their order, and the response at the end.

The page (``page.js``) and the notebook form (``form.py``) both keep to this. The arithmetic of the
order stands in ``page.js`` once more, so the same session has the same order in both, and the
analysis can check that a response followed it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gentut.checks import check_int

SESSIONS = 2**32  # a session is an integer in [1, SESSIONS)
RESPONSE_FORMAT = "gentut-study-response-1"
LONGEST_NAME = 60


class Step(NamedTuple):
    """What a session shows next: image ids from left to right; no trial number in practice."""

    trial: int | None
    images: tuple[str, ...]


# Of a protocol's two buttons, the left one first: its keys, as `KeyboardEvent.key` names them.
PROTOCOLS = {
    "real_or_fake": (("ArrowLeft", "r"), ("ArrowRight", "f")),
    "which_is_real": (("ArrowLeft", "1"), ("ArrowRight", "2")),
}


def session_steps(
    practice: Sequence[tuple[str, ...]],
    blocks: tuple[Sequence[tuple[str, ...]], Sequence[tuple[str, ...]]],
    session: int,
) -> list[Step]:
    """List what a session shows: practice first, then the trials in the order of the session.

    Args:
        practice: image ids of each trial that does not count.
        blocks: image ids of each trial that counts, in two balanced blocks.
        session: an integer in [1, 2³²) that fixes the order and the sides.

    Raises:
        ValueError: ``session`` is out of range.
    """
    order, swapped = session_order(session, (len(blocks[0]), len(blocks[1])))
    trials = [*blocks[0], *blocks[1]]
    side = -1 if swapped else 1
    counted = [Step(trial, trials[trial][::side]) for trial in order]
    return [Step(None, images) for images in practice] + counted


def session_order(session: int, sizes: tuple[int, int]) -> tuple[list[int], bool]:
    """Return the order of the trials of two blocks, and whether pairs swap sides.

    A coin decides which block comes first, a second one whether every pair swaps its sides; then
    each block is shuffled (Fisher and Yates). The blocks are balanced when the study is made, so
    both halves of every session hold as many real images as generated ones.

    Args:
        session: an integer in [1, 2³²).
        sizes: number of trials in each of the two blocks; the trials are numbered through.

    Raises:
        ValueError: ``session`` is out of range.
    """
    check_int("session", session, least=1, most=SESSIONS - 1)
    stream = xorshift(session)
    for _ in range(16):  # a small seed has few bits set; it takes some steps to spread them
        next(stream)

    def below(n: int) -> int:
        return next(stream) * n >> 32

    swapped = below(2) == 1
    first, second = sizes
    blocks = [list(range(first)), list(range(first, first + second))]
    if below(2) == 1:
        blocks.reverse()
    for block in blocks:
        for last in range(len(block) - 1, 0, -1):
            other = below(last + 1)
            block[last], block[other] = block[other], block[last]
    return blocks[0] + blocks[1], swapped


def xorshift(seed: int) -> Iterator[int]:
    """Yield 32-bit integers above 0 from a seed above 0 (Marsaglia 2003, triple 13, 17, 5)."""
    x = seed
    while True:
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        yield x


def response(study: str, rater: str, session: int, face: str, answers: Sequence[dict]) -> dict:
    """Return one rater's answers in the form of a response file.

    Args:
        study: the id of the study that was answered.
        rater: a name or code.
        session: fixed the order of the trials and the sides.
        face: "page", "form" or "simulation"; the last one marks the file as simulated.
        answers: in the order of the session, dicts of ``trial``; ``answer`` ("real" or "fake", or
            the id of the image taken for real); ``ms``, from the appearance to the answer; and
            ``shown_ms``, how long a timed image was measured to stay, or None.
    """
    return {
        "format": RESPONSE_FORMAT,
        "study": study,
        "rater": rater,
        "session": session,
        "face": face,
        "simulated": face == "simulation",
        "answers": list(answers),
    }
