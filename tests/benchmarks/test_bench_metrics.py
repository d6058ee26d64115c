"""The benchmark of the metrics ends with 1 where a row is above its limit; nothing is timed."""

import sys
import types

import bench_metrics
import numpy as np
import pytest


def run(monkeypatch, *words, **changes):
    """The script's exit status, with every row at its usual value but for the changes."""
    rows = bench_metrics.USUAL | changes
    for name in ("frechet", "kernel", "neighbours"):
        monkeypatch.setattr(bench_metrics, f"compare_{name}", lambda shrink: {})
    monkeypatch.setattr(bench_metrics, "compare_memory", lambda quick: rows)
    return bench_metrics.main([*words])


@pytest.mark.parametrize("name", bench_metrics.USUAL)
def test_a_row_above_its_limit_is_named(name, monkeypatch, capsys):
    limit = 1.2 * bench_metrics.USUAL[name]
    assert run(monkeypatch, **{name: 1.001 * limit}) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{name}: {1.001 * limit:.3g}, above its limit {limit:.3g}"
    assert run(monkeypatch, **{name: float("nan")}) == 1, "a ratio that is none is no pass"


def test_rows_within_their_limits_pass(monkeypatch, capsys):
    just = {name: 1.19 * value for name, value in bench_metrics.USUAL.items()}
    assert run(monkeypatch, **just) == 0
    assert capsys.readouterr().err == ""
    assert run(monkeypatch, "--quick", **{name: 9.0 for name in just}) == 0


def test_the_rows_with_a_limit_are_those_that_are_measured(monkeypatch):
    """Names alone: no peer is imported, none is called."""
    names = []
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    monkeypatch.setattr(bench_metrics, "load_peer", lambda name: name)
    monkeypatch.setattr(bench_metrics, "features", lambda *_, **__: np.ones(1))
    monkeypatch.setattr(bench_metrics, "compare", lambda name, *_: names.append(name) or {})
    for part in ("frechet", "kernel", "neighbours"):
        getattr(bench_metrics, f"compare_{part}")(1)
    names += [f"GB, {case}" for case in bench_metrics.MEMORY_CASES]
    assert names == list(bench_metrics.USUAL)
