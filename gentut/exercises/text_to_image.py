"""The exercises of notebook 07 (text to image)."""

from gentut.exercises.judge import Exercise

EXERCISES: dict[str, Exercise] = {}
