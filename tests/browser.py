"""Opens a page in headless Chromium and reports what a reader would meet.

Driven over the DevTools protocol, so the page is tested as it is, under its own security policy.
"""

import base64
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

MEASURE = """
(() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = (e) => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX) ||
                               scrolls(e.parentElement));
  const images = [...document.images];
  return {
    width: innerWidth,
    scroll_width: document.documentElement.scrollWidth,
    overflowing: [...document.body.querySelectorAll("*")]
      .filter((e) => e.getBoundingClientRect().right > wide + 0.5 && !scrolls(e.parentElement))
      .map((e) => e.tagName + " " + e.textContent.slice(0, 40)),
    images: images.length,
    undecoded: images.filter((i) => !i.complete || i.naturalWidth === 0).length,
  };
})()
"""


@dataclass
class Visit:
    """What came of a page at one width."""

    width: int
    scroll_width: int
    overflowing: list[str]
    images: int
    undecoded: int
    problems: list[str] = field(default_factory=list)  # console errors, exceptions, blocked loads
    requests: list[str] = field(default_factory=list)  # beyond the page itself and data: URLs
    screenshot: bytes = b""


def visit(browser: "Connection", path: Path, width: int) -> Visit:
    """Opens an HTML file in a new tab of that many CSS pixels."""
    with browser.tab() as tab:
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab(f"{domain}.enable")
        tab(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        tab("Page.navigate", url=path.resolve().as_uri())
        browser.wait_for("Page.loadEventFired")
        answer = tab("Runtime.evaluate", expression=MEASURE, returnByValue=True)
        shot = tab("Page.captureScreenshot", captureBeyondViewport=True)
        result = Visit(**answer["result"]["value"])
        result.screenshot = base64.b64decode(shot["data"])
        for event in browser.events:
            _note(event, result, path)
        return result


def _note(event: dict, result: Visit, path: Path) -> None:
    name, params = event["method"], event.get("params", {})
    if name == "Runtime.exceptionThrown":
        result.problems.append(params["exceptionDetails"]["text"])
    elif name == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
        result.problems.append(str(params["args"]))
    elif name == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
        result.problems.append(params["entry"]["text"])
    elif name == "Network.requestWillBeSent":
        url = params["request"]["url"]
        if not url.startswith("data:") and url != path.resolve().as_uri():
            result.requests.append(url)


class Connection:
    """Speaks the DevTools protocol with one browser; `events` holds what it said unasked."""

    def __init__(self, url: str):
        self.socket = websocket.create_connection(url, timeout=60, suppress_origin=True)
        self.events, self.count = [], 0

    def call(self, method: str, session: str | None = None, **params) -> dict:
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        self.socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method: str) -> None:
        while all(event["method"] != method for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    @contextmanager
    def tab(self):
        """A new tab, as a function that calls the protocol's methods in it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events.clear()
        yield partial(self.call, session=session)
        self.call("Target.closeTarget", targetId=target)


def evaluate(tab, expression: str):
    """The value of an expression of JavaScript in a tab; of a promise, what it promises."""
    answer = tab("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")


@contextmanager
def chromium():
    """A headless Chromium with a profile of its own, gone at the end."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    flags += ["--disable-background-networking", "--remote-debugging-port=0"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *flags, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            connection = Connection(_address(Path(profile, "DevToolsActivePort"), process))
            yield connection
            connection.socket.close()
        finally:
            process.terminate()
            process.wait(timeout=20)


def _address(file: Path, process: subprocess.Popen) -> str:
    for _ in range(600):
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{CHROMIUM} did not start; exit code {process.poll()}.")
