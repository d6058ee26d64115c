"""Families side by side: what a comparison leaves, when it is stopped, and what it refuses."""

import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
from tiny import make_photographs, shrink_recipes

import gentut
from gentut.runs import compare as comparison
from gentut.runs import guard
from gentut.training import callbacks, devices

BUDGET = {"minutes": 0.2 / 60, "n": 30, "size": 16, "channels": 1}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_recipes(monkeypatch)
    # A shell that starts pytest in the background makes it deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def finished(photographs, tmp_path_factory):
    """Results and folder of a comparison, and what it said; not to be changed."""
    out, said = tmp_path_factory.mktemp("finished") / "compare", []
    with pytest.MonkeyPatch.context() as patch:
        shrink_recipes(patch)
        families = ("gaussian", "vae")
        settings = comparison.Comparison(data=photographs, families=families, **BUDGET)
        results, status = comparison.compare(settings, out, say=said.append)
    assert status == "finished"
    return results, out, said


def compare(data, out, **settings):
    return comparison.compare(comparison.Comparison(data=data, **settings), out)


def state(folder):
    return json.loads((folder / "compare.json").read_text(encoding="utf-8"))


def fail_at(monkeypatch, family, act):
    """Let something happen when the training of a family begins."""
    build = gentut.models.recipes.build

    def building(name, *arguments, **options):
        if name == family:
            act()
        return build(name, *arguments, **options)

    monkeypatch.setattr("gentut.models.recipes.build", building)


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


# What it leaves ---------------------------------------------------------------------------------


def test_a_comparison_leaves_models_scores_and_a_page(finished):
    results, out, said = finished
    assert {path.name for path in out.iterdir()} == {
        "compare.json",
        "report.html",
        "gaussian.keras",
        "vae.keras",
    }
    assert [row["family"] for row in results] == ["gaussian", "vae"]
    for row in results:
        assert row["n_generated"] == 30 and row["n_real"] == 24
        assert row["seconds_train"] > 0 and row["images_seen"] > 0 and row["parameters"] > 0
        real, noise = row["frechet_distance_real"], row["frechet_distance_noise"]
        assert 0 < real < noise and np.isfinite(row["frechet_distance"])
    assert state(out)["results"] == results
    assert [line for line in said[1:] if ": decoding " not in line] == [
        "gaussian: training",
        "gaussian: scoring 30 samples",
        "vae: training",
        "vae: scoring 30 samples",
    ]


