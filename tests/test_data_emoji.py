"""The emoji: file, splits, captions, teams; captions of folders; the rules of the builder."""

import hashlib
import importlib.util
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gentut import data

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "test", "compositions")
INDEX = data.emoji.index()


@pytest.fixture(scope="module")
def splits():
    """Images, labels, English names, concepts and teams of each split."""
    return {
        split: (
            *data.load("emoji", split),
            data.captions("emoji", split),
            data.sources("emoji", split),
            data.emoji.teams(split)[0],
        )
        for split in SPLITS
    }


# --- the set --------------------------------------------------------------------------------


def test_files_are_those_the_datasheet_describes():
    sheet = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    sizes = []
    for name in ("emoji.webp", "emoji.json"):
        content = data.data_path(name).read_bytes()
        assert hashlib.sha256(content).hexdigest() in sheet and f"{len(content):,}" in sheet
        sizes.append(len(content))
    assert sum(sizes) <= 9_000_000


def test_counts_are_those_of_the_datasheet(splits):
    (entry,) = [entry for entry in data.names() if entry.name == "emoji"]
    assert entry.splits == {split: len(splits[split][0]) for split in SPLITS}
    assert entry.splits == {"train": 8_019, "test": 844, "compositions": 350}
    assert [len(set(splits[split][3])) for split in SPLITS] == [1_649, 168, 62]
    sheet = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for by, names in ((1, data.class_names("emoji")), (4, data.emoji.teams()[1])):
        for number, name in enumerate(names):
            counts = [np.sum(splits[split][by] == number) for split in SPLITS]
            row = " | ".join(f"{count:,}" for count in [*counts, sum(counts)])
            assert f"| {name} | {row} |" in sheet


def test_every_picture_is_in_one_split_and_every_row_agrees(splits):
    every = sorted(INDEX["train"] + INDEX["test"] + INDEX["compositions"])
    assert every == list(range(len(INDEX["pictures"]))) and len(every) == 9_213
    for images, labels, texts, concepts, teams in splits.values():
        assert images.shape == (len(labels), 32, 32, 3) and images.dtype == np.float32
        assert labels.dtype == concepts.dtype == teams.dtype == np.int32
        assert len(images) == len(texts) == len(concepts) == len(teams)
        for label, text, concept in zip(labels, texts, concepts, strict=True):
            entry = INDEX["concepts"][concept]
            assert (entry["group"], entry["en"]) == (label, text)
        drawings = list(zip(concepts, teams, strict=True))
        assert len(set(drawings)) == len(drawings)  # a set draws a concept once


def test_splits_share_no_concept_nor_the_same_person_of_another_gender(splits, builder):
    seen = [set(splits[split][3]) for split in SPLITS]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    kin = [{builder.kin(INDEX["concepts"][row]["emoji"]) for row in rows} for rows in seen]
    assert not kin[0] & kin[1]
    assert all(builder.is_test(name) for name in kin[1])
    # `printf 👻 | sha256sum` begins with 007a, `printf 🎈 | sha256sum` with 340a; 1999 is a tenth.
    assert "ghost" in splits["test"][2] and "balloon" in splits["train"][2]


def test_no_picture_is_there_twice_across_the_splits(splits):
    train = {image.tobytes() for image in splits["train"][0]}
    for split in ("test", "compositions"):
        assert not train & {image.tobytes() for image in splits[split][0]}


def test_words_of_a_composition_are_known_but_not_together(splits):
    training = [set(re.findall("[a-z]+", name.lower())) for name in set(splits["train"][2])]
    known = set().union(*training)
    names = set(splits["compositions"][2])
    assert {"green heart", "blue circle", "crying cat"} <= names and 30 <= len(names) <= 65
    for name in names:
        words = set(re.findall("[a-z]+", name.lower()))
        assert len(words) > 1 and words <= known
        assert not any(words <= other for other in training), name


