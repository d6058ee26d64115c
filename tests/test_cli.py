"""The commands as a person types them: what they print, what they leave, how they end."""

import io
import os
import re
import shutil
import signal
import warnings

import pytest
from PIL import Image
from tiny import english_in, make_photographs, shrink_recipes

from gentut import cli, runs, startup
from gentut.cli import messages
from gentut.cli.parser import FAMILIES
from gentut.models import recipes
from gentut.report import terminal


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_recipes(monkeypatch)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return make_photographs(tmp_path_factory.mktemp("photographs"), train=30, test=20)


@pytest.fixture(scope="module")
def trained(photographs, tmp_path_factory):
    """A run of the statistical family, which needs no time; not to be changed."""
    out = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        shrink_recipes(patch)
        assert run("train", "gaussian", "--conditional", *images(photographs), "--out", out) == 0
    return out


def images(folder):
    return "--data", folder, "--size", 16, "--channels", 1


def run(*words):
    """The exit code of a command; argparse raises it."""
    try:
        return cli.main([str(word) for word in words])
    except SystemExit as end:
        return end.code


# What each command does -------------------------------------------------------------------------


def test_train_shows_its_progress_and_names_the_report(photographs, tmp_path, capfd):
    out = tmp_path / "run"
    assert run("train", "vae", *images(photographs), "--epochs", 2, "--out", out) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{out / 'report.html'}\n"
    assert re.search(r"100% \|█+\| \d\d:\d\d<00:00, [\d,]+ images/s, .*loss", printed.err)
    assert "fitting the prior of the codes" in printed.err
    assert (out / "model.keras").is_file()
    # The same command again, and going on with what is finished.
    assert run("train", "vae", *images(photographs), "--epochs", 2, "--out", out) == 2
    assert "Use --resume" in capfd.readouterr().err
    assert run("train", "--resume", "--out", out) == 0
    assert "the run is finished" in capfd.readouterr().err


def test_ctrl_c_ends_train_with_130_and_says_how_to_go_on(
    photographs, tmp_path, capsys, monkeypatch
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def stop(self, batch, logs=None):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("gentut.training.callbacks.StopOnNaN.on_train_batch_end", stop)
    out = tmp_path / "run"
    assert run("train", "vae", *images(photographs), "--out", out) == 130
    printed = capsys.readouterr()
    assert f"stopped; gentut train --out {out} --resume goes on" in printed.err
    assert "Traceback" not in printed.err and (out / "model.keras").is_file()


def test_ctrl_c_elsewhere_ends_with_130(capsys, monkeypatch):
    def stop(options):
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.COMMANDS, "data", stop)
    assert run("data") == 130
    assert capsys.readouterr().err == "gentut: stopped\n"


@pytest.mark.parametrize(
    "words, cells",
    [
        ((), (10, 4)),  # both classes five times in a row
        (("-n", 13), (10, 2)),
        (("-n", 6, "--label", 1), (3, 2)),
    ],
)
def test_sample_writes_a_grid(words, cells, trained, tmp_path, capsys):
    target = tmp_path / "grid.png"
    assert run("sample", trained, *words, "--out", target) == 0
    assert capsys.readouterr().out == f"{target}\n"
    with Image.open(target) as image:
        # Each pixel is two wide; a line of one pixel is around every image.
        assert image.size == tuple(2 * (17 * count + 1) for count in cells)
        assert image.format == "PNG"


