"""What is recommended, on made-up tables; slow/test_choosing_on_data.py has data and trains."""

import re

import pytest
from tiny import halves

import gentut
from gentut import cli
from gentut.report import NEEDS, recommend, scores

# The rule, on made-up tables ----------------------------------------------------------------------


def row(family, frechet=10.0, margin=1.0, **more):
    entry = scored(family, "frechet_distance", frechet, frechet - margin, frechet + margin)
    flags = {"memorisation_c_t": 0.0, "distance_to_training": 1.0, "seconds_per_1000": 1.0}
    return entry | flags | more


def scored(family, key, value, low, high, **more):
    """A family whose score has this interval, its draws uncorrelated with those of others."""
    base = {"family": family} if key == "frechet_distance" else row(family)
    drawn = base.get("halves", {}) | {key: halves(value, low, high, place(family))}
    return base | {key: value, f"{key}_low": low, f"{key}_high": high, "halves": drawn} | more


def place(family):
    return list(scores.FAMILIES).index(family)


def sentences(text):
    return re.split(r"(?<=\.) (?=[A-Z])", text)


def test_a_clear_winner_is_recommended_with_its_number():
    found = recommend([row("vae", 20), row("gan", 10), row("flow", 15)], "fidelity")
    assert (found.family, found.level, found.notes) == ("gan", ("gan",), ())
    assert found.why == (
        "For fidelity, take the GAN: its Fréchet distance of 10 (9 to 11) is the lowest, and no"
        " interval of another family's difference from it holds 0. Behind in Fréchet distance are"
        " the flow at 15 (14 to 16) and the VAE at 20 (19 to 21)."
    )
    assert len(sentences(found.why)) == 2


def test_families_whose_difference_can_be_0_are_level_and_the_fast_one_is_named():
    rows = [row("vae", 20), row("gan", 11.3, seconds_per_1000=0.2), row("flow", 10)]
    found = recommend(rows, "fidelity")
    assert found.family is None and found.level == ("flow", "gan")
    assert "the flow and the GAN cannot be told apart" in found.why
    assert "could be equal: the intervals of their differences from the flow hold 0" in found.why
    assert "Of these the GAN draws fastest, 1,000 images in 0.2 s" in found.why
    assert len(sentences(found.why)) == 2


def test_the_interval_of_the_difference_decides_and_not_overlap():
    # Uncorrelated draws, each ± 1: their difference is known to ± √2. The bars overlap up to 2.
    assert recommend([row("gan", 10), row("vae", 11.41)], "fidelity").family is None
    assert recommend([row("gan", 10), row("vae", 11.42)], "fidelity").family == "gan"
    # What the choice of test images adds to both cancels: here, all but a constant.
    close = row("vae", 10.1)
    close["halves"] = {
        "frechet_distance": [v + 0.1 for v in row("gan")["halves"]["frechet_distance"]]
    }
    assert recommend([row("gan", 10), close], "fidelity").family == "gan"


def test_level_is_measured_against_the_best_and_not_in_a_chain():
    rows = [row("gan", 10), row("vae", 11.3), row("flow", 12.6)]
    assert recommend(rows, "fidelity").level == ("gan", "vae")


def test_higher_is_better_where_it_is():
    rows = [scored("vae", "coverage", 0.5, 0.45, 0.55), scored("gan", "coverage", 0.7, 0.65, 0.75)]
    assert recommend(rows, "diversity").family == "gan"
    # The best Fréchet distance does not count here.
    rows[0] |= {"frechet_distance": 1.0}
    assert recommend(rows, "diversity").family == "gan"


def test_a_family_without_the_score_is_no_candidate_and_is_told():
    key = "importance_weighted_bound"
    rows = [row("gan", 1), scored("vae", key, -95.0, -96.0, -94.0), row("flow", 2)]
    found = recommend(rows, "likelihood")
    assert found.family == "vae"
    assert "it is the only candidate. Its importance-weighted bound is -95.0 nats" in found.why
    assert found.notes == (
        "The GAN and the flow are no candidate: there is no importance-weighted bound of them.",
    )
    none = recommend([row("gan")], "likelihood")
    assert (none.family, none.level) == (None, ())
    assert "nothing can be recommended" in none.why


COPIES = {"memorisation_c_t": -40.0, "distance_to_training": 0.1}
BLAND = {"memorisation_c_t": -12.0, "distance_to_training": 0.8}


def test_a_family_that_copies_is_no_candidate_however_good_its_score():
    rows = [row("mixture", 1, **COPIES), row("gan", 10), row("vae", 20)]
    found = recommend(rows, "fidelity")
    assert found.family == "gan" and "copies them" in found.notes[0]
    assert found.notes[0].startswith("The Gaussian mixture is no candidate")
    assert recommend(rows, "speed").family == "gan"
    everyone = [row(family, **COPIES) for family in ("gan", "vae")]
    assert recommend(everyone, "fidelity").level == ()


