"""Whole studies with simulated panels whose truth is known."""

import copy
import json

import numpy as np
import pytest
from scipy import stats

from gentut import human

PIXELS = np.random.default_rng(0).random((1000, 4, 4, 1), np.float32)


def study(protocol="real_or_fake", models=("GAN",), **options):
    options = {"trials": 40, "practice": 0} | options
    generated = {name: PIXELS[400 + 300 * k : 700 + 300 * k] for k, name in enumerate(models)}
    return human.make_study(PIXELS[:400], generated, protocol=protocol, **options)


SINGLE, PAIRS = study(), study("which_is_real")
BOTH = study(models=("GAN", "VAE"), trials=80)


def answered(asked, choose, rater="Anna", session=7, ms=900, shown_ms=None, face="page"):
    """A response in which `choose(images)` gives the answer."""
    answers = [
        {"trial": step.trial, "answer": choose(step.images), "ms": ms, "shown_ms": shown_ms}
        for step in asked.steps(session, practice=False)
    ]
    return human.session.response(asked.id, rater, session, face, answers)


def right(asked):
    if asked.protocol == "real_or_fake":
        return lambda images: "real" if asked.sources[images[0]] == "real" else "fake"
    return lambda images: next(i for i in images if asked.sources[i] == "real")


# One rater, counted by hand ----------------------------------------------------------------


def test_errors_are_split_into_real_and_fake():
    """Wrong about 3 of 20 generated images and 1 of 20 real ones."""
    fakes = sorted(i for i, source in SINGLE.sources.items() if source == "GAN")
    reals = sorted(i for i, source in SINGLE.sources.items() if source == "real")
    wrong = {*fakes[:3], *reals[:1]}
    truth = right(SINGLE)
    flip = {"real": "fake", "fake": "real"}

    def choose(images):
        return flip[truth(images)] if images[0] in wrong else truth(images)

    results = human.analyse([answered(SINGLE, choose)], SINGLE)
    assert (results["error"], results["error_fake"], results["error_real"]) == (0.1, 0.15, 0.05)
    assert (results["error_n"], results["error_fake_n"]) == (40, 20)
    # Wilson for 4 of 40, z = 1.96: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).
    assert results["error_low"] == pytest.approx(0.0396, abs=1e-4)
    assert results["error_high"] == pytest.approx(0.2305, abs=1e-4)
    # 2 · Σ_{k<=4} C(40, k) / 2^40 = 2 · 102,091 / 2^40.
    assert results["p_value"] == pytest.approx(2 * 102_091 / 2**40)
    # Called fake: 17 of 20 fakes and 1 of 20 reals, each with half an answer added.
    z = stats.norm.ppf([17.5 / 21, 1.5 / 21])
    assert results["d_prime"] == pytest.approx(z[0] - z[1])
    assert results["criterion"] == pytest.approx(-z.sum() / 2)
    assert results["simulated"] is False and results["raters"] == 1
    for name in ("error_raters_low", "error_crossed_high", "kappa", "spread", "p_value_raters"):
        assert np.isnan(results[name]), name  # one rater says nothing about others


def test_a_choice_of_two_counts_who_took_the_generated_image():
    truth = right(PAIRS)
    missed = {trial.images for trial in PAIRS.trials[:10]}
    missed |= {images[::-1] for images in missed}

    def choose(images):
        return images[1 - images.index(truth(images))] if images in missed else truth(images)

    results = human.analyse([answered(PAIRS, choose)], PAIRS)
    assert results["error"] == 0.25
    assert results["d_prime"] == pytest.approx(np.sqrt(2) * stats.norm.ppf(30.5 / 41))
    assert "error_fake" not in results and "criterion" not in results


