"""Visits every slide of the built decks in headless Chromium, as they are projected and printed.

    python tests/check_slides.py build/slides [--shots FOLDER] [DECK …]

It fails if something of a slide lies outside its 1280 by 720 pixels, if text is smaller than 18
pixels, if a formula is not drawn or a picture does not load, if the console says something, if
anything is fetched from outside the folder, or if the printed deck has another number of pages.
"""

import argparse
import base64
import re
import sys
from pathlib import Path

import browser

READY = """
(async () => {
  for (let i = 0; i < 600 && !(window.Reveal && Reveal.isReady()); i++)
    await new Promise((done) => setTimeout(done, 50));
  await Promise.all([...document.images].map((i) => i.decode().catch(() => 0)));
  return Reveal.getTotalSlides();
})()
"""
# One slide: what sticks out, the smallest text, formulas and pictures that are not there.
LOOK = """
((k) => {
  const slide = Reveal.getSlides()[k], place = Reveal.getIndices(slide);
  Reveal.slide(place.h, place.v);
  const shown = [...slide.querySelectorAll("*")].filter(
    (e) => !e.closest("aside, svg, mjx-assistive-mml") && e.getClientRects().length);
  const scale = Reveal.getScale(), box = document.querySelector(".slides").getBoundingClientRect();
  const out = shown.filter((e) => {
    const r = e.getBoundingClientRect();
    return r.bottom > box.top + 720 * scale + 1 || r.right > box.left + 1280 * scale + 1
        || r.left < box.left - 1 || r.top < box.top - 1;
  });
  const texts = shown.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())
    && !e.closest("sub, sup, mjx-container"));
  const sizes = texts.map((e) => parseFloat(getComputedStyle(e).fontSize));
  const drawn = slide.querySelectorAll("mjx-container").length;
  return {
    heading: (slide.querySelector("h1, h2, h3") || slide).textContent.slice(0, 50),
    where: place.h + "." + (place.v || 0),
    cell: (slide.querySelector(".where") || {textContent: ""}).textContent,
    out: out.map((e) => e.tagName + " " + e.textContent.trim().slice(0, 40)).slice(0, 3),
    least: sizes.length ? Math.min(...sizes) : 99,
    raw: texts.map((e) => e.textContent).filter((t) => /\\$[^$]{2,}\\$/.test(t)).slice(0, 2),
    wrong: [...slide.querySelectorAll("mjx-merror, [data-mjx-error]")].length,
    broken: [...slide.querySelectorAll("img")].filter((i) => !i.naturalWidth || !i.alt).length,
    words: texts.length, formulas: drawn,
  };
})(%d)
"""


def visit(chromium, deck, shots=None):
    """The faults of a deck, and the number of its slides."""
    faults = []
    with chromium.tab() as tab:
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab(f"{domain}.enable")
        size = {"width": 1280, "height": 720, "deviceScaleFactor": 1, "mobile": False}
        tab("Emulation.setDeviceMetricsOverride", **size)

        def run(expression):
            answer = tab(
                "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
            )
            return answer["result"].get("value")

        tab("Page.navigate", url=deck.resolve().as_uri())
        chromium.wait_for("Page.loadEventFired")
        count = run(READY)
        for k in range(count):
            seen = run(LOOK % k)
            name = f"{deck.stem} {seen['where']} ({seen['cell']}: {seen['heading']})"
            for fault in ("out", "raw", "wrong", "broken"):
                if seen[fault]:
                    faults.append(f"{name}: {fault}: {seen[fault]}")
            if seen["least"] < 18:
                faults.append(f"{name}: text of {seen['least']} pixels")
            if shots:
                shot = base64.b64decode(tab("Page.captureScreenshot")["data"])
                (shots / f"{deck.stem}_{k:03}.png").write_bytes(shot)
        tab("Page.navigate", url=deck.resolve().as_uri() + "?print-pdf")
        run("new Promise((done) => setTimeout(done, 300))")
        run(READY)
        run("new Promise((done) => setTimeout(done, 700))")
        printed = base64.b64decode(
            tab("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"]
        )
        pages = len(re.findall(rb"/Type\s*/Page\b", printed))
        if pages != count:
            faults.append(f"{deck.stem}: {count} slides print on {pages} pages")
        if shots:
            (shots / f"{deck.stem}.pdf").write_bytes(printed)
        folder = deck.resolve().parent.as_uri()
        for event in chromium.events:
            params = event.get("params", {})
            if event["method"] == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("data:", "blob:", folder)):
                    faults.append(f"{deck.stem}: fetches {url}")
            elif event["method"] == "Runtime.exceptionThrown":
                faults.append(f"{deck.stem}: {params['exceptionDetails']['text']}")
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                faults.append(f"{deck.stem}: {params['entry']['text']}")
    return faults, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("decks", nargs="*", help="names of decks (default all)")
    parser.add_argument("--shots", type=Path, help="a folder for a picture of each slide")
    options = parser.parse_intermixed_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    decks = [
        d for d in sorted(options.folder.glob("*.html")) if d.stem in (options.decks or d.stem)
    ]
    faults, total = [], 0
    with browser.chromium() as chromium:
        for deck in decks:
            found, count = visit(chromium, deck, options.shots)
            faults, total = faults + found, total + count
            print(f"{deck.name}: {count} slides, {len(found)} faults", flush=True)
    print(*faults, sep="\n")
    print(f"{total} slides of {len(decks)} decks, {len(faults)} faults")
    sys.exit(bool(faults) or not decks)


if __name__ == "__main__":
    main()
