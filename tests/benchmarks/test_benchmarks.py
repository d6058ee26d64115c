"""The training benchmark: the published recipes as their pages state them, FLOPs, the table."""

import concurrent.futures
import contextlib
import math
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny

import gentut
from gentut import metrics
from gentut.models import networks

if keras.backend.backend() != "tensorflow":
    pytest.skip("the benchmark is TensorFlow only", allow_module_level=True)
import bench_training  # noqa: E402
import calibration  # noqa: E402
import flops  # noqa: E402
import profile_steps  # noqa: E402
import published  # noqa: E402
import results  # noqa: E402
import tensorflow as tf  # noqa: E402
import trainings  # noqa: E402

SHAPE = (28, 28, 1)
RNG = np.random.default_rng(0)

# Parameters of both networks, batch size, latent dimensions, rate and betas of Adam.  The sums are
# worked out from the pages' layers by hand; keras.io prints four of them itself (VAE encoder
# 69,076 and decoder 65,089; WGAN-GP critic 4,305,409 and generator 910,660).
STATED = {
    "tf-dcgan": (2_330_944, 212_865, 256, 100, 1e-4, 0.9, 0.999),
    "tf-cvae": (41_953, 28_036, 32, 2, 1e-4, 0.9, 0.999),
    "keras-vae": (65_089, 69_076, 128, 2, 1e-3, 0.9, 0.999),
    "keras-wgan-gp": (910_660, 4_305_409, 512, 128, 2e-4, 0.5, 0.9),
    "keras-cgan": (1_491_215, 80_385, 64, 128, 3e-4, 0.9, 0.999),
}


@pytest.mark.parametrize("name", STATED)
def test_published_recipes_are_as_stated_and_train(name):
    gentut.seed(0)
    recipe = published.RECIPES[name]()
    sizes = [network.count_params() for network in recipe.networks]
    for adam in recipe.optimizers:
        facts = [float(adam.learning_rate), adam.beta_1, adam.beta_2]
        found = [*sizes, recipe.batch_size, recipe.latent_dim, *facts]
        assert found == pytest.approx(STATED[name])
    recipe.batch_size = 4  # a step of 512 images takes seconds
    images = recipe.prepare(RNG.random((4, *SHAPE), "float32"))
    labels = np.eye(10, dtype="float32")[[0, 1, 2, 3]]
    before = [w.numpy() for n in recipe.networks for w in n.trainable_variables]
    assert np.isfinite(recipe.train(images, labels).numpy())
    after = [w.numpy() for n in recipe.networks for w in n.trainable_variables]
    moved = [(a != b).any() for a, b in zip(before, after, strict=True) if a.ndim > 1]
    assert all(moved), "every kernel of both networks takes a step"
    drawn = recipe.sample(3, np.array([0, 1, 2]), seed=1)
    assert drawn.shape == (3, *SHAPE) and drawn.min() >= 0 and drawn.max() <= 1
    np.testing.assert_array_equal(drawn, recipe.sample(3, np.array([0, 1, 2]), seed=1))


@pytest.mark.parametrize("name", published.RECIPES)
def test_published_recipes_take_colour(name):
    recipe = published.RECIPES[name]((32, 32, 3), 9)
    recipe.batch_size = 2
    images = RNG.random((2, 32, 32, 3), "float32")
    labels = np.eye(9, dtype="float32")[[0, 8]]
    assert np.isfinite(recipe.train(recipe.prepare(images), labels).numpy())
    assert recipe.sample(3, np.array([0, 1, 2])).shape == (3, 32, 32, 3)


def test_a_budget_of_the_cpu_stands_still_while_the_process_sleeps():
    clock = trainings.CLOCKS["cpu"](minutes=1)
    clock.on_train_batch_end(0)
    time.sleep(0.3)
    assert clock.share() < 0.1 / 60


