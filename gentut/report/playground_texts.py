"""What the playground says, in each language.

What its page and scripts hold as ``{{name}}`` is put in as it stands: into the page as HTML, into a
script as the inside of a string or of a template, whose ``${}`` are values of the script.
"""

from typing import Any

from gentut.report.words import playground_en, playground_zh

WORDS: dict[str, dict[str, Any]] = {
    "en": playground_en.WORDS,
    "zh": playground_zh.WORDS,
}
