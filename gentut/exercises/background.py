"""The exercises of notebook 01 (background)."""

from gentut.exercises.judge import Exercise

EXERCISES: dict[str, Exercise] = {}
