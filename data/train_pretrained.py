"""Train one of the models that ship with gentut, and write data/weights/NAME.npz.

    python data/train_pretrained.py gan-glyphs
    python data/train_pretrained.py vae-glyphs
    python data/train_pretrained.py flow-glyphs
    python data/train_pretrained.py latent_flow-glyphs
    python data/train_pretrained.py gan-emoji
    python data/train_pretrained.py vae-emoji
    python data/train_pretrained.py latent_flow-emoji
    python data/train_pretrained.py text_flow-emoji

The recipe of the family as `gentut.build` gives it, for a number of epochs fixed in advance.  The
held-out typefaces and concepts are looked at once, to state the scores, and choose nothing.
"""

import argparse
import os
import sys
import time

import keras

import gentut
from gentut.evaluation.texts import text_scores
from gentut.files import write_atomically
from gentut.models import pretrained, recipes
from gentut.training.callbacks import Progress

EPOCHS = {
    "gan-glyphs": 50,
    "vae-glyphs": 60,
    "flow-glyphs": 15,
    "latent_flow-glyphs": 50,
    "gan-emoji": 80,
    "vae-emoji": 100,
    "latent_flow-emoji": 60,
    "text_flow-emoji": 60,
}
GENERATED = {"glyphs": 10_000, "emoji": 1_000}  # images for the scores
DRAWS = 3  # of 100 concepts, for the scores against texts
STATED = (
    "frechet_distance",
    "frechet_distance_real",
    "precision",
    "recall",
    "coverage",
    "elbo_test",
    "n_generated",
    "features",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=pretrained.NAMES)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "weights"))
    parser.add_argument("--epochs", type=int, help="for a trial; default the recipe's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rescore", action="store_true", help="score the stored weights anew")
    arguments = parser.parse_args()
    path = os.path.join(arguments.out, f"{arguments.name}.npz")
    if arguments.rescore:
        return score(path, pretrained.unpacked(path).info)
    family, name = arguments.name.split("-")
    epochs = arguments.epochs or EPOCHS[arguments.name]

    gentut.seed(arguments.seed)
    images, labels = gentut.data.load(name, "train")
    classes = int(labels.max()) + 1
    if recipes.takes_texts(family):
        labels, classes = gentut.data.emoji.prompts("train"), None
    model = gentut.build(family, images.shape[1:], num_classes=classes)
    start = time.perf_counter()
    progress = Progress(batch_size=model.default_batch_size)
    model.fit(images, labels, epochs=epochs, callbacks=[progress], verbose=0)
    seconds = time.perf_counter() - start
    if family == "vae":
        model.fit_prior(images, labels)
    info = {
        "family": family,
        "data": name,
        "image_shape": list(images.shape[1:]),
        "num_classes": model.num_classes,
        "epochs": epochs,
        "seed": arguments.seed,
        "training_seconds": round(seconds),
        "command": f"python data/train_pretrained.py {arguments.name} --seed {arguments.seed}",
        "made_with": f"Keras {keras.__version__}, {keras.backend.backend()} backend",
    }
    write_atomically(path, pretrained.packed(model, info))
    score(path, info)


def score(path, info):
    """Write the scores of the stored weights, which are rounded, into their file."""
    model = pretrained.unpacked(path)
    scores = gentut.evaluate(model, data=info["data"], n=GENERATED[info["data"]])
    info["scores"] = {key: scores[key] for key in STATED if key in scores}
    if recipes.takes_texts(info["family"]):
        for name, keywords in (("texts", False), ("texts_with_key_words", True)):
            info["scores"][name] = text_scores(model, draws=DRAWS, keywords=keywords)
    write_atomically(path, pretrained.packed(model, info))
    print(path, os.path.getsize(path), "bytes", info["scores"])


if __name__ == "__main__":
    sys.exit(main())
