"""What a rater reads. One place, so that it can be changed or translated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One protocol as a rater meets it; of `buttons` and `keys`, the left one comes first."""

    title: str
    instructions: str
    buttons: tuple[str, str]
    hints: tuple[str, str]
    keys: tuple[tuple[str, ...], tuple[str, ...]]  # as `KeyboardEvent.key` names them
    images: int  # in one trial


QUESTIONS = {
    "real_or_fake": Question(
        title="Real or fake?",
        instructions=(
            "You will see one image at a time. Half of them are real; half were made by a "
            "computer program. Decide for each one. If you cannot tell, guess."
        ),
        buttons=("Real", "Fake"),
        hints=("← or R", "→ or F"),
        keys=(("ArrowLeft", "r"), ("ArrowRight", "f")),
        images=1,
    ),
    "which_is_real": Question(
        title="Which one is real?",
        instructions=(
            "You will see two images at a time. One is real; the other was made by a computer "
            "program. Choose the real one. If you cannot tell, guess."
        ),
        buttons=("Left is real", "Right is real"),
        hints=("← or 1", "→ or 2"),
        keys=(("ArrowLeft", "1"), ("ArrowRight", "2")),
        images=2,
    ),
}


def exposure_text(exposure_ms: int | None) -> str:
    """What a rater is told about limited time; empty where there is no limit."""
    if exposure_ms is None:
        return ""
    seconds = f"{exposure_ms / 1000:g} second{'' if exposure_ms == 1000 else 's'}"
    return (
        f"Look at the cross: what you judge appears there for only {seconds} and is then "
        "covered. You may take your time to answer."
    )
