"""Runs notebooks alone: each is copied into an empty folder, beside it only the wheel of gentut.

    python tests/lone.py --python .venv-colab/bin/python --wheel dist/gentut-*.whl NOTEBOOK…
    python tests/lone.py … --address NOTEBOOK     # no wheel beside it: SOURCE names it instead

The interpreter belongs to an environment with Jupyter and without gentut, as Colab's is.  A
notebook passes if all its cells run in quick mode, none shows a line of TensorFlow's own log, and
the first changed no version of what was there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import address

RUN = """
import re, sys, nbformat, nbclient
notebook = nbformat.read("lone.ipynb", 4)
try:
    nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
except nbclient.exceptions.CellExecutionError as error:
    sys.exit(str(error)[-3000:])
finally:
    print("".join(o.get("text", "") for o in notebook.cells[FIRST].outputs).strip())
said = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
if log := re.search(r"^[EFW]\\d{4} .*", said, re.M):
    sys.exit(log[0])
"""


def versions(python: str) -> dict[str, str]:
    """Name -> version of what an environment holds."""
    command = [python, "-m", "pip", "--disable-pip-version-check", "list", "--format=json"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {each["name"]: each["version"] for each in json.loads(found)}


def run(python: str, path: Path, wheel: Path, by_address: bool) -> str:
    """Run a notebook alone; returns what is wrong, "" if nothing is."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    first = next(i for i, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code")
    with tempfile.TemporaryDirectory(prefix="lone") as name:
        folder = Path(name, "empty", "folder")
        folder.mkdir(parents=True)
        if by_address:
            cell = notebook["cells"][first]
            cell["source"] = address.with_source("".join(cell["source"]), wheel.resolve().as_uri())
        else:
            (folder / wheel.name).write_bytes(wheel.read_bytes())
        (folder / "lone.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        kept = ("PYTHONPATH", "KERAS_BACKEND")
        environment = {k: v for k, v in os.environ.items() if k not in kept}
        environment |= {"GENTUT_QUICK": "1", "KERAS_HOME": name}
        subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "gentut"], check=True)
        before, start = versions(python), time.perf_counter()
        code = RUN.replace("FIRST", str(first))
        done = subprocess.run(
            [python, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
        )
        seconds, after = time.perf_counter() - start, versions(python)
    changed = {k: (v, after.get(k)) for k, v in before.items() if after.get(k) != v}
    new = sorted(f"{k} {v}" for k, v in after.items() if k not in before)
    print(f"{path.stem}: {seconds:.0f} s; new: {', '.join(new)}; changed: {changed or 'nothing'}")
    print(f"  {done.stdout.strip()}", flush=True)
    if done.returncode:
        return done.stderr[-3000:]
    return f"it changed {changed}" if changed else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--python", required=True, help="of the environment without gentut")
    parser.add_argument("--wheel", required=True, type=Path)
    parser.add_argument("--address", action="store_true", help="give it as an address")
    options = parser.parse_args()
    failed = 0
    for path in options.notebooks:
        if wrong := run(os.path.abspath(options.python), path, options.wheel, options.address):
            failed += 1
            print(f"{path.stem} FAILED: {wrong}", file=sys.stderr)
    print(f"{len(options.notebooks) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
