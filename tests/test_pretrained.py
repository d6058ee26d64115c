"""Models that ship: packed small, unpacked the same, drawing what they were trained on."""

import io

import numpy as np
import pytest
from tiny import fit_eagerly

import gentut
from gentut import data
from gentut.models import pretrained

SHAPE = (28, 28, 1)


def moved(family):
    """A model of the recipe with every weight, also the averages, away from its start."""
    gentut.seed(3)
    model, rng = gentut.build(family, SHAPE, num_classes=10), np.random.default_rng(0)
    for variable in model.weights:
        if variable.dtype == "float32":
            variable.assign_add(0.06 * rng.normal(size=variable.shape).astype("float32"))
    if family == "vae":
        images, labels = gentut.data.load("glyphs", "test")
        model.fit_prior(images[:500], labels[:500], components=10)
    return model


@pytest.mark.backend
@pytest.mark.parametrize("family", ["gan", "vae", "latent_flow"])  # it has a flow in it
def test_a_packed_model_draws_the_same_images(family):
    model = moved(family)
    info = {"family": family, "image_shape": list(SHAPE), "num_classes": 10, "note": "kept"}
    again = pretrained.unpacked(io.BytesIO(pretrained.packed(model, info)))
    labels = np.arange(10, dtype="int32")
    images, copies = (m.sample(10, labels=labels, seed=1) for m in (model, again))
    # Eight bits for each weight: off by 0.4 % of the largest at most, in either direction.
    np.testing.assert_allclose(copies, images, atol=0.02)
    assert np.abs(copies - images).mean() < 0.002
    assert np.abs(images - images[::-1]).max() > 0.05  # not all one picture
    assert again.info["note"] == "kept"


def test_each_output_of_a_layer_uses_all_of_its_eight_bits():
    info = {"family": "gan", "image_shape": list(SHAPE), "num_classes": 10}
    arrays = np.load(io.BytesIO(pretrained.packed(moved("gan"), info)))
    whole = [arrays[name] for name in arrays if arrays[name].dtype == np.int8]
    assert whole
    for weights in whole:
        largest = np.abs(weights.reshape(-1, weights.shape[-1])).max(axis=0)
        np.testing.assert_array_equal(largest, 127)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.backend] * n.startswith("latent"))
        for n in pretrained.NAMES
        if n.endswith("glyphs")
    ],
)
def test_a_shipped_model_draws_the_letters_it_is_asked_for(name):
    model = gentut.load_pretrained(name)
    labels = (np.arange(100) % 10).astype("int32")
    images = model.sample(100, labels=labels, seed=0)
    seen = gentut.features.load("glyphs").probabilities(images).argmax(axis=1)
    # The judge reads 97.6 % of real letters; chance is 10 %.  The flow of pixels is the weakest.
    assert (seen == labels).mean() > (0.8 if name == "flow-glyphs" else 0.9)
    scores = model.info["scores"]
    # A PCA-Gaussian reaches about 6; the flow of pixels, trained briefly, is the farthest.
    assert scores["frechet_distance_real"] < scores["frechet_distance"] < 3
    assert model.info["command"].startswith(f"python data/train_pretrained.py {name}")


@pytest.mark.parametrize("name", ["gan-emoji", "vae-emoji", "latent_flow-emoji"])
def test_a_shipped_model_of_emoji_draws_the_groups_it_is_asked_for(name):
    model = gentut.load_pretrained(name)
    labels = (np.arange(450) % 9).astype("int32")
    images = model.sample(450, labels=labels, seed=0)
    seen = gentut.features.load("emoji").probabilities(images).argmax(axis=1)
    # The classifier reads 64 % of real drawings of unseen concepts; chance is 11 %.
    assert 0.35 < (seen == labels).mean() < 0.8
    scores = model.info["scores"]
    # A mixture of Gaussians for each group reaches about 13.
    assert scores["frechet_distance_real"] < scores["frechet_distance"] < 8
    assert model.info["command"].startswith(f"python data/train_pretrained.py {name}")


@pytest.mark.backend
def test_the_shipped_text_model_draws_what_it_is_told():
    model = gentut.load_pretrained("text_flow-emoji")
    hearts = ["red heart", "blue heart", "红心", "蓝心"]
    texts = sorted(set(gentut.data.captions("emoji", "train")))[::180][:8]
    images = model.sample(texts=hearts + texts, seed=0, steps=8)
    red, blue, red_zh, blue_zh = images[:4]
    for one, other in ((red, blue), (red_zh, blue_zh)):
        surplus = (one - other).mean((0, 1))  # red, green, blue
        assert surplus[0] > 0.1 and surplus[2] < -0.1
    judge = gentut.features.load("emoji_text")
    codes = judge.images(images[4:]), judge.texts(texts)
    assert gentut.metrics.retrieval(*codes).mean() > 0.5  # chance is 1 in 8
    scores = model.info["scores"]["texts"]
    assert scores["retrieval_1"] < scores["retrieval_1_real"]


@pytest.mark.parametrize("name", pretrained.NAMES)
def test_the_files_are_small_and_hold_no_pickles(name):
    path = data.data_path(f"weights/{name}.npz")
    assert path.stat().st_size <= (4_000_000 if name.startswith("text_flow") else 2_000_000)
    with np.load(path, allow_pickle=False) as stored:
        assert all(np.isfinite(stored[key]).all() for key in stored if key != "info")


def test_training_goes_on_from_a_shipped_model():
    gentut.seed(0)
    images, labels = gentut.data.load("glyphs", "train")
    model = gentut.load_pretrained("vae-glyphs")
    before = model.elbo(images[:500], labels[:500]).mean()
    fit_eagerly(model, images[:256], labels[:256])
    after = model.elbo(images[:500], labels[:500]).mean()
    assert after > before - 20  # an untrained model lies hundreds of nats below


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="`name` must be one of gan-glyphs, vae-glyphs, flow-gly"):
        gentut.load_pretrained("gan-faces")


def test_weights_of_another_recipe_are_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(gentut.models.recipes.RECIPES["vae"]["encoder"], "filters", (16, 24))
    with pytest.raises(ValueError, match="the weights of 'vae' must fit its recipe: .*16, 24") as e:
        gentut.load_pretrained("vae-glyphs")
    assert "the file (4, 4, 16, 32)" in str(e.value) and "\n" not in str(e.value)