def test_bland_samples_earn_a_warning_and_codes_are_not_judged_by_samples():
    rows = [row("vae", 10, **BLAND), row("gan", 20)]
    found = recommend(rows, "fidelity")
    assert found.family == "vae" and "C_T = -12.0" in found.notes[0]
    key = "reconstruction_psnr"
    rows = [
        scored("vae", key, 20.0, 19.9, 20.1, **COPIES),
        scored("latent_flow", key, 19, 18, 19.5),
    ]
    found = recommend(rows, "latent")
    assert found.family == "vae" and found.notes == ()


def test_bland_samples_give_way_to_sound_ones_that_are_level():
    rows = [row("mixture", 10, seconds_per_1000=0.01, **BLAND), row("gan", 11), row("flow", 11.2)]
    found = recommend(rows, "fidelity")
    assert found.level == ("gan", "flow") and found.family is None
    assert "differences from the Gaussian mixture hold 0" in found.why
    assert found.notes[0].startswith("The Gaussian mixture gives way: it draws images nearer to")
    assert recommend(rows, "speed").level == ("gan", "flow")  # however fast the mixture is
    found = recommend(rows[:2], "fidelity")
    assert found.family == "gan" and found.level == ("gan",)
    assert found.why == (
        "For fidelity, take the GAN: its Fréchet distance of 11 (10 to 12) could be equal to that"
        " of the Gaussian mixture, 10 (9 to 11), which gives way to it."
    )
    assert recommend([rows[0], row("gan", 11, seconds_per_1000=1.0)], "speed").why == (
        "For speed, take the GAN: it takes 1 s for 1,000 images, and its Fréchet distance of"
        " 11 (10 to 12) could be equal to that of the Gaussian mixture, 10 (9 to 11), which gives"
        " way to it."
    )
    rows[1:] = [row("gan", 13)]  # not level: the better score decides, and the doubt is told
    found = recommend(rows, "fidelity")
    assert found.family == "mixture" and "gives way" not in str(found)
    assert found.why.startswith("For fidelity, take the Gaussian mixture, with the doubt below: ")
    assert (
        "doubt"
        not in recommend([row("gan", 10), rows[0] | {"frechet_distance": 20}], "fidelity").why
    )
    everyone = recommend([row("mixture", 10, **BLAND), row("gan", 11, **BLAND)], "fidelity")
    assert everyone.level == ("mixture", "gan") and len(everyone.notes) == 2


def test_speed_is_judged_among_families_of_level_quality_only():
    rows = [
        row("mixture", 50, seconds_per_1000=0.01),
        row("gan", 10, seconds_per_1000=0.3),
        row("flow", 11, seconds_per_1000=4.0),
    ]
    found = recommend(rows, "speed")
    assert found.family == "gan"
    assert "0.3 s for 1,000 images" in found.why and "level with the lowest" in found.why
    assert "Behind in time for 1,000 images is the flow at 4 s." in found.why
    rows[2] |= {"seconds_per_1000": 0.4}  # not 1.5 times as long: timings differ that much
    assert recommend(rows, "speed").level == ("gan", "flow")
    only = recommend([rows[0], row("gan", 10, seconds_per_1000=9.0)], "speed")
    assert only.family == "gan" and "no other family has a Fréchet distance as low" in only.why
    assert "Behind in Fréchet distance is the Gaussian mixture at 50" in only.why


def test_bad_tables_are_refused():
    with pytest.raises(ValueError, match="`rows` must hold at least one family; received none."):
        recommend([], "fidelity")
    with pytest.raises(ValueError, match="`need` must be one of fidelity, diversity, likelihood"):
        recommend([row("gan")], "beauty")


def test_every_need_asks_for_scores_and_families_that_exist():
    for need in NEEDS.values():
        assert {need.key, *need.also} <= set(scores.SCORES)
        assert set(need.families) <= set(gentut.models.recipes.FAMILIES) & set(scores.FAMILIES)
        assert scores.SCORES[need.key].better in ("lower", "higher")


BAD = [
    (("--need", "beauty"), "`need` must be one of fidelity, diversity, likelihood, speed, latent"),
    (("--minutes", "-1"), "`minutes` must be a positive number; received -1.0."),
    (("--families", "gann"), "`family` must be one of gaussian, mixture, gan"),
    (("--families", "gan", "--need", "latent"), "`families` must hold one that has the score for"),
    (("--data", "nowhere"), "`data` must be glyphs, emoji, mnist"),
    (("-n", "3"), "`n` must be an integer of at least 12; received 3."),
    (("--resume",), "`out` must be the folder of a comparison that was stopped"),
]


@pytest.mark.parametrize("words, message", BAD, ids=[" ".join(words) for words, _ in BAD])
def test_bad_input_is_told_in_one_line_with_exit_code_2(words, message, tmp_path, capsys):
    assert cli.main(["choose", *words, "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    *stages, last = printed.err.splitlines()
    assert printed.out == "" and all("reading" in line for line in stages)
    assert last.startswith("gentut: ") and message in last and not (tmp_path / "out").exists()
