"""What is recommended on data with a known winner, and how a choice is stopped and taken up.

Slow, as each test trains several families.  Not part of ``pytest tests``; ``.ci/run`` names this
folder.
"""

import json
import re
import shutil
import signal

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from tiny import english_in, make_photographs, opens_cleanly, shrink_recipes

import gentut
from gentut import cli
from gentut.report import NEEDS, recommend
from gentut.runs import compare as comparison


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_recipes(monkeypatch)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # also when pytest is in the background


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    """Smooth random fields: Gaussian by construction, with a few principal components."""
    folder, rng = tmp_path_factory.mktemp("clouds"), np.random.default_rng(0)
    modes = [gaussian_filter(rng.normal(size=(16, 16)), 2, mode="wrap") for _ in range(4)]
    modes = np.stack([mode / mode.std() for mode in modes])
    for split, count in (("train", 240), ("test", 120)):
        (folder / split / "all").mkdir(parents=True)
        for i in range(count):
            field = 0.5 + 0.08 * np.tensordot(rng.normal(size=4), modes, 1)
            pixels = (255 * field.clip(0, 1)).round().astype("uint8")
            Image.fromarray(pixels).save(folder / split / "all" / f"{i}.png")
    return folder


BUDGET = {"n": 120, "size": 16, "channels": 1}
FEW = ["--size", "16", "--channels", "1", "-n", "24", "--minutes", "0.01"]


@pytest.fixture(scope="module")
def chosen(clouds, tmp_path_factory):
    """A choice on the clouds among all five families; not to be changed."""
    out = tmp_path_factory.mktemp("chosen") / "choose"
    with pytest.MonkeyPatch.context() as patch:
        shrink_recipes(patch)
        return gentut.choose(clouds, "fidelity", minutes=2.0 / 60, out=out, **BUDGET)


def test_on_a_gaussian_cloud_the_gaussian_mixture_wins(chosen):
    assert chosen.recommendation.family == "mixture", str(chosen)
    assert chosen.status == "finished"
    assert [r["family"] for r in chosen.scores] == list(NEEDS["fidelity"].families)
    assert chosen.paths == [chosen.out / "mixture.keras"]
    assert chosen.load().sample(3, seed=0).shape == (3, 16, 16, 1)
    assert str(chosen).startswith("For fidelity, take the Gaussian mixture")


def test_the_minutes_are_shared_out_among_the_networks(chosen):
    settings = json.loads((chosen.out / "compare.json").read_text(encoding="utf-8"))["settings"]
    assert settings["minutes"] == pytest.approx(0.5 / 60) and settings["need"] == "fidelity"
    seconds = {r["family"]: r["seconds_train"] for r in chosen.scores}
    for family in ("vae", "gan", "flow", "latent_flow"):
        assert 0.5 <= seconds[family] < 5, seconds  # and the fit of a VAE's prior
    assert comparison.command(comparison.Comparison(**settings)).startswith(
        "gentut choose --data clouds0 --need fidelity --families mixture vae gan flow latent_flow"
        " --minutes 0.0333333 -n 120"
    )


def test_the_page_begins_with_the_recommendation_and_is_in_order(chosen):
    page = (chosen.out / "report.html").read_text(encoding="utf-8")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert text.index("For fidelity, take the Gaussian mixture") < text.index("On a budget of")
    assert "What was asked for, fidelity, is images that look real." in text
    opens_cleanly(chosen.out / "report.html", images=6 + 1 + 5)  # samples, distances, neighbours


def test_the_page_is_written_anew_in_chinese(chosen, tmp_path):
    out = shutil.copytree(chosen.out, tmp_path / "out")
    again = gentut.choose(out=out, resume=True, language="zh")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page and english_in(page) == []
    assert "按保真度推荐：高斯混合。" in page and "--language zh" in page
    assert again.scores == chosen.scores and str(again) == str(chosen)  # the terminal's English
    opens_cleanly(out / "report.html", images=6 + 1 + 5)


