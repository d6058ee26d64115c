"""`gentut study`: from a run folder to a page and a key, from answers to numbers."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from tiny import train

from gentut import data, human
from gentut.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of the quickest family on a folder of noise in two classes."""
    root = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(0)
    for name in ("dark", "light"):
        (root / "photos" / name).mkdir(parents=True)
        for i in range(60):
            picture = rng.integers(0, 100, (28, 28), "uint8") + 150 * (name == "light")
            path = root / "photos" / name / f"p{i // 4}__{i}.png"  # taken by person i // 4
            Image.fromarray(picture.astype("uint8")).save(path)
    train("gaussian", root / "photos", root / "mine", size=28, channels=1, conditional=True)
    return root / "mine"


def test_a_run_becomes_a_page_and_answers_become_numbers(run, tmp_path, capsys):
    out = tmp_path / "study"
    assert main(["study", "make", str(run), "--trials", "20", "--out", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["key.json", "study.html"]
    assert "it holds the answers" in capsys.readouterr().out
    study = human.load_key(out / "key.json")
    assert list(study.models) == ["mine"]
    assert len(study.trials) == 20
    of_person = data.sources(run.parent / "photos", "test")
    assert set(study.origins) == {i for i, source in study.sources.items() if source == "real"}
    assert set(study.origins.values()) <= set(of_person.tolist())
    answers = tmp_path / "answers"
    answers.mkdir()
    for i, response in enumerate(human.simulate(study, 0.7, raters=5, seed=1)):
        (answers / f"{i}.json").write_text(json.dumps(response))
    figures = tmp_path / "figures"
    arguments = ["study", "analyse", str(answers), "--key", str(out / "key.json")]
    assert main([*arguments, "--out", str(figures)]) == 0
    said = capsys.readouterr().out
    assert "simulated" in said.lower()
    results = json.loads((figures / "results.json").read_text(encoding="utf-8"))
    assert results["resampled"].startswith("raters, real images by source (")
    assert results["raters"] == 5 and results["judgements"] == 100
    assert 0.1 < results["error"] < 0.5  # simulated at 0.3; the standard error is 0.05
    assert {p.name for p in figures.iterdir()} >= {"results.json", "errors.png"}


def test_what_cannot_be_studied_is_refused_in_one_line(run, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert main(["study", "make", str(run), "--out", str(tmp_path / "full")]) == 2
    assert "`out` must be a new or empty folder" in capsys.readouterr().err
    assert main(["study", "make", str(run), str(run), "--out", str(tmp_path / "new")]) == 2
    assert "`runs` must have different names" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert main(["study", "analyse", str(tmp_path), "--key", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_study_of_other_images_than_the_run_saw_is_refused(run, tmp_path, capsys):
    copy = shutil.copytree(run.parent / "photos", tmp_path / "photos")
    out = shutil.copytree(run, tmp_path / "mine")
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    (out / "config.json").write_text(json.dumps(config | {"data": str(copy)}))
    (copy / "light").rename(copy / "bright")  # real and generated images would change sides
    assert main(["study", "make", str(out), "--out", str(tmp_path / "new")]) == 2
    assert "changed: classes renamed from light to bright." in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
