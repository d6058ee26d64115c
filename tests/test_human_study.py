"""How a study is drawn, balanced and stored, and what a response file must be."""

import copy
import io
import itertools
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from gentut import human
from gentut.human.responses import fault_of, judgements, read_responses
from gentut.human.session import session_order, xorshift

PIXELS = np.random.default_rng(0).random((240, 7, 7, 1), np.float32)
REAL, GAN, VAE = PIXELS[:100], PIXELS[100:170], PIXELS[170:]


def study(protocol="real_or_fake", **options):
    options = {"trials": 24, "practice": 4} | options
    return human.make_study(REAL, {"GAN": GAN, "VAE": VAE}, protocol=protocol, **options)


def index_of(made, name, images):
    """Which of `images` a picture of the study is."""
    with Image.open(io.BytesIO(made.pictures[name])) as picture:
        values = np.asarray(picture, int)
    (found,) = np.flatnonzero(np.abs(255 * images[..., 0] - values).max(axis=(1, 2)) <= 0.5 + 1e-4)
    return found


# The draw ----------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["real_or_fake", "which_is_real"])
def test_every_part_of_a_study_is_balanced(protocol):
    made = study(protocol)
    per_trial = 1 if protocol == "real_or_fake" else 2
    assert len(made.trials) == 24 and len(made.practice) == 4
    shown = [image for trial in made.trials for image in trial.images]
    shown += [image for images in made.practice for image in images]
    assert len(set(shown)) == len(shown) == len(made.pictures) == 28 * per_trial
    assert Counter(made.sources.values()) == {
        "real": 14 * per_trial,
        "GAN": 7 * per_trial,
        "VAE": 7 * per_trial,
    }
    for block in made.blocks:
        sources = Counter(made.sources[image] for trial in block for image in trial.images)
        assert sources == {"real": 6 * per_trial, "GAN": 3 * per_trial, "VAE": 3 * per_trial}
        assert Counter(trial.model for trial in block) == {"GAN": 6, "VAE": 6}
    if per_trial == 2:
        left = [made.sources[trial.images[0]] for trial in made.trials]
        assert left.count("real") == 12
        for trial in made.trials:
            assert {made.sources[image] for image in trial.images} == {"real", trial.model}


def test_pictures_are_the_images_of_their_source():
    made = study()
    sets = {"real": REAL, "GAN": GAN, "VAE": VAE}
    drawn = [(s, index_of(made, name, sets[s])) for name, s in made.sources.items()]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("protocol", ["real_or_fake", "which_is_real"])
def test_labels_match_the_classes_of_real_and_generated_images(protocol):
    labels = np.arange(240) % 5
    real, gan, vae = labels[:100], labels[100:170], labels[170:]
    made = study(protocol, practice=0, real_labels=real, generated_labels={"GAN": gan, "VAE": vae})
    of = {"real": (REAL, real), "GAN": (GAN, gan), "VAE": (VAE, vae)}

    def label(name):
        images, classes = of[made.sources[name]]
        return int(classes[index_of(made, name, images)])

    if protocol == "which_is_real":
        for trial in made.trials:
            assert label(trial.images[0]) == label(trial.images[1])
    counts = {source: Counter() for source in of}
    for name, source in made.sources.items():
        counts[source][label(name)] += 1
    assert counts["real"] == counts["GAN"] + counts["VAE"]
    # Classes take turns: of the images of each model, all classes have equally many, or one more.
    for model in ("GAN", "VAE"):
        assert set(counts[model]) == set(range(5))
        assert max(counts[model].values()) - min(counts[model].values()) <= 1


def test_a_study_is_the_same_for_the_same_seed_only():
    assert study(seed=3).id == study(seed=3).id
    assert study(seed=3).id != study(seed=4).id
    # Rules are fixed with the study: whoever changes them afterwards has another study.
    assert study(rules=human.Rules(max_same=0.9)).id != study().id