def test_a_density_becomes_the_probability_of_bytes():
    """A value under N(v, σ²) has the bin [v − ½/255, v + ½/255]: for wide σ, density / 255."""
    model = types.SimpleNamespace(likelihood="gaussian", image_shape=(2, 1, 1))
    sigma = 0.3
    inside = math.erf(0.5 / 255 / sigma / math.sqrt(2))  # of the bin around the mean
    density = -math.log(sigma * math.sqrt(2 * math.pi))
    assert 2 * density - trainings.of_bytes(model) == pytest.approx(2 * math.log(inside), abs=1e-4)


def test_published_bounds_agree_with_each_other_and_with_log_two():
    """With all weights zero q(z|x) = N(0, I) and p = ½: both bounds are −784 log 2."""
    for name in ("tf-cvae", "keras-vae"):
        recipe = published.RECIPES[name]()
        for network in recipe.networks:
            network.set_weights([0 * w for w in network.get_weights()])
        images = (RNG.random((5, *SHAPE)) > 0.5).astype("float32")
        expected = np.full(5, -784 * np.log(2))
        np.testing.assert_allclose(recipe.elbo(images), expected, rtol=1e-6)
        np.testing.assert_allclose(recipe.training_bound(images), expected, rtol=1e-6)


def test_the_cvae_estimates_the_divergence_that_it_could_compute():
    """The mean over draws of the KL from the draw is the KL in closed form."""
    gentut.seed(1)
    recipe = published.RECIPES["tf-cvae"]()
    encoder = recipe.networks[1]
    encoder.layers[-1].bias.assign([0.5, -0.3, 0.4, -0.8])
    images = np.repeat((RNG.random((1, *SHAPE)) > 0.5).astype("float32"), 800, axis=0)
    estimated = recipe.training_bound(images).numpy()
    exact = recipe.bound(images).numpy()
    error = np.sqrt((estimated.var() + exact.var()) / len(images))
    assert abs(estimated.mean() - exact.mean()) < 4 * error
    assert error < 0.2


# ---------------------------------------------------------------- FLOPs


def small_gan(**settings):
    return gentut.GAN(
        networks.generator((16, 16, 1), latent_dim=3, filters=(5,)),
        networks.discriminator((16, 16, 1), filters=(2, 6)),
        **settings,
    )


def small_vae():
    return gentut.VAE(
        networks.encoder((16, 16, 1), latent_dim=2, filters=(3,), units=7),
        networks.decoder((16, 16, 1), latent_dim=2, filters=(3,), units=7),
    )


def test_layers_are_counted_as_on_paper():
    gan = small_gan()
    # Generator: dense 3 → 8·8·5; transposed convolution 4×4 from 8×8×5, stride 2, to one channel.
    assert [flops.layer_flops(x) for x in gan.generator.layers if flops.layer_flops(x)] == [
        2 * 3 * 320,
        2 * (4 * 4) * (8 * 8) * 5,
    ]
    # Discriminator: 16×16×1 → 8×8×2 → 4×4×6 by 4×4 kernels, dense 96 → 1.
    assert flops.network_cost(gan.discriminator) == (4096 + 6144 + 192, 4096, 192)


def test_a_layer_that_nobody_counts_is_refused():
    with pytest.raises(TypeError, match="`layer` must be of a kind that is counted; received"):
        flops.network_cost(keras.Sequential([keras.Input((4, 4)), keras.layers.Conv1D(2, 3)]))


