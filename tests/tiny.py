"""Data and recipes so small that a test can train with them, and a look at the pages they make."""

import copy
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.special
from PIL import Image

import gentut
from gentut import runs
from gentut.models import recipes

CLASSES = ("bars", "dots")


def make_photographs(folder, train=24, test=12, classes=CLASSES, size=20):
    """A folder of PNG files, split into train and test; bars and dots at random places."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("test", test)):
        for name in classes:
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 60, (size, size), dtype="uint8")
                place = rng.integers(2, size - 6)
                rows = slice(None) if name == classes[0] else slice(place, place + 4)
                pixels[rows, place : place + 3] = 230
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")
    return folder


def train(family, data, out, **settings):
    """Train a family on a folder of images; `settings`: of `gentut.runs.Config`."""
    return runs.train(runs.Config(family=family, data=data, **settings), out)


def halves(value, low, high, place):
    """Made-up values on 32 halves whose interval is ``low`` to ``high``; the places of two
    families make their draws uncorrelated, as if each had images of its own."""
    wave = np.array([(-1) ** bin(k & (place + 1)).count("1") for k in range(32)])
    error = (high - low) / 2 / scipy.special.stdtrit(31, 0.975)
    return list(value + error * np.sqrt(31 / 32) * wave)


TINY_TRANSFORMER = {"width": 8, "depth": 1, "heads": 2}


def shrink_recipes(monkeypatch):
    """Make `gentut.build` build networks of a few filters."""
    small, colour = copy.deepcopy(recipes.RECIPES), copy.deepcopy(recipes.COLOUR)
    for family, recipe in [*small.items(), *colour.items()]:
        if family in ("gaussian", "mixture"):
            recipe["model"] |= {"latent_dim": 4, "components": 2 * (family == "mixture")}
            continue
        recipe |= {"latent_dim": 4, "batch_size": 16}
        for role in ("generator", "discriminator", "encoder", "decoder"):
            if role in recipe:
                recipe[role]["filters"] = (4, 4)
        for role in ("encoder", "decoder"):
            if role in recipe:
                recipe[role]["units"] = 8
        if "velocity" in recipe:
            recipe["velocity"] |= {"filters": (4, 4), "blocks": 1, "units": 8}
        if "latent_velocity" in recipe:
            recipe["latent_velocity"] |= {"units": 8, "blocks": 1}
        if "latent_channels" in recipe:
            del recipe["latent_dim"]
            recipe |= {"latent_channels": 2, "latent_transformer": TINY_TRANSFORMER}
            recipe |= {"spatial_encoder": {"filters": (4,)}, "spatial_decoder": {"filters": (4,)}}
            recipe["model"]["vae_first"] = 0.0  # in a test's single step both learn
    for known, changed in ((recipes.RECIPES, small), (recipes.COLOUR, colour)):
        for family, recipe in changed.items():
            monkeypatch.setitem(known, family, recipe)
    monkeypatch.setattr(recipes, "LARGE", {})


def build_told(family, image_shape, labels):
    """A conditional model, and what it is trained on and asked for: texts in place of labels."""
    if family != "text_flow":
        return recipes.build(family, image_shape, int(np.max(labels)) + 1), labels
    return recipes.build(family, image_shape), [f"word{label}" for label in labels]


def fit_eagerly(model, images, labels=None, **options):
    """One epoch for weights that have moved: without a graph, which takes longer than few steps."""
    if model.iterative:
        model.run_eagerly = keras.backend.backend() == "tensorflow"
        options = {"batch_size": 32, **options}
    return model.fit(images, labels, **{"verbose": 0, **options})


@contextmanager
def chromium():
    """A headless Chromium, for `browser.visit`; a skip where there is none."""
    browser = pytest.importorskip("browser", reason="websocket-client is not installed")
    if browser.CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with browser.chromium() as connection:
        yield connection


def opens_cleanly(page, images):
    """Assert that a page with so many images is in order in a browser, on a phone and a laptop."""
    with chromium() as connection:
        import browser

        for width in (390, 1280):
            visit = browser.visit(connection, page, width)
            assert visit.problems == [] and visit.requests == [] and visit.overflowing == []
            assert (visit.images, visit.undecoded) == (images, 0)
            assert visit.scroll_width <= visit.width


def english_in(document):
    """What a Chinese page says in English, two words or more; commands and versions may."""
    skipped = r"<(style|script|noscript|code)\b.*?</\1>|<dd>python .*?</dd>"
    shown = re.sub(skipped, "\n", document, flags=re.DOTALL)
    shown += "\n".join(re.findall(r' (?:alt|aria-label)="(.*?)"', shown))
    return re.findall(r"[A-Za-z]{2,}(?:[,.;:]? [A-Za-z]{2,})+", re.sub(r"<[^>]+>", "\n", shown))


def placeholders(text):
    """The values that a text has room for; of a list or a dict of texts, those of all."""
    if isinstance(text, str):
        return sorted([*set(re.findall(r"\${(\w+)", text)), *re.findall(r"(?<!\$){[^{}]*}", text)])
    return [placeholders(part) for part in (text.values() if isinstance(text, dict) else text)]


# The first lines of a program that takes files of the package without Keras, which takes seconds.
BARE = f"""import sys, types
sys.modules["gentut"] = types.ModuleType("gentut")
sys.modules["gentut"].__path__ = [{str(Path(gentut.__file__).parent)!r}]
"""


def command(folder, *words, program=sys.executable, start=("-m", "gentut"), stubs=None, **more):
    """Run ``python -m gentut``, with modules of this text in place of those of the same name.

    `more`: an `encoding` of what it prints, and variables of its environment.
    """
    for name, text in (stubs or {}).items():
        (folder / f"{name}.py").write_text(text)
    paths = [str(folder), str(Path(__file__).parents[1])]
    encoding = more.pop("encoding", "utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | more
    line = [program, *start, *words]
    return subprocess.run(line, capture_output=True, encoding=encoding, cwd=folder, env=environment)
