"""`gentut doctor`: what it finds, and what it says of a machine that is set up wrongly."""

import re

import keras
import pytest
import tiny

from gentut import cli, startup
from gentut.cli import doctor
from gentut.training import devices


def advice(name):
    return {f.name: f.advice for f in doctor.doctor(seconds=0.01)}[name]


def test_it_names_versions_machine_settings_and_times(capsys):
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    names = ["Python", "keras", "numpy", "backend", "CPU cores", "memory", "matrix product"]
    for name in names + [f"notebook {name}" for name in doctor.NOTEBOOKS]:
        assert re.search(rf"^{name} ", printed, re.MULTILINE), name
    assert re.search(r"notebook 02_gan +about \d+ min", printed)
    assert "Colab has 3.13" in printed and "Not a promise" in printed


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("GENTUT_DATA", "/no/such/place", "must name a folder that exists"),
        ("GENTUT_MIRROR", "http://x", "must begin with https://"),
        ("GENTUT_QUICK", "yes", "must be 0 or 1"),
    ],
)
def test_wrong_settings_have_advice(name, value, words, monkeypatch):
    monkeypatch.setenv(name, value)
    assert words in advice(name)


def test_onednn_that_is_off_is_told(monkeypatch):
    monkeypatch.setattr(devices, "BACKEND", "tensorflow")
    monkeypatch.setattr(devices, "device", lambda: "CPU")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert "slower" in advice("oneDNN")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert advice("oneDNN") == ""
    monkeypatch.setattr(devices, "BACKEND", "torch")
    assert devices.onednn() == ""


def test_each_setting_of_keras_comes_with_what_it_must_be():
    assert startup.keras_settings() == [
        ("image_data_format", "channels_last", "channels_last"),
        ("floatx", "float32", "float32"),
    ]


def test_versions_outside_the_bounds_are_told(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "1.0")
    assert "outside the bounds" in advice("keras")


def test_a_pillow_with_known_faults_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "11.3.0")
    assert "'pillow>=13'" in advice("images from others")


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


# Where gentut cannot be imported -----------------------------------------------------------------


@pytest.mark.parametrize(
    "stubs, backend, told",
    [
        (
            {"keras": "raise ImportError('numpy is too old\\nfor this')"},
            "jax",
            ["NOT IN ORDER: import gentut is impossible: numpy is too old for this"],
        ),
        (
            {"keras": "import nowhere"},
            "foo",
            [
                'NOT IN ORDER: backend is foo: KERAS_BACKEND, or "backend" in keras.json, must be'
                " tensorflow, jax, torch",
                "NOT IN ORDER: import gentut is impossible: No module named 'nowhere'",
            ],
        ),
        (
            {"packaging": "import nowhere", "keras": "1 / 0"},
            "torch",
            [
                "NOT IN ORDER: packaging is not installed: pip install -e . in the folder of the"
                " course",
                "NOT IN ORDER: import gentut is impossible: ZeroDivisionError: division by zero",
            ],
        ),
    ],
)
def test_it_prints_its_table_without_keras(stubs, backend, told, tmp_path):
    threads = {
        "OMP_NUM_THREADS": "2"
    }  # of which doctor says nothing, unlike of the one of `conftest`
    done = tiny.command(tmp_path, "doctor", stubs=stubs, KERAS_BACKEND=backend, **threads)
    assert done.returncode == 0 and done.stderr == ""
    shown = {"Python": r"3\.\d+", "backend": backend, "memory": "", "import gentut": "impossible"}
    for name, value in shown.items():
        assert re.search(rf"^{name} +{value}", done.stdout, re.MULTILINE), name
    wrong = [line for line in done.stdout.splitlines() if line.startswith("NOT IN")]
    missing = f"NOT IN ORDER: {backend} is not installed"  # true of most machines
    assert [line for line in wrong if not line.startswith(missing)] == told


WHERE = "(in ~/.keras, or where KERAS_HOME points)"


def test_a_float_type_of_another_width_is_told():
    keras.config.set_floatx("float64")
    try:
        assert advice("floatx") == f"set it to float32 in keras.json {WHERE}"
    finally:
        keras.config.set_floatx("float32")


def test_the_backend_is_the_one_that_keras_would_take(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert startup.asked_backend() == "tensorflow"
    for text, name in (
        ('{"backend": "torch"}', "torch"),
        ("[]", "tensorflow"),
        ("{", "tensorflow"),
    ):
        (tmp_path / "keras.json").write_text(text)
        assert startup.asked_backend() == name
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert startup.asked_backend() == "jax"


def test_a_machine_that_hides_everything_still_has_its_table(tmp_path, monkeypatch):
    def no(*arguments):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    monkeypatch.setattr("shutil.disk_usage", no)
    monkeypatch.setattr(doctor, "_memory", lambda: (None, None))
    found = {f.name: f for f in doctor.doctor(seconds=0.01)}
    assert found["CPU cores"].value.startswith("unknown (") and not found["CPU cores"].advice
    assert found["memory"].value == "unknown"
    assert found["disk"].advice == "this folder cannot be looked at: No such file or directory"
