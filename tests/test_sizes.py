"""Pictures of many sizes: which are allowed, how their recipes differ, steps that memory lacks."""

import keras
import numpy as np
import pytest
from tiny import make_photographs, shrink_recipes, train

import gentut
from gentut import cli, runs
from gentut.checks import check_image_shape, near_sides
from gentut.models import recipes, spatial
from gentut.runs.checkpoint import load_newest
from gentut.training import devices
from gentut.training.step import StepModel

# Sides of squares, by the rule as the guide says it, up to 288.
SIDES = sorted({k * 2**power for k in (8, 9, 10, 11, 12, 14) for power in range(6)} - {8, 9, 11})
SIDES = [side for side in SIDES if side <= 288]


# ------------------------------------------------------------------ what is allowed


def test_sides_of_squares_are_those_of_the_rule():
    for side in SIDES:
        (height, _, _), halvings = check_image_shape((side, side, 3))
        assert height % 2**halvings == 0 and 3 <= height / 2**halvings <= 12
    for side in sorted(set(range(1, 289)) - set(SIDES)):
        with pytest.raises(ValueError, match=f"received \\({side}, {side}, 3\\); near it "):
            check_image_shape((side, side, 3))
        if side > 10:
            below, above = (
                max(s for s in SIDES if s < side),
                min(s for s in SIDES if s > side),
            )
            assert near_sides(side, side) == [(below, below), (above, above)]


@pytest.mark.parametrize(
    ("sides", "near"),
    [
        ((100, 150), "; near it are (96, 144, 3) and (112, 160, 3)."),
        ((27, 28), "; near it are (24, 28, 3) and (28, 28, 3)."),
        ((0, 5), "received (0, 5, 3)."),
    ],
)
def test_other_sides_are_refused_with_those_that_are_near(sides, near):
    with pytest.raises(ValueError) as caught:
        gentut.build("vae", (*sides, 3))
    assert str(caught.value).endswith(near)


def test_a_size_that_no_model_takes_is_refused_with_those_that_are_near():
    with pytest.raises(ValueError, match="received 100; near it are 96 and 112\\.$"):
        runs.Config(family="vae", size=100)


@pytest.mark.parametrize(
    ("family", "shape"),
    [
        ("gan", (40, 40, 1)),
        ("vae", (96, 48, 3)),
        ("latent_flow", (64, 96, 3)),
    ],
)  # the others: slow/test_products.py
def test_rectangles_are_drawn_as_rectangles(family, shape, monkeypatch):
    shrink_recipes(monkeypatch)
    assert_draws(family, shape)


def assert_draws(family, shape):
    model = gentut.build(family, shape, 2)
    options = {"steps": 1, "method": "euler"} if "flow" in family else {}
    assert model.sample(2, labels=[0, 1], seed=0, **options).shape == (2, *shape)


# ------------------------------------------------------------------ recipes


@pytest.mark.parametrize("family", recipes.FAMILIES)
def test_recipes_of_small_images_are_the_tested_ones(family):
    for shape in ((28, 28, 1), (32, 32, 1), (36, 36, 1)):
        assert recipes.recipe_of(family, shape) == recipes.RECIPES[family]
    colour = recipes.COLOUR.get(family, recipes.RECIPES[family])
    assert recipes.recipe_of(family, (32, 32, 3)) == colour


def test_the_grid_of_latents_keeps_its_places_in_large_pictures():
    assert_grid(96, (12, 12, 8))  # other sides: slow/test_products.py


def assert_grid(side, grid):
    model = gentut.build("latent_flow", (side, side, 3))
    assert model.vae.latent_shape == grid
    assert model.vae.decoder.output_shape[1:] == (side, side, 3)


def values(network):
    """Numbers that a network makes for one image: what a step must hold in memory, and work on."""
    return sum(np.prod(layer.output.shape[1:]) for layer in network.layers)


@pytest.mark.parametrize("family", ["gan", "vae"])  # flow: slow/test_products.py
def test_a_step_of_large_pictures_holds_no_more_than_memory_is_sure_to_have(family):
    assert_step_is_small(family)


def assert_step_is_small(family):
    """256×256 is 64 times the pixels of 32×32; a step may hold 4 bytes·10 copies of 1e8 numbers."""
    sizes = {}
    for side in (32, 128, 256):
        model = gentut.build(family, (side, side, 3), 2)
        parts = [
            getattr(model, name, None)
            for name in ("generator", "discriminator", "encoder", "decoder", "velocity")
        ]
        sizes[side] = model.default_batch_size * sum(values(part) for part in parts if part)
    assert max(sizes.values()) < 1e8, sizes


def test_halvings_of_a_grid_are_checked():
    for build in (spatial.spatial_encoder, spatial.spatial_decoder):
        with pytest.raises(ValueError, match="`halvings` must be an integer from 1 to 3; received"):
            build((64, 64, 3), halvings=4)


# ------------------------------------------------------------------ steps that memory lacks

FULL = [
    type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor with shape[9,9]"),
    RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes"),
    type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 2.00 GiB"),
    MemoryError("bad_alloc"),
]
KINDS = ["tensorflow", "jax", "torch", "system"]


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    shrink_recipes(monkeypatch)
    return make_photographs(tmp_path / "photographs")


