"""Reports, parsed as a browser parses them; slow/test_report_page.py opens them in one."""

import io
import re
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
from PIL import Image
from tiny import english_in, halves, placeholders

import gentut
from gentut import plots, report
from gentut.files import write_atomically
from gentut.report import playground_texts, scores, texts
from gentut.report.compare import compare_report
from gentut.report.page import (
    Bullets,
    Cell,
    Code,
    Definitions,
    Heading,
    Paragraph,
    Picture,
    Table,
    in_figures,
    page,
)
from gentut.report.run import run_report
from gentut.report.verdict import ranked
from gentut.training import devices

HOSTILE = '<script>alert("x")</script> & "quotes"'


class Reader(HTMLParser):
    """Collects the tags with their attributes, and the text."""

    def __init__(self, document):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(document)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def images(count, seed=0, channels=1):
    return np.random.default_rng(seed).random((count, 12, 12, channels), np.float32)


NAMES = ["gaussian", "gan", "vae", "mixture", "a", "b", "c"]


def row(family, frechet, interval=(None, None), **more):
    key = "frechet_distance"
    ends = {f"{key}_low": interval[0], f"{key}_high": interval[1]}
    references = {f"{key}_real": 5.0, f"{key}_noise": 2093.0}
    if interval[0] is not None:
        more["halves"] = {key: halves(frechet, *interval, NAMES.index(family))}
    return {"family": family, key: frechet, **ends, **references, **more}


CONTEXT = {
    "data": "glyphs",
    "budget": 60.0,
    "samples": 5000,
    "seeds": [0],
    "features": "128 features of a classifier of glyphs",
    "feature_accuracy": 0.962,
    "interval": "95 % bootstrap over the generated images",
    "hardware": "2 CPU cores",
    "versions": {"python": "3.11.7", "keras": "3.15.1"},
    "command": "gentut compare --data glyphs --minutes 1 --seed 0 --out runs/compare",
    "class_names": list("ABCDEFGHIJ"),
}
ROWS = [
    row(
        "gaussian",
        140.0,
        (130.0, 150.0),
        precision=0.4,
        precision_real=0.9,
        parameters=52_000,
        distance_to_training=1.3,
    ),
    row("gan", 10.0, (9.0, 12.0), precision=0.88, parameters=254_321, seconds_per_1000=0.31),
    row("vae", 12.0, (10.5, 13.5), precision=0.91, images_seen=512_000, seconds_train=60.0),
    row("mixture", 88.0, (80.0, 97.0), precision=0.6, recall=0.5, density=1.1, coverage=0.7),
]


SCORES = {
    "frechet_distance": 10.23456,
    "frechet_distance_low": 9.0,
    "frechet_distance_high": 11.5,
    "frechet_distance_real": 0.5,
    "frechet_distance_gaussian": 30.0,
    "frechet_distance_noise": 81.0,
    "precision": 0.874,
    "elbo_test": -75.25,
    "n_generated": 5000,
    "n_real": 3330,
    "features": "glyphs classifier",
    "left_out": "reconstructions (the model makes none)",
}


def write_comparison(path, context, language=None):
    families = [r["family"] for r in ROWS]
    samples = {name: images(30, k) for k, name in enumerate(["real", *families])}
    near = {n: (images(8), images(16).reshape(8, 2, 12, 12, 1), np.ones((8, 2))) for n in families}
    compare_report(path, ROWS, samples, near, context, language)
    return path


@pytest.fixture(scope="module")
def compare_page(tmp_path_factory):
    return write_comparison(tmp_path_factory.mktemp("compare") / "report.html", CONTEXT)


@pytest.fixture(scope="module")
def chinese_compare_page(tmp_path_factory):
    words = texts.words_of("zh")
    context = CONTEXT | {
        "features": "glyphs classifier",
        "hardware": "2 CPU cores (x86_64)",
        "interval": words["interval"].format(resampled="逐张抽取"),
        "recommendation": report.recommend(ROWS, "diversity", "zh"),
        "status": words["stopped"].format(n=4, total=5),
    }
    path = tmp_path_factory.mktemp("chinese") / "report.html"
    return write_comparison(path, context, "zh")


