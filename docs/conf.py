"""Sphinx' settings for the web site, with ``-t zh`` for the Chinese one; ``build.py`` calls it."""

import re
import sys
from itertools import pairwise
from pathlib import Path

# build.py reads copies of this file, in build/site-source/en and zh.
ROOT = next(path for path in Path(__file__).resolve().parents if (path / "gentut").is_dir())
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import address  # noqa: E402
from docutils import nodes  # noqa: E402
from sphinx.search.en import SearchEnglish  # noqa: E402
from sphinx.util import inspect  # noqa: E402

import gentut  # noqa: E402, F401  before autodoc imports Keras

repository = address.repository(address.source())

project = "gentut"
author = "the gentut authors"
copyright = "the gentut authors; code under the Apache License 2.0"
CHINESE = tags.has("zh")  # noqa: F821  Sphinx hands ``tags`` in
OTHER = ROOT / "build" / "site-source" / ("en" if CHINESE else "zh")
language = "zh_CN" if CHINESE else "en"
html_title = "gentut"
html_theme = "sphinx_book_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
html_logo = None
html_extra_path = ["extra"]  # the playground, a page of its own
html_favicon = "static/letter.svg"
html_sourcelink_suffix = ""  # the download of a notebook keeps its name
html_show_sphinx = False
html_search_language = "en"  # in both languages, see ``EnglishAndChinese``
html_show_search_summary = False  # it fetches pages, which browsers refuse on file://
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_theme_options = {
    "repository_url": f"https://github.com/{repository}" if repository else "",
    "use_repository_button": bool(repository),
    "use_issues_button": bool(repository),
    "use_download_button": True,
    "path_to_docs": ".",
    "repository_branch": "HEAD",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"} if repository else {},
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the search stands in the sidebar
    "article_header_end": ["language.html", "article-header-buttons.html"],
}

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
nb_execution_mode = "off"
if CHINESE:
    nb_code_prompt_show, nb_code_prompt_hide = "显示单元格的代码", "隐藏单元格的代码"
nb_ipywidgets_js = {}  # sliders need a kernel; each has a still picture beside it
nb_render_markdown_format = "myst"  # what cells put out: else its tables stay lines of bars
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
suppress_warnings = ["mystnb.unknown_mime_type"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = False  # Keras' own docstrings are not ours, nor in this markup
napoleon_numpy_docstring = False

# Version 3: the fonts of version 4 come in files of their own, which it fetches.
mathjax_path = "mathjax/tex-svg.js"
mathjax_options = {"defer": "defer"}
mathjax3_config = {
    "options": {"enableMenu": False, "enableAssistiveMml": True},
    "svg": {"fontCache": "local"},
}


class EnglishAndChinese(SearchEnglish):
    """English words, and the pairs of neighbours in Chinese text, which has no spaces.

    A search for 生成模型 asks for the pages that have 生成, 成模 and 模型; Sphinx' own splitter of
    Chinese needs a dictionary.
    """

    js_splitter_code = r"""
var splitQuery = (query) =>
  (query.match(/[\u3400-\u9fff]+|(?:(?![\u3400-\u9fff])[\p{L}\p{N}_])+/gu) || []).flatMap((part) =>
    /[\u3400-\u9fff]{2}/.test(part) ? [...part].slice(1).map((c, i) => part[i] + c) : [part]);
"""

    def split(self, input: str) -> list[str]:
        words = []
        for part in re.findall(r"[\u3400-\u9fff]+|[^\W\u3400-\u9fff]+", input):
            if part[0] < "\u3400":
                words.append(part)
            else:  # single ones too: somebody may look for 熵
                words += [*part, *(a + b for a, b in pairwise(part))]
        return words


def skip_keras(app, what, name, member, skip, options):  # what autodoc asks about each member
    """Leave out what a class only has from Keras or matplotlib."""
    owner = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
    return (
        True
        if str(getattr(owner, "__module__", "")).startswith(("keras.", "matplotlib."))
        else None
    )


def own_signature(app, what, name, member, options, signature, result):  # as autodoc hands it
    """Show how a class is called; Keras gives its models a ``__new__(*args, **kwargs)``."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    own = inspect.signature(member.__init__, bound_method=True)
    words = {"show_return_annotation": False, "unqualified_typehints": True}
    return inspect.stringify_signature(own, **words), None


def keep_tags(app, doctree):
    """Hand a tagged formula of several lines to MathJax as it is: Sphinx' "split" takes no tag."""
    for node in doctree.findall(nodes.math_block):
        text = node.astext()
        if "\\tag" in text and "\\\\" in text and not node.get("no-wrap", node.get("nowrap")):
            node["no-wrap"] = node["nowrap"] = True
            node[:] = [nodes.Text(f"\\[{text}\\]")]


def other_language(app, pagename, templatename, context, doctree):
    """Tell ``templates/language.html`` where the page stands in the other language."""
    there = any((OTHER / pagename).with_suffix(suffix).exists() for suffix in (".md", ".ipynb"))
    place = f"{pagename if there or pagename == 'search' else 'index'}.html"
    context["other_page"] = f"../{place}" if CHINESE else f"zh/{place}"
    context["other_lang"], context["other_name"] = (
        ("en", "English") if CHINESE else ("zh-CN", "中文")
    )


def setup(app):
    app.connect("html-page-context", other_language)
    app.add_search_language(EnglishAndChinese)
    app.connect("autodoc-skip-member", skip_keras)
    app.connect("autodoc-process-signature", own_signature)
    app.connect("doctree-read", keep_tags)