def test_each_model_has_its_own_errors():
    """The GAN fools everyone, the VAE no one; the real images beside them likewise."""
    models = {trial.images[0]: trial.model for trial in BOTH.trials}
    truth = right(BOTH)

    def choose(images):
        fooled = models[images[0]] == "GAN" and truth(images) == "fake"
        return "real" if fooled else truth(images)

    results = human.analyse([answered(BOTH, choose)], BOTH)
    assert results["error_fake[GAN]"] == 1 and results["error_fake[VAE]"] == 0
    assert results["error[GAN]"] == 0.5 and results["error[VAE]"] == 0
    assert results["error"] == 0.25 and results["error_real"] == 0
    assert results["error_fake[GAN]_n"] == 20 and results["error[GAN]_n"] == 40


def test_every_number_of_a_panel_worked_out_anew():
    """Five raters err at random; plain formulas give what ``analyse`` gives."""
    rng = np.random.default_rng(5)
    wrong = rng.random((5, 40)) < np.array([[0.1], [0.2], [0.35], [0.4], [0.15]])
    truth = right(SINGLE)
    place = {trial.images[0]: number for number, trial in enumerate(SINGLE.trials)}
    flip = {"real": "fake", "fake": "real"}
    people, early = [], np.zeros((5, 40), bool)
    for row in range(5):

        def choose(images, row=row):
            said = truth(images)
            return flip[said] if wrong[row, place[images[0]]] else said

        people.append(answered(SINGLE, choose, f"rater {row}", row + 1, ms=500 + 100 * row))
        early[row, [step.trial for step in SINGLE.steps(row + 1, practice=False)[:20]]] = True
    found = human.analyse(people, SINGLE)

    rates, fake = wrong.mean(axis=1), np.array([truth(t.images) == "fake" for t in SINGLE.trials])
    assert found["error"] == pytest.approx(wrong.mean()) and found["judgements"] == 200
    assert found["seconds_per_answer"] == 0.7
    chance = (rates * (1 - rates) / 39).mean()  # variance of a share of 40, without bias
    assert found["spread"] == pytest.approx(np.sqrt(rates.var(ddof=1) - chance))
    t = (rates.mean() - 0.5) / (rates.std(ddof=1) / np.sqrt(5))
    assert found["p_value_raters"] == pytest.approx(2 * stats.t.sf(abs(t), 4))
    called_fake = wrong != fake
    z = stats.norm.ppf([(called_fake[:, kind].sum() + 0.5) / 101 for kind in (fake, ~fake)])
    assert found["d_prime"] == pytest.approx(z[0] - z[1])
    assert found["criterion"] == pytest.approx(-(z[0] + z[1]) / 2)
    # Kappa: how often two raters agree about an image, against two answers drawn from all.
    pairs = [(a, b) for a in range(5) for b in range(5) if a != b]
    agree = np.mean([called_fake[a] == called_fake[b] for a, b in pairs])
    by_chance = called_fake.mean() ** 2 + (1 - called_fake.mean()) ** 2
    assert found["kappa"] == pytest.approx((agree - by_chance) / (1 - by_chance))
    assert found["kappa_low"] < found["kappa"] < found["kappa_high"]
    first, second = wrong[early], wrong[~early]
    assert found["error_first_half"] == pytest.approx(first.mean())
    assert found["error_second_half"] == pytest.approx(second.mean())
    assert found["learning"] == pytest.approx(first.mean() - second.mean())
    table = [[first.sum(), 100 - first.sum()], [second.sum(), 100 - second.sum()]]
    assert found["learning_p"] == pytest.approx(stats.fisher_exact(table).pvalue)
    for name in ("error", "error_real", "error_fake", "d_prime", "criterion", "learning"):
        kind = "_raters" if name.startswith("error") else ""
        assert found[f"{name}{kind}_low"] < found[name] < found[f"{name}{kind}_high"], name
    # Raters drawn anew, by the normal approximation and the t of the few: 1.24 · 2.776 · √(4/5)
    # standard errors, roughly.
    width = found["error_raters_high"] - found["error_raters_low"]
    assert width == pytest.approx(2 * 2.776 * rates.std(ddof=1) / np.sqrt(5), rel=0.25)