def test_sample_draws_other_images_with_another_seed(trained, tmp_path):
    pictures = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run("sample", trained, "--seed", seed, "--out", tmp_path / f"{name}.png")
        pictures.append((tmp_path / f"{name}.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_texts_are_for_models_of_texts(trained, tmp_path, capsys):
    assert run("sample", trained, "--text", "a", "--out", tmp_path / "a.png") == 2
    assert "`text` needs a model of texts; received" in capsys.readouterr().err
    assert run("train", "text_flow", "--conditional", "--out", tmp_path / "run") == 2
    assert "`conditional` must be left out for a model of texts" in capsys.readouterr().err
    assert run("train", "text_flow", "--out", tmp_path / "run") == 2
    assert "`data` must be emoji or a folder with captions.csv" in capsys.readouterr().err


def test_evaluate_prints_scores_and_merges_them_into_the_report(trained, tmp_path, capsys):
    first = shutil.copytree(trained, tmp_path / "a")
    second = shutil.copytree(trained, tmp_path / "b")
    assert run("evaluate", first, second, "-n", 40) == 0
    printed = capsys.readouterr()
    head = next(line for line in printed.out.splitlines() if "PCA-Gaussian" in line)
    assert head.split() == [str(first), str(second), "Real", "images", "PCA-Gaussian", "Noise"]
    (line,) = (line for line in printed.out.splitlines() if line.startswith("Fréchet distance ↓"))
    value = r"[\d.,]+ \([\d.,]+…[\d.,]+\)"
    assert re.fullmatch(rf"Fréchet distance ↓ +{value} +{value} +[\d.]+ +[\d.]+ +[\d.,]+", line)
    assert "40 generated images against 40 test images" in printed.out
    assert "Left out" in printed.out and "knows no classes" in printed.out
    for out in (first, second):
        assert "PCA-Gaussian" in (out / "report.html").read_text(encoding="utf-8")
        assert (out / "scores.json").is_file()
    # Few images are worth a word, once and without code.
    notes = [line for line in printed.err.splitlines() if "note" in line]
    assert notes and len(set(notes)) == len(notes)
    assert all(re.match(r"gentut: note: \w", note) for note in notes)


def test_reports_are_in_the_language_of_the_run_or_of_the_command(photographs, tmp_path, capsys):
    out = tmp_path / "run"

    def page(*words):
        assert run(*words) == 0
        return (out / "report.html").read_text(encoding="utf-8")

    words = ("--conditional", "--language", "zh", "--out", out)
    first = page("train", "gaussian", *images(photographs), *words)
    assert "<title>高斯模型（数据：" in first and english_in(first) == []
    evaluated = page("evaluate", out, "-n", 40)
    assert "弗雷歇距离" in evaluated and english_in(evaluated) == []
    assert len(english_in(page("evaluate", out, "-n", 40, "--language", "en"))) > 50
    assert page("train", "--resume", "--language", "en", "--out", out).count("Settings") == 1
    assert page("evaluate", out, "-n", 40).count("Settings") == 1  # it is now the run's
    capsys.readouterr()
    assert run("evaluate", out, "--language", "fr") == 2
    assert "invalid choice: 'fr'" in capsys.readouterr().err


def test_a_run_whose_images_moved_is_scored_and_resumed_with_data(photographs, tmp_path, capsys):
    out, data = tmp_path / "run", shutil.copytree(photographs, tmp_path / "photographs")
    assert run("train", "gaussian", *images(data), "--out", out) == 0
    moved = data.rename(tmp_path / "moved")
    capsys.readouterr()
    for words in (("evaluate", out, "-n", 40), ("train", "--resume", "--out", out)):
        assert run(*words) == 2
        assert f"`data` must be an existing folder; received '{data}'" in capsys.readouterr().err
        assert run(*words, "--data", moved) == 0
        capsys.readouterr()
    assert run("evaluate", out, "-n", 40) == 0  # resume has noted the new place


def test_compare_prints_the_table_and_the_path(photographs, tmp_path, capsys):
    out = tmp_path / "compare"
    words = ("--families", "gaussian", "mixture", "--minutes", 0.01, "-n", 40)
    assert run("compare", *images(photographs), *words, "--out", out) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split("  ")[0] for line in lines]
    assert {"Gaussian", "Gaussian mixture", "(real)", "(noise)"} <= set(names)
    assert lines[-1] == str(out / "report.html") and max(map(len, lines)) <= 110
    assert run("compare", "--resume", "--out", out) == 0


def test_data_lists_what_there_is(capsys, monkeypatch):
    monkeypatch.delenv("GENTUT_DATA", raising=False)
    assert run("data") == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"glyphs +28×28×1 +10 +16,210 +3,330 +ships with gentut +capitals", lines[1])
    assert [line.split()[0] for line in lines[1:6]] == [
        "glyphs",
        "emoji",
        "mnist",
        "fashion_mnist",
        "cifar10",
    ]


def test_help_of_every_command_names_its_options(capsys):
    assert run("--help") == 0
    text = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert re.search(rf"^    {name}( |$)", text, re.M)
        assert run(name, "--help") == 0
    assert "--minutes" in capsys.readouterr().out


# How bad input ends: (words, what the one line says) --------------------------------------------

