"""From image sets to a study: which images are shown, how they are paired, balanced and hidden."""

import io
from collections.abc import Mapping, Sequence

import numpy as np

from gentut import checks, plots
from gentut.human.session import PROTOCOLS
from gentut.human.study import REAL, Rules, Study, Trial
from gentut.human.texts import WORDS


def make_study(
    real: np.ndarray,
    generated: np.ndarray | Mapping[str, np.ndarray],
    *,
    protocol: str = "real_or_fake",
    trials: int = 60,
    practice: int = 4,
    exposure_ms: int | None = None,
    real_labels: np.ndarray | None = None,
    generated_labels: np.ndarray | Mapping[str, np.ndarray] | None = None,
    real_sources: np.ndarray | None = None,
    source_kind: str = "source",
    title: str | None = None,
    instructions: str | None = None,
    language: str = "en",
    rules: Rules | None = None,
    seed: int = 0,
) -> Study:
    """Draw the images of a study and balance them; the same arguments give the same study.

    Every generated image is drawn together with a real one, of the same class if there are
    labels, and none is shown twice. In "real_or_fake" both are asked about separately, so half of
    the images are real (without a time limit: HYPE∞ of Zhou et al. 2019). In "which_is_real" they
    stand side by side (two-alternative forced choice), with the real one on the left in half of
    the trials. Several models share one study in equal parts.

    Args:
        real: ``(n, h, w, c)``, float in [0, 1], c 1 or 3; images that the models were not
            trained on.
        generated: images of the same h, w, c, or model name -> images.
        protocol: "real_or_fake" or "which_is_real".
        trials: questions that count; images for "real_or_fake", pairs for "which_is_real".
        practice: questions before them that do not count, with images of their own.
        exposure_ms: 100 to 5000 ms, after which a mask covers the images; default no limit.
        real_labels, generated_labels: ``(n,)``, integer classes, to match them; both or neither.
        real_sources: ``(n,)``, integers that images of one source share, as
            ``gentut.data.sources`` gives them: ``analyse`` then draws sources, not images. Kept
            in the key file. Default unknown.
        source_kind: what such a source is, in words, such as "typeface family".
        title, instructions: what raters read; default one text for each protocol.
        language: of all that raters read, "en" or "zh" (Chinese).
        rules: whose answers will not count; default ``Rules()``.
        seed: of the draw.

    Raises:
        ValueError: images of different shapes, unusable names, counts that cannot be balanced, or
            too few images (of a class).
    """
    checks.check_choice("protocol", protocol, list(PROTOCOLS))
    checks.check_choice("language", language, list(WORDS))
    words = WORDS[language][protocol]
    sets, labels = _sets(real, generated, real_labels, generated_labels)
    if real_sources is not None:
        real_sources = _integers("real_sources", real_sources, len(real))
    models = [name for name in sets if name != REAL]
    per_pair = 2 if protocol == "real_or_fake" else 1
    scored = _pairs("trials", trials, len(models) * per_pair, least=1)
    practising = np.resize(models, _pairs("practice", practice, per_pair, least=0)).tolist()
    rng = np.random.default_rng(seed)

    wanted = {model: scored + practising.count(model) for model in models}
    drawn = _draw(labels, wanted, rng)
    ids = _ids(2 * sum(wanted.values()), rng)
    pictures, sources, origins, pairs = {}, {}, {}, {model: [] for model in models}
    for model in models:
        for rows in drawn[model]:
            pair = []
            for source, row in zip((REAL, model), rows, strict=True):
                pair.append(ids.pop())
                sources[pair[-1]] = source
                pictures[pair[-1]] = _png(sets[source][row])
                if source == REAL and real_sources is not None:
                    origins[pair[-1]] = int(real_sources[row])
            pairs[model].append(tuple(pair))

    practice_trials = []
    for model in practising:
        practice_trials += _trials(model, [pairs[model].pop()], protocol, rng)[0]
    blocks = ([], [])
    for place, model in enumerate(models):
        halves = _trials(model, pairs[model], protocol, rng)
        # Where a model has an odd number of pairs, the larger half goes to either block in turn.
        for block, half in zip(blocks, halves[:: -1 if place % 2 else 1], strict=True):
            block += half
    return Study(
        protocol=protocol,
        title=words["title"] if title is None else title,
        instructions=words["instructions"] if instructions is None else instructions,
        exposure_ms=exposure_ms,
        rules=Rules() if rules is None else rules,
        models=tuple(models),
        pictures={name: pictures[name] for name in sorted(pictures)},
        mask=_png(_mask(list(sets.values()), rng)),
        sources={name: sources[name] for name in sorted(sources)},
        practice=tuple(trial.images for trial in _shuffled(practice_trials, rng)),
        blocks=tuple(tuple(_shuffled(block, rng)) for block in blocks),
        origins={name: origins[name] for name in sorted(origins)} or None,
        origin_kind=source_kind,
        language=language,
    )