def test_names_of_models_do_not_change_the_numbers():
    """ "GAN fake" is a name like any other, and no stratum of the fakes of "GAN"."""
    rename = {"VAE": "GAN fake"}
    blocks = tuple(
        tuple(t._replace(model=rename.get(t.model, t.model)) for t in block)
        for block in BOTH.blocks
    )
    sources = {name: rename.get(source, source) for name, source in BOTH.sources.items()}
    models = ("GAN", "GAN fake")
    fields = {k: v for k, v in vars(BOTH).items() if k != "id"}
    other = human.Study(**fields | {"models": models, "sources": sources, "blocks": blocks})
    panel = human.simulate(BOTH, {"GAN": 0.6, "VAE": 0.9}, raters=6, agreement=0.5)
    results = human.analyse(panel, BOTH, repeats=200)
    renamed = human.analyse([r | {"study": other.id} for r in panel], other, repeats=200)
    for name in [name for name in results if name.startswith("error")]:
        assert renamed[name.replace("VAE", "GAN fake")] == results[name], name


# Panels with a known truth -----------------------------------------------------------------


@pytest.mark.parametrize("asked", [SINGLE, PAIRS], ids=["single", "pairs"])
def test_raters_who_guess_are_at_chance(asked):
    covered = {"": 0, "_raters": 0, "_crossed": 0}
    significant = 0
    for seed in range(40):
        results = human.analyse(human.simulate(asked, 0.5, raters=8, seed=seed), asked, repeats=200)
        for kind in covered:
            covered[kind] += results[f"error{kind}_low"] <= 0.5 <= results[f"error{kind}_high"]
        significant += results["p_value"] < 0.05
        assert abs(results["kappa"]) < 0.2
    least = stats.binom(40, 0.95).ppf(0.001)
    assert min(covered.values()) >= least
    assert 40 - significant >= least


@pytest.mark.parametrize("asked", [SINGLE, PAIRS], ids=["single", "pairs"])
def test_raters_who_know_are_perfect(asked):
    results = human.analyse(human.simulate(asked, 1.0, raters=6), asked)
    assert results["error"] == results["error_crossed_high"] == 0
    assert results["kappa"] == 1
    assert results["d_prime"] > 3 and np.isfinite(results["d_prime_high"])
    assert results["p_value"] < 1e-10 and results["learning"] == 0
    # And raters who are always wrong are as sure, the other way round.
    results = human.analyse(human.simulate(asked, 0.0, raters=6), asked)
    assert results["error"] == 1 and results["d_prime"] < -3


@pytest.mark.parametrize("asked", [SINGLE, PAIRS], ids=["single", "pairs"])
def test_the_stated_accuracy_comes_back(asked):
    panel = human.simulate(asked, 0.75, raters=150, spread=0.1, agreement=0.3, seed=2)
    results = human.analyse(panel, asked, repeats=300)
    assert results["error_crossed_low"] <= 0.25 <= results["error_crossed_high"]
    assert results["spread"] == pytest.approx(0.1, abs=0.025)
    alike = human.simulate(asked, 0.75, raters=150, seed=2)  # chance alone would give 0.068
    assert human.analyse(alike, asked, repeats=10)["spread"] < 0.045
    # d′ = √2 · z(0.75) = 0.954 for a choice of two, 2 · z(0.75) = 1.349 for single images.
    expected = 1.349 if asked is SINGLE else 0.954
    assert results["d_prime"] == pytest.approx(expected, abs=0.25)
    # Images differ, so the interval for other images is wider than that for these.
    crossed = results["error_crossed_high"] - results["error_crossed_low"]
    assert crossed > 1.5 * (results["error_raters_high"] - results["error_raters_low"])
    assert results["error_raters_high"] - results["error_raters_low"] > (
        results["error_high"] - results["error_low"]
    )


