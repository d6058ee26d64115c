"""`gentut tasks`: from a run folder to a table of what its images are worth."""

import functools
import json
import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from tiny import train

from gentut import runs, tasks
from gentut.cli import main
from gentut.runs import guard
from gentut.runs import tasks as run_tasks


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch):
    monkeypatch.setattr(tasks, "Trial", functools.partial(tasks.Trial, scenes=20, test_scenes=10))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of the quickest family on pictures of bars, and one without classes."""
    root = tmp_path_factory.mktemp("tasks")
    rng = np.random.default_rng(0)
    for split, count in (("train", 30), ("test", 15)):
        for name in ("lying", "standing"):
            (root / "photos" / split / name).mkdir(parents=True)
            for i in range(count):
                picture = rng.integers(0, 30, (16, 16), "uint8")
                place = rng.integers(3, 10)
                part = slice(place, place + 3), slice(2, 14)
                picture[part if name == "lying" else part[::-1]] = 250
                Image.fromarray(picture).save(root / "photos" / split / name / f"{i}.png")
    for name, conditional in (("run", True), ("unconditional", False)):
        train(
            "gaussian", root / "photos", root / name, size=16, channels=1, conditional=conditional
        )
    return root


def command(folder, *words):
    return main(["tasks", str(folder), *words])


@pytest.mark.parametrize(
    "run, words, message",
    [
        ("unconditional", (), "`run` must hold a class-conditional model"),
        ("run", ("--task", "captions"), "`task` must be one of classification, detection"),
        ("run", ("-n", "61"), "`n` must be at most the 60 train images; received 61"),
        ("run", ("--seeds", "0"), "`seeds` must be a positive integer"),
        ("none", (), "`run` must be a run folder"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_one_line(folder, run, words, message, capsys):
    before = runs.RunFolder(folder / run).read_tasks()
    assert command(folder / run, *words) == 2
    printed = capsys.readouterr().err.splitlines()
    assert message in printed[-1] and len([line for line in printed if "decoding" not in line]) == 1
    assert runs.RunFolder(folder / run).read_tasks() == before


def test_a_damaged_result_is_named_and_kept(folder, tmp_path):
    for text, message in (
        ("[]", "it holds a list, not an object"),
        ('{"captions": {}}', "its 'task' must be a text; received None"),
        (json.dumps({"captions": FOUND}), "`task` must be one of captions; received 'class"),
    ):
        (tmp_path / "tasks.json").write_text(text)
        with pytest.raises(ValueError, match=f"whose tasks.json is damaged: {message}"):
            runs.RunFolder(tmp_path).read_tasks()


ACCURACY = {"mean": 0.5, "low": None, "high": None, "n_train": 60, "n_test": 30, "seeds": [0]}
ACCURACY["difference"] = {"mean": 0.0, "low": None, "verdict": ""}
FOUND = {"task": "classification", "score": "accuracy", "data": "photos", "n": 60, "n_seen": 60}
FOUND["results"] = {"real": ACCURACY}


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('"mean": 0.5', '"mean": "0.5"', "its 'mean' must be a number; received '0.5'"),
        ('"low": null, "high"', '"low": 0.1, "high"', "its 'high' must be a number; received None"),
        ('"n_seen": 60', '"n_seen": "60"', "its 'n_seen' must be an integer; received '60'"),
        ('"seeds": [0]', '"seeds": 1', "its 'seeds' must be a list; received 1"),
        ('"real"', '"unreal"', "its 'real' must be an object; received None"),
        ('"accuracy"', '"beauty"', "`score` must be one of accuracy, ap50, object_iou"),
    ],
)
def test_a_wrong_type_is_named(old, new, message, tmp_path):
    text = json.dumps({"classification": FOUND})
    path = tmp_path / "tasks.json"
    path.write_text(text)
    assert runs.RunFolder(tmp_path).read_tasks() == {"classification": FOUND}
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=re.escape(f"whose tasks.json is damaged: {message}")):
        runs.RunFolder(tmp_path).read_tasks()


def test_results_are_those_of_the_model_that_is_there(folder, tmp_path):
    run = runs.RunFolder(shutil.copytree(folder / "run", tmp_path / "run"))
    mine = {"classification": FOUND | {"model": run.model_id()}}
    other = FOUND | {"task": "segmentation", "model": "of another"}
    run.write_tasks(mine | {"segmentation": other})
    assert run.read_tasks() == mine


def test_a_run_that_another_process_works_in_is_not_tried(folder):
    out = folder / "run"
    message = f"no other process works in; received '{out}', in use by process {os.getpid()}"
    with guard.locked(out), pytest.raises(ValueError, match=message):
        run_tasks.run_task(out, "classification")


def test_only_the_images_of_the_run_are_taken_wherever_they_are(folder, tmp_path, capsys):
    out = shutil.copytree(folder / "run", tmp_path / "run")
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    (out / "config.json").write_text(json.dumps(config | {"data": str(tmp_path / "gone")}))
    assert command(out) == 2
    assert "If they were moved, --data (of train --resume, ev" in capsys.readouterr().err
    moved = shutil.copytree(folder / "photos", tmp_path / "moved")
    assert command(out, "--data", str(moved), "--seeds", "1", "--steps", "2") == 0
    found = runs.RunFolder(out).read_tasks()["classification"]
    assert found["data"] == "moved" and found["model"] == runs.RunFolder(out).model_id()
    (moved / "train" / "lying" / "3.png").unlink()
    capsys.readouterr()
    assert command(out, "--data", str(moved)) == 2
    assert "changed: number of images from 60 to 59." in capsys.readouterr().err


def test_detection_without_its_library_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pycocotools.coco", None)
    assert command(folder / "run", "--task", "detection") == 2
    assert "pycocotools, which is not here: pip install" in capsys.readouterr().err
