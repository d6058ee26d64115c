"""What vision tasks found out about a run's images, as rows of text and as blocks of a page."""

from collections.abc import Mapping

from gentut.checks import NUMBER, check_choice, check_entries
from gentut.report.page import Block, Heading, Paragraph, Table

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


def task_rows(found: Mapping) -> tuple[list[str], list[list[str]]]:
    """Head and rows of text: one for each train set, with its difference to real images.

    Args:
        found: the dict of ``gentut.runs.tasks.run_task``.
    """
    rows = []
    for name, result in found["results"].items():
        change, same = result["difference"], name == REAL
        rows.append(
            [
                name,
                f"{result['n_train']:,}",
                with_interval(result),
                "" if same else with_interval(change, sign="+"),
                "" if same else change["verdict"],
            ]
        )
    head = ["trained on", "images", f"{found['score']} on real test images", "against real", ""]
    return head, rows


def with_interval(result: Mapping, sign: str = "") -> str:
    """Mean with its 95 % interval, as text."""
    text = f"{result['mean']:{sign}.3f}"
    if result["low"] is not None:
        text += f" ({result['low']:{sign}.3f}…{result['high']:{sign}.3f})"
    return text.replace("-", "−")


def task_notes(found: Mapping) -> list[str]:
    """What a reader of the table must know, a list of sentences."""
    first = found["results"][REAL]
    over = first.get("resampled", "trainings")
    lines = [
        f"Score: {SCORE_NAMES[found['score']]}; {first['n_test']:,} test"
        f" {'images' if found['task'] == 'classification' else 'scenes'} of {found['data']},"
        f" {len(first['seeds'])} trainings each. In brackets: 95 % interval of the mean over"
        f" {over} (Student's t; differences in pairs)."
    ]
    if found["n"] < found["n_seen"]:
        lines.append(
            f"The generator was trained on {found['n_seen']:,} images, the networks on"
            f" {found['n']:,} of them: part of what it brings is those other images."
        )
    if "gan_test" in found:
        lines.append(
            "GAN-test, trained on real and tested on generated images:"
            f" {with_interval(found['gan_test'])}. High with a low score of “generated” means that"
            " variety was lost; low means bad images or wrong labels."
        )
    return lines


def task_blocks(tasks: Mapping[str, Mapping]) -> list[Block]:
    """A section of a page: task -> what it found; no block if there is none."""
    blocks: list[Block] = []
    for task, found in tasks.items():
        head, rows = task_rows(found)
        blocks.append(
            Table(f"{task.capitalize()}, by what the network was trained on.", head, rows)
        )
        blocks += map(Paragraph, task_notes(found))
    return [Heading("Do these images help a network to see?"), *blocks] if blocks else []
