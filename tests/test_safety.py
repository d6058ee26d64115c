"""SECURITY.md, checked: no pickle, no archive that unfolds without end, decoders as promised."""

import ast
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gentut import data
from gentut.data import folder, named

PACKAGE = Path(data.__file__).parents[1]
SOURCES = sorted(PACKAGE.rglob("*.py"))
FORBIDDEN = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNPACK = {"extractall", "extract", "unpack_archive", "eval", "exec", "system", "popen"}


def test_the_package_unpickles_unpacks_and_runs_nothing():
    faults = []
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {getattr(node, "module", None) or "", *(a.name for a in node.names)}
                faults += [f"{file.name}: imports {n}" for n in names & FORBIDDEN]
            elif isinstance(node, ast.Call):
                call = ast.unparse(node.func)
                options = {k.arg: ast.unparse(k.value) for k in node.keywords}
                if call in ("np.load", "numpy.load") and options.get("allow_pickle") != "False":
                    faults.append(f"{file.name}:{node.lineno}: np.load without allow_pickle=False")
                if call.split(".")[-1] in UNPACK and call != "platform.system":
                    faults.append(f"{file.name}:{node.lineno}: {call}")
                if options.get("safe_mode") == "False":
                    faults.append(f"{file.name}:{node.lineno}: safe_mode=False")
    assert faults == []
    assert len(SOURCES) > 50


def test_no_lambda_is_stored_in_a_model():
    text = "\n".join(file.read_text(encoding="utf-8") for file in SOURCES)
    assert not re.search(r"layers\.Lambda|enable_unsafe_deserialization", text)


def npz_that_unfolds(path, size):
    """An .npz file whose x_train is `size` zero bytes, a thousandth of that on the disk."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (size,)}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", head.getvalue() + bytes(size))
        archive.writestr("y_train.npy", head.getvalue())


def test_an_archive_that_unfolds_to_too_much_is_refused_unread(tmp_path):
    npz_that_unfolds(tmp_path / "mnist.npz", 400_000_000)
    assert (tmp_path / "mnist.npz").stat().st_size < 1_000_000
    with pytest.raises(ValueError, match=r"x_train.npy unfolds to 400,000,\d+ bytes"):
        named.read_npz(tmp_path / "mnist.npz", "mnist", "train")


@pytest.mark.parametrize("format", ["GIF", "TIFF", "BMP", "PPM", "ICO", "TGA"])
def test_other_decoders_are_not_offered_to_files_from_outside(format, tmp_path):
    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png", format)
    with pytest.raises(Exception, match="cannot identify image file"):
        folder.read_image(tmp_path / "a.png", 8, 3)


# A mirror of the data sets ------------------------------------------------------------------------


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """A mirror that delivers a file; returns the addresses that were asked for."""
    monkeypatch.delenv("GENTUT_DATA", raising=False)
    monkeypatch.setenv("GENTUT_MIRROR", "https://mirror.example/sets/")
    asked = []

    def get_file(name, origin, **options):
        asked.append(origin)
        return str(tmp_path / name)

    monkeypatch.setattr("keras.utils.get_file", get_file)
    return asked, tmp_path / "gentut-mirror-mnist.npz"


def test_a_mirror_is_asked_over_https_and_its_contents_are_proven(mirror):
    asked, file = mirror
    x, y = np.zeros((60_000, 28, 28), "uint8"), np.zeros(60_000, "uint8")
    np.savez_compressed(file, x_train=x, y_train=y)
    with pytest.raises(ValueError, match="contents of its train split have been altered"):
        data.load("mnist")
    assert asked == ["https://mirror.example/sets/mnist.npz"]
    assert not file.exists()  # else the next attempt would find it again


@pytest.mark.parametrize("address", ["http://mirror.example", "file:///etc", "mirror"])
def test_a_mirror_without_https_is_refused(address, mirror, monkeypatch):
    monkeypatch.setenv("GENTUT_MIRROR", address)
    with pytest.raises(ValueError, match="GENTUT_MIRROR must begin with https://; received"):
        data.load("mnist")
    assert mirror[0] == []


def test_a_mirror_that_cannot_be_reached_is_told_in_one_line(mirror, monkeypatch):
    def fail(*arguments, **options):
        raise Exception("URL fetch failure\non a second line")  # noqa: TRY002  (as Keras does)

    monkeypatch.setattr("keras.utils.get_file", fail)
    with pytest.raises(FileNotFoundError, match="could not be downloaded from GENTUT_MIRROR") as e:
        data.load("mnist")
    assert "\n" not in str(e.value)
