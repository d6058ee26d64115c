"""`gentut doctor`: what it finds, and what it says of a machine that is set up wrongly."""

import re

import pytest

from gentut import cli, doctor


def advice(name):
    return {f.name: f.advice for f in doctor.doctor(seconds=0.01)}[name]


def test_it_names_versions_machine_settings_and_times(capsys):
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for name in ("Python", "keras", "numpy", "backend", "CPU cores", "memory", "matrix product",
                 *(f"notebook {name}" for name in doctor.NOTEBOOKS)):  # fmt: skip
        assert re.search(rf"^{name} ", printed, re.MULTILINE), name
    assert re.search(r"notebook 02_gan +about \d+ min", printed)
    assert "Colab has 3.13" in printed and "Not a promise" in printed


@pytest.mark.parametrize("name, value, words", [
    ("GENTUT_DATA", "/no/such/place", "must name a folder that exists"),
    ("GENTUT_MIRROR", "http://x", "must begin with https://"),
    ("GENTUT_QUICK", "yes", "must be 0 or 1"),
])  # fmt: skip
def test_wrong_settings_have_advice(name, value, words, monkeypatch):
    monkeypatch.setenv(name, value)
    assert words in advice(name)


def test_onednn_that_is_off_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "BACKEND", "tensorflow")
    monkeypatch.setattr(doctor, "device", lambda: "CPU")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert "slower" in advice("oneDNN")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert advice("oneDNN") == ""


def test_versions_outside_the_bounds_are_told(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "1.0")
    assert "outside the bounds" in advice("keras")


def test_little_memory_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "_memory", lambda: (8e9, 1e9))
    assert "close other programs" in advice("memory")


def test_a_machine_half_as_fast_takes_twice_the_time_but_clocks_stay():
    assert doctor.minutes("01_background", doctor.REFERENCE / 2) == 8
    assert doctor.minutes("02_gan", doctor.REFERENCE / 2) == pytest.approx(3 + 2 * 2.8)


@pytest.mark.parametrize("seconds", [0, -1, "1", True, float("nan")])
def test_seconds_that_are_none_are_refused(seconds):
    with pytest.raises(ValueError, match="`seconds` must be a number above 0"):
        doctor.doctor(seconds)
