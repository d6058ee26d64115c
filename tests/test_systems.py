"""What Windows and macOS do otherwise, read from the source or simulated; no Keras needed."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gentut import files
from gentut.runs import guard

ROOT = Path(__file__).parent.parent
PROGRAMS = [*sorted((ROOT / "gentut").rglob("*.py")), ROOT / "tasks.py", ROOT / "docs/build.py"]


def text_files_without_encoding(tree):
    """Lines that open text in the system's own encoding, which is cp1252 on many a Windows."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name, words = ast.unparse(node.func), {word.arg for word in node.keywords}
        mode = "".join(ast.unparse(argument) for argument in node.args[1:2])
        opens = name == "open" or name.endswith((".read_text", ".write_text", "fdopen"))
        if opens and "b" not in mode and "encoding" not in words:
            yield node.lineno


def test_text_is_read_and_written_as_utf_8():
    found = [
        f"{file.name}:{line}"
        for file in PROGRAMS
        for line in text_files_without_encoding(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert found == []
    assert list(text_files_without_encoding(ast.parse("open(p)\nopen(p, 'rb')\np.read_text()")))


def test_nothing_needs_fork_or_signals_that_only_unix_has():
    """`os.fork`, SIGKILL and their like are missing on Windows; macOS starts children by spawn."""
    unix = {"fork", "SIGKILL", "SIGALRM", "SIGHUP", "killpg", "getuid", "mkfifo", "uname"}
    for file in PROGRAMS:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not names & unix, file.name
        modules = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not modules & {"multiprocessing", "resource", "pwd", "grp"}, file.name


def as_on_windows(monkeypatch, module, **more):
    """Let a module believe that it runs on Windows; pathlib and the rest do not."""
    fake = SimpleNamespace(**{name: getattr(os, name) for name in dir(os)} | {"name": "nt"} | more)
    monkeypatch.setattr(module, "os", fake)


class Locking:
    """msvcrt's locks: a byte that another handle holds is refused with errno 13."""

    LK_NBLCK = 2

    def __init__(self):
        self.holder = None

    def locking(self, descriptor, mode, length):
        assert (mode, length) == (self.LK_NBLCK, 1)
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 0, "else each locks a byte of its own"
        if self.holder is not None:
            raise PermissionError(13, "Permission denied")
        self.holder = descriptor


def test_a_folder_is_locked_on_windows_too(tmp_path, monkeypatch):
    as_on_windows(monkeypatch, guard)
    monkeypatch.setattr(guard, "msvcrt", locks := Locking(), raising=False)
    with guard.locked(tmp_path):
        second = guard.locked(tmp_path)
        with pytest.raises(ValueError, match="in use by process unknown"):
            second.__enter__()
    locks.holder = None  # the system lets go when the file is closed
    assert (tmp_path / guard.NAME).read_text(encoding="utf-8") == ""  # an open file stays there
    (tmp_path / guard.NAME).write_text("4711", encoding="utf-8")
    said = []
    with guard.locked(tmp_path, say=said.append):
        pass
    assert said == [f"process 4711 died while it held {tmp_path}; this one takes over"]


@pytest.mark.parametrize(("times", "written"), [(0, True), (2, True), (9, False)])
def test_a_file_that_a_scanner_holds_for_a_moment_is_tried_again(
    times, written, tmp_path, monkeypatch
):
    left = [times]

    def replace(source, target):
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "The process cannot access the file")
        os.replace(source, target)

    as_on_windows(monkeypatch, files, replace=replace)
    monkeypatch.setattr(files.time, "sleep", lambda seconds: None)
    path = tmp_path / "history.csv"
    path.write_text("before", encoding="utf-8")
    if written:
        files.write_atomically(path, "a\nb\n")
        assert path.read_bytes() == b"a\nb\n"  # and no \r
    else:
        with pytest.raises(PermissionError, match="history.csv"):
            files.write_atomically(path, "a\nb\n")
        assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["history.csv"]


@pytest.fixture(scope="module")
def tasks():
    spec = importlib.util.spec_from_file_location("course_tasks", ROOT / "tasks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_environment_lies_where_the_system_puts_it(tasks):
    assert tasks.interpreter("nt") == ROOT / ".venv" / "Scripts" / "python.exe"
    assert tasks.interpreter("posix") == ROOT / ".venv" / "bin" / "python"


def test_every_task_can_be_called_by_make_and_by_hand(tasks):
    listed = subprocess.run(
        [sys.executable, ROOT / "tasks.py"], capture_output=True, encoding="cp1252", check=True
    ).stdout
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in tasks.TASKS:
        assert f"  {name} " in listed and f" {name}" in makefile
    wrong = subprocess.run(
        [sys.executable, ROOT / "tasks.py", "rnu"], capture_output=True, text=True
    )
    assert wrong.returncode == 1 and wrong.stderr == "'rnu' is none of these tasks\n"


def test_tasks_run_in_the_environment_and_end_as_it_ends(tasks, monkeypatch, capsys):
    called = []

    def call(words, cwd, env):
        called.append((words[1:], env.get("GENTUT_QUICK")))
        return 7 if "--nbval-lax" in words else 0

    monkeypatch.setattr(tasks.subprocess, "call", call)
    monkeypatch.setattr(tasks, "install", lambda extra="": None)
    with pytest.raises(SystemExit) as end:
        tasks.test()
    assert end.value.code == 7
    assert [words[:2] for words, _ in called[:3]] == [
        ["-m", "ruff"],
        ["-m", "ruff"],
        ["-m", "pytest"],
    ]
    assert called[-1][1] == "1" and called[-2][1] is None


def test_another_python_is_refused_in_one_line(tasks, monkeypatch):
    monkeypatch.setattr(tasks.sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(tasks.sys, "argv", ["tasks.py", "run"])
    with pytest.raises(SystemExit, match="this is 3.9. Try: python3.12 tasks.py run"):
        tasks.install()
