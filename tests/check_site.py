"""Visits every page of the built web site in headless Chromium, from its files, as a reader would.

    python tests/check_site.py build/site [--shots FOLDER]

Each page is opened 390 and 1280 pixels wide, light and dark.  It fails if the console says
something, if anything is fetched from outside the site, if a picture does not load, if a formula is
not drawn or a table not laid out, if the page is wider than the window, or if its text can hardly
be told from its ground; in Chinese, if a button or a field has an English name.
"""

import argparse
import base64
import sys
import time
from pathlib import Path
from urllib.parse import quote

import browser

SIZES = ((390, "light"), (390, "dark"), (1280, "light"), (1280, "dark"))
LOOK = """
(async () => {
  await new Promise((done) => setTimeout(done, 400));  // the theme follows the system's setting
  for (const image of document.images) image.loading = "eager";
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  const images = [...document.images];
  await Promise.all(images.map((image) => image.decode().catch(() => 0)));
  const shown = (e) => e.getClientRects().length > 0;
  const text = document.querySelector(".bd-article p, .bd-article li") || document.body;
  const ground = (e) => {
    const colour = getComputedStyle(e).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && e.parentElement ? ground(e.parentElement) : colour;
  };
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const two = [light(getComputedStyle(text).color), light(ground(text))].sort((a, b) => b - a);
  return {
    width: innerWidth,
    scroll_width: document.documentElement.scrollWidth,
    broken: images.filter((i) => !i.naturalWidth).map((i) => i.src.slice(-60)),
    undescribed: images.filter((i) => shown(i) && !i.alt).map((i) => i.src.slice(-60)),
    formulas: document.querySelectorAll(".math.notranslate").length,
    undrawn: [...document.querySelectorAll(".math.notranslate")]
      .filter((e) => !e.querySelector("mjx-container svg")).map((e) => e.textContent.slice(0, 60)),
    unlaid: [...document.querySelectorAll(".bd-article p")].map((e) => e.textContent)
      .filter((t) => /\\|\\s*:?-{3,}/.test(t)).map((t) => t.slice(0, 60)),
    wrong: [...document.querySelectorAll("mjx-merror, [data-mjx-error]")]
      .map((e) => e.getAttribute("data-mjx-error") || e.textContent.slice(0, 60)),
    contrast: (two[0] + 0.05) / (two[1] + 0.05),
    dark: light(ground(document.body)) < 0.2,
    english: document.documentElement.lang !== "zh-CN" ? [] : [
      ...[...document.querySelectorAll("nav, button, input, details")]
        .flatMap((e) => [e.title, e.ariaLabel, e.placeholder]),
      ...[...document.querySelectorAll("details.hide summary, .admonition-title")]
        .map((e) => e.textContent),
    ].filter((t) => t && /[A-Za-z]{3}/.test(t) && !/[\u3400-\u9fff]/.test(t)),
  };
})()
"""
SEARCHES = (
    ("search.html", "Kullback"),
    ("zh/search.html", "生成对抗网络"),
    ("zh/search.html", "潜变量"),
    ("zh/search.html", "扩散"),
)
SEARCH = "document.querySelectorAll('#search-results li, ul.search li').length"


def visit(chromium, address, sizes=SIZES, look=LOOK, wait=0.0):
    """Open a page once; what is seen of it in each size, a picture, and all that was said."""
    with chromium.tab() as tab:
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab(f"{domain}.enable")
        seen = {}
        for width, scheme in sizes:
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            tab("Emulation.setEmulatedMedia", features=features)
            tab(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=900,
                deviceScaleFactor=1,
                mobile=width < 600,
            )
            if not seen:
                tab("Page.navigate", url=address)
                chromium.wait_for("Page.loadEventFired")
                time.sleep(wait)
            found = tab("Runtime.evaluate", expression=look, returnByValue=True, awaitPromise=True)
            shot = base64.b64decode(tab("Page.captureScreenshot")["data"])
            seen[width, scheme] = found["result"].get("value"), shot
        return seen, list(chromium.events)


def complaints(events, root):
    """Console messages, and requests that leave the site."""
    for event in events:
        name, params = event["method"], event.get("params", {})
        if name == "Runtime.exceptionThrown":
            yield f"exception: {params['exceptionDetails']['text']}"
        elif name == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            yield f"console: {params['args'][0].get('value', params['args'])}"
        elif name == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            yield f"log: {params['entry']['text']}"
        elif name == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith(("data:", root.as_uri())):
                yield f"request: {url}"


def faults(seen, scheme):
    """What is wrong with what is seen."""
    if seen is None:
        return ["the page cannot be looked at"]
    wrong = [
        f"{key}: {seen[key][:3]}"
        for key in ("broken", "undescribed", "undrawn", "unlaid", "wrong", "english")
        if seen[key]
    ]
    if seen["scroll_width"] > seen["width"]:
        wrong.append(f"{seen['scroll_width']} pixels wide in a window of {seen['width']}")
    if seen["contrast"] < 4.5:
        wrong.append(f"contrast {seen['contrast']:.1f}")
    if seen["dark"] != (scheme == "dark"):
        wrong.append(f"is not {scheme}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--shots", type=Path, help="folder for pictures of some pages")
    parser.add_argument("--only", default="", help="pages whose path holds this")
    options = parser.parse_args()
    root = options.site.resolve()
    pages = sorted(p for p in root.rglob("*.html") if "_static" not in p.parts)
    pages = [page for page in pages if options.only in page.relative_to(root).as_posix()]
    passed = failed = formulas = 0
    with browser.chromium() as chromium:
        chromium.socket.settimeout(300)  # a notebook has hundreds of formulas
        for page in pages:
            name = page.relative_to(root).as_posix()
            seen, events = visit(chromium, page.as_uri())
            wrong = list(complaints(events, root))
            for (width, scheme), (found, shot) in seen.items():
                wrong += [f"{width} px, {scheme}: {fault}" for fault in faults(found, scheme)]
                if options.shots:
                    options.shots.mkdir(parents=True, exist_ok=True)
                    place = f"{name.replace('/', '-').removesuffix('.html')}-{width}-{scheme}.png"
                    (options.shots / place).write_bytes(shot)
            formulas += found["formulas"] if found else 0
            passed, failed = passed + (not wrong), failed + bool(wrong)
            print(f"{name}: {'; '.join(map(str, wrong))[:600] or 'good'}", flush=True)
        for place, words in SEARCHES:
            address = f"{(root / place).as_uri()}?q={quote(words)}"
            seen, events = visit(chromium, address, SIZES[-2:-1], SEARCH, wait=3)
            found = next(iter(seen.values()))[0]
            wrong = [*complaints(events, root), *([] if found else ["finds nothing"])]
            passed, failed = passed + (not wrong), failed + bool(wrong)
            print(f"{place} for {words}: {found} pages", *wrong)
    print(f"{len(pages)} pages, {formulas} formulas drawn")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
