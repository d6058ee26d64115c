"""The detector and the segmenter learn from scenes, which takes a while; two tasks on one page.

Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import json

import numpy as np
import pytest
from test_run_tasks import command, few_scenes, folder  # noqa: F401
from test_tasks_trial import bars
from tiny import english_in

from gentut import tasks


@pytest.mark.parametrize(
    "task, learnt, steps",
    [
        ("detection", 0.3, 150),
        pytest.param("segmentation", 0.6, 60, marks=pytest.mark.backend),
    ],
)
def test_detector_and_segmenter_learn_from_scenes(task, learnt, steps):
    trial = tasks.Trial(task, bars(40, 1), scenes=60, test_scenes=30, steps=steps, batch_size=8)
    before = trial.learner
    score = trial.run(bars(40, 0), seeds=(0,))
    assert score["score"] == tasks.trial.SCORE[task] and score["n_test"] == 30
    assert score["mean"] > learnt and score["sd"] is None
    # With the classes exchanged the same predictions are worth little.
    swapped = trial.test[0].classes
    changed = tasks.Scenes(
        trial.test[0].images, trial.test[0].boxes, [1 - k for k in swapped],
        np.where(trial.test[0].masks > 0, 3 - trial.test[0].masks, 0), trial.test[0].sources, 2,
    )  # fmt: skip
    assert before.score(changed)[score["score"]] < score["mean"] - 0.2


def test_a_second_task_keeps_the_first_and_the_page_speaks_chinese(folder, capsys):  # noqa: F811
    out = folder / "run"
    assert command(out, "--seeds", "1", "--steps", "2") == 0
    capsys.readouterr()
    assert command(out, "--task", "segmentation", "--seeds", "1", "--steps", "2", "-n", "20") == 0
    assert "The generator was trained on 60 images, the networks on 20" in " ".join(
        capsys.readouterr().out.split()
    )
    assert list(json.loads((out / "tasks.json").read_text(encoding="utf-8"))) == [
        "classification",
        "segmentation",
    ]
    page = (out / "report.html").read_text(encoding="utf-8")
    for caption in ("Classification, by what the network", "Segmentation, by what the network"):
        assert caption in page
    words = ("--task", "segmentation", "--seeds", "1", "--steps", "2", "--language", "zh")
    assert command(out, *words) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "这些图像能帮助网络学会看图吗？" in page and english_in(page) == []