def test_training_steps_are_counted_as_on_paper():
    # Generator 1920 + 10240, first layer 1920.  Discriminator 10432, first 4096, last 192.
    fused = small_gan(fused=True, penalties={"r1": 1.0}, penalty_interval=4)
    made = 12160 + 2 * 12160 - 1920  # forward; backward but for the latents
    judged = 10432 + 2 * 10432 - 4096  # forward; backward but for the image
    penalty = 4 * 10432 - 2 * 192
    assert flops.training_flops(fused) == made + 2 * judged + 4096 + penalty / 4
    plain = small_gan(loss="wasserstein", critic_steps=5, penalties={"gradient_penalty": 10.0})
    generator_turn = made + 2 * 10432  # forward through the discriminator and back to the image
    assert flops.training_flops(plain) == 12160 + 2 * judged + penalty + generator_turn / 5
    # 4×4 kernels at 64 places to 3 channels; dense 192 → 7 → 4; 2 → 7 → 192; 64 places, 3 → 1.
    encoder, decoder = 2 * (3072 + 1344 + 28), 2 * (14 + 1344 + 3072)
    assert flops.training_flops(small_vae()) == 3 * encoder - 2 * 3072 + 3 * decoder
    # Forward, back to the weights and back to the inputs: three times the network.
    flow = gentut.build("flow", (28, 28, 1))
    assert flops.training_flops(flow) == 3 * flops.network_cost(flow.velocity).forward
    latent = gentut.build("latent_flow", (28, 28, 1))
    coded = flops.network_cost(latent.vae.encoder).forward
    moved = 3 * flops.network_cost(latent.velocity).forward
    assert flops.training_flops(latent) == (
        flops.training_flops(latent.vae) + coded + latent.draws * moved
    )
    # A quarter of the steps the VAE alone, three quarters the flow on codes that stand still.
    latent.vae_first = 0.25
    assert flops.training_flops(latent) == pytest.approx(
        flops.training_flops(latent.vae) / 4 + 0.75 * (coded + latent.draws * moved)
    )
    with pytest.raises(TypeError, match="a GAN, a VAE or a flow; received PCAMixture"):
        flops.training_flops(gentut.build("gaussian", SHAPE))