def test_agreement_shows_images_that_fool_everyone():
    """Same error rate, but either each rater errs about other images or all about the same."""
    apart = human.analyse(human.simulate(SINGLE, 0.5, raters=12, agreement=0.0), SINGLE)
    alike = human.analyse(human.simulate(SINGLE, 0.5, raters=12, agreement=1.0), SINGLE)
    assert abs(apart["kappa"]) < 0.1 and alike["kappa"] == 1
    assert alike["kappa_trials"] == 40


def test_raters_who_learn():
    """Guessing in the first half, nearly perfect in the second."""
    before = human.simulate(SINGLE, 0.5, raters=10, seed=4)
    after = human.simulate(SINGLE, 0.95, raters=10, seed=4)  # the same sessions
    for early, late in zip(before, after, strict=True):
        assert early["session"] == late["session"]
        early["answers"][20:] = late["answers"][20:]
    results = human.analyse(before, SINGLE)
    assert results["error_first_half"] == pytest.approx(0.5, abs=0.1)
    assert results["error_second_half"] == pytest.approx(0.05, abs=0.06)
    assert results["learning"] == pytest.approx(0.45, abs=0.12)
    assert results["learning_low"] > 0.25 and results["learning_p"] < 1e-6
    same = human.analyse(human.simulate(SINGLE, 0.7, raters=10, seed=4), SINGLE)
    assert same["learning_low"] < 0 < same["learning_high"] and same["learning_p"] > 0.01


def test_models_of_a_panel_can_differ():
    results = human.analyse(human.simulate(BOTH, {"GAN": 0.5, "VAE": 0.9}, raters=30), BOTH)
    assert results["error[GAN]_crossed_low"] > results["error[VAE]_crossed_high"]
    with pytest.raises(ValueError, match="one for each of GAN, VAE; received GAN"):
        human.simulate(BOTH, {"GAN": 0.5})
    with pytest.raises(ValueError, match=r"`accuracy` must lie in \[0, 1\]; received 75"):
        human.simulate(BOTH, 75)
    with pytest.raises(ValueError, match="`spread` must be 0 or above"):
        human.simulate(BOTH, 0.9, spread=0.4)


def test_results_do_not_depend_on_the_order_of_files():
    panel = human.simulate(SINGLE, 0.7, raters=6, seed=1)
    one, other = human.analyse(panel, SINGLE), human.analyse(panel[::-1], SINGLE)
    for name in ("error", "error_low", "kappa", "d_prime", "learning", "p_value_raters"):
        assert one[name] == pytest.approx(other[name])


# Sources of the real images ----------------------------------------------------------------


def hard_by_source(asked, panel, seed):
    """The same panel, but all raters err about all images of some sources."""
    rng = np.random.default_rng(seed)
    hard = {origin: rng.random() < 0.5 for origin in sorted(set(asked.origins.values()))}
    for found in panel:
        for answer in found["answers"]:
            origin = asked.origins.get(asked.trials[answer["trial"]].images[0])
            if origin is not None:
                answer["answer"] = "fake" if hard[origin] else "real"
    return panel


def test_families_make_intervals_over_images_wider_and_the_result_says_what_was_drawn():
    families = np.arange(400) // 50  # eight sources
    asked = study(real_sources=families, source_kind="typeface family", trials=120)
    panel = hard_by_source(asked, human.simulate(asked, 0.8, raters=12), seed=1)
    found = human.analyse(panel, asked)
    plain = study(trials=120)
    other = human.analyse([r | {"study": plain.id} for r in panel], plain)
    kind = "raters, real images by typeface family (8), generated ones one by one"
    assert found["resampled"] == kind and kind in human.summary(found)
    assert other["resampled"] == "raters, and images one by one (no sources in the study)"

    def width(results, name):
        return results[f"{name}_high"] - results[f"{name}_low"]

    # Sixty images in eight sources that are wholly hard or easy: the standard error of the share
    # of errors is that of eight units, √(60 / 8) times as large; widened for eight, not twelve.
    ratio = width(found, "error_real_crossed") / width(other, "error_real_crossed")
    assert 0.7 * np.sqrt(60 / 8) < ratio < 1.6 * np.sqrt(60 / 8)
    assert width(found, "kappa") > width(other, "kappa")
    assert found["p_value_crossed"] > other["p_value_crossed"]
    # Nothing else knows of sources.
    for name in ("error_real", "error_raters_low", "error_high", "d_prime_low", "p_value_raters"):
        assert found[name] == other[name], name


