"""Images that need not fit into memory: bytes and memory maps train, and samples stream, alike."""

import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from tiny import fit_eagerly, shrink_recipes

import gentut
from gentut import checks
from gentut.evaluation import evaluate
from gentut.evaluation.reference import ReferenceSet
from gentut.models import components, solvers
from gentut.models.recipes import build
from gentut.training import kernels, slices
from gentut.training.batches import Batches

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (60, 28, 28, 1), dtype="uint8")
FLOATS = BYTES.astype("float32") / np.float32(255)
LABELS = (np.arange(60) % 3).astype("int32")
TENSORFLOW = keras.backend.backend() == "tensorflow"


@pytest.fixture
def mapped(tmp_path):
    """The bytes as a memory map of a file."""
    np.save(tmp_path / "images.npy", BYTES)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.fixture
def tiny(monkeypatch):
    shrink_recipes(monkeypatch)


# ------------------------------------------------------------------ bytes to floats


def test_bytes_become_floats_with_the_bits_of_a_division():
    every = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    expected = np.array([k / 255 for k in range(256)], "float32")  # in double, rounded once
    found = ops.convert_to_numpy(kernels.pixels_to_float(ops.convert_to_tensor(every)))
    np.testing.assert_array_equal(found.ravel(), expected)
    np.testing.assert_array_equal(checks.as_float(every).ravel(), expected)


def test_pixels_are_checked_without_a_copy(mapped):
    assert checks.check_pixels(BYTES) is BYTES
    assert checks.check_pixels(FLOATS) is FLOATS
    assert checks.check_pixels(mapped) is mapped
    np.testing.assert_array_equal(checks.check_images(mapped), FLOATS)


def test_floats_out_of_range_are_found_in_any_part(monkeypatch):
    monkeypatch.setattr(checks.parts, "__defaults__", (10 * FLOATS[0].nbytes,))
    for row in (0, 35, 59):
        for value in (1.5, -0.5, np.nan):
            wrong = FLOATS.copy()
            wrong[row, 3, 4, 0] = value
            with pytest.raises(ValueError, match=r"must lie in \[0, 1\] without NaN"):
                checks.check_images(wrong)


def test_parts_of_an_array_are_all_of_it_in_order():
    cut = list(checks.parts(BYTES, most=7 * BYTES[0].nbytes))
    assert [len(part) for part in cut] == [7] * 8 + [4]
    np.testing.assert_array_equal(np.concatenate(cut), BYTES)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells it")
def test_pages_of_a_map_are_let_go_of_and_come_back(tmp_path):
    """What the process holds of the file falls to nothing; what it reads afterwards is the same."""

    def resident():
        blocks = Path("/proc/self/smaps").read_text("utf-8").split("Rss:")
        return sum(
            int(after.split()[0])
            for before, after in zip(blocks, blocks[1:], strict=False)
            if "big.npy" in before.rpartition("VmFlags")[2]
        )

    np.save(tmp_path / "big.npy", np.arange(2_000_000))
    array = np.load(tmp_path / "big.npy", mmap_mode="r")
    total = int(array.sum())
    before = resident()
    checks.let_go(array[10:])
    assert before > 15_000 and resident() == 0  # kB
    assert int(array.sum()) == total == 2_000_000 * 1_999_999 // 2
    checks.let_go(array)
    assert list(slices.take(array, np.array([1_900_000, 3]))) == [1_900_000, 3]
    assert resident() == 0  # also of a take too small to count


def test_pages_are_let_go_of_after_so_many_rows(mapped, monkeypatch):
    gone = []
    monkeypatch.setattr(slices, "let_go", gone.append)
    monkeypatch.setattr(slices, "PART", 10 * (slices.AROUND + 784))
    reading = slices.Reading(mapped, None, FLOATS)
    for rows, times in ((10, 0), (1, 1), (10, 1), (1, 2)):
        reading(rows)
        assert len(gone) == times
    assert gone[0] is mapped


def test_batches_of_a_map_are_bytes_of_the_same_rows(mapped):
    for images in (BYTES, mapped):
        batches = Batches(images, LABELS, 16, epochs=2, seed=3)
        floats = Batches(FLOATS, LABELS, 16, epochs=2, seed=3)
        for i in range(len(batches)):
            assert batches[i]["images"].dtype == np.uint8
            assert type(batches[i]["images"]) is np.ndarray
            np.testing.assert_array_equal(
                checks.as_float(batches[i]["images"]), floats[i]["images"]
            )


# ------------------------------------------------------------------ the same bits


