"""The notebook form, pressed button by button; its widgets work without a notebook."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gentut import human

widgets = pytest.importorskip("ipywidgets")

PIXELS = np.random.default_rng(0).random((60, 14, 14, 1), np.float32)
HOSTILE = '<script>alert("x")</script> & "quotes"'


def study(protocol="real_or_fake", **options):
    options = {"trials": 8, "practice": 2, "rules": human.Rules(max_fast=1.0)} | options
    return human.make_study(PIXELS[:30], {"GAN": PIXELS[30:]}, protocol=protocol, **options)


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def press(form, text):
    (button,) = [w for w in walk(form) if isinstance(w, widgets.Button) and w.description == text]
    assert not button.disabled
    button.click()


def text(form):
    return " ".join(w.value for w in walk(form) if isinstance(w, widgets.HTML))


def images(form, asked):
    """Ids of the images that the form shows, from left to right."""
    sources = re.findall(r'alt="Image to judge" src="data:image/png;base64,([^"]+)"', text(form))
    ids = {data: name for name, data in asked.public()["pictures"].items()}
    return tuple(ids[source] for source in sources)


def answer_all(form, asked, choose):
    shown = []
    press(form, "Start")
    while form.response is None:
        if "That was practice" in text(form):
            press(form, "Go on")
        shown.append(images(form, asked))
        press(form, choose(shown[-1]))
    return shown


@pytest.mark.parametrize("protocol", ["real_or_fake", "which_is_real"])
def test_a_form_shows_the_session_and_gives_the_answers(protocol, tmp_path):
    asked = study(protocol)
    form = asked.form(folder=tmp_path, session=77)
    buttons = ("Real", "Fake") if protocol == "real_or_fake" else ("Left is real", "Right is real")

    def choose(shown):  # always right
        if protocol == "real_or_fake":
            return buttons[asked.sources[shown[0]] != "real"]
        return buttons[[asked.sources[i] for i in shown].index("real")]

    next(w for w in walk(form) if isinstance(w, widgets.Text)).value = "Ben / 7"
    shown = answer_all(form, asked, choose)
    assert shown == [step.images for step in asked.steps(77)]
    found = form.response
    assert (found["rater"], found["session"], found["face"]) == ("Ben / 7", 77, "form")
    assert found["simulated"] is False
    (file,) = Path(tmp_path).iterdir()
    assert file.name == f"answers-{asked.id}-Ben-7-4d.json" and file.name in text(form)
    assert json.loads(file.read_text(encoding="utf-8")) == found
    results = human.analyse([file], asked)
    assert results["error"] == 0 and results["judgements"] == 8


def test_counter_progress_and_stopping():
    asked = study()
    form = asked.form()
    assert "8 questions, after 2 for practice" in text(form)
    press(form, "Start")
    assert "Practice: 1 of 2" in text(form)
    with pytest.raises(AssertionError):  # practice cannot be stopped half-way
        press(form, "Stop here")
    press(form, "Real")
    press(form, "Real")
    press(form, "Go on")
    press(form, "Fake")
    assert "2 of 8" in text(form)
    (bar,) = [w for w in walk(form) if isinstance(w, widgets.IntProgress)]
    assert (bar.value, bar.max) == (1, 8)
    press(form, "Stop here")
    assert len(form.response["answers"]) == 1 and "Thank you" in text(form)
    assert form.response["rater"] == f"rater-{form.response['session']:08x}"
    assert asked.form()._session != asked.form()._session


def test_stopping_before_the_first_answer_leaves_no_response():
    form = study(practice=0).form()
    press(form, "Start")
    press(form, "Stop here")
    assert form.response is None and "Stopped before the first answer" in text(form)


def test_timed_exposure_is_an_animation_that_ends_behind_the_mask():
    asked = study("which_is_real", exposure_ms=250)
    form = asked.form(session=1)
    assert "only 0.25 seconds" in text(form)
    press(form, "Start")
    shown = re.findall(r"<img style=\"([^\"]+)\" alt=\"([^\"]*)\"", text(form))
    delays = [(alt, re.search(r"0s (\d+)ms forwards", css).group(1)) for css, alt in shown]
    assert delays == [("Image to judge", "500"), ("", "750")] * 2
    press(form, "Left is real")
    while form.response is None:
        press(form, "Go on" if "That was practice" in text(form) else "Left is real")
    # Pressed at once, before the image appeared: no time, so the rule about haste applies.
    assert {answer["ms"] for answer in form.response["answers"]} == {0}
    assert {answer["shown_ms"] for answer in form.response["answers"]} == {None}


def test_the_form_is_made_of_what_the_page_holds():
    """Same images, other truth: the form shows the same, since it never gets the answers."""
    asked = study(practice=0)
    flipped = {n: "GAN" if source == "real" else "real" for n, source in asked.sources.items()}
    other = human.Study(
        **{k: v for k, v in vars(asked).items() if k != "id"} | {"sources": flipped}
    )
    shown = []
    for made in (asked, other):
        form = human.form.Form(made.public(), session=9)
        press(form, "Start")
        shown.append(text(form))
        assert not any(isinstance(held, human.Study) for held in vars(form).values())
    assert shown[0] == shown[1] and asked.id != other.id


def test_what_users_name_is_escaped():
    asked = study(title=HOSTILE, instructions=HOSTILE)
    form = asked.form()
    assert "<script>" not in text(form) and text(form).count("&lt;script&gt;") == 2


def test_a_missing_folder_is_named_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="`folder` must exist; received '.*nowhere'"):
        study().form(folder=tmp_path / "nowhere")


def test_a_chinese_form_shows_no_english(tmp_path):
    asked = study("which_is_real", language="zh", exposure_ms=500)
    form = asked.form(folder=tmp_path, session=5)
    seen = []
    press(form, "开始")
    while form.response is None:
        seen.append(text(form))
        press(form, "继续" if "练习结束" in text(form) else "左边是真的")
    seen.append(text(form))
    said = re.sub(r"<style>.*?</style>|<[^>]+>", " ", "".join(seen))  # without tags and styles
    said = re.sub(r"form\.response|answers-\S+\.json|\bTab\b", "", said)
    assert "谢谢" in said and not re.search(r"[A-Za-z]{2,}", said)
