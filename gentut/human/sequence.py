"""The order in which one session shows the trials.

The same arithmetic stands in `page.js`, so the page and the notebook form show the same order
for the same session, and the analysis can check that a response file followed it.
"""

from collections.abc import Iterator

SESSIONS = 2**32  # a session is an integer in [1, SESSIONS)


def xorshift(seed: int) -> Iterator[int]:
    """32-bit integers above 0 from a seed above 0 (Marsaglia 2003, triple 13, 17, 5)."""
    x = seed
    while True:
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        yield x


def session_order(session: int, sizes: tuple[int, int]) -> tuple[list[int], bool]:
    """The order of the trials of two blocks, and whether pairs swap sides.

    A coin decides which block comes first, a second one whether every pair swaps its sides; then
    each block is shuffled (Fisher and Yates). The blocks are balanced when the study is made, so
    both halves of every session hold as many real images as generated ones.

    Args:
        session: in [1, 2³²).
        sizes: trials of the two blocks; they are numbered through.
    """
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


def check_session(session: object) -> int:
    """Returns `session` if it is an integer in [1, 2³²), or raises."""
    if isinstance(session, bool) or not isinstance(session, int) or not 0 < session < SESSIONS:
        raise ValueError(f"`session` must be an integer in [1, {SESSIONS}); received {session!r}.")
    return session
