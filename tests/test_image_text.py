"""Pictures held against texts: scores worked out by hand, and a model that tells hearts apart."""

import os

import numpy as np
import pytest

from gentut import data, metrics
from gentut.evaluation import features, image_text

UNIT = np.eye(3)


def test_alignment_is_the_cosine_times_two_and_a_half_and_never_below_zero():
    images = np.array([[1.0, 0, 0], [3.0, 4.0, 0], [1.0, 0, 0], [0, 0, 0]])
    texts = np.array([[2.0, 0, 0], [1.0, 0, 0], [-1.0, 0, 0], [1.0, 0, 0]])
    np.testing.assert_allclose(metrics.text_alignment(images, texts), [2.5, 1.5, 0, 0], atol=1e-12)


def test_retrieval_counts_own_texts_among_the_nearest():
    # Nearest to image 0 is its own text, to 1 text 0 and then its own, to 2 its own comes last.
    images = np.array([[1.0, 0.2, 0.1], [1.0, 0.9, 0.1], [1.0, 0.9, 0.1]])
    np.testing.assert_array_equal(metrics.retrieval(images, UNIT, 1), [True, False, False])
    np.testing.assert_array_equal(metrics.retrieval(images, UNIT, 2), [True, True, False])
    # One code for all texts finds nothing.
    assert not metrics.retrieval(images, np.ones((3, 3)), 2).any()


def test_codes_without_direction_find_a_text_as_often_as_chance():
    rng = np.random.default_rng(0)
    found = metrics.retrieval(rng.normal(size=(400, 8)), rng.normal(size=(400, 8)), 40)
    assert abs(found.mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 400)


@pytest.mark.parametrize(
    ("images", "texts", "k", "message"),
    [
        (UNIT, UNIT[:2], 1, r"must both have one shape \(n, d\); received \(3, 3\) and \(2, 3\)"),
        (UNIT[0], UNIT[0], 1, r"must both have one shape \(n, d\); received \(3,\) and \(3,\)"),
        (UNIT, UNIT, 3, r"`k` must be an integer from 1 to 2, one less than there are texts; rec"),
        (UNIT, UNIT, 0, r"`k` must be an integer from 1 to 2"),
    ],
)
def test_what_does_not_fit_is_named(images, texts, k, message):
    with pytest.raises(ValueError, match=message):
        metrics.retrieval(images, texts, k)


def test_a_text_is_the_set_of_its_known_words():
    model = image_text.ImageText(["heart", "red", "心"])
    bags = model.bags(["heart of red RED", "nothing known", "红心"])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(bags, [[half, half, 0], [0, 0, 0], [0, 0, 1]], atol=1e-6)
    for wrong in ("one text", ["a", 3]):
        with pytest.raises(TypeError, match="`texts` must be a list of texts; received"):
            model.bags(wrong)


def test_the_shipped_model_is_small_and_as_good_as_it_says():
    model = features.load("emoji_text")
    assert os.path.getsize(data.data_path("weights/features-emoji_text.npz")) <= 2_000_000
    images, concepts = data.load("emoji", "test")[0], data.sources("emoji", "test")
    texts = data.captions("emoji", "test", keywords=True)
    rng, found = np.random.default_rng(1), []
    codes, words = model.images(images), model.texts(texts)
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)
    for _ in range(20):
        chosen = rng.permutation(np.unique(concepts))[: model.info["texts"]]
        rows = [rng.choice(np.flatnonzero(concepts == concept)) for concept in chosen]
        found.append(metrics.retrieval(codes[rows], words[rows], 5).mean())
    stated, sd = model.info["recall"]["concepts held out, en, key words"]["5"]
    assert abs(np.mean(found) - stated) < sd
    assert stated > 3 * 5 / model.info["texts"]  # three times chance


def test_the_shipped_model_knows_colours_in_both_languages():
    """Of hearts that it was trained on: each picture is nearest to the text of its own colour."""
    model = features.load("emoji_text")
    images, names = data.load("emoji", "train")[0], np.array(data.captions("emoji", "train"))
    for texts, kept in (
        (["red heart", "blue heart", "yellow heart"],) * 2,
        (["红心", "蓝心", "黄心"], ["red heart", "blue heart", "yellow heart"]),
    ):
        codes = model.texts(texts)
        for own, name in enumerate(kept):
            nearest = (model.images(images[names == name]) @ codes.T).argmax(axis=1)
            assert np.mean(nearest == own) >= 0.75, name