GOOD = ("--out", "{new}")
BAD = [
    (("trian",), "argument COMMAND: invalid choice: 'trian'"),
    ((), "the following arguments are required: COMMAND"),
    (("train", "gann", *GOOD), "`family` must be one of gaussian, mixture, gan, wgan, vae, flow, "),
    (("train", "vae"), "the following arguments are required: --out"),
    (("train", "vae", "--minutes", "soon", *GOOD), "argument --minutes: invalid float value: 'soo"),
    (("train", "vae", "--minutes", "-1", *GOOD), "`minutes` must be a positive number; received -"),
    (("train", "vae", "--epochs", "0", *GOOD), "`epochs` must be a positive integer; received 0."),
    (("train", "vae", "--channels", "2", *GOOD), "argument --channels: invalid choice: 2"),
    (("train", "vae", "--size", "30", *GOOD), "`size` must halve evenly to 12 pixels or less"),
    (("train", "vae", "--data", "nowhere", *GOOD), "`data` must be glyphs, emoji, mnist,"),
    (("train", "vae", "--data", "{empty}", *GOOD), "`data` must hold PNG, JPEG or WebP images"),
    (("train", "vae", "--data", "{broken}", *GOOD), "cannot be read: {broken}/b.png"),
    (("train", "--resume", *GOOD), "`out` must be a run folder that holds config.json; received"),
    (("train", "--resume", "--seed", "4", "--out", "{run}"), "`seed` must stay what the run was"),
    (("sample", "{run}", "--label", "2", "--out", "{new}.png"), "`labels` must lie in [0, 2); rec"),
    (("sample", "{run}", "-n", "0", "--out", "{new}.png"), "`n` must be a positive integer; recei"),
    (("playground", "--out", "{new}.png"), "`out` must end in .html; received"),
    (
        ("playground", "{run}", "--out", "{new}.html"),
        "`runs` must be trained VAEs or GANs; received",
    ),
    (("sample", "{run}", "--out", "{new}.jpg"), "`out` must end in .png or .npz, or be a"),
    (("sample", "{run}", "--out", "{new}/a.png"), "`out` must lie in a folder that exists"),
    (("sample", "{empty}", "--out", "{new}.png"), "`run` must be a run folder that holds model.ke"),
    (("evaluate", "{run}", "-n", "3"), "`n` must be an integer of at least 12; received 3."),
    (("evaluate", "{run}", "{empty}"), "`run` must be a run folder that holds config.json; receiv"),
    (("evaluate",), "the following arguments are required: RUN"),
    (("compare", "--families", "gann", *GOOD), "`family` must be one of gaussian"),
    (("compare", "--minutes", "0", *GOOD), "`minutes` must be a positive number; received 0.0."),
    (("compare", "--out", "{run}"), "`out` must be new, empty, or the folder of an earlier compar"),
]


@pytest.mark.parametrize("words, message", BAD, ids=[" ".join(words) for words, _ in BAD])
def test_bad_input_is_told_in_one_line_with_exit_code_2(words, message, trained, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    for name in "acdefgh":
        Image.new("L", (9, 9)).save(tmp_path / "broken" / f"{name}.png")
    (tmp_path / "broken" / "b.png").write_bytes(b"no picture")
    places = {name: tmp_path / name for name in ("empty", "broken", "new")} | {"run": trained}
    before = sorted(trained.rglob("*"))
    assert run(*(word.format(**places) for word in words)) == 2
    printed = capsys.readouterr()
    told = [line for line in printed.err.splitlines() if ": decoding " not in line]
    assert printed.out == "" and len(told) == 1, printed.err
    assert told[0].startswith("gentut") and message.format(**places) in printed.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "empty"]
    assert sorted(trained.rglob("*")) == before


def test_unreadable_images_can_be_skipped_with_a_note(photographs, tmp_path, capsys):
    folder = shutil.copytree(photographs, tmp_path / "photographs")
    (folder / "train" / "bars" / "0.png").write_bytes(b"no picture")
    command = ("train", "gaussian", *images(folder))
    assert run(*command, "--out", tmp_path / "a") == 2
    assert "add --skip-unreadable" in capsys.readouterr().err
    assert run(*command, "--skip-unreadable", "--out", tmp_path / "a") == 0
    assert "gentut: note: Skipped 1 of 60 images" in capsys.readouterr().err
    assert run("evaluate", tmp_path / "a", "-n", 40) == 0  # it reads the same folder again


