"""The commands around large sets: the cache, a folder's preview, many samples."""

import json
import os
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image
from tiny import make_photographs, shrink_recipes

from gentut import cli, data, runs
from gentut.cli import samples
from gentut.data.survey import examples, shapes, survey


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    shrink_recipes(monkeypatch)
    monkeypatch.setenv("GENTUT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return make_photographs(tmp_path_factory.mktemp("photographs"), train=16, test=14)


@pytest.fixture(scope="module")
def trained(photographs, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        shrink_recipes(patch)
        patch.setenv("GENTUT_CACHE", "off")
        assert run("train", "gaussian", "--conditional", *of(photographs), "--out", out) == 0
    return out


def of(folder):
    return "--data", folder, "--size", 16, "--channels", 1


def run(*words):
    try:
        return cli.main([str(word) for word in words])
    except SystemExit as end:
        return end.code


# ------------------------------------------------------------------ the cache


def test_commands_decode_once_and_say_where(photographs, place, tmp_path, capsys):
    out = tmp_path / "run"
    assert run("train", "gaussian", *of(photographs), "--out", out) == 0
    told = capsys.readouterr().err
    assert f"{photographs}: decoding 32 train images into {place}" in told
    assert run("train", "mixture", *of(photographs), "--out", tmp_path / "other") == 0
    assert "decoding" not in capsys.readouterr().err
    assert run("evaluate", out, "-n", 40) == 0
    told = capsys.readouterr().err
    assert "decoding 28 test images" in told and "decoding 32 train" not in told
    assert "judged by 32 of 32 train images and 28 of 28 test images, drawn with seed 0" in told
    assert run("data") == 0
    assert f"decoded once, into {place}: 2 splits now, 0.0 MB" in capsys.readouterr().out
    assert run("data", "--clear") == 0
    assert capsys.readouterr().out.startswith("removed 2 decoded folder splits, 0.0 MB")
    assert list(place.iterdir()) == []


def test_a_run_is_the_same_without_the_cache(photographs, place, tmp_path, monkeypatch):
    monkeypatch.setenv("GENTUT_CACHE", str(place))  # put back what --no-cache sets
    weights = []
    for name, more in (("cached", ()), ("not", ("--no-cache",))):
        line = ("train", "gaussian", *of(photographs), "--out", tmp_path / name, *more)
        assert run(*line) == 0
        model = runs.load_model(tmp_path / name / "model.keras")
        weights.append([model.arrays[key] for key in sorted(model.arrays)])
    assert os.environ["GENTUT_CACHE"] == "off"
    assert len(list(place.glob("*.npy"))) == 1
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    configs = [runs.RunFolder(tmp_path / name).read_config() for name in ("cached", "not")]
    assert configs[0].contents == configs[1].contents


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: (folder / "train/bars/0.png").unlink(), "number of images from 32 to 31"),
        (
            lambda folder: Image.new("L", (20, 20)).save(folder / "train/bars/0.png"),
            "the same number of images, 32, with other contents",
        ),
        (
            lambda folder: [path.rename(path.with_name("bats")) for path in folder.glob("*/bars")],
            "classes renamed from bars to bats",
        ),
    ],
    ids=["gone", "pixels", "renamed"],
)
def test_resume_says_what_changed_in_one_line(photographs, trained, tmp_path, capsys, change, told):
    folder = shutil.copytree(photographs, tmp_path / "photographs")
    out = shutil.copytree(trained, tmp_path / "run")
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    (out / "config.json").write_text(json.dumps(config | {"data": str(folder)}))
    assert run("train", "--out", out, "--resume") == 0
    change(folder)
    capsys.readouterr()
    assert run("train", "--out", out, "--resume") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("gentut: `data` must hold what the run") and last.endswith(f"{told}.")


# ------------------------------------------------------------------ many samples


