"""pytest in a fork of this process, which has imported what takes long.  For `mutation.py`."""

import contextlib
import json
import os
import signal
import sys
import time

import coverage
import pytest


def forked(out, words, limit, lines=False):
    """Run pytest in a fork; returns what it told, if it came to its end.  `lines`: of each test."""
    told = out / "told.json"
    told.unlink(missing_ok=True)
    if not (child := os.fork()):
        os.setpgid(0, 0)
        with open(out / "log.txt", "w", encoding="utf-8") as log:
            os.dup2(log.fileno(), 1), os.dup2(log.fileno(), 2)
        os.chdir(out / "tree")
        sys.path[:0] = [str(out / "tree")]
        os.environ["PYTHONPATH"] = sys.path[0]
        if not lines:  # a mutant's bytecode must not outlive it
            sys.dont_write_bytecode, os.environ["PYTHONDONTWRITEBYTECODE"] = True, "1"
            options = "faulthandler_timeout=60", "faulthandler_exit_on_timeout=true"
            words = [*(f"-o{option}" for option in options), *words]
        listener = Listener(lines)
        words = ["-q", "-p", "no:cacheprovider", f"--basetemp={out / 'temporary'}", *words]
        code = int(pytest.main(words, plugins=[listener]))
        told.write_text(json.dumps(listener.told() | {"code": code}))
        os._exit(0)
    end, ended = time.monotonic() + limit, False
    try:
        while not ended and time.monotonic() < end:
            time.sleep(0.05)
            ended = os.waitpid(child, os.WNOHANG)[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # and what its tests have started
    if not ended:
        os.waitpid(child, 0)
    # Without a result it was ended here, or by pytest, after a minute in a single test.
    return json.loads(told.read_text()) if told.exists() else {"code": "out of time"}


class Listener:
    """A plugin of pytest: the seconds and failures of tests, and the lines that they run."""

    def __init__(self, lines):
        self.seconds, self.failed = {}, []
        self.coverage = coverage.Coverage(data_file=None, source=["gentut"]) if lines else None
        if lines:
            self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        if self.coverage:
            self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration
        self.failed += [report.nodeid] * report.failed

    def told(self):
        found = {}
        data = self.coverage.get_data() if self.coverage else coverage.CoverageData(no_disk=True)
        for path in data.measured_files():
            for line, tests in data.contexts_by_lineno(path).items():
                for test in filter(None, tests):
                    modules = found.setdefault(test, {})
                    modules.setdefault(path.rpartition("/gentut/")[2], []).append(line)
        return {"seconds": self.seconds, "failed": self.failed, "lines": found}
