"""Builds the web site in both languages, and looks at a page of each kind as ``check_site`` does.

``.github/workflows/site.yml`` looks at all pages.
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

check_site = pytest.importorskip("check_site", reason="websocket-client is not installed")
import tiny  # noqa: E402

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "build" / "site"
PAGES = (
    "index.html",
    "notebooks/02_gan.html",
    "reference/models.html",
    "guide/add_a_family.html",
    "playground.html",
    "zh/index.html",
    "zh/notebooks/09_faq.html",
)
SIZES = ((390, "light"), (1280, "dark"))


@pytest.fixture(scope="module")
def chromium():
    for name in ("myst_nb", "sphinx_book_theme"):
        if not importlib.util.find_spec(name):
            pytest.skip(f"{name} is missing: pip install 'gentut[docs]'")
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    with tiny.chromium() as connection:
        # Sphinx' warnings count as errors there.
        done = subprocess.run(
            [sys.executable, ROOT / "docs" / "build.py"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        connection.socket.settimeout(300)
        yield connection


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_whole_on_a_phone_and_on_a_laptop(chromium, page):
    seen, events = check_site.visit(chromium, (SITE / page).as_uri(), SIZES)
    assert list(check_site.complaints(events, SITE)) == []
    for (_, scheme), (found, _) in seen.items():
        assert check_site.faults(found, scheme) == []


@pytest.mark.parametrize(("page", "words"), check_site.SEARCHES[:2])
def test_the_search_finds_a_word(chromium, page, words):
    address = f"{(SITE / page).as_uri()}?q={check_site.quote(words)}"
    seen, events = check_site.visit(chromium, address, SIZES[1:], check_site.SEARCH, wait=3)
    assert list(check_site.complaints(events, SITE)) == []
    assert seen[SIZES[1]][0] > 0