def test_samples_go_into_a_folder_that_can_be_loaded(trained, tmp_path):
    out = tmp_path / "drawn"
    assert run("sample", trained, "-n", 13, "--seed", 3, "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["0", "1"]
    labels = np.arange(13) % 2
    expected = runs.load_model(trained / "model.keras").sample(13, labels=labels, seed=3)
    for i, image in enumerate(expected):
        with Image.open(out / str(labels[i]) / f"{i:02d}.png") as picture:
            found = np.asarray(picture)
        np.testing.assert_array_equal(found, np.floor(255 * image[..., 0] + 0.5))
    images, again = data.load(out, "train", size=16, channels=1)
    assert set(again) == {0, 1} and images.shape[1:] == (16, 16, 1)


def test_samples_go_into_an_archive(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("gentut.models.pca_mixture.DRAWN", 5 * 256)
    out = tmp_path / "drawn.npz"
    assert run("sample", trained, "-n", 13, "--seed", 3, "--out", out) == 0
    expected = runs.load_model(trained / "model.keras").sample(13, labels=np.arange(13) % 2, seed=3)
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["images"].dtype == np.uint8
        np.testing.assert_array_equal(arrays["images"], np.floor(255 * expected + 0.5))
        np.testing.assert_array_equal(arrays["labels"], np.arange(13) % 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawn.npz"]


def test_an_archive_is_whole_or_not_there(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        samples.opened(tmp_path / "drawn.npz", 4, (2, 2, 1)) as taking,
    ):
        taking[0:2] = np.zeros((2, 2, 2, 1))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_archives_of_more_than_four_gigabytes_are_allowed_for(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        samples.NpzFile(file, 1, (1, 1, 1)).entry.close()  # else zipfile refuses at 2 GB
        assert file.getinfo("images.npy").extract_version >= 45  # ZIP64


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("-n", 3_000, "--out", "{new}.png"),
            "`n` must be at most 2,000 for a grid; received 3,000",
        ),
        (("--out", "{used}"), "`out` must be a new or empty folder; received"),
        (("--out", "{new}.gif"), "`out` must end in .png or .npz, or be a folder; received"),
        (("-n", 0, "--out", "{new}"), "`n` must be a positive integer; received 0"),
    ],
)
def test_bad_places_for_samples(trained, tmp_path, capsys, words, told):
    places = {"new": tmp_path / "new", "used": tmp_path}
    (tmp_path / "file").touch()
    words = [str(word).format(**places) for word in words]
    assert run("sample", trained, *words) == 2
    assert capsys.readouterr().err.startswith(f"gentut: {told}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


# ------------------------------------------------------------------ a look at a folder


@pytest.fixture
def mixed(tmp_path):
    """Rectangles, a copy in the other split under another name and format, and a broken file."""
    folder, rng = tmp_path / "mixed", np.random.default_rng(0)
    for split, count in (("train", 6), ("test", 3)):
        for name in ("cats", "dogs"):
            (folder / split / name).mkdir(parents=True)
            for i in range(count if name == "cats" else 2):
                shape = [(20, 40), (30, 30), (40, 24)][i % 3]
                pixels = rng.integers(0, 256, (*shape, 3), dtype="uint8")
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")
    with Image.open(folder / "train/cats/1.png") as image:
        image.save(folder / "test/cats/copy.webp", lossless=True)
    shutil.copy(folder / "train/cats/2.png", folder / "train/dogs/again.png")
    (folder / "train/dogs/bad.jpg").write_bytes(b"no picture")
    return folder


def test_a_survey_counts_what_there_is(mixed):
    found = survey(mixed, size=16)
    assert found.counts == {"cats": (6, 4), "dogs": (4, 2)}
    # Cats: 2 of each shape, 1 of each, and the copy of 30 × 30; dogs: the first two shapes, twice,
    # and the copy of 40 × 24.  The broken file has no size.
    assert found.sizes == {(40, 20): 5, (30, 30): 6, (24, 40): 4}
    assert found.unreadable == ["train/dogs/bad.jpg"]
    assert sorted(map(sorted, found.duplicates)) == [
        ["test/cats/copy.webp", "train/cats/1.png"],
        ["train/cats/2.png", "train/dogs/again.png"],
    ]
    assert found.lines == [
        "16 images in 2 classes: 10 train, 6 test",
        "classes: from 6 (dogs) to 10 (cats), 1.67 to 1",
        "shorter side: 20 to 30 pixels, half of them 24 or more",
        # 5 lose a half, 4 two fifths, 6 nothing: 4.1 of 15
        "9 are rectangular, the longest 2 to 1: 27% of the average image is cut off"
        " (or --pad: whole, on white)",
        "2 duplicates of other images: train/cats/1.png = test/cats/copy.webp,"
        " train/cats/2.png = train/dogs/again.png",
        "1 images are in both splits, which flatters scores:"
        " train/cats/1.png = test/cats/copy.webp",
        "1 cannot be read: train/dogs/bad.jpg; remove them, or train with --skip-unreadable",
    ]


def test_a_survey_of_a_folder_in_order(photographs):
    assert survey(photographs, size=16, channels=1).lines == [
        "60 images in 2 classes: 32 train, 28 test",
        "classes: 30 images each",
        "shorter side: 20 to 20 pixels, half of them 20 or more",
        "no duplicates",
        "all can be read",
    ]
    assert "60 are smaller than 32 pixels and are enlarged" in survey(photographs).lines


def test_examples_go_from_wide_to_tall(mixed):
    pictures = examples(mixed, 3)
    assert [picture.size for picture in pictures] == [(40, 20), (30, 30), (24, 40)]
    cropped, padded = shapes(pictures[0], 16, 3)
    assert not (cropped == 255).all(axis=2)[0].any() and (padded[0] == 255).all()


def test_preview_writes_a_sheet(mixed, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    assert run("data", mixed, "--preview", sheet, "--size", 16) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "16 images in 2 classes: 10 train, 6 test" and lines[-1] == str(sheet)
    with Image.open(sheet) as picture:
        assert min(picture.size) > 300
    assert run("data", mixed, "--size", 16) == 0  # without a sheet, the lines alone
    assert capsys.readouterr().out.splitlines() == lines[:-1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("{folder}", "--preview", "a.jpg"), "`preview` must end in .png; received 'a.jpg'."),
        (("--preview", "a.png"), "`preview` needs a folder"),
        (("nowhere",), "or an existing folder; received 'nowhere'"),
    ],
)
def test_bad_previews(photographs, capsys, words, told):
    assert run("data", *(str(word).format(folder=photographs) for word in words)) == 2
    assert told in capsys.readouterr().err