def test_colours_are_those_that_the_names_say(splits):
    """A shifted row, or red and blue exchanged, shows at once."""
    colours = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}
    found = Counter()
    for images, _, texts, *_ in splits.values():
        for image, text in zip(images, texts, strict=True):
            colour, _, shape = text.partition(" ")
            if colour in colours and shape in ("circle", "square", "heart"):
                centre = image[12:20, 12:20].mean((0, 1))
                middle = (centre.max() + centre.min()) / 2
                # Turquoise and pink shades vary; which channels lead does not.
                right = (centre > middle) == np.array(colours[colour], bool)
                found[colour] += int(right.sum() >= 2)
                found["all"] += 1
    assert found["all"] >= 50 and sum(found.values()) - found["all"] >= 0.95 * found["all"]


def test_captions_of_known_pictures_in_both_languages(splits):
    """Names as CLDR has them; they can be read in any phone's list of emoji."""
    chinese = data.captions("emoji", "train", language="zh")
    pairs = set(zip(splits["train"][2], chinese, strict=True))
    assert {("red heart", "红心"), ("flag: France", "旗: 法国"), ("grinning face", "嘿嘿")} <= pairs
    row = splits["train"][2].index("red heart")
    assert data.captions("emoji", keywords=True)[row] == "red heart, emotion, heart, love, red"
    texts = data.captions("emoji", "train", language="zh", keywords=True)
    assert texts[row] == "红心、心、爱"
    assert data.class_names("emoji")[splits["train"][1][row]] == "Smileys & Emotion"
    assert data.source_kind("emoji") == "concept"


def test_classes_choose_the_same_rows_everywhere(splits):
    classes = ["Flags", "Food & Drink"]
    images, labels = data.load("emoji", "test", classes=classes)
    every = splits["test"]
    rows = np.isin(every[1], [8, 3])
    np.testing.assert_array_equal(images, every[0][rows])
    np.testing.assert_array_equal(labels, np.where(every[1][rows] == 8, 0, 1))
    texts = data.captions("emoji", "test", classes=classes)
    assert texts == [text for text, row in zip(every[2], rows, strict=True) if row]
    np.testing.assert_array_equal(data.sources("emoji", "test", classes=classes), every[3][rows])
    np.testing.assert_array_equal(data.emoji.teams("test", classes=classes)[0], every[4][rows])


