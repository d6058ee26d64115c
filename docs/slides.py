"""Makes slides of the stored notebooks: a deck for each in build/slides, offline and printable.

    python docs/slides.py [01_background …]

Nothing is executed.  A deck is made of the notebook's own cells by rule: a slide for the title, for
what is learnt, for each heading with its first words, each figure, short table, boxed correction
and ✓ claim.  Prose that does not fit is what the speaker reads (key S).  ``slides.toml`` names the
code cells to show and the cells to leave out.  To print a deck, open it with ``?print-pdf``; with
notes, with ``?print-pdf&showNotes=separate-page``.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from build import mathjax
from nbconvert import SlidesExporter
from nbformat import v4

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUT = ROOT / "build" / "slides"
REVEAL = "reveal.js@5.2.1"
KEPT = (
    "package/dist/reveal.js",
    "package/dist/reveal.css",
    "package/plugin/notes/",
    "package/LICENSE",
)
LETTERS = 620  # of prose on a slide of 1280 by 720 pixels
LINES, CODE_LINES = 9, 20  # of a table; of code
LAST = "exercises|sources|where each|where everything|corrections (of|in)|glossary|all corrections"
END = re.compile(rf"^#+ .*({LAST})", re.I)
FOLDED = re.compile(r"<details>.*?</details>", re.S)
LEARN = re.compile(r"^\*\*(What you will learn|You will learn)\*\*")
BOXED = re.compile(r"^\*\*(Correction \d+)", re.M)


@dataclass
class Slide:
    """One slide: its level (1 across, 2 below it), heading, what is shown, and what is said."""

    level: int
    heading: str
    shown: list = field(default_factory=list)  # Markdown texts, and outputs of cells
    said: list[str] = field(default_factory=list)
    cell: str = ""


# From a notebook to slides ------------------------------------------------------------------


def blocks(text: str) -> list[str]:
    """The paragraphs of Markdown; a formula, a fence, a list or a table stays in one piece."""
    found, open_with = [], None
    for part in re.split(r"\n\s*\n", text.strip()):
        if open_with or (found and _continues(found[-1], part)):
            found[-1] += "\n\n" + part
        else:
            found.append(part)
        for mark in ("```", "$$"):
            if part.count(mark) % 2:
                open_with = None if open_with == mark else mark
    pieces = []
    for block in found:  # a heading may stand directly above its text
        first, _, rest = block.partition("\n")
        pieces += [first, rest.strip()] if re.match(r"#+ ", first) and rest.strip() else [block]
    return pieces


def _continues(before: str, part: str) -> bool:
    quoted = before.startswith(">") and part.startswith(">")
    listed = re.match(r"(- |\d+\. )", before) and re.match(r"(- |\d+\. |  )", part)
    return bool(quoted or listed)


def shortened(text: str, letters: int = LETTERS) -> tuple[str, str]:
    """As many whole sentences (or points of a list, or lines of a box) as fit, and the rest."""
    if weight(text) <= letters:
        return text, ""
    if re.match(r"(- |\d+\. )", text):
        parts, joint = re.split(r"\n(?=- |\d+\. )", text), "\n"
    else:
        parts, joint = (
            re.split(r"(?<=[.:?!])(?<!al\.)(?<!eq\.)(?<!eqs\.)\s+(?=[A-Z*\"$`(])", text),
            " ",
        )
    kept = []
    while parts and weight(joint.join([*kept, parts[0]])) <= letters:
        kept.append(parts.pop(0))
    if any(joint.join(kept).count(mark) % 2 for mark in ("$", "**", "`")):
        return "", text  # it would be cut inside a formula or an emphasis
    return joint.join(kept), joint.join(parts)


def weight(text: str) -> int:
    """How much room a text takes, in letters: displayed formulas and new lines count for more."""
    formulas = re.findall(r"\$\$(.*?)\$\$", text, re.S)
    inline = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
    inline = re.sub(r"\\[a-zA-Z]+|[{}$]", "", inline)  # commands take no room themselves
    inline = re.sub(r"\]\([^)]*\)", "]", inline)
    heights = sum(190 + 130 * (f.count("\\\\") + f.count("\\begin{cases}")) for f in formulas)
    return len(inline) + heights + 55 * inline.count("\n")


def is_table(text: str) -> bool:
    return text.lstrip().startswith("|")


def table_fits(text: str, letters: int = 88) -> bool:
    """Whether a table fits: lines that wrap are counted, by the share of the width of a column."""
    plain = [re.sub(r"\\[a-zA-Z]+|[{}$*`]", "", row) for row in text.strip().splitlines()]
    rows = [[cell.strip() for cell in row.strip("| ").split("|")] for row in plain]
    del rows[1]  # the rule below the head
    count = max(map(len, rows))
    rows = [row + [""] * (count - len(row)) for row in rows]
    widest = [max(len(row[j]) for row in rows) for j in range(count)]
    words = [max((len(w) for row in rows for w in row[j].split()), default=0) for j in range(count)]
    space = letters - 2 * count
    if sum(words) > space:
        return False
    whole = max(sum(widest), 1)
    share = [max(words[j], min(widest[j], space * widest[j] // whole), 1) for j in range(count)]
    lines = sum(max(-(-len(cell) // s) for cell, s in zip(row, share, strict=True)) for row in rows)
    return lines <= LINES + 2


def slides_of(notebook, code: list[str], leave_out: list[str]) -> list[Slide]:
    """The slides of a notebook.

    Args:
        notebook: as nbformat reads it, with its stored outputs.
        code: ids of the cells whose code is shown.
        leave_out: ids of cells of which nothing is shown.
    """
    deck: list[Slide] = []
    topic = ""  # the last heading
    for cell in notebook.cells:
        if cell.id in (*leave_out, "open-anywhere", "first-cell"):
            continue
        if cell.cell_type == "markdown":
            for block in blocks(FOLDED.sub("", cell.source)):
                if re.match(r"#{1,2} ", block) and END.match(block):
                    return _closed(deck, notebook)
                topic = _prose(deck, block, topic, cell.id)
        else:
            _code(deck, cell, topic, cell.id in code)
    return _closed(deck, notebook)


def _prose(deck: list[Slide], block: str, topic: str, cell: str) -> str:
    """Add what a paragraph gives; returns the heading that holds from here on."""
    heading = re.match(r"(#+) (.*)", block)
    if heading:
        topic = heading[2].strip()
        deck.append(Slide(1 if len(heading[1]) < 3 else 2, topic, cell=cell))
        return topic
    if not deck:
        deck.append(Slide(1, topic, cell=cell))
    boxed = BOXED.search(re.sub(r"^> ?", "", block, flags=re.M)) if block.startswith(">") else None
    room = LETTERS - sum(weight(part) for part in deck[-1].shown if isinstance(part, str))
    if LEARN.match(block):
        deck.append(Slide(2, "What you will learn", cell=cell))
    elif deck[-1].heading == "What you will learn" and re.match(r"(- |\d+\. )", block):
        shown, rest = shortened(block, LETTERS + 420)
        deck[-1].shown, deck[-1].said = [shown], [rest] if rest else []
    elif boxed:
        plain = re.sub(r"^> ?", "", block, flags=re.M).strip()
        parts = {boxed[1]: plain}
        if boxed[0] not in shortened(plain, LETTERS + 60)[0]:  # after a long quotation
            quotation, mark, correction = plain.partition(boxed[0])
            parts = {"What is said": quotation.strip(), boxed[1]: mark + correction}
        for heading, text in parts.items():
            shown, rest = shortened(text, LETTERS + 60)
            deck.append(Slide(2, heading, [_quoted(shown)], [rest] if rest else [], cell))
    elif is_table(block):
        costs = "| about |" in block.partition("\n")[0]  # how long the cells take
        if table_fits(block) and not costs:
            deck.append(Slide(2, topic, [block], cell=cell))
        else:
            deck[-1].said.append(block)
    elif block.startswith("$$") and weight(block) > room and not deck[-1].said:
        deck.append(Slide(2, topic, [block], cell=cell))  # its introduction stands before it
    elif _is_said(block, deck[-1], room):
        deck[-1].said.append(block)
    else:
        shown, rest = shortened(block, room)
        deck[-1].shown += [shown] if shown else []
        deck[-1].said += [rest] if rest else []
    return topic


def _is_said(block: str, slide: Slide, room: int) -> bool:
    """Whether a paragraph is spoken only: there is no room, or something before it was cut."""
    cut = bool(slide.said) and not block.startswith("$$")
    return cut or room < 120 or _is_figure(slide) or bool(re.match(r"(```|<|\*Figure)", block))


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _is_figure(slide: Slide) -> bool:
    return any(not isinstance(part, str) for part in slide.shown)


def _code(deck: list[Slide], cell, topic: str, show_code: bool) -> None:
    """Add the slides of a code cell: its code if asked for, figures, short tables, claims."""
    lines = [line for line in cell.source.splitlines() if line != "# NBVAL_CHECK_OUTPUT"]
    if show_code and len(lines) > CODE_LINES:
        raise ValueError(
            f"slides.toml: the code of a slide must have at most {CODE_LINES} lines;"
            f" cell {cell.id} has {len(lines)}."
        )
    if show_code:
        deck.append(Slide(2, topic, ["```python\n" + "\n".join(lines) + "\n```"], cell=cell.id))
    claims = []
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            words = output.metadata.get("image/png", {}).get("alt", "")
            deck.append(Slide(2, topic, [output], [words] if words else [], cell.id))
        elif "text/markdown" in data:
            text = "".join(data["text/markdown"])
            if is_table(text) and table_fits(text):
                deck.append(Slide(2, topic, [text], cell=cell.id))
            else:
                deck[-1].said.append(text)
        elif "text" in output:
            claims += re.findall(r"^✓ .*$", output["text"], re.M)
    if claims:
        points = "\n".join(f"- {claim}" for claim in claims)
        last = deck[-1]
        together = (
            last.heading == "What this run shows" and weight(last.shown[0] + points) < LETTERS
        )
        if together:
            last.shown[0] += "\n" + points
        else:
            shown, rest = shortened(points, LETTERS + 200)
            said = [rest] if rest else []
            deck.append(Slide(2, "What this run shows", [shown or points], said, cell.id))


def _closed(deck: list[Slide], notebook) -> list[Slide]:
    """Headings without anything to show are dropped, and the exercises come last."""
    kept = [s for k, s in enumerate(deck) if s.shown or s.level == 1 or k == 0]
    kept[0].level = 1
    prose = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    found = re.findall(
        r"^\*\*(\d+)[. ]*\(?([A-Za-z ]+)\)?\.?\*\*\.? *(.+?)(?=\n\n|\Z)", prose, re.M | re.S
    )
    points = "\n".join(
        f"{n}. *{kind.strip()}:* {shortened(text, 150)[0]}" for n, kind, text in found
    )
    if points:
        shown, rest = shortened(points, LETTERS + 330)
        kept.append(Slide(1, "Exercises", [shown], [rest] if rest else []))
    return kept


# From slides to a page ----------------------------------------------------------------------


def as_notebook(deck: list[Slide]):
    """Slides as a notebook whose cells say how nbconvert is to show them."""
    cells = []
    for k, slide in enumerate(deck):
        kind = "slide" if slide.level == 1 or k == 0 else "subslide"
        mark = "#" if k == 0 or not slide.shown else "##"  # a heading alone divides two parts
        where = f'\n\n<p class="where">cell {slide.cell}</p>' if slide.cell else ""
        texts = [part for part in slide.shown if isinstance(part, str)]
        text = "\n\n".join([f"{mark} {slide.heading}", *texts]) + where
        cells.append(v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}}))
        for part in slide.shown:
            if not isinstance(part, str):
                picture = v4.new_output(
                    "display_data",
                    {"image/png": part.data["image/png"]},
                    metadata={"image/png": {"alt": part.metadata["image/png"].get("alt", "")}},
                )
                cells.append(v4.new_code_cell("", outputs=[picture]))
        if slide.said:
            said = "\n\n".join(slide.said)
            cells.append(
                v4.new_markdown_cell(said, metadata={"slideshow": {"slide_type": "notes"}})
            )
    return v4.new_notebook(cells=cells)


def reveal(target: Path) -> None:
    """Put what a deck needs of reveal.js into a folder; from its npm package, fetched once."""
    cache = ROOT / "build" / "reveal.js-5.2.1.tgz"
    if not cache.exists():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("the slides need npm once, for reveal.js: install Node.js")
        cache.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "pack", "--silent", REVEAL], cwd=cache.parent, check=True)
    with tarfile.open(cache) as archive:
        for member in archive.getmembers():
            if member.isfile() and member.name.startswith(KEPT):
                place = target / member.name.removeprefix("package/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.extractfile(member).read())


def chosen(name: str) -> dict[str, list[str]]:
    """What ``slides.toml`` says of a notebook."""
    table = tomllib.loads((HERE / "slides.toml").read_text(encoding="utf-8"))
    return {"code": [], "leave_out": []} | table.get(name, {})


def page(path: Path) -> str:
    """The HTML page of a notebook's deck."""
    notebook = nbformat.read(path, as_version=4)
    made = as_notebook(slides_of(notebook, **chosen(path.stem)))
    exporter = SlidesExporter(
        extra_template_basedirs=[str(HERE)],
        template_name="slide_template",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        reveal_url_prefix="assets/reveal",
        reveal_theme="gentut",
    )
    html, _ = exporter.from_notebook_node(made, {"metadata": {"name": path.stem}})
    return html


def main() -> None:
    names = sys.argv[1:] or [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assets = OUT / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    reveal(assets / "reveal")
    mathjax(assets / "mathjax")
    theme = assets / "reveal" / "dist" / "theme" / "gentut.css"
    theme.parent.mkdir(exist_ok=True)
    shutil.copy(HERE / "slide_template" / "slides.css", theme)
    for name in names:
        html = page(ROOT / "notebooks" / f"{name}.ipynb")
        (OUT / f"{name}.html").write_text(html, encoding="utf-8")
        count = len(re.findall(r"<section\s*>", html))
        print(f"{OUT / name}.html: {len(html) / 1e6:.1f} MB, {count} sections")


if __name__ == "__main__":
    main()