@pytest.fixture(scope="module")
def run_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    plots.training_gif(folder / "t.gif", [images(9, 1), images(9, 2)])
    info = {
        "family": "gan",
        "data": "/home/someone/pictures/cats",
        "config": {
            "latent_dim": 64,
            "learning_rate": 0.001,
            "out": "/home/someone/runs/cats",
            "penalties": {"r1": 1.0},
            "notes": HOSTILE,
            "decay": None,
        },
        "history": {"d_loss": [1.0, 0.5], "g_loss": [1.0, np.nan]},
        "samples": images(9, channels=3),
        "class_names": list("ABC"),
        "animation": (folder / "t.gif").read_bytes(),
        "scores": SCORES,
        "columns": 3,
        "environment": devices.environment(),
    }
    run_report(folder / "report.html", info)
    return folder / "report.html"


# The vocabulary ----------------------------------------------------------------------------


def test_user_text_is_shown_and_never_executed():
    blocks = [
        Heading(HOSTILE),
        Paragraph(HOSTILE),
        Bullets([HOSTILE]),
        Code(HOSTILE),
        Definitions({HOSTILE: HOSTILE}),
        Table(HOSTILE, [HOSTILE, Cell(HOSTILE, HOSTILE)], [[HOSTILE, Cell(HOSTILE, HOSTILE)]]),
        Picture(images(1)[0], HOSTILE, HOSTILE, HOSTILE),
    ]
    reader = Reader(page(HOSTILE, HOSTILE, blocks))
    assert reader.all("script") == []
    assert "".join(reader.text).count(HOSTILE) == 18
    assert reader.all("img")[0]["alt"] == HOSTILE
    assert reader.all("div")[0]["aria-label"] == HOSTILE


def test_pictures_need_words():
    with pytest.raises(ValueError, match="`alt` and `caption` must say what the picture shows"):
        Picture(images(1)[0], "", "A caption.").render()


def test_tables_refuse_ragged_rows():
    with pytest.raises(ValueError, match="must have 2 cells each, as `head`; received 3"):
        Table("Numbers", ["a", "b"], [["1", "2", "3"]])


def test_write_names_a_missing_folder_and_leaves_no_scraps(tmp_path):
    with pytest.raises(FileNotFoundError, match="`path` must lie in an existing folder"):
        write_atomically(tmp_path / "missing" / "report.html", "text")
    write_atomically(tmp_path / "report.html", "é")
    write_atomically(tmp_path / "odd.txt", "caf\udce9")  # as Python reads a Latin-1 file name
    assert (tmp_path / "odd.txt").read_text(encoding="utf-8") == "caf\\udce9"
    (tmp_path / "odd.txt").unlink()
    write_atomically(tmp_path / "report.html", "new é")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "new é"


# The verdict -------------------------------------------------------------------------------


def test_verdict_names_a_clear_winner():
    rows = [row("vae", 20.0, (18.0, 22.0)), row("gan", 10.0, (9.0, 12.0))]
    assert report.verdict(rows, 60.0, "glyphs") == (
        "On a budget of 60 seconds of training each, the GAN comes closest to real glyphs, at a "
        "Fréchet distance of 10 (9 to 12), 2 times the 5 between two sets of real images. "
        "Behind is the VAE at 20 (18 to 22)."
    )


def test_verdict_claims_nothing_where_the_difference_can_be_0():
    text = report.verdict(ROWS, 60.0, "glyphs")
    assert (
        "the GAN and the VAE cannot be told apart: the intervals of their differences from the"
        " first hold 0, at Fréchet distances of"
    ) in text
    assert "closest" not in text
    assert text.endswith(
        "Behind is the Gaussian mixture at 88 (80 to 97), and last the "
        "Gaussian at 140 (130 to 150)."
    )


