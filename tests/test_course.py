"""The notebooks' budget and footer."""

import base64
import re

import numpy as np
import pytest

import gentut


def test_the_budget_follows_the_environment(monkeypatch):
    monkeypatch.delenv("GENTUT_QUICK", raising=False)
    assert gentut.budget(full=12, quick=1) == 12
    monkeypatch.setenv("GENTUT_QUICK", "0")
    assert gentut.budget(full=12, quick=1) == 12
    monkeypatch.setenv("GENTUT_QUICK", "1")
    assert gentut.budget(full=12, quick=1) == 1


def test_a_misspelt_budget_is_refused(monkeypatch):
    monkeypatch.setenv("GENTUT_QUICK", "yes")
    with pytest.raises(ValueError, match="`GENTUT_QUICK` must be 0 or 1; received 'yes'"):
        gentut.budget(full=12, quick=1)
    monkeypatch.setenv("GENTUT_QUICK", "0")
    with pytest.raises(TypeError, match="`full` and `quick` must be of one type"):
        gentut.budget(full=1.5, quick=1)


def test_the_footer_names_versions_and_no_machine():
    line = gentut.about()
    assert re.search(r"gentut \d+\.\d+\.\d+", line) and re.search(r"keras 3\.\d+", line)
    assert re.search(r"\d+ CPU core", line)
    assert "/" not in line


def test_a_figure_is_shown_with_its_alternative_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *data, **how: shown.append((data, how)))
    figure = gentut.plots.image_grid(np.zeros((1, 8, 8, 1), "float32"))
    gentut.show(figure, alt="One black image.")
    ((data,), how) = shown[0]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert how == {"raw": True, "metadata": {"image/png": {"alt": "One black image."}}}
    with pytest.raises(ValueError, match="`alt` must describe the figure in words; received ' '"):
        gentut.show(figure, alt=" ")


def test_a_claim_that_does_not_hold_ends_a_full_run_only(monkeypatch, capsys):
    monkeypatch.setenv("GENTUT_QUICK", "0")
    gentut.claim(np.float32(1) < 2, "1 is less than 2")
    with pytest.raises(AssertionError, match="This run does not show it: 2 is less than 1"):
        gentut.claim(2 < 1, "2 is less than 1")
    with pytest.raises(TypeError, match="`holds` must be True or False; received str"):
        gentut.claim("2 < 1", "2 is less than 1")
    monkeypatch.setenv("GENTUT_QUICK", "1")
    gentut.claim(2 < 1, "2 is less than 1")
    assert capsys.readouterr().out == (
        "✓ 1 is less than 2\n✗ not in this quick run: 2 is less than 1\n"
    )


def test_the_truth_stays_hidden_until_every_guess_is_typed(monkeypatch, capsys):
    shown, asked = [], []
    monkeypatch.setattr("gentut.notebook.show", lambda figure, alt: shown.append(alt))

    def truth():
        asked.append(1)
        return {"a": np.float32(2), "b": 30}

    monkeypatch.setenv("GENTUT_QUICK", "0")
    gentut.reveal({"a": 1, "b": ...}, truth, "nats")
    assert "Your guess first" in capsys.readouterr().out
    assert shown == asked == []
    gentut.reveal({"a": 1, "b": 40.5}, truth, "nats", log=True)
    assert shown == ["a: guessed 1, here 2; b: guessed 40.5, here 30"]
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("GENTUT_QUICK", "1")  # the tests run what computes the truth
    gentut.reveal({"a": ..., "b": ...}, truth, "nats")
    assert len(asked) == 2 and len(shown) == 1


def test_a_table_has_three_digits(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    gentut.table([{"name": "a", "value": 1.23456, "n": 1000}, {"name": "b", "value": 2.0, "n": 7}])
    assert shown[0].data == (
        "| name | value | n |\n| --- | --- | --- |\n| a | 1.23 | 1000 |\n| b | 2 | 7 |"
    )
    with pytest.raises(ValueError, match="`rows` must hold at least one row"):
        gentut.table([])


def test_a_notebook_that_needs_another_backend_says_so_in_one_line(monkeypatch):
    monkeypatch.setattr("gentut.notebook.BACKEND", "jax")
    gentut.need_backend("jax", "it explains jax.grad")
    with pytest.raises(RuntimeError) as raised:
        gentut.need_backend("tensorflow", "it explains TensorFlow's tape")
    assert raised.value._render_traceback_() == [
        "WrongBackend: This notebook needs Keras to run on tensorflow, since it explains"
        " TensorFlow's tape; it runs on jax. Install tensorflow if it is missing, set"
        " KERAS_BACKEND=tensorflow in the environment, and start Jupyter again."
    ]
