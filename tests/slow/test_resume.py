"""A run that was killed, stopped or starved goes on to the same bits; two never share a folder.

Slow, as each test trains.  Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import keras
import kill_harness
import numpy as np
import pytest
import test_text_flow
from tiny import BARE, shrink_recipes, train

import gentut
from gentut import cli, runs
from gentut.runs import checkpoint, guard, record
from gentut.training.callbacks import TrainingDiverged


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_recipes(monkeypatch)
    for share in ("RECORDING_SHARE", "CHECKPOINT_SHARE"):
        monkeypatch.setattr(record, share, 1.0)  # checkpoint and grid after every epoch
    signal.signal(signal.SIGINT, signal.default_int_handler)


SETTINGS = {"size": 16, "channels": 1, "epochs": 4, "batch_size": 4, "conditional": True}


@pytest.fixture(scope="module")
def begin(photographs):
    return lambda out, family="gan": train(family, photographs, out, **SETTINGS)


@pytest.fixture(scope="module")
def stopped(begin, tmp_path_factory):
    """A run of three of four epochs, as a process that was killed leaves it."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        shrink_recipes(patch)
        patch.setattr(record, "CHECKPOINT_SHARE", 1.0)
        patch.setattr("gentut.runs.trainer.StopOnNaN", lambda: at(3, 0, lambda: 1 / 0))
        with contextlib.suppress(ZeroDivisionError):
            begin(out)
    return out


