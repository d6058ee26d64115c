"""Names of models that ship, where the command line asks for a run folder."""

import shutil

import pytest
from PIL import Image

from gentut import cli, runs
from gentut.models.pretrained import NAMES
from gentut.runs import shipped

NAME = "vae-glyphs"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working directory in which the folder of a shipped model has been made."""
    path = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        said = []
        folder = shipped.as_folder(NAME, said.append)
    assert said == [f"{NAME} ships with gentut; its run folder is {folder}"]
    return path


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    shutil.copytree(place, tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course")
    return tmp_path / "course"


def test_the_folder_is_a_finished_run_with_the_model(here):
    run = runs.RunFolder(shipped.as_folder(NAME))
    config = run.read_config()
    assert (config.family, config.data, config.conditional) == ("vae", "glyphs", True)
    assert (config.status, config.epochs, config.seconds) == ("finished", 60, 184)
    model = run.read_model()
    runs.load_again(run, config, model)  # the data are those that ship
    assert model.prior is not None  # the fitted one
    before = run.model_id()
    assert shipped.as_folder(NAME, pytest.fail) == run.path and run.model_id() == before


def test_another_version_of_gentut_makes_its_own(here):
    run = runs.RunFolder(shipped.FOLDER / NAME)
    config = run.read_config()
    config.environment["gentut"] = "0.0.1"
    run.write_config(config)
    (run.path / "scores.json").write_text("{}", encoding="utf-8")
    said = []
    shipped.as_folder(NAME, said.append)
    assert said and run.read_config().environment["gentut"] != "0.0.1"
    assert run.read_scores() is None


def test_a_path_stays_what_it_is_and_a_folder_of_that_name_wins(here):
    (here / NAME).mkdir()
    for path in ("runs/vae", NAME, "nothing"):
        assert shipped.as_folder(path, pytest.fail) == path and not shipped.is_shipped(path)
    with pytest.raises(FileNotFoundError, match="`run` must be a run folder"):
        shipped.read_model(NAME)


def test_the_commands_take_the_name(here, capsys):
    assert cli.main(["sample", NAME, "-n", "20", "--out", "letters.png"]) == 0
    with Image.open("letters.png") as image:
        assert image.width > 200
    assert cli.main(["study", "make", NAME, "--out", "study", "--trials", "8"]) == 0
    assert (here / "study" / "study.html").is_file()
    assert cli.main(["sample", "vae-glyph", "--out", "x.png"]) == 2
    assert "received 'vae-glyph'" in capsys.readouterr().err
    assert NAME in NAMES
