"""SECURITY.md, checked: no pickle, no archive that unfolds without end, decoders as promised."""

import ast
import http.server
import io
import re
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gentut import data
from gentut.checks import check_int
from gentut.data import decode, named
from gentut.data import fetch as fetching
from gentut.files import read_json, write_json

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
        decode.read_image(tmp_path / "a.png", 8, 3)


# A mirror of the data sets ------------------------------------------------------------------------


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """A mirror that delivers a file; returns the addresses that were asked for, and the file."""
    monkeypatch.delenv("GENTUT_DATA", raising=False)
    monkeypatch.setenv("GENTUT_MIRROR", "https://mirror.example/sets/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    asked = []

    def fetch(address, path, most):
        asked.append(address)
        return path

    monkeypatch.setattr("gentut.data.named.fetch", fetch)
    (tmp_path / "datasets").mkdir()
    return asked, tmp_path / "datasets" / "gentut-mirror-mnist.npz"


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
        raise OSError("URL fetch failure\non a second line")

    monkeypatch.setattr("gentut.data.named.fetch", fail)
    with pytest.raises(FileNotFoundError, match="could not be downloaded from GENTUT_MIRROR") as e:
        data.load("mnist")
    assert "\n" not in str(e.value)


# Downloads ----------------------------------------------------------------------------------------

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def server(monkeypatch):
    """A server on this machine that can cut connections; `plan` says after how many bytes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        plan, asked, ranges = [], [], True

        def do_GET(self):  # noqa: N802
            wanted = self.headers.get("Range")
            self.asked.append(wanted)
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "ftp://example.org/x")
                self.end_headers()
                return
            if self.path != "/x.npz":
                self.send_error(404)
                return
            first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
            if first >= len(CONTENT):
                self.send_error(416)
                return
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(CONTENT) - first))
            self.end_headers()
            cut = self.plan.pop(0) if self.plan else None
            self.wfile.write(CONTENT[first:] if cut is None else CONTENT[first : first + cut])

        def log_message(self, *arguments):
            pass

    monkeypatch.setattr(fetching, "SCHEMES", ("http",))
    place = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=place.serve_forever, daemon=True).start()
    Handler.address = f"http://127.0.0.1:{place.server_port}"
    yield Handler
    place.shutdown()
    place.server_close()


def test_a_broken_download_goes_on_where_it_was_cut(server, tmp_path):
    server.plan[:] = [100_000, 50_000]
    path = fetching.fetch(f"{server.address}/x.npz", tmp_path / "a" / "x.npz", 10**6)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]
    assert [entry.name for entry in path.parent.iterdir()] == ["x.npz"]
    fetching.fetch(f"{server.address}/x.npz", path, 10**6)  # there already: nothing is asked
    assert len(server.asked) == 3


def test_what_came_is_kept_for_the_next_call(server, tmp_path):
    server.plan[:] = [1000, *[0] * 50]
    with pytest.raises(OSError, match="broke after 1,000 of 300,000 bytes"):
        fetching.fetch(f"{server.address}/x.npz", tmp_path / "x.npz", 10**6)
    assert not (tmp_path / "x.npz").exists()
    assert len(server.asked) == 1 + fetching.ATTEMPTS
    server.plan.clear()
    assert fetching.fetch(f"{server.address}/x.npz", tmp_path / "x.npz", 10**6).is_file()
    assert server.asked[-1] == "bytes=1000-"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_part_of_another_file_or_a_server_without_ranges_begins_anew(server, ranges, tmp_path):
    server.ranges = ranges
    (tmp_path / "x.npz.part").write_bytes(bytes(400_000) if ranges else CONTENT[:9])
    path = fetching.fetch(f"{server.address}/x.npz", tmp_path / "x.npz", 10**6)
    assert path.read_bytes() == CONTENT


def test_downloads_are_bounded_and_stay_on_https(server, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="300,000 bytes, more than the 1,000 expected"):
        fetching.fetch(f"{server.address}/x.npz", tmp_path / "x.npz", 1000)
    with pytest.raises(OSError, match="404"):
        fetching.fetch(f"{server.address}/y.npz", tmp_path / "x.npz", 1000)
    with pytest.raises(OSError, match="is not https"):
        fetching.fetch(f"{server.address}/elsewhere", tmp_path / "x.npz", 1000)
    assert list(tmp_path.iterdir()) == []


# What is read from files and users ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text, told",
    [
        ("[1]", "it holds a list, not an object"),
        ("{", "Expecting property name enclosed in double quotes"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_json_that_is_no_object_is_a_value_error(text, told, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        read_json(path)


def test_json_comes_back_as_it_was_written_one_entry_a_line(tmp_path):
    found = {"name": "é\udcff", "n": 3, "none": None}
    path = write_json(tmp_path / "a.json", found)
    assert read_json(path) == found
    assert (
        path.read_text(encoding="utf-8")
        == '{\n  "name": "\\u00e9\\udcff",\n  "n": 3,\n  "none": null\n}\n'
    )


@pytest.mark.parametrize("value", [1, 2.0, True, "2", None, np.float32(2)])
def test_an_integer_out_of_its_bounds_or_none_at_all_is_named(value):
    with pytest.raises(ValueError) as error:
        check_int("n", value, least=2)
    assert str(error.value) == f"`n` must be an integer of at least 2; received {value!r}."
    with pytest.raises(ValueError, match="`n` must be an integer from 2 to 4; received 5"):
        check_int("n", 5, least=2, most=4)
    assert check_int("n", np.int32(4), least=4, most=4) == 4 == check_int("n", 4)