def trained(family, images):
    gentut.seed(0)
    model = build(family, (28, 28, 1), 3)
    options = {"epochs": 2, "batch_size": 16, "verbose": 0} if model.iterative else {}
    history = model.fit(images, LABELS, seed=1, **options)
    model.finish(images, LABELS, 0)
    losses = history.history if model.iterative else {}
    arrays = [np.asarray(ops.convert_to_numpy(v)) for v in model.variables]
    arrays += list((getattr(model, "arrays", None) or getattr(model, "prior", None) or {}).values())
    return losses, arrays, model.sample(5, labels=[0, 1, 2, 0, 1], seed=0)


@pytest.mark.skipif(not TENSORFLOW, reason="equal bits are promised for TensorFlow")
@pytest.mark.parametrize("family", ["vae", "mixture"])  # others: slow/test_products
def test_bytes_train_to_the_same_bits_as_floats(tiny, mapped, family):
    assert_same_bits(family, mapped)


def assert_same_bits(family, mapped):
    losses, weights, samples = trained(family, FLOATS)
    again, others, drawn = trained(family, mapped)
    assert again == losses
    assert len(weights) == len(others) > 3
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(drawn, samples)


@pytest.mark.parametrize("family", ["gan", "latent_flow"])
def test_all_families_take_maps(tiny, mapped, family):
    """Without labels too, where the GAN finds its clusters."""
    model = build(family, (28, 28, 1))
    fit_eagerly(model, mapped, seed=0)
    model.finish(mapped)
    assert np.isfinite(model.sample(3, seed=0)).all()


def test_a_vae_sees_the_same_in_bytes(tiny):
    model = build("vae", (28, 28, 1))
    for see in (
        model.encode,
        model.reconstruct,
        model.elbo,
        lambda images: model.log_likelihood(images, samples=3, seed=0),
    ):
        for one, other in zip(see(BYTES), see(FLOATS), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_flow_sees_the_same_in_bytes(tiny):
    model = build("flow", (28, 28, 1))
    few = slice(0, 2)
    for change in (
        lambda images: model.vary(images, strength=0.5, steps=2, seed=0),
        lambda images: model.inpaint(images, np.eye(28), steps=2, repeats=1, seed=0),
        lambda images: model.invert(images, steps=1),
    ):
        np.testing.assert_array_equal(change(BYTES[few]), change(FLOATS[few]))


def test_components_of_a_set_that_is_too_large_are_those_of_a_part(monkeypatch):
    """Of images on a plane any part tells the plane; the codes are of all images, in parts."""
    corners = RNG.random((3, 28, 28, 1))
    shares = RNG.dirichlet([1, 1, 1], 60)
    images = np.tensordot(shares, corners, 1).astype("float32")
    whole = gentut.models.pca_mixture.PCAMixture((28, 28, 1), components=2, latent_dim=2)
    part = gentut.models.pca_mixture.PCAMixture((28, 28, 1), components=2, latent_dim=2)
    whole.fit(images)
    monkeypatch.setattr(components, "NUMBERS", 20 * 784)
    assert components.flat_rows(images, 0).shape == (20, 784)
    part.fit(images)
    planes = [m.arrays["axes"].T @ m.arrays["axes"] for m in (whole, part)]
    np.testing.assert_allclose(planes[0], planes[1], atol=1e-4)


# ------------------------------------------------------------------ samples that stream


class Sink:
    """Takes slices and keeps them."""

    def __init__(self):
        self.parts, self.places = [], []

    def __setitem__(self, rows, images):
        self.parts.append(images)
        self.places.append((rows.start, rows.stop))


@pytest.mark.parametrize("side, rows", [(16, 500), (32, 500), (64, 125), (256, 7), (2000, 1)])
def test_large_images_are_drawn_fewer_at_once(side, rows):
    # As many numbers in a layer as of 500 images of 32×32.
    assert slices.rows_at_once((side, side, 3)) == rows


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("gan", {}),
        ("vae", {}),
        ("mixture", {}),
        ("flow", {"steps": 2, "guidance": 2.0}),
    ],
)  # other flows: slow/test_products.py
def test_samples_go_where_they_are_asked_to(tiny, monkeypatch, tmp_path, family, options):
    assert_samples_go(monkeypatch, tmp_path, family, options)


def assert_samples_go(monkeypatch, tmp_path, family, options):
    monkeypatch.setattr(slices, "rows_at_once", lambda shape: 4)
    monkeypatch.setattr(gentut.models.pca_mixture, "DRAWN", 4 * 784)
    model = build(family, (28, 28, 1), 3)
    if not model.iterative:
        model.fit(FLOATS, LABELS)
    labels = LABELS[:10]
    expected = model.sample(10, labels=labels, seed=0, **options)
    array = np.lib.format.open_memmap(tmp_path / "drawn.npy", "w+", "float32", expected.shape)
    assert model.sample(10, labels=labels, seed=0, out=array, **options) is array
    np.testing.assert_array_equal(array, expected)
    pixels = np.empty(expected.shape, "uint8")
    model.sample(10, labels=labels, seed=0, out=pixels, **options)
    np.testing.assert_array_equal(pixels, np.floor(255 * expected + 0.5))
    sink = Sink()
    model.sample(10, labels=labels, seed=0, out=sink, **options)
    # With guidance there are two points for each image.
    rows = 2 if "guidance" in options else 4
    assert sink.places == [(i, min(i + rows, 10)) for i in range(0, 10, rows)]
    np.testing.assert_array_equal(np.concatenate(sink.parts), expected)
    wrong = np.full(expected.shape, 7.0)
    with pytest.raises(
        ValueError,
        match=r"`out` must be float32 or uint8 of shape \(10, 28, 28, 1\); received float64",
    ):
        model.sample(10, labels=labels, seed=0, out=wrong, **options)
    assert (wrong == 7).all()  # said before anything was written


