"""The sweep behind notebook 08: what it draws from the data, how it counts, what it writes."""

import types

import numpy as np
import pytest
import trends
from trainings import CpuBudget


def test_a_subset_takes_as_many_of_each_class_and_small_ones_lie_in_large_ones():
    labels = np.repeat([2, 0, 1], [50, 30, 40]).astype("int32")
    images = np.arange(120, dtype="float32").reshape(120, 1, 1, 1)
    chosen, kinds = trends.even(images, labels, 12)
    assert np.bincount(kinds).tolist() == [4, 4, 4]
    assert chosen.ravel().tolist() == [0, 1, 2, 3, 50, 51, 52, 53, 80, 81, 82, 83]
    larger, _ = trends.even(images, labels, 60)
    assert set(chosen.ravel()) < set(larger.ravel())
    assert len(trends.even(images, labels, 500)[0]) == 120


def test_the_budget_counts_cpu_seconds_from_the_second_call_on(monkeypatch):
    now = iter([5.0, 6.0, 8.0, 9.5])
    monkeypatch.setattr(CpuBudget, "now", staticmethod(lambda: next(now)))
    budget = CpuBudget(4.0 / 60)
    model = types.SimpleNamespace(stop_training=False)
    budget.set_model(model)
    assert budget.share() == 0
    budget.on_train_batch_end(0)  # the first call, at 5 s: the graph is there, the clock starts
    assert budget.share() == pytest.approx(0.25)
    budget.on_train_batch_end(1)
    assert not model.stop_training
    budget.on_train_batch_end(2)
    assert model.stop_training


def test_the_table_holds_every_row_with_its_interval():
    row = {
        "part": "data",
        "way": "gan",
        "size": 100,
        "seed": 0,
        "memorisation_closer": 0.25,
        "frechet_distance": 5.14,
        "frechet_distance_low": 4.5,
        "frechet_distance_high": 6,
        "frechet_distance_real": 0.5,
        "frechet_distance_noise": 90.0,
        "coverage": 0.39,
        "precision": 0.8,
        "distance_to_training": 1.1,
        "cpu_seconds_per_1000": 0.5,
        "n_generated": 2000,
        "n_real": 2000,
        "features": "a judge",
        "machine": "a machine",
        "date": "today",
    }
    text = trends.markdown({"rows": [row]})
    assert "| gan | 100 | 0.25 | 5.14 (4.5 to 6) | 0.39 | 0.8 | 1.1 | 0.5 | 0 |" in text
    assert "Real images score 0.5, noise 90;" in text and "Machine: a machine." in text
    assert "Training time" not in text  # a part without rows has no table
