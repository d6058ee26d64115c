"""The playground without a browser; slow/test_playground_page.py opens its page in one."""

import base64
import hashlib
import re

import keras
import numpy as np
import pytest
from keras import layers

import gentut
from gentut.models import networks
from gentut.report import playground as report
from gentut.report.network_export import (
    as_text,
    packed,
    program,
    rounded,
    rounded_weights,
    text_length,
)
from gentut.runs import playground as runs


def test_a_layer_without_counterpart_is_named():
    inputs = keras.Input((4, 4, 1))
    network = keras.Model(inputs, layers.MaxPooling2D(name="pool")(inputs))
    with pytest.raises(ValueError, match="received 'pool', a MaxPooling2D"):
        program(network)
    odd = keras.Model(inputs, layers.Conv2D(1, 3, padding="valid", name="odd")(inputs))
    with pytest.raises(ValueError, match="padding='same'.*received 'odd'"):
        program(odd)
    strange = keras.Model(inputs, layers.Dense(2, activation="softplus", name="s")(inputs))
    with pytest.raises(ValueError, match="`activation` must be one of.*received 'softplus' in 's'"):
        program(strange)


@pytest.mark.parametrize("coarseness", [0.0, 0.1, 0.25])
def test_rounding_errs_by_half_a_step(coarseness):
    weights = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
    weights[:, 2] = 0
    multiples, step = rounded(weights, coarseness)
    error = np.abs(multiples * step.astype("float32") - weights)
    assert multiples.dtype == np.int8 and (error <= 0.51 * step.astype("float32")).all()
    expected = max(
        coarseness * np.sqrt((weights[:, 0] ** 2).mean()), np.abs(weights[:, 0]).max() / 127
    )
    assert float(step[0]) == pytest.approx(expected, rel=1e-3)


def test_rounded_weights_come_and_go():
    network = networks.decoder((28, 28, 1), 3, filters=(4, 2), units=5)
    before = network.get_weights()
    with rounded_weights(network, 0.2):
        assert not np.array_equal(network.get_weights()[0], before[0])
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_does_not_fit_is_told():
    model = report.Exported("big", networks.decoder((28, 28, 1), 8, units=64))
    with pytest.raises(
        ValueError, match=r"`models` must fit into 0\.01 MB .* received big 0\.\d+ MB"
    ):
        report.pack([model], limit=10_000)


def test_finer_rounding_where_there_is_room():
    model = report.Exported("small", networks.decoder((28, 28, 1), 8, units=64))
    _, fine = report.pack([model])
    size = text_length(packed(*model.parts(), 0.1))
    assert size == len(as_text(packed(*model.parts(), 0.1)))
    _, coarse = report.pack([model], limit=size)
    assert fine == report.COARSENESS[0] and coarse == 0.1


def test_the_page_runs_nothing_that_its_policy_does_not_name():
    html = report.page({"a": "</script><b>"}, {})
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    assert len(scripts) == 1
    for text in (*scripts, style):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in html
    assert "</script><b>" not in html and "default-src 'none'" in html
    assert not re.search(r"<[^>]+\s(on\w+|style)=", html)  # no handlers or styles in tags
    assert not re.search(r"(src|href)=\"(?!#|data:)", html)


def test_runs_must_be_vaes_or_gans():
    with pytest.raises(ValueError, match="must be trained VAEs or GANs; received mine, a Flow"):
        runs._space("run-1", gentut.build("flow", (28, 28, 1)), "mine", [])
    discretised = gentut.build("vae", (28, 28, 1), likelihood="discretised_logistic")
    with pytest.raises(ValueError, match="received mine with 'discretised_logistic'"):
        runs._space("run-1", discretised, "mine", [])


@pytest.mark.parametrize(("family", "classes"), [("vae", 9), ("gan", None), ("wgan", 3)])
def test_every_vae_and_gan_of_the_recipes_goes_in(family, classes):
    model = gentut.build(family, (32, 32, 3), classes)
    names = gentut.data.class_names("emoji")
    exported, space = runs._space("run-1", model, "mine", names)
    steps, _ = exported.parts()
    assert len(steps["program"]["inputs"]) == (2 if space["labels"] else 1)
    assert sorted(space["order"]) == list(range(model.latent_dim)) and space["title"] == "mine"
    # Without labels the GAN has 50 groups of like images in the place of classes.
    count = {"vae": 9, "gan": 50, "wgan": 3}[family]
    assert space["classes"] == (names if count == 9 else [str(k + 1) for k in range(count)])
