"""The runs of the training benchmark: each yields rows of facts with the images to be scored."""

import time
from typing import NamedTuple

import gentut  # before TensorFlow: it sets the kernels that both sides use

# isort: split
import keras
import numpy as np
import published
from published.base import one_hot

from gentut import metrics
from gentut.evaluation.reference import NEIGHBOURS, PRDC_LIMIT, ReferenceSet
from gentut.models import recipes

GENERATED = {"emoji": 2_000, "others": 10_000}  # the emoji of the test are 844


class Ours(NamedTuple):
    """One of our recipes: a family of `gentut.build`, per class or not, on grey or thresholded
    images, with another likelihood than the family's own or that."""

    family: str
    conditional: bool = False
    binary: bool = False
    likelihood: str | None = None


TRAINED = {
    name: Ours(family, name.endswith("-conditional"))
    for family in recipes.FAMILIES
    if family not in ("gaussian", "mixture", "text_flow")
    for name in (family, f"{family}-conditional")
} | {"vae-binary": Ours("vae", binary=True), "vae-gaussian": Ours("vae", likelihood="gaussian")}


class CpuBudget(gentut.callbacks.TimeBudget):
    """A budget that counts what all cores worked: it holds on a machine that others use, too."""

    now = staticmethod(time.process_time)


CLOCKS = {"wall": gentut.callbacks.TimeBudget, "cpu": CpuBudget}


class Bench:
    """Images, judge and settings of one benchmark."""

    def __init__(self, name, generated=None, clock="wall"):
        self.name, self.clock = name, CLOCKS[clock]
        self.generated = generated or GENERATED.get(name, GENERATED["others"])
        self.reference = ReferenceSet(name)
        self.images, self.labels = self.reference.train, self.reference.train_labels
        self.num_classes = self.reference.num_classes

    def binary(self, images):
        """Grey images thresholded at 0.5; colour as it is, of which that would leave eight."""
        return (images > 0.5).astype("float32") if images.shape[-1] == 1 else images

    def training_images(self, binary):
        return self.binary(self.images) if binary else self.images

    def class_labels(self):
        return self.reference.labels(self.generated)

    def score(self, images):
        """Distance and coverage of generated images; None where they are not finite."""
        counts = {
            "features": self.reference.extractor.name,
            "n_generated": len(images),
            "n_real": len(self.reference.test),
            "nearest_k": NEIGHBOURS,
            "n_coverage": PRDC_LIMIT,
        }
        if not np.isfinite(images).all():
            return {"frechet_distance": None, "coverage": None, **counts}
        codes, real = self.reference.extractor(images), self.reference.test_features
        neighbours = metrics.precision_recall_density_coverage(
            real[:PRDC_LIMIT], codes[:PRDC_LIMIT], nearest_k=NEIGHBOURS
        )
        return {
            "frechet_distance": metrics.frechet_distance(real, codes),
            **{key: float(value) for key, value in neighbours.items()},
            **counts,
        }


def run_reference(bench, name, seed):
    """What needs no clock: real images, noise, and densities in closed form or by EM."""
    rng = np.random.default_rng(seed)
    shape = bench.images.shape[1:]
    facts = {"recipe": name, "conditional": name.endswith("-conditional")}
    if name == "real":
        count = min(bench.generated, len(bench.images))
        yield facts, bench.images[rng.choice(len(bench.images), count, replace=False)]
    elif name == "noise":
        yield facts, rng.random((bench.generated, *shape), "float32")
    else:
        model = gentut.build(name.removesuffix("-conditional"), shape, bench.num_classes)
        start = time.perf_counter()
        model.fit(bench.images, bench.labels, seed=seed)
        facts |= {"seconds": time.perf_counter() - start, "parameters": [model.count_params()]}
        yield facts, model.sample(bench.generated, bench.class_labels(), seed=seed)


class Meter(keras.callbacks.Callback):
    """Steps that `fit` took while the clock of the `TimeBudget` before it ran."""

    first = None

    def on_train_batch_end(self, batch, logs=None):
        if self.first is None:  # the clock starts here too
            self.first = int(self.model.optimizer.iterations)

    def on_train_end(self, logs=None):
        self.steps = int(self.model.optimizer.iterations) - self.first


