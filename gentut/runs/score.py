"""Score the models of run folders, and merge the scores into their reports."""

from gentut.evaluation import evaluate as evaluate_model
from gentut.judge import Judge, check_count
from gentut.runs.folder import RunFolder
from gentut.runs.record import write_report


def evaluate(paths, n=10_000, seed=0, say=lambda line: None):
    """Score trained runs on held-out images; write ``scores.json`` and the reports anew.

    Args:
        paths: run folders.
        n: generated images to score.
        seed: of the samples and of every random choice.
        say: called with a line of text at each stage.

    Returns:
        Path -> the dict of `gentut.evaluate`.

    Raises:
        ValueError, FileNotFoundError: a folder is no run or damaged (then nothing is written), or
            its data has gone.
    """
    check_count(n)
    runs = {str(path): RunFolder(path) for path in paths}
    loaded = {}
    for name, run in runs.items():  # all of them before the first long computation
        run.read_history(), run.read_grids()
        loaded[name] = run.read_config(), run.read_model()
    judges, scores = {}, {}
    for name, (config, model) in loaded.items():
        key = config.data, *config.data_options.items()
        if key not in judges:
            say(f"{config.data}: features of the held-out images")
            judges[key] = Judge(config.data, config.data_options, seed=seed)
        say(f"{name}: scoring {n:,} samples")
        scores[name] = evaluate_model(model, n=n, seed=seed, judge=judges[key])
        runs[name].write_scores(scores[name])
        write_report(runs[name], model)
    return scores
