"""Train the model that holds emoji against their captions, `gentut.features.load("emoji_text")`.

    python data/train_image_text.py

Writes data/weights/features-emoji_text.npz: the weights and, in its `info`, how they were made and
how good they are.  It sees training concepts only, and of their drawings one in ten is held out, by
a hash of concept and set, to state how well it judges a drawing that it has not seen.  The schedule
is fixed in advance: what is held out, and the test split, choose nothing.
"""

import argparse
import collections
import hashlib
import os
import sys
import time

import keras
import numpy as np
from keras import ops
from train_features import RECIPES, warp

from gentut import data
from gentut.data import tokenizer
from gentut.evaluation import classifier, image_text
from gentut.metrics import retrieval

EPOCHS, BATCH_SIZE, TEMPERATURE = 40, 256, 0.07
CAPTIONS = [(language, keywords) for language in ("en", "zh") for keywords in (False, True)]
TEXTS, DRAWS = 100, 50  # texts among which a picture's own is sought; how often they are drawn


def held_out(concepts, teams):
    """Whether the drawing of a concept by a set is kept from the training: one in ten."""
    keys = (f"{concept} {team}".encode() for concept, team in zip(concepts, teams, strict=True))
    return np.array([hashlib.sha256(key).digest()[0] < 25.6 for key in keys])


def loss_of(concepts):
    """Symmetric cross-entropy of pictures and texts; those of one concept all belong together."""
    same = ops.cast(concepts[:, None] == concepts[None], "float32")
    target = same / ops.sum(same, axis=1, keepdims=True)

    def loss(images, texts):
        codes = (x / (ops.norm(x, axis=1, keepdims=True) + 1e-6) for x in (images, texts))
        images, texts = codes
        cosines = ops.matmul(images, ops.transpose(texts)) / TEMPERATURE
        return sum(
            ops.mean(ops.categorical_crossentropy(target, x, from_logits=True))
            for x in (cosines, ops.transpose(cosines))
        )

    return loss


class Pair(keras.Model):
    """Both towers, trained together; the concepts come as targets."""

    def __init__(self, towers):
        super().__init__()
        self.image_tower, self.text_tower = towers

    def call(self, inputs, training=False):
        images, texts = inputs
        return ops.concatenate(
            [self.image_tower(images, training=training), self.text_tower(texts)], axis=-1
        )

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return loss_of(y)(*ops.split(y_pred, 2, axis=-1))


def recall(model, images, concepts, texts, k):
    """Mean and standard deviation over draws of R@k: 100 concepts, a drawing and a text of each."""
    rng = np.random.default_rng(0)
    pictures, words = model.images(images), model.texts(texts)
    order = np.unique(concepts)
    values = []
    for _ in range(DRAWS):
        chosen = rng.permutation(order)[:TEXTS]
        rows = [rng.choice(np.flatnonzero(concepts == concept)) for concept in chosen]
        values.append(retrieval(pictures[rows], words[rows], k).mean())
    return [round(float(np.mean(values)), 4), round(float(np.std(values)), 4)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "weights"))
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="fewer for a trial")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)

    images = np.round(data.load("emoji", "train")[0] * 255).astype("uint8")
    concepts, (teams, _) = data.sources("emoji", "train"), data.emoji.teams("train")
    captions = [data.captions("emoji", "train", language=x, keywords=k) for x, k in CAPTIONS]
    kept = ~held_out(concepts, teams)
    counts = collections.Counter(
        word
        for texts in captions
        for text in {texts[row] for row in np.flatnonzero(kept)}
        for word in set(tokenizer.split(text))
    )
    vocabulary = sorted(word for word, count in counts.items() if count >= 2)
    model = image_text.ImageText(vocabulary, seed=arguments.seed)
    pair = Pair([model.image_tower, model.text_tower])
    train = np.flatnonzero(kept)
    steps = arguments.epochs * (len(train) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(
        1e-4, steps - steps // 10, warmup_target=3e-3, warmup_steps=steps // 10
    )
    pair.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3))
    rng = np.random.default_rng(arguments.seed)
    bags, start = [model.bags(texts) for texts in captions], time.time()
    for epoch in range(1, arguments.epochs + 1):
        order, losses = rng.permutation(train), []
        for first in range(0, len(order) - BATCH_SIZE + 1, BATCH_SIZE):
            rows = order[first : first + BATCH_SIZE]
            which = rng.integers(0, len(CAPTIONS), len(rows))
            words = np.stack([bags[i][row] for i, row in zip(which, rows, strict=True)])
            words *= rng.random(words.shape) > 0.1  # a word left out now and then
            pictures = warp(images[rows], rng, **RECIPES["emoji"]["warp"])
            losses.append(pair.train_on_batch([pictures, words], concepts[rows]))
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}, {time.time() - start:.0f} s", flush=True)

    both = keras.Model(
        [model.image_tower.input, model.text_tower.input],
        [model.image_tower.output, model.text_tower.output],
    )
    info = {
        "vocabulary": vocabulary,
        "num_train": len(train),
        "seed": arguments.seed,
        "recipe": {"epochs": arguments.epochs, "batch_size": BATCH_SIZE,
                   "temperature": TEMPERATURE, "warp": RECIPES["emoji"]["warp"]},
        "training_seconds": round(time.time() - start),
        "command": f"python data/train_image_text.py --seed {arguments.seed}",
        "made_with": f"Keras {keras.__version__}, {keras.backend.backend()} backend",
        "texts": TEXTS,
    }  # fmt: skip
    path = os.path.join(arguments.out, "features-emoji_text.npz")
    classifier.save_weights(path, both, info)
    classifier.load_weights(path, both)  # back, rounded to float16: those weights are tested
    info["recall"] = {}
    unseen = (
        "held-out drawings of training concepts",
        images[~kept] / np.float32(255),
        concepts[~kept],
    )
    test = data.load("emoji", "test")[0]
    new = ("concepts held out", test, data.sources("emoji", "test"))
    for name, pictures, own in (unseen, new):
        for i, (language, keywords) in enumerate(CAPTIONS):
            texts = data.captions("emoji", "test", language=language, keywords=keywords)
            if name == unseen[0]:
                texts = [captions[i][row] for row in np.flatnonzero(~kept)]
            key = f"{name}, {language}{', key words' * keywords}"
            info["recall"][key] = {k: recall(model, pictures, own, texts, k) for k in (1, 5)}
            print(key, info["recall"][key])
    classifier.save_weights(path, both, info)
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    sys.exit(main())