def test_every_image_its_own_source_is_as_if_sources_were_unknown():
    asked = study(real_sources=np.arange(400))
    panel = human.simulate(asked, 0.7, raters=10, spread=0.1, agreement=0.5)
    found = human.analyse(panel, asked, repeats=4000)
    plain = human.analyse([r | {"study": SINGLE.id} for r in panel], SINGLE, repeats=4000)
    for name in ("error", "error_real", "error_fake"):
        for end in ("low", "high"):
            key = f"{name}_crossed_{end}"
            assert found[key] == pytest.approx(plain[key], abs=0.02), key
    assert found["p_value_crossed"] == pytest.approx(plain["p_value_crossed"], rel=0.3)


def test_pairs_are_drawn_by_the_source_of_their_real_image():
    asked = study("which_is_real", real_sources=np.arange(400) // 40, source_kind="person")
    found = human.analyse(human.simulate(asked, 0.7, raters=6), asked)
    assert found["resampled"] == "raters, and pairs by the person (10) of the real image"
    assert found["error_crossed_low"] < found["error"] < found["error_crossed_high"]


def test_fewer_than_four_sources_say_nothing_about_others():
    asked = study(real_sources=np.arange(400) // 150)
    found = human.analyse(human.simulate(asked, 0.7, raters=6), asked)
    assert np.isnan(found["error_crossed_low"]) and np.isnan(found["p_value_crossed"])
    assert np.isfinite(found["error_raters_low"])
    assert found["notes"] == [
        "Real images of 3 source(s) say nothing about others: intervals over images need 4."
    ]
    assert found["notes"][0] in human.summary(found)


def test_the_test_over_raters_and_images_keeps_its_level():
    """Raters guess about each image alike: by chance some images look real to all of them."""
    significant = {"p_value": 0, "p_value_raters": 0, "p_value_crossed": 0}
    for seed in range(60):
        panel = human.simulate(SINGLE, 0.5, raters=10, agreement=0.9, seed=seed)
        results = human.analyse(panel, SINGLE, repeats=200)
        for name in significant:
            significant[name] += results[name] < 0.05
    assert significant["p_value_crossed"] <= stats.binom(60, 0.05).ppf(0.999)
    assert min(significant["p_value"], significant["p_value_raters"]) > 15


# What nobody answered ----------------------------------------------------------------------


def test_a_group_without_an_answer_is_not_a_number_and_a_note_says_so():
    lax = human.Rules(min_answered=0.0, max_same=1.0)
    asked = study(models=("GAN", "VAE"), trials=80, rules=lax)
    shown = [step.images[0] for step in asked.steps(7, practice=False)]
    first_vae = next(place for place, name in enumerate(shown) if asked.sources[name] == "VAE")
    found = answered(asked, right(asked))
    found["answers"] = found["answers"][:first_vae]
    results = human.analyse([found], asked)
    assert results["error"] == 0 and results["error_fake[VAE]_n"] == 0
    for end in ("", "_low", "_high", "_raters_low", "_crossed_high"):
        assert np.isnan(results[f"error_fake[VAE]{end}"]), end
    note = "`error_fake[VAE]` is not measured: no answer counts towards it."
    assert note in results["notes"] and note in human.summary(results)
    rows = [t.get_text() for t in human.plot_errors(results).axes[0].get_yticklabels()]
    assert "VAE taken for real" not in rows
    # Without any generated image there is no d′ either.
    found["answers"] = found["answers"][:1]
    results = human.analyse([found], asked)
    assert np.isnan([results["d_prime"], results["criterion"], results["d_prime_low"]]).all()
    assert {"error_fake", "error_real"} & {n.split("`")[1] for n in results["notes"]}
    assert human.summary(results) and human.plot_errors(results).axes


# Rules -------------------------------------------------------------------------------------


def test_raters_are_left_out_by_the_rules_and_the_reason_is_told():
    timed = study(exposure_ms=250)
    truth = right(timed)
    people = [
        answered(timed, truth, "good", 1, shown_ms=260),
        answered(timed, lambda images: "real", "one key", 2, shown_ms=260),
        answered(timed, truth, "hasty", 3, ms=120),
        answered(timed, truth, "slow screen", 4, shown_ms=400),
        answered(timed, truth, "gone", 5),
        answered(timed, lambda i: {"real": "fake", "fake": "real"}[truth(i)], "wrong", 6),
    ]
    people[4]["answers"] = people[4]["answers"][:30]
    results = human.analyse(people, timed)
    assert results["excluded"] == [
        "one key: gave 100% of the answers on one button",
        "hasty: gave 100% of the answers within 200 ms",
        "slow screen: saw 100% of the images over 50 ms too long",
        "gone: answered 75% of the trials",
    ]
    # Nobody is left out for being wrong.
    assert results["raters"] == 2 and results["error"] == 0.5
    assert results["shown_ms"] == 260
    assert len(results["rules"]) == 4
    with pytest.raises(ValueError, match="The rules of the study leave no rater: gone: answered"):
        human.analyse([people[4]], timed)


@pytest.mark.parametrize(
    ("kept", "out", "reason"),
    [
        ({"given": 36}, {"given": 35}, "answered 88% of the trials"),
        ({"ms": [199] * 4 + [200] * 36}, {"ms": [199] * 5 + [200] * 35}, "gave 12% of the answers"),
        ({"same": 38}, {"same": 39}, "gave 98% of the answers on one button"),
        ({"shown": [301] * 4 + [300] * 36}, {"shown": [301] * 5 + [300] * 35}, "saw 12% of the im"),
    ],
)
def test_a_rater_at_the_limit_of_a_rule_stays(kept, out, reason):
    timed = study(exposure_ms=250)
    reasons = []
    for case in (kept, out):
        found = answered(timed, right(timed), shown_ms=250)
        for number, answer in enumerate(found["answers"]):
            if "same" in case:
                answer["answer"] = "fake" if number < case["same"] else "real"
            answer["ms"] = case.get("ms", [900] * 40)[number]
            answer["shown_ms"] = case.get("shown", [250] * 40)[number]
        found["answers"] = found["answers"][: case.get("given", 40)]
        table = human.responses.judgements([found], timed)
        reasons.append(human.responses.excluded(table, timed))
    assert reasons[0] == {} and reasons[1]["Anna"].startswith(reason)


def test_figures_of_a_study_without_raters_say_so():
    lazy = answered(SINGLE, lambda images: "real")
    with pytest.raises(ValueError, match="rules of the study leave no rater: Anna: gave 100%"):
        human.plot_images([lazy], SINGLE)


def test_one_button_means_one_side_in_pairs():
    for session in range(1, 9):  # with and without swapped sides
        lefty = answered(PAIRS, lambda images: images[0], session=session)
        with pytest.raises(ValueError, match="Anna: gave 100% of the answers on one button"):
            human.analyse([lefty], PAIRS)


def test_answers_that_are_missing_count_neither_way():
    panel = human.simulate(SINGLE, 1.0, raters=5)
    panel[0]["answers"] = panel[0]["answers"][:38]
    results = human.analyse(panel, SINGLE)
    assert results["error"] == 0 and results["judgements"] == 198
    assert results["kappa_trials"] == 38 and results["kappa"] == 1


# Files, figures, words ---------------------------------------------------------------------


def test_files_and_key_give_what_objects_give(tmp_path):
    panel = human.simulate(SINGLE, 0.7, raters=5)
    folder = tmp_path / "responses"
    folder.mkdir()
    for found in panel:
        text = json.dumps(found)
        assert '"simulated": true' in text
        (folder / f"{found['rater']}.json").write_text(text, encoding="utf-8")
    key = SINGLE.save_key(tmp_path / "key.json")
    from_files, from_objects = human.analyse(folder, key), human.analyse(panel, SINGLE)
    np.testing.assert_equal(from_files, from_objects)
    assert all(np.isscalar(v) or v is None or isinstance(v, list) for v in from_files.values())


def test_simulated_results_say_so_wherever_they_are_shown():
    panel = human.simulate(BOTH, 0.6, raters=5)
    results = human.analyse(panel, BOTH)
    assert results["simulated"] is True
    assert human.summary(results).startswith("SIMULATED answers: no person was asked.")
    for figure in (human.plot_errors(results), human.plot_images(panel, BOTH, count=3)):
        assert figure.axes[0].get_title(loc="left").startswith("SIMULATED, no people")
    person = answered(BOTH, right(BOTH))
    results = human.analyse([person], BOTH)
    assert "SIMULATED" not in human.summary(results)
    assert "SIMULATED" not in human.plot_errors(results).axes[0].get_title(loc="left")


def test_the_figure_shows_the_numbers():
    results = human.analyse(human.simulate(BOTH, {"GAN": 0.5, "VAE": 0.9}, raters=6), BOTH)
    axes = human.plot_errors(results).axes[0]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == [
        "all images",
        "real taken for fake",
        "fake taken for real",
        "GAN taken for real",
        "VAE taken for real",
    ]
    dots = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    shown = [
        results[name]
        for name in ("error", "error_real", "error_fake", "error_fake[GAN]", "error_fake[VAE]")
    ]
    np.testing.assert_allclose(dots, 100 * np.array(shown))
    assert "over raters and images" in axes.get_title(loc="left")
    pairs = human.analyse(human.simulate(PAIRS, 0.8, raters=3), PAIRS)
    assert "over judgements" in human.plot_errors(pairs).axes[0].get_title(loc="left")


def test_the_images_that_fool_most_come_first():
    panel = human.simulate(SINGLE, 1.0, raters=4)
    fooling = next(i for i, s in SINGLE.sources.items() if s == "GAN")
    trial = [t.images[0] for t in SINGLE.trials].index(fooling)
    for found in panel[:3]:
        next(a for a in found["answers"] if a["trial"] == trial)["answer"] = "real"
    texts = [text.get_text() for text in human.plot_images(panel, SINGLE, count=4).axes[0].texts]
    assert texts[:4] == ["75%", "0%", "0%", "0%"] and texts[4:8] == ["0%"] * 4
    with pytest.raises(ValueError, match="`study` must have the protocol 'real_or_fake'"):
        human.plot_images(human.simulate(PAIRS, 0.8), PAIRS)


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [
        (0.9, "tell these images apart more often than by guessing"),
        (0.1, "take generated images for real more often than real ones"),
        (0.5, "it is not shown that raters tell these images apart at all"),
    ],
)
def test_the_verdict_follows_the_interval(accuracy, words):
    panel = human.simulate(SINGLE, accuracy, raters=10, seed=3)
    assert words in human.summary(human.analyse(panel, SINGLE))


def test_options_out_of_range(tmp_path):
    panel = copy.deepcopy(human.simulate(SINGLE, 0.7, raters=4))
    with pytest.raises(ValueError, match=r"`confidence` must lie in \(0, 1\); received 95"):
        human.analyse(panel, SINGLE, confidence=95)
    with pytest.raises(ValueError, match="`repeats` must be a positive integer; received 0"):
        human.analyse(panel, SINGLE, repeats=0)
