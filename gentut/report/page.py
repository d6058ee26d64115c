"""A small vocabulary of blocks, and the page that is made of them.

Each block is data with a ``render`` method that returns HTML; every text in it is escaped. The
page forbids the browser, by its Content-Security-Policy, to run a script or to fetch anything.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import PurePosixPath, PureWindowsPath
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from gentut import plots
from gentut.plots.style import CHINESE, chinese_font
from gentut.report.texts import ENGLISH, Words

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Block(Protocol):
    def render(self) -> str: ...


@dataclass(frozen=True)
class Heading:
    text: str

    def render(self) -> str:
        return f"<h2>{escape(self.text)}</h2>"


@dataclass(frozen=True)
class Paragraph:
    """Plain text; ``lead`` is for what the reader should take away from the page."""

    text: str
    lead: bool = False

    def render(self) -> str:
        css = ' class="lead"' if self.lead else ""
        return f"<p{css}>{escape(self.text)}</p>"


@dataclass(frozen=True)
class Bullets:
    items: Sequence[str]

    def render(self) -> str:
        return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in self.items) + "</ul>"


@dataclass(frozen=True)
class Code:
    text: str

    def render(self) -> str:
        return f'<pre tabindex="0"><code>{escape(self.text)}</code></pre>'


@dataclass(frozen=True)
class Definitions:
    """Terms and what they mean, or settings and their values."""

    entries: Mapping[str, object]

    def render(self) -> str:
        pairs = self.entries.items()
        return (
            "<dl>"
            + "".join(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in pairs)
            + "</dl>"
        )


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, a smaller second line, and whether it is the best of its column."""

    text: str
    note: str = ""
    best: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text under column heads; it scrolls sideways by itself where it is too wide.

    ``head`` and ``rows`` hold strings or ``Cell``s, all rows as many as ``head``.
    """

    caption: str
    head: Sequence[str | Cell]
    rows: Sequence[Sequence[str | Cell]]

    def __post_init__(self):
        wrong = [len(row) for row in self.rows if len(row) != len(self.head)]
        if wrong:
            raise ValueError(
                f"`rows` must have {len(self.head)} cells each, as `head`; received {wrong[0]}."
            )

    def render(self) -> str:
        column, row_name = 'th scope="col"', 'th scope="row"'
        head = "".join(_cell(cell, column) for cell in self.head)
        rows = "".join(
            "<tr>" + _cell(first, row_name) + "".join(_cell(cell, "td") for cell in rest) + "</tr>"
            for first, *rest in self.rows
        )
        label = escape(self.caption)
        return (
            f'<p class="caption">{label}</p>'
            f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


def _cell(cell: str | Cell, tag: str) -> str:
    cell = cell if isinstance(cell, Cell) else Cell(str(cell))
    note = f" <small>{escape(cell.note)}</small>" if cell.note else ""
    best = ' class="best"' if cell.best else ""
    return f"<{tag}{best}>{escape(cell.text)}{note}</{tag.split()[0]}>"


@dataclass(frozen=True)
class Picture:
    """A matplotlib figure, or one image ``(h, w, c)`` in [0, 1] shown with square pixels.

    Args:
        image: what to show.
        alt: what it shows, in words, for those who cannot see it.
        caption: what to see in it.
        title: begins the caption, in bold.
    """

    image: Figure | np.ndarray
    alt: str
    caption: str
    title: str = ""

    def render(self) -> str:
        if isinstance(self.image, Figure):
            return _figure(plots.png(self.image, dpi=192), self, pixels_per_css_pixel=2)
        buffer = io.BytesIO()
        plots.pixels(self.image, scale=2).save(buffer, "PNG", optimize=True)
        return _figure(buffer.getvalue(), self, css_class="pixels")


@dataclass(frozen=True)
class Animation:
    """A GIF file's bytes."""

    data: bytes
    alt: str
    caption: str
    title: str = ""

    def render(self) -> str:
        return _figure(self.data, self, css_class="pixels")


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side as far as the width allows; ``wide`` ones need more of it."""

    pictures: Sequence[Picture | Animation]
    wide: bool = False

    def render(self) -> str:
        css = "gallery wide" if self.wide else "gallery"
        return f'<div class="{css}">{"".join(item.render() for item in self.pictures)}</div>'


def _figure(
    data: bytes, block: Picture | Animation, css_class: str = "", pixels_per_css_pixel: int = 1
) -> str:
    if not block.alt or not block.caption:
        raise ValueError(
            "`alt` and `caption` must say what the picture shows; "
            f"received alt={block.alt!r}, caption={block.caption!r}."
        )
    with Image.open(io.BytesIO(data)) as image:
        kind = image.format.lower()
        width, height = (side // pixels_per_css_pixel for side in image.size)
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    css = f' class="{css_class}"' if css_class else ""
    title = f"<strong>{escape(block.title)}</strong> " if block.title else ""
    return (
        f'<figure><img{css} src="{source}" width="{width}" height="{height}" '
        f'alt="{escape(block.alt)}"><figcaption>{title}{escape(block.caption)}</figcaption></figure>'
    )


def page(title: str, subtitle: str, blocks: Sequence[Block], words: Words = ENGLISH) -> str:
    """Returns the HTML document that shows the blocks in order, in the language of `words`."""
    style = files("gentut.report").joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(block.render() for block in blocks)
    return f"""<!doctype html>
<html lang="{words["lang"]}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>
{style}{words["css"]}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p class="subtitle">{escape(subtitle)}</p>
{body}
</main>
</body>
</html>
"""


def in_figures(words: Words) -> Words:
    """What figures say: English where no font on this machine has the characters of `words`."""
    characters = frozenset("".join(CHINESE.findall(str(words))))
    return words if not characters or chinese_font(characters) else ENGLISH


def public(value: object) -> str:
    """The value as text; of an absolute path only its last part, which names nobody's machine."""
    text = str(value)
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(text).is_absolute() or text.startswith("~"):
            return kind(text).name
    return text
