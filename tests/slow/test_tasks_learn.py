"""The detector and the segmenter learn from scenes, which takes them a while on a processor.

Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import numpy as np
import pytest
from test_tasks_trial import bars

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
