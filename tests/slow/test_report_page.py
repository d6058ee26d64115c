"""The reports of tests/test_report.py, opened in a browser.

Slow: it starts Chromium.  Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import pytest
from test_report import chinese_compare_page, compare_page, run_page  # noqa: F401

from gentut.report.page import Paragraph, page

browser = pytest.importorskip("browser", reason="websocket-client is not installed")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["compare_page", "run_page", "chinese_compare_page"])
def test_pages_open_cleanly_in_chromium(chromium, name, width, request):
    visit = browser.visit(chromium, request.getfixturevalue(name), width)
    assert visit.problems == []
    assert visit.requests == []
    assert visit.images == {"compare_page": 10, "run_page": 3, "chinese_compare_page": 11}[name]
    assert visit.undecoded == 0
    assert visit.scroll_width <= visit.width and visit.overflowing == []


def test_the_browser_check_notices_faults(chromium, tmp_path):
    """A page with every fault that the test above looks for."""
    bad = page("Bad", "", [Paragraph("x")])
    bad = bad.replace(
        "</main>",
        '<img src="data:image/png;base64,AAAA"><img src="http://127.0.0.1:9/x.png">'
        '<div style="width:2000px">wide</div><script>1</script></main>',
    )
    (tmp_path / "bad.html").write_text(bad, encoding="utf-8")
    visit = browser.visit(chromium, tmp_path / "bad.html", 390)
    assert visit.undecoded == 2
    assert [name.split()[0] for name in visit.overflowing] == ["DIV"]
    assert visit.scroll_width > 390
    assert len(visit.problems) >= 2  # the script and the image that the policy forbids
