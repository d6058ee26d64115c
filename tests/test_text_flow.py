"""Texts to tokens, attention, and the flow that goes by words."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops
from tiny import fit_eagerly

import gentut
from gentut.data.tokenizer import Tokenizer, most_frequent, split
from gentut.models import recipes, spatial
from gentut.models.latent_flow import LatentFlow
from gentut.models.text import TextFlow
from gentut.models.transformer import Attention, latent_transformer
from gentut.training.devices import fetch_state

pytestmark = pytest.mark.backend
RNG = np.random.default_rng(0)
IMAGES = RNG.random((12, 16, 16, 3)).astype("float32")
TEXTS = ["red heart", "blue heart", "红色的心"] * 4


def assert_close(found, expected, atol):
    found, expected = ops.convert_to_numpy(found), ops.convert_to_numpy(expected)
    np.testing.assert_allclose(found, expected, atol=atol)


def small(**options):
    """A text flow over 8×8 latents of two channels, for images of 16×16 pixels."""
    gentut.seed(3)
    ends = (
        getattr(spatial, f"spatial_{end}")((16, 16, 3), 2, (4,)) for end in ("encoder", "decoder")
    )
    vae = gentut.VAE(*ends, likelihood="gaussian")
    vae.compile()
    network = latent_transformer((8, 8, 2), vocabulary=8, words=4, width=8, depth=1, heads=2)
    model = TextFlow(vae, network, **options)
    model.compile()
    return model


@pytest.fixture(scope="module")
def untrained():
    """A model that knows one word, not to be changed."""
    model = small()
    model.vocabulary = ["heart"]
    return model


# ---------------------------------------------------------------- texts


def test_texts_are_split_into_english_words_and_chinese_characters():
    assert split("Red heart, 2nd: 红心!") == ["red", "heart", "2nd", "红", "心"]
    assert split("…") == []


def test_the_most_frequent_words_count_texts_and_ties_go_by_the_alphabet():
    texts = ["red red red", "blue heart", "green heart", "heart"]
    assert most_frequent(texts, 3) == ["heart", "blue", "green"]


def test_a_row_holds_each_known_word_once_in_its_order_and_zeros():
    tokenizer = Tokenizer(["red", "heart", "心"], 4)
    rows = tokenizer(["heart red heart", "a 心", "", "red heart 心 red"])
    assert rows.tolist() == [[2, 1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 0]]
    assert Tokenizer(["a", "b", "c"], 2)(["c b a"]).tolist() == [[3, 2]]
    assert tokenizer.unknown(["a red dog", "dog 心"]) == ["a", "dog"]


# ---------------------------------------------------------------- attention


def both_attentions(heads=2, width=6):
    ours, theirs = Attention(heads), layers.MultiHeadAttention(heads, width // heads)
    queries, context = RNG.normal(size=(3, 4, width)), RNG.normal(size=(3, 5, width))
    queries, context = queries.astype("float32"), context.astype("float32")
    mask = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 1, 0, 0, 0]], bool)
    ours(queries, context, mask), theirs(queries, context)
    for name in ("query", "key", "value"):
        kernel, bias = (RNG.normal(size=s).astype("float32") for s in ((width, width), (width,)))
        getattr(ours, name).set_weights([kernel, bias])
        dense = getattr(theirs, f"_{name}_dense")
        dense.set_weights([kernel.reshape(width, heads, -1), bias.reshape(heads, -1)])
    kernel, bias = RNG.normal(size=(width, width)).astype("float32"), np.ones(width, "float32")
    ours.out.set_weights([kernel, bias])
    theirs._output_dense.set_weights([kernel.reshape(heads, -1, width), bias])
    return ours, theirs, (queries, context, mask)


def test_attention_is_that_of_keras():
    ours, theirs, (queries, context, mask) = both_attentions()
    wide = np.broadcast_to(mask[:, None], (3, 4, 5))
    expected, shares = theirs(queries, context, attention_mask=wide, return_attention_scores=True)
    assert_close(ours(queries, context, mask), expected, atol=2e-5)
    assert_close(ours.shares(queries, context, mask), shares, atol=1e-6)


def test_shares_sum_to_one_and_nobody_looks_at_what_is_masked():
    ours, _, (queries, context, mask) = both_attentions()
    shares = ops.convert_to_numpy(ours.shares(queries, context, mask))
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-6)
    assert (shares[1][:, :, [1, 3, 4]] == 0).all() and (shares[1][:, :, [0, 2]] > 0).all()


def test_attention_needs_heads_that_divide_the_channels():
    with pytest.raises(ValueError, match="`heads` must divide the 6 channels.*received 4"):
        Attention(4)(np.zeros((1, 2, 6)), np.zeros((1, 2, 6)))


# ---------------------------------------------------------------- the network


def test_at_first_the_transformer_is_the_velocity_of_gaussian_noise():
    """Its last layer starts at zero: that of N(0, 1) data is left, (2t − 1)·x / (1 − 2t + 2t²)."""
    network = latent_transformer((4, 4, 2), num_classes=3, width=8, depth=2, heads=2)
    x, t = (
        RNG.normal(size=(5, 4, 4, 2)).astype("float32"),
        np.float32([[0], [0.25], [0.5], [1], [0.9]]),
    )
    found = network([x, t, np.arange(5) % 4])
    factor = (2 * t - 1) / (1 - 2 * t + 2 * t**2)
    assert_close(found, factor[:, :, None, None] * x, atol=1e-5)


def moved(network):
    """The network with weights that are no longer where they start."""
    for i, weight in enumerate(network.weights):
        weight.assign(0.3 * np.random.default_rng(i).normal(size=weight.shape).astype("float32"))
    return network


def test_words_and_their_order_matter_and_padding_does_not():
    network = moved(latent_transformer((4, 4, 2), vocabulary=5, words=3, width=8, depth=1, heads=2))
    x, t = np.repeat(RNG.normal(size=(1, 4, 4, 2)), 4, 0).astype("float32"), np.full((4, 1), 0.3)
    tokens = np.array([[1, 2, 0], [2, 1, 0], [1, 0, 0], [0, 0, 0]])
    found = ops.convert_to_numpy(network([x, t, tokens]))
    for i in range(3):
        assert abs(found[i] - found[i + 1]).max() > 1e-4
    # What stands where no word is cannot be seen, whatever its vector is.
    table = network.get_layer("words").embeddings
    table.assign(ops.convert_to_numpy(table) + np.eye(5, 1) * 7)
    assert_close(network([x, t, tokens]), found, atol=1e-5)


def test_each_place_of_an_odd_grid_is_a_token():
    network = latent_transformer((7, 7, 2), width=8, depth=1, heads=2)
    assert network.get_layer("places").output.shape == (None, 49, 8)
    assert network.output_shape == (None, 7, 7, 2)


# ---------------------------------------------------------------- the VAE's grid of latents


def test_the_means_of_a_spatial_encoder_are_normalised():
    encoder = spatial.spatial_encoder((16, 16, 3), 2, (4,))
    mean, _ = np.split(ops.convert_to_numpy(encoder(IMAGES, training=True)), 2, axis=-1)
    assert mean.shape == (12, 8, 8, 2)
    np.testing.assert_allclose(mean.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(mean.std((0, 1, 2)), 1, atol=0.05)


def test_a_spatial_vae_does_all_that_a_vae_does():
    vae = small().vae
    assert vae.latent_shape == (8, 8, 2) and vae.latent_dim == 128
    mean, log_var = vae.encode(IMAGES)
    assert mean.shape == log_var.shape == (12, 8, 8, 2)
    assert vae.decode(mean).shape == vae.reconstruct(IMAGES).shape == IMAGES.shape
    bound = vae.elbo(IMAGES)
    assert (
        bound.shape == (12,)
        and (vae.log_likelihood(IMAGES, samples=20, seed=0) > bound).mean() > 0.5
    )
    assert vae.fit_prior(IMAGES, components=1).sample(2, seed=0).shape == (2, 16, 16, 3)
    with pytest.raises(
        ValueError, match=r"`z` must have shape \(n, 8, 8, 2\); received \(3, 128\)"
    ):
        vae.decode(np.zeros((3, 128)))


# ---------------------------------------------------------------- the model


def test_the_step_sees_each_caption_of_an_image_as_often(monkeypatch):
    model, seen = small(), []
    model.vocabulary = ["a", "b", "c"]
    monkeypatch.setattr(LatentFlow, "update", lambda self, x, y, p: seen.append(y) or {})
    labels = model.check_labels([["a", "b c"], ["c"]] * 500, 1000)
    assert labels.shape == (1000, 2, 4)
    model.update(ops.zeros((1000, 1)), ops.convert_to_tensor(labels), 0.0)
    rows = ops.convert_to_numpy(seen[0])
    assert (rows[1::2] == [3, 0, 0, 0]).all()
    first = (rows[::2] == [1, 0, 0, 0]).all(1)
    assert (first | (rows[::2] == [2, 3, 0, 0]).all(1)).all()
    assert abs(first.mean() - 0.5) < 0.1  # 500 draws: 4.5 standard deviations


def test_dropped_texts_are_empty():
    model = small(drop_labels=0.5)
    model.vocabulary = ["a"]
    tokens = np.ones((400, 4), "int32")
    _, _, kept = model._draws(ops.zeros((400, 8, 8, 2)), ops.convert_to_tensor(tokens), 1)
    kept = ops.convert_to_numpy(kept)
    assert ((kept == 0).all(1) | (kept == 1).all(1)).all()
    assert abs((kept == 0).all(1).mean() - 0.5) < 0.12


class Changed(keras.callbacks.Callback):
    """Notes after each step whether VAE and velocity moved, and the logs."""

    def __init__(self):
        super().__init__()
        self.steps, self.last = [], None

    def weights(self):
        fetch_state(self.model)
        parts = self.model.vae, self.model.velocity
        return [[np.array(ops.convert_to_numpy(v)) for v in p.trainable_variables] for p in parts]

    def on_train_begin(self, logs=None):
        self.last = self.weights()

    def on_train_batch_end(self, batch, logs=None):
        now = self.weights()
        moved = [
            any((a != b).any() for a, b in zip(*p, strict=True))
            for p in zip(self.last, now, strict=True)
        ]
        self.steps.append((*moved, {name: float(value) for name, value in logs.items()}))
        self.last = now


def test_the_vae_learns_alone_and_then_stands_still():
    model, seen = small(vae_first=0.5), Changed()
    eagerly = {"run_eagerly": keras.backend.backend() == "tensorflow"}  # graphs: slow/test_resume
    model.compile(keras.optimizers.Adam(1e-2), steps_per_execution=1, **eagerly)
    model.fit(IMAGES, TEXTS, epochs=2, batch_size=6, seed=0, verbose=0, callbacks=[seen])
    assert [moved[:2] for moved in seen.steps] == [(True, False)] * 2 + [(False, True)] * 2
    # What does not learn is measured: its loss is there all the time.
    for *_, logs in seen.steps:
        assert logs.keys() == {"loss", "reconstruction", "kl", "flow_loss"}
        assert all(np.isfinite(list(logs.values()))) and logs["kl"] > 0 and logs["flow_loss"] > 0


def test_each_part_has_a_schedule_over_its_own_share_of_the_training(monkeypatch):
    model, seen = small(vae_first=0.25), []
    monkeypatch.setattr(model.vae, "update", lambda x, y, progress: seen.append(progress) or {})
    monkeypatch.setattr(model, "_flow_loss", lambda *args: lambda: 0.0)
    monkeypatch.setattr(model, "_flow_step", lambda *args: 0.0)
    monkeypatch.setattr(model, "set_learning_rates", lambda progress, _: seen.append(progress))
    images, tokens = ops.convert_to_tensor(IMAGES), ops.zeros((12, 4), "int32")
    for progress in (0.0, 0.2, 0.25, 0.7):
        model.train_stage = model.stage(progress)
        LatentFlow.update(model, images, tokens, progress)
    np.testing.assert_allclose(seen, [0, 0.8, 0, 0.6])


def test_fit_learns_the_vocabulary_and_saves_it(tmp_path):
    model = small()
    with pytest.raises(ValueError, match="`vocabulary` must be known"):
        model.sample(texts=["red"])
    fit_eagerly(model, IMAGES, TEXTS, epochs=1, batch_size=4)
    assert model.vocabulary[:2] == ["heart", "blue"] and len(model.vocabulary) == 7
    assert set(model.examples) == set(TEXTS)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    drawn = model.sample(texts=TEXTS[:3], seed=1, steps=2)
    assert drawn.shape == (3, 16, 16, 3)
    np.testing.assert_array_equal(again.sample(texts=TEXTS[:3], seed=1, steps=2), drawn)
    noise = np.random.default_rng(1).standard_normal((3, 8, 8, 2))
    decoded = model.decode(noise, TEXTS[:3], steps=2, guidance=3.0)
    np.testing.assert_allclose(decoded, drawn, atol=1e-5)
    assert abs(model.sample(texts=TEXTS[:3], seed=2, steps=2) - drawn).max() > 1e-3
    np.testing.assert_array_equal(
        model.sample(3, seed=4, steps=2), again.sample(3, seed=4, steps=2)
    )


def test_guidance_moves_away_from_the_empty_text():
    """v(none) + w·(v(text) − v(none)), from the network's own values."""
    model = small()
    moved(model.ema_velocity)
    x, tokens = (
        RNG.normal(size=(2, 8, 8, 2)).astype("float32"),
        np.array([[1, 2, 0, 0], [3, 0, 0, 0]]),
    )
    times = np.full((2, 1), 0.3, "float32")
    text, none = (ops.convert_to_numpy(model(x, times, y)) for y in (tokens, 0 * tokens))
    found = model._guided(ops.convert_to_tensor(x), 0.3, ops.convert_to_tensor(tokens), 2.5)
    assert_close(found, none + 2.5 * (text - none), atol=1e-4)
    assert abs(text - none).max() > 1e-3


