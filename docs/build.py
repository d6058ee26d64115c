"""Builds the web site into build/site: the course to read, offline from its files or hosted.

The Chinese one lies in build/site/zh: the same pages, in Chinese where they are translated.

    python docs/build.py

Nothing is executed: the notebooks are shown with their stored outputs.  MathJax comes from its npm
package (``npm pack``), once; the finished site asks nothing of anybody.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import questions

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SOURCES, SITE = ROOT / "build" / "site-source", ROOT / "build" / "site"
MATHJAX = "mathjax@3.2.2"
KEPT = ("package/es5/tex-svg.js", "package/es5/input/tex/extensions/", "package/LICENSE")
# Of docs/, all but conf.py.
NO_PAGES = ("__pycache__", "*.py", "*.toml", "slide_template", "zh")
WHERE = {  # what the page of cells says
    "en": ("Where each cell stands", "Section by section: the id, and how the cell begins."),
    "zh": ("每个单元格在哪里", "逐节列出：id，以及单元格的开头。"),
}
CHINESE = "(chinese)=\n#"  # above the Chinese part of a page of the guide, a section there
LABELS = {  # which the theme leaves in English
    "Search...": "搜索",
    "Main": "导航",
    "Page": "本页目录",
    "Color mode": "配色",
    "System Settings": "跟随系统",
    "Toggle primary sidebar": "显示或隐藏导航栏",
    "Toggle secondary sidebar": "显示或隐藏本页目录",
    "Toggle hidden content": "显示或隐藏内容",
}
LABEL = re.compile(rf'(title|aria-label|placeholder)="({"|".join(map(re.escape, LABELS))})"')
CHECKED = "# NBVAL_CHECK_OUTPUT\n"  # nbval compares what such a cell puts out
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)\n*")


def mathjax(target: Path) -> None:
    """Put what MathJax needs for TeX -> SVG into a folder."""
    cache = ROOT / "build" / "mathjax-3.2.2.tgz"
    if not cache.exists():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("the web site needs npm once, for MathJax: install Node.js")
        cache.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "pack", "--silent", MATHJAX], cwd=cache.parent, check=True)
    with tarfile.open(cache) as archive:
        for member in archive.getmembers():
            if member.isfile() and member.name.startswith(KEPT):
                place = target / member.name.removeprefix("package/").removeprefix("es5/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.extractfile(member).read())


def notebook(path: Path, target: Path) -> None:
    """Copy a notebook without what readers need not see: a mark for tests, and the badge.

    The badge is a picture from elsewhere; the theme has a button of its own.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        text = "".join(cell["source"])
        prose = cell["cell_type"] == "markdown"
        cell["source"] = BADGE.sub("", text) if prose else text.removeprefix(CHECKED)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def cells(folder: Path, title: str, below: str) -> str:
    """A page that says of each cell id where it stands and how it begins, for the guides."""
    lines = [f"# {title}", "", below]
    for path in sorted(folder.glob("*.ipynb")):
        lines += ["", f"## {path.stem}", ""]
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"]).removeprefix(CHECKED).strip()
            first = text.partition("\n")[0].replace("`", "'") or "…"
            heading = re.match(r"#{1,2} (.+)", first) if cell["cell_type"] == "markdown" else None
            lines += ["", f"**{heading[1]}**", ""] if heading else []
            wide = sum(letter >= "\u2e80" for letter in first[:80])  # as two Latin letters
            lines.append(f"- `{cell['id']}`: `{first[: 80 - wide // 2]}`")
    return "\n".join(lines) + "\n"


def in_chinese(target: Path) -> None:
    """Put the Chinese pages in the place of the English ones."""
    shutil.copy(HERE / "zh" / "index.md", target)
    for path in sorted((HERE / "teach" / "zh").glob("*.md")):
        text = path.read_text(encoding="utf-8").replace("](../../", "](../")
        (target / "teach" / path.name).write_text(text, encoding="utf-8")
    for path in sorted((HERE / "guide").glob("*.md")):
        _, mark, text = path.read_text(encoding="utf-8").partition(CHINESE)
        if mark:
            (target / "guide" / path.name).write_text(text, encoding="utf-8")


def sources(language: str) -> Path:
    """Gather what Sphinx reads for one language."""
    target, words = SOURCES / language, WHERE[language]
    shutil.copytree(HERE, target, ignore=shutil.ignore_patterns(*NO_PAGES))
    shutil.copy(HERE / "conf.py", target)
    if language == "zh":
        in_chinese(target)
    notebooks = ROOT / "notebooks" / ("zh" if language == "zh" else "")
    for path in sorted(notebooks.glob("*.ipynb")):  # the labs hold solutions
        notebook(path, target / "notebooks" / path.name)
    for name in (
        *("samples.png", "samples_emoji.png", "emoji_sample.webp"),
        *("prompts.png", "prompts_48.png", "results/photographs.png"),
    ):
        shutil.copy(ROOT / "data" / name, target / "static")
    questions.write(target / "static")
    bank = questions.page(questions.read(language), language)
    (target / "teach" / "bank.md").write_text(bank, encoding="utf-8")
    (target / "teach" / "cells.md").write_text(cells(notebooks, *words), encoding="utf-8")
    mathjax(target / "static" / "mathjax")
    (target / "extra").mkdir()
    words = ["playground", "--language", language, "--out", target / "extra" / "playground.html"]
    subprocess.run([sys.executable, "-m", "gentut", *words], check=True)
    return target


def with_chinese_labels(site: Path) -> None:
    for path in sorted(site.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        text = LABEL.sub(lambda found: f'{found[1]}="{LABELS[found[2]]}"', text)
        path.write_text(text, encoding="utf-8")


def main() -> None:
    start = time.perf_counter()
    shutil.rmtree(SOURCES, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    found = {language: sources(language) for language in WHERE}  # each page looks for the other
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "-j", "2"]
    code = 0
    for language, source in found.items():
        tag, site = (["-t", "zh"], SITE / "zh") if language == "zh" else ([], SITE)
        places = ["-d", ROOT / "build" / "doctrees" / language, source, site]
        code = subprocess.call([*command, *tag, *places]) or code
    with_chinese_labels(SITE / "zh")
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())
    print(f"{SITE}: {size / 1e6:.1f} MB in {time.perf_counter() - start:.0f} s")
    sys.exit(code)


if __name__ == "__main__":
    main()
