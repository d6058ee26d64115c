"""Where the course is published, in one place: writes that address wherever it is read.

    python tests/address.py                                       # stamp what is set
    python tests/address.py https://github.com/OWNER/REPOSITORY   # set another
    python tests/address.py ""                                    # set none

The one constant is ``SOURCE`` in ``first_cell.py``, the first code cell of all notebooks.  From it
come that cell, the text above it ("Open in Colab", runtime, minutes), the badges of the READMEs,
the URLs in ``pyproject.toml`` and the one in ``CITATION.cff``.  A repository on GitHub is stored as
the address of its archive, which pip installs.  Any other address that pip takes stays as it is;
then there is nothing that Colab could open.
"""

import ast
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CELL = Path(__file__).with_name("first_cell.py")
ARCHIVE = "/archive/HEAD.zip"
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git|/)?")
ABOVE, CODE = "open-anywhere", "first-cell"  # ids of the two cells
FOLDED = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}
LOCKED = {"grade": False, "locked": True, "schema_version": 3, "solution": False, "task": False}
TRAINS = ("02", "03", "05", "06", "07", "08", "09")  # for minutes; 01 and 04 score, count and draw
ON_ITS_OWN = (  # of the Chinese edition
    "**本笔记本可单独运行**，在笔记本电脑上或 Colab 上皆可：若缺少本课程的软件包，"
    "下一个单元格会自动安装。"
)
# How a notebook began before there was one first cell for all.
OLD = re.compile(r"try:\n    import gentut.*?\n    import gentut\n\n", re.S)


def source() -> str:
    """The address that is set, as pip takes it; "" where none is."""
    text = CELL.read_text(encoding="utf-8")
    return ast.literal_eval(re.search(r'^SOURCE = (".*?")', text, re.M)[1])


def with_source(cell: str, address: str) -> str:
    """The first cell with another address in it."""
    return re.sub(r'^SOURCE = ".*?"', lambda _: f"SOURCE = {json.dumps(address)}", cell, flags=re.M)


def set_source(address: str) -> None:
    """Store what pip installs for an address that somebody typed."""
    repo = GITHUB.fullmatch(address)
    address = f"https://github.com/{repo[1]}{ARCHIVE}" if repo else address
    text = with_source(CELL.read_text(encoding="utf-8"), address)
    CELL.write_text(text, encoding="utf-8", newline="\n")


def repository(address: str) -> str:
    """OWNER/REPOSITORY, if the address is that of an archive on GitHub; else ""."""
    found = GITHUB.fullmatch(address.removesuffix(ARCHIVE))
    return found[1] if found and address.endswith(ARCHIVE) else ""


def minutes() -> dict[str, float]:
    """Of every notebook on two cores: the measured table of ``gentut doctor``."""
    text = (ROOT / "gentut/cli/doctor.py").read_text(encoding="utf-8")
    table = ast.literal_eval(re.search(r"^NOTEBOOKS = (\{.*?^\})", text, re.S | re.M)[1])
    return {name: sum(parts) for name, parts in table.items()}


def colab(repo: str, place: str) -> str:
    """The badge that opens a notebook of a repository on Colab, as Markdown."""
    badge = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    return f"{badge}(https://colab.research.google.com/github/{repo}/blob/HEAD/{place})"


def is_lab(place: str) -> bool:
    """Whether a notebook is the source of a graded lab: stored without outputs, with solutions."""
    return "labs" in Path(place).parts


def above(place: str, address: str) -> str:
    """The text over the first code cell of the notebook at a place in the repository."""
    chinese = "/zh/" in place
    if is_lab(place):  # no badge: what lies in the repository holds the solutions
        if chinese:
            return f"{ON_ITS_OWN}有 CPU 就够了。"
        return (
            "**Runs on its own**, on a laptop or on Colab: the next cell installs the course's"
            " package where it is missing. A CPU is enough."
        )
    name, repo = Path(place).stem, repository(address)
    badge = f"{colab(repo, place)}\n\n" if repo else ""
    known = minutes().get(name)
    if chinese:
        return badge + above_in_chinese(name, known)
    cost = "its time on 2 cores stands at its end"
    if known:
        cost = (
            f"about {known:.0f} minutes on 2 fast cores (measured; `gentut doctor` reckons it for"
            " yours), up to twice that on Colab's 2 cores (expected)"
        )
    gpu = (
        "A GPU is used where there is one, and shortens the trainings (expected); on Colab you"
        " choose it under *Runtime → Change runtime type*."
        if name[:2] in TRAINS
        else "A GPU would save little: hardly anything is trained here."
    )
    return (
        badge + "**Runs on its own**, on a laptop or on Colab: the next cell installs the course's"
        f" package where it is missing. **Runtime:** a CPU is enough, {cost}. {gpu}"
    )


