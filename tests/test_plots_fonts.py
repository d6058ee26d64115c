"""Chinese texts in figures: a font that has them, or a note; never empty boxes."""

import io
import warnings

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


def test_other_texts_stay_as_they_are():
    figure, title = titled("Fréchet distance, β → 0")
    before = title.get_fontfamily()
    saved(figure)
    assert title.get_fontfamily() == before and title.get_text() == "Fréchet distance, β → 0"
    assert style.NO_FONT not in [text.get_text() for text in figure.findobj(Text)]


def test_a_font_without_the_characters_is_not_taken():
    assert style.chinese_font(frozenset("\ufdd0")) is None  # no character at all
