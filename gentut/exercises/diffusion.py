"""The exercises of notebook 06 (diffusion and flows)."""

from gentut.exercises.judge import Exercise

EXERCISES: dict[str, Exercise] = {}
