"""The exercises of notebook 02 (GANs)."""

from gentut.exercises.judge import Exercise

EXERCISES: dict[str, Exercise] = {}
