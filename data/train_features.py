"""Train one of the small classifiers that judge generated images.

    python data/train_features.py mnist --data-dir DIR     # DIR holds mnist.npz
    python data/train_features.py glyphs
    python data/train_features.py emoji    # groups, and beside them the sets that drew them
    python data/train_features.py cifar10_sample --data-dir DIR   # DIR holds the folder

Writes data/weights/features-NAME.npz: the weights and, in its `info`, how they were made and how
good they are. The schedule is fixed in advance and the last epoch is kept: the test split is
looked at once, to state the accuracy, and chooses nothing.
"""

import argparse
import hashlib
import os
import sys
import time

import keras
import numpy as np

from gentut import data
from gentut.evaluation import classifier

RECIPES = {
    "mnist": {
        "epochs": 8,
        "dropout": 0.3,
        "warp": {"rotate": 12, "scale": 0.12, "shift": 2.0, "flip": False},
    },
    # Real letters are upright, drawn at many weights and widths, and there are fewer of them.
    "glyphs": {
        "epochs": 20,
        "dropout": 0.3,
        "warp": {"rotate": 6, "scale": 0.12, "shift": 2.0, "flip": False},
    },
    # Some emoji differ by where they look or point, so none is mirrored.
    "emoji": {
        "epochs": 30,
        "dropout": 0.5,
        "warp": {"rotate": 8, "scale": 0.15, "shift": 3.0, "flip": False},
    },
    "cifar10_sample": {
        "epochs": 40,
        "dropout": 0.5,
        "warp": {"rotate": 8, "scale": 0.15, "shift": 3.0, "flip": True},
    },
}
BATCH_SIZE = 128


def batches(images, targets, limits, rng):
    """One epoch: shuffled batches of warped images, the incomplete last one left out.

    `targets`: a list of integer arrays `(n,)`, one for each head of the network.
    """
    order = rng.permutation(len(images))
    for start in range(0, len(images) - BATCH_SIZE + 1, BATCH_SIZE):
        chosen = order[start : start + BATCH_SIZE]
        yield warp(images[chosen], rng, **limits), [target[chosen] for target in targets]


def warp(images, rng, rotate, scale, shift, flip):
    """Rotate (degrees), scale (log, also per axis) and shift (pixels) about the centre; bilinear.

    uint8 `(n, h, w, c)` in, float32 in [0, 1] out. Edges repeat outwards.
    """
    n, height, width, _channels = images.shape
    angle = np.deg2rad(rng.uniform(-rotate, rotate, n))
    zoom_y, zoom_x = np.exp(rng.uniform(-scale, scale, (2, n)))
    if flip:
        zoom_x *= rng.choice([-1.0, 1.0], n)
    dy, dx = rng.uniform(-shift, shift, (2, n, 1, 1))
    y, x = np.meshgrid(
        np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij"
    )
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    source_y = zoom_y[:, None, None] * (cos * y - sin * x) + dy + (height - 1) / 2
    source_x = zoom_x[:, None, None] * (sin * y + cos * x) + dx + (width - 1) / 2
    source_y = np.clip(source_y, 0, height - 1).astype("float32")
    source_x = np.clip(source_x, 0, width - 1).astype("float32")
    top = np.minimum(source_y.astype("int32"), height - 2)
    left = np.minimum(source_x.astype("int32"), width - 2)
    down, right = (source_y - top)[..., None], (source_x - left)[..., None]
    flat = images.reshape(n * height * width, -1)
    at = (np.arange(n)[:, None, None] * height + top) * width + left
    upper = flat[at] * (1 - right) + flat[at + 1] * right
    lower = flat[at + width] * (1 - right) + flat[at + width + 1] * right
    return ((upper * (1 - down) + lower * down) / 255.0).astype("float32")