def test_verdict_compares_with_the_best_only():
    # a and b are level, b and c are, a and c are not: c is behind.
    rows = [row("a", 10, (9, 12)), row("b", 12, (11, 14)), row("c", 14.5, (13, 16))]
    text = report.verdict(rows, 60.0, "glyphs")
    assert "the a and the b cannot be told apart" in text
    assert "Behind is the c" in text


def test_verdict_without_intervals_claims_no_tie_and_shows_none():
    text = report.verdict([row("gan", 10.0), row("vae", 10.1)], 60.0, "glyphs")
    assert "apart" not in text and "(" not in text


def test_verdict_of_one_family_gives_a_scale():
    assert "Noise would score 2,093." in report.verdict([row("gan", 10.0)], 60.0, "glyphs")


def test_verdict_errors():
    with pytest.raises(ValueError, match="`rows` must hold at least one family"):
        report.verdict([], 60.0, "glyphs")
    with pytest.raises(ValueError, match="received nan for 'gan'"):
        report.verdict([row("gan", float("nan"))], 60.0, "glyphs")


# The pages ---------------------------------------------------------------------------------


def cells(document):
    """The tables of a page as lists of rows of texts, and the texts of the cells in bold."""
    tags = re.compile(r"<small>.*?</small>|<[^>]+>")

    def texts(pattern, html):
        return [tags.sub("", found).strip() for found in re.findall(pattern, html)]

    rows = [
        [texts(r"<t[hd].*?</t[hd]>", line) for line in re.findall(r"<tr>.*?</tr>", table)]
        for table in re.findall(r"<tbody>(.*?)</tbody>", document, re.S)
    ]
    return rows, texts(r'<td class="best">.*?</td>', document)


def test_compare_page_tabulates_what_was_measured(compare_page):
    (quality, differences, cost), best = cells(compare_page.read_text(encoding="utf-8"))
    families = ["GAN", "VAE", "Gaussian mixture", "Gaussian"]
    assert [line[0] for line in quality] == [*families, "real images", "noise"]
    assert quality[0] == ["GAN", "10", "0.88", "–", "–", "–", "–"]
    # Beside the families, for orientation, what real images and noise score.
    assert quality[4] == ["real images", "5", "–", "–", "–", "–", "–"]
    assert quality[5][:2] == ["noise", "2,093"]
    assert quality[2] == ["Gaussian mixture", "88", "0.60", "0.50", "1.10", "0.70", "–"]
    assert cost[0] == ["GAN", "254,321", "–", "–", "0.31"]
    assert cost[1] == ["VAE", "–", "512,000", "60", "–"]
    assert best == ["10", "12", "0.91"]  # the VAE is level with the GAN, and the most precise


def test_compare_page_says_who_is_told_apart_from_the_best(compare_page):
    (_, differences, _), _ = cells(compare_page.read_text(encoding="utf-8"))
    assert differences == [
        ["VAE", "2", "cannot be told apart"],
        ["Gaussian mixture", "78", "told apart"],
        ["Gaussian", "130", "told apart"],
    ]


def test_compare_page_draws_an_interval_that_reaches_zero(tmp_path):
    """The axis is logarithmic, where zero has no place."""
    rows = [row("gan", 10.0, (0.0, 20.5)), row("vae", 20.0, (19.0, 21.0))]
    compare_report(tmp_path / "r.html", rows, {}, {}, CONTEXT)
    assert "(0 to 20.5)" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_compare_page_says_when_families_are_missing(tmp_path):
    context = {**CONTEXT, "status": "Stopped after 1 of 4 families."}
    compare_report(tmp_path / "r.html", ROWS[:1], {}, {}, context)
    document = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Stopped after 1 of 4 families. On a budget" in document
    assert "One way to generate glyphs" in document and "closest" not in document


