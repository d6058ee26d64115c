"""What run folders keep in the rarer cases: `tests/test_runs.py` has the others.

Slow, as each test trains.  Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import shutil

import pytest
from test_runs import (  # noqa: F401
    FILES,
    begin,
    change_config,
    config,
    finished,
    history,
    own,
    small,
    stop_in,
)

from gentut import runs
from gentut.runs import record
from gentut.training import callbacks


def test_short_epochs_have_their_line_but_not_all_their_files(begin, monkeypatch):
    monkeypatch.setattr(record, "RECORDING_SHARE", 1e-9)
    begin(epochs=4)
    assert [row["epoch"] for row in history(begin.out)] == ["1", "2", "3", "4"]
    names = [path.name for path in sorted((begin.out / "samples").iterdir())]
    assert names == ["epoch-0001.png", "epoch-0004.png"]  # the first and the last always


def test_the_clock_goes_on_where_it_stood(begin, monkeypatch):
    with monkeypatch.context() as patch:
        stop_in(patch, epoch=1)
        begin(minutes=1)
    used = config(begin.out)["seconds"]
    assert 0 < used < 60
    shares = []

    class Watch(callbacks.TimeBudget):
        def on_train_begin(self, logs=None):
            shares.append(self.share())
            self.budget = self.seconds + 0.2  # enough of it

    monkeypatch.setattr("gentut.runs.trainer.TimeBudget", Watch)
    runs.resume(begin.out)
    assert shares == [pytest.approx(used / 60)]
    assert float(history(begin.out)[-1]["seconds"]) >= used


def test_resume_begins_anew_where_nothing_was_saved(finished, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    text = (finished / "config.json").read_text(encoding="utf-8")  # killed in the first epoch
    (out / "config.json").write_text(text.replace('"finished"', '"running"'))
    runs.resume(out, epochs=2)
    assert len(history(out)) == 2


def test_ctrl_c_in_the_first_epoch_keeps_the_steps_made(begin, monkeypatch):
    with monkeypatch.context() as patch:
        stop_in(patch, epoch=0)
        _, status = begin(batch_size=4)
    assert status == "interrupted"
    assert {path.name for path in begin.out.iterdir()} == FILES - {"history.csv", "samples.gif"}
    _, status = runs.resume(begin.out)
    assert status == "finished" and len(history(begin.out)) == 2


def test_a_finished_run_without_checkpoints_goes_on_from_its_model(own, monkeypatch):
    out, _ = own
    shutil.rmtree(out / "checkpoints")
    steps, said = int(runs.RunFolder(out).read_model().optimizer.iterations), []
    model, _ = runs.resume(out, epochs=3, say=said.append)
    assert int(model.optimizer.iterations) == steps + 3  # and not 3, those of a new model
    assert any("goes on from model.keras" in line for line in said)


def test_runs_of_older_versions_go_on_and_say_what_was_not_checked(own):
    out, data = own
    change_config(out, contents=None)
    said = []
    runs.resume(out, epochs=3, say=said.append)
    line = f"{out} does not say what images it was trained on: {data} was not checked"
    assert line in said and config(out)["contents"]["images"] == 48
    # The damaged checkpoint goes, and so do the scores of the model before.
    assert not (out / "checkpoints" / "000009-0000000.npz").exists()
    assert not (out / "scores.json").exists()