def test_the_page_shows_real_images_neighbours_and_references(finished):
    _, out, _ = finished
    page = (out / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", " ", page)
    assert page.count("<img") == 3 + 1 + 2  # real and two families; distances; two neighbours
    assert "Columns, left to right: bars, dots, bars, dots" in text
    for words in ("real images", "noise", "Is it memorising?", "1,000 images, s", "Parameters"):
        assert words in text
    assert "2 ways to generate photographs" in text and str(out) not in page


def test_saved_models_give_the_samples_that_were_scored(finished):
    results, out, _ = finished
    model = gentut.runs.load_model(out / "gaussian.keras")
    assert model.num_classes == 2 and model.image_shape == (16, 16, 1)
    assert gentut.evaluation.evaluate.parameters(model) == results[0]["parameters"]


def test_one_class_is_no_class(tmp_path):
    flat = make_photographs(tmp_path / "flat", train=30, test=14, classes=("only",))
    out = tmp_path / "out"
    compare(flat, out, families=["gaussian"], **{**BUDGET, "n": 14})
    assert gentut.runs.load_model(out / "gaussian.keras").num_classes is None
    assert "Columns, left to right" not in (out / "report.html").read_text(encoding="utf-8")


def test_a_class_without_held_out_images_is_shown_by_training_images(tmp_path):
    folder = make_photographs(tmp_path / "lopsided", train=20, test=14)
    shutil.rmtree(folder / "test" / "dots")
    out = tmp_path / "out"
    _, status = compare(folder, out, families=["gaussian"], **{**BUDGET, "n": 14})
    assert status == "finished" and (out / "report.html").is_file()


# Stopping and going on --------------------------------------------------------------------------


def test_ctrl_c_before_the_first_family_is_finished_leaves_nothing(
    photographs, tmp_path, monkeypatch
):
    fail_at(monkeypatch, "gaussian", press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        compare(photographs, tmp_path / "out", families=["gaussian"], **BUDGET)
    assert not (tmp_path / "out").exists()


def test_a_family_that_diverges_does_not_take_the_others_with_it(
    photographs, tmp_path, monkeypatch
):
    def diverge():
        raise callbacks.TrainingDiverged("`loss` must stay finite; received nan.")

    fail_at(monkeypatch, "mixture", diverge)
    with pytest.raises(callbacks.TrainingDiverged):
        compare(photographs, tmp_path, families=["gaussian", "mixture"], **BUDGET)
    assert "Stopped after 1 of 2 families." in (tmp_path / "report.html").read_text(
        encoding="utf-8"
    )


def test_a_comparison_replaces_an_earlier_one_and_nothing_else(finished, photographs, tmp_path):
    _, out, _ = finished
    folder = shutil.copytree(out, tmp_path / "compare")
    results, _ = compare(photographs, folder, families=["gaussian"], seed=1, **BUDGET)
    assert state(folder)["settings"]["seed"] == 1 and len(results) == 1
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "report.html").write_text("years of work")
    with pytest.raises(ValueError, match="`out` must be new, empty, or the folder of an earlier"):
        compare(photographs, foreign, families=["gaussian"], **BUDGET)
    assert (foreign / "report.html").read_text(encoding="utf-8") == "years of work"


# Two at once, room, data ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "act",
    [
        lambda data, out: compare(data, out, families=["vae"], **BUDGET),
        lambda data, out: comparison.resume(out),
        lambda data, out: gentut.choose(data, "fidelity", families=["vae"], out=out, **BUDGET),
    ],
    ids=["compare", "resume", "choose"],
)
def test_a_folder_that_another_process_compares_in_is_left_alone(
    act, finished, photographs, tmp_path
):
    out = shutil.copytree(finished[1], tmp_path / "compare")
    before = {path: path.read_bytes() for path in out.iterdir()}
    message = f"`out` must be a folder that no other process works in; received '{out}', in use by"
    with guard.locked(out), pytest.raises(ValueError, match=f"{message} process {os.getpid()}"):
        act(photographs, out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_a_comparison_of_an_older_version_goes_on(finished, tmp_path):
    out = shutil.copytree(finished[1], tmp_path / "compare")
    found = {name: state(out)[name] for name in ("settings", "results")}
    (out / "compare.json").write_text(json.dumps(found))
    said = []
    _, status = comparison.resume(out, say=said.append)
    data = found["settings"]["data"]
    line = f"{out} does not say what images it was begun with: {data} was not checked"
    assert status == "finished" and line in said
    assert state(out)["contents"]["images"] == 48 and state(out)["environment"]["keras"]


# Bad input --------------------------------------------------------------------------------------

BAD = [
    ({"families": ["gaussian", "gann"]}, "`family` must be one of gaussian, mixture, gan"),
    ({"families": ["vae", "vae"]}, "`families` must be different families; received ['vae', 'vae"),
    ({"families": []}, "`families` must be different families; received []."),
    ({"minutes": 0}, "`minutes` must be a positive number; received 0."),
    ({"minutes": float("nan")}, "`minutes` must be a positive number; received nan."),
    ({"n": 3}, "`n` must be an integer of at least 12; received 3."),
    ({"seed": -1}, "`seed` must be an integer in [0, 2**31); received -1."),
    ({"size": 30}, "`size` must halve evenly"),
    ({"data": "nowhere"}, "`name_or_folder` must be glyphs"),
]


@pytest.mark.parametrize("options, message", BAD, ids=[str(options) for options, _ in BAD])
def test_bad_input_is_named_before_anything_is_written(options, message, photographs, tmp_path):
    out, said = tmp_path / "out", []
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        settings = comparison.Comparison(**{"data": photographs, **BUDGET, **options})
        comparison.compare(settings, out, say=said.append)
    assert str(error.value).startswith(message)
    assert not out.exists() and not any("training" in line for line in said)


DAMAGE = [
    (None, "`out` must be the folder of a comparison that was stopped"),
    (lambda text: text[: len(text) // 2], "compare.json is damaged: "),
    (lambda text: "[]", "compare.json is damaged: "),
    (lambda text: text.replace('"seed"', '"sead"', 1), "an unknown entry, or lacks one: 'sead'"),
    (lambda text: text.replace('"family": "gaussian"', '"family": "gan"'), "do not belong"),
    (
        lambda text: re.sub(r'"frechet_distance": \d[^,]*', '"frechet_distance": "7"', text),
        "compare.json is damaged: its 'frechet_distance' must be a number; received '7'",
    ),
    (
        lambda text: re.sub(r'"recall": \d[^,]*', '"recall": [1]', text),
        "compare.json is damaged: its 'recall' must be a number; received [1]",
    ),
    (lambda text: re.sub(r'"recall": \[[^,]*', '"recall": [null', text), "halves of recall must"),
    (lambda text: text.replace('"n_real": 24', '"n_real": null'), "its 'n_real' must be an integ"),
    (
        lambda text: (
            text.replace('"minutes": 0', '"minutes": "0', 1)
            .replace('"n": 30', '"n": "30"')
            .replace(',\n    "n"', '",\n    "n"')
        ),
        "its 'minutes' must be a number; received '0",
    ),
    (
        lambda text: text.replace('"seed": 0', '"seed": "0"', 1),
        "compare.json is damaged: `seed` must be an integer in [0, 2**31); received '0'.",
    ),
    (lambda text: text.replace('"need": null', '"need": {}'), "compare.json is damaged: "),
    (lambda text: text.replace('"contents": {', '"colour": {'), "lacks one: 'colour'"),
    (lambda text: text.replace('"images": 48', '"images": []'), "its 'images' must be an integer"),
    (
        lambda text: text.replace('"contents": {', '"colour": {').replace(
            f'"gentut": "{devices.environment()["gentut"]}"', '"gentut": "9.9.0"'
        ),
        "whose compare.json was written by gentut 9.9.0 and cannot be read by gentut ",
    ),
]


@pytest.mark.parametrize("change, message", DAMAGE, ids=[message[:40] for _, message in DAMAGE])
def test_damage_is_told_by_resume(change, message, finished, tmp_path):
    folder = shutil.copytree(finished[1], tmp_path / "compare")
    path = folder / "compare.json"
    if change is None:
        path.unlink()
    else:
        path.write_text(change(path.read_text(encoding="utf-8")))
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(message)):
        comparison.resume(folder)


def test_resume_refuses_other_settings_and_a_damaged_model(finished, tmp_path):
    folder = shutil.copytree(finished[1], tmp_path / "compare")
    with pytest.raises(ValueError, match="`n` must stay what the comparison was begun with, 30"):
        comparison.resume(folder, n=40)
    (folder / "vae.keras").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"whose vae\.keras is damaged"):
        comparison.resume(folder)


def test_the_command_repeats_a_comparison_and_names_no_private_folder():
    settings = comparison.Comparison(data="/home/someone/cats", size=64, seed=2)
    assert comparison.command(settings) == (
        "gentut compare --data cats --families gaussian mixture vae gan flow latent_flow"
        " --minutes 0.75 -n 5000"
        " --size 64 --seed 2"
    )