def fit(bench, recipe, seconds, seed):
    """Train one of our recipes; return the model, the counted seconds and images per second."""
    gentut.seed(seed)
    classes = bench.num_classes if recipe.conditional else None
    changes = {} if recipe.likelihood is None else {"likelihood": recipe.likelihood}
    model = gentut.build(recipe.family, bench.images.shape[1:], classes, **changes)
    clock, meter = bench.clock(minutes=seconds / 60), Meter()
    images = bench.training_images(recipe.binary)
    labels = bench.labels if recipe.conditional else None
    model.fit(images, labels, callbacks=[clock, meter], verbose=0)
    return model, clock.seconds, meter.steps * model.default_batch_size / clock.seconds


def run_ours(bench, name, seconds, seed):
    """Train one of our recipes for one budget; a VAE gives a second row with a fitted prior."""
    recipe = TRAINED[name]
    model, spent, rate = fit(bench, recipe, seconds, seed)
    networks = [
        getattr(model, role).count_params()
        for role in ("velocity", "generator", "decoder", "discriminator", "encoder")
        if hasattr(model, role)
    ]
    labels = bench.class_labels() if recipe.conditional else None
    facts = {
        "recipe": name,
        "conditional": recipe.conditional,
        "seconds": spent,
        "images_per_second": rate,
        "parameters": networks,
    }
    if hasattr(model, "elbo"):
        test_labels = bench.reference.test_labels if recipe.conditional else None
        bounds = model.elbo(bench.binary(bench.reference.test), test_labels, seed=seed)
        facts["elbo"] = float(bounds.mean()) - of_bytes(model)
    yield facts, model.sample(bench.generated, labels, seed=seed)
    if hasattr(model, "fit_prior"):
        start = time.perf_counter()
        model.fit_prior(
            bench.training_images(recipe.binary),
            bench.labels if recipe.conditional else None,
            seed=seed,
        )
        spent_on_prior = {"fit_prior_seconds": time.perf_counter() - start}
        yield (
            facts | {"recipe": f"{name}, fitted prior"} | spent_on_prior,
            model.sample(bench.generated, labels, seed=seed),
        )


def of_bytes(model):
    """What turns the Gaussian's log density into the log probability of an image of bytes.

    A value of 256 has the density times the width of its bin, 1/255: the learned σ is far wider.
    """
    density = model.likelihood == "gaussian"
    return density * np.prod(model.image_shape) * np.log(255)


def batches(images, labels, size, seed):
    """Endless shuffled batches; what fills no batch at the end of a pass is left out."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(images))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            yield images[rows], labels[rows]


def train_published(bench, name, marks, seed):
    """Train a published recipe once: it, the mark, seconds and images per second at each mark."""
    gentut.seed(seed)
    recipe = published.RECIPES[name](bench.images.shape[1:], bench.num_classes)
    images = recipe.prepare(bench.training_images(recipe.binary))
    stream = batches(images, one_hot(bench.labels, bench.num_classes), recipe.batch_size, seed)
    loss = recipe.step(*next(stream))  # traces the graph: not counted
    steps, seconds = 0, 0.0
    for mark in marks:
        start = bench.clock.now() - seconds
        while bench.clock.now() - start < mark:
            loss = recipe.step(*next(stream))
            steps += 1
        float(loss)  # a GPU may lag behind: wait for it
        seconds = bench.clock.now() - start
        yield recipe, mark, seconds, steps * recipe.batch_size / seconds


def run_published(bench, name, marks, seed):
    """Train a published recipe once; a row when the clock reaches each of the marks."""
    for recipe, mark, seconds, rate in train_published(bench, name, marks, seed):
        facts = {
            "recipe": name,
            "mark": mark,
            "conditional": recipe.conditional,
            "seconds": seconds,
            "images_per_second": rate,
            "parameters": [network.count_params() for network in recipe.networks],
            "page": recipe.page,
        }
        if hasattr(recipe, "elbo") and bench.images.shape[-1] == 1:  # of colour it is no likelihood
            facts["elbo"] = float(recipe.elbo(bench.binary(bench.reference.test)).mean())
        yield facts, recipe.sample(bench.generated, bench.class_labels(), seed)
