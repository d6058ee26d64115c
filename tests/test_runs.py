"""Run folders: what training leaves, what stopping and going on keep, what damage is told."""

import csv
import dataclasses
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
from tiny import make_photographs, shrink_recipes, train

import gentut
from gentut import files, runs
from gentut.models import recipes
from gentut.runs import contents, guard, record
from gentut.runs.comparison import Comparison
from gentut.training import callbacks

FITTED = {"config.json", "history.csv", "model.keras", "report.html", "samples", "samples.gif"}
FILES = FITTED | {"checkpoints"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_recipes(monkeypatch)


@pytest.fixture
def begin(photographs, tmp_path):
    """Train a family on the photographs; fields of `gentut.runs.Config` can be changed."""

    def begin(family="vae", **options):
        defaults = {"out": tmp_path / "run", "size": 16, "channels": 1, "epochs": 2}
        if options.get("minutes"):
            del defaults["epochs"]
        return train(family, photographs, **{**defaults, **options})

    begin.out = tmp_path / "run"
    return begin


@pytest.fixture(scope="module")
def finished(photographs, tmp_path_factory):
    """A run of two epochs, to be copied by whoever changes it."""
    out = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        shrink_recipes(patch)
        train("vae", photographs, out, size=16, channels=1, conditional=True, epochs=2)
    return out


def allow_ctrl_c():
    """A shell that starts pytest in the background makes it deaf to it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def stop_in(monkeypatch, epoch, error=None):
    """Press Ctrl-C (or raise an error) in an epoch, counted from 0, of the next training."""

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, now, logs=None):
            self.due = now == epoch

        def on_train_batch_end(self, batch, logs=None):
            if self.due and error:
                raise error
            if self.due:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("gentut.runs.trainer.StopOnNaN", Stop)
    allow_ctrl_c()


def history(folder):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def config(folder):
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def states(optimizer):
    """What an optimizer remembers, but for its rate."""
    return [np.array(ops.convert_to_numpy(v)) for v in optimizer.variables if "rate" not in v.path]


# What training leaves ---------------------------------------------------------------------------


@pytest.mark.backend
@pytest.mark.parametrize("family, conditional", [("gaussian", True), ("vae", False)])
def test_a_run_folder_holds_a_model_and_how_it_came_about(family, conditional, begin, monkeypatch):
    monkeypatch.setattr(record, "RECORDING_SHARE", 1.0)  # a grid after every epoch, however short
    model, status = begin(family, conditional=conditional, seed=3)
    out = begin.out
    assert status == "finished"
    assert {path.name for path in out.iterdir()} == (FITTED if family == "gaussian" else FILES)
    epochs = 1 if family == "gaussian" else 2
    assert [row["epoch"] for row in history(out)] == [str(k + 1) for k in range(epochs)]
    assert [path.name for path in sorted((out / "samples").iterdir())] == [
        f"epoch-000{k + 1}.png" for k in range(epochs)
    ]
    with Image.open(out / "samples.gif") as gif:
        assert gif.n_frames == epochs
    written = config(out)
    assert (written["family"], written["conditional"], written["seed"]) == (family, conditional, 3)
    assert written["batch_size"] == (None if family == "gaussian" else 16)
    again = runs.RunFolder(out).read_model()
    np.testing.assert_array_equal(again.sample(4, seed=1), model.sample(4, seed=1))
    assert again.num_classes == (2 if conditional else None)


def test_the_last_grid_shows_the_samples_of_the_saved_model(finished):
    model = runs.RunFolder(finished).read_model()
    model.prior = None  # fitted after the last epoch
    labels, columns = runs.grid(2)
    images = model.sample(len(labels), labels=np.array(labels), seed=0)
    with Image.open(finished / "samples" / "epoch-0002.png") as image:
        pixels = np.asarray(image)
    # 40 images in rows of ten, each pixel two wide, a line of one pixel (two wide) between.
    assert pixels.shape == (2 * (4 * 17 + 1), 2 * (10 * 17 + 1)) and columns == 10
    first = pixels[2:34:2, 2:34:2] / 255
    np.testing.assert_allclose(first, images[0, :, :, 0], atol=0.51 / 255)


@pytest.mark.parametrize(
    "num_classes, columns, first_row",
    [
        (None, 10, [None] * 10),
        (2, 10, [0, 1] * 5),
        (3, 9, [0, 1, 2] * 3),
        (10, 10, range(10)),
        (13, 10, range(10)),
        (7, 7, range(7)),
    ],
)
def test_a_grid_has_classes_in_columns(num_classes, columns, first_row):
    labels, found = runs.grid(num_classes)
    assert found == columns and len(labels) == 4 * columns
    assert labels[:columns] == list(first_row) == labels[-columns:]


def test_the_clock_ends_a_run_and_is_written_down(begin):
    begin(minutes=0.5 / 60)
    rows = history(begin.out)
    assert float(rows[-1]["seconds"]) >= 0.5
    assert config(begin.out)["epochs"] is None


def test_the_same_command_gives_the_same_run(finished, begin, tmp_path):
    runs_of = {"same": finished, **{seed: tmp_path / f"seed-{seed}" for seed in (0, 6)}}
    for seed in (0, 6):
        begin(out=runs_of[seed], conditional=True, seed=seed)
    models = [runs.RunFolder(out).read_model() for out in runs_of.values()]
    first, second, third = (model.sample(3, labels=[0, 1, 1], seed=0) for model in models)
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()
    losses = [[row["loss"] for row in history(out)] for out in runs_of.values()]
    assert losses[0] == losses[1] != losses[2]


def test_a_gif_takes_at_most_forty_frames_the_first_and_the_last_among_them(tmp_path):
    folder = runs.RunFolder(tmp_path)
    (tmp_path / "samples").mkdir()
    for k in range(100):
        grey = np.full((4, 4), 2 * k, "uint8")
        Image.fromarray(grey).save(tmp_path / "samples" / f"epoch-{k + 1:04d}.png")
    values = [round(255 * float(grid[0, 0, 0])) for grid in folder.read_grids()]
    assert len(values) == 40 and values[0] == 0 and values[-1] == 198
    assert max(np.diff(values)) <= 6  # evenly: every second or third of them


# Stopping and going on --------------------------------------------------------------------------


@pytest.mark.backend
def test_ctrl_c_leaves_a_usable_run_and_resume_finishes_it(begin, monkeypatch):
    """Of a GAN: slow/test_resume.py."""
    with monkeypatch.context() as patch:
        stop_in(patch, epoch=2)
        stopped, status = begin(epochs=5, seed=1, batch_size=4)
    assert status == "interrupted" and {path.name for path in begin.out.iterdir()} == FILES
    assert config(begin.out)["status"] == "interrupted" and len(history(begin.out)) == 2
    assert "goes on" in (begin.out / "report.html").read_text(encoding="utf-8")
    loaded = runs.RunFolder(begin.out).read_model()
    np.testing.assert_array_equal(loaded.sample(3, seed=1), stopped.sample(3, seed=1))
    # Two epochs of 12 steps and one call, which is several steps on TensorFlow only.
    call = 8 if keras.backend.backend() == "tensorflow" else 1
    assert int(stopped.optimizer.iterations) == 24 + call
    for before, after in zip(states(stopped.optimizer), states(loaded.optimizer), strict=True):
        np.testing.assert_array_equal(before, after)  # moments and step counts

    rates = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    monkeypatch.setattr("gentut.runs.trainer.StopOnNaN", Watch)
    model, status = gentut.resume(begin.out)
    assert status == "finished"
    # As if it had never stopped: of the last of the 60 steps until then, linearly to 2 %.
    recipe, done = recipes.RECIPES["vae"], (12 * np.array([3, 4, 5]) - 1) / 60
    shares = np.clip((1 - done) / (1 - recipe["constant_share"]), 0.02, 1)
    np.testing.assert_allclose(rates, recipe["optimizer"]["learning_rate"] * shares, rtol=1e-5)
    assert rates[0] > 2 * rates[-1]
    rows = history(begin.out)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)
    assert int(model.optimizer.iterations) == 60  # every step once
    assert model.prior is not None


def test_a_finished_run_is_left_alone_unless_more_is_asked_for(finished, tmp_path):
    out = shutil.copytree(finished, tmp_path / "run")
    (out / "scores.json").write_text('{"frechet_distance": 1.0}')
    before = (out / "model.keras").read_bytes()
    said = []
    _, status = runs.resume(out, say=said.append)
    assert status == "finished" and "is finished" in said[0]
    assert (out / "model.keras").read_bytes() == before and (out / "scores.json").exists()
    prior = runs.RunFolder(out).read_model().prior
    model, _ = runs.resume(out, epochs=3)
    assert len(history(out)) == 3 and config(out)["epochs"] == 3
    assert (model.prior["means"] != prior["means"]).any()  # fitted to the codes of now
    assert not (out / "scores.json").exists()  # they were of the model before


def test_ctrl_c_in_a_fit_that_knows_no_halves_leaves_nothing(begin, monkeypatch):
    allow_ctrl_c()

    def fit(*arguments, **options):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("gentut.models.pca_mixture.PCAMixture.fit", fit)
    with pytest.raises(KeyboardInterrupt):
        begin("gaussian")
    assert not begin.out.exists()


@pytest.mark.backend
def test_a_loss_that_becomes_nan_in_the_first_epoch_leaves_nothing(begin, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES["vae"]["optimizer"], "learning_rate", 1e30)
    with pytest.raises(callbacks.TrainingDiverged, match="must stay finite; received"):
        begin(epochs=20)
    assert not begin.out.exists()


def test_a_loss_that_becomes_nan_later_leaves_the_epochs_before(begin, monkeypatch):
    monkeypatch.setattr(record, "CHECKPOINT_SHARE", 1.0)
    stop_in(monkeypatch, 2, callbacks.TrainingDiverged("`loss` must stay finite; received nan."))
    with pytest.raises(callbacks.TrainingDiverged, match="is the run up to epoch 2"):
        begin(epochs=5)
    assert config(begin.out)["status"] == "diverged" and len(history(begin.out)) == 2
    assert "the run up to epoch 2." in (begin.out / "report.html").read_text(encoding="utf-8")


# Bad input: (options, the start of the message) -------------------------------------------------

BAD = [
    ({"family": "gann"}, "`family` must be one of gaussian, mixture, gan, wgan, vae, flow"),
    ({"family": None}, "`family` must be one of"),
    ({"data": "nowhere"}, "`name_or_folder` must be glyphs"),
    ({"size": 30}, "`size` must halve evenly to 12 pixels or less"),
    ({"size": 0}, "`size` must be a positive integer; received 0."),
    ({"channels": 2}, "`channels` must be 1 or 3; received 2."),
    ({"epochs": 0}, "`epochs` must be a positive integer; received 0."),
    ({"epochs": 2, "minutes": 1}, "`minutes` and `epochs` exclude each other; received 1 and 2."),
    ({"epochs": None, "minutes": -1}, "`minutes` must be a positive number; received -1."),
    ({"batch_size": 0}, "`batch_size` must be a positive integer; received 0."),
    ({"seed": -1}, "`seed` must be an integer in [0, 2**31); received -1."),
    ({"seed": 0.5}, "`seed` must be an integer"),
]


@pytest.mark.parametrize("options, message", BAD, ids=[str(options) for options, _ in BAD])
def test_bad_input_is_named_before_anything_is_written(options, message, photographs, tmp_path):
    out = tmp_path / "runs" / "new"
    good = {"family": "vae", "data": photographs, "size": 16, "channels": 1, "epochs": 1}
    with pytest.raises((ValueError, TypeError, FileNotFoundError)) as error:
        train(out=out, **{**good, **options})
    assert str(error.value).startswith(message)
    assert not out.parent.exists()


def test_labels_are_refused_where_there_are_no_classes_to_learn(tmp_path):
    flat = make_photographs(tmp_path / "flat", 14, 2, classes=("only",)) / "train" / "only"
    with pytest.raises(ValueError, match=r"at least 2 classes; received '.*', which has 1\."):
        train("vae", flat, tmp_path / "run", conditional=True, size=16)
    one = make_photographs(tmp_path / "one", 4, 2)
    for path in list((one / "train" / "dots").iterdir())[1:]:
        path.unlink()
    with pytest.raises(ValueError, match="2 training images of each class.* has 1 of class 'dots'"):
        train("vae", one, tmp_path / "run", conditional=True, size=16)
    assert not (tmp_path / "run").exists()


def test_a_folder_in_use_is_refused_and_kept(tmp_path, photographs):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="`out` must be a new or empty folder; .* holds files"):
        train("vae", photographs, tmp_path / "run")
    with pytest.raises(ValueError, match="`out` must be a folder; received .* which is a file"):
        train("vae", photographs, tmp_path / "run" / "thesis.txt")
    assert (tmp_path / "run" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_an_empty_folder_is_still_there_after_a_failure(begin, monkeypatch):
    begin.out.mkdir()

    def diverge(*arguments, **options):
        raise callbacks.TrainingDiverged("`loss` must stay finite; received nan.")

    monkeypatch.setattr("gentut.training.step.StepModel.fit", diverge)
    with pytest.raises(callbacks.TrainingDiverged):
        begin()
    assert list(begin.out.iterdir()) == []


# The data -----------------------------------------------------------------------------------------


@pytest.fixture
def own(finished, photographs, tmp_path):
    """The finished run with its own photographs, with results and a damaged checkpoint."""
    data = shutil.copytree(photographs, tmp_path / "photographs")
    out = shutil.copytree(finished, tmp_path / "run")
    change_config(out, data=str(data))
    run = runs.RunFolder(out)
    run.write_scores(SCORES | {"model": run.model_id()})
    (out / "checkpoints" / "000009-0000000.npz").write_bytes(b"PK")
    return out, data


SCORES = {"n_generated": 20, "n_real": 24, "features": "x", "left_out": "", "frechet_distance": 7.5}


def change_config(out, **changes):
    """Change entries of config.json; None removes one."""
    values = config(out) | changes
    text = json.dumps({name: value for name, value in values.items() if value is not None})
    (out / "config.json").write_text(text)


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rename(data, out):
    (data / "train" / "dots").rename(data / "train" / "zots")
    (data / "test" / "dots").rename(data / "test" / "zots")


def add_class(data, out):
    shutil.copytree(data / "train" / "dots", data / "train" / "rings")


def repaint(data, out):
    Image.new("L", (20, 20), 99).save(data / "train" / "dots" / "3.png")


def forget_and_add(data, out):
    change_config(out, contents=None)
    add_class(data, out)


def forget(data, out):
    change_config(out, contents=None)


def newer_keras(data, out):
    """All checkpoints are what this Keras cannot read."""
    change_config(out, environment=config(out)["environment"] | {"keras": "9.9.0"})
    for path in (out / "checkpoints").iterdir():
        path.write_bytes(b"PK")


def nothing(data, out):
    pass


REFUSED = [
    (add_class, {}, "which has changed: number of classes from 2 to 3."),
    (forget_and_add, {}, "which has changed: number of classes from 2 to 3."),
    (rename, {}, "which has changed: classes renamed from dots to zots."),
    (
        lambda data, out: (data / "train" / "bars" / "5.png").unlink(),
        {},
        "which has changed: number of images from 48 to 47.",
    ),
    (repaint, {}, "which has changed: the same number of images, 48, with other contents."),
    (lambda data, out: shutil.rmtree(data), {}, "If they were moved, --data (of train --resume"),
    (nothing, {"data": "glyphs"}, "which has changed: number of classes from 2 to 10."),
    (forget, {"data": "glyphs"}, "`data` must stay what the run was begun with, '"),
    (nothing, {"data": "nowhere"}, "`data` must be an existing folder; received '"),
    (nothing, {"epochs": 1}, "`epochs` must be at least the 2 that the run has behind it"),
    (nothing, {"epochs": None, "minutes": 9}, "`minutes` must be left out: this run counts epochs"),
    (nothing, {"seed": 3}, "`seed` must stay what the run was begun with, 0; received 3."),
    (nothing, {"family": "gan"}, "`family` must stay what the run was begun with, 'vae'; received"),
    (newer_keras, {}, "was written by keras 9.9.0 and cannot be read by keras "),
    (lambda data, out: change_config(out, contents={"classes": [1]}), {}, "'images' must be an in"),
    (lambda data, out: change_config(out, batch_size=15), {}, "a multiple of the 2 devices"),
]


@pytest.mark.parametrize(
    "change, options, message", REFUSED, ids=[f"{c.__name__} {o}: {m[:30]}" for c, o, m in REFUSED]
)
def test_a_refused_resume_changes_no_byte(change, options, message, own, monkeypatch):
    out, data = own
    change(data, out)
    monkeypatch.setattr(
        "gentut.training.step.device_count", lambda: 2
    )  # as --devices 2 would have it
    before = everything(out)
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(message)) as error:
        runs.resume(out, **{"epochs": 4, **options})
    assert everything(out) == before
    assert "\n" not in str(error.value)


def test_a_run_notes_what_it_was_trained_on(finished, photographs):
    found = config(finished)["contents"]
    images, labels = gentut.data.load(photographs, "train", size=16, channels=1)
    assert found == contents.describe(photographs, images, labels)
    assert (found["classes"], found["images"]) == (["bars", "dots"], 48)
    pixels = np.rint(images * 255).astype("uint8").tobytes()
    text = b"(48, 16, 16, 1)" + labels.astype("<i4").tobytes() + pixels
    assert found["sha256"] == hashlib.sha256(text).hexdigest()
    assert "sha256" not in (finished / "report.html").read_text(encoding="utf-8")


def test_a_folder_without_classes_may_be_renamed():
    before, now = ({"classes": [name], "images": 3, "sha256": "a"} for name in ("cats", "felines"))
    assert contents.difference(before, now) == ""


def test_data_that_moved_are_found_by_data(own, tmp_path):
    out, data = own
    moved = data.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=f"where {out} found its images. If they were mov"):
        runs.evaluate([out], n=12)
    scores = runs.evaluate([out], n=12, data=moved)
    assert scores[str(out)]["data"] == str(moved)
    assert "Fréchet distance" in (out / "report.html").read_text(encoding="utf-8")
    assert config(out)["data"] == str(data)  # only the one who trains writes it
    _, status = runs.resume(out, data=moved)
    assert status == "finished" and config(out)["data"] == str(moved)
    repaint(moved, out)
    for act in (lambda: runs.evaluate([out], n=12), lambda: runs.resume(out)):
        with pytest.raises(ValueError, match="the same number of images, 48, with other contents"):
            act()


# Whose scores ------------------------------------------------------------------------------------


def test_a_run_that_another_process_works_in_is_not_scored(own):
    out, _ = own
    before = everything(out)
    message = f"`run` must be a folder that no other process works in; received '{out}', in use by"
    with guard.locked(out), pytest.raises(ValueError, match=f"{message} process {os.getpid()}"):
        runs.evaluate([out], n=12)
    assert everything(out) == before


def test_scores_are_those_of_the_model_that_is_there(own):
    out, _ = own
    run = runs.RunFolder(out)
    scores = runs.evaluate([out, f"{out}/"], n=12)  # one folder, twice
    assert list(scores) == [str(out)]
    model_id = hashlib.sha256((out / "model.keras").read_bytes()).hexdigest()
    assert scores[str(out)]["model"] == model_id and run.read_scores() == scores[str(out)]
    run.write_model(run.read_model())  # another file: nobody knows what is in it
    assert run.read_scores() is None
    run.write_scores(SCORES)  # of an older version, which did not note it
    assert run.read_scores() == SCORES


def test_a_full_disk_names_the_file(tmp_path, monkeypatch, own):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gentut.files.os.replace", full)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/a.json'"):
        files.write_atomically(tmp_path / "a.json", "{}")
    model = runs.RunFolder(own[0]).read_model()
    monkeypatch.setattr(model, "save", full)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/a.keras'"):
        runs.save_model(model, tmp_path / "a.keras")


# Damage -----------------------------------------------------------------------------------------


def cut(share):
    return lambda content: content[: int(len(content) * share)]


def replace(old, new):
    def change(content):
        assert old in content
        return content.replace(old, new, 1)

    return change


DAMAGE = [
    ("config.json", cut(0.5), "config.json is damaged: "),
    ("config.json", lambda _: b"[1, 2]", "config.json is damaged: it holds a list, not an object"),
    ("config.json", lambda _: b"\xff\xfe", "config.json is damaged: "),
    ("config.json", lambda _: b"[" * 100_000, "config.json is damaged: maximum recursion depth"),
    ("scores.json", lambda _: b"[" * 100_000, "scores.json is damaged: maximum recursion depth"),
    ("config.json", replace(b'"vae"', b'"vea"'), "damaged: `family` must be one of"),
    ("config.json", replace(b'"epochs": 2', b'"epochs": "2"'), "damaged: `epochs` must be a pos"),
    ("config.json", replace(b'"seed"', b'"sead"'), "damaged: it holds an unknown entry, 'sead'"),
    ("config.json", replace(b'"conditional": true', b'"conditional": "no"'), "must be a bool"),
    ("config.json", None, "that holds config.json; received"),
    ("history.csv", cut(0.9), "history.csv is damaged: "),
    ("history.csv", lambda _: b"", "history.csv is damaged: it does not end with a whole line"),
    ("history.csv", lambda _: b"a,b\n1,2\n", "it must begin with the columns epoch, seconds"),
    ("history.csv", replace(b"\n2,", b"\n7,"), "its epochs must count from 1 to 2"),
    ("history.csv", replace(b"\n2,", b"\nzwei,"), "could not convert string to float: 'zwei'"),
    ("history.csv", lambda content: content + b"3,1.0\n", "history.csv is damaged: "),
    ("samples/epoch-0001.png", cut(0.5), "samples/epoch-0001.png is damaged: "),
    ("samples/epoch-0001.png", lambda _: b"", "samples/epoch-0001.png is damaged: "),
    ("model.keras", cut(0.5), "model.keras is damaged: "),
    ("model.keras", lambda _: b"", "model.keras is damaged: "),
    ("model.keras", None, "that holds model.keras; received"),
    ("history.csv", replace(b"\n2,", b"\n2,nan,"), "history.csv is damaged: "),
    ("history.csv", lambda _: b"epoch,seconds\n1,inf\n", "its seconds of epoch 1 must be a finite"),
    ("scores.json", lambda _: b"{", "scores.json is damaged: "),
    ("scores.json", lambda _: b"[1]", "scores.json is damaged: it holds a list, not an object"),
    ("scores.json", lambda _: b"{}", "its 'n_generated' must be an integer; received None"),
    (
        "scores.json",
        lambda _: json.dumps(SCORES | {"recall": "0.5"}).encode(),
        "scores.json is damaged: its 'recall' must be a number; received '0.5'",
    ),
    (
        "scores.json",
        lambda _: json.dumps(SCORES | {"features": 3}).encode(),
        "scores.json is damaged: its 'features' must be a text; received 3",
    ),
    ("config.json", replace(b'"images": 48', b'"images": "48"'), "its 'images' must be an integer"),
]


@pytest.fixture
def damaged(finished, tmp_path):
    def damaged(name, change):
        folder = shutil.copytree(finished, tmp_path / "run")
        path = folder / name
        if change is None:
            path.unlink()
        else:
            path.write_bytes(change(path.read_bytes() if path.exists() else b""))
        return folder

    return damaged


@pytest.mark.parametrize(
    "name, change, message", DAMAGE, ids=[f"{n}: {m[:30]}" for n, _, m in DAMAGE]
)
def test_damage_is_told_in_one_line_that_names_the_file(name, change, message, damaged):
    run = runs.RunFolder(damaged(name, change))
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        run.read_config(), run.read_history(), run.read_grids(), run.read_scores()
        run.read_model()
    text = str(error.value)
    assert message in text and repr(str(run.path)) in text and text.startswith("`run` must be a")
    assert "\n" not in text and len(text) < 500


def test_an_entry_of_a_newer_gentut_names_the_versions(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    here = config(folder)["environment"]["gentut"]
    environment = config(folder)["environment"] | {"gentut": "9.9.0"}
    change_config(folder, colour="blue", environment=environment)
    with pytest.raises(ValueError) as error:
        runs.RunFolder(folder).read_config()
    assert str(error.value) == (
        f"`run` must be a whole run folder; received '{folder}', whose config.json was written by"
        f" gentut 9.9.0 and cannot be read by gentut {here}: it holds an unknown entry, 'colour'"
    )


def test_a_model_of_a_newer_keras_names_the_versions(finished, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(finished / "model.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps({"keras_version": "9.9.0"})
            elif name == "config.json":
                content = content.replace(b'"latent_dim"', b'"latent_size"')
                content = content.replace(b'"beta"', b'"gamma"')
            new.writestr(name, content)
    said = f"was written by keras 9.9.0 and cannot be read by keras {keras.__version__}: "
    with pytest.raises(ValueError) as error:
        runs.load_model(path)
    start = f"`path` must be a .keras file of a gentut model; received '{path}', which {said}"
    assert str(error.value).startswith(start) and "\n" not in str(error.value)
    folder = shutil.copytree(finished, tmp_path / "run")
    shutil.copy(path, folder / "model.keras")
    with pytest.raises(ValueError, match=re.escape(f"'{folder}', whose model.keras {said}")):
        runs.RunFolder(folder).read_model()


def test_a_model_of_another_library_is_refused(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(folder / "model.keras")
    with pytest.raises(ValueError, match="it holds a Sequential, not a gentut model"):
        runs.RunFolder(folder).read_model()


def test_no_half_of_a_model_is_ever_left(finished, tmp_path, monkeypatch):
    folder = shutil.copytree(finished, tmp_path / "run")
    model = runs.RunFolder(folder).read_model()
    before = (folder / "model.keras").read_bytes()

    def fail(path):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(model, "save", fail, raising=True)
    with pytest.raises(OSError, match="no space"):
        runs.save_model(model, folder / "model.keras")
    assert (folder / "model.keras").read_bytes() == before
    assert {path.name for path in folder.iterdir()} == FILES


def test_the_command_of_a_run_repeats_it_and_names_no_private_folder():
    config = runs.Config(family="vae", data="/home/someone/my cats", minutes=0.5, size=64)
    assert record.command(config) == (
        "gentut train vae --data 'my cats' --minutes 0.5 --size 64 --seed 0 --out RUN"
    )


def test_a_config_is_left_as_it_is_and_can_be_used_twice(photographs, tmp_path):
    config = runs.Config(family="gaussian", data=photographs, size=16, channels=1)
    before = dataclasses.replace(config)
    for name in ("a", "b"):
        runs.train(config, tmp_path / name)
        assert config == before
    assert (tmp_path / "a" / "samples" / "epoch-0001.png").read_bytes() == (
        tmp_path / "b" / "samples" / "epoch-0001.png"
    ).read_bytes()


def test_one_rule_for_what_train_and_compare_have_in_common():
    for kind, more in ((runs.Config, {"family": "vae"}), (Comparison, {})):
        for wrong, told in (
            ({"size": 30}, "`size` must halve evenly"),
            ({"channels": 2}, "`channels` must be 1 or 3; received 2."),
            ({"skip_unreadable": 1}, "`skip_unreadable` must be a bool; received 1."),
            ({"seed": True}, "`seed` must be an integer in [0, 2**31); received True."),
        ):
            with pytest.raises((ValueError, TypeError), match=re.escape(told)):
                kind(**more, **wrong)
        settings = kind(**more, data=Path("cats"), size=32, skip_unreadable=True)
        assert settings.data == "cats"
        assert settings.data_options == {"size": 32, "on_error": "skip"}
        assert settings.words() == ["--size", "32", "--skip-unreadable", "--seed", "0"]
