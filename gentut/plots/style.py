"""The one style of all figures.

The colours are those of Okabe and Ito (2008), which people with a colour vision deficiency can
tell apart; line styles and markers differ as well, so that a black-and-white print still reads.
"""

import functools
import io
import re
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.figure import Figure as _Figure
from matplotlib.text import Text

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")

# matplotlib's own font has no Chinese; these do, on Linux, macOS and Windows.
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",  # how matplotlib names a collection that holds the Chinese one
    "Heiti SC",
    "Hiragino Sans GB",
    "SimHei",
    "Arial Unicode MS",
)
CHINESE = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]+")
NO_FONT = "(… : no font on this computer has the Chinese characters; Noto Sans CJK would)"

STYLE = {
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=LINES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.dpi": 160,
}
house_style = matplotlib.rc_context(STYLE)  # as a decorator: the style ends with the call


class Figure(_Figure):
    """A figure made without pyplot: none stays open, and Jupyter shows it exactly once."""

    def _repr_png_(self) -> bytes:
        return png(self)

    def savefig(self, *args: Any, **options: Any) -> None:
        """Save as matplotlib does; Chinese texts in a font that has them."""
        _find_fonts(self)
        super().savefig(*args, **options)


@house_style
def panels(columns: int, width: float = 3.2, height: float = 2.6) -> tuple[Figure, np.ndarray]:
    """Return an empty figure in the style of the course, and its axes, side by side.

    Args:
        columns: number of axes.
        width, height: of each, in inches.
    """
    figure = Figure(figsize=(width * columns, height))
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def png(figure: _Figure, dpi: int = 160) -> bytes:
    """Return the figure as the bytes of a PNG file, ``dpi`` pixels to the inch."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.06)
    return buffer.getvalue()


@functools.cache
def chinese_font(characters: frozenset[str]) -> str | None:
    """Return the name of an installed font that has all these characters; None for none."""
    fonts = {font.name: font.fname for font in reversed(font_manager.fontManager.ttflist)}
    for name in CHINESE_FONTS:
        if name in fonts:
            known = font_manager.get_font(fonts[name]).get_charmap()
            if all(ord(character) in known for character in characters):
                return name
    return None


def _find_fonts(figure):
    """Give Chinese texts a font; where there is none, say so in place of empty boxes."""
    lacking = False
    for text in figure.findobj(Text):
        characters = frozenset("".join(CHINESE.findall(text.get_text())))
        if not characters:
            continue
        font = chinese_font(characters)
        if font is None:
            text.set_text(CHINESE.sub("…", text.get_text()))
            lacking = True
        else:
            text.set_fontfamily(["DejaVu Sans", font])
    if lacking:
        figure.supxlabel(NO_FONT, fontsize=7)
