"""Train families on one device and on several, in a process of its own; print what differs.

    python tests/several_devices.py 2 gan vae flow      # one line each: family, difference
    python tests/several_devices.py speed 2 gan vae     # images per second of the recipes

Devices have to be set before a backend begins to compute, so no test process can do it.
Differences are those of float64.  In float32 sums in another order differ in the seventh digit;
where that turns a ReLU or the sign of a gradient near zero, Adam moves a weight by its whole rate,
here 1e-3.
"""

import os
import sys

if "speed" not in sys.argv:
    os.environ["JAX_ENABLE_X64"] = "1"
import gentut  # before TensorFlow

# isort: split
import keras
import numpy as np
import pytest
import tiny
from keras import ops

from gentut.models import recipes
from gentut.training.step import StepModel

BATCH, STEPS, CLASSES = 40, 20, 4
# What has to be the same on every device beside the gradients: labels, noise, lazy penalties, batch
# statistics, several critic steps, a limit on the mean of the batch, transforms.
SETTINGS = {
    "gan": {"penalty_interval": 2, "augment": ("colour",)},
    "wgan": {},
    "vae": {"free_bits": 0.05},
}


def float64(check):
    """`StepModel.check`, but images stay in double precision."""

    def checked(model, images, labels=None):
        images, labels = check(model, images, labels)
        return images.astype("float64"), labels

    return checked


def double_statistics(patch):
    """Batch normalisation in double precision: with JAX, Keras takes float32 for float64 there."""
    patch.setattr(keras.src.backend, "result_type", lambda *types: "float64")


def trained(family):
    """All weights after some steps, those of optimizers and averages too."""
    rng = np.random.default_rng(0)
    images = rng.random((2 * BATCH, 28, 28, 1), "float32")
    labels = np.arange(2 * BATCH) % CLASSES
    gentut.seed(0)
    model = gentut.build(family, (28, 28, 1), CLASSES)
    model.fit(images, labels, epochs=STEPS // 2, batch_size=BATCH, seed=1, verbose=0)
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == STEPS
    return [ops.convert_to_numpy(v) for v in model.variables]


def speed(count, families, seconds=8):
    """Print the images per second of whole recipes, on one device and on several."""
    images, labels = gentut.data.load("glyphs", "train")
    gentut.use_devices(count)
    for family in families:
        for devices in (1, count):
            gentut.use_devices(devices)
            model = gentut.build(family, images.shape[1:], 10)
            clock = gentut.callbacks.TimeBudget(minutes=seconds / 60)
            pace = Pace()
            model.fit(images, labels, callbacks=[clock, pace], seed=0, verbose=0)
            rate = pace.steps * model.default_batch_size / clock.seconds
            print(f"{family}, {devices} device{'s' * (devices > 1)}: {rate:,.0f} images/s")


class Pace(keras.callbacks.Callback):
    """Counts the steps after the first call, which starts the clock."""

    def on_train_batch_end(self, batch, logs=None):
        done = int(ops.convert_to_numpy(self.model.optimizer.iterations))
        self.first = getattr(self, "first", done)
        self.steps = done - self.first


def main(count, families):
    keras.config.set_floatx("float64")
    StepModel.check = float64(StepModel.check)
    patch = pytest.MonkeyPatch()  # for the rest of this process
    double_statistics(patch)
    tiny.shrink_recipes(patch)
    for family in families:
        recipes.RECIPES[family].setdefault("model", {}).update(SETTINGS.get(family, {}))
    gentut.use_devices(count)
    for family in families:
        gentut.use_devices(1)
        alone = trained(family)
        assert gentut.use_devices(count) == count
        together = trained(family)
        apart = max(
            float(np.abs(a.astype("float64") - b).max())
            for a, b in zip(alone, together, strict=True)
            if a.size
        )
        print(family, apart)


if __name__ == "__main__":
    if sys.argv[1] == "speed":
        speed(int(sys.argv[2]), sys.argv[3:])
    else:
        main(int(sys.argv[1]), sys.argv[2:])
