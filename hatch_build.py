"""Hands the README to the package with full addresses: an index shows it far from its files.

The address is the one that ``make address URL=…`` writes into ``[project.urls]``.  Where none is
set, the README goes along as it is.
"""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

PLACE = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")  # of a picture or a link


def with_addresses(text: str, source: str) -> str:
    """Markdown whose pictures and links name files of a repository, by their address there."""

    def full(found: re.Match) -> str:
        mark, words, place = found.groups()
        return f"{mark}[{words}]({source}/{'raw' if mark else 'blob'}/HEAD/{place})"

    return PLACE.sub(full, text) if source else text


class CustomMetadataHook(MetadataHookInterface):
    def update(self, metadata: dict) -> None:
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = with_addresses(text, metadata.get("urls", {}).get("Source", ""))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