@pytest.mark.parametrize("go_on", [False, True])
def test_noise_in_slices_is_noise_at_once(monkeypatch, go_on):
    monkeypatch.setattr(solvers, "AT_ONCE", 3)
    whole, parts = np.random.default_rng(5), np.random.default_rng(5)
    expected = whole.standard_normal((10, 2, 3)).astype("float32")
    noise = solvers.Noise(parts, 10, (2, 3), go_on)
    after = parts.random() if go_on else None
    found = np.concatenate([noise[slice(0, 4)], noise[slice(4, 10)]])
    np.testing.assert_array_equal(found, expected)
    assert after in (None, whole.random())
    with pytest.raises(IndexError, match="in order: 10 comes next, not 0"):
        noise[slice(0, 4)]


# ------------------------------------------------------------------ the judge


@pytest.fixture(scope="module")
def reference():
    return ReferenceSet("glyphs", limit=300, seed=4)


class Borrowed:
    """A model of somebody else's: it gives all its images at once, and knows no ``out``."""

    def __init__(self, model):
        self.model, self.num_classes = model, model.num_classes

    def sample(self, n, labels=None, seed=None):
        return self.model.sample(n, labels=labels, seed=seed)

    def count_params(self):
        return self.model.count_params()


def test_scores_of_images_that_stream_are_those_of_all_at_once(tiny, monkeypatch, reference):
    monkeypatch.setattr(gentut.models.pca_mixture, "DRAWN", 37 * 784)
    model = build("gaussian", (28, 28, 1), 10)
    model.fit(reference.train_pixels(slice(200)), reference.train_labels[:200])
    scores = [gentut.evaluate(one, n=400, reference=reference) for one in (model, Borrowed(model))]
    for found in scores:
        del found["seconds_per_1000"], found["seconds_evaluate"]
    assert scores[0] == scores[1]
    assert scores[0]["drawn"] == reference.drawn


def test_drawing_for_the_judge_needs_no_room_for_all_images(tiny, monkeypatch, reference):
    monkeypatch.setattr(gentut.models.pca_mixture, "DRAWN", 100 * 784)
    model = build("gaussian", (28, 28, 1))
    model.fit(BYTES)
    peaks = []
    for n in (1_000, 4_000):
        tracemalloc.start()
        codes, _ = evaluate._draw(model, n, None, 0, reference)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert codes.shape == (n, 128)
    assert peaks[1] - peaks[0] < 3_000 * 784 * 4 / 2


def test_the_judge_says_what_it_drew_and_draws_it_by_its_seed(reference):
    total = len(gentut.data.load("glyphs", "test")[0])
    train = len(gentut.data.load("glyphs", "train")[0])
    assert reference.drawn == (
        f"{train:,} of {train:,} train images and 300 of {total:,} test images, drawn with seed 4"
    )
    again = np.random.default_rng(4)
    again.permutation(train)
    rows = again.permutation(total)[:300]
    np.testing.assert_array_equal(reference.test, gentut.data.load("glyphs", "test")[0][rows])
    assert reference.test_pixels.dtype == np.uint8
    np.testing.assert_array_equal(reference.test_features, reference.extractor(reference.test))
    np.testing.assert_array_equal(
        reference.train_features[:500],
        reference.extractor(reference.train_pixels(slice(512)))[:500],
    )


def test_a_sink_wants_images_in_order_and_of_the_right_kind(reference):
    sink = reference.sink()
    sink[0:3] = FLOATS[:3]
    with pytest.raises(IndexError, match="images come in order: 3 is next, not 5"):
        sink[5:6] = FLOATS[:1]
    with pytest.raises(ValueError, match=r"`generated` must have shape \(n, 28, 28, 1\)"):
        sink[3:4] = FLOATS[:1, :20]
    with pytest.raises(ValueError, match=r"`generated` must lie in \[0, 1\]"):
        sink[3:4] = FLOATS[:1] + 1
    sink[3:60] = BYTES[3:]
    np.testing.assert_array_equal(sink.features(), reference.extractor(FLOATS))