MATRIX_OPS = ("MatMul", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")


def executed(function, *inputs):
    """FLOPs of the matrix operations that TensorFlow runs for a function's outputs and updates."""
    graph = tf.function(function).get_concrete_function(*inputs).graph
    seen, todo, total = set(), [*graph.control_outputs, *(t.op for t in graph.outputs)], 0
    while todo:
        op = todo.pop()
        if op in seen:
            continue
        seen.add(op)
        todo += [*op.control_inputs, *(t.op for t in op.inputs)]
        if op.type == "MatMul":
            inner = op.inputs[0].shape[0 if op.get_attr("transpose_a") else 1]
            total += 2 * np.prod(op.outputs[0].shape) * inner
        elif op.type in MATRIX_OPS:
            small = {"Conv2D": op.outputs[0], "Conv2DBackpropInput": op.inputs[-1]}
            small = small.get(op.type, op.inputs[-1]).shape  # the side with the smaller images
            kernel = op.outputs[0].shape if op.type.endswith("Filter") else op.inputs[1].shape
            total += 2 * np.prod(small[:3]) * np.prod(kernel)
    return total


def test_the_count_is_what_tensorflow_executes():
    """The graphs of both models, operation by operation: an account that shares no code."""
    images = tf.constant(RNG.random((9, 16, 16, 1), "float32"))
    progress = tf.constant(0.5)
    gan = small_gan(penalties={"r1": 1.0}, fused=True)
    gan.compile()
    # Beyond need, TensorFlow takes the first layer's gradient for the real half too, and carries
    # the second derivative of the leaky rectifier, which is zero, back through the penalty's pass.
    cost = flops.network_cost(gan.discriminator)
    zeros = cost.backward() - 2 * cost.last
    needed = flops.training_flops(gan) + cost.first + zeros
    assert executed(lambda x: gan.update(x, None, progress), images) == 9 * needed
    vae = small_vae()
    vae.compile()
    needed = flops.training_flops(vae)
    assert executed(lambda x: vae.update(x, None, progress), images) == 9 * needed


@pytest.mark.parametrize("name", published.RECIPES)
def test_so_is_the_count_of_the_published_recipes(name):
    recipe = published.RECIPES[name]()
    images, labels = tf.zeros((recipe.batch_size, 28, 28, 1)), tf.eye(recipe.batch_size, 10)
    more = executed(recipe.train, images, labels) / recipe.batch_size - flops.published_flops(
        recipe
    )
    if name == "keras-wgan-gp":  # the second derivative, zero, goes back through each penalty
        critic = flops.network_cost(recipe.networks[1])
        assert critic.backward() - 4 * critic.last <= more / recipe.critic_steps
        assert more / recipe.critic_steps <= critic.backward()
    else:
        assert more == 0


# ---------------------------------------------------------------- the log and the table


def row(recipe, seed, distance, mark=60, code="a", **facts):
    return {
        "data": "mnist",
        "run": recipe,
        "recipe": recipe,
        "seed": seed,
        "mark": mark,
        "code": code,
        "seconds": mark * 1.01,
        "images_per_second": 1234.0,
        "parameters": [250_000, 170_000],
        "elbo": None,
        "page": None,
        "machine": "2 CPU cores",
        "matmul_rate": 2e11,
        "n_real": 10_000,
        "date": "2026-08-01",
        "command": "python …",
        "conditional": False,
        "features": "judge",
        "n_generated": 10_000,
        "nearest_k": 5,
        "n_coverage": 5_000,
        "coverage": 0.5,
        "frechet_distance": distance,
        **facts,
    }


def test_the_table_gives_mean_and_deviation_and_the_multiple_of_the_floor():
    rows = [row("gan", seed, distance) for seed, distance in enumerate((1.0, 2.0, 3.0))]
    rows += [row("real", 0, 0.5, mark=0, images_per_second=None, parameters=[])]
    lines = results.table(rows).splitlines()
    assert lines[2] == "| real | — | — | — | 0.500 | 1.00 | 0.500 | — | 0 |"
    assert lines[3] == (
        "| gan | 60 | 0.25 M + 0.17 M | 1,234 | 2.00 ± 1.00 | 4.00 | 0.500 ± 0.000 | — | 0, 1, 2 |"
    )
    assert "up to 1.0 % beyond the budget" in results.table(rows)


def test_the_table_shows_runs_that_broke_and_leaves_out_other_code():
    rows = [row("gan", 0, 9.0, code="old"), row("gan", 0, 1.0), row("gan", 1, None, coverage=None)]
    text = results.table(rows)
    assert "| 1.00 | — | 0.500 | — | 0, 1 (1 not finite) |" in text
    assert "1 rows of other code or of repeated runs are left out" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0826, "0.0826"),
        (0.9996, "1.00"),
        (4.724, "4.72"),
        (99.96, "100"),
        (801.2, "801"),
        (2093.4, "2,090"),
        (-79.66, "−79.7"),
        (0, "0"),
    ],
)
def test_numbers_have_three_significant_digits(value, text):
    assert results.digits(value) == text


def test_a_log_is_continued_where_it_was_left(tmp_path, monkeypatch):
    started, stop = [], ("tf-cvae", 1, 3)

    def start(bench, name, seed, marks):
        started.append((name, seed, tuple(marks)))
        for mark in marks:
            if (name, seed, mark) == stop:
                raise KeyboardInterrupt
            yield {"recipe": name, "mark": mark, "conditional": False}, np.zeros((2, *SHAPE))

    class Bench:
        name, num_classes, clock = "mnist", 10, trainings.CLOCKS["wall"]

        def score(self, images):
            return {"frechet_distance": 1.0, "coverage": 0.5}

    monkeypatch.setattr(bench_training, "start", start)
    monkeypatch.setattr(flops, "matmul_rate", lambda: 1e11)
    log = tmp_path / "log.jsonl"

    def go():
        rows = results.read(log)
        bench_training.benchmark(
            Bench(),
            ["gan", "tf-cvae"],
            [0, 1],
            [2, 3],
            rows,
            keep=lambda rows: results.write_log(log, rows),
        )

    monkeypatch.setattr(sys, "argv", ["bench_training.py", "--seconds", "2", "3"])
    with pytest.raises(KeyboardInterrupt):
        go()
    assert started[-1] == ("tf-cvae", 1, (2, 3)) and len(results.read(log)) == 7
    started, stop = [], None
    go()
    assert started == [("tf-cvae", 1, (3,))] and len(results.read(log)) == 8
    monkeypatch.setattr(bench_training, "code_digest", lambda name: "changed")
    go()
    assert len(results.read(log)) == 16, "other code: everything again"


