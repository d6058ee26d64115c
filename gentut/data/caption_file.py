"""captions.csv, the texts of the images in a user's own folder."""

import csv
import io
import unicodedata
from collections.abc import Collection
from pathlib import Path

NAME, COLUMNS = "captions.csv", ("file", "text")
LISTED = 10  # faults that a message names, at most


def read(folder: Path, images: Collection[str]) -> dict[str, str]:
    """Read the text of each image.

    Args:
        folder: holds the file.
        images: all images in the folder, each by its path inside it (``cats/1.png``).

    Returns:
        Text of each image, white space at its ends removed and line breaks turned into spaces.

    Raises:
        FileNotFoundError: there is no captions.csv.
        ValueError: it is no UTF-8 or no CSV, a column or a text is missing, or it does not name
            every image once; all such lines are named.
    """
    path = folder / NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"`name_or_folder` must hold {NAME} (columns file,text); received {str(folder)!r},"
            " which does not."
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].count(b"\n")
        raise ValueError(
            f"'{path}' must be UTF-8 text; line {before + 1} is not: save it as UTF-8."
        ) from error
    # Not `splitlines`, which also ends a line at signs that may stand inside a text.
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(
                f"'{path}' must have the columns file,text in line 1; {missing[0]!r} is missing,"
                f" received {','.join(rows.fieldnames or ())[:100]!r}."
            )
        texts, faults = _collect(rows, images)
    except csv.Error as error:
        raise ValueError(f"'{path}', line {rows.line_num}: {error}.") from error
    faults += [f"no line names {image!r}" for image in sorted(set(images) - texts.keys())]
    if faults:
        more = f"; and {len(faults) - LISTED} more" if len(faults) > LISTED else ""
        raise ValueError(
            f"'{path}' must name every image of the folder once, with a text:"
            f" {'; '.join(faults[:LISTED])}{more}."
        )
    return texts


def _collect(rows, images):
    """The text of each image, and what is wrong with which line."""
    texts, line_of, faults = {}, {}, []
    for row in rows:
        line = f"line {rows.line_num}"
        image = unicodedata.normalize("NFC", (row["file"] or "").strip())
        text = " ".join((row["text"] or "").split())
        if image not in images:
            faults.append(f"{line}: no PNG, JPEG or WebP image {image!r}")
        elif image in texts:
            faults.append(f"{line}: {image!r} is in {line_of[image]} already")
        elif None in row:
            faults.append(f"{line}: more values than columns (a text with commas needs quotes)")
        elif not text:
            faults.append(f"{line}: no text for {image!r}")
        if image in images:
            line_of.setdefault(image, line)
            texts.setdefault(image, text)
    return texts, faults
