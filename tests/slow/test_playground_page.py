"""The playground: networks that the page runs against Keras, and the page in a real browser.

Slow, as it waits for what a reader waits for.  Not part of ``pytest tests``; ``.ci/run`` names this
folder.
"""

import functools
import json
import re
import time
from contextlib import contextmanager
from importlib.resources import files

import keras
import numpy as np
import pytest
from keras import layers, ops
from tiny import english_in

from gentut.models import networks, spatial
from gentut.models.pretrained import load_pretrained as load
from gentut.models.transformer import latent_transformer
from gentut.report import playground as report
from gentut.report.network_export import as_text, packed, program, rounded_weights
from gentut.runs import playground as runs

browser = pytest.importorskip("browser", reason="websocket-client is not installed")
HALF_A_GREY = 0.5 / 255
load_pretrained = functools.cache(load)
NETWORK_JS = files("gentut.report").joinpath("playground_page", "network.js")
GAME_JS = files("gentut.report").joinpath("playground_page", "plane_gan.js")


# ---------------------------------------------------------------- networks in the browser


class Reader:
    """Sits at one tab and does what a reader can do."""

    def __init__(self, tab):
        self.tab = tab
        for domain in ("Page", "Runtime", "Log", "Network", "Performance"):
            tab(f"{domain}.enable")

    def js(self, expression):
        return browser.evaluate(self.tab, expression)

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not self.js(condition):
            assert time.monotonic() < end, f"{condition} did not come true"
            time.sleep(0.02)

    def size(self, width, dark=False):
        self.tab(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        phone = width < 600
        self.tab(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self.tab("Emulation.setTouchEmulationEnabled", enabled=phone)

    def place(self, selector, x=0.5, y=0.5):
        """Where it is, once it stays there: models that load move what is below them."""
        at = None
        while at != (
            at := self.js(
                f"(() => {{ const e = document.querySelector({selector!r});"
                "e.scrollIntoView({block: 'center', behavior: 'instant'});"
                f"const r = e.getBoundingClientRect();"
                f"return {{x: r.x + r.width * {x}, y: r.y + r.height * {y}}}; }})()"
            )
        ):
            time.sleep(0.1)
        return at

    def click(self, selector):
        at = self.place(selector) | {"button": "left", "clickCount": 1}
        self.tab("Input.dispatchMouseEvent", type="mousePressed", **at)
        self.tab("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def drag(self, selector, start, ends):
        at = self.place(selector, *start)
        self.tab("Input.dispatchMouseEvent", type="mousePressed", button="left", clickCount=1, **at)
        for end in ends:
            at = self.place(selector, *end)
            self.tab("Input.dispatchMouseEvent", type="mouseMoved", button="left", buttons=1, **at)
        self.tab("Input.dispatchMouseEvent", type="mouseReleased", button="left", **at)

    def touch(self, selector, start, end):
        at = [self.place(selector, *point) for point in (start, end)]
        self.tab("Input.dispatchTouchEvent", type="touchStart", touchPoints=at[:1])
        self.tab("Input.dispatchTouchEvent", type="touchMove", touchPoints=at[1:])
        self.tab("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, key, text=""):
        codes = {"ArrowRight": 39, "ArrowUp": 38, "Enter": 13, "Tab": 9}
        code = {"windowsVirtualKeyCode": codes.get(key, 0), "key": key, "code": key}
        self.tab("Input.dispatchKeyEvent", type="keyDown", text=text, **code)
        self.tab("Input.dispatchKeyEvent", type="keyUp", **code)

    def processor_seconds(self):
        """What the page's thread has used of the processor, whatever else this machine does."""
        metrics = self.tab("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "ThreadTime")


@pytest.fixture(scope="module")
def reader(chromium):
    """A tab that has the functions of the page, and no page."""
    with chromium.tab() as tab:
        reader = Reader(tab)
        reader.js(
            "{"
            + NETWORK_JS.read_text(encoding="utf-8")
            + "globalThis.unpack = unpack; globalThis.runNetwork = runNetwork; }"
        )
        reader.js(GAME_JS.read_text(encoding="utf-8") + "globalThis.PlaneGan = PlaneGan")
        yield reader


def run_in_page(reader, network, coarseness, inputs):
    steps, arrays = program(network)
    text = as_text(packed({"program": steps}, arrays, coarseness))
    numbers = json.dumps([np.ravel(x).tolist() for x in inputs])
    call = (
        f"unpack({json.dumps(text)}).then((m) => [...runNetwork(m.program, m.arrays, {numbers})])"
    )
    return np.array(reader.js(call), "float32")


def with_exact_weights(network, seed=0):
    """Give a network weights that rounding leaves as they are, so that only arithmetic differs."""
    rng = np.random.default_rng(seed)
    for variable in network.weights:
        shape, name = tuple(variable.shape), variable.path
        if "moving_variance" in name:
            layer = next(x for x in network.layers if x.name == name.split("/")[-2])
            values = np.full(shape, 1 - layer.epsilon)  # then the folded scale is gamma
        elif len(shape) < 2:
            values = rng.integers(1, 32, shape) / 32
        else:
            values = rng.integers(-126, 127, shape)
            values[0] = np.where(values[0] < 0, -127, 127)  # the largest of each output
            values = values / 1024
        variable.assign(values.astype("float32"))
    return network


def text_network():
    return latent_transformer((4, 4, 3), vocabulary=9, words=5, width=8, depth=2, heads=2)


NETWORKS = {
    "generator": (lambda: networks.generator((28, 28, 1), 5, 3, filters=(6, 4)), [2]),
    "generator without labels": (lambda: networks.generator((32, 32, 3), 5, filters=(6, 4)), []),
    "decoder": (lambda: networks.decoder((28, 28, 1), 5, 3, filters=(6, 4), units=7), [1]),
    "decoder of a grid": (lambda: spatial.spatial_decoder((32, 32, 3), 2, filters=(6, 4, 3)), []),
    "U-Net": (lambda: networks.velocity((28, 28, 1), 3, filters=(4, 6), units=8), [[0.3], 3]),
    "MLP": (lambda: networks.latent_velocity(6, 3, units=8, blocks=2), [[0.9], 0]),
    "transformer of labels": (
        lambda: latent_transformer((4, 4, 3), num_classes=3, width=8, depth=1, heads=2),
        [[0.1], 2],
    ),
    "transformer of texts": (text_network, [[0.6], [3, 8, 1, 0, 0]]),
    "transformer without text": (text_network, [[0.6], [0, 0, 0, 0, 0]]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_computes_what_keras_computes(reader, name):
    build, others = NETWORKS[name]
    network = with_exact_weights(build())
    first = np.random.default_rng(1).standard_normal((1, *network.inputs[0].shape[1:]))
    inputs = [first.astype("float32"), *(np.array([x], "float32") for x in others)]
    expected = ops.convert_to_numpy(network(inputs if others else inputs[0], training=False))
    found = run_in_page(reader, network, 0.0, inputs)
    scale = np.abs(expected).max()
    assert scale > 0.05
    np.testing.assert_allclose(found, expected.ravel(), atol=2e-5 * max(1, scale))


def test_activations(reader):
    inputs = keras.Input((41,))
    values = np.linspace(-6, 6, 41, dtype="float32")[None]
    for name in ("relu", "silu", "gelu", "tanh", "sigmoid", "linear"):
        network = keras.Model(inputs, layers.Activation(name)(inputs))
        expected = ops.convert_to_numpy(network(values)).ravel()
        found = run_in_page(reader, network, 0.1, [values])
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", ["vae-glyphs", "gan-glyphs"])
def test_shipped_models_in_the_page_are_those_of_keras(reader, name):
    """Fixed latents: equal to Keras with the same rounded weights, near to it with its own."""
    model = load_pretrained(name)
    network = model.decoder if name.startswith("vae") else model.ema_generator
    last = ops.sigmoid if name.startswith("vae") else ops.convert_to_tensor
    latents = np.random.default_rng(5).standard_normal((6, model.latent_dim)).astype("float32")
    labels = np.arange(6, dtype="int32")
    pairs = zip(latents, labels, strict=True)
    found = [run_in_page(reader, network, 0.15, [z, [y]]) for z, y in pairs]
    found = ops.convert_to_numpy(last(np.array(found)))
    exact = ops.convert_to_numpy(last(network([latents, labels], training=False))).reshape(6, -1)
    with rounded_weights(network, 0.15):
        same = ops.convert_to_numpy(last(network([latents, labels], training=False))).reshape(6, -1)
    assert np.abs(found - same).max() < HALF_A_GREY
    assert 0 < np.abs(found - exact).mean() < 0.01
    assert exact.std() > 0.2


# ---------------------------------------------------------------- the game


def test_gradients_of_the_game_are_those_of_differences(reader):
    wrong = reader.js("""(() => {
      const { normal, normals } = randomNumbers(3);
      const L = makeLayers([2, 5, 4, 1], normal), x = normals(6), weights = [0.3, -1, 0.5];
      const value = () => forward(L, x, 3).at(-1).reduce((sum, s, i) => sum + weights[i] * s, 0);
      const found = backward(L, forward(L, x, 3), Float64Array.from(weights), 3);
      const differs = (array, i, gradient) => {
        const old = array[i], h = 1e-6;
        array[i] = old + h;
        const up = value();
        array[i] = old - h;
        const down = value();
        array[i] = old;
        return Math.abs((up - down) / (2 * h) - gradient);
      };
      const all = L.flatMap((layer, k) => ["W", "b"].flatMap((name) =>
        [...layer[name].keys()].map((i) => differs(layer[name], i, found.weights[k][name][i]))));
      return Math.max(...all, ...[...x.keys()].map((i) => differs(x, i, found.points[i])));
    })()""")
    assert 0 < wrong < 1e-6


def test_a_greedy_generator_collapses_and_a_fair_game_heals_it(reader):
    greedy, healed = reader.js("""(() => {
      const gan = new PlaneGan(1, "ring"), noise = gan.random.normals(600);
      const played = (rounds, moves) => {
        gan.moves = moves;
        const counts = [];
        for (let i = 1; i <= rounds; i++) {
          gan.step();
          if (i % 10 === 0) counts.push(gan.reached(gan.generate(noise)));
        }
        return counts;
      };
      return [played(60, 10), played(800, 1)];
    })()""")
    assert np.mean(greedy) < 2 and max(healed) >= 6, (greedy, healed)


def test_counting_clouds(reader):
    assert reader.js("""(() => {
      const gan = new PlaneGan(1, "grid");
      return [gan.reached(gan.realPoints(2000)), gan.reached(new Float64Array(200).fill(9)),
              gan.reached(new Float64Array(200))];
    })()""") == [9, 0, 1]  # all clouds, none, the one in the middle


# ---------------------------------------------------------------- the page


def write_page(path, language=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "load_pretrained", load_pretrained)
        path.write_text(runs.playground(language=language), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("playground") / "page.html")


@pytest.fixture
def visitor(chromium, page):
    with visiting(chromium, page) as reader:
        yield reader


@contextmanager
def visiting(chromium, page):
    """Opens a page; at the end nothing was requested and nothing complained."""
    with chromium.tab() as tab:
        reader = Reader(tab)
        reader.size(1280)
        tab("Page.navigate", url=page.as_uri())
        chromium.wait_for("Page.loadEventFired")
        assert reader.js("started") is True
        yield reader
        result = browser.Visit(1280, 0, [], 0, 0)
        reader.js("0")
        for event in chromium.events:
            browser._note(event, result, page)
        assert result.problems == [] and result.requests == []


PICTURE = "document.getElementById('{}').toDataURL()"


def test_the_page_is_small_and_says_what_rounding_changed(page):
    html = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="page-data">(.*?)</script>', html).group(1))
    assert len(html.encode()) <= report.LIMIT
    assert {"vae-glyphs", "gan-glyphs", "emoji-grid"} <= {space["name"] for space in data["spaces"]}
    assert all(0 < model["error"] < 0.06 for model in data["models"])


def test_latent_space_by_mouse_touch_and_keyboard(visitor):
    picture, number = (
        PICTURE.format("latent-picture"),
        "coordinate(currentPlace().z, latent.space.axes[0])",
    )
    before = visitor.js(picture)
    visitor.drag("#latent-map", (0.5, 0.5), [(0.6, 0.5), (0.7, 0.4)])
    assert visitor.js(number) == pytest.approx(0.2 * 2 * 2.5 * 7 / 6, abs=0.05)
    visitor.wait_for(f"{picture} !== {json.dumps(before)}")
    visitor.js("document.getElementById('latent-map').focus()")
    here = visitor.js(number)
    visitor.key("ArrowRight")
    assert visitor.js(number) == pytest.approx(here + 0.25, abs=1e-4)
    visitor.size(390)
    visitor.touch("#latent-map", (0.5, 0.5), (0.3, 0.5))
    assert visitor.js(number) == pytest.approx(-0.2 * 2 * 2.5 * 7 / 6, abs=0.05)
    visitor.click("#latent-classes button:nth-child(4)")
    visitor.wait_for("latent.way === 1 && latent.goal.mix[3] === 1")
    visitor.wait_for("document.getElementById('latent-caption').textContent.includes(': D')")
    visitor.js(
        "document.querySelector('#latent-way').value = 50;"
        "document.querySelector('#latent-way').dispatchEvent(new Event('input'))"
    )
    visitor.wait_for(
        "document.getElementById('latent-caption').textContent.includes('between A and D')"
    )
    visitor.click("#latent-surprise")
    visitor.wait_for("latent.way === 1")
    strip = PICTURE.format("latent-strip")
    for k in (2, 3):  # the GAN, the emoji
        before = visitor.js(strip)
        visitor.click(f"#latent-models label:nth-child({k}) input")
        visitor.wait_for(f"{strip} !== {json.dumps(before)}")
        visitor.wait_for(f"latent.space.name === page.spaces[{k - 1}].name")
        visitor.click("#latent-surprise")
        visitor.wait_for("latent.way === 1 && latent.map.filled === 49")


def test_models_change_while_pictures_of_the_one_before_are_made(visitor):
    """A reader is faster than the map; what is made meanwhile is made by one model, not by two."""
    models = visitor.js("page.spaces.length")
    for _ in range(3):
        for k in range(1, models + 1):
            visitor.click(f"#latent-models label:nth-child({k}) input")
            visitor.click("#latent-surprise")
            visitor.click("#latent-way")
            visitor.wait_for(f"latent.space.name === page.spaces[{k - 1}].name")
            visitor.js("nextFrame()")
    visitor.wait_for("latent.map.filled === 49 && latent.strip.filled === 9")
    assert visitor.js("[latent.map.space, latent.strip.space].every((x) => x === latent.space)")


def test_the_model_chosen_last_is_the_one_shown(visitor):
    """Also if the one before is unpacked later."""
    first, third = visitor.js("[0, 2].map((k) => page.spaces[k].name)")
    visitor.click("#latent-models label:nth-child(3) input")
    visitor.click("#latent-models label:nth-child(1) input")
    visitor.js(f"loadModel({third!r}).then(nextFrame)")
    assert visitor.js("latent.space.name") == first


def test_a_new_walk_begins_at_the_picture_that_is_seen(visitor):
    """Halfway from A to D, on to B: the class does not jump either."""
    before, after = visitor.js("""(() => {
      goToClass(3);
      running.delete(latent);
      setWay(0.25);
      const before = currentPlace();
      goToClass(1);
      return [before, currentPlace()].map(({ z, mix }) => [...z, ...mix]);
    })()""")
    assert before == after and before[-10:] == [0.75, 0, 0, 0.25, 0, 0, 0, 0, 0, 0]
    visitor.wait_for(
        "document.getElementById('latent-caption').textContent.includes('A, B, and D')"
    )
    visitor.wait_for("latent.way === 1")
    assert visitor.js("""(() => {
      const { z } = currentPlace(), { program, arrays } = latent.space.file;
      const own = runNetwork(program, arrays, [z, [1]]).map(ACTIVATIONS.sigmoid);
      return decode(currentPlace(), latent.space).every((v, i) => v === own[i]);
    })()""")


def test_an_experiment_answers_once_it_has_started(chromium, page):
    with chromium.tab() as tab:
        reader = Reader(tab)
        inert = "[...document.querySelectorAll('section')].map((s) => s.inert)"
        tab(
            "Page.addScriptToEvaluateOnNewDocument",
            source=f"addEventListener('DOMContentLoaded', () => (globalThis.atFirst = {inert}))",
        )
        tab("Page.navigate", url=page.as_uri())
        chromium.wait_for("Page.loadEventFired")
        reader.js("started")
        # The game needs no model, and is there at once.
        assert reader.js("atFirst") == [True, False, True, True]
        assert reader.js(inert) == [False] * 4


def test_the_game_starts_and_pauses(visitor):
    visitor.click("#game-start")
    visitor.wait_for("game.gan.steps > 20")
    visitor.click("#game-moves label:nth-child(2) input")
    assert visitor.js("game.gan.moves") == 10
    visitor.js("document.getElementById('game-start').focus()")
    visitor.key("Enter", "\r")
    assert visitor.js("game.going") is False
    visitor.wait_for(
        r"/Round \d+: [0-8] of 8 clouds/.test(document.getElementById('game-status').textContent)"
    )
    visitor.click("#game-shapes label:nth-child(2) input")
    assert visitor.js("[game.gan.centres.length, game.gan.steps]") == [9, 0]


def test_the_game_paused_and_started_within_a_frame_is_one_game(visitor):
    visitor.place("#game-plane")
    drawn = visitor.js("""(async () => {
      let drawn = 0;
      const draw = drawGame;
      drawGame = () => { drawn++; draw(); };
      for (const going of [true, false, true, false, true]) setGoing(going);
      for (let i = 0; i < 20; i++) await nextFrame();
      return drawn;
    })()""")
    assert 15 <= drawn <= 20


def test_noise_becomes_the_letter_that_keras_draws(visitor):
    """The whole way in the page ends where Euler's method of the package does."""
    visitor.click("#noise-classes button:nth-child(3)")
    visitor.wait_for(
        "document.getElementById('noise-status').textContent === 'Noise became C in 16 steps.'"
    )
    start, end = (
        np.array(visitor.js(f"[...{x}]"), "float32") for x in ("noise.start", "noise.path.at(-1).x")
    )
    flow = load_pretrained("flow-glyphs")
    options = {"labels": [2], "steps": 16, "method": "euler"}
    drawn = flow.decode(start.reshape(1, 28, 28, 1), **options).ravel()
    found = np.clip((end + 1) / 2, 0, 1)
    assert drawn.std() > 0.1  # a letter; 0.15 is the thinnest of 200 starts
    assert np.corrcoef(found, drawn)[0, 1] > 0.85  # 0.88 is the worst of 200 starts
    visitor.click("#noise-steps label:nth-child(1) input")
    visitor.wait_for(
        "document.getElementById('noise-status').textContent === 'Noise became C in 1 step.'"
    )
    at_once = np.array(visitor.js("[...noise.path[0].expected]"), "float32")
    assert at_once.std() < end.std()  # a blur


def test_a_hand_on_the_slider_of_time_is_obeyed(visitor):
    time = "document.getElementById('noise-time').textContent"
    visitor.wait_for("noise.path.length === 17")  # the first way, unseen
    assert visitor.js(time) == "0.00"
    visitor.js("document.getElementById('noise-slider').focus()")
    visitor.key("ArrowRight")
    assert visitor.js(time) == "0.06"
    visitor.click("#noise-play")
    visitor.wait_for("noise.path.length > 4 && noise.path.length < 17")
    visitor.click("#noise-slider")  # in its middle, while the way goes on
    visitor.wait_for("document.getElementById('noise-status').textContent !== ''")
    assert visitor.js(time) == "0.50"


def test_words_become_the_emoji_that_keras_draws(visitor):
    visitor.js("document.getElementById('caption-text').value = 'red heart qwxz'")
    visitor.js("document.getElementById('caption-text').focus()")
    visitor.key("Enter", "\r")
    visitor.wait_for("document.getElementById('caption-status').textContent.startsWith('Done')")
    status = visitor.js("document.getElementById('caption-status').textContent")
    assert status == "Done: “red heart qwxz”. I do not know, and left out: qwxz."
    noise = np.array(visitor.js("[...caption.noise]"), "float32")
    found = np.array(
        visitor.js("""solveCaption(tokensOf(wordsOf('red heart'), caption.length), 3, () => 0)
      .then((z) => [...decodeCaption(z)])"""),
        "float32",
    )
    model = load_pretrained("text_flow-emoji")
    drawn = model.decode(
        noise.reshape(1, *model.vae.latent_shape), ["red heart"], steps=6, guidance=3.0
    )
    assert np.corrcoef(found, drawn.ravel())[0, 1] > 0.9
    red, green, blue = found.reshape(-1, 3).mean(axis=0)
    assert red > green + 0.1 and red > blue + 0.1
    for text, said in (
        ("", "Please write a word first."),
        ("qwxz", "I know none of these words: qwxz."),
    ):
        visitor.js(f"document.getElementById('caption-text').value = '{text}'; drawCaption()")
        visitor.wait_for(f"document.getElementById('caption-status').textContent === '{said}'")


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_nothing_is_wider_than_the_window(visitor, width, dark):
    visitor.size(width, dark)
    visitor.js("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    seen = visitor.js(browser.MEASURE)
    assert seen["scroll_width"] <= width and seen["overflowing"] == []


# All that the page shows or tells a screen reader.
SAID = """[...document.querySelectorAll("body *:not(script, noscript, code)")].flatMap((e) => [
  e.ariaLabel, e.ariaValueText, e.ariaRoleDescription, e.type === "text" && e.value, e.title,
  ...[...e.childNodes].map((n) => n.nodeType === 3 ? n.data : "")
]).filter(Boolean).join("\\n")"""


def test_a_reader_of_the_chinese_page_meets_no_english(chromium, tmp_path):
    page = write_page(tmp_path / "page.html", "zh")
    assert len(page.read_bytes()) <= report.LIMIT
    assert english_in(page.read_text(encoding="utf-8").partition("<main>")[0]) == []
    with visiting(chromium, page) as visitor:
        assert visitor.js("[document.documentElement.lang, document.title]") == [
            "zh-CN",
            "玩一玩图像生成",
        ]
        said = [visitor.js(SAID)]

        def status(name, text):
            visitor.wait_for(
                f"document.getElementById('{name}').textContent.includes({json.dumps(text)})"
            )
            said.append(visitor.js(SAID))

        visitor.js("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        visitor.click("#latent-models label:last-child input")  # the emoji, a grid
        status("latent-caption", "笑脸与情绪")
        visitor.click("#latent-classes button:nth-child(4)")
        visitor.click("#latent-way")  # in its middle
        status("latent-caption", "之间。")
        visitor.click("#game-start")
        visitor.wait_for("game.gan.steps > 20")
        visitor.click("#game-start")
        status("game-status", "8 朵云")
        visitor.click("#noise-steps label:nth-child(2) input")
        status("noise-status", "噪声走了 2 步，变成了 A。")
        visitor.click("#caption-examples button:nth-child(2)")
        status("caption-status", "画好了：“蓝心”。")
        for text, told in (("", "请先写"), ("qwxz", "都不认识：qwxz"), ("心qwxz", "略去：qwxz")):
            visitor.js(f"document.getElementById('caption-text').value = '{text}'; drawCaption()")
            status("caption-status", told)
        names = r"\b(blue heart|red heart|[a-z_]+-(glyphs|emoji|grid))\b"
        found = re.findall("[A-Za-z]{2,}", re.sub(names, "", "\n".join(said)))
        known = {"VAE", "GAN", "latent", "flow", "guidance", "log", "kB", "qwxz"}
        assert set(found) <= known
        for width in (390, 1280):
            visitor.size(width)
            seen = visitor.js(browser.MEASURE)
            assert seen["scroll_width"] <= width and seen["overflowing"] == []


def test_everything_that_takes_the_focus_has_a_name(visitor):
    visitor.js("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    nodes = visitor.tab("Accessibility.getFullAXTree")["nodes"]
    focusable = [
        node
        for node in nodes
        if any(
            p["name"] == "focusable" and p["value"].get("value") for p in node.get("properties", [])
        )
        and node["role"]["value"] not in ("RootWebArea", "genericContainer")
    ]
    assert len(focusable) > 60
    assert [n["role"]["value"] for n in focusable if not n.get("name", {}).get("value")] == []
    images = [
        n["name"]["value"] for n in nodes if n.get("role", {}).get("value") in ("image", "img")
    ]
    assert len(images) >= 8 and all(images)


def test_without_motion_the_walk_is_over_at_once(visitor):
    visitor.tab(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-reduced-motion", "value": "reduce"}],
    )
    assert visitor.js("surprise(); latent.way") == 1


FRAMES = {
    "latent": "setCoordinates({ 0: Math.sin(i / 10), 1: Math.cos(i / 10) })",
    "game": "game.going || setGoing(true)",
    "noise": "(i % 17 === 0) && walk(drawNoise)",
}


@pytest.mark.parametrize("name", FRAMES)
def test_twenty_frames_a_second(visitor, name):
    """Counted by the time on the processor, which other programs on this machine do not change."""
    visitor.place(f"#{name}-{ {'latent': 'picture', 'game': 'plane', 'noise': 'now'}[name] }")
    visitor.wait_for("latent.map.filled === 49")
    before, start = visitor.processor_seconds(), time.monotonic()
    frame = f"{{ {FRAMES[name]}; await nextFrame(); }}"
    visitor.js(f"(async () => {{ for (let i = 0; i < 40; i++) {frame} }})()")
    rate = 40 / (visitor.processor_seconds() - before)
    print(
        f"{name}: {rate:.0f} frames a second; {40 / (time.monotonic() - start):.0f} beside others"
    )
    assert rate >= 20
