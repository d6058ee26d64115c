"""The exercises of notebook 09 (questions and answers)."""

from gentut.exercises.judge import Exercise

EXERCISES: dict[str, Exercise] = {}