def above_in_chinese(name: str, known: float | None) -> str:
    """The same for a notebook of the Chinese edition."""
    cost = "在双核 CPU 上所需的时间见文末"
    if known:
        cost = (
            f"在较快的双核 CPU 上约 {known:.0f} 分钟（实测；`gentut doctor` 可估算你的机器所需的"
            "时间），在 Colab 的双核上最多约两倍（预计）"
        )
    gpu = (
        "有 GPU 时会自动使用，训练因此更快（预计）；在 Colab 中可通过 *Runtime → Change runtime"
        " type* 选择。"
        if name[:2] in TRAINS
        else "GPU 在这里帮助不大：几乎没有需要训练的内容。"
    )
    return f"{ON_ITS_OWN}**运行环境：** 有 CPU 即可，{cost}。{gpu}"


def stamp_above(notebook: dict, place: str) -> None:
    """Write the text alone, where the cell is there already."""
    for cell in notebook["cells"]:
        if cell.get("id") == ABOVE:
            cell["source"] = above(place, source()).splitlines(keepends=True)


def stamp(notebook: dict, place: str, address: str, cell: str) -> None:
    """Write the two cells into a notebook, and count its code cells anew."""
    cells = [each for each in notebook["cells"] if each.get("id") not in (ABOVE, CODE)]
    first = next(i for i, each in enumerate(cells) if each["cell_type"] == "code")
    begin = cells[first]
    text = OLD.sub("", "".join(begin["source"]), count=1)
    begin["source"] = text.splitlines(keepends=True)
    new = {"cell_type": "code", "execution_count": 1, "id": CODE, "metadata": FOLDED, "outputs": []}
    over = {"cell_type": "markdown", "id": ABOVE, "metadata": {}}
    over["source"] = above(place, address).splitlines(keepends=True)
    new["source"] = cell.splitlines(keepends=True)
    notebook["cells"] = [*cells[:first], over, new, *cells[first:]]
    if is_lab(place):
        new["execution_count"] = None
        new["metadata"] = FOLDED | {"nbgrader": {**LOCKED, "grade_id": CODE}}
        return
    code = [each for each in notebook["cells"] if each["cell_type"] == "code"]
    for number, each in enumerate(code, start=1):
        each["execution_count"] = number
        for output in each["outputs"]:
            if "execution_count" in output:
                output["execution_count"] = number


def replace(path: Path, pattern: str, text: str) -> None:
    """Put text in the place of what a pattern finds in a file."""
    before = path.read_text(encoding="utf-8")
    if not re.search(pattern, before, re.S | re.M):
        raise SystemExit(f"{path.name}: nothing matches {pattern!r}")
    after = re.sub(pattern, lambda _: text, before, count=1, flags=re.S | re.M)
    path.write_text(after, encoding="utf-8", newline="\n")


def badges(repo: str) -> str:
    """The badges of the README: tests, site, a notebook on Colab."""
    owner, name = repo.lower().split("/")
    test = f"https://github.com/{repo}/actions/workflows/test.yml"
    site = f"https://{owner}.github.io/{name}/"
    return "\n".join(
        [
            f"[![test]({test}/badge.svg)]({test})",
            f"[![site](https://github.com/{repo}/actions/workflows/site.yml/badge.svg)]({site})",
            colab(repo, "notebooks/01_background.ipynb"),
        ]
    )


def main(arguments: list[str]) -> None:
    if arguments and arguments[0].startswith("-"):
        sys.exit(__doc__)
    if arguments:
        set_source(arguments[0])
    address, cell = source(), CELL.read_text(encoding="utf-8").rstrip("\n")
    repo = repository(address)
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        notebook = json.loads(path.read_text(encoding="utf-8"))
        stamp(notebook, path.relative_to(ROOT).as_posix(), address, cell)
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8", newline="\n")
    url = f"https://github.com/{repo}"
    places = {
        "Source": url,
        "Issues": f"{url}/issues",
        "Changelog": f"{url}/blob/HEAD/CHANGELOG.md",
    }
    table = "".join(f'{name} = "{place}"\n' for name, place in places.items())
    urls = f"[project.urls]\n{table}\n" if repo else ""
    replace(ROOT / "pyproject.toml", r"(\[project\.urls\]\n.*?\n\n)?(?=\[project\.scripts\])", urls)
    line = f'repository-code: "{url}"\n' if repo else ""
    replace(ROOT / "CITATION.cff", r'(repository-code: ".*?"\n)?(?=license:)', line)
    shown = f"\n{badges(repo)}\n" if repo else "\n"
    for name in ("README.md", "README.zh-CN.md"):
        replace(ROOT / name, r"(?<=<!-- badges -->)\n.*?(?=<!-- end of badges -->)", shown)
    print(f"SOURCE = {address!r}" + (f", {url}" if repo else ", so no badges"))


if __name__ == "__main__":
    main(sys.argv[1:])
