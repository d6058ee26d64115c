"""What a person meets who starts gentut: real starts, in every locale, and long ways through it.

Slow: each start of ``python -m gentut`` imports Keras, for seconds.  Not part of ``pytest tests``,
which calls the commands in its own process; ``.ci/run`` names this folder.
"""

import os
import signal
import subprocess
import sys
import time

import keras
import pytest
from PIL import Image
from test_cli import images, run
from tiny import command, make_photographs, shrink_recipes

WHERE = "(in ~/.keras, or where KERAS_HOME points)"


def test_the_import_says_nothing_and_a_failing_one_everything():
    """In a new process: what C++ prints while a backend loads goes past Python's own streams."""
    quiet = "import gentut"
    done = subprocess.run([sys.executable, "-c", quiet], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
    failing = (
        "import os\nfrom gentut.startup import quiet_start\n"
        "try:\n  with quiet_start():\n    os.write(2, b'held'); raise ImportError\n"
        "except ImportError: os.write(2, b' then shown')\n"
    )
    done = subprocess.run([sys.executable, "-c", failing], capture_output=True, text=True)
    assert done.stderr == "held then shown"


def test_the_import_leaves_scikit_learns_parts_for_later():
    listed = "import sys, gentut; print([m for m in sys.modules if m in sys.argv])"
    words = [f"sklearn.{part}" for part in ("cluster", "decomposition", "mixture", "neighbors")]
    done = subprocess.run(
        [sys.executable, "-c", listed, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's kernels")
@pytest.mark.skipif(sys.platform != "linux", reason="the processor's features are read in /proc")
def test_tensorflow_before_gentut_is_told_where_it_makes_training_slow():
    """TensorFlow's own rule (core/util/port.cc): on where Linux runs on one of these features."""
    by_itself = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        features = next((line for line in file if line.startswith("flags")), "").split()
    slow = bool(features) and not by_itself & set(features)

    def told(lines, **settings):
        environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
        done = subprocess.run(
            [sys.executable, "-c", lines],
            capture_output=True,
            text=True,
            check=True,
            env=environment | settings,
        )
        return "import gentut first" in done.stderr.lower()

    assert told("import tensorflow, gentut") == slow
    assert not told("import gentut, tensorflow")
    assert not told("import tensorflow, gentut", TF_ENABLE_ONEDNN_OPTS="0")  # the user's choice


TRAINS = """
import gentut
images, labels = gentut.data.load("glyphs", "train")
for family in ("gan", "vae"):
    model = gentut.build(family, images.shape[1:], num_classes=10)
    model.fit(images[:64], labels[:64], epochs=1, batch_size=32, verbose=0)
    model.sample(4, seed=0)
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own noise")
@pytest.mark.backend
def test_a_training_prints_nothing_of_its_own():
    """Not even what TensorFlow 2.20 prints past its log level, where its remapper fails."""
    names = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")  # as a learner has them
    environment = {k: v for k, v in os.environ.items() if k not in names}
    done = subprocess.run(
        [sys.executable, "-c", TRAINS], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(os.name == "nt", reason="there, only a console can send Ctrl-C")
@pytest.mark.parametrize("delay", [0.5, 2])
def test_ctrl_c_ends_the_real_start_with_130(delay):
    process = subprocess.Popen(
        [sys.executable, "-m", "gentut", "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == (b"", b"gentut: stopped\n")
    assert process.returncode == 130


def test_settings_of_keras_that_do_not_fit_are_told(tmp_path):
    (tmp_path / "keras.json").write_text('{"image_data_format": "channels_first"}')
    done = command(tmp_path, "doctor", KERAS_HOME=str(tmp_path))
    *table, settings, refusal, _ = done.stdout.splitlines()
    assert done.returncode == 0 and "image_data_format  channels_first" in table
    assert settings == (
        f"NOT IN ORDER: image_data_format is channels_first: set it to channels_last in keras.json"
        f" {WHERE}"
    )
    assert refusal == (
        "NOT IN ORDER: import gentut is impossible: gentut needs Keras' setting `image_data_format`"
        f" to be 'channels_last'; received 'channels_first'. Change it in keras.json {WHERE}, or"
        " call keras.config.set_image_data_format('channels_last') before gentut is imported."
    )


TRAIN_AND_SAMPLE = """
import sys
from gentut.cli import main
data, run, sheet, folder = sys.argv[1:]
images = ["--data", data, "--size", "16", "--channels", "1", "--conditional"]
for words in (
    ["train", "vae", *images, "--epochs", "1", "--language", "zh", "--out", run],
    ["sample", run, "-n", "4", "--out", sheet],
    ["sample", run, "-n", "4", "--out", folder],
):
    code = main(words)
    if code:
        sys.exit(code)
"""
C = {"LANG": "C", "LC_ALL": "C"}


@pytest.mark.parametrize(
    "setting", [C, C | {"PYTHONUTF8": "0"}, {"PYTHONUTF8": "0", "PYTHONIOENCODING": "gbk"}], ids=str
)
def test_names_in_chinese_work_in_every_locale(setting, tmp_path):
    make_photographs(tmp_path / "数据", classes=("狗", "猫"))
    start, names = ("-c", TRAIN_AND_SAMPLE), ("数据", "结果", "样本.png", "样本")
    encoding = setting.get("PYTHONIOENCODING", "utf-8")
    done = command(tmp_path, *names, start=start, encoding=encoding, **setting)
    assert done.returncode == 0, done.stderr
    report = os.path.join("结果", "report.html")
    assert done.stdout == f"{report}\n样本.png\n样本\n"
    with Image.open(tmp_path / "样本.png") as sheet:
        assert sheet.format == "PNG"
    assert len(list((tmp_path / "样本").glob("*/*.png"))) == 4
    page = (tmp_path / report).read_text(encoding="utf-8")
    assert "VAE（数据：数据）" in page and "狗、猫、狗、猫" in page and "gentut train vae" in page


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    shrink_recipes(monkeypatch)
    return make_photographs(tmp_path / "photographs", train=30, test=20)


def test_a_model_of_texts_is_trained_on_captions_and_draws_what_it_is_told(
    photographs, tmp_path, capsys
):
    data, out = photographs, tmp_path / "run"
    files = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.png"))
    lines = [f"{file},{'a grey bar' if 'bars' in file else '灰点'}" for file in files]
    (data / "captions.csv").write_text("\n".join(["file,text", *lines]), encoding="utf-8")
    assert run("train", "text_flow", *images(data), "--epochs", 2, "--out", out) == 0
    words = ("--text", "a bar of light", "--text", "灰点", "--out", tmp_path / "drawn.png")
    capsys.readouterr()
    assert run("sample", out, "-n", 3, *words) == 0
    assert "left out, as this model does not know them: of, light" in capsys.readouterr().err
    with Image.open(tmp_path / "drawn.png") as image:
        assert image.size == tuple(2 * (17 * count + 1) for count in (3, 2))
    assert run("train", "text_flow", "--resume", "--epochs", 3, "--out", out) == 0
    assert len((out / "history.csv").read_text().splitlines()) == 4
    assert run("evaluate", out, "-n", 20) == 0
    assert "text alignment and retrieval" in capsys.readouterr().out


def test_flows_train_sample_and_are_scored_like_every_family(photographs, tmp_path, capsys):
    out = tmp_path / "run"
    words = ("--conditional", *images(photographs), "--epochs", 2, "--out", out)
    assert run("train", "latent_flow", *words) == 0
    head = (out / "history.csv").read_text(encoding="utf-8").splitlines()[0]
    assert {"loss", "flow_loss"} <= set(head.split(","))
    assert run("sample", out, "-n", 4, "--label", 1, "--out", tmp_path / "grid.png") == 0
    assert run("evaluate", out, "-n", 20) == 0
    printed = capsys.readouterr().out
    assert "Fréchet distance ↓" in printed
    assert "Reconstruction PSNR" in printed