def load(name, data_dir):
    """uint8 images and labels of both splits, and the sha256 of the four arrays."""
    if data_dir:
        os.environ["GENTUT_DATA"] = data_dir
    source = os.path.join(data_dir, name) if name == "cifar10_sample" else name
    arrays = []
    digest = hashlib.sha256()
    for split in ("train", "test"):
        images, labels = data.load(source, split)
        arrays += [np.round(images * 255).astype("uint8"), labels.astype("int32")]
        digest.update(arrays[-2].tobytes() + arrays[-1].tobytes())
    return *arrays, digest.hexdigest()


def expected_calibration_error(probabilities, labels, bins=15):
    """Measure how far confidence is from accuracy, 0 to 1 (Guo et al., ICML 2017, eq. 3).

    The predictions are sorted into ``bins`` equal intervals of confidence; the result is the
    mean over all predictions of |accuracy − confidence| of their bin.

    Args:
        probabilities: ``(n, k)``, rows that sum to one.
        labels: Integers ``(n,)``.
        bins: Number of intervals.
    """
    confidence = probabilities.max(axis=-1)
    correct = probabilities.argmax(axis=-1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--data-dir", help="folder with mnist.npz or the cifar10_sample folder")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "weights"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.name]

    x_train, y_train, x_test, y_test, digest = load(arguments.name, arguments.data_dir)
    num_classes = int(y_train.max()) + 1
    teams = {split: data.emoji.teams(split)[0] for split in ("train", "test")}
    teams = teams if arguments.name == "emoji" else {}
    count = int(teams["train"].max()) + 1 if teams else 0
    model = classifier.classifier(
        x_train.shape[1:], num_classes, recipe["dropout"], arguments.seed, count
    )
    targets = [y_train, *([teams["train"]] if teams else [])]
    steps = recipe["epochs"] * (len(x_train) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(
        1e-4, steps - steps // 10, warmup_target=3e-3, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-3),
        [keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in targets],
    )
    start = time.time()
    rng = np.random.default_rng(arguments.seed)
    # Not `fit` on a PyDataset: TensorFlow's generator pipeline sets malloc's trim threshold to
    # 128 kB, and giving every activation back to the system made a step three times slower.
    for epoch in range(1, recipe["epochs"] + 1):
        losses = [
            np.ravel(model.train_on_batch(images, labels))[0]
            for images, labels in batches(x_train, targets, recipe["warp"], rng)
        ]
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}, {time.time() - start:.0f} s", flush=True)
    seconds = time.time() - start

    path = os.path.join(arguments.out, f"features-{arguments.name}.npz")
    info = {
        "data": arguments.name,
        "data_sha256": digest,
        "image_shape": list(x_train.shape[1:]),
        "num_classes": num_classes,
        "num_train": len(x_train),
        "num_test": len(x_test),
        "parameters": model.count_params(),
        "seed": arguments.seed,
        "recipe": recipe,
        "training_seconds": round(seconds),
        "command": f"python data/train_features.py {arguments.name}"
        + " --data-dir DIR" * bool(arguments.data_dir)
        + f" --seed {arguments.seed}",
        "made_with": f"Keras {keras.__version__}, {keras.backend.backend()} backend",
    }
    classifier.save_weights(path, model, info)
    classifier.load_weights(path, model)  # back, rounded to float16: those weights are tested
    logits = model.predict(x_test / np.float32(255), batch_size=256, verbose=0)
    if teams:
        logits, of_teams = logits
        info["teams"] = count
        info["test_team_accuracy"] = float(np.mean(np.argmax(of_teams, -1) == teams["test"]))
    probabilities = classifier.softmax(logits)
    info["test_accuracy"] = float(np.mean(np.argmax(probabilities, -1) == y_test))
    info["test_nll"] = float(-np.mean(np.log(probabilities[np.arange(len(y_test)), y_test])))
    info["test_ece"] = expected_calibration_error(probabilities, y_test)
    classifier.save_weights(path, model, info)
    print(path, {key: value for key, value in info.items() if key.startswith("test_")})


if __name__ == "__main__":
    sys.exit(main())
