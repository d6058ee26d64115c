"""The command line: ``gentut COMMAND``, from train to data."""

import argparse
import contextlib
import faulthandler
import io
import logging
import os
import sys
import warnings
from pathlib import Path

EPILOG = """\
TensorFlow's own messages are kept off the terminal; TF_CPP_MIN_LOG_LEVEL=0 in the environment
shows them.  Exit codes: 0 done, 2 bad input (one line says what), 130 stopped by Ctrl-C."""


class Parser(argparse.ArgumentParser):
    """One line for a mistake, as for every other bad input."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def devices(text):
    """The value of --devices."""
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number ≥ 1 or auto; received {text!r}")
    return int(text)


def parser():
    """The commands and their options."""
    top = Parser(
        prog="gentut",
        description="Learn image generation by running it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, text):
        return commands.add_parser(name, help=text, description=text)

    def images(sub):
        sub.add_argument("--data", help="a data set's name (default glyphs) or a folder of images")
        sub.add_argument("--size", type=int, help="pixels per side, 28 to 128 (folders: 32)")
        sub.add_argument("--channels", type=int, choices=(1, 3), help="1 grey, 3 colour")
        sub.add_argument("--skip-unreadable", action="store_true", default=None,
                         help="leave out images of a folder that cannot be read")  # fmt: skip

    sub = command("train", "train one family into a run folder")
    sub.add_argument(
        "family", nargs="?", help="gaussian, mixture, vae, gan, wgan, flow or latent_flow"
    )
    images(sub)
    sub.add_argument("--conditional", action="store_true", default=None, help="use the labels")
    sub.add_argument("--minutes", type=float, help="train by the clock, or")
    sub.add_argument("--epochs", type=int, help="by passes over the data (default 10)")
    sub.add_argument("--batch-size", type=int, help="images per step (default the recipe's)")
    sub.add_argument("--seed", type=int, help="of weights, noise and order (default 0)")
    sub.add_argument("--devices", type=devices, metavar="N",
                     help="share batches among N GPUs, or auto for all (default 1)")  # fmt: skip
    sub.add_argument("--out", required=True, help="the run folder")
    sub.add_argument("--resume", action="store_true", help="go on with the run in --out")

    sub = command("sample", "draw images from a trained run as a PNG grid")
    sub.add_argument("run", help="a run folder")
    sub.add_argument("-n", type=int, default=40, help="images (default 40)")
    sub.add_argument("--label", type=int, help="one class, for conditional models (default all)")
    sub.add_argument("--seed", type=int, default=0, help="other images with another (default 0)")
    sub.add_argument("--out", required=True, help="the PNG file")

    sub = command("evaluate", "score trained runs on held-out images")
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run folders")
    sub.add_argument("-n", type=int, default=10_000, help="generated images (default 10000)")
    sub.add_argument("--seed", type=int, default=0, help="of the samples (default 0)")

    sub = command("compare", "train, measure and compare families on one budget")
    images(sub)
    sub.add_argument("--families", nargs="+", help="default all but wgan")
    sub.add_argument("--minutes", type=float, help="training time of each (default 0.75)")
    sub.add_argument("-n", type=int, help="generated images to score (default 5000)")
    sub.add_argument("--seed", type=int, help="of everything (default 0)")
    sub.add_argument("--out", default="runs/compare", help="folder (default runs/compare)")
    sub.add_argument("--resume", action="store_true", help="go on with what was stopped")

    sub = command("choose", "recommend a family for your data, time and need, by measuring")
    images(sub)
    sub.add_argument("--need", help="fidelity (default), diversity, likelihood, speed or latent")
    sub.add_argument("--minutes", type=float, help="training time of all together (default 5)")
    sub.add_argument("--families", nargs="+", help="default those that can serve the need")
    sub.add_argument("-n", type=int, help="generated images to score (default 5000)")
    sub.add_argument("--seed", type=int, help="of everything (default 0)")
    sub.add_argument("--out", default="runs/choose", help="folder (default runs/choose)")
    sub.add_argument("--resume", action="store_true", help="go on with what was stopped")

    actions = command("study", "ask people which images are real").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    text = "a page for raters, and its key, from trained runs"
    sub = actions.add_parser("make", help=text, description=text)
    sub.add_argument("runs", nargs="+", metavar="RUN", help="run folders of the same data")
    sub.add_argument("--protocol", default="real_or_fake", help="or which_is_real, for pairs")
    sub.add_argument("--trials", type=int, default=60, help="questions that count (default 60)")
    sub.add_argument("--practice", type=int, default=4, help="questions before them (default 4)")
    sub.add_argument("--exposure", type=int, metavar="MS", help="hide images after 100 to 5000 ms")
    sub.add_argument("--title", help="what raters read at the top")
    sub.add_argument("--seed", type=int, default=0, help="of the choice of images (default 0)")
    sub.add_argument("--out", required=True, help="a new folder for study.html and key.json")
    text = "statistics of the files that raters handed back"
    sub = actions.add_parser("analyse", help=text, description=text)
    sub.add_argument("files", nargs="+", metavar="FILE", help="response files, or a folder of them")
    sub.add_argument("--key", required=True, help="the study's key.json")
    sub.add_argument("--out", help="a folder for results.json and figures")

    sub = command("tasks", "test whether a run's images help a network to see")
    sub.add_argument("run", help="a run folder with a class-conditional model")
    sub.add_argument("--task", default="classification", help="or detection, or segmentation")
    sub.add_argument("-n", type=int, help="real images, and generated ones (default all)")
    sub.add_argument("--seeds", type=int, default=3, help="trainings of each kind (default 3)")
    sub.add_argument("--steps", type=int, help="of each training (default the task's)")

    command("data", "what data sets there are, and which are here")
    command("doctor", "what this machine has, what will be used, what is set up wrongly")
    return top


def main(arguments=None):
    """Run a command; exit code 0, 2 for bad input (one line, no traceback), 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        with quiet(), notes_in_one_line():
            return COMMANDS[options.command](options) or 0
    except KeyboardInterrupt:
        print("gentut: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        text = " ".join(str(error).split())
        for name, option in PYTHON_NAMES.items():  # what the library calls it, to what is typed
            text = text.replace(name, option)
        print(f"gentut: {text}", file=sys.stderr)
        if type(error).__name__ == "ProcessesLost":
            leave_at_once()
        return 2


def leave_at_once():
    """Exit with 2, without what JAX does at exit: it waits minutes for processes that are lost."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(2)


PYTHON_NAMES = {"`name_or_folder`": "`data`", "pass on_error='skip'": "add --skip-unreadable"}


@contextlib.contextmanager
def quiet():
    """Keep what TensorFlow's C++ code prints off the terminal; Python's own stderr stays.

    It prints dozens of lines straight to file descriptor 2, about graphics cards that are not
    there and the like, in the middle of the progress bar.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    python = sys.stderr
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    own = None
    with contextlib.suppress(io.UnsupportedOperation, AttributeError):
        if python.fileno() == 2:
            own = os.fdopen(os.dup(terminal), "w", buffering=1, encoding=python.encoding)
    try:
        if own is not None:
            sys.stderr = own
            faulthandler.enable(own)  # a crash in C++ is still told
        yield
    finally:
        if own is not None:
            faulthandler.disable()
            sys.stderr = python
            own.close()
        os.dup2(terminal, 2)
        os.close(terminal)


@contextlib.contextmanager
def notes_in_one_line():
    """Show each of our warnings once, as a line without code; leave out those of libraries."""

    shown = set()

    def show(message, category, filename, *rest):
        text = " ".join(str(message).split())
        if "gentut" in Path(filename).parts and text not in shown:
            shown.add(text)
            print(f"gentut: note: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for category in (UserWarning, RuntimeWarning):
            warnings.filterwarnings("always", category=category)
        warnings.showwarning = show
        yield


def say(line):
    """A stage of a long job."""
    print(line, file=sys.stderr)


def train(options):
    from gentut import runs
    from gentut.devices import process

    _, status = runs.train(
        options.family, options.data, options.out, conditional=options.conditional,
        minutes=options.minutes, epochs=options.epochs, batch_size=options.batch_size,
        size=options.size, channels=options.channels, skip_unreadable=options.skip_unreadable,
        seed=options.seed, devices=options.devices, resume=options.resume, progress=True, say=say,
    )  # fmt: skip
    if process()[0] == 0:
        print(Path(options.out) / "report.html")
    if status == "interrupted":
        print(f"stopped; gentut train --out {options.out} --resume goes on", file=sys.stderr)
        return 130
    return 0


def sample(options):
    import io

    import numpy as np

    from gentut import plots, runs
    from gentut.files import write_atomically

    target = Path(options.out)
    if target.suffix.lower() != ".png":
        raise ValueError(f"`out` must end in .png; received {options.out!r}.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must lie in a folder that exists; received {options.out!r}."
        )
    model = runs.RunFolder(options.run).read_model()
    classes = model.num_classes
    labels = columns = None
    if options.label is not None:
        labels = np.full(max(options.n, 0), options.label)
    elif classes is not None:
        labels = np.arange(max(options.n, 0)) % classes
        columns = runs.grid(classes)[1] if classes <= 10 else None
    images = model.sample(options.n, labels=labels, seed=options.seed)
    picture = io.BytesIO()
    plots.pixels(plots.tile(images, columns), 2).save(picture, "PNG")
    write_atomically(target, picture.getvalue())
    print(target)


def evaluate(options):
    from gentut import runs
    from gentut.report.terminal import score_lines

    scores = runs.evaluate(options.runs, options.n, options.seed, say=say)
    groups = {}
    for run, row in scores.items():
        groups.setdefault((row["data"], row["features"], row["n_real"]), {})[run] = row
    for group in groups.values():
        print(score_lines(group))
    print(*(Path(run) / "report.html" for run in scores), sep="\n")


def compare(options):
    from gentut import comparison
    from gentut.report.terminal import family_lines

    results, status = comparison.compare(
        options.data, options.out, families=options.families, minutes=options.minutes,
        n=options.n, seed=options.seed, size=options.size, channels=options.channels,
        skip_unreadable=options.skip_unreadable, resume=options.resume, progress=True, say=say,
    )  # fmt: skip
    print(family_lines(results))
    print(Path(options.out) / "report.html")
    if status == "interrupted":
        print(f"stopped; gentut compare --out {options.out} --resume goes on", file=sys.stderr)
        return 130
    return 0


def choose(options):
    import textwrap

    from gentut import choosing
    from gentut.report.terminal import family_lines, need_lines

    choice = choosing.choose(
        options.data, options.need, minutes=options.minutes, families=options.families,
        n=options.n, seed=options.seed, out=options.out, size=options.size,
        channels=options.channels, skip_unreadable=options.skip_unreadable, resume=options.resume,
        progress=True, say=say,
    )  # fmt: skip
    print(family_lines(choice.scores))
    print(need_lines(choice.scores, choice.recommendation.need))
    for line in str(choice).splitlines():
        print(textwrap.fill(line, 100))
    print(*choice.paths, Path(options.out) / "report.html", sep="\n")
    if choice.status == "interrupted":
        print(f"stopped; gentut choose --out {options.out} --resume goes on", file=sys.stderr)
        return 130
    return 0


def study(options):
    from gentut import human, studies

    if options.action == "analyse":
        print(human.summary(studies.analyse(options.files, options.key, options.out)))
        return
    made = studies.make(
        options.runs, options.out, protocol=options.protocol, trials=options.trials,
        practice=options.practice, exposure_ms=options.exposure, title=options.title,
        seed=options.seed,
    )  # fmt: skip
    out = Path(options.out)
    print(f"For raters: {out / 'study.html'}")
    print(f"For you alone (it holds the answers): {out / 'key.json'}")
    for sentence in made.rules.sentences(timed=made.exposure_ms is not None):
        print(sentence)
    for error in (0.4, 0.45):
        needed = human.needed_raters(error, options.trials)
        print(f"To tell an error rate of {error:.0%} from guessing (power 80 %, raters that differ"
              f" by 10 points): {needed} raters.")  # fmt: skip


def tasks(options):
    import textwrap

    from gentut import run_tasks
    from gentut.report.tasks import task_notes, task_rows
    from gentut.report.terminal import aligned

    steps = {} if options.steps is None else {"steps": options.steps}
    found = run_tasks.run_task(
        options.run, options.task, n=options.n, seeds=options.seeds, say=say, **steps
    )
    head, rows = task_rows(found)
    print(aligned([head, *rows], left=(0, 4)))
    print()
    for note in task_notes(found):
        print(textwrap.fill(note, 100))
    print(Path(options.run) / "report.html")


def data(options):
    from gentut import data as image_data
    from gentut.report.terminal import aligned

    rows = [["name", "pixels", "classes", "train", "test", "where", "what"]]
    for entry in image_data.names():
        rows.append([
            entry.name, "×".join(map(str, entry.image_shape)), str(len(entry.classes)),
            f"{entry.train:,}", f"{entry.test:,}", entry.here or "not here: downloads",
            f"{entry.title}; {entry.licence}",
        ])  # fmt: skip
    print(aligned(rows, left=(0, 5, 6)))
    print("\nOr a folder of your own PNG, JPEG or WebP images, one sub-folder per class, or none.")
    print("Without internet: put NAME.npz into a folder and let GENTUT_DATA name it.")


def doctor(options):
    from gentut import doctor as machine
    from gentut.report.terminal import aligned

    findings = machine.doctor()
    wrong = [finding for finding in findings if finding.advice]
    print(aligned([["what", "found"], *([f.name, f.value] for f in findings)], left=(0, 1)))
    print("\nMinutes are scaled from two reference cores by the matrix product, in full mode. Not a"
          " promise: other programs, cooling and data count too.")  # fmt: skip
    for finding in wrong:
        print(f"NOT IN ORDER: {finding.name} is {finding.value}: {finding.advice}")
    print("" if wrong else "Everything is in order.")


COMMANDS = {
    "train": train, "sample": sample, "evaluate": evaluate, "compare": compare,
    "choose": choose, "study": study, "tasks": tasks, "data": data, "doctor": doctor,
}  # fmt: skip