@pytest.fixture
def memory(monkeypatch):
    """A machine whose memory holds steps of so many images; the others end in this error."""
    machine = {"most": 5, "error": FULL[0], "failed": []}
    fit, step = StepModel.fit, keras.Model.fit

    def noted(self, x, y=None, *, batch_size=None, **options):
        self.asked = min(batch_size or self.default_batch_size, len(x))
        return fit(self, x, y, batch_size=batch_size, **options)

    def short(self, *args, callbacks, **options):
        if self.asked <= machine["most"]:
            return step(self, *args, callbacks=callbacks, **options)
        callbacks.on_train_begin()
        machine["failed"].append(self.asked)
        raise machine["error"]

    monkeypatch.setattr(StepModel, "fit", noted)
    monkeypatch.setattr(keras.Model, "fit", short)
    return machine


SMALL = {"size": 16, "channels": 1, "epochs": 1, "seed": 3}


@pytest.mark.parametrize("error", FULL, ids=KINDS)
def test_every_system_says_that_memory_is_full_in_words_that_are_known(error):
    assert devices.out_of_memory(error)


def test_a_step_that_memory_lacks_is_halved_until_it_fits(photographs, memory, tmp_path):
    lines = []
    config = runs.Config(family="vae", data=str(photographs), **SMALL)
    model, status = runs.train(config, tmp_path / "run", say=lines.append)
    assert status == "finished" and memory["failed"] == [16, 8]
    told = [line for line in lines if "fit into memory" in line]
    assert told == ["a step of 16 images does not fit into memory: this run has 4 in a step"]
    # The run is that of somebody who asked for 4 at once, to the bit and to the file.
    same, _ = train("vae", str(photographs), tmp_path / "same", batch_size=4, **SMALL)
    assert runs.RunFolder(tmp_path / "run").read_config().batch_size == 4
    files = [
        sorted(p.relative_to(tmp_path / name).as_posix() for p in (tmp_path / name).rglob("*"))
        for name in ("run", "same")
    ]
    assert files[0] == files[1]
    for one, other in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("asked, tried", [(None, [16, 8, 4, 2, 1]), (24, [24, 12, 6, 3, 1])])
def test_memory_that_holds_not_one_image_leaves_nothing_behind(
    asked, tried, photographs, memory, tmp_path
):
    memory["most"] = 0
    with pytest.raises(MemoryError, match="not even a step of 1 image of 'vae' fits"):
        train("vae", str(photographs), tmp_path / "run", batch_size=asked, **SMALL)
    assert memory["failed"] == tried
    assert not (tmp_path / "run").exists()


def test_other_errors_of_a_first_step_are_raised(photographs, memory, tmp_path):
    memory["error"] = RuntimeError("something else")
    with pytest.raises(RuntimeError, match="something else"):
        train("vae", str(photographs), tmp_path / "run", **SMALL)
    assert memory["failed"] == [16] and not (tmp_path / "run").exists()


def test_memory_that_fills_later_ends_the_training(photographs, tmp_path, monkeypatch):
    """After a step has fitted, it is not the batch that is too large."""

    def fill(self, model):
        raise FULL[0]

    monkeypatch.setattr("gentut.runs.record.Recorder.record", fill)
    with pytest.raises(type(FULL[0]), match="OOM when allocating"):
        train("vae", str(photographs), tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()


def test_a_run_that_goes_on_keeps_its_batch(photographs, memory, tmp_path):
    memory["most"] = 100
    train("vae", str(photographs), tmp_path / "run", **SMALL)
    assert load_newest(tmp_path / "run" / "checkpoints", print)
    memory["most"] = 5
    with pytest.raises(type(FULL[0]), match="OOM when allocating"):
        runs.resume(tmp_path / "run", epochs=2)
    assert memory["failed"] == [16]
    assert runs.RunFolder(tmp_path / "run").read_config().batch_size == 16


# ------------------------------------------------------------------ no family named


def test_the_budget_chooses_where_no_family_is_named(monkeypatch):
    """Glyphs have 16,210 training letters: 10 epochs show 162,100, 20 show 324,200."""
    family, why = runs.default_family(epochs=10)
    assert family == "vae" and why == (
        "--epochs 10 shows it about 160,000 images of 28×28, and below 250,000 its pictures were"
        " nearer to real ones than the GAN's (docs/guide/results.md)"
    )
    family, why = runs.default_family(epochs=20)
    assert family == "gan" and "about 320,000 images of 28×28, and from 250,000 on its" in why
    for size in (32, 64, 128, 256):
        assert runs.default_family(data="emoji", size=size, minutes=0.1)[0] == "vae"
        assert runs.default_family(data="emoji", size=size, minutes=2_000)[0] == "gan"
    monkeypatch.setattr("gentut.runs.default.device", lambda: "GPU")
    assert runs.default_family(size=256, minutes=1)[0] == "gan"
    with pytest.raises(ValueError, match="`size` must halve evenly"):
        runs.default_family(size=30)


def test_train_without_a_family_says_which_and_why(photographs, tmp_path, capsys):
    words = ["train", "--data", photographs, "--size", 16, "--channels", 1, "--epochs", 1]
    assert cli.main([*map(str, words), "--out", str(tmp_path / "run")]) == 0
    assert runs.RunFolder(tmp_path / "run").read_config().family == "vae"
    told = [line for line in capsys.readouterr().err.splitlines() if "no family" in line]
    assert told == [
        "vae, as no family was named: --epochs 1 shows it about 48 images of 16×16, and below"
        " 250,000 its pictures were nearer to real ones than the GAN's (docs/guide/results.md);"
        " gentut choose measures them all"
    ]
