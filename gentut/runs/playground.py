"""What goes into the playground: the models that ship, and runs of one's own."""

import os
from collections.abc import Callable, Sequence

import numpy as np
from keras import ops

from gentut import data as image_data
from gentut.models.gan import GAN
from gentut.models.networks import classes_of, join
from gentut.models.pretrained import NAMES, load_pretrained
from gentut.models.vae import VAE
from gentut.report.network_export import rounded_weights
from gentut.report.playground import (
    LIMIT,
    Exported,
    code_size,
    pack,
    page,
    texts_of,
    weights_of,
)
from gentut.report.texts import named
from gentut.runs.folder import RunFolder
from gentut.training.step import StepModel

DATA_ROOM = 20_000  # bytes for names and numbers beside the models and the page's own text
ENGLISH = texts_of("en")
EXAMPLES = ENGLISH["words"]  # on which the effect of rounding is measured, in every language
FAMILIES = ("vae", "gan", "flow", "text_flow")  # which the page can show
CODES = 4  # of each class, of a model whose latent is a grid
DIRECTIONS = 8
TRIALS = 20  # pictures for the measured effect of rounding


def playground(
    runs: Sequence[str | os.PathLike] = (),
    say: Callable[[str], None] = lambda line: None,
    limit: int = LIMIT,
    language: str | None = None,
) -> str:
    """Return the page: letters and emoji of the models that ship, and of more runs.

    Args:
        runs: folders of trained runs, each a VAE or a GAN.
        say: called with a line of text now and then.
        limit: bytes of the page at most.
        language: of the page, "en", which is the default, or "zh".

    Raises:
        ValueError: a run is neither a VAE nor a GAN, or has a layer that the page has not; the
            page would be larger than ``limit``; or an unknown language.
    """
    words = texts_of(language)
    models, own = {}, []
    for number, run in enumerate(runs, 1):
        folder, name = RunFolder(run), f"run-{number}"
        models[name], config = folder.read_model(), folder.read_config()
        classes = (config.contents or {}).get("classes") or image_data.class_names(config.data)
        title = os.path.basename(os.path.abspath(run))  # of the path no more: it names a machine
        own.append(_space(name, models[name], title, classes, words))
    chosen = [name for name in NAMES if name.partition("-")[0] in FAMILIES]
    shipped = {name: load_pretrained(name) for name in chosen}
    of = {name: model.info["family"] for name, model in shipped.items()}
    spaces = [
        _space(name, shipped[name], title, _classes(shipped[name]), words)
        for name, title in words["spaces"].items()
        if name in shipped
    ]
    models |= shipped
    flow, text = (next(n for n in of if of[n] == family) for family in ("flow", "text_flow"))
    grid = _grid("emoji-grid", shipped[text].vae, shipped[text].info["data"], words)
    models["emoji-grid"] = shipped[text]
    spaces += [grid, *own]
    others = [
        Exported(flow, shipped[flow].ema_velocity),
        Exported(text, shipped[text].ema_velocity, {"vocabulary": shipped[text].vocabulary}),
    ]
    exported = [*(space[0] for space in spaces), *others]
    say("rounding the weights until they fit")
    texts, coarseness = pack(exported, limit - code_size(language) - DATA_ROOM)
    say("measuring what rounding changes")
    titles = {space["name"]: space["title"] for _, space in spaces}
    titles |= {flow: words["noise_link"], text: words["caption_link"]}
    told = [
        {
            "name": model.name,
            "title": titles[model.name],
            "weights": weights_of(model.network),
            "bytes": len(texts[model.name]),
            "error": _effect(models[model.name], model, coarseness),
        }
        for model in exported
    ]
    data = {
        "spaces": [space for _, space in spaces],
        "noise": {"name": flow, "classes": _classes(shipped[flow])},
        "caption": {
            "name": text,
            "decoder": "emoji-grid",
            "shape": shipped[text].image_shape,
            "examples": words["words"],
        },
        "models": told,
        "note": words["note"].format(coarseness),
    }
    html = page(data, texts, language)
    size = len(html.encode())
    if size > limit:
        raise ValueError(f"`limit` must be at least {size} bytes for this page; received {limit}.")
    return html


def _classes(model):
    return image_data.class_names(model.info["data"])


