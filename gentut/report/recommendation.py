"""Which family a need calls for, by the measured scores: one rule, stated, and no opinion."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gentut.checks import check_choice
from gentut.report.scores import SCORES, family_name, has, text, with_interval
from gentut.report.verdict import listed, ranked

ALL = ("mixture", "vae", "gan", "flow", "latent_flow")


class Need(NamedTuple):
    wanted: str
    key: str  # the score that decides
    also: tuple[str, ...]  # scores that are told beside it
    families: tuple[str, ...]  # that have this score
    new: bool = True  # whether new images are wanted, so that copies of old ones are worthless


NEEDS = {
    "fidelity": Need("images that look real", "frechet_distance", ("precision",), ALL),
    "diversity": Need("the variety of the data", "coverage", ("recall",), ALL),
    "likelihood": Need(
        "a likelihood of given images", "importance_weighted_bound", ("elbo_test",), ("vae",), False
    ),
    "speed": Need("many images in little time", "seconds_per_1000", ("frechet_distance",), ALL),
    "latent": Need(
        "codes from which images can be drawn again",
        "reconstruction_psnr",
        ("reconstruction_perceptual", "reconstruction_ssim"),
        ("vae", "latent_flow"),
        False,
    ),
}
NEARER = -3.0  # memorisation test: below it, samples lie nearer to training images than new ones do
COPIES = 0.5  # and if their distance is below this share of that of new images, they are copies
FASTER = 1.5  # seconds have no interval; machines differ less than this between two runs


@dataclasses.dataclass(frozen=True)
class Recommendation:
    """What the scores say of a need.

    Attributes:
        need: a key of `NEEDS`.
        family: the one that is recommended, or None.
        level: the families that cannot be told apart and are recommended alike, best first; only
            `family` if there is one; empty if no family can be recommended.
        why: two sentences.
        notes: what else to know: who was left out, and why.
    """

    need: str
    family: str | None
    level: tuple[str, ...]
    why: str
    notes: tuple[str, ...]


def recommend(rows: Sequence[Mapping], need: str) -> Recommendation:
    """Recommend a family, or say that the best cannot be told apart.

    The best score of the need decides; families are level with it where the 95 % interval of their
    difference from it, on the same halves of the test images, holds 0.  For "speed" the candidates
    are the families whose Fréchet distance is level with the lowest, and among them one is faster
    if it takes less than 1 / 1.5 of the time.  Where new images are wanted, a family that copies
    its training images is no candidate: C_T below −3 and half the distance of unseen images, or
    less.  One that is only suspect (C_T below −3: copies, or bland averages) gives way to those
    that are level with it and are not; where it is recommended, the first sentence says so.

    Args:
        rows: one dict of `gentut.evaluate` for each family, with "family".
        need: a key of `NEEDS`.

    Raises:
        ValueError: no rows, or an unknown need.
    """
    if not rows:
        raise ValueError("`rows` must hold at least one family; received none.")
    wanted = NEEDS[check_choice("need", need, NEEDS)]
    title = _title(wanted.key)
    lacking = [row for row in rows if not has(row, wanted.key)]
    copying = [row for row in rows if row not in lacking and wanted.new and copies(row)]
    able = [row for row in rows if row not in lacking and row not in copying]
    notes = [
        f"{_begin(_names(group))} {'is' if len(group) == 1 else 'are'} no candidate: {reason}."
        for group, reason in (
            (lacking, f"there is no {title} of {'it' if len(lacking) == 1 else 'them'}"),
            (copying, "what it draws lies so near to training images that it copies them"),
        )
        if group
    ]
    if not able:
        why = f"For {need}, nothing can be recommended. No candidate is left of {_names(rows)}."
        return Recommendation(need, None, (), why, tuple(notes))
    key = "frechet_distance" if need == "speed" else wanted.key
    best, rest = ranked(able, key)
    suspects = [row for row in best if wanted.new and suspect(row)]
    sound = [row for row in best if row not in suspects] or best
    if need == "speed":
        level, first, behind = _fast(sound, rest)
    else:
        level, first, behind = _best(sound, best, rest, key)
    names = _names(level)
    doubt = ", with the doubt below" if level[0] in suspects else ""
    if len(able) == 1:
        why = (
            f"For {need}, take {names}{doubt}: it is the only candidate. Its {title} is"
            f" {_value(level[0], wanted.key)}, with nothing to compare it with."
        )
    elif len(level) == 1:
        why = f"For {need}, take {names}{doubt}: {first}. {behind}"
    else:
        fast = min(
            (r for r in level if has(r, "seconds_per_1000")),
            default=None,
            key=lambda row: row["seconds_per_1000"],
        )
        cheap = (
            "More minutes or more images may part them"
            if fast is None or need == "speed"
            else f"Of these {_names([fast])} draws fastest, 1,000 images in"
            f" {text(fast, 'seconds_per_1000')} s; more minutes or images may part them"
        )
        why = f"For {need}, {names} cannot be told apart: {first}. {cheap}."
    notes += [
        f"{_begin(_names([row]))} {'' if row in sound else 'gives way: it '}draws images nearer to"
        f" training images than unseen ones are (C_T = {row['memorisation_c_t']:.1f}): copies, or"
        " bland averages. Look at its nearest training images."
        for row in suspects
        if row in level or row not in sound
    ]
    family = level[0]["family"] if len(level) == 1 else None
    return Recommendation(need, family, tuple(r["family"] for r in level), why, tuple(notes))


def suspect(row: Mapping) -> bool:
    """Whether the memorisation test finds copies, or images as bland as averages."""
    return has(row, "memorisation_c_t") and row["memorisation_c_t"] < NEARER


def copies(row: Mapping) -> bool:
    """Whether the memorisation test finds copies, and not only blandness."""
    near = has(row, "distance_to_training") and row["distance_to_training"] < COPIES
    return near and suspect(row)


def _best(sound, level, behind, key):
    """The families to recommend, best first; why they lead; who is behind.

    ``sound`` are those of the level ones that no other has to give way to.
    """
    if len(sound) > 1:
        scores = listed([_value(row, key) for row in sound])
        first = f"their {_title(key)}, at {scores}, could be equal: the intervals of their"
        first += f" differences from {_names(level[:1])} hold 0"
    elif len(level) > 1:
        others = [row for row in level if row not in sound]
        first = (
            f"its {_title(key)} of {_value(sound[0], key)} could be equal to that of"
            f" {_names(others)}, {listed([_value(row, key) for row in others])}, which"
            f" {'gives' if len(others) == 1 else 'give'} way to it"
        )
    else:
        most = "lowest" if SCORES[key].better == "lower" else "highest"
        first = (
            f"its {_title(key)} of {_value(sound[0], key)} is the {most}, and no interval of"
            " another family's difference from it holds 0"
        )
    return sound, first, _behind(behind, key)


def _fast(good, poor):
    """The level families among the fast ones that are good enough; why; who is behind."""
    quality = "frechet_distance"
    best, *others = sorted(good, key=lambda row: row["seconds_per_1000"])
    least = best["seconds_per_1000"]
    level = [best, *(row for row in others if row["seconds_per_1000"] <= FASTER * least)]
    times = listed([f"{text(row, 'seconds_per_1000')} s" for row in level])
    if len(level) > 1:
        first = f"they take {times} for 1,000 images, less than {FASTER:g} times the fastest"
    elif len(good) == 1:
        first = (
            f"it takes {times} for 1,000 images, and no other family has a Fréchet distance as low"
            f" as its {_value(best, quality)}"
        )
    else:
        first = (
            f"it takes {times} for 1,000 images, and its Fréchet distance of"
            f" {_value(best, quality)} is level with the lowest"
        )
    slow = [row for row in others if row not in level]
    if slow:
        return level, first, _behind(slow, "seconds_per_1000")
    return level, first, _behind(poor, quality)


def _behind(rows, key):
    """A sentence on those that lost."""
    if not rows:
        return "There is no other."
    found = listed([f"{_names([row])} at {_value(row, key)}" for row in rows])
    return f"Behind in {_title(key)} {'is' if len(rows) == 1 else 'are'} {found}."


def _names(rows):
    return listed([f"the {family_name(row['family'])}" for row in rows])


def _title(key):
    """As it stands within a sentence, without its unit."""
    if key == "seconds_per_1000":
        return "time for 1,000 images"
    name = SCORES[key].title.partition(", ")[0]
    return name if key == "frechet_distance" else name[0].lower() + name[1:]


def _value(row, key):
    unit = "s" if key == "seconds_per_1000" else SCORES[key].title.partition(", ")[2]
    return with_interval(row, key, unit=unit)


def _begin(sentence):
    return sentence[0].upper() + sentence[1:]
