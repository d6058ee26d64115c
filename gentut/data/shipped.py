"""Where the files are that ship with gentut."""

from pathlib import Path


def data_path(relative: str) -> Path:
    """Return the path of a file that ships with gentut: in the installed package or the checkout.

    Raises:
        FileNotFoundError: it is in neither.
    """
    package = Path(__file__).resolve().parents[1]
    for root in (package / "_data", package.parent / "data"):
        if (root / relative).exists():
            return root / relative
    raise FileNotFoundError(f"gentut's own file 'data/{relative}' is missing; reinstall gentut.")
