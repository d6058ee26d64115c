"""Do generated images show what their texts say?  Scores by the image–text model of emoji."""

import warnings
from typing import Any

import numpy as np

from gentut import data, metrics
from gentut.evaluation import features
from gentut.evaluation.entries import ends

# Name of a score's ending -> split of "emoji" whose captions are drawn.
KINDS = {"": "train", "_compositions": "compositions", "_unseen": "test"}
CONCEPTS = 100  # texts among which a picture's own is sought, at most


def text_scores(
    model: Any, seed: int = 0, draws: int = 1, keywords: bool = False, **options: Any
) -> dict[str, float]:
    """Score a model of texts on captions of emoji, each in the manner of a set drawn at random.

    A draw takes 100 concepts (or all, where a split has fewer) and one drawing of each.  The model
    gets "name, set" and makes a picture; ``gentut.features.load("emoji_text")`` then seeks the
    picture's own name among those of the draw.

    Args:
        model: has ``sample(texts=…, seed=…)``, such as a text flow.
        seed: of the draws and of the noise.
        draws: how often concepts are drawn.
        keywords: whether the key words follow in the texts that both models are given.
        **options: passed to ``sample``, such as ``guidance``.

    Returns:
        A flat dict of ``retrieval_1`` (R@1), ``retrieval_5`` and ``text_alignment`` (see
        ``gentut.metrics``), each also with the ends of a 95 % interval over concepts, ``…_low`` and
        ``…_high``, and for the real drawings, ``…_real``.  All three stand there for captions of
        the training, with the ending ``_compositions`` for those held out whose words all occur in
        the training, and with ``_unseen`` for concepts held out.  ``n_texts`` and
        ``n_texts_compositions`` are the numbers of texts that a picture's own is sought among.
    """
    image_text, scores = features.load("emoji_text"), {}
    for ending, split in KINDS.items():
        images, concepts = data.load("emoji", split)[0], data.sources("emoji", split)
        names = data.captions("emoji", split)
        texts = data.captions("emoji", split, keywords=True) if keywords else names
        teams, titles = data.emoji.teams(split)
        found, chosen = {}, []
        for draw in range(draws):
            rng = np.random.default_rng([seed, draw])
            drawn = rng.permutation(np.unique(concepts))[:CONCEPTS]
            rows = [rng.choice(np.flatnonzero(concepts == concept)) for concept in drawn]
            prompts = [f"{names[i]}, {titles[teams[i]]}{texts[i][len(names[i]) :]}" for i in rows]
            wanted = image_text.texts([texts[i] for i in rows])
            with warnings.catch_warnings(action="ignore"):  # of words that the model lacks
                made = model.sample(texts=prompts, seed=seed + draw, **options)
            for suffix, pictures in (("", made), ("_real", images[rows])):
                codes = image_text.images(pictures)
                for k in (1, 5):
                    own = metrics.retrieval(codes, wanted, k)
                    found.setdefault(f"retrieval_{k}{ending}{suffix}", []).append(own)
                own = metrics.text_alignment(codes, wanted)
                found.setdefault(f"text_alignment{ending}{suffix}", []).append(own)
            chosen.append(drawn)
        for name, values in found.items():
            interval = metrics.mean_interval(np.concatenate(values), np.concatenate(chosen))
            scores[name] = interval.value
            if not name.endswith("_real"):
                scores |= ends(name, interval)
        if split != "test":
            scores[f"n_texts{ending}"] = len(drawn)
    return scores
