"""The page for raters, answered in a real browser by a scripted person.

Slow, as it waits for what a person waits for.  Not part of ``pytest tests``; ``.ci/run`` names this
folder.
"""

import base64
import json
import re
import time

import numpy as np
import pytest
from test_human_page import study

from gentut import human

browser = pytest.importorskip("browser", reason="websocket-client is not installed")

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)> & "x"'

# Resolves when the next question can be answered, or when another screen is there.
READY = """
new Promise((done) => {
  const look = () => {
    const screen = [...document.querySelectorAll(".screen")].find((s) => !s.hidden).id;
    if (screen === "question" && document.querySelector("#choices button:disabled"))
      return setTimeout(look, 2);
    const images = [...document.querySelectorAll("#stage img:not([alt=''])")];
    done({
      screen,
      counter: document.getElementById("counter").textContent,
      sources: images.map((image) => image.src),
      style: images.map((image) => getComputedStyle(image).visibility),
    });
  };
  look();
})
"""
# Logs, at every change, what is visible in each frame and when.
WATCH = """
window.log = [];
new MutationObserver(() => {
  const parts = [...document.querySelectorAll("#stage .frame")].map((frame) =>
    [...frame.children].filter((e) => !e.hidden && getComputedStyle(e).visibility === "visible")
      .map((e) => e.alt || e.tagName).join());
  if (parts.length && parts.join("|") !== (window.log.at(-1) || [])[0])
    window.log.push([parts.join("|"), performance.now()]);
}).observe(document.getElementById("stage"), {subtree: true, childList: true, attributes: true});
"""