def test_compare_page_leaves_out_what_nobody_measured(tmp_path):
    rows = [row("gan", 10.0), row("vae", 20.0)]
    compare_report(tmp_path / "r.html", rows, {}, {}, CONTEXT)
    document = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Fréchet distance" in document
    assert "Precision" not in document and "Parameters" not in document
    assert "Intervals:" not in document


def test_compare_page_warns_of_a_single_seed(compare_page, tmp_path):
    warning = "One training run for each family."
    assert warning in compare_page.read_text(encoding="utf-8")
    compare_report(tmp_path / "r.html", ROWS, {}, {}, {**CONTEXT, "seeds": [0, 1, 2]})
    assert warning not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_run_page_shows_settings_and_no_private_paths(run_page):
    text = "".join(Reader(run_page.read_text(encoding="utf-8")).text)
    for expected in ("GAN on cats", "Trained for 2 epochs.", "r1: 1", "0.001", HOSTILE):
        assert expected in text
    assert "someone" not in text and "/home" not in text


def test_run_page_tabulates_scores_beside_those_of_references(run_page):
    document = run_page.read_text(encoding="utf-8")
    ((distance, precision, elbo),), _ = cells(document)
    assert distance == ["Fréchet distance", "10.2", "0.5", "30", "81"]
    assert precision == ["Precision", "0.87", "–", "–", "–"]
    assert elbo == ["Test ELBO, nats", "-75.2", "–", "–", "–"]
    text = "".join(Reader(document).text)
    assert "5,000 generated images against 3,330 test images, seen by: glyphs classifier." in text
    assert "9 to 11.5" in text
    assert "Left out: reconstructions (the model makes none)." in text


def test_run_page_gives_the_numbers_of_a_single_epoch(tmp_path):
    info = {"family": "vae", "data": "glyphs", "config": {}, "history": {"loss": [123.0]}}
    run_report(tmp_path / "r.html", info)
    assert "<dt>loss</dt><dd>123</dd>" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "key, value, expected",
    [
        ("frechet_distance", 0.35535, "0.355"),
        ("frechet_distance", 2093.4, "2,093"),
        ("precision", 0.5, "0.50"),
        ("parameters", 278017, "278,017"),
        ("kernel_distance", -0.00012345, "-0.000123"),
        ("recall", None, "–"),
    ],
)
def test_scores_are_written_as_a_reader_expects(key, value, expected):
    assert scores.text({key: value}, key) == expected


def test_compare_page_of_a_private_folder_names_only_its_last_part(tmp_path):
    context = {**CONTEXT, "data": "/home/someone/cats"}
    compare_report(tmp_path / "r.html", ROWS, {}, {}, context)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "4 ways to generate cats" in text and "someone" not in text


def test_run_page_of_a_run_that_was_stopped_at_once(tmp_path):
    info = {"family": "vae", "data": "glyphs", "config": {}, "history": {}, "status": "Stopped."}
    run_report(tmp_path / "r.html", info)
    assert "Stopped." in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_windows_and_home_paths_are_private_too(tmp_path):
    config = {"a": r"C:\Users\someone\cats", "b": "~someone/dogs", "c": "runs/gan"}
    run_report(tmp_path / "r.html", {"family": "gan", "data": "x", "config": config, "history": {}})
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "someone" not in text
    assert all(f"<dd>{name}</dd>" in text for name in ("cats", "dogs", "runs/gan"))


