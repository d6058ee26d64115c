"""The exercises of notebook 04 (evaluation)."""

from gentut.exercises.judge import Exercise

EXERCISES: dict[str, Exercise] = {}