def test_unknown_words_are_named(untrained):
    with pytest.warns(UserWarning, match="this model does not know them: blue, hart$"):
        untrained.sample(texts=["blue heart", "hart"], seed=0, steps=1)
    with pytest.warns(UserWarning, match="them: a, b, c, d, e, f, g, h, i, j and 2 more$"):
        untrained.sample(texts=["a b c d e f", "g h i j k l"], seed=0, steps=1)
    with warnings.catch_warnings(action="error", category=UserWarning):
        untrained.sample(texts=["heart", "heart"], seed=0, steps=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"texts": "red heart"}, "`texts` must be a list of texts; received 'red heart'"),
        ({"texts": ["red"], "n": 2}, "`n` must be the number of texts, 1; received 2"),
        ({"n": 2, "labels": [0, 1]}, "`labels` must be None"),
        ({"n": 2}, "`texts` must be given to a model that was not trained"),
    ],
)
def test_what_sample_does_not_take(options, message, untrained):
    with pytest.raises((TypeError, ValueError), match=message):
        untrained.sample(**options)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (None, "`texts` must be 12 texts, one for each image; received None"),
        (["a"] * 11, "`texts` must be 12 texts, one for each image; received list of 11"),
        ([["a"]] * 11 + [[]], "received an empty list"),
        (["a"] * 11 + [3], "`texts` must"),
    ],
)
def test_what_fit_does_not_take(texts, message, untrained):
    with pytest.raises((TypeError, ValueError), match=message):
        untrained.fit(IMAGES, texts)


def test_build_gives_colour_a_grid_of_latents_and_texts_no_classes():
    assert recipes.build("latent_flow", (32, 32, 3), 9).vae.latent_shape == (8, 8, 4)
    assert recipes.build("latent_flow", (28, 28, 1), 9).vae.latent_shape == (32,)
    with pytest.raises(ValueError, match="`num_classes` must be None for a model of texts"):
        recipes.build("text_flow", (32, 32, 3), 9)
