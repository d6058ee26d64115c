"""What each command of the command line does with its options; ``COMMANDS`` names them all.

Parts of gentut that only one command needs are imported inside it: the others start sooner.
"""

import io
import os
import textwrap
import warnings
from argparse import Namespace
from dataclasses import fields
from pathlib import Path

from gentut.checks import check_positive
from gentut.cli.messages import tell as say  # a stage of a long job
from gentut.cli.parser import FAMILIES


def exit_code(status: str, options: Namespace) -> int:
    """130 after Ctrl-C, which is told with the command that goes on; else 0."""
    if status != "interrupted":
        return 0
    say(f"stopped; gentut {options.command} --out {options.out} --resume goes on")
    return 130


def typed(options: Namespace, kind: type) -> dict[str, object]:
    """The fields of a dataclass that were typed as options; the others stay at their defaults."""
    values = {field.name: getattr(options, field.name, None) for field in fields(kind)}
    return {name: value for name, value in values.items() if value is not None}


def refuse_early(options: Namespace) -> None:
    """Raise for a family or a data set that does not exist, before seconds go into Keras."""
    if options.command not in ("train", "compare", "choose") or options.resume:
        return
    from gentut import data as image_data
    from gentut.checks import check_choice

    if options.command == "train" and options.family is not None:
        check_choice("family", options.family, FAMILIES)
    if options.data and not image_data.is_name(options.data) and not os.path.isdir(options.data):
        image_data.class_names(options.data)  # says what it must be


def train(options: Namespace) -> int:
    from gentut import runs
    from gentut.training.devices import process

    asked = typed(options, runs.Config)
    if options.family is None and not options.resume:
        asked["family"], why = runs.default_family(**asked)
        say(f"{asked['family']}, as no family was named: {why}; gentut choose measures them all")
    # Whoever types the same line with --resume until it is done begins with it, too.
    new = "family" in asked and runs.RunFolder(options.out).holds_nothing()
    if options.resume and not new:
        _, status = runs.resume(options.out, progress=True, say=say, **asked)
    else:
        _, status = runs.train(runs.Config(**asked), options.out, progress=True, say=say)
    if process()[0] == 0:
        print(Path(options.out) / "report.html")
    return exit_code(status, options)


def sample(options: Namespace) -> None:
    import numpy as np

    from gentut import plots, runs
    from gentut.cli import samples
    from gentut.files import write_atomically
    from gentut.runs.shipped import read_model

    target = Path(options.out)
    grid = target.suffix.lower() == samples.GRID
    if not grid and target.suffix.lower() not in ("", samples.ARRAYS):
        raise ValueError(
            f"`out` must end in .png or .npz, or be a folder; received {options.out!r}."
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must lie in a folder that exists; received {options.out!r}."
        )
    model = read_model(options.run)
    n = 40 if options.n is None else options.n
    if grid and n > samples.MOST:
        raise ValueError(
            f"`n` must be at most {samples.MOST:,} for a grid; received {n:,}: let --out end in"
            " .npz, or be a folder."
        )
    classes = model.num_classes
    labels = columns = None
    if options.text:
        if not grid:
            raise ValueError("`out` must end in .png with `text`.")
        images, columns = _of_texts(model, options)
    elif options.label is not None:
        labels = np.full(max(n, 0), options.label)
    elif classes is not None:
        labels = np.arange(max(n, 0)) % classes
        columns = runs.grid(classes)[1] if classes <= 10 else None
    if not grid:
        check_positive("n", n)
        with samples.opened(target, n, model.image_shape, labels) as taking:
            model.sample(n, labels=labels, seed=options.seed, out=taking)
        print(target)
        return
    if not options.text:
        images = model.sample(n, labels=labels, seed=options.seed)
    picture = io.BytesIO()
    plots.pixels(plots.tile(images, columns), 2).save(picture, "PNG")
    write_atomically(target, picture.getvalue())
    print(target)


def _of_texts(model, options):
    """Pictures of each text, a row of them for each, and their number in a row."""
    if not hasattr(model, "tokenizer"):
        raise ValueError(
            f"`text` needs a model of texts; received {options.run!r}, which takes none."
        )
    if options.label is not None:
        raise ValueError("`label` must be left out with `text`; received both.")
    if unknown := model.tokenizer.unknown(options.text):
        say(f"left out, as this model does not know them: {', '.join(unknown)}")
    columns = 8 if options.n is None else options.n
    check_positive("n", columns)
    with warnings.catch_warnings(action="ignore"):  # told above
        images = model.sample(
            texts=[text for text in options.text for _ in range(columns)], seed=options.seed
        )
    return images, columns


def evaluate(options: Namespace) -> None:
    from gentut import runs
    from gentut.report.terminal import score_lines
    from gentut.runs.shipped import as_folder

    folders = [as_folder(run, say) for run in options.runs]
    told = {"say": say, "data": options.data, "language": options.language}
    scores = runs.evaluate(folders, options.n, options.seed, **told)
    groups = {}
    for run, row in scores.items():
        groups.setdefault((row["data"], row["features"], row["n_real"]), {})[run] = row
    for group in groups.values():
        print(score_lines(group))
    print(*(Path(run) / "report.html" for run in scores), sep="\n")


