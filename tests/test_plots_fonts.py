"""Chinese texts in figures: a font that has them, or a note; never empty boxes."""

import io
import warnings

import numpy as np
import pytest
from matplotlib.text import Text

from gentut import plots
from gentut.plots import style


def titled(title):
    figure, (axes,) = plots.panels(1)
    return figure, axes.set_title(title)


def saved(figure):
    with warnings.catch_warnings(action="error"):  # matplotlib warns of each glyph it lacks
        figure.savefig(io.BytesIO(), format="png")


def test_a_chinese_title_is_drawn_in_a_font_that_has_it():
    font = style.chinese_font(frozenset("红心"))
    if font is None:
        pytest.skip("no font with Chinese characters on this machine")
    figure, title = titled("红心 red heart")
    saved(figure)
    assert title.get_fontfamily() == ["DejaVu Sans", font]
    assert title.get_text() == "红心 red heart"


def test_without_such_a_font_a_note_stands_in_place_of_boxes(monkeypatch):
    monkeypatch.setattr(style, "chinese_font", lambda characters: None)
    figure, title = titled("红心 red heart")
    saved(figure)
    assert title.get_text() == "… red heart"
    assert style.NO_FONT in [text.get_text() for text in figure.findobj(Text)]


CLASSES = ["咧嘴笑的脸", "双层公共汽车", "绿色的心", "红色的大苹果树"]


def with_class_names():
    """Figures in which the names of a user's classes stand."""
    images = np.random.default_rng(0).random((4, 12, 12, 1), np.float32)
    codes = np.random.default_rng(1).normal(size=(4, 2))
    rows = dict.fromkeys(CLASSES, images)
    yield "comparison", plots.comparison(rows, CLASSES, "类别")
    yield "latent_scatter", plots.latent_scatter(codes, np.arange(4), CLASSES)


@pytest.mark.parametrize("font", [True, False], ids=["with a font", "without one"])
def test_class_names_in_chinese_are_drawn_or_a_note_is(font, monkeypatch):
    if not font:
        monkeypatch.setattr(style, "chinese_font", lambda characters: None)
    elif style.chinese_font(frozenset("".join(CLASSES))) is None:
        pytest.skip("no font with Chinese characters on this machine")
    for name, figure in with_class_names():
        saved(figure)
        said = {text.get_text().replace("\n", "") for text in figure.findobj(Text)}
        assert ({*CLASSES} <= said, style.NO_FONT in said) == (font, not font), name


def test_chinese_captions_stay_over_their_images():
    if style.chinese_font(frozenset("".join(CLASSES))) is None:
        pytest.skip("no font with Chinese characters on this machine")
    images = np.random.default_rng(0).random((8, 12, 12, 1), np.float32)
    figure = plots.comparison({"真实": images}, 2 * CLASSES)
    saved(figure)
    figure.draw_without_rendering()  # texts measure by the resolution they were last drawn at
    extents = [t.get_window_extent() for t in figure.axes[0].texts if t.get_text() != "真实"]
    cell = figure.axes[0].get_window_extent().width / len(images)
    assert len(extents) == 8 and max(extent.width for extent in extents) <= 1.05 * cell


def test_other_texts_stay_as_they_are():
    figure, title = titled("Fréchet distance, β → 0")
    before = title.get_fontfamily()
    saved(figure)
    assert title.get_fontfamily() == before and title.get_text() == "Fréchet distance, β → 0"
    assert style.NO_FONT not in [text.get_text() for text in figure.findobj(Text)]


def test_a_font_without_the_characters_is_not_taken():
    assert style.chinese_font(frozenset("\ufdd0")) is None  # no character at all
