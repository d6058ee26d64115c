"""Rows of the training benchmark: a log of JSON lines, and the Markdown table made from it."""

import json
import os
import statistics
import sys
from pathlib import Path

HEADER = (
    "recipe",
    "seconds",
    "parameters",
    "images/s",
    "Fréchet distance",
    "× floor",
    "coverage",
    "test ELBO (nats)",
    "seeds",
)
REFERENCES = ("real", "noise", "gaussian-conditional", "mixture-conditional")

OF_ELBO = {
    False: "ELBO: on test images thresholded at 0.5; tf-cvae and vae-binary are trained on such"
    " images, the others on grey ones.",
    True: "ELBO: of test images as bytes (discretised logistic; for the Gaussian the density times"
    " the width of a bin). The published VAEs take colours for probabilities: theirs is no bound.",
}
OF_CLOCK = {
    "TimeBudget": "The clock",
    "CpuBudget": "The clock, which adds up what all cores work,",
}


def read(path):
    """The rows of a log, a list of dicts; empty if there is no log yet."""
    path = Path(path)
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"`{path}` must hold one JSON object a line; line {number}: {error}."
            ) from None
    return rows


def write(path, text):
    """Write a file in one go: an interruption leaves the old or the new one, never half."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def write_log(path, rows):
    """Write all rows, one JSON object a line."""
    write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def is_done(rows, data, run, seed, mark, code):
    """Whether the log holds this run, made by the same code."""
    wanted = {"data": data, "run": run, "seed": seed, "mark": mark, "code": code}
    return any(all(row[key] == value for key, value in wanted.items()) for row in rows)


def command(script):
    """The command that was given, without the files it writes, which change no result."""
    words, files = [], False
    for word in sys.argv[1:]:
        files = word.startswith(("--log", "--out", "--grids", "--sheets")) or (
            files and not word.startswith("--")
        )
        if not files:
            words.append(word)
    return " ".join(["python", f"tests/benchmarks/{Path(script).name}", *words])


def groups(rows):
    """Rows by (recipe, mark): of the code that ran last, one per seed; and how many are left out.

    Order: references, then recipes as they first appear, then marks.
    """
    found = {}
    for row in rows:
        found.setdefault((row["recipe"], row["mark"]), []).append(row)
    kept = {}
    for key, members in found.items():
        kept[key] = {r["seed"]: r for r in members if r["code"] == members[-1]["code"]}.values()
    first = {recipe: place for place, (recipe, _) in reversed(list(enumerate(found)))}
    order = sorted(kept, key=lambda k: (k[0] not in REFERENCES, first[k[0]], k[1]))
    left_out = len(rows) - sum(map(len, kept.values()))
    return {key: list(kept[key]) for key in order}, left_out


def digits(value, significant=3):
    """A number with so many significant digits and no exponent: 0.0826, 4.72, 801, 2,093."""
    if value == 0:
        return "0"
    exact = float(f"{value:.{significant}g}")
    magnitude = len(f"{abs(exact):.0f}") if abs(exact) >= 1 else 0
    if magnitude == 0:  # below 1: count the zeros after the point
        magnitude = int(f"{abs(exact):e}".split("e")[1]) + 1
    return f"{exact:,.{max(0, significant - magnitude)}f}".replace("-", "−")


def spread(values):
    """Mean ± sample standard deviation, the latter at the mean's last digit; "—" for nothing."""
    values = [v for v in values if v is not None]
    if not values:
        return "—"
    mean = digits(statistics.fmean(values))
    if len(values) == 1:
        return mean
    places = len(mean.partition(".")[2])
    return f"{mean} ± {statistics.stdev(values):,.{places}f}"


def speed(rates):
    """The mean of images per second, or "—" for what has no steps."""
    rates = [rate for rate in rates if rate is not None]
    return f"{statistics.fmean(rates):,.0f}" if rates else "—"


