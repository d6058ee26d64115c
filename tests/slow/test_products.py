"""Exhaustive products of options, of which ``pytest tests`` has each option once.

Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import pytest
import test_flow
import test_flow_known
import test_models
import test_precision
import test_sizes
from test_large import TENSORFLOW, assert_same_bits, assert_samples_go, mapped  # noqa: F401
from tiny import shrink_recipes

import gentut
from gentut.models import recipes

POLICIES = ("mixed_float16", "float16", "mixed_bfloat16", "bfloat16")
FAMILIES = (*recipes.FAMILIES, "gan of clusters")
# Keras clips gradients of float32 and bfloat16 together only by an error.
DONE = (*test_precision.CASES, ("text_flow", "bfloat16"))
REST = [(family, name) for family in FAMILIES for name in POLICIES if (family, name) not in DONE]
ONCE = test_models.SHAPES
SHAPES = [(28, 28, 1), (32, 32, 3), (64, 64, 3), (48, 64, 3)]


@pytest.mark.parametrize("family, name", REST)
def test_every_family_comes_back_under_every_policy_and_trains_on(
    family, name, policy, tmp_path, monkeypatch
):
    shrink_recipes(monkeypatch)
    test_precision.assert_comes_back(family, name, policy, tmp_path)


@pytest.mark.skipif(not TENSORFLOW, reason="equal bits are promised for TensorFlow")
@pytest.mark.parametrize("family", ["gan", "flow"])
def test_bytes_train_to_the_same_bits_as_floats(family, mapped, monkeypatch):  # noqa: F811
    shrink_recipes(monkeypatch)
    assert_same_bits(family, mapped)


def test_same_seed_gives_the_same_weights_to_the_bit(monkeypatch):
    shrink_recipes(monkeypatch)  # a latent flow has the steps of a VAE and of a flow
    test_models.assert_same_seed_gives_the_same_weights("latent_flow")


def test_a_saved_text_flow_comes_back_with_the_same_samples(tmp_path, monkeypatch):
    test_models.assert_comes_back_with_the_same_samples("text_flow", None, tmp_path, monkeypatch)


def test_a_text_flow_trains_in_bfloat16_with_the_losses_of_float32(policy, monkeypatch):
    shrink_recipes(monkeypatch)
    test_precision.assert_losses_are_those_of_float32("text_flow", policy)


def test_a_step_in_float16_moves_weights_as_far_as_in_float32(policy, monkeypatch):
    shrink_recipes(monkeypatch)
    test_precision.assert_float16_moves_as_far("latent_flow", policy)


EVERY = {(path, kind) for path in ("straight", "cosine") for kind in ("velocity", "noise", "image")}


@pytest.mark.parametrize("path, prediction", sorted(EVERY - set(test_flow.KINDS)))
def test_an_untrained_network_is_the_flow_of_a_normal(path, prediction):
    test_flow.test_an_untrained_network_is_the_flow_of_a_normal_whatever_it_predicts(
        path, prediction
    )


def test_every_sampler_draws_a_known_normal():
    test_flow_known.assert_samplers_draw_the_normal("cosine", "velocity")


@pytest.mark.parametrize("path, prediction", [("straight", "image"), ("cosine", "noise")])
def test_log_likelihood_is_that_of_the_normal(path, prediction):
    test_flow_known.assert_likelihood_is_that_of_the_normal(path, prediction)


def test_filled_in_pixels_have_their_distribution_given_the_others():
    test_flow_known.assert_filling_in_keeps_the_distribution("straight", "velocity")


@pytest.mark.parametrize(
    "family, options", [("flow", {}), ("latent_flow", {}), ("flow", {"method": "ddpm"})]
)
def test_samples_go_where_they_are_asked_to(family, options, monkeypatch, tmp_path):
    shrink_recipes(monkeypatch)
    assert_samples_go(monkeypatch, tmp_path, family, {"steps": 2, **options})


@pytest.mark.parametrize("family", ["gan", "vae", "flow"])
def test_rectangles_are_drawn_as_rectangles(family, monkeypatch):
    shrink_recipes(monkeypatch)
    test_sizes.assert_draws(family, (64, 96, 3))


@pytest.mark.parametrize("side, grid", [(64, (8, 8, 8)), (256, (16, 16, 16))])
def test_the_grid_of_latents_keeps_its_places_in_large_pictures(side, grid):
    test_sizes.assert_grid(side, grid)


def test_a_step_of_large_pictures_holds_no_more_than_memory_is_sure_to_have():
    test_sizes.assert_step_is_small("flow")


@pytest.mark.parametrize("family, shape", [(f, s) for f in ONCE for s in SHAPES if s != ONCE[f]])
def test_recipes_fit_the_image_shapes_they_promise(family, shape):
    model = gentut.build(family, shape, 2)
    assert model.sample(2, seed=0).shape == (2, *shape)