def test_an_altered_sheet_is_refused(tmp_path, monkeypatch):
    with Image.open(data.data_path("emoji.webp")) as image:
        red = image.convert("RGB").point(lambda value: value ^ 1)
    red.crop((0, 0, 3200, image.height)).save(tmp_path / "emoji.webp", lossless=True, method=0)
    (tmp_path / "emoji.json").write_bytes(data.data_path("emoji.json").read_bytes())
    for module in (data.emoji, data.named):
        monkeypatch.setattr(module, "data_path", lambda name: tmp_path / name)
    with pytest.raises(ValueError, match="emoji.webp' is not emoji: .* have been altered"):
        data.load("emoji", "test")


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: data.load("emoji", "val"), "'train', 'test' or 'compositions'; received 'val'"),
        (lambda: data.emoji.teams("val"), "'train', 'test' or 'compositions'; received 'val'"),
        (lambda: data.load("glyphs", "compositions"), "'train' or 'test'; received 'compositions'"),
        (lambda: data.captions("emoji", language="de"), "`language` must be 'en' or 'zh'; .* 'de'"),
        (lambda: data.captions("emoji", classes=["Flag"]), "`classes` must be among .*'Flag'"),
        (lambda: data.emoji.teams(classes=["Flag"]), "`classes` must be among .*'Flag'"),
        (lambda: data.captions("mnist"), "must be emoji or a folder with .* 'mnist', which has no"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- captions of folders --------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Twelve images of two classes, each of a grey of its own, and a text that says it."""
    lines = ["text,file"]
    for row in range(12):
        name = f"{'ab'[row % 2]}/{'é' if row == 3 else row}.png"
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), 20 * row).save(tmp_path / name)
        lines.append(f'" grey, {20 * row}",{name}')
    (tmp_path / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("options", [{}, {"classes": ["b"]}])
def test_captions_of_a_folder_follow_its_images(folder, options):
    count = 0
    for split in ("train", "test"):
        images, _ = data.load(folder, split, **options)
        texts = data.captions(folder, split, language="zh", **options)
        assert texts == [f"grey, {round(255 * image.mean())}" for image in images]
        count += len(texts)
    assert count == (6 if options else 12)


def test_captions_follow_what_is_skipped(folder):
    first = data.captions(folder)
    (folder / "a" / "0.png").write_bytes(b"broken")
    found = sum((data.captions(folder, s, on_error="skip") for s in ("train", "test")), [])
    assert len(found) == 11 and "grey, 0" not in found and set(first) - {"grey, 0"} <= set(found)


def test_a_byte_order_mark_and_more_columns_are_no_fault(folder):
    path = folder / "captions.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\r\n".join(line + ",more" for line in lines), encoding="utf-8-sig", newline="")
    assert data.captions(folder)[0].startswith("grey, ")


def replace(old, new):
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    "harm, message",
    [
        (
            replace("a/4.png", "a/44.png"),
            "line 6: no PNG, JPEG or WebP image 'a/44.png'; no line names 'a/4.png'.",
        ),
        (
            replace("a/4.png", "a/2.png"),
            "line 6: 'a/2.png' is in line 4 already; no line names 'a/4.png'.",
        ),
        (replace(" grey, 40", "  "), "line 4: no text for 'a/2.png'."),
        (replace('" grey, 40"', "grey, 40"), "line 4: no PNG, JPEG or WebP image '40'; no line"),
        (replace("a/2.png", "a/2.png,x"), "line 4: more values than columns"),
        (
            replace("text,file", "text,name"),
            "the columns file,text in line 1; 'file' is missing, received 'text,name'.",
        ),
        (lambda text: "", "the columns file,text in line 1; 'file' is missing, received ''."),
        (replace('40"', "40"), "captions.csv', line "),
    ],
)
def test_faults_of_captions_are_told_by_line(harm, message, folder):
    path = folder / "captions.csv"
    path.write_text(harm(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError) as error:
        data.captions(folder)
    assert message in str(error.value) and str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_captions_that_are_no_utf_8_or_not_there(folder):
    path = folder / "captions.csv"
    path.write_bytes(path.read_bytes().replace(b"grey, 60", "grün".encode("latin-1")))
    with pytest.raises(ValueError, match="must be UTF-8 text; line 5 is not: save it as UTF-8"):
        data.captions(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold captions.csv \(columns file,text\)"):
        data.captions(folder)


def test_a_sign_that_python_takes_for_a_line_end_stays_in_the_text(folder):
    path = folder / "captions.csv"
    before = data.captions(folder)
    text = path.read_text(encoding="utf-8").replace("grey, 60", "grey,\u2028 60\x0b")
    path.write_text(text, encoding="utf-8")
    assert data.captions(folder) == before


def test_many_faults_are_counted(folder):
    (folder / "captions.csv").write_text("file,text\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"no line names 'a/0.png'; .*; and 2 more\.$"):
        data.captions(folder)


# --- the builder ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("make_emoji", ROOT / "data" / "make_emoji.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_builder_takes_kin_together_and_strangers_apart(builder):
    cook, man, woman = "🧑\u200d🍳", "👨\u200d🍳", "👩\u200d🍳"
    assert builder.kin(cook) == builder.kin(man) == builder.kin(woman) != builder.kin("🧑\u200d🏫")
    walking = {"🚶", "🚶\u200d♂", "🚶\u200d♀\u200d➡", "🚶\u200d➡"}
    assert len({builder.kin(one) for one in walking}) == 1
    assert builder.kin("🎈") == "🎈" and builder.kin("👧") == builder.kin("👦")


def test_builder_leaves_out_tones_and_most_clocks_and_keycaps(builder):
    assert (
        builder.left_out("👍\U0001f3fd") == builder.left_out("👩\U0001f3fb\u200d🍳") == "skin tones"
    )
    assert builder.left_out("🕐") == "clock faces" and builder.left_out("🕒") == ""
    assert builder.left_out("9\u20e3") == "keycaps" and builder.left_out("1\u20e3") == ""
    assert builder.left_out("👍") == builder.left_out("⏰") == ""


def test_builder_drops_near_duplicates_by_concept(builder):
    """Shifts of all values by d/255 are an RMS difference of d/255 exactly."""
    base = np.random.default_rng(0).integers(60, 180, (2, 32, 32, 3)).astype(np.uint8)
    same, other = int(builder.EDITION * 255), int(builder.DUPLICATE * 255)  # 15 and 10
    pictures = np.stack(
        [
            base[0],
            base[0] + np.uint8(same),
            base[0] - np.uint8(other + 1),
            base[1],
            base[1] + np.uint8(other),
            base[1] - np.uint8(same + 1),
        ]
    )
    kept, editions, others = builder.drop_duplicates(pictures, list("aabxyx"))
    assert kept.tolist() == [True, False, True, True, False, True]
    assert (editions, others) == (1, 1)
    # What was dropped drops no other: a chain of small steps keeps its third.
    chain = np.stack([base[0] + np.uint8(step) for step in (0, 8, 16)])
    assert builder.drop_duplicates(chain, list("abc"))[0].tolist() == [True, False, True]


def test_builder_measures_pairs_exactly(builder):
    pictures = np.random.default_rng(1).integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    pictures[7] = pictures[3] ^ 1
    pairs, rms = builder.close_pairs(pictures, 0.05)
    assert pairs.tolist() == [[3, 7]] and rms == pytest.approx([1 / 255])


def test_builder_tells_what_is_no_composition(builder):
    training = ["red heart", "green apple", "red apple pie"]
    asked = ["green heart", "blue heart", "red apple", "heart"]
    assert builder.check_compositions(training, asked) == {
        "blue heart": ["blue"],
        "red apple": ["apple pie red"],
        "heart": ["heart red"],
    }


def test_builder_compares_names_and_codes(builder):
    assert (
        builder.decoded("2764-fe0f") == "❤" and builder.decoded("1f408-200d-2b1b") == "🐈\u200d⬛"
    )
    names = ("Alarm clock", "alarm-clock", "alarmclock")
    assert {builder.letters(name) for name in names} == {"alarmclock"}
    assert (
        builder.letters("flag-for-flag-france")
        == builder.letters("flag-for-france")
        == ("flagfrance")
    )


def test_builder_refuses_an_altered_package(builder, tmp_path):
    # The digest of no bytes at all, as the registry writes it.
    assert builder.integrity(b"") == (
        "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
    )
    for row in builder.manifest():  # all are there: nothing is downloaded
        builder.archive(tmp_path, row).write_bytes(b"")
    with pytest.raises(
        SystemExit, match=r"noto-1.2.9.tgz: expected sha512-DQi.*; received sha512-z4"
    ):
        builder.fetch(tmp_path)


def test_builder_lays_pictures_out_in_rows(builder):
    pictures = np.arange(101, dtype=np.uint8)[:, None, None, None] + np.zeros((32, 32, 3), np.uint8)
    page = builder.sheet(pictures)
    assert page.size == (3200, 64)
    found = [page.getpixel(place) for place in ((0, 0), (99 * 32, 31), (31, 32), (32, 32))]
    assert [pixel[0] for pixel in found] == [0, 99, 100, 255]