def table(rows):
    """The Markdown table of the rows, with a line on each thing that a reader must know."""
    if not rows:
        return "No results yet.\n"
    datasets = sorted({row["data"] for row in rows})
    if len(datasets) > 1:
        raise ValueError(f"`rows` must be of one data set; received {', '.join(datasets)}.")
    grouped, left_out = groups(rows)
    floor = [r["frechet_distance"] for r in grouped.get(("real", 0), [])]
    lines = ["| " + " | ".join(HEADER) + " |", "|---" + "|---:" * (len(HEADER) - 1) + "|"]
    for (recipe, mark), members in grouped.items():
        scored = [r for r in members if r["frechet_distance"] is not None]
        distances = [r["frechet_distance"] for r in scored]
        ratio = "—"
        if floor and distances:
            ratio = digits(statistics.fmean(distances) / statistics.fmean(floor))
        seeds = ", ".join(str(r["seed"]) for r in members)
        if len(scored) < len(members):
            seeds += f" ({len(members) - len(scored)} not finite)"
        elbos = spread([r["elbo"] for r in scored])
        cells = [
            recipe,
            str(mark) if mark else "—",
            " + ".join(f"{p / 1e6:.2f} M" for p in members[0]["parameters"]) or "—",
            speed([r["images_per_second"] for r in members]),
            spread(distances),
            ratio,
            spread([r["coverage"] for r in scored]),
            elbos + (" (given the label)" if members[0]["conditional"] and elbos != "—" else ""),
            seeds,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *notes(rows, grouped, left_out)]) + "\n"


def notes(rows, grouped, left_out):
    """Lines below the table: what was measured, on what, with which versions, and by which rule."""
    shown = [row for members in grouped.values() for row in members]

    def different(key):
        return sorted({str(row.get(key, "TimeBudget")) for row in shown})  # older rows: no clock

    rates = [row["matmul_rate"] / 1e9 for row in shown]
    late = max((row["seconds"] / row["mark"] for row in shown if row["mark"]), default=1.0)
    lines = [
        f"Data: {rows[0]['data']}. Fréchet distance (squared; lower is better) and coverage (higher"
        f" is better) in the features of the {' / '.join(different('features'))}:"
        f" {' / '.join(different('n_generated'))} generated images against"
        f" {' / '.join(different('n_real'))} test images; coverage with the"
        f" {' / '.join(different('nearest_k'))} nearest of at most"
        f" {' / '.join(different('n_coverage'))} a side. Mean ± standard deviation over seeds.",
        "real: that many training images drawn at random; × floor: relative to it. noise: uniform."
        f" {OF_ELBO[rows[0]['data'] == 'emoji']} fitted prior: latents from a mixture fitted to"
        " encoded training images, its time not counted.",
        f"{' / '.join(OF_CLOCK[c] for c in different('clock'))} counts training alone: not the"
        " first call, which traces the graph, not scoring."
        f" The last step ends at up to {100 * (late - 1):.1f} % beyond the budget. Published"
        " recipes run at constant rates, one run for all budgets; ours follow a schedule over the"
        " budget, one run each. The published ones were written for minutes to hours on a GPU, and"
        " their two VAEs have 2 latent dimensions so that they can be drawn: this table says what"
        " these seconds of this machine give, not how they converge.",
        f"Machine: {'; '.join(different('machine'))}; float32 matrix product before each run"
        f" {min(rates):.0f} to {max(rates):.0f} GFLOP/s (a wide range tells of other work).",
        f"Dates: {min(r['date'] for r in shown)} to {max(r['date'] for r in shown)}."
        f" Code: {', '.join(different('code'))}.",
    ]
    lines += [f"Command: `{command}`" for command in different("command")]
    pages = {row["recipe"]: row["page"] for row in shown if row["page"]}
    lines += [f"{recipe}: our re-expression of {page}" for recipe, page in pages.items()]
    if left_out:
        lines.append(f"{left_out} rows of other code or of repeated runs are left out.")
    return [f"- {line}" for line in lines]