def test_a_changed_recipe_is_other_code_for_its_own_family_alone(monkeypatch):
    def digests():
        return {name: bench_training.code_digest(name) for name in bench_training.NAMES}

    before = digests()
    assert len(set(before.values())) > 5
    monkeypatch.setitem(gentut.models.recipes.RECIPES["vae"], "latent_dim", 3)
    after = digests()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"vae", "vae-conditional", "vae-binary", "vae-gaussian"}


def test_every_run_has_a_process_of_its_own_and_a_done_one_none(tmp_path, monkeypatch):
    log, asked = tmp_path / "log.jsonl", []

    class Pool(contextlib.nullcontext):
        """Says what it is asked for, and writes the rows at once."""

        def __init__(self, workers, mp_context, initializer):
            assert workers == 1 and mp_context.get_start_method() == "spawn"
            assert initializer is bench_training.orphans.end_with_parent
            super().__init__(self)

        def submit(self, function, options, name, seed, marks, *_):
            assert function is bench_training.run_alone
            asked.append((name, seed, marks))
            row = {
                "data": options.data,
                "run": name,
                "seed": seed,
                "code": bench_training.code_digest(name),
            }
            results.write_log(log, [*results.read(log), *({**row, "mark": m} for m in marks)])
            return types.SimpleNamespace(result=lambda: None)

    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", Pool)
    options = types.SimpleNamespace(
        data="glyphs", recipes=["real", "gan", "tf-cvae"], seeds=[0, 1], grids=None
    )
    bench_training.each_in_its_own_process(options, log, [2, 3])
    assert asked == [
        (name, seed, marks)
        for seed in (0, 1)
        for name, marks in (("real", [0]), ("gan", [2]), ("gan", [3]), ("tf-cvae", [2, 3]))
    ]
    asked.clear()
    bench_training.each_in_its_own_process(options, log, [2, 3])
    assert not asked


PARENT = """
import multiprocessing, os, time, orphans

def work():
    orphans.end_with_parent()
    print("begun", os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    time.sleep(60)
"""