def test_two_families_that_are_the_same_cannot_be_told_apart(clouds, tmp_path, monkeypatch):
    monkeypatch.setitem(
        gentut.models.recipes.RECIPES, "mixture", gentut.models.recipes.RECIPES["gaussian"]
    )
    choice = gentut.choose(
        clouds, "diversity", families=["gaussian", "mixture"], out=tmp_path / "out", **BUDGET
    )
    assert choice.recommendation.family is None
    assert set(choice.recommendation.level) == {"gaussian", "mixture"}
    assert len(choice.paths) == 2 and all(path.is_file() for path in choice.paths)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "cannot be told apart" in page and page.count("<img") == 3 + 1 + 1 + 2


def test_a_model_that_returns_its_training_images_is_found_out(clouds):
    reference = gentut.evaluation.ReferenceSet(clouds, {"size": 16, "channels": 1})
    rng = np.random.default_rng(1)
    honest = gentut.build("gaussian", (16, 16, 1)).fit(reference.train)
    rows = [
        {"family": family, **reference.score(images), **reference.references(120)}
        for family, images in (
            ("gan", reference.train[rng.permutation(len(reference.train))[:120]]),
            ("mixture", honest.sample(120, seed=0)),
        )
    ]
    found = recommend(rows, "fidelity")
    assert found.family == "mixture" and "The GAN is no candidate" in found.notes[0]


def test_other_needs_of_the_same_scores_have_other_candidates(chosen):
    likelihood, latent = (recommend(chosen.scores, need) for need in ("likelihood", "latent"))
    assert likelihood.family == "vae" and "no candidate" in likelihood.notes[0]
    assert latent.level and set(latent.level) <= {"vae", "latent_flow"}


def test_a_need_for_likelihood_trains_only_families_that_have_one(clouds, tmp_path):
    choice = gentut.choose(clouds, "likelihood", minutes=0.2 / 60, out=tmp_path, **BUDGET)
    assert [r["family"] for r in choice.scores] == ["vae"]
    assert choice.recommendation.family == "vae" and "only candidate" in str(choice)
    assert "Importance-weighted bound" in (tmp_path / "report.html").read_text(encoding="utf-8")


# Stopping, the command, bad input -----------------------------------------------------------------


def test_ctrl_c_recommends_among_what_is_done_and_resume_adds_the_rest(
    clouds, tmp_path, monkeypatch, capsys
):
    build, out = gentut.models.recipes.build, tmp_path / "out"

    def building(family, *arguments, **options):
        if family == "mixture":
            signal.raise_signal(signal.SIGINT)
        return build(family, *arguments, **options)

    words = ["choose", "--data", str(clouds), *FEW, "--families", "gaussian", "mixture"]
    with monkeypatch.context() as patch:
        patch.setattr("gentut.models.recipes.build", building)
        assert cli.main([*words, "--need", "speed", "--out", str(out)]) == 130
    printed = capsys.readouterr()
    assert f"stopped; gentut choose --out {out} --resume goes on" in printed.err
    assert "it is the only candidate" in printed.out
    assert cli.main(["choose", "--resume", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "for speed" in printed and "Gaussian mixture" in printed
    lines = printed.splitlines()
    assert lines[-1] == str(out / "report.html") and re.search(r"\w\.keras$", lines[-2])
    assert max(map(len, lines)) <= 110
    assert gentut.choose(out=out, resume=True, minutes=0.01).status == "finished"
    with pytest.raises(ValueError, match="`minutes` must stay what the comparison was begun with"):
        gentut.choose(out=out, resume=True, minutes=1.0)


def test_a_plain_comparison_is_no_choice(tmp_path):
    photographs = make_photographs(tmp_path / "photographs")
    settings = {**BUDGET, "n": 24, "minutes": 0.01, "families": ["gaussian"]}
    comparison.compare(comparison.Comparison(data=photographs, **settings), tmp_path / "out")
    with pytest.raises(ValueError, match="`out` must be the folder of a choice"):
        gentut.choose(out=tmp_path / "out", resume=True)
