"""The commands and options that can be typed."""

import argparse
from importlib import metadata
from typing import NoReturn

from gentut.report.texts import WORDS

EPILOG = """\
TensorFlow's own messages are kept off the terminal; TF_CPP_MIN_LOG_LEVEL=0 in the environment
shows them.  Exit codes: 0 done, 2 bad input (one line says what), 130 stopped by Ctrl-C."""


# Where a run folder is asked for.
RUN = "a run folder, or the name of a model that ships, such as gan-glyphs"
# The keys of `gentut.models.recipes.RECIPES`, which needs Keras.
FAMILIES = (
    "gaussian",
    "mixture",
    "gan",
    "wgan",
    "vae",
    "flow",
    "diffusion",
    "latent_flow",
    "text_flow",
)


class Parser(argparse.ArgumentParser):
    """One line for a mistake, as for every other bad input."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def devices(text: str) -> int | str:
    """The value of --devices."""
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number ≥ 1 or auto; received {text!r}")
    return int(text)


def version() -> str:
    """That of the package that is installed."""
    try:
        return metadata.version("gentut")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def parser() -> Parser:
    """The commands and their options."""
    top = Parser(
        prog="gentut",
        description="Learn image generation by running it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"gentut {version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, text):
        return commands.add_parser(name, help=text, description=text)

    def images(sub):
        sub.add_argument("--data", help="a data set's name (default glyphs) or a folder of images")
        sub.add_argument(
            "--size", type=int, help="pixels per side: 32, 64, 96, 128, 256, … (folders: 32)"
        )
        sub.add_argument("--channels", type=int, choices=(1, 3), help="1 grey, 3 colour")
        sub.add_argument(
            "--pad",
            action="store_true",
            default=None,
            help="keep all of a folder's rectangular images, on white, instead of cropping them",
        )
        sub.add_argument(
            "--skip-unreadable",
            action="store_true",
            default=None,
            help="leave out images of a folder that cannot be read",
        )

        uncached(sub)
        language(sub)

    def language(sub):
        sub.add_argument("--language", choices=list(WORDS), help="of the page; zh is Chinese")

    def uncached(sub):
        sub.add_argument(
            "--no-cache",
            action="store_true",
            help="decode a folder into memory, not once into a file (see gentut data)",
        )

    def moved(sub):
        sub.add_argument("--data", help="where the images of the run are now, if they were moved")
        uncached(sub)
        language(sub)

    sub = command("train", "train one family into a run folder")
    families = f"{', '.join(FAMILIES[:-1])} or {FAMILIES[-1]}"
    sub.add_argument("family", nargs="?", help=f"{families}; default gan or vae, by the budget")
    images(sub)
    sub.add_argument("--conditional", action="store_true", default=None, help="use the labels")
    sub.add_argument("--minutes", type=float, help="train by the clock, or")
    sub.add_argument("--epochs", type=int, help="by passes over the data (default 10)")
    sub.add_argument("--batch-size", type=int, help="images per step (default the recipe's)")
    sub.add_argument("--seed", type=int, help="of weights, noise and order (default 0)")
    sub.add_argument(
        "--devices",
        type=devices,
        metavar="N",
        help="share batches among N GPUs, or auto for all (default 1)",
    )
    sub.add_argument("--out", required=True, help="the run folder")
    sub.add_argument("--resume", action="store_true", help="go on with the run in --out")

    sub = command("sample", "draw images from a trained run")
    sub.add_argument("run", help=RUN)
    sub.add_argument("-n", type=int, help="images (default 40); with --text, of each (default 8)")
    sub.add_argument(
        "--text",
        action="append",
        help="what to draw, for a model of texts; can be given several times, a row for each",
    )
    sub.add_argument("--label", type=int, help="one class, for conditional models (default all)")
    sub.add_argument("--seed", type=int, default=0, help="other images with another (default 0)")
    sub.add_argument(
        "--out",
        required=True,
        help="grid.png; or, for any number of images, arrays.npz or a new folder of PNG files",
    )

    sub = command("evaluate", "score trained runs on held-out images")
    sub.add_argument("runs", nargs="+", metavar="RUN", help=RUN)
    sub.add_argument("-n", type=int, default=10_000, help="generated images (default 10000)")
    sub.add_argument("--seed", type=int, default=0, help="of the samples (default 0)")
    moved(sub)

    sub = command("compare", "train, measure and compare families on one budget")
    images(sub)
    sub.add_argument("--families", nargs="+", help="default all but wgan, diffusion and text_flow")
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
    sub.add_argument("runs", nargs="+", metavar="RUN", help=f"{RUN}; of the same data")
    sub.add_argument("--protocol", default="real_or_fake", help="or which_is_real, for pairs")
    sub.add_argument("--trials", type=int, default=60, help="questions that count (default 60)")
    sub.add_argument("--practice", type=int, default=4, help="questions before them (default 4)")
    sub.add_argument("--exposure", type=int, metavar="MS", help="hide images after 100 to 5000 ms")
    sub.add_argument("--title", help="what raters read at the top")
    sub.add_argument("--language", default="en", help="of the page: en (default) or zh, Chinese")
    sub.add_argument("--seed", type=int, default=0, help="of the choice of images (default 0)")
    sub.add_argument("--out", required=True, help="a new folder for study.html and key.json")
    text = "statistics of the files that raters handed back"
    sub = actions.add_parser("analyse", help=text, description=text)
    sub.add_argument("files", nargs="+", metavar="FILE", help="response files, or a folder of them")
    sub.add_argument("--key", required=True, help="the study's key.json")
    sub.add_argument("--out", help="a folder for results.json and figures")

    sub = command("tasks", "test whether a run's images help a network to see")
    sub.add_argument("run", help=f"{RUN}; class-conditional")
    sub.add_argument("--task", default="classification", help="or detection, or segmentation")
    sub.add_argument("-n", type=int, help="real images, and generated ones (default all)")
    sub.add_argument("--seeds", type=int, default=3, help="trainings of each kind (default 3)")
    sub.add_argument("--steps", type=int, help="of each training (default the task's)")
    moved(sub)

    sub = command("playground", "a page in which the models draw, for a browser alone")
    sub.add_argument(
        "runs", nargs="*", metavar="RUN", help="more to draw with: folders of VAEs or GANs"
    )
    sub.add_argument(
        "--megabytes", type=float, default=3.0, help="of the page, at most (default 3)"
    )
    language(sub)
    sub.add_argument("--out", required=True, help="the HTML file")

    sub = command("data", "what data sets there are, or what a folder of images holds")
    sub.add_argument("folder", nargs="?", help="of images, to be looked at before a training")
    sub.add_argument("--preview", metavar="SHEET.png", help="how the folder's images are cut")
    sub.add_argument("--size", type=int, help="pixels per side of the training (default 32)")
    sub.add_argument("--channels", type=int, choices=(1, 3), help="1 grey, 3 colour (default 3)")
    sub.add_argument("--pad", action="store_true", help="images are to be padded, not cropped")
    sub.add_argument("--clear", action="store_true", help="remove all decoded folders")
    uncached(sub)
    command("doctor", "what this machine has, what will be used, what is set up wrongly")
    return top
