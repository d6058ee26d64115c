"""The study as one HTML page: what it holds, and what the browser lets it do."""

import base64
import hashlib
import json
from html import escape
from importlib.resources import files


def page(public: dict) -> str:
    """Return the HTML document for raters.

    Its Content-Security-Policy lets the browser run the one script and use the one style sheet
    that are named by their SHA-256, show images that the page holds itself, and nothing more: no
    request leaves the page. The script puts texts into the page as text, never as HTML.

    Args:
        public: what ``Study.public`` returns.
    """
    script, style, body = (
        files("gentut.human").joinpath(name).read_text(encoding="utf-8")
        for name in ("page.js", "page.css", "page.html")
    )
    words = public["words"]
    for name, text in words.items():
        if isinstance(text, str):
            body = body.replace("{{" + name + "}}", escape(text))
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    # Inside <script>, only "<" could end the data early or open a comment.
    data = json.dumps(public, ensure_ascii=True).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="{words["lang"]}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(public["title"])}</title>
<style>{style}</style>
</head>
<body>
{body}<script type="application/json" id="study">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
