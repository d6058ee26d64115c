"""What ``make`` does, on any system: ``python tasks.py run``, ``test``, ``lab``, and so on.

Each task sets itself up: a virtual environment in .venv with the pins of requirements.txt, made by
the Python that runs this file.  It needs nothing but the standard library, and no syntax that an
old Python could not read: it says which one is wanted.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
# nbconvert writes how long a cell took and what the kernel was; neither belongs into a repository.
EXECUTE = [
    *("--to=notebook", "--execute", "--inplace", "--ExecutePreprocessor.record_timing=False"),
    "--ClearMetadataPreprocessor.enabled=True",
    "--ClearMetadataPreprocessor.clear_cell_metadata=False",
    "--ClearMetadataPreprocessor.preserve_nb_metadata_mask=kernelspec",
    "--ClearMetadataPreprocessor.preserve_nb_metadata_mask=language_info",
]


def interpreter(system: str = os.name) -> Path:
    """The Python of .venv."""
    place = ("Scripts", "python.exe") if system == "nt" else ("bin", "python")
    return ROOT.joinpath(".venv", *place)


PYTHON = interpreter()


def call(*words: object, **environment: str) -> None:
    """Run a program in the repository; if it fails, end with its exit code."""
    words = [str(word) for word in words]
    code = subprocess.call(words, cwd=str(ROOT), env={**os.environ, **environment})
    if code:
        sys.exit(code)


def notebooks(labs: bool) -> "list[Path]":
    """The stored notebooks that are run, with the graded labs or without; zh/ has the same code."""
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    found += sorted((ROOT / "notebooks" / "labs").glob("*.ipynb")) if labs else []
    return [path.relative_to(ROOT) for path in found]


def install(extra: str = "") -> None:
    """Install the pins, once; again when the files that name them are younger."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        here = ".".join(map(str, sys.version_info[:2]))
        word = "py -3.12" if os.name == "nt" else "python3.12"
        rest = " ".join(["tasks.py", *sys.argv[1:]])
        sys.exit(f"gentut needs Python 3.11, 3.12 or 3.13; this is {here}. Try: {word} {rest}")
    stamp = ROOT / ".venv" / f".installed{extra}"
    pins = [ROOT / "requirements.txt", ROOT / "pyproject.toml"]
    if stamp.exists() and stamp.stat().st_mtime >= max(path.stat().st_mtime for path in pins):
        return
    print("Installing into .venv; the first time takes a few minutes.", flush=True)
    probe, quiet = [str(PYTHON), "-m", "pip", "--version"], subprocess.DEVNULL
    if not PYTHON.exists() or subprocess.call(probe, stdout=quiet, stderr=quiet):
        call(sys.executable, "-m", "venv", ROOT / ".venv")
    what = f".[{extra}]" if extra else "."
    call(PYTHON, "-m", "pip", "install", "--quiet", "-r", "requirements.txt", "--editable", what)
    stamp.touch()


def run() -> None:
    """train, measure and compare six families; leaves runs/compare/report.html"""
    install()
    call(PYTHON, "-m", "gentut", "compare", "--out", Path("runs", "compare"))
    words = "-m", "gentut", "compare", "--data", "emoji", "--out", Path("runs", "emoji")
    print("The same in colour:", PYTHON.relative_to(ROOT), *words)


def lint() -> None:
    """style and common mistakes"""
    install()
    call(PYTHON, "-m", "ruff", "check", ".")
    call(PYTHON, "-m", "ruff", "format", "--check", ".")


def test() -> None:
    """lint, unit tests, and every notebook and its solutions in quick mode"""
    lint()
    call(PYTHON, "-m", "pytest", "tests", "-n", "2", "--dist", "loadfile")
    copies = ROOT / ".notebooks"
    shutil.rmtree(copies, ignore_errors=True)
    call(PYTHON, Path("tests", "with_solutions.py"), copies.name, *notebooks(labs=True))
    found = sorted(path.relative_to(ROOT) for path in copies.glob("*.ipynb"))
    call(
        *(PYTHON, "-m", "pytest", "--nbval-lax", "--nbval-current-env"),
        *("--nbval-cell-timeout=600", "-n", "2", "--dist", "loadfile", *found),
        # One thread for each of the two, as in tests/conftest.py.
        **dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1"),
        TF_NUM_INTEROP_THREADS="1",
        GENTUT_QUICK="1",
    )


def lab() -> None:
    """open the notebooks in JupyterLab"""
    install()
    call(PYTHON, "-m", "jupyterlab", "--notebook-dir=notebooks")


def execute() -> None:
    """run every notebook in full and store its outputs (slow); labs are stored without"""
    install()
    call(PYTHON, "-m", "nbconvert", *EXECUTE, *notebooks(labs=False))


def site() -> None:
    """the web site, in build/site/index.html (needs npm, for MathJax)"""
    install("docs")
    call(PYTHON, Path("docs", "build.py"))


def classroom() -> None:
    """build the graded labs for a class, in class/ (docs/teach/labs.md)"""
    install("class")
    call(PYTHON, Path("notebooks", "labs", "classroom.py"), *sys.argv[1:])


def grade() -> None:
    """grade what students handed in: grade FOLDER"""
    classroom()


def slides() -> None:
    """slides of every notebook, in build/slides (needs npm, for reveal.js and MathJax)"""
    install()
    call(PYTHON, Path("docs", "slides.py"))


def handout() -> None:
    """the notebooks for a class and for its teacher, in build/handout"""
    install()
    call(PYTHON, Path("docs", "handout.py"))


def twins() -> None:
    """bring the zh notebooks and labs up to date; name stale texts, of docs/teach/zh too"""
    call(sys.executable, Path("tests", "twins.py"), *sys.argv[2:])


def address() -> None:
    """write where the course is published into notebooks, README and metadata: address URL"""
    call(sys.executable, Path("tests", "address.py"), *sys.argv[2:])


TASKS = {
    "run": run,
    "test": test,
    "lab": lab,
    "notebooks": execute,
    "lint": lint,
    "site": site,
    "class": classroom,
    "grade": grade,
    "slides": slides,
    "handout": handout,
    "twins": twins,
    "address": address,
}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "help"
    if name in TASKS:
        TASKS[name]()
        return
    for each, function in TASKS.items():
        print(f"  {each:<10} {function.__doc__}")
    if name != "help":
        sys.exit(f"{name!r} is none of these tasks")


if __name__ == "__main__":
    main()
