"""The exercises of notebook 08 (trends)."""

from gentut.exercises.judge import Exercise

EXERCISES: dict[str, Exercise] = {}