def test_a_timed_mask_is_made_of_patches_of_the_images():
    made = human.make_study(REAL * 0 + 0.2, GAN * 0 + 0.8, trials=4, practice=0)
    values = set(np.asarray(Image.open(io.BytesIO(made.mask))).flat)
    assert values == {51, 204}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "abx"}, "`protocol` must be one of real_or_fake, which_is_real; .*'abx'"),
        ({"trials": 22}, "`trials` must be divisible by 4, .*; received 22"),
        ({"trials": 0}, "`trials` must be an integer of at least 1; received 0"),
        ({"practice": 3}, "`practice` must be divisible by 2, .*; received 3"),
        ({"trials": 400}, r"`generated\['GAN'\]` must hold enough images for 202 pairs .* class 0"),
        ({"exposure_ms": 50}, "`exposure_ms` must be None or an integer from 100 to 5000 .* 50"),
        ({"title": " "}, "`title` must be a text; received ' '"),
        ({"real_labels": np.zeros(100, int)}, "must be given together; received only one"),
        (
            {"real_labels": np.zeros(9, int), "generated_labels": np.zeros(70, int)},
            r"`real_labels` must hold one integer for each of 100 images; received shape \(9,\)",
        ),
        (
            {"real_labels": np.zeros(100, int), "generated_labels": np.ones(70, int)},
            r"`real_labels` and `generated_labels\['GAN'\]` must share classes",
        ),
    ],
)
def test_a_study_that_cannot_be_made_says_why(options, message):
    with pytest.raises(ValueError, match=message):
        study(**options)


@pytest.mark.parametrize(
    ("generated", "message"),
    [
        ({"real": GAN}, "`generated` must have names that are texts, not 'real'; .* 'real'"),
        ({}, "`generated` must hold at least one set of images; received none"),
        (
            {"GAN": GAN[:, :5]},
            r"must hold images of the shape of `real`, .*\(5, 7, 1\)",
        ),
        ({"GAN": 255 * GAN}, r"`generated\['GAN'\]` must lie in \[0, 1\] without NaN; received"),
    ],
)
def test_unusable_images_are_named(generated, message):
    with pytest.raises(ValueError, match=message):
        human.make_study(REAL, generated)


def test_rules_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"`max_same` must lie in \[0, 1\]; received 95"):
        human.Rules(max_same=95)
    with pytest.raises(ValueError, match="`late_ms` must be at most 86400000, a day; received 864"):
        human.Rules(late_ms=86_400_001)
    assert human.Rules(fastest_ms=300).sentences(timed=True)[1] == (
        "Left out: raters with more than 10% of the answers within 300 ms."
    )


# Sources of the real images ----------------------------------------------------------------

FAMILIES = np.arange(100) // 4 + 1000


