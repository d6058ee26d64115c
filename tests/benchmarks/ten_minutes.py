"""Text to image in the time of a coffee: train the text flow on emoji, and look at it on the way.

    python tests/benchmarks/ten_minutes.py --minutes 2 5 10 --out tests/benchmarks/ten_minutes.md \\
        --sheets docs/static

It trains `gentut.build("text_flow", …)` as it is, by the clock of the wall; the schedules end with
the last of the minutes.  At the end of the first epoch after each of them the clock stands still
for a sheet of 48 prompts drawn at random (as data/prompts_48.png) and for the scores against texts.
Leave the machine alone while it runs.
"""

import argparse
import runpy
from pathlib import Path

import gentut  # before TensorFlow: it sets the kernels

# isort: split
import keras
from results import command, write

from gentut.evaluation.texts import text_scores
from gentut.files import write_atomically
from gentut.training.devices import environment

ROOT = Path(__file__).resolve().parents[2]
STEPS = 16  # of Heun's method, for every picture
SPLITS = {
    "": "of the training",
    "_compositions": "compositions held out",
    "_unseen": "unseen concepts",
}


class Visits(keras.callbacks.Callback):
    """Call `look(minutes, mark)` at the end of the first epoch after each of the minutes."""

    def __init__(self, budget, marks, look):
        super().__init__()
        self.budget, self.marks, self.look = budget, list(marks), look

    def on_epoch_end(self, epoch, logs=None):
        minutes = self.budget.seconds / 60
        if self.marks and minutes >= self.marks[0]:
            due = [mark for mark in self.marks if mark <= minutes]
            self.marks = self.marks[len(due) :]
            self.look(minutes, due[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[2, 5, 10])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=3, help="of 100 concepts, for the scores")
    # Short trainings want more of it than the 3 of `sample`: chosen on training captions.
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--out", help="write the table there too, as Markdown")
    parser.add_argument("--sheets", type=Path, help="folder for the sheets of 48 prompts")
    options = parser.parse_args()
    contact_sheet = runpy.run_path(str(ROOT / "data" / "make_samples.py"))["contact_sheet"]
    gentut.seed(options.seed)
    images, _ = gentut.data.load("emoji", "train")
    model = gentut.build("text_flow", images.shape[1:])
    rows = []

    drawing = {"guidance": options.guidance, "steps": STEPS}

    def look(minutes, mark):
        scores = text_scores(model, draws=options.draws, **drawing)
        for ending, name in SPLITS.items():
            key = f"retrieval_1{ending}"
            rows.append(
                f"| {minutes:.1f} | {name} | {scores[key]:.2f}"
                f" ({scores[f'{key}_low']:.2f} to {scores[f'{key}_high']:.2f})"
                f" | {scores[f'{key}_real']:.2f} | {scores[f'retrieval_5{ending}']:.2f} |"
            )
            print(rows[-1], flush=True)
        if options.sheets:
            sheet = gentut.plots.png(contact_sheet(model, **drawing), dpi=110)
            write_atomically(options.sheets / f"prompts_{mark:g}_minutes.png", sheet)

    budget = gentut.callbacks.TimeBudget(max(options.minutes))
    visits = Visits(budget, sorted(options.minutes), look)
    prompts = gentut.data.emoji.prompts("train")
    model.fit(images, prompts, callbacks=[budget, visits], seed=options.seed, verbose=0)
    if visits.marks:  # the budget ended within an epoch
        look(budget.seconds / 60, visits.marks[-1])
    text = "\n".join(
        [
            "# Text to image in ten minutes",
            "",
            f"One training of the recipe of the text flow on emoji, seed {options.seed}; guidance"
            f" {options.guidance:g}. R@1: share of pictures whose"
            " own text the image–text judge finds first, among 100 texts (or all of a smaller"
            f" split); {options.draws} draws, 95 % interval over concepts.",
            "",
            "| minutes | texts | R@1 | R@1 of real drawings | R@5 |",
            "|---:|---|---:|---:|---:|",
            *rows,
            "",
            f"- Machine: {', '.join(f'{k} {v}' for k, v in environment().items())}.",
            f"- Command: `{command(__file__)}`",
            "",
        ]
    )
    print(text)
    if options.out:
        write(options.out, text)


if __name__ == "__main__":
    main()
