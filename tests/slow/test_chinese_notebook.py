"""One Chinese notebook is run, as a reader runs it; all others have its English twin's code."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from with_solutions import solutions, with_solutions

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "zh" / "09_faq.ipynb"


def test_a_chinese_notebook_runs_with_its_solutions(monkeypatch, tmp_path):
    monkeypatch.setenv("GENTUT_QUICK", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the kernel starts in an empty folder
    stored = nbformat.read(NOTEBOOK, as_version=4)
    assert len(solutions(stored)) > 10
    notebook = with_solutions(stored)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    said = "".join(output.get("text", "") for output in outputs)
    assert "✓" in said and any("image/png" in output.get("data", {}) for output in outputs)
