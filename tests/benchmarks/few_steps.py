"""Distil the shipped flow of letters to few steps in two ways, at equal CPU time, and compare.

    python tests/benchmarks/few_steps.py --seconds 240 --seeds 0 --out tests/benchmarks/few_steps.md

Consistency distillation (`gentut.ConsistencyFlow`, Song et al. 2023) stays in the package; reflow
(Liu et al. 2023) is here: the teacher turns noise into images for 40 % of the time, and a student
then learns the straight lines between these pairs.  Distances are to training letters, so that the
choice between the two looks at no test image.
"""

import argparse
import time

import gentut  # before TensorFlow: it sets the kernels

# isort: split
import keras
import numpy as np
from results import command
from trainings import CpuBudget

from gentut.files import write_atomically
from gentut.metrics import frechet_distance
from gentut.training.devices import environment
from gentut.training.kernels import Adam

DRAWN, STEPS = 1_000, (1, 2, 4)


class Reflow(gentut.Flow):
    """A flow that is trained on pairs: of each image the noise that the teacher made it of."""

    def update(self, images, labels, progress):
        self.set_learning_rates(progress, self.optimizer)
        noise, images = keras.ops.split(images, 2, axis=-1)
        self.noise = noise
        value = self._flow_step(images, labels, self.optimizer)
        self.trackers[0].update_state(value)
        return {"loss": self.trackers[0].result()}

    def _draws(self, points, labels, copies):
        _, _, labels = super()._draws(points, labels, copies)
        shape = (keras.ops.shape(points)[0], 1)
        return self.noise, keras.random.uniform(shape, seed=self.seed_generator), labels

    def check(self, images, labels=None):
        return images, labels  # noise and image side by side, not pixels in [0, 1]


def pairs(teacher, seconds, seed):
    """Noise beside what the teacher makes of it, ``(n, 28, 28, 2)``, and the labels."""
    rng, found, asked, start = np.random.default_rng(seed), [], [], time.process_time()
    while time.process_time() - start < seconds:
        noise = rng.standard_normal((250, 28, 28, 1)).astype("float32")
        labels = rng.integers(0, 10, 250).astype("int32")
        images = teacher.decode(noise, labels, steps=8)
        found.append(np.concatenate([noise, 2 * images - 1], axis=-1))
        asked.append(labels)
    return np.concatenate(found), np.concatenate(asked)


def student(method, teacher, images, labels, seconds, seed):
    """A distilled model after so many CPU seconds, pairs included."""
    gentut.seed(seed)
    if method == "reflow":
        images, labels = pairs(teacher, 0.4 * seconds, seed)
        network = keras.models.clone_model(teacher.velocity)
        network.set_weights(teacher.ema_velocity.get_weights())
        model, seconds = Reflow(network, ema=0.99), 0.6 * seconds
    else:
        model = gentut.ConsistencyFlow.of(teacher)
    model.compile(Adam(5e-4), constant_share=0.4)
    model.fit(images, labels, callbacks=[CpuBudget(seconds / 60)], seed=seed, verbose=0)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=240, help="CPU time of each student")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", help="write the table there too, as Markdown")
    options = parser.parse_args()
    images, labels = gentut.data.load("glyphs", "train")
    judge, teacher = gentut.features.load("glyphs"), gentut.load_pretrained("flow-glyphs")
    chosen = np.random.default_rng(0).permutation(len(images))[:2_000]
    real, asked = judge(images[chosen]), (np.arange(DRAWN) % 10).astype("int32")

    def scores(model, seed, **how):
        drawn = model.sample(DRAWN, asked, seed=seed, **how)
        read = (judge.probabilities(drawn).argmax(axis=1) == asked).mean()
        return frechet_distance(real, judge(drawn)), read

    rows = []
    for seed in options.seeds:
        models = {"teacher, Euler": (teacher, {"method": "euler"})}
        for method, how in (("consistency", {}), ("reflow", {"method": "euler"})):
            made = student(method, teacher, images, labels, options.seconds, seed)
            models[method] = (made, how)
        for name, (model, how) in models.items():
            for steps in STEPS:
                distance, read = scores(model, seed, steps=steps, **how)
                rows.append(f"| {name} | {steps} | {distance:.2f} | {read:.3f} | {seed} |")
                print(rows[-1], flush=True)
    text = "\n".join(
        [
            "# The flow of letters in few steps",
            "",
            f"{options.seconds:.0f} CPU seconds for each student; {DRAWN:,} letters drawn; Fréchet"
            " distance to 2,000 training letters, in the classifier's features; read: share of"
            " letters that the classifier reads as asked for.",
            "",
            "| model | steps | Fréchet distance | read | seed |",
            "|---|---:|---:|---:|---:|",
            *rows,
            "",
            f"- Machine: {', '.join(f'{k} {v}' for k, v in environment().items())}.",
            f"- Command: `{command(__file__)}`",
            "",
        ]
    )
    print(text)
    if options.out:
        write_atomically(options.out, text.encode())


if __name__ == "__main__":
    main()
