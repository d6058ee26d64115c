"""Learning curves without any training, and the figures of the tasks."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from gentut import plots, tasks
from gentut.data import data_path
from gentut.tasks import curve

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import tasks_sweep  # noqa: E402


class Known:
    """A trial whose score is known: the mean of the images, doubled by augmentation."""

    task, score_name, unit, units = "classification", "accuracy", "sources", 20

    def __init__(self):
        self.calls = []

    def score(self, train, augment, seed):
        self.calls.append((len(train[1]), augment, seed))
        value = float(train[0].mean()) * (1 + augment)
        return {"accuracy": value, "draws": [value - 0.1, value + 0.1]}


def ways():
    def make(value, augment=False):
        return lambda per_class, seed: (
            (np.full((2 * per_class, 1, 1, 1), value + seed / 100), np.zeros(2 * per_class)),
            augment,
        )

    return {"real": make(0.2), "real, augmented": make(0.2, True), "generated": make(0.1)}


def test_a_curve_has_every_way_size_and_seed_once_and_goes_on():
    trial, kept = Known(), []
    rows = tasks.learning_curve(trial, ways(), [1, 5], seeds=(0, 2), keep=kept.append)
    assert kept == rows and len(rows) == 3 * 2 * 2 == len({curve.key(row) for row in rows})
    assert {(2, False, 0), (10, True, 2)} < set(trial.calls)
    again = tasks.learning_curve(trial, ways(), [1, 5], seeds=(0, 2), rows=rows[:7])
    assert len(trial.calls) == 12 + 5
    for a, b in zip(again, rows, strict=True):
        assert a | {"seconds": 0} == b | {"seconds": 0}


def test_summaries_pair_the_seeds_with_the_baseline():
    rows = tasks.learning_curve(Known(), ways(), [1], seeds=(0, 2, 4))
    rows = [r for r in rows if (r["way"], r["seed"]) != ("generated", 0)]  # it has fewer seeds
    found = tasks.summarise(rows, "real")
    augmented = found["classification", "real, augmented", 1]
    assert augmented["values"] == pytest.approx([0.4, 0.44, 0.48])
    assert augmented["difference"]["values"] == pytest.approx([0.2, 0.22, 0.24])
    assert augmented["difference"]["verdict"] == "better"
    assert np.ptp(augmented["draws"], axis=1) == pytest.approx([0.2, 0.2, 0.2])
    assert np.ptp(augmented["difference"]["draws"], axis=1) == pytest.approx(0)  # the same draws
    generated = found["classification", "generated", 1]
    assert generated["seeds"] == [2, 4]
    assert generated["difference"]["values"] == pytest.approx([-0.1, -0.1])
    assert tasks.summarise(rows, "none")["classification", "real", 1]["difference"] is None


def test_rows_of_before_have_intervals_over_trainings_alone():
    rows = tasks.learning_curve(Known(), ways(), [1], seeds=(0, 2, 4))
    old = [{k: v for k, v in row.items() if k not in ("draws", "units")} for row in rows]
    new, before = (tasks.summarise(r, "real")["classification", "real", 1] for r in (rows, old))
    assert before["low"] == tasks.summary(new["values"])["low"] > new["low"]
    assert "draws" not in before


# Figures ----------------------------------------------------------------------------------------


def scenes():
    images = np.zeros((4, 20, 20, 1), "float32")
    images[::2, 4:16, 9:12] = images[1::2, 9:12, 4:16] = 1
    return tasks.make_scenes(images, np.arange(4) % 2, 3)


def test_detections_are_drawn_where_they_are():
    some = scenes()
    found = [
        tasks.Detections(
            np.array([[1, 2, 11, 22], [5, 5, 9, 9]], "float32"),
            np.array([0.9, 0.1]),
            np.array([1, 0]),
        ),
        *[tasks.Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))] * 2,
    ]
    figure = tasks.plot_detections(some, found, class_names=("A", "B"), columns=2)
    first = figure.axes[0]
    assert [t.get_text() for t in first.texts] == ["B 0.90"]  # the other one is too unsure
    dashed = [p for p in first.patches if p.get_linestyle() == "--"]
    assert [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in dashed] == [
        (1, 2, 10, 20)
    ]
    assert len(first.patches) == 2 * len(some.boxes[0]) + 1
    assert len(plots.png(figure)) > 1000
    with pytest.raises(ValueError, match="`class_names` must name 2 classes; received 1"):
        tasks.plot_detections(some, class_names=("A",))


def test_masks_are_drawn_in_the_colours_of_the_key():
    some = scenes()
    figure = tasks.plot_masks(some, some.masks, class_names=("A", "B"), columns=2)
    true, predicted = (figure.axes[i].images[0].get_array() for i in (2, 4))
    np.testing.assert_array_equal(true, predicted)
    key = [patch.get_facecolor()[:3] for patch in figure.legends[0].get_patches()]
    for k in range(2):
        pixels = true[some.masks[0] == k + 1]
        np.testing.assert_allclose(pixels, np.broadcast_to(key[k], pixels.shape))
    assert len(plots.png(figure)) > 1000


def test_curves_show_means_and_intervals():
    rows = tasks.learning_curve(Known(), ways(), [1, 5], seeds=(0, 2))
    found = tasks.summarise(rows, "real")
    figure = tasks.plot_curves(found, "classification", {"real": "Real"}, score="accuracy")
    line, _, (bars,) = figure.axes[0].containers[0]
    assert line.get_ydata() == pytest.approx([0.21, 0.21])
    summary = found["classification", "real", 1]
    assert bars.get_segments()[0][:, 1] == pytest.approx([summary["low"], summary["high"]])
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["1", "5"]
    gains = tasks.plot_curves(
        found, "classification", {"generated": "GAN"}, score="gain", gains=True
    )
    line, _, (bars,) = gains.axes[0].containers[0]
    change = found["classification", "generated", 1]["difference"]
    assert line.get_ydata()[0] == pytest.approx(change["mean"]) == pytest.approx(-0.1)
    assert bars.get_segments()[0][:, 1] == pytest.approx([change["low"], change["high"]])


# The stored sweep -------------------------------------------------------------------------------


def stored_result():
    same = {"task": "classification", "per_class": 10, "score": "accuracy", "n_train": 100}
    same |= {"seconds": 1.0, "resampled": "sources", "units": 30}
    means = {"real": 0.5, "real, augmented": 0.7, "gan": 0.3, "real + gan, augmented": 0.6}
    rows = [
        {"way": way, "seed": seed, "value": mean + seed / 1000, "draws": [mean, mean + 0.002]}
        for way, mean in means.items()
        for seed in (0, 1)
    ]
    rows = [same | row for row in rows]
    scores = {"label_error": 0.25, "coverage": 0.5, "precision": 0.75, "copies": 0.125}
    quality = [{"family": "gan", "per_class": 10, "seed": seed, **scores} for seed in (0, 1)]
    return {"machine": "a laptop", "date": "2026-01-01", "rows": rows, "quality": quality}


def test_the_sweeps_table_holds_its_rows_and_compares_like_with_like(tmp_path):
    stored = stored_result()
    tasks_sweep.write(tmp_path / "log.json", stored)
    assert tasks_sweep.read(tmp_path / "log.json") == stored
    text = tasks_sweep.markdown(stored)
    # Variance over trainings 0.001² / 4, over sources 0.002² / 2: 1.1 degrees of freedom or more.
    half = tasks.summary([0.5, 0.501], [[0.5, 0.502]] * 2, 30)
    assert f"| real | 0.500 ± {half['high'] - half['mean']:.3f} (2) |" in text
    assert "| gan alone | 0.300" in text and "8 of 54 planned" in text and "test sources" in text
    marks = {line.split(" | ")[0]: line.rstrip(" |")[-1:] for line in text.splitlines()}
    assert (marks["| gan alone"], marks["| real + gan, augmented"]) == ("▼", "▼")
    assert marks["| real"] == marks["| real, augmented"] == ")"  # nothing better than itself
    assert "| gan | 10 | 0.250 | 0.500 | 0.750 | 0.125 |" in text and "a laptop" in text


def test_the_stored_sweep_and_its_table_agree():
    """The Markdown is made from the JSON, and every way meets its rival on resampled test sets."""
    log, table = data_path("results/tasks_sweep.json"), tasks_sweep.HERE / "tasks_sweep.md"
    stored = json.loads(log.read_text(encoding="utf-8"))
    assert tasks_sweep.markdown(stored) == table.read_text(encoding="utf-8")
    there = {(row["task"], row["way"]) for row in stored["rows"]}
    assert {(task, way) for task in tasks.TASKS for way in tasks_sweep.WAYS[task]} == there
    assert all(len(row["draws"]) == tasks.intervals.RESAMPLES for row in stored["rows"])
    found = tasks.summarise(stored["rows"], tasks_sweep.baseline)
    assert all(summary["difference"]["low"] is not None for summary in found.values())
    assert not re.search(r"/(home|root|tmp|work)/", log.read_text(encoding="utf-8"))


def test_generators_of_the_sweep_know_only_their_own_letters(tmp_path, monkeypatch):
    """What the generator is given are exactly the real letters of its size and seed."""
    given = []

    def record(family, images, labels, wanted, seed):
        given.append((family, images, labels, seed))
        return np.zeros((len(wanted), 28, 28, 1), "float32")

    monkeypatch.setattr(tasks_sweep, "draw", record)
    letters = tasks_sweep.Letters(tmp_path)
    (images, labels), augment = letters.ways(["real + gan, augmented"])["real + gan, augmented"](
        10, 1
    )
    real = letters.subset(10, 1)
    assert augment and len(labels) == 2 * 10 * tasks_sweep.DRAWN
    np.testing.assert_array_equal(images[:100], real[0])
    assert images[len(images) // 2 :].max() == 0  # the other half is generated
    ((family, seen, known, seed),) = given
    assert (family, seed) == ("gan", 1)
    np.testing.assert_array_equal(seen, real[0])
    np.testing.assert_array_equal(known, real[1])
    letters.ways(["gan"])["gan"](10, 1)
    assert len(given) == 1  # drawn once, then read
