"""The command line: ``gentut train | sample | evaluate | compare | data``."""

import argparse
import sys
from pathlib import Path


def parser():
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="gentut", description="Learn image generation by running it."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, text):
        return commands.add_parser(name, help=text, description=text)

    def images(sub):
        sub.add_argument("--data", default="glyphs", help="a data set's name or a folder of images")
        sub.add_argument("--size", type=int, help="pixels per side, for a folder of images")
        sub.add_argument("--channels", type=int, choices=(1, 3), help="1 grey, 3 colour")

    sub = command("train", "train one family into a run folder")
    sub.add_argument("family", nargs="?", help="gaussian, mixture, vae, gan or wgan")
    images(sub)
    sub.add_argument("--conditional", action="store_true", help="use the labels")
    sub.add_argument("--minutes", type=float, help="train by the clock")
    sub.add_argument("--epochs", type=int, help="passes over the data (default 10)")
    sub.add_argument("--batch-size", type=int, help="images per step (default the recipe's)")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--out", required=True, help="the run folder")
    sub.add_argument("--resume", action="store_true", help="go on with the run in --out")

    sub = command("sample", "draw images from a trained run as a PNG grid")
    sub.add_argument("run", help="a run folder")
    sub.add_argument("-n", type=int, default=36)
    sub.add_argument("--label", type=int, help="class, for conditional models")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--out", required=True, help="the PNG file")

    sub = command("evaluate", "score trained runs on held-out images")
    sub.add_argument("runs", nargs="+", metavar="RUN")
    sub.add_argument("-n", type=int, default=10_000, help="generated images")
    sub.add_argument("--seed", type=int, default=0)

    sub = command("compare", "train, measure and compare families on one budget")
    images(sub)
    sub.add_argument("--families", nargs="+", default=["gaussian", "mixture", "vae", "gan"])
    sub.add_argument("--minutes", type=float, default=1.0, help="training time of each")
    sub.add_argument("-n", type=int, default=5_000, help="generated images to score")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--out", default="runs/compare")

    command("data", "what data sets there are, and which are here")
    return top


def main(arguments=None):
    """Run a command; exit code 0, 2 for bad input (one line, no traceback), 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options) or 0
    except KeyboardInterrupt:
        print("gentut: stopped", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        print(f"gentut: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def train(options):
    from gentut import runs

    if options.family is None and not options.resume:
        raise ValueError("`family` must be given unless --resume is; received none.")
    _, status = runs.train(
        options.family, options.data, options.out, conditional=options.conditional,
        minutes=options.minutes, epochs=options.epochs, batch_size=options.batch_size,
        size=options.size, channels=options.channels, seed=options.seed, resume=options.resume,
    )  # fmt: skip
    print(f"{status}: {Path(options.out) / 'report.html'}")


def sample(options):
    from gentut import plots, runs

    model = runs.load_model(options.run)
    labels = None if options.label is None else [options.label] * options.n
    images = model.sample(options.n, labels=labels, seed=options.seed)
    target = Path(options.out)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must lie in a folder that exists; received {options.out!r}."
        )
    plots.pixels(plots.tile(images), 2).save(target, "PNG")
    print(target)


def evaluate(options):
    from gentut import evaluation, runs

    every = {}
    for run in options.runs:
        config = runs.read_config(run)
        model = runs.load_model(run)
        judge = evaluation.Judge(config["data"], runs.data_options(config), seed=options.seed)
        every[run] = evaluation.evaluate(model, n=options.n, seed=options.seed, judge=judge)
        runs.write_report(run, scores=every[run])
    show([{"run": run, **scores} for run, scores in every.items()], "run")


def compare(options):
    from gentut import comparison

    results = comparison.compare(
        options.data, options.out, families=options.families, minutes=options.minutes,
        n=options.n, seed=options.seed, size=options.size, channels=options.channels, say=print,
    )  # fmt: skip
    show(results, "family")
    print(f"\n{Path(options.out) / 'report.html'}")


def data(options):
    from gentut import data as image_data

    for entry in image_data.names():
        print(entry)


def show(rows, first):
    """Print scores, one line per row."""
    columns = ("frechet_distance", "precision", "recall", "density", "coverage",
               "distance_to_training", "parameters", "seconds_per_1000")  # fmt: skip
    width = max(len(str(row[first])) for row in rows)
    print("\n" + " " * width + "".join(f"{c:>22}" for c in columns))
    for row in rows:
        cells = "".join(f"{row[c]:>22,.4g}" for c in columns)
        print(f"{row[first]:<{width}}{cells}")
    print(f"Features: {rows[0]['features']}; {rows[0]['n_generated']:,} generated against"
          f" {rows[0]['n_real']:,} held-out images; real against real:"
          f" {rows[0]['frechet_distance_floor']:.3g}.")  # fmt: skip


COMMANDS = {
    "train": train, "sample": sample, "evaluate": evaluate, "compare": compare, "data": data,
}  # fmt: skip