def _space(name, model, title, names, words=ENGLISH):
    """A VAE or GAN for experiment 1: its network, and what the page is told of it."""
    if not isinstance(model, VAE | GAN):
        raise ValueError(
            f"`runs` must be trained VAEs or GANs; received {title}, a {type(model).__name__}."
        )
    kind = "vae" if isinstance(model, VAE) else "gan"
    if kind == "vae" and (
        model.likelihood == "discretised_logistic" or len(model.latent_shape) > 1
    ):
        raise ValueError(
            "`runs` must be VAEs whose latent is a list and whose likelihood is bernoulli or"
            f" gaussian; received {title} with {model.likelihood!r} and {model.latent_shape}."
        )
    network = model.decoder if kind == "vae" else model.ema_generator
    count = classes_of(network) or 0  # of a GAN without labels its groups of like images
    classes = [str(k + 1) for k in range(count)]
    if len(names) == count:
        classes = [named(name, words) for name in names]
    space = {
        "name": name,
        "title": title,
        "about": words["about"][kind] + words["dim"].format(model.latent_dim),
        "shape": model.image_shape,
        "dim": model.latent_dim,
        "labels": len(network.inputs) == 2,
        "classes": classes,
        "logits": kind == "vae",
        "order": _by_effect(network, model.latent_dim, len(classes)),
        **dict.fromkeys(("codes", "code_classes", "directions", "mean")),
    }
    return Exported(name, network), space


def _by_effect(network, dim, classes):
    """The numbers of a latent, those first that change the picture most when they move by 1."""
    moved = np.concatenate([np.eye(dim), -np.eye(dim)]).astype("float32")
    labels = np.arange(2 * dim, dtype="int32") % classes if classes else None
    pictures = ops.convert_to_numpy(network(join(moved, labels), training=False))
    at_rest = ops.convert_to_numpy(network(join(0 * moved, labels), training=False))
    change = ((pictures - at_rest) ** 2).reshape(2, dim, -1).mean(axis=(0, 2))
    return np.argsort(-change).tolist()


def _grid(name, vae, data, words):
    """A VAE whose latent is a grid: codes of pictures to go to, and their main directions."""
    images, labels = image_data.load(data, "test")[:2]
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(images))[:800]
    codes = vae.encode(images[rows])[0].reshape(len(rows), -1)
    mean = codes.mean(axis=0)
    _, spread, directions = np.linalg.svd(codes - mean, full_matrices=False)
    directions = directions[:DIRECTIONS] * spread[:DIRECTIONS, None] / np.sqrt(len(rows))
    classes = [named(name, words) for name in image_data.class_names(data)]
    kept = [i for k in range(len(classes)) for i in np.flatnonzero(labels[rows] == k)[:CODES]]
    exported = Exported(
        name,
        vae.decoder,
        arrays={"codes": codes[kept], "directions": directions, "mean": mean},
    )
    first = len(exported.parts()[1]) - 3  # where `arrays` begin in its file
    space = {
        "name": name,
        "title": words["spaces"]["emoji-grid"],
        "about": words["about"]["grid"],
        "shape": vae.image_shape,
        "dim": vae.latent_dim,
        "labels": False,
        "classes": classes,
        "logits": True,
        "order": None,
        "codes": first,
        "directions": first + 1,
        "mean": first + 2,
        "code_classes": labels[rows][kept].tolist(),
    }
    return exported, space


def _effect(model: StepModel, exported: Exported, coarseness: float) -> float:
    """Mean absolute difference of pixels in [0, 1], before and after the rounding."""
    rng = np.random.default_rng(0)

    def pictures():
        network = exported.network
        if hasattr(model, "tokenizer") and network is model.ema_velocity:
            return model.sample(texts=EXAMPLES, seed=0, steps=6)
        if hasattr(model, "ema_velocity") and network is model.ema_velocity:
            return model.sample(10, labels=np.arange(10) % model.num_classes, seed=0)
        values = network([latents, *labels] if labels else latents, training=False)
        return ops.convert_to_numpy(values if isinstance(model, GAN) else ops.sigmoid(values))

    latents = rng.standard_normal((TRIALS, *exported.network.inputs[0].shape[1:])).astype("float32")
    labels = []
    if len(exported.network.inputs) == 2:
        labels = [np.arange(TRIALS, dtype="int32") % classes_of(exported.network)]
    before = pictures()
    with rounded_weights(exported.network, coarseness):
        after = pictures()
    return float(np.abs(before - after).mean())