@pytest.fixture(scope="module")
def whole(begin, tmp_path_factory):
    """The same run, never stopped."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        shrink_recipes(patch)
        begin(out)
    return kill_harness.result(out)


def at(epoch, batch, act):
    """A callback that acts at the end of a call of the step."""

    class At(keras.callbacks.Callback):
        def on_epoch_begin(self, now, logs=None):
            self.now = now

        def on_train_batch_end(self, step, logs=None):
            if self.now == epoch and step >= batch:
                act()

    return At()


def same(out, whole):
    assert kill_harness.differing_bits(kill_harness.result(out), whole) == 0


# To the bit --------------------------------------------------------------------------------------


def test_a_run_taken_up_between_epochs_ends_the_same(stopped, whole, tmp_path):
    out = shutil.copytree(stopped, tmp_path / "run")
    model, status = gentut.resume(out)
    assert status == "finished" and int(model.optimizer.iterations) == 48
    same(out, whole)


@pytest.mark.backend
def test_ctrl_c_in_the_middle_of_an_epoch_changes_no_bit(begin, whole, tmp_path, monkeypatch):
    def press():
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("gentut.runs.trainer.StopOnNaN", lambda: at(1, 0, press))
        model, status = begin(tmp_path / "run")
    assert status == "interrupted" and 12 < int(model.optimizer.iterations) < 24
    gentut.resume(tmp_path / "run")
    same(tmp_path / "run", whole)


def test_ctrl_c_twice_ends_at_once_and_what_was_saved_goes_on(begin, whole, tmp_path, monkeypatch):
    def press():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("gentut.runs.trainer.StopOnNaN", lambda: at(2, 0, press))
        with pytest.raises(KeyboardInterrupt):
            begin(out)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not (out / "report.html").exists()
    gentut.resume(out)
    same(out, whole)


def test_the_same_command_begins_and_goes_on(photographs, whole, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["gan", "--conditional", "--data", str(photographs), "--size", "16", "--channels", "1"]
    words += ["--epochs", "4", "--batch-size", "4", "--out", str(out), "--resume"]
    for told in ("", "the run is finished"):
        assert cli.main(["train", *words]) == 0
        assert told in capsys.readouterr().err
        same(out, whole)


def test_a_setting_that_no_run_has_is_refused(stopped):
    with pytest.raises(TypeError, match="`epoch` must be a setting of a run; see gentut.runs.Con"):
        gentut.resume(stopped, epoch=9)


def test_the_seed_of_a_run_does_not_depend_on_its_starts(stopped):
    """Streams of noise go on: they are in the checkpoint, and a number drawn is not drawn again."""
    model, _ = checkpoint.load(max(stopped.glob("checkpoints/*.npz")))
    first, _ = checkpoint.load(min(stopped.glob("checkpoints/*.npz")))
    states = [keras.ops.convert_to_numpy(m.seed_generator.state) for m in (first, model)]
    assert states[0][0] == states[1][0] and states[0][1] != states[1][1]


# Damage ------------------------------------------------------------------------------------------


def test_two_checkpoints_are_kept_each_with_its_history(stopped):
    paths = sorted(stopped.glob("checkpoints/*"))
    assert [path.name for path in paths] == ["000002-0000000.npz", "000003-0000000.npz"]
    for path in paths:
        model, position = checkpoint.load(path)
        assert int(model.optimizer.iterations) == 12 * len(position.rows)


def test_a_damaged_newest_checkpoint_falls_back_and_says_so(stopped, whole, tmp_path):
    out = shutil.copytree(stopped, tmp_path / "run")
    newest = max(out.glob("checkpoints/*.npz"))
    content = newest.read_bytes()
    newest.write_bytes(content[: len(content) // 2])
    said = []
    gentut.resume(out, say=said.append)
    assert any("000003-0000000.npz is damaged" in line for line in said)
    same(out, whole)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:3000] + bytes([content[3000] ^ 1]) + content[3001:],
    ],
    ids=["empty", "one bit"],
)
def test_any_damage_of_the_newest_checkpoint_is_noticed(damage, stopped, tmp_path):
    folder = shutil.copytree(stopped / "checkpoints", tmp_path / "checkpoints")
    newest, said = max(folder.glob("*.npz")), []
    newest.write_bytes(damage(newest.read_bytes()))
    model, _ = checkpoint.load_newest(folder, say=said.append)
    assert int(model.optimizer.iterations) == 24  # of the one before
    assert len(said) == 1 and "000003-0000000.npz is damaged" in said[0]


def test_without_any_whole_checkpoint_the_model_goes_on_and_says_so(stopped, tmp_path):
    out = shutil.copytree(stopped, tmp_path / "run")
    for path in out.glob("checkpoints/*.npz"):
        path.write_bytes(b"PK")
    said = []
    model, status = gentut.resume(out, say=said.append)
    assert status == "finished" and "goes on from model.keras" in " ".join(said)
    assert [row["epoch"] for row in runs.RunFolder(out).read_history()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "content, message",
    [
        ({"state": np.array("{}")}, "KeyError"),
        ({"state": np.array('{"format": "gentut-checkpoint-2"}')}, "its format is not"),
        ({"state": np.array([None])}, "allow_pickle=False"),
    ],
    ids=["no format", "other format", "pickled"],
)
def test_what_is_no_checkpoint_is_refused(content, message, tmp_path):
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(ValueError, match=message):
        checkpoint.load(tmp_path / "a.npz")


def test_a_checkpoint_of_a_foreign_class_is_refused(stopped, tmp_path):
    with np.load(max(stopped.glob("checkpoints/*.npz"))) as file:
        arrays = dict(file)
    text = str(arrays["model"]).replace('"registered_name": "gentut>GAN"', '"registered_name": "x"')
    arrays["model"] = np.array(text)
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match="holds a 'x', not a gentut model"):
        checkpoint.load(tmp_path / "a.npz")


def test_weights_that_are_not_finite_are_not_kept(begin, tmp_path, monkeypatch):
    class Spoil(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                weight = self.model.decoder.weights[0]
                weight.assign(keras.ops.full_like(weight, np.nan))

    monkeypatch.setattr("gentut.runs.trainer.StopOnNaN", Spoil)
    with pytest.raises(TrainingDiverged, match="must stay finite; it holds.*run up to epoch 2"):
        begin(tmp_path / "run", "vae")
    samples = runs.RunFolder(tmp_path / "run").read_model().sample(2, seed=0)
    assert np.isfinite(samples).all()


# One process, room, rights ----------------------------------------------------------------------


# The file alone: the package `gentut.runs` would bring Keras.
HOLD = f"""{BARE}
import importlib.util, pathlib, time
spec = importlib.util.spec_from_file_location("guard", sys.argv[2])
guard = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guard)
with guard.locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def holder(tmp_path_factory):
    """A process that holds a folder, and the folder."""
    folder = tmp_path_factory.mktemp("held")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder, guard.__file__], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process, folder
    process.kill()
    process.wait()


