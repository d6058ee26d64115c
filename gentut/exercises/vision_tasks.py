"""The exercises of notebook 05 (vision tasks)."""

from gentut.exercises.judge import Exercise

EXERCISES: dict[str, Exercise] = {}