class Person:
    """Sits at one tab, sees what it shows, and presses what a rater can press."""

    def __init__(self, tab, study, folder):
        self.tab, self.study = tab, study
        path = study.save_page(folder / "study.html")
        self.ids = {
            "data:image/png;base64," + base64.b64encode(data).decode(): name
            for name, data in study.pictures.items()
        }
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab(f"{domain}.enable")
        tab("Page.navigate", url=path.as_uri())
        self.wait_for("#title")
        self.uri = path.as_uri()

    def js(self, expression):
        return browser.evaluate(self.tab, expression)

    def wait_for(self, selector, seconds=20):
        there = f"document.readyState === 'complete' && !!document.querySelector({selector!r})"
        for _ in range(100 * seconds):
            if self.js(there):
                return
            time.sleep(0.01)
        raise AssertionError(f"{selector} did not appear")

    def key(self, key):
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self.tab("Input.dispatchKeyEvent", type="keyDown", key=key, text=text)
        self.tab("Input.dispatchKeyEvent", type="keyUp", key=key)

    def centre(self, selector):
        return self.js(
            f"(() => {{ const r = document.querySelector({selector!r}).getBoundingClientRect();"
            " return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()"
        )

    def click(self, selector):
        at = self.centre(selector) | {"button": "left", "clickCount": 1}
        self.tab("Input.dispatchMouseEvent", type="mousePressed", **at)
        self.tab("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def touch(self, selector):
        at = self.centre(selector)
        self.tab("Input.dispatchTouchEvent", type="touchStart", touchPoints=[at])
        self.tab("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def look(self):
        """What is on the screen, with the ids of the images instead of their data."""
        seen = self.js(READY)
        seen["images"] = tuple(self.ids[source] for source in seen.pop("sources"))
        return seen

    def answer(self, choose, press):
        """Answers every question; `choose(images)` -> button 0 or 1, `press(button)` presses it."""
        seen, log = self.look(), []
        while seen["screen"] != "end":
            if seen["screen"] == "pause":
                self.key("Enter")
            else:
                assert set(seen["style"]) == {"visible"}
                button = choose(seen["images"])
                log.append((seen["counter"], seen["images"], button))
                press(button)
            seen = self.look()
        return log

    def saved(self, folder):
        """Presses the button that saves, and reads the file that comes."""
        self.click("#save")
        for _ in range(500):
            files = [path for path in folder.glob("*.json") if path.stat().st_size]
            if files:
                return files[0]
            time.sleep(0.01)
        raise AssertionError("no file came")


@pytest.fixture
def visit(chromium, tmp_path):
    """Opens the page of a study; at the end nothing was requested and nothing complained."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    chromium.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
    with chromium.tab() as tab:
        person = None

        def open_page(study, width=1280, height=800):
            nonlocal person
            tab(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=height,
                deviceScaleFactor=1,
                mobile=width < 600,
            )
            tab("Emulation.setTouchEmulationEnabled", enabled=width < 600)
            person = Person(tab, study, tmp_path)
            person.downloads = downloads
            return person

        yield open_page
        result = browser.Visit(0, 0, [], 0, 0)
        for event in chromium.events:
            browser._note(event, result, tmp_path / "study.html")
        assert result.problems == []
        assert [url for url in result.requests if not url.startswith("blob:")] == []


def test_a_scripted_person_answers_by_keyboard_and_the_numbers_match(visit):
    asked = study(title="Letters", exposure_ms=None)
    person = visit(asked)
    person.js("document.getElementById('rater').focus()")
    for letter in "Anna":
        person.key(letter)
    person.key("Enter")

    # Anna is right about all real images, and wrong about every third generated one.
    fakes = sorted(name for name, source in asked.sources.items() if source == "GAN")
    fooled = {trial.images[0] for trial in asked.trials} & set(fakes)
    fooled = set(sorted(fooled)[::3])

    def choose(images):
        return int(asked.sources[images[0]] == "GAN" and images[0] not in fooled)

    keys = iter(["ArrowLeft", "ArrowRight", "r", "f"] * 10)

    def press(button):
        key = next(keys)
        while (key in ("ArrowRight", "f")) != bool(button):
            key = next(keys)
        person.key(key)

    log = person.answer(choose, press)
    assert [entry[0] for entry in log] == [
        *("Practice: 1 of 2", "Practice: 2 of 2"),
        *(f"{k} of 12" for k in range(1, 13)),
    ]
    assert [entry[1] for entry in log[:2]] == list(asked.practice)
    file = person.saved(person.downloads)
    assert re.fullmatch(rf"answers-{asked.id}-Anna-[0-9a-f]+\.json", file.name)
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["rater"], found["face"], found["simulated"]) == ("Anna", "page", False)
    # The page showed the very order that the package works out for this session.
    steps = asked.steps(found["session"])
    assert [entry[1] for entry in log] == [step.images for step in steps]
    assert person.js("document.getElementById('copy').value") == json.dumps(
        found, separators=(",", ":")
    )

    results = human.analyse([file], asked)
    assert results["error_fake"] == len(fooled) / 6 == 2 / 6
    assert results["error_real"] == 0
    assert results["error"] == 2 / 12
    assert results["judgements"] == 12 and results["simulated"] is False


def test_pairs_by_touch_on_a_phone(visit):
    asked = study("which_is_real")
    person = visit(asked, width=390, height=780)
    person.touch("#start button")

    def choose(images):  # right except where the real image stands on the right
        return 0

    log = person.answer(
        choose, lambda button: person.touch(f"#choices button:nth-child({button + 1})")
    )
    found = json.loads(person.saved(person.downloads).read_text(encoding="utf-8"))
    assert [answer["answer"] for answer in found["answers"]] == [entry[1][0] for entry in log[2:]]
    table = human.responses.judgements([found], asked)
    assert table.errors.mean() == 0.5  # the real image stands on the left in half of the trials
    assert np.ptp(table.second) == 0  # one side all the time: one and the same place in every pair


@pytest.mark.parametrize("protocol", ["real_or_fake", "which_is_real"])
def test_page_and_package_work_out_the_same_order(visit, protocol):
    asked = study(protocol, practice=0)
    person = visit(asked)
    sessions = [*range(1, 40), 2**31, 2**32 - 1]
    found = person.js(f"{sessions}.map((session) => sessionSteps(session))")
    for session, steps in zip(sessions, found, strict=True):
        assert [(step["trial"], tuple(step["images"])) for step in steps] == asked.steps(session)


def test_mouse_stop_and_next_person(visit):
    asked = study()
    person = visit(asked)
    person.click("#start button")
    person.look()
    for _ in range(2):
        person.click("#choices button:nth-child(1)")
        person.look()
    person.click("#go")
    for _ in range(3):
        person.look()
        person.click("#choices button:nth-child(2)")
    person.look()
    person.js("window.confirm = () => true")
    person.click("#stop")
    file = person.saved(person.downloads)
    first = json.loads(file.read_text(encoding="utf-8"))
    assert [answer["answer"] for answer in first["answers"]] == ["fake"] * 3
    assert human.responses.fault_of(first, asked) is None
    assert first["rater"] == f"rater-{first['session']:08x}"  # nobody has to give a name
    with pytest.raises(ValueError, match="leave no rater: rater-.*answered 25% of the trials"):
        human.analyse([file], asked)

    file.unlink()
    person.click("#again")
    person.click("#start button")
    person.answer(lambda images: 0, lambda button: person.key("r"))
    second = json.loads(person.saved(person.downloads).read_text(encoding="utf-8"))
    assert len(second["answers"]) == 12 and second["session"] != first["session"]


def test_timed_exposure_hides_the_image_behind_a_mask(visit):
    asked = study("which_is_real", trials=2, practice=0, exposure_ms=300)
    person = visit(asked)
    assert "only 0.3 seconds" in person.js("document.getElementById('exposure').textContent")
    person.js(WATCH)
    person.js(  # a key that comes before there is anything to judge is no answer
        "document.querySelector('#start button').click();"
        "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', bubbles: true}))"
    )
    for number in (1, 2):
        assert person.look()["counter"] == f"{number} of 2"
        person.wait_for("#stage .frame:last-child img.shown[alt='']")  # the mask
        sources = "[...document.querySelectorAll('#stage img[alt^=Image]')].map((i) => i.src)"
        assert person.js(sources) == ["", ""]  # nothing left below the mask
        person.key("ArrowRight")
    found = json.loads(person.saved(person.downloads).read_text(encoding="utf-8"))
    log = person.js("window.log")
    states = ["SPAN|SPAN", "|", "Image to judge|Image to judge", "IMG|IMG"]
    states = [state for state in states if state != "|"] * 2  # the blank frame between may be
    assert [state for state, _ in log if state != "|"] == states
    times = [at for state, at in log if state != "|"]
    for start, answer in zip((0, 3), found["answers"], strict=True):
        cross, image, mask = times[start : start + 3]
        assert image - cross >= 495
        # A busy machine may drop frames and so show an image longer; the file says by how much.
        assert mask - image == pytest.approx(answer["shown_ms"], abs=100)
        assert 290 <= answer["shown_ms"] <= answer["ms"]


def test_what_users_name_is_shown_and_never_executed(visit):
    asked = study(title=HOSTILE, instructions=HOSTILE)
    person = visit(asked)
    assert person.js("document.getElementById('title').textContent") == HOSTILE
    assert person.js("document.getElementById('instructions').textContent") == HOSTILE
    assert person.js("document.title") == HOSTILE
    assert person.js("document.scripts.length") == 2
    person.js(f"document.getElementById('rater').value = {json.dumps(HOSTILE[:60])}")
    person.click("#start button")
    person.answer(lambda images: 0, lambda button: person.key("ArrowLeft"))
    file = person.saved(person.downloads)
    assert json.loads(file.read_text(encoding="utf-8"))["rater"] == HOSTILE[:60]
    assert re.fullmatch(r"[\w.-]+", file.name)


def test_the_policy_stops_what_the_page_does_not_do_itself(chromium, tmp_path):
    """The check in `visit` would notice a page that loads or runs anything else."""
    document = study().save_page(tmp_path / "study.html").read_text(encoding="utf-8")
    bad = document.replace("<body>", '<body><img src="http://127.0.0.1:9/x.png"><script>1</script>')
    (tmp_path / "bad.html").write_text(bad, encoding="utf-8")
    problems = browser.visit(chromium, tmp_path / "bad.html", 390).problems
    assert len(problems) >= 2


@pytest.mark.parametrize("width, height", [(390, 780), (1280, 720), (844, 390)])
@pytest.mark.parametrize("protocol", ["real_or_fake", "which_is_real"])
def test_everything_fits_on_the_screen(visit, protocol, width, height):
    person = visit(study(protocol), width, height)
    for _ in range(2):
        assert person.js(browser.MEASURE)["overflowing"] == []
        person.js("document.querySelector('.screen:not([hidden]) button.main')?.click()")
        person.look()
    box = person.js(
        "[...document.querySelectorAll('#choices button, #stage .frame, #counter')].map((e) => {"
        " const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; })"
    )
    for left, top, right, bottom in box:
        assert left >= 0 and top >= 0 and right <= width + 0.5 and bottom <= height + 0.5
    sides = person.js("[...document.querySelectorAll('#stage img')].map((i) => i.width / 14)")
    assert len(set(sides)) == 1 and sides[0] == int(sides[0]) >= 4  # whole pixels, and large


@pytest.mark.parametrize("protocol", ["real_or_fake", "which_is_real"])
def test_a_rater_of_a_chinese_page_meets_no_english(protocol, visit):
    asked = study(protocol, trials=2, language="zh", exposure_ms=300)
    person = visit(asked)
    everything = """[document.title, ...asked,
      ...[...document.querySelectorAll("body *:not(script)")].flatMap((e) => [
        e.title, e.ariaLabel, e.alt, e.placeholder, e.tagName === "INPUT" ? e.value : "",
        ...[...e.childNodes].map((n) => n.nodeType === 3 ? n.data : "")
      ])].join(" ")"""
    person.js("window.asked = []; window.confirm = (text) => { asked.push(text); return false; }")
    assert person.js("document.documentElement.lang") == "zh-CN"
    said = [person.js(everything)]
    person.click("#start button")
    while (screen := person.look()["screen"]) != "end":
        said.append(person.js(everything))
        if screen == "question":
            person.click("#stop")
        person.click("#go" if screen == "pause" else "#choices button")
    person.click("#again")
    said = " ".join([*said, person.js(everything)])
    for words in (
        "练习：第 1 题，共 2 题",
        "将计入结果",
        "第 2 题，共 2 题",
        "现在就结束吗",
        "还没有保存",
    ):
        assert words in said
    said = re.sub(r"<[^>]+>|JavaScript", "", said)  # what a browser without scripts shows
    assert not re.search(r"[A-Za-z]{2,}", said)