def test_a_second_process_is_refused_and_a_dead_one_is_succeeded(holder, stopped):
    process, folder = holder
    shutil.copytree(stopped, folder, dirs_exist_ok=True)
    with pytest.raises(ValueError, match=f"in use by process {process.pid}"):
        gentut.resume(folder)
    process.kill()
    process.wait()
    said = []
    with guard.locked(folder, say=said.append):
        assert f"process {process.pid} died" in said[0]
        with (
            pytest.raises(ValueError, match=f"in use by process {os.getpid()}"),
            guard.locked(folder),
        ):
            pass
    assert not (folder / guard.NAME).exists()


def mount(folder, options):
    """A file system of its own, or a skip."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")


@pytest.fixture
def disk(tmp_path):
    """Mount a folder with options; unmounted in the end."""
    folder = tmp_path / "disk"
    yield lambda options: mount(folder, options) or folder
    subprocess.run(["umount", str(folder)], capture_output=True)


def test_a_full_disk_stops_the_run_in_one_line_and_keeps_the_newest_checkpoint(
    disk, stopped, whole
):
    out = disk("size=16m") / "run"
    shutil.copytree(stopped, out)
    ballast = out.parent / "ballast"
    free = os.statvfs(out.parent)
    size = free.f_bavail * free.f_frsize
    newest = max(out.glob("checkpoints/*.npz"))
    ballast.write_bytes(bytes(size - newest.stat().st_size // 2))
    with pytest.raises(OSError, match="`out` must have room for the run; .*No space left") as error:
        gentut.resume(out)
    assert "\n" not in str(error.value)
    assert newest.exists() and not list(out.glob("**/*.part"))
    ballast.unlink()
    gentut.resume(out)
    same(out, whole)


def test_a_folder_that_cannot_be_written_to_is_named(disk, stopped, begin):
    out = disk("size=16m") / "run"
    shutil.copytree(stopped, out)
    subprocess.run(["mount", "-o", "remount,ro", str(out.parent)], check=True)
    with pytest.raises(ValueError, match="`out` must be a folder that can be written to; received"):
        gentut.resume(out)
    with pytest.raises(ValueError, match="`out` must be a folder that can be made; received"):
        begin(out.parent / "new")


@pytest.mark.backend
def test_training_that_goes_on_before_another_stage_ends_with_the_same_weights():
    """Of a text flow whose VAE learns first; each stage has a graph of its own."""
    whole, parts = (test_text_flow.small(vae_first=0.5) for _ in range(2))
    for model in (whole, parts):
        model.compile(keras.optimizers.Adam(1e-2), steps_per_execution=1)
    data = test_text_flow.IMAGES, test_text_flow.TEXTS
    options = {"batch_size": 4, "seed": 0, "verbose": 0}
    whole.fit(*data, epochs=2, **options)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parts.fit(*data, epochs=2, callbacks=[Stop()], **options)
    parts.fit(*data, epochs=2, initial_step=2, **options)
    for a, b in zip(whole.weights, parts.weights, strict=True):
        np.testing.assert_allclose(
            *(keras.ops.convert_to_numpy(v) for v in (a, b)), rtol=1e-5, atol=1e-6
        )