def _sets(real, generated, real_labels, generated_labels):
    """Check images and labels; return both by source, the real ones first."""
    generated = dict(generated) if isinstance(generated, Mapping) else {"generated": generated}
    if not generated:
        raise ValueError("`generated` must hold at least one set of images; received none.")
    for name in generated:
        if not isinstance(name, str) or not name.strip() or name == REAL:
            raise ValueError(
                f"`generated` must have names that are texts, not {REAL!r}; received {name!r}."
            )
    sets = {REAL: plots.images.check_images("real", real)}
    for name, images in generated.items():
        sets[name] = plots.images.check_images(f"generated[{name!r}]", images)
        if sets[name].shape[1:] != sets[REAL].shape[1:]:
            raise ValueError(
                f"`generated[{name!r}]` must hold images of the shape of `real`, "
                f"{sets[REAL].shape[1:]}; received {sets[name].shape[1:]}."
            )
    if (real_labels is None) != (generated_labels is None):
        raise ValueError(
            "`real_labels` and `generated_labels` must be given together; received only one."
        )
    if real_labels is None:
        return sets, {name: np.zeros(len(images), int) for name, images in sets.items()}
    if not isinstance(generated_labels, Mapping):
        generated_labels = {name: generated_labels for name in generated}
    if set(generated_labels) != set(generated):
        raise ValueError(
            f"`generated_labels` must have the names of `generated`, {', '.join(generated)};"
            f" received {', '.join(generated_labels)}."
        )
    labels = {name: np.asarray(labels) for name, labels in generated_labels.items()}
    labels = {REAL: np.asarray(real_labels), **labels}
    for name, values in labels.items():
        argument = "real_labels" if name == REAL else f"generated_labels[{name!r}]"
        _integers(argument, values, len(sets[name]))
    return sets, labels


def _integers(argument: str, values: np.ndarray, count: int) -> np.ndarray:
    """Check that there is one integer for each image."""
    values = np.asarray(values)
    if values.shape != (count,) or values.dtype.kind not in "iu":
        raise ValueError(
            f"`{argument}` must hold one integer for each of {count} images;"
            f" received shape {values.shape} and dtype {values.dtype}."
        )
    return values


def _pairs(name: str, count: int, divisor: int, least: int) -> int:
    """Count the pairs of each model that make so many trials."""
    checks.check_int(name, count, least=least)
    if count % divisor:
        raise ValueError(
            f"`{name}` must be divisible by {divisor}, so that real images and models have equal"
            f" parts; received {count}."
        )
    return count // divisor


def _draw(
    labels: Mapping[str, np.ndarray], wanted: Mapping[str, int], rng: np.random.Generator
) -> dict[str, list[tuple[int, int]]]:
    """Draw matched pairs for each model, classes in turn: rows in ``real`` and in its own set."""
    pools = {
        (name, label): list(rng.permutation(np.flatnonzero(values == label)))
        for name, values in labels.items()
        for label in np.unique(values)
    }
    drawn = {}
    for model, count in wanted.items():
        classes = rng.permutation(np.intersect1d(labels[REAL], labels[model]))
        if len(classes) == 0:
            raise ValueError(
                f"`real_labels` and `generated_labels[{model!r}]` must share classes; they share"
                " none."
            )
        turns = rng.permutation(np.resize(classes, count))
        drawn[model] = [
            (_take(pools, REAL, label, wanted), _take(pools, model, label, wanted))
            for label in turns
        ]
    return drawn


def _take(pools, name, label, wanted) -> int:
    pool = pools[name, label]
    if not pool:
        argument = "real" if name == REAL else f"generated[{name!r}]"
        raise ValueError(
            f"`{argument}` must hold enough images for {sum(wanted.values())} pairs in all"
            f" (practice included), none shown twice; class {label} has too few."
        )
    return int(pool.pop())


def _trials(
    model: str, pairs: Sequence[tuple[str, str]], protocol: str, rng: np.random.Generator
) -> tuple[list[Trial], list[Trial]]:
    """Split the trials of one model into two blocks; both images of a pair are in one block."""
    blocks = ([], [])
    sides = rng.permutation(np.arange(len(pairs)) % 2)
    for place, (pair, side) in enumerate(zip(pairs, sides, strict=True)):
        if protocol == "real_or_fake":
            blocks[place % 2].extend(Trial((image,), model) for image in pair)
        else:
            blocks[place % 2].append(Trial(pair[:: -1 if side else 1], model))
    return blocks


def _shuffled(trials: list[Trial], rng: np.random.Generator) -> list[Trial]:
    return [trials[place] for place in rng.permutation(len(trials))]


def _ids(count: int, rng: np.random.Generator) -> list[str]:
    """Draw different names that say nothing about what they name."""
    return [f"{number:06x}" for number in rng.choice(16**6, size=count, replace=False)]


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    plots.pixels(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _mask(sets: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Scatter patches from all sets: the same strokes and colours, but no shape to see."""
    height, width, channels = sets[0].shape[1:]
    side = max(1, min(height, width) // 7)
    mask = np.empty((height, width, channels), np.float32)
    for y in range(0, height, side):
        for x in range(0, width, side):
            images = sets[rng.integers(len(sets))]
            image = images[rng.integers(len(images))]
            top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
            patch = image[top : top + side, left : left + side]
            target = mask[y : y + side, x : x + side]
            target[...] = patch[: target.shape[0], : target.shape[1]]
    return mask
