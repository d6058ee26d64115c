"""The judge of exercise 08.15: a chain of models, each fed by the one before, is watched."""

import numpy as np

from gentut.notebook.exercises.judge import Mistake, as_array, call, check_form, near


class _Chain:
    """``fit`` and ``draw`` of a model of numbers, which remember what goes in and comes out."""

    def __init__(self, real, rng):
        self.real, self.rng, self.fed, self.drawn = real, rng, [], []

    def fit(self, numbers):
        self.fed.append(np.array(numbers, float).ravel())
        self.drawn.append([])
        return len(self.fed)

    def draw(self, model, count):
        if not isinstance(model, int) or not 0 < model <= len(self.fed):
            raise TypeError("draw takes what fit has returned, and how many numbers")
        x = 0.6**model * self.rng.normal(size=int(count))
        self.drawn[model - 1].append(x)
        return x.copy()

    def all_of(self, generation):
        return np.concatenate([np.empty(0), *self.drawn[generation]])


def judge_chain(answer: object, rng: np.random.Generator) -> None:
    """Raise ``Mistake`` unless the answer's chain is fed and measured as the exercise asks."""
    returns = "a list of spreads, one for each generation"
    for generations in (4, 6):
        real = rng.normal(size=64 * int(rng.integers(2, 5)) + int(rng.integers(8, 56)))
        chain = _Chain(real, rng)
        spread = call(answer, (real, chain.fit, chain.draw, generations), returns)
        spread = as_array(spread, f"expected a function that returns {returns}")
        check_form(spread, np.zeros(generations), returns)
        _check_food(chain, generations)
        _check_spread(spread, chain, generations)


def _check_food(chain, generations):
    """Raise ``Mistake`` unless each generation learned from the one before, and from it alone."""
    n, fed = len(chain.real), chain.fed
    if len(fed) == 1:
        raise Mistake("One model was fitted, once: each generation needs a fit of its own.")
    if not fed or len(fed[0]) != n or not np.isin(fed[0], chain.real).all():
        raise Mistake("The first generation learns from the real numbers, all of them.")
    if all(np.isin(each, chain.real).all() for each in fed):
        raise Mistake("Every generation learns from the real numbers alone: nothing is fed back.")
    for g in range(1, len(fed)):
        if len(fed[g]) > n:
            raise Mistake(
                f"Generation {g + 1} learns from {len(fed[g])} numbers in place of {n}: that chain"
                " accumulates, and this one should replace."
            )
        real = np.isin(fed[g], chain.real).sum()
        if real == n % 64:
            raise Mistake(
                f"Still {real} of the {n} numbers that generation {g + 1} learns from are real."
                " Where in the array do they lie, and why does nothing overwrite them?"
            )
        if real:
            raise Mistake(
                f"{real} of the {n} numbers that generation {g + 1} learns from are real: the chain"
                " that replaces has none."
            )
        own = np.isin(fed[g], chain.all_of(g - 1)).sum()
        if own < len(fed[g]):
            raise Mistake(
                f"{len(fed[g]) - own} of the numbers that generation {g + 1} learns from were not"
                f" drawn by generation {g}."
            )
        if len(np.unique(fed[g])) < len(fed[g]):
            raise Mistake("Drawn numbers were repeated to fill the array: draw as many as needed.")
        if len(fed[g]) < n:
            raise Mistake(
                f"Generation {g + 1} learns from {len(fed[g])} numbers, the first from {n}. Fewer"
                " numbers lose their spread faster: that would be a second cause."
            )
    if len(fed) != generations:
        raise Mistake(f"{generations} generations were asked for, {len(fed)} were fitted.")


def _check_spread(spread, chain, generations):
    n = len(chain.real)
    drawn = [chain.all_of(g) for g in range(generations)]
    if any(len(x) < n for x in drawn):
        raise Mistake("The last generation draws its numbers, too; its spread is the last entry.")
    right = np.array([x[:n].std() for x in drawn])  # who cuts elsewhere is a little off

    def is_like(other):
        return near(spread / other, np.ones(generations), 0.15)

    if is_like(right):
        return
    if is_like(np.array([chain.real.std(), *right[:-1]])):
        raise Mistake("One early: the first entry is the spread of the *real* numbers.")
    if is_like(right**2):
        raise Mistake("These are variances; the spread is the standard deviation, their root.")
    raise Mistake("The chain is right. Its entries must be the `.std()` of what each model drew.")