def compare(options: Namespace) -> int:
    from gentut.report.terminal import family_lines
    from gentut.runs import compare as comparison

    asked, told = typed(options, comparison.Comparison), {"progress": True, "say": say}
    if options.resume:
        results, status = comparison.resume(options.out, **told, **asked)
    else:
        results, status = comparison.compare(comparison.Comparison(**asked), options.out, **told)
    print(family_lines(results))
    print(Path(options.out) / "report.html")
    return exit_code(status, options)


def choose(options: Namespace) -> int:
    from gentut.report.terminal import family_lines, need_lines
    from gentut.runs.choose import choose as choose_family
    from gentut.runs.comparison import Comparison

    choice = choose_family(
        out=options.out, resume=options.resume, progress=True, say=say, **typed(options, Comparison)
    )
    print(family_lines(choice.scores))
    print(need_lines(choice.scores, choice.recommendation.need))
    for line in str(choice).splitlines():
        print(textwrap.fill(line, 100))
    print(*choice.paths, Path(options.out) / "report.html", sep="\n")
    return exit_code(choice.status, options)


def study(options: Namespace) -> None:
    from gentut import human
    from gentut.runs import studies
    from gentut.runs.shipped import as_folder

    if options.action == "analyse":
        print(human.summary(studies.analyse(options.files, options.key, options.out)))
        return
    made = studies.make(
        [str(as_folder(run, say)) for run in options.runs],
        options.out,
        protocol=options.protocol,
        trials=options.trials,
        practice=options.practice,
        exposure_ms=options.exposure,
        title=options.title,
        language=options.language,
        seed=options.seed,
    )
    out = Path(options.out)
    print(f"For raters: {out / 'study.html'}")
    print(f"For you alone (it holds the answers): {out / 'key.json'}")
    for sentence in made.rules.sentences(timed=made.exposure_ms is not None):
        print(sentence)
    for error in (0.4, 0.45):
        needed = human.needed_raters(error, options.trials)
        print(
            f"To tell an error rate of {error:.0%} from guessing (power 80 %, raters that differ"
            f" by 10 points): {needed} raters."
        )


def tasks(options: Namespace) -> None:
    from gentut.report.tasks import task_notes, task_rows
    from gentut.report.terminal import aligned
    from gentut.runs import tasks as run_tasks
    from gentut.runs.shipped import as_folder

    given = {name: getattr(options, name) for name in ("n", "seeds", "data", "language")}
    if options.steps is not None:
        given["steps"] = options.steps
    run = as_folder(options.run, say)
    found = run_tasks.run_task(run, options.task, say=say, **given)
    head, rows = task_rows(found)
    print(aligned([head, *rows], left=(0, 4)))
    print()
    for note in task_notes(found):
        print(textwrap.fill(note, 100))
    print(Path(run) / "report.html")


def playground(options: Namespace) -> None:
    from gentut.files import write_atomically
    from gentut.runs.playground import playground as made

    target = Path(options.out)
    if target.suffix.lower() != ".html":
        raise ValueError(f"`out` must end in .html; received {options.out!r}.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must lie in a folder that exists; received {options.out!r}."
        )
    html = made(options.runs, say, int(1e6 * options.megabytes), options.language).encode()
    write_atomically(target, html)
    say(f"{len(html) / 1e6:.2f} MB")
    print(target)


def data(options: Namespace) -> None:
    from gentut import data as image_data
    from gentut.data import cache
    from gentut.report.terminal import aligned

    if options.clear:
        count, total = cache.clear()
        print(f"removed {count} decoded folder splits, {total / 1e6:,.1f} MB")
        return
    if options.folder is not None:
        from gentut.cli.preview import preview

        preview(options)
        return
    if options.preview is not None:
        raise ValueError("`preview` needs a folder: gentut data FOLDER --preview SHEET.png")
    rows = [["name", "pixels", "classes", "train", "test", "where", "what"]]
    for entry in image_data.names():
        rows.append(
            [
                entry.name,
                "×".join(map(str, entry.image_shape)),
                str(len(entry.classes)),
                f"{entry.train:,}",
                f"{entry.test:,}",
                entry.here or "not here: downloads",
                f"{entry.title}; {entry.licence}",
            ]
        )
    print(aligned(rows, left=(0, 5, 6)))
    print("\nOr a folder of your own PNG, JPEG or WebP images, one sub-folder per class, or none.")
    kept = cache.entries()
    size = sum(size for _, size in kept)
    where = cache.place() or "off"
    print(f"Folders are decoded once, into {where}: {len(kept)} splits now, {size / 1e6:,.1f} MB.")
    print("Without internet: put NAME.npz into a folder and let GENTUT_DATA name it.")


def doctor(options: Namespace) -> None:
    from gentut.cli import doctor as machine

    findings = machine.doctor()
    wrong = [finding for finding in findings if finding.advice]
    width = max(len(finding.name) for finding in findings)
    for name, value in (("what", "found"), *(finding[:2] for finding in findings)):
        print(f"{name:<{width}}  {value}")
    print(
        "\nMinutes are scaled from two reference cores by the matrix product, in full mode. Not a"
        " promise: other programs, cooling and data count too."
    )
    for finding in wrong:
        print(f"NOT IN ORDER: {finding.name} is {finding.value}: {finding.advice}")
    print("" if wrong else "Everything is in order.")


COMMANDS = {
    "train": train,
    "sample": sample,
    "evaluate": evaluate,
    "compare": compare,
    "choose": choose,
    "study": study,
    "tasks": tasks,
    "playground": playground,
    "data": data,
    "doctor": doctor,
}
