"""What vision tasks found out about a run's images, as rows of text and as blocks of a page."""

from collections.abc import Mapping

from gentut.checks import NUMBER, check_choice, check_entries
from gentut.report.page import Block, Heading, Paragraph, Table
from gentut.report.texts import ENGLISH, Words, named

REAL = "real"  # the train set that all others are compared with
SCORE_NAMES = {
    "accuracy": "share of test images named right",
    "ap50": "average precision at IoU 0.5",
    "object_iou": "mean intersection over union of the classes, without the background",
    "mean_iou": "mean intersection over union, background and classes",  # of earlier runs
}


def check_tasks(tasks: object) -> None:
    """Raises unless this is task -> what ``gentut.runs.tasks`` found; for what a file holds."""
    check_entries(tasks, {})
    for task, found in tasks.items():
        kinds = {"task": str, "score": str, "data": str, "n": int, "n_seen": int, "results": dict}
        check_entries(found, kinds)
        check_choice("task", found["task"], (task,))
        check_choice("score", found["score"], SCORE_NAMES)
        check_entries(found["results"], {REAL: dict})
        means = [found["gan_test"]] if "gan_test" in found else []
        for result in found["results"].values():
            kinds = {"n_train": int, "n_test": int, "seeds": list, "difference": dict}
            check_entries(result, kinds)
            check_entries(result["difference"], {"verdict": str})
            means += [result, result["difference"]]
        for mean in means:
            check_entries(mean, {"mean": NUMBER})
            if mean.get("low") is not None:  # there is no interval of a single training
                check_entries(mean, {"low": NUMBER, "high": NUMBER})


def task_rows(found: Mapping, words: Words = ENGLISH) -> tuple[list[str], list[list[str]]]:
    """Head and rows of text: one for each train set, with its difference to real images.

    Args:
        found: the dict of ``gentut.runs.tasks.run_task``.
        words: of the language.
    """
    rows = []
    for name, result in found["results"].items():
        change, same = result["difference"], name == REAL
        rows.append(
            [
                named(name, words),
                f"{result['n_train']:,}",
                with_interval(result),
                "" if same else with_interval(change, sign="+"),
                "" if same else named(change["verdict"], words),
            ]
        )
    score = words["on_real"].format(_score_texts(found, words)[0])
    return [words["trained_on"], words["n_images"], score, words["against_real"], ""], rows


def _score_texts(found, words):
    """What the score of a task is called, and what it is."""
    return words["scores"].get(found["score"], (found["score"], SCORE_NAMES[found["score"]]))


def with_interval(result: Mapping, sign: str = "") -> str:
    """Mean with its 95 % interval, as text."""
    text = f"{result['mean']:{sign}.3f}"
    if result["low"] is not None:
        text += f" ({result['low']:{sign}.3f}…{result['high']:{sign}.3f})"
    return text.replace("-", "−")


def task_notes(found: Mapping, words: Words = ENGLISH) -> list[str]:
    """What a reader of the table must know, a list of sentences."""
    first = found["results"][REAL]
    lines = [
        words["task_scores"].format(
            score=_score_texts(found, words)[1],
            n=first["n_test"],
            kind=words["test_kinds"][found["task"]],
            data=found["data"],
            seeds=len(first["seeds"]),
            over=named(first.get("resampled", "trainings"), words),
        )
    ]
    if found["n"] < found["n_seen"]:
        lines.append(words["task_seen"].format(seen=found["n_seen"], n=found["n"]))
    if "gan_test" in found:
        lines.append(words["gan_test"].format(with_interval(found["gan_test"])))
    return lines


def task_blocks(tasks: Mapping[str, Mapping], words: Words = ENGLISH) -> list[Block]:
    """A section of a page: task -> what it found; no block if there is none."""
    blocks: list[Block] = []
    for task, found in tasks.items():
        caption = words["task"].format(named(task, words).capitalize())
        blocks.append(Table(caption, *task_rows(found, words)))
        blocks += map(Paragraph, task_notes(found, words))
    return [Heading(words["tasks_heading"]), *blocks] if blocks else []
