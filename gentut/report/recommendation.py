"""Which family a need calls for, by the measured scores: one rule, stated, and no opinion."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gentut.checks import check_choice
from gentut.report.scores import SCORES, has, text, title, with_interval
from gentut.report.texts import Words, counted, listed, words_of
from gentut.report.verdict import ranked, the_family

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


def recommend(rows: Sequence[Mapping], need: str, language: str | None = None) -> Recommendation:
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
        language: of the sentences, "en", which is the default, or "zh".

    Raises:
        ValueError: no rows, an unknown need, or an unknown language.
    """
    if not rows:
        raise ValueError("`rows` must hold at least one family; received none.")
    wanted, words = NEEDS[check_choice("need", need, NEEDS)], words_of(language)
    said = {"need": need_texts(need, words)[0], "title": _title(wanted.key, words)}
    lacking = [row for row in rows if not has(row, wanted.key)]
    copying = [row for row in rows if row not in lacking and wanted.new and copies(row)]
    able = [row for row in rows if row not in lacking and row not in copying]
    reasons = (
        (lacking, counted(words, "lacking", len(lacking), title=said["title"])),
        (copying, words["copying"]),
    )
    notes = [
        counted(words, "no_candidate", len(group), names=_begin(_names(group, words)), reason=why)
        for group, why in reasons
        if group
    ]
    if not able:
        why = words["nothing"].format(names=_names(rows, words), **said)
        return Recommendation(need, None, (), why, tuple(notes))
    key = "frechet_distance" if need == "speed" else wanted.key
    best, rest = ranked(able, key)
    suspects = [row for row in best if wanted.new and suspect(row)]
    sound = [row for row in best if row not in suspects] or best
    if need == "speed":
        level, first, behind = _fast(sound, best, rest, words)
    else:
        level, first, behind = _best(sound, best, rest, key, words)
    said |= {"names": _names(level, words), "first": first, "behind": behind}
    said["doubt"] = words["doubt"] if level[0] in suspects else ""
    if len(able) == 1:
        why = words["only"].format(value=_value(level[0], wanted.key, words), **said)
    elif len(level) == 1:
        why = words["take"].format(**said).rstrip()
    else:
        fast = min(
            (r for r in level if has(r, "seconds_per_1000")),
            default=None,
            key=lambda row: row["seconds_per_1000"],
        )
        cheap = (
            words["parting"]
            if fast is None or need == "speed"
            else words["fastest"].format(
                name=_names([fast], words), seconds=text(fast, "seconds_per_1000")
            )
        )
        why = words["level"].format(cheap=cheap, **said)
    notes += [
        words["suspect"].format(
            name=_begin(_names([row], words)),
            gives_way="" if row in sound else words["gives_way"],
            c_t=row["memorisation_c_t"],
        )
        for row in suspects
        if row in level or row not in sound
    ]
    family = level[0]["family"] if len(level) == 1 else None
    return Recommendation(need, family, tuple(r["family"] for r in level), why, tuple(notes))


def need_texts(need: str, words: Words) -> tuple[str, str]:
    """What a need is called, and what is wanted."""
    return words["needs"].get(need, (need, NEEDS[need].wanted))


def suspect(row: Mapping) -> bool:
    """Whether the memorisation test finds copies, or images as bland as averages."""
    return has(row, "memorisation_c_t") and row["memorisation_c_t"] < NEARER


def copies(row: Mapping) -> bool:
    """Whether the memorisation test finds copies, and not only blandness."""
    near = has(row, "distance_to_training") and row["distance_to_training"] < COPIES
    return near and suspect(row)


def _best(sound, level, behind, key, words):
    """The families to recommend, best first; why they lead; who is behind.

    ``sound`` are those of the level ones that no other has to give way to.
    """
    said = {"title": _title(key, words), "score": _value(sound[0], key, words)}
    if len(sound) > 1:
        scores = listed([_value(row, key, words) for row in sound], words)
        best = _names(level[:1], words)
        first = words["first_level"].format(scores=scores, best=best, **said)
    elif len(level) > 1:
        first = _sound(sound[0], level, sound, key, words)
    else:
        first = words["first_best"].format(most=words["most"][SCORES[key].better], **said)
    return sound, first, _behind(behind, key, words)


def _sound(best, level, sound, key, words):
    """A score and those that are level with it and give way."""
    others = [row for row in level if row not in sound]
    return counted(
        words,
        "first_sound",
        len(others),
        title=_title(key, words),
        score=_value(best, key, words),
        others=_names(others, words),
        scores=listed([_value(row, key, words) for row in others], words),
    )


def _fast(good, alike, poor, words):
    """The level families among the fast ones that are good enough; why; who is behind.

    ``good`` are those of the ``alike`` that no other has to give way to.
    """
    quality = "frechet_distance"
    best, *others = sorted(good, key=lambda row: row["seconds_per_1000"])
    least = best["seconds_per_1000"]
    level = [best, *(row for row in others if row["seconds_per_1000"] <= FASTER * least)]
    times = [f"{text(row, 'seconds_per_1000')} {words['s']}" for row in level]
    said = {"times": listed(times, words), "faster": FASTER}
    if len(level) > 1:
        first = words["fast_level"].format(**said)
    elif len(alike) > len(good):
        said["sound"] = _sound(best, alike, good, quality, words)
        first = words["fast_sound"].format(**said)
    else:
        why = "fast_only" if len(good) == 1 else "fast_best"
        first = words[why].format(score=_value(best, quality, words), **said)
    slow = [row for row in others if row not in level]
    if slow:
        return level, first, _behind(slow, "seconds_per_1000", words)
    return level, first, _behind(poor, quality, words)


def _behind(rows, key, words):
    """A sentence on those that lost, if there are any."""
    if not rows:
        return ""
    found = [
        words["at"].format(name=_names([row], words), value=_value(row, key, words)) for row in rows
    ]
    found = listed(found, words)
    return counted(words, "behind", len(rows), title=_title(key, words), found=found)


def _names(rows, words):
    return listed([the_family(row, words) for row in rows], words)


def _title(key, words):
    """As it stands within a sentence, without its unit."""
    if key == "seconds_per_1000":
        return words["time"]
    name = title(key, words).partition(words["comma"])[0]
    return name if key == "frechet_distance" else name[0].lower() + name[1:]


def _value(row, key, words):
    unit = title(key, words).partition(words["comma"])[2]
    return with_interval(row, key, words, words["s"] if key == "seconds_per_1000" else unit)


def _begin(sentence):
    return sentence[0].upper() + sentence[1:]
