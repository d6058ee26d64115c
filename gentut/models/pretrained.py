"""Trained models that ship with gentut: small enough for the wheel, loaded without internet.

A file holds the weights, matrices in 8 bits and the rest in half precision, and, in its ``info``,
how they were made and how good they are.  No optimizer state and no code: the network comes from
the recipe of the family.
"""

import io
import json
import os
from operator import attrgetter
from typing import BinaryIO

import numpy as np
from keras import ops

from gentut import data
from gentut.checks import check_choice
from gentut.models import recipes
from gentut.training.step import StepModel

NAMES = (
    "gan-glyphs",
    "vae-glyphs",
    "flow-glyphs",
    "latent_flow-glyphs",
    "gan-emoji",
    "vae-emoji",
    "latent_flow-emoji",
    "text_flow-emoji",
)
# Of each family: name in the file -> attribute of the model that is stored under it.  Of networks
# with a moving average, the average is stored, since `sample` uses that one.
NETWORKS = {
    "gan": {"average": "ema_generator", "discriminator": "discriminator"},
    "vae": {"encoder": "encoder", "decoder": "decoder"},
    "flow": {"average": "ema_velocity"},
    "latent_flow": {
        "average": "ema_velocity",
        "vae.encoder": "vae.encoder",
        "vae.decoder": "vae.decoder",
    },
}
NETWORKS["text_flow"] = NETWORKS["latent_flow"]
# The network that starts from the average when training goes on.
AVERAGED = {
    "gan": "generator",
    "flow": "velocity",
    "latent_flow": "velocity",
    "text_flow": "velocity",
}


def load_pretrained(name: str) -> StepModel:
    """Load a trained, compiled model that ships with gentut; works offline.

    Args:
        name: "gan-glyphs", "vae-glyphs", "flow-glyphs" or "latent_flow-glyphs", class-conditional
            models of the letters A to J; "gan-emoji", "vae-emoji" or "latent_flow-emoji", of the
            nine groups of emoji; or "text_flow-emoji", which draws from texts.

    Returns:
        The model of that family; a ``VAE`` with its fitted prior.  ``model.info`` is a dict: the
        command that made it, seconds of training, and its scores on held-out typefaces or concepts.
        ``fit`` goes on training it: the scores are then of the weights before, and the prior of a
        ``VAE`` is dropped (``fit_prior`` fits it anew).

    Raises:
        ValueError: for another name.
        FileNotFoundError: when the weights are not installed.
    """
    check_choice("name", name, NAMES)
    return unpacked(data.data_path(f"weights/{name}.npz"))


def unpacked(file: str | os.PathLike | BinaryIO) -> StepModel:
    """Return the model in a file that holds the bytes of ``packed``."""
    with np.load(file, allow_pickle=False) as stored:
        info = json.loads(str(stored["info"]))
        model = recipes.build(info["family"], info["image_shape"], info["num_classes"])
        networks = NETWORKS[info["family"]]
        for network, place in networks.items():
            for i, variable in enumerate(attrgetter(place)(model).weights):
                weights = stored[f"{network}/{i}"].astype("float32")
                if f"{network}/{i}/scale" in stored:
                    weights = weights * stored[f"{network}/{i}/scale"]
                if weights.shape != tuple(variable.shape):
                    raise ValueError(
                        f"the weights of {info['family']!r} must fit its recipe: {variable.path}"
                        f" has shape {tuple(variable.shape)}, the file {weights.shape}. They are"
                        " of another version of gentut; install it anew."
                    )
                variable.assign(weights)
        if info["family"] in AVERAGED:
            average = getattr(model, networks["average"])
            getattr(model, AVERAGED[info["family"]]).set_weights(average.get_weights())
        if info["family"] == "text_flow":
            model.vocabulary, model.examples = info.pop("vocabulary"), info.pop("examples")
        if info["family"] == "vae":
            model.prior = {
                key.removeprefix("prior/"): stored[key] for key in stored if key.startswith("prior")
            }
    model.info = info
    return model


def packed(model: StepModel, info: dict) -> bytes:
    """Return the bytes of a file that ``unpacked`` reads.

    Args:
        model: a trained model that ``gentut.build`` made without changes.
        info: JSON-able dict with at least "family", "image_shape" and "num_classes".
    """
    arrays = {}
    if info["family"] == "text_flow":
        info = {**info, "vocabulary": model.vocabulary, "examples": model.examples}
    for network, place in NETWORKS[info["family"]].items():
        for i, variable in enumerate(attrgetter(place)(model).weights):
            key, weights = f"{network}/{i}", ops.convert_to_numpy(variable)
            if weights.ndim < 2:
                arrays[key] = weights.astype("float16")
                continue
            # One scale for each output, so that a few large weights do not coarsen all others.
            largest = np.abs(weights).max(axis=tuple(range(weights.ndim - 1)))
            scale = np.maximum(largest, 1e-12).astype("float32") / 127
            arrays[key] = np.round(weights / scale).astype("int8")
            arrays[f"{key}/scale"] = scale
    if info["family"] == "vae":
        arrays |= {f"prior/{k}": np.asarray(v, "float32") for k, v in (model.prior or {}).items()}
    content = io.BytesIO()
    np.savez_compressed(content, info=np.array(json.dumps(info)), **arrays)
    return content.getvalue()