@pytest.mark.parametrize("protocol", ["real_or_fake", "which_is_real"])
def test_the_key_knows_the_source_of_each_real_image_and_raters_do_not(protocol, tmp_path):
    made = study(protocol, real_sources=FAMILIES, source_kind="typeface family")
    reals = {name for name, source in made.sources.items() if source == "real"}
    assert set(made.origins) == reals
    for name in reals:
        assert made.origins[name] == FAMILIES[index_of(made, name, REAL)]
    read = human.load_key(made.save_key(tmp_path / "key.json"))
    assert read.origins == made.origins and read.origin_kind == "typeface family"
    # What raters get is that of the study without sources, but for its name.
    plain = study(protocol)
    assert made.public() | {"study": ""} == plain.public() | {"study": ""}
    page = made.save_page(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "origin" not in page.replace("original", "") and "typeface" not in page


def test_a_study_without_sources_keeps_its_id_and_its_key():
    made = study()
    assert made.origins is None and "origins" not in made._contents()
    assert made.id != study(real_sources=FAMILIES).id
    with pytest.raises(ValueError, match="`real_sources` must hold one integer for each of 100"):
        study(real_sources=FAMILIES[:9])
    with pytest.raises(ValueError, match="received shape \\(100,\\) and dtype float64"):
        study(real_sources=FAMILIES / 2)


# The order ---------------------------------------------------------------------------------


def test_the_generator_of_orders_is_xorshift():
    # The 32-bit sequence of Marsaglia (2003) with the triple 13, 17, 5 from the seed 1.
    assert list(itertools.islice(xorshift(1), 4)) == [270369, 67634689, 2647435461, 307599695]


def test_orders_are_complete_fair_and_keep_the_blocks_together():
    first, swaps = Counter(), Counter()
    for session in range(1, 2001):
        order, swapped = session_order(session, (3, 2))
        assert sorted(order) == [0, 1, 2, 3, 4]
        half = order[:3] if order[0] < 3 else order[2:]
        assert sorted(half) == [0, 1, 2]
        first[order[0]] += 1
        swaps[swapped] += 1
    # Either block comes first half of the time, and then each of its trials equally often.
    for trial, expected in enumerate([2000 / 6] * 3 + [500] * 2):
        assert abs(first[trial] - expected) < 4 * np.sqrt(expected)
    assert abs(swaps[True] - 1000) < 4 * np.sqrt(500)


def test_sessions_swap_sides_and_put_practice_first():
    made = study("which_is_real")
    sides = set()
    for session in range(1, 30):
        steps = made.steps(session)
        assert [step.images for step in steps[:4]] == list(made.practice)
        assert [step.trial for step in steps[:4]] == [None] * 4
        straight = [step.images == made.trials[step.trial].images for step in steps[4:]]
        assert len(set(straight)) == 1
        sides.add(straight[0])
    assert sides == {True, False}
    for session in (0, 2**32, 1.0, True):
        with pytest.raises(
            ValueError, match="`session` must be an integer from 1 to 4294967295; received"
        ):
            made.steps(session)


# Files -------------------------------------------------------------------------------------


def test_a_key_file_holds_the_whole_study(tmp_path):
    made = study("which_is_real", exposure_ms=250, title='A "title" <b>é</b>')
    path = made.save_key(tmp_path / "key.json")
    read = human.load_key(path)
    assert read.id == made.id and vars(read) | {"id": ""} == vars(made) | {"id": ""}
    assert read.public() == made.public()
    assert [file.name for file in tmp_path.iterdir()] == ["key.json"]
    with pytest.raises(FileNotFoundError, match="`path` must lie in an existing folder"):
        made.save_key(tmp_path / "nowhere" / "key.json")
    with pytest.raises(FileNotFoundError, match="`path` must lie in an existing folder"):
        made.save_page(tmp_path / "nowhere" / "page.html")


def test_a_key_that_was_changed_or_is_none_is_refused(tmp_path):
    path = study().save_key(tmp_path / "key.json")
    key = json.loads(path.read_text(encoding="utf-8"))
    name = next(iter(key["sources"]))
    changes = {
        "was changed": key | {"sources": key["sources"] | {name: "other"}},
        "is none or is incomplete": {k: v for k, v in key.items() if k != "blocks"},
        "none or is inc": key | {"surplus": 1},
        "key.json, which is none": key | {"sources": 5},
        "which is none or": key | {"rules": key["rules"] | {"fastest_ms": 10**400}},
        "is none or is": key | {"rules": key["rules"] | {"max_same": float("inf")}},
        "is none": key | {"exposure_ms": float("nan")},
        "the study id [0-9a-f]{12}, not '\\[\\[\\[": key | {"study": nested(400)},
        "is none or is i": key | {"title": 5},
        "none or is incomplete": key | {"mask": 5},
    }
    for message, changed in changes.items():
        path.write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(ValueError, match=message) as caught:
            human.load_key(path)
        assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)
    for text in ("[]", "{}", "no JSON", '{"format": "gentut-study-response-1"}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="`path` must be a key file .* received key.json"):
            human.load_key(path)
    with pytest.raises(FileNotFoundError):
        human.load_key(tmp_path / "missing.json")


ASKED = study()
GOOD = human.simulate(ASKED, 0.7, raters=3, seed=0)


def changed(**fields):
    return copy.deepcopy(GOOD[0]) | fields


def with_answer(number, **fields):
    found = changed()
    found["answers"][number] |= fields
    return found


def nested(depth):
    found = []
    for _ in range(depth):
        found = [found]
    return found


def without(field):
    return {name: value for name, value in changed().items() if name != field}


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ([], "is no JSON object but list"),
        (without("rater"), "lacks rater and has besides -"),
        (changed(age=7), "lacks nothing and has besides age"),
        (changed(format="other"), "has the format 'other', not 'gentut-study-response-1'"),
        (changed(study="0" * 12), "answers another study ('000000000000', not "),
        (changed(rater=""), "has the rater '', not a name of 1 to 60 characters"),
        (changed(rater=["a"]), "has the rater ['a'], not a name"),
        (changed(session=0), "has the session 0, not an integer in [1, 4294967296)"),
        (changed(session=True), "has the session True, not an integer"),
        (changed(face="fax"), "has the face 'fax', not one of page, form, simulation"),
        (changed(simulated=False), "has simulated=False with the face 'simulation'"),
        (changed(face="page"), "has simulated=True with the face 'page'"),
        (changed(answers=[]), "has no list of 1 to 24 answers"),
        (changed(answers=GOOD[0]["answers"] * 2), "has no list of 1 to 24 answers"),
        (changed(answers=["real"]), "is wrong in answer 1, which is no JSON object but str"),
        (with_answer(2, trial=99), "is wrong in answer 3, which is to trial 99 where"),
        (with_answer(0, answer="maybe"), "answer 1, which is 'maybe', not one of real, fake"),
        (with_answer(1, ms=-5), "answer 2, which has ms=-5, not a number of milliseconds"),
        (with_answer(1, ms=float("nan")), "answer 2, which has ms=nan"),
        (with_answer(1, ms=None), "answer 2, which has ms=None"),
        (with_answer(1, shown_ms="long"), "answer 2, which has shown_ms='long'"),
        (with_answer(1, ms=10**400), "answer 2, which has ms=100000000000000000...0000000000"),
        (with_answer(1, shown_ms=2**53), "answer 2, which has shown_ms=9007199254740992, not"),
        (with_answer(1, ms=float("inf")), "answer 2, which has ms=inf"),
        (with_answer(1, ms=True), "answer 2, which has ms=True"),
        (with_answer(1, trial=10**4000), "answer 2, which is to trial 100000000000000000...000"),
        (with_answer(1, answer=nested(400)), "answer 2, which is [[[[[[[...]]]]]]], not one of"),
        (changed(session=-(10**400)), "has the session -10000000000000000...0000000000000000000,"),
        (changed(rater="x" * 10_000), "has the rater 'xxxx"),
        (changed(rater="Ada\nBob"), "has the rater 'Ada\\nBob', a name with characters that are"),
        (changed(rater="Ada\ud800"), "has the rater 'Ada\\ud800', a name with characters that"),
        (changed(format=nested(400)), "has the format [[[[[[[...]]]]]]], not"),
        (changed(**{"a\nb" * 9999: 1}), "has besides a ba ba b"),
    ],
)
def test_malformed_responses_are_refused_by_name(found, fault, tmp_path):
    assert fault in fault_of(found, ASKED)
    (tmp_path / "good.json").write_text(json.dumps(GOOD[1]), encoding="utf-8")
    (tmp_path / "bad.json").write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(ValueError, match="1 of 2 are not: bad.json ") as caught:
        read_responses(tmp_path, ASKED)
    assert fault in str(caught.value) and "good.json" not in str(caught.value)
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)


