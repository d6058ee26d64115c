"""Text to image in the time of a coffee: train the text flow on emoji, and look at it on the way.

    python tests/benchmarks/ten_minutes.py --minutes 2 5 10 --out tests/benchmarks/ten_minutes.md \\
        --sheets docs/static

Two stages by the clock of the wall: first the VAE of `gentut.build("text_flow", …)` alone, then a
flow over its codes, which stand still from there on, smaller than the recipe's; `--recipe` trains
the recipe as it is, both at once, which suits an hour.  The schedules end with the last of the
minutes.  At the end of the first epoch after each of them the clock stands still for a sheet of 48
prompts drawn at random (as data/prompts_48.png) and for the scores against texts.  Leave the
machine alone while it runs.
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
from gentut.models import recipes
from gentut.models.text import TextFlow
from gentut.models.transformer import latent_transformer
from gentut.training.devices import environment
from gentut.training.kernels import Adam

ROOT = Path(__file__).resolve().parents[2]
SPLITS = {
    "": "of the training",
    "_compositions": "compositions held out",
    "_unseen": "unseen concepts",
}


# Chosen on training captions after equal seconds: codes that stand still before the flow begins,
# more and smaller steps, a narrower network, and stronger guidance.
VAE_SHARE, BATCH, WIDTH, GUIDANCE = 0.15, 32, 128, 5.0


class Visits(keras.callbacks.Callback):
    """Call `look(minutes)` at the end of the first epoch after each of the minutes."""

    def __init__(self, budget, before, marks, look):
        super().__init__()
        self.budget, self.before, self.marks, self.look = budget, before, list(marks), look

    def on_epoch_end(self, epoch, logs=None):
        minutes = self.before + self.budget.seconds / 60
        if self.marks and minutes >= self.marks[0]:
            self.marks = [mark for mark in self.marks if mark > minutes]
            self.look(minutes)


def narrower(vae):
    """The recipe's flow of texts over the codes of a trained VAE, with a smaller network."""
    recipe = recipes.recipe_of("text_flow", vae.image_shape)
    texts = {"vocabulary": recipe["vocabulary"], "words": recipe["words"]}
    size = {**recipe["latent_transformer"], "width": WIDTH}
    network = latent_transformer(vae.latent_shape, **texts, **size)
    model = TextFlow(vae, network, train_vae=False, **recipe["model"])
    model.compile(Adam(**recipe["optimizer"]), constant_share=recipe["constant_share"])
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[2, 5, 10])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=3, help="of 100 concepts, for the scores")
    parser.add_argument("--recipe", action="store_true", help="the recipe as it is")
    parser.add_argument("--out", help="write the table there too, as Markdown")
    parser.add_argument("--sheets", type=Path, help="folder for the sheets of 48 prompts")
    options = parser.parse_args()
    contact_sheet = runpy.run_path(str(ROOT / "data" / "make_samples.py"))["contact_sheet"]
    gentut.seed(options.seed)
    images, _ = gentut.data.load("emoji", "train")
    total, before = max(options.minutes), 0.0
    model, batch_size, guidance = gentut.build("text_flow", images.shape[1:]), None, 3.0
    if not options.recipe:
        batch_size, guidance = BATCH, GUIDANCE
        first = gentut.callbacks.TimeBudget(VAE_SHARE * total)
        model.vae.fit(images, batch_size=BATCH, callbacks=[first], seed=options.seed, verbose=0)
        model, before = narrower(model.vae), first.seconds / 60
    rows = []

    def look(minutes):
        scores = text_scores(model, draws=options.draws, guidance=guidance)
        for ending, name in SPLITS.items():
            key = f"retrieval_1{ending}"
            rows.append(
                f"| {minutes:.1f} | {name} | {scores[key]:.2f}"
                f" ({scores[f'{key}_low']:.2f} to {scores[f'{key}_high']:.2f})"
                f" | {scores[f'{key}_real']:.2f} | {scores[f'retrieval_5{ending}']:.2f} |"
            )
            print(rows[-1], flush=True)
        if options.sheets:
            sheet = gentut.plots.png(contact_sheet(model, guidance=guidance), dpi=110)
            write_atomically(options.sheets / f"prompts_{round(minutes)}_minutes.png", sheet)

    budget = gentut.callbacks.TimeBudget(total - before)
    visits = Visits(budget, before, sorted(options.minutes), look)
    prompts = gentut.data.emoji.prompts("train")
    model.fit(
        images,
        prompts,
        batch_size=batch_size,
        callbacks=[budget, visits],
        seed=options.seed,
        verbose=0,
    )
    if visits.marks:  # the budget ended within an epoch
        look(before + budget.seconds / 60)
    text = "\n".join(
        [
            "# Text to image in ten minutes",
            "",
            f"One training of the text flow on emoji, seed {options.seed}: "
            + (
                "the recipe, VAE and flow at once"
                if options.recipe
                else f"the VAE for {before:.1f} minutes, then a flow {WIDTH} wide, {BATCH} images a"
                " step"
            )
            + f"; guidance {guidance:g}. R@1: share of pictures whose"
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