def test_a_loss_that_becomes_nan_is_told_in_one_line(photographs, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(cli_recipe("vae")["optimizer"], "learning_rate", 1e30)
    out = tmp_path / "run"
    assert run("train", "vae", *images(photographs), "--out", out) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.match(r"gentut: `\w+` must stay finite; received (nan|inf|-inf) at batch", last)
    assert not out.exists()


def cli_recipe(family):
    from gentut.models import recipes

    return recipes.RECIPES[family]


@pytest.mark.parametrize(
    "words, told",
    [
        (("train", "vae", "--out", "x"), "lower --size or --batch-size, or close other programs"),
        (("compare",), "lower --size or -n, or close other programs"),
        (("sample", "x", "--out", "x.png"), "lower -n, or close other programs"),
        (("doctor",), "close other programs"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 7.45 TiB for an array"),
        type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor\nHint: x"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=["numpy", "tensorflow", "jax", "torch"],
)
def test_full_memory_is_told_in_one_line_with_what_to_lower(
    words, told, error, capsys, monkeypatch
):
    def fill(options):
        raise error

    monkeypatch.setitem(cli.COMMANDS, words[0], fill)
    assert run(*words) == 2
    assert capsys.readouterr().err == f"gentut: memory is full: {told}\n"


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    monkeypatch.setitem(cli.COMMANDS, "data", lambda options: {}["x"])
    with pytest.raises(KeyError):
        run("data")


def test_the_families_that_can_be_typed_are_those_of_the_recipes():
    assert FAMILIES == recipes.FAMILIES


# The terminal -----------------------------------------------------------------------------------


def test_warnings_of_other_libraries_are_left_out(capsys):
    with messages.notes_in_one_line():
        warnings.warn_explicit("ours", UserWarning, "/x/gentut/metrics/distances.py", 1)
        warnings.warn_explicit("theirs", UserWarning, "/x/keras/layers.py", 1)
        warnings.warn_explicit("old", DeprecationWarning, "/x/gentut/models/vae.py", 1)
    assert capsys.readouterr().err == "gentut: note: ours\n"


def test_tables_are_aligned():
    rows = [["", "a long head", "n"], ["first", "1.5", "1,000"], ["b", "22.5", "7"]]
    assert terminal.aligned(rows, head_width=6) == (
        "       a long       \n         head      n\nfirst     1.5  1,000\nb        22.5      7"
    ).replace("       \n", "\n", 1)


def in_encoding(encoding, *words):
    """The exit code of a command and what it printed on a terminal of that encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        code = run(*words)
    return code, stream.buffer.getvalue().decode(encoding)


@pytest.fixture(scope="module")
def scored(trained, tmp_path_factory):
    """The run and its scores."""
    out = shutil.copytree(trained, tmp_path_factory.mktemp("scored") / "run")
    return out, runs.evaluate([out], n=40)


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii", "utf-8"])
def test_every_terminal_shows_the_tables_and_the_help(encoding, scored, monkeypatch):
    for name in cli.COMMANDS:
        assert in_encoding(encoding, name, "--help")[0] == 0
    code, text = in_encoding(encoding, "data")
    assert code == 0
    assert ("28×28×1" if encoding in ("cp1252", "utf-8") else "28x28x1") in text
    code, text = in_encoding(encoding, "doctor")
    assert code == 0 and re.search(
        "[×x] two reference cores" if encoding != "ascii" else "x two", text
    )
    out, scores = scored
    monkeypatch.setattr("gentut.runs.evaluate", lambda *arguments, **options: scores)
    code, text = in_encoding(encoding, "evaluate", out, "-n", 40)
    assert code == 0
    arrows = ("↓", "↑") if encoding == "utf-8" else ("v", "^")
    accent = "e" if encoding == "ascii" else "é"
    assert re.search(rf"^Fr{accent}chet distance {arrows[0]} ", text, re.MULTILINE)
    assert f"{arrows[0]} lower is better, {arrows[1]} higher is better." in text
    assert re.search(r"\(0\.\d+~0\.\d+\)" if encoding in ("ascii", "cp437") else r"\d…\d", text)


def test_characters_that_a_terminal_lacks_have_look_alikes():
    text = "é × … ↓ ↑ ≥ ½ 图 \udcff"
    assert text.encode("ascii", "gentut.look_alike") == rb"e x ~ v ^ >= \xbd \u56fe " + b"\xff"
    for encoding, shown in (("cp1252", "é × … v ^ >= ½"), ("cp437", "é x ~ v ^ ≥ ½")):
        assert text.encode(encoding, "gentut.look_alike") == (
            shown.encode(encoding) + rb" \u56fe " + b"\xff"
        )
    assert "r\udcff".encode("utf-8", "gentut.look_alike") == b"r\xff"  # as it is on the disk


@pytest.mark.parametrize("stream", [None, "closed"])
def test_gentut_starts_without_an_error_stream(stream, monkeypatch):
    if stream:
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr("sys.stderr", stream)
    with startup.quiet_start():
        pass
    with messages.quiet():
        messages.tell("to nobody")
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setitem(cli.COMMANDS, "data", lambda options: messages.tell("to nobody"))
    assert run("data") == 0


def test_the_start_needs_no_room_for_a_file(monkeypatch):
    def full(*arguments):
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with startup.quiet_start():
        os.write(2, b"")
