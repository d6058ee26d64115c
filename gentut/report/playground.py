"""The playground: one HTML page in which trained networks draw, with nothing but a browser."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any

import keras
import numpy as np

from gentut.report.network_export import as_text, packed, program, text_length
from gentut.report.playground_texts import WORDS
from gentut.report.texts import Words, words_of

LIMIT = 3_000_000  # bytes of the page
# Tried in this order until the page is small enough: see ``network_export.rounded``.
COARSENESS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.42, 0.44)
SCRIPTS = ("widgets", "network", "plane_gan", "latent", "game", "noise", "caption", "start")


@dataclass(frozen=True)
class Exported:
    """A network that goes into the page.

    Args:
        name: what the page's script knows it by; letters, digits, "-" and "_".
        network: see ``network_export.program`` for what it may be made of.
        content: more that goes into its file, JSON-able.
        arrays: more arrays for its file; the script gets each one's place under its name.
    """

    name: str
    network: keras.Model
    content: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def parts(self) -> tuple[dict, list[np.ndarray]]:
        """Return what ``packed`` takes, but for the coarseness."""
        steps, arrays = program(self.network)
        places = {name: len(arrays) + i for i, name in enumerate(self.arrays)}
        return {"program": steps, **self.content, **places}, [*arrays, *self.arrays.values()]


def pack(models: Sequence[Exported], limit: int = LIMIT) -> tuple[dict[str, str], float]:
    """Return the file of each model as text, and the coarseness that all of them have.

    Args:
        models: what the page is to hold.
        limit: characters of all files together; the finest coarseness that fits is taken.

    Raises:
        ValueError: a network has a layer that the page has not; or the files are too large.
    """
    parts = {model.name: model.parts() for model in models}
    for coarseness in COARSENESS:
        found = {name: packed(*part, coarseness) for name, part in parts.items()}
        if sum(map(text_length, found.values())) <= limit:
            return {name: as_text(file) for name, file in found.items()}, coarseness
    sizes = ", ".join(f"{name} {text_length(file) / 1e6:.2f} MB" for name, file in found.items())
    raise ValueError(
        f"`models` must fit into {limit / 1e6:.2f} MB beside the text of the page; received"
        f" {sizes}. Leave one out, or raise `limit`."
    )


def texts_of(language: str | None) -> Words:
    """Return the texts of the page, beside those of all pages; None is English."""
    return words_of(language) | words_of(language, WORDS)


def code_size(language: str | None = None) -> int:
    """Return the bytes of the page without models and data."""
    return len(page({}, {}, language).encode())


def page(data: Mapping[str, Any], texts: Mapping[str, str], language: str | None = None) -> str:
    """Return the HTML document.

    Its Content-Security-Policy lets the browser run the one script and use the one style sheet
    that are named by their SHA-256, and nothing more: no request leaves the page.

    Args:
        data: JSON-able; what the scripts know as ``page``.
        texts: name -> file, of ``pack``.
        language: "en", which is the default, or "zh".

    Raises:
        ValueError: an unknown language.
    """
    words = texts_of(language)
    script = "\n".join(_asset(f"{name}.js", words) for name in SCRIPTS)
    style, body = _asset("page.css", words) + words["css"], _asset("page.html", words)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    # Inside <script>, only "<" could end the data early or open a comment.
    known = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    stored = "\n".join(_stored(name, text) for name, text in texts.items())
    return f"""<!doctype html>
<html lang="{words["lang"]}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{words["title"]}</title>
<style>{style}</style>
</head>
<body>
{body}<script type="application/json" id="page-data">{known}</script>
{stored}
<script>{script}</script>
</body>
</html>
"""


def _asset(name: str, words: Words) -> str:
    """A part of the page, in a language."""
    text = files("gentut.report").joinpath("playground_page", name).read_text(encoding="utf-8")
    return re.sub(r"{{(\w+)}}", lambda found: words[found[1]], text)


def _digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _stored(name, text):
    """A file of ``pack`` in a block that the browser does not run."""
    return f'<script type="text/plain" id="model-{escape(name)}">{text}</script>'


def weights_of(network: keras.Model) -> int:
    """Return how many numbers a network has learned."""
    return sum(math.prod(weights.shape) for weights in network.weights)
