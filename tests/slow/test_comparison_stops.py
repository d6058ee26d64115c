"""A comparison that is stopped or starved goes on; its page in a browser.

Slow, as each test trains.  Not part of ``pytest tests``; ``.ci/run`` names this folder.
"""

import errno
import os
import re
import shutil

import pytest
from test_comparison import (  # noqa: F401
    BUDGET,
    compare,
    fail_at,
    finished,
    press_ctrl_c,
    small,
    state,
)
from tiny import opens_cleanly

from gentut.runs import compare as comparison


def test_the_page_is_in_order_in_a_browser(finished):
    opens_cleanly(finished[1] / "report.html", images=6)


def test_ctrl_c_keeps_what_is_finished_and_resume_adds_the_rest(photographs, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        fail_at(patch, "mixture", press_ctrl_c)
        results, status = compare(photographs, out, families=["gaussian", "mixture"], **BUDGET)
    assert status == "interrupted" and [row["family"] for row in results] == ["gaussian"]
    assert "Stopped after 1 of 2 families." in (out / "report.html").read_text(encoding="utf-8")
    again, status = comparison.resume(out)
    assert status == "finished" and [row["family"] for row in again] == ["gaussian", "mixture"]
    assert again[0] == results[0]
    assert "Stopped" not in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("room_for_a_page", [True, False])
def test_a_full_disk_keeps_the_families_before_and_says_how_to_go_on(
    room_for_a_page, photographs, tmp_path, monkeypatch
):
    out = tmp_path / "out"

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        fail_at(patch, "mixture", full)
        if not room_for_a_page:
            patch.setattr(comparison, "compare_report", full)
        with pytest.raises(OSError) as error:
            compare(photographs, out, families=["gaussian", "mixture"], **BUDGET)
    assert str(error.value) == (
        f"`out` must have room for the comparison; received '{out}': No space left on device. Free"
        " some, then --resume goes on from what is saved."
    )
    page = out / "report.html"
    assert page.exists() == room_for_a_page
    assert not page.exists() or "Stopped after 1 of 2 families." in page.read_text(encoding="utf-8")
    _, status = comparison.resume(out)
    assert status == "finished" and "Stopped" not in page.read_text(encoding="utf-8")


def test_resume_takes_up_the_same_images_only_wherever_they_are(photographs, tmp_path, monkeypatch):
    data, out = shutil.copytree(photographs, tmp_path / "photographs"), tmp_path / "out"
    with monkeypatch.context() as patch:
        fail_at(patch, "mixture", press_ctrl_c)
        compare(data, out, families=["gaussian", "mixture"], **BUDGET)
    before = {path: path.read_bytes() for path in out.iterdir()}
    for split in ("train", "test"):
        (data / split / "dots").rename(data / split / "zots")
    message = re.escape(
        f"`data` must hold what the comparison '{out}' was begun with; received '{data}', which has"
        " changed: classes renamed from dots to zots."
    )
    with pytest.raises(ValueError, match=message):
        comparison.resume(out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    comparison.resume(out, data=photographs)
    assert state(out)["settings"]["data"] == str(photographs)
    assert [row["family"] for row in state(out)["results"]] == ["gaussian", "mixture"]
