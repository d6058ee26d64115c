"""Networks that learn classes, boxes and masks; the tasks of a run on its page.

Slow, as each test trains several networks.  Not part of ``pytest tests``; ``.ci/run`` names this
folder.
"""

import json

import numpy as np
import pytest
from test_run_tasks import command, few_scenes, folder  # noqa: F401
from test_tasks_trial import bars
from tiny import english_in, opens_cleanly

import gentut
from gentut import tasks


def test_a_trial_resamples_the_sources_of_its_test_images():
    test = bars(200, 1)
    options = {"steps": 16, "batch_size": 16}
    # Twenty sources of ten equal images; six of them bear the wrong label, so that all ten fail.
    sources = np.arange(200) % 20
    images, labels = test[0][sources], np.where(sources < 6, 1 - test[1][sources], test[1][sources])
    by_source = tasks.Trial("classification", (images, labels), sources=sources, **options)
    as_if = tasks.Trial("classification", (images, labels), **options)
    found = by_source.run(bars(80, 0), seeds=(0, 1))
    assert found["resampled"] == "trainings and test sources" and found["units"] == 20
    without = as_if.run(bars(80, 0), seeds=(0,))
    assert without["resampled"] == "trainings and test images"
    wide, narrow = (np.std(of["draws"][0]) for of in (found, without))
    assert wide > 2 * narrow > 0  # ten images of each source: √10 in expectation


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
        trial.test[0].images,
        trial.test[0].boxes,
        [1 - k for k in swapped],
        np.where(trial.test[0].masks > 0, 3 - trial.test[0].masks, 0),
        trial.test[0].sources,
        2,
    )
    assert before.score(changed)[score["score"]] < score["mean"] - 0.2


def test_a_second_task_keeps_the_first_and_the_page_speaks_chinese(folder, capsys):
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


def test_accuracy_scores_tell_lost_variety_from_wrong_labels():
    """Two known generators.  One draws a single perfect image of each class, over and over; the
    other draws all the variety, but half of its labels are wrong."""
    options = {"seeds": (0,), "steps": 48, "batch_size": 16}
    real, test = bars(120, 0), bars(120, 1)
    one_each = real[0][np.arange(120) % 2], real[1][np.arange(120) % 2]
    wrong = real[0], np.where(np.arange(120) % 4 < 2, real[1], 1 - real[1])
    same = tasks.classification_accuracy_score(real, test, **options)["mean"]
    assert same > 0.9
    assert tasks.gan_test(real, one_each, **options)["mean"] == 1  # blind to lost variety
    assert tasks.classification_accuracy_score(one_each, test, **options)["mean"] < same - 0.1
    assert tasks.gan_test(real, wrong, **options)["mean"] == pytest.approx(0.5, abs=0.05)


def test_real_letters_are_classified_far_above_chance():
    gentut.seed(0)
    real, test = (gentut.data.load("glyphs", split) for split in ("train", "test"))
    trial = tasks.Trial("classification", tuple(part[::4] for part in test), steps=32)
    assert trial.score(tasks.subset(*real, 30))["accuracy"] > 0.5  # chance is 0.1


def test_a_run_is_tried_on_tasks_and_the_table_and_the_file_agree(folder, capsys):
    out = folder / "run"
    assert command(out, "--seeds", "2", "--steps", "16") == 0
    printed = capsys.readouterr()
    assert "training on generated images, 2 seeds" in printed.err
    assert printed.out.splitlines()[-1] == str(out / "report.html")
    found = json.loads((out / "tasks.json").read_text(encoding="utf-8"))["classification"]
    assert found["n"] == found["n_seen"] == 60
    for name, count in (
        ("real", 60),
        ("real, augmented", 60),
        ("generated", 60),
        ("real + generated", 120),
    ):
        result = found["results"][name]
        assert (result["n_train"], result["n_test"], result["seeds"]) == (count, 30, [0, 1])
        line = next(x for x in printed.out.splitlines() if x.startswith(name + "  "))
        assert f" {result['mean']:.3f} (" in line and f" {count} " in line
    assert found["results"]["real"]["mean"] > 0.8
    assert found["results"]["real"]["resampled"] == "trainings and test images"
    assert "95 % interval of the mean over trainings and test images" in " ".join(
        printed.out.split()
    )
    assert "GAN-test" in printed.out and 0 <= found["gan_test"]["mean"] <= 1
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Do these images help a network to see?" in page
    assert "Classification, by what the network" in page
    assert f"{found['results']['generated']['mean']:.3f} (" in page
    opens_cleanly(out / "report.html", images=2)  # a grid and its animation