@pytest.mark.parametrize("time", [0, 2**53 - 1])
def test_the_longest_times_are_analysed(time):
    found = with_answer(1, ms=time, shown_ms=time)
    assert fault_of(found, ASKED) is None
    assert np.nanmax(judgements([found], ASKED).shown_ms) == time


def test_all_faulty_files_are_named_at_once(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{}")
    (tmp_path / "b.json").write_text("[" * 100_000, encoding="utf-8")
    (tmp_path / "c.json").write_text('"text"', encoding="utf-8")
    (tmp_path / "d.json").write_text(" " * 2_000_001, encoding="utf-8")
    ASKED.save_key(tmp_path / "e.json")
    (tmp_path / "f.json").write_text(json.dumps(GOOD[0]), encoding="utf-8")
    with pytest.raises(ValueError, match="5 of 6 are not") as caught:
        read_responses(tmp_path, ASKED)
    for part in (
        "a.json is no JSON file",
        "b.json is no JSON file",
        "c.json is no JSON object",
        "d.json has more than 2,000,000 bytes",
        "e.json lacks rater",
    ):
        assert part in str(caught.value)


def test_answers_that_would_count_twice_are_refused(tmp_path):
    assert len(read_responses(GOOD, ASKED)) == 3
    (tmp_path / "first.json").write_text(json.dumps(GOOD[0]), encoding="utf-8")
    (tmp_path / "second.json").write_text(json.dumps(GOOD[0]), encoding="utf-8")
    with pytest.raises(ValueError, match="second.json has the same session as first.json"):
        read_responses(tmp_path, ASKED)
    same_name = changed(rater=GOOD[1]["rater"])
    with pytest.raises(
        ValueError, match=r"responses\[1\] has the same rater as responses\[0\] \('sim"
    ):
        read_responses([GOOD[1], same_name], ASKED)


def test_simulated_answers_never_mix_with_those_of_people():
    person = changed(face="page", simulated=False, rater="Anna", session=5)
    person["answers"] = [
        {"trial": step.trial, "answer": "real", "ms": 900, "shown_ms": None}
        for step in ASKED.steps(5, practice=False)
    ]
    assert read_responses([person], ASKED)
    with pytest.raises(ValueError, match=r"these are simulated: responses\[1\], responses\[2\]"):
        read_responses([person, *GOOD[1:]], ASKED)


def test_missing_files_and_no_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="`responses` must be an existing folder"):
        read_responses(tmp_path / "none", ASKED)
    with pytest.raises(FileNotFoundError, match="`responses` must be existing files"):
        read_responses([tmp_path / "none.json"], ASKED)
    with pytest.raises(ValueError, match="at least one response file; received none"):
        read_responses(tmp_path, ASKED)
    with pytest.raises(TypeError, match="must be a list of responses; received a single one"):
        read_responses(GOOD[0], ASKED)