@pytest.mark.parametrize("name", ["compare_page", "run_page"])
def test_pages_hold_everything_they_show(name, request):
    document = request.getfixturevalue(name).read_text(encoding="utf-8")
    reader = Reader(document)
    for tag, attributes in reader.tags:
        for attribute in ("src", "href", "srcset", "data", "action"):
            assert attributes.get(attribute, "data:").startswith("data:"), (tag, attribute)
    assert not re.search(r"url\(|@import|https?://", document.split("<body>")[0])
    policy = reader.all("meta")[1]["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert len(reader.all("figcaption")) == len(reader.all("img")) > 0


def test_the_best_and_what_is_level_with_it_are_found_in_one_place():
    key = "precision"
    rows = [
        {"family": name, key: value, "halves": {key: halves(value, value - 1, value + 1, place)}}
        for place, (name, value) in enumerate(
            [("vae", 5.0), ("gan", 9.0), ("flow", 7.6), ("wgan", 7.5)]
        )
    ]
    level, behind = ranked(rows, key)  # higher is better
    assert [[row["family"] for row in group] for group in (level, behind)] == [
        ["gan", "flow"],
        ["wgan", "vae"],
    ]
    near = [row("vae", 12.0, (10.5, 13.5)), row("gan", 10.0, (9.0, 12.0)), row("flow", 30.0)]
    level, behind = ranked(near, "frechet_distance")  # lower is better
    assert [r["family"] for r in level] == ["gan", "vae"] and behind == near[2:]


def test_environment_names_versions_but_not_the_machine():
    import platform

    found = devices.environment()
    assert list(found)[:2] == ["python", "gentut"] and list(found)[-3] == "backend"
    assert re.fullmatch(r"(GPU, )?\d+ CPU cores? \(\w+\)", found["device"])
    assert found["keras"] == keras.__version__ and found["backend"] == keras.backend.backend()
    assert platform.node() not in " ".join(found.values())


def test_animation_is_embedded_whole(run_page):
    import base64

    document = run_page.read_text(encoding="utf-8")
    (data,) = re.findall(r"data:image/gif;base64,([^\"]+)", document)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.n_frames == 2


# Languages ---------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [texts.WORDS, playground_texts.WORDS], ids=["pages", "play"])
def test_languages_have_the_same_texts_with_the_same_values_in_them(table):
    english, chinese = table["en"], table["zh"]
    assert list(english) == list(chinese)
    for name, text in english.items():
        assert type(text) is type(chinese[name]), name
        if text:  # what is empty in English stands elsewhere
            assert sorted(placeholders(text)) == sorted(placeholders(chinese[name])), name


def test_all_that_has_a_name_has_a_chinese_one():
    words = texts.words_of("zh")
    assert set(scores.SCORES) <= set(words["scores"])
    assert set(scores.FAMILIES) == set(words["families"])
    assert set(report.NEEDS) == set(words["needs"])
    named = {*scores.REFERENCES.values(), *gentut.data.class_names("emoji"), *gentut.tasks.TASKS}
    assert named <= set(words["names"])


def test_a_chinese_page_says_nothing_in_english(chinese_compare_page, compare_page):
    page = chinese_compare_page.read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page and english_in(page) == []
    for sentence in ("生成 glyphs 的 4 种方法", "按多样性推荐：高斯混合", "分不开的有：GAN、VAE。"):
        assert sentence in page
    english = compare_page.read_text(encoding="utf-8")
    assert '<html lang="en">' in english and len(english_in(english)) > 100
    assert not re.search("[\u3400-\u9fff]", english)
    assert cells(page)[1] == cells(english)[1]  # the same numbers are the best


def test_figures_are_english_where_no_font_has_the_characters(monkeypatch):
    words = texts.words_of("zh")
    assert in_figures(texts.ENGLISH) is texts.ENGLISH
    for font, expected in ((None, texts.ENGLISH), ("A Chinese font", words)):
        monkeypatch.setattr("gentut.report.page.chinese_font", lambda characters, f=font: f)
        assert in_figures(words) is expected


def test_an_unknown_language_is_named(tmp_path):
    message = "`language` must be one of en, zh; received 'fr'"
    info = {"family": "vae", "data": "glyphs", "config": {}, "history": {}}
    for act in (
        lambda: report.verdict(ROWS, 60.0, "glyphs", "fr"),
        lambda: report.recommend(ROWS, "fidelity", "fr"),
        lambda: run_report(tmp_path / "r.html", info, "fr"),
        lambda: compare_report(tmp_path / "r.html", ROWS, {}, {}, CONTEXT, "fr"),
    ):
        with pytest.raises(ValueError, match=message):
            act()
