"""Commands before Keras is there, and on terminals that are poor, closed or full.

Modules of a few words stand for Keras, which takes seconds to import.  Slow: each test starts
processes of its own.  Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import os
import re
import sys
from importlib import metadata

import pytest
from tiny import command

INTERRUPT = """
import signal, time
try:
    signal.raise_signal(signal.SIGINT)  # os.kill would end the process on Windows
    time.sleep(1)
except BaseException:  # as some libraries do
    raise ImportError("swallowed")
"""
SCRIPT = "import sys\nfrom gentut.cli import main\nsys.exit(main())\n"  # what pip installs


AT_ONCE = """
import sys
from gentut.cli import main
try:
    sys.exit(main())
finally:
    print(sorted({"keras", "matplotlib", "scipy", "tensorflow"} & set(sys.modules)), "imported")
"""


@pytest.mark.parametrize(
    "words, code, told",
    [
        (("data",), 0, "glyphs"),
        (("--help",), 0, "usage: gentut"),
        (("train", "--help"), 0, "usage: gentut train"),
        (("train", "vae", "--minutes", "soon", "--out", "x"), 2, "invalid float value: 'soon'"),
        (("trian",), 2, "invalid choice: 'trian'"),
        (("train", "cat", "--out", "x"), 2, "`family` must be one of gaussian, mixture, gan,"),
        (("train", "--data", "cat", "--out", "x"), 2, "`data` must be glyphs,"),
        (("train", "vae", "--data", "cat", "--out", "x"), 2, "`data` must be glyphs,"),
        (("compare", "--data", "cat"), 2, "`data` must be glyphs,"),
    ],
)
def test_what_can_be_told_at_once_waits_for_no_large_library(words, code, told, tmp_path):
    (tmp_path / "gentut").write_text(AT_ONCE)
    done = command(tmp_path, *words, start=("gentut",))
    assert done.returncode == code and told in done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "[] imported"


@pytest.mark.parametrize("words", [("train", "vae", "--out", "x"), ("doctor",)])
@pytest.mark.parametrize("program", ["-m", "script"])
def test_ctrl_c_while_keras_is_imported_ends_with_130(words, program, tmp_path):
    (tmp_path / "gentut").write_text(SCRIPT)
    start = ("-m", "gentut") if program == "-m" else ("gentut",)
    done = command(tmp_path, *words, start=start, stubs={"keras": INTERRUPT})
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "gentut: stopped\n")


def test_a_process_that_is_deaf_to_ctrl_c_stays_so(tmp_path):
    deaf = "import signal, sys\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + SCRIPT
    (tmp_path / "gentut").write_text(deaf)
    stub = f"{INTERRUPT}\nraise ImportError('came to its end')"
    done = command(tmp_path, "doctor", start=("gentut",), stubs={"keras": stub})
    assert done.returncode == 0 and done.stderr == ""
    assert "import gentut is impossible: came to its end" in done.stdout


def test_a_backend_that_is_missing_is_told_in_one_line(tmp_path):
    done = command(tmp_path, "sample", "x", "--out", "x.png", stubs={"keras": "import jaxx"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "gentut: Keras cannot be imported: ModuleNotFoundError: No module named 'jaxx'; `gentut"
        " doctor` looks at what is installed, and KERAS_BACKEND=tensorflow, jax or torch chooses"
        " the backend.\n"
    )


def test_version_and_help_do_without_keras(tmp_path):
    version = f"gentut {metadata.version('gentut')}\n"
    for word, told in (("--version", version), ("--help", "usage: gentut [-h]")):
        done = command(tmp_path, word, stubs={"keras": "import nowhere"})
        assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith(told)
    done = command(tmp_path, "trian", stubs={"keras": "import nowhere"})
    assert done.returncode == 2 and "invalid choice: 'trian'" in done.stderr


TALK = """
import os, sys
from gentut import cli
def talk(options):
    os.write(2, b"from C++\\n")
    print("from Python", file=sys.stderr)
cli.COMMANDS["data"] = talk
code = cli.main(["data"])
os.write(2, b"afterwards\\n")
sys.exit(code)
"""


@pytest.mark.parametrize("level, shown", [("2", False), ("0", True)])
def test_native_messages_stay_off_the_terminal_unless_wanted(level, shown, tmp_path):
    """What C++ writes to file descriptor 2 is dropped while a command runs, and only then."""
    (tmp_path / "gentut").write_text(TALK)
    done = command(tmp_path, start=("gentut",), stubs={"keras": ""}, TF_CPP_MIN_LOG_LEVEL=level)
    assert done.returncode == 0
    assert "from Python\n" in done.stderr and "afterwards\n" in done.stderr
    assert ("from C++\n" in done.stderr) is shown


TALK_ON_A_POOR_TERMINAL = """
import sys
from gentut import cli
from tqdm import tqdm
def talk(options):
    print("\u2193 4\u20268 pixels", file=sys.stderr)
    print(*tqdm(range(3), desc="\u2193"))
cli.COMMANDS["data"] = talk
sys.exit(cli.main(["data"]))
"""


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_messages_and_the_bar_do_not_fail_on_a_poor_terminal(encoding, tmp_path):
    (tmp_path / "gentut").write_text(TALK_ON_A_POOR_TERMINAL, encoding="utf-8")
    stubs, setting = {"keras": ""}, {"PYTHONIOENCODING": f"{encoding}:strict"}
    done = command(tmp_path, start=("gentut",), stubs=stubs, encoding=encoding, **setting)
    assert (done.returncode, done.stdout) == (0, "0 1 2\n")
    dots = "…" if encoding == "cp1252" else "~"
    assert done.stderr.startswith(f"v 4{dots}8 pixels\n")
    assert re.search(r"v: 100%\|#+\| 3/3", done.stderr)


TALK_TO_NOBODY = """
import os, sys, time
from gentut import cli
from tqdm import tqdm
def talk(options):
    time.sleep(0.5)
    for _ in tqdm(range(3), mininterval=0):
        print("working", file=sys.stderr, flush=True)
    os.mkdir("done")
cli.COMMANDS["data"] = talk
sys.exit(cli.main(["data"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="no bash")
def test_work_goes_on_when_nobody_reads_its_messages(tmp_path):
    done = shell(tmp_path, "gentut 2>&1 | true", TALK_TO_NOBODY)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "done").is_dir()


def shell(folder, line, script=SCRIPT):
    """What a line of the shell, with `gentut` in it, prints and ends with."""
    (folder / "gentut").write_text(script)
    (folder / "keras.py").write_text("")
    line = line.replace("gentut", f"{sys.executable} gentut")
    return command(folder, "-o", "pipefail", "-c", line, program="bash", start=())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
@pytest.mark.parametrize(
    "line, code, out, err",
    [
        ("gentut data | head -c 4", 0, "name", ""),
        ("gentut --help | true", 0, "", ""),
        ("gentut data >&-", 0, "", ""),
        ("gentut data 2>&- | head -c 4", 0, "name", ""),
        ("gentut data >&- 2>&- <&-", 0, "", ""),
        ("gentut sample x --out x.jpg 2>&-", 2, "", ""),
        ("{ sleep 1; gentut sample x --out x.jpg; } 2>&1 | true", 2, "", ""),
        ("gentut data > /dev/full", 2, "", "gentut: [Errno 28] No space left on device\n"),
    ],
)
def test_streams_that_are_closed_or_full_break_nothing(line, code, out, err, tmp_path):
    done = shell(tmp_path, line)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)