def test_a_killed_benchmark_leaves_no_process_behind(tmp_path):
    """Its output stays open as long as any process that inherited it lives."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    folder = str(Path(bench_training.__file__).parent)
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": folder}
    )
    assert parent.stdout.readline().startswith(b"begun")
    parent.kill()
    assert parent.communicate(timeout=30) == (b"", None)


def test_a_broken_log_is_refused(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"run": "gan"}\n{"run": ')
    with pytest.raises(ValueError, match=r"log.jsonl` must hold one JSON object a line; line 2"):
        results.read(log)


# ---------------------------------------------------------------- the script for a GPU


def test_the_gpu_script_runs_on_any_device_and_goes_on(tmp_path, monkeypatch, capsys):
    import gpu

    monkeypatch.setattr(gpu, "matrix_rate", lambda policy: 1e12)
    folder = tiny.make_photographs(tmp_path / "photographs", train=60, test=20, size=28)
    words = ["--data", str(folder), "--families", "vae", "--minutes", "0.002", "--probe", "0.05"]
    words += ["--log", str(tmp_path / "log"), "--out", str(tmp_path / "out.md")]
    gpu.main([*words, "--policies", "float32"])
    gpu.main(words)
    rows = gpu.results.read(tmp_path / "log")
    assert [row["precision"] for row in rows] == ["float32", "mixed_bfloat16"]
    assert all(0 < row["share of matrix product"] < 100 for row in rows)
    assert keras.config.dtype_policy().name == "float32"
    text = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert text.count("| photographs | vae |") == 2
    assert "No GPU is here" in capsys.readouterr().err


# Calibration --------------------------------------------------------------------------------------


def test_coverage_counts_intervals_that_hold_the_mean_over_draws(monkeypatch):
    """Families of eight alike: by family the interval holds the mean, by letter hardly ever."""

    def intervals(world, seed, by_source):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.normal(size=50), 8) + 0.01 * rng.normal(size=400)
        sources = np.repeat(np.arange(50), 8)
        return {"mean": metrics.mean_interval(values, sources if by_source else None)}

    monkeypatch.setattr(calibration, "intervals", intervals)
    (row,) = calibration.calibrate(None, draws=300)
    assert abs(row["truth"]) < 0.03 and row["scatter"] == pytest.approx(50**-0.5, rel=0.15)
    assert row["error by families"] == pytest.approx(row["scatter"], rel=0.15)
    assert row["error by letters"] == pytest.approx(row["scatter"] / 8**0.5, rel=0.15)
    assert 0.92 <= row["coverage by families"] <= 0.98 and row["coverage by letters"] < 0.65
    text = calibration.page([row], 300, 60.0)
    assert "(outside" not in text and f"{100 * row['coverage by families']:.1f} %" in text
    row["coverage by families"] = 0.99
    assert "99.0 % (outside 92 to 98 %)" in calibration.page([row], 300, 60.0)
    again = calibration.renewed(text, [row], 300, 120.0)
    assert "99.0 %" in again and again.count("\n| mean |") == 1 and "\n1 minutes." in again
    assert again.endswith("Made again since, from the same draws: mean; 2 minutes.\n")
    assert calibration.renewed(again, [row], 300, 120.0) == again
    with pytest.raises(SystemExit, match="not of 20 draws"):
        calibration.renewed(text, [row], 20, 60.0)


def test_neighbours_are_the_intervals_of_whole_draws():
    """The scores made anew are those that a whole run of the same draws gives."""

    class Few:
        def draw(self, seed):
            rng = np.random.default_rng(seed)
            real, other, gan = rng.normal(size=(3, 120, 2))
            sources = np.repeat(np.arange(24), 5)
            return {"real": real, "other": other, "gan-glyphs": gan} | {
                "sources": sources,
                "other_sources": sources,
            }

    alone = calibration.neighbours(Few(), 3, True)
    whole = calibration.of_sets(calibration.distances, Few().draw(3), 3, True)
    assert len(alone) == 8 and all(whole[name] == found for name, found in alone.items())
    covered, precise = alone["coverage"], alone["precision"]
    assert covered.high - covered.value != pytest.approx(covered.value - covered.low)
    assert precise.high - precise.value == pytest.approx(precise.value - precise.low)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("while/vae/conv/_MklNativeConv2DBackpropFilterWithBias", "gradient of weights"),
        ("gradient_tape/conv/Conv2DBackpropInput", "gradient of input"),
        ("decoder/conv/_MklNativeFusedConv2D", "convolution"),
        ("transformer/dense/_MklFusedMatMul", "matrix product"),
        ("while/muon/_MklMatMul", "optimizer"),
        ("adam/Mul", "optimizer"),
        ("muonic/Mul", "element by element"),
        ("bias/BiasAddGrad", "sums over pixels"),
    ],
)
def test_operations_are_of_a_kind_by_name_and_place(name, kind):
    assert profile_steps.kind_of(*name.rsplit("/", 1)).endswith(kind)


def test_a_profile_counts_operations_alone_and_all_of_them():
    images = np.zeros((64, 28, 28, 1), "uint8")
    found, seconds = profile_steps.profiled("vae", images, steps=2)
    assert found["matrix product"] > 0 and found["convolution, gradient of weights"] > 0
    # Calls that hold the operations would count everything again; two threads may work at once.
    assert 0 < sum(found.values()) < 2 * seconds
